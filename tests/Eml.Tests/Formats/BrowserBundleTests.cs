using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

public sealed class BrowserBundleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eml-bundle-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_new_blocks_bundle_is_what_the_page_downloads()
    {
        foreach (JsonElement run in Golden.EmlCore("browser_export.json").Array("runs"))
        {
            JsonElement c = run.At("config");
            var block = BrowserBlock.Eml(new BrowserConfig
            {
                SeqLen = c.Int("seq_len"),
                DModel = c.Int("d_model"),
                DK = c.Int("d_k"),
                Depth = c.Int("depth"),
                Seed = c.At("seed").GetUInt32(),
            });
            var bundle = BrowserBundle.Of(block, 1750000000.123);
            (string Name, byte[] Bytes)[] files = [.. bundle.Files(FileFormat.Browser)];
            Assert.Equal(run.At("init_bundle").EnumerateObject().Select(file => file.Name), files.Select(file => file.Name));
            foreach ((string name, byte[] bytes) in files)
            {
                JsonElement file = run.At("init_bundle").At(name);
                Assert.Equal(file.Int("download_len"), bytes.Length);
                Assert.Equal(file.At("download_sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
                Assert.True(!file.TryGetProperty("download_text", out JsonElement text) || text.GetString() == Encoding.UTF8.GetString(bytes));
            }

            Assert.Equal(files.Select(file => Path.Join(_folder, file.Name)), bundle.Save(_folder));
            BrowserBlock back = BrowserBundle.Load(_folder).ToBlock(block.SeqLen);
            Assert.Equal((block.SeqLen, block.DModel, block.DK, block.Depth), (back.SeqLen, back.DModel, back.DK, back.Depth));
            for (int m = 0; m < files.Length; m++)
            {
                Models.AssertSame(block.Maps[m], back.Maps[m]);
            }

            Refused.As(ErrorCode.Shape, () => BrowserBundle.Load(_folder).ToBlock(3));
        }
    }

    [Fact]
    public void A_bundle_carries_the_training_and_converts_to_trees()
    {
        var run = BrowserRun.Start(new BrowserConfig { SeqLen = 2, DModel = 2, DK = 1, Samples = 8, Rounds = 2 }, BrowserMode.Output);
        BrowserBlock block = run.Eml!.Block;
        var bundle = BrowserBundle.Of(block, 5, "toy");
        bundle.Save(_folder);
        var back = BrowserBundle.Load(_folder, "toy");
        Assert.Equal(["toy_q", "toy_k", "toy_v", "toy_out"], back.Exports.Select(export => export.ModelName));
        Assert.All(back.Exports.Take(3), export => Assert.Equal((false, double.PositiveInfinity), (export.Trained, export.Mse)));
        Assert.Equal((block.OutputTrained, run.Eml.Training.Curve[^1], 5.0),
            (back.Exports[3].Trained, back.Exports[3].Mse, back.Exports[3].Timestamp));
        Assert.Equal(block.OutputLoss, back.ToBlock(2).OutputLoss);

        foreach (FileFormat format in new[] { FileFormat.Json, FileFormat.Safetensors, FileFormat.Protobuf })
        {
            (string Name, byte[] Bytes)[] files = [.. bundle.Files(format)];
            for (int m = 0; m < files.Length; m++)
            {
                Models.AssertSame(block.Maps[m], ModelFile.ReadSafeTree(files[m].Bytes, ModelFile.FromPath(files[m].Name)));
            }
        }

        Assert.StartsWith("{\"depth\":3,\"inputs\":4,\"heads\":2,\"params\":[",
            Encoding.UTF8.GetString(bundle.Files(FileFormat.Json).First().Bytes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_bundle_is_refused_with_the_files_name()
    {
        string key = Path.Join(_folder, "eml_attention_toy_k.json");
        BrowserBundle.Of(BrowserBlock.Eml(new BrowserConfig()), 0).Save(_folder);
        File.WriteAllText(key, "{");
        Assert.Contains(key, Refused.As(FormatError.Json, () => BrowserBundle.Load(_folder)).Message, StringComparison.Ordinal);
        File.Copy(Path.Join(_folder, "eml_attention_toy_out.json"), key, overwrite: true);
        Refused.As(ErrorCode.Shape, () => BrowserBundle.Load(_folder).ToBlock(4));
        File.Delete(key);
        Assert.Contains(key, Refused.As(ErrorCode.Io, () => BrowserBundle.Load(_folder)).Message, StringComparison.Ordinal);
    }
}
