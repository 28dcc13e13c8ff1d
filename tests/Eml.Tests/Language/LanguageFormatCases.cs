using System.Runtime.InteropServices;
using Eml.Formats.Language;
using Eml.Language;

namespace Eml.Tests.Language;

/// <summary>Checkpoints for the tests of formats.</summary>
internal static class LanguageFormatCases
{
    public const string Training = """{"steps":371,"note":"größer \"quoted\" \\ \u00e9","loss":[3.25,null]}""";

    public static readonly LanguageFormat[] Formats = [LanguageFormat.Json, LanguageFormat.Safetensors, LanguageFormat.Protobuf, LanguageFormat.Npz];

    public static byte[] Read(string name) => File.ReadAllBytes(Golden.PathOf("lm", name));

    /// <summary>A golden model.</summary>
    public static LanguageWeights Weights(string model, string variant) => LanguageSafetensors.Read(Read($"{model}.{variant}.safetensors"), Config(model));

    public static ReadOnlyMemory<byte> Config(string model)
    {
        using var golden = System.Text.Json.JsonDocument.Parse(Read($"{model}.json"));
        return System.Text.Encoding.UTF8.GetBytes(golden.RootElement.At("config").GetRawText());
    }

    /// <summary>The bytes and one merge more.</summary>
    public static Tokenizer Tokenizer() => new([.. Enumerable.Range(0, 256).Select(b => new[] { (byte)b }), [104, 105]], new Dictionary<string, int> { ["<|end|>"] = 257 }, "<|end|>");

    /// <summary>A model as small as the tokenizer allows.</summary>
    public static LanguageCheckpoint Small(WeightType type)
    {
        var config = new LanguageConfig
        {
            VocabularySize = 258,
            Layers = 1,
            ModelWidth = 32,
            Heads = 2,
            KeyValueHeads = 1,
            HeadWidth = 4,
            HiddenWidth = 5,
            SequenceLength = 8,
            WindowPattern = "L",
            Activation = LanguageActivation.Eml,
        };
        var random = new Random(3);
        LanguageTensor[] tensors = [.. config.Tensors().Select(tensor =>
        {
            float[] values = [.. Enumerable.Range(0, tensor.Shape.Aggregate(1, (size, n) => size * n)).Select(_ => (float)(random.NextDouble() - 0.5))];
            return LanguageQuantizer.Convert(new LanguageTensor(tensor.Name, WeightType.F32, tensor.Shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray()), type);
        })];
        return new LanguageCheckpoint(LanguageWeights.Create(config, tensors), Tokenizer(), Training);
    }

    public static byte[] Bytes(LanguageCheckpoint checkpoint, LanguageFormat format)
    {
        using var stream = new MemoryStream();
        LanguageFile.Write(checkpoint, format, stream);
        return stream.ToArray();
    }

    public static void AssertSame(LanguageWeights expected, LanguageWeights actual)
    {
        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal(expected.Tensors.Count, actual.Tensors.Count);
        for (int i = 0; i < expected.Tensors.Count; i++)
        {
            AssertSame(expected.Tensors[i], actual.Tensors[i]);
        }
    }

    public static void AssertSame(LanguageTensor expected, LanguageTensor actual)
    {
        Assert.Equal(expected.Name, actual.Name);
        Assert.Equal(expected.Type, actual.Type);
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.True(expected.Data.Span.SequenceEqual(actual.Data.Span), $"{expected.Name}: the numbers differ");
        Assert.True(MemoryMarshal.AsBytes(expected.Scales.Span).SequenceEqual(MemoryMarshal.AsBytes(actual.Scales.Span)), $"{expected.Name}: the scales differ");
    }
}
