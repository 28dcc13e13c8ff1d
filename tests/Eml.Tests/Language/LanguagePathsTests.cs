using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Eml.Formats.Language;
using Eml.Language;

namespace Eml.Tests.Language;

/// <summary>The same bits for every vector width: pinned hashes, which each run with another width compares.</summary>
[Trait("Category", "Paths")]
public sealed class LanguagePathsTests
{
    [Theory]
    [InlineData("f32", "6a62cf2309086d5959a149013b766dcdc10105e8")]
    [InlineData("bf16", "a14a3179f77b23b4538b147333f0e1b1c9be67b4")]
    [InlineData("int8", "8364f12b0a93794dd78b939a84242877c4ea165b")]
    public void Logits_have_the_same_bits(string variant, string hash)
    {
        LanguageWeights weights = Tiny(variant);
        using var session = new LanguageSession(weights, threads: 2);
        int[] tokens = [.. Enumerable.Range(0, 21).Select(i => i * 37 % 300)];
        float[] logits = new float[tokens.Length * weights.Config.VocabularySize];
        session.ReadAll(tokens, logits);
        Assert.Equal(hash, Hash(logits));
    }

    /// <summary>Widths that fill the largest steps of all kernels, alone and together.</summary>
    [Theory]
    [InlineData(WeightType.F32, "66d0f821bcf1917fc42cb24d01c2ad3fbdd6600a")]
    [InlineData(WeightType.BF16, "0c8a64dcfe50fdee5b5839713e6c1b4e89465b81")]
    [InlineData(WeightType.I8, "73d2e8cbfae5d67450fe67f5c971c73dbad86d37")]
    public void Wider_matrices_have_the_same_bits_token_by_token_and_together(WeightType type, string hash)
    {
        var config = new LanguageConfig
        {
            VocabularySize = 100,
            Layers = 2,
            ModelWidth = 64,
            Heads = 2,
            KeyValueHeads = 1,
            HeadWidth = 32,
            HiddenWidth = 1024,
            SequenceLength = 32,
            Activation = LanguageActivation.Eml,
        };
        var random = new Random(5);
        LanguageWeights weights = LanguageQuantizer.Convert(LanguageWeights.Create(config, config.Tensors().Select(tensor => new LanguageTensor(tensor.Name, WeightType.F32, tensor.Shape,
            MemoryMarshal.AsBytes(Enumerable.Range(0, tensor.Shape.Aggregate(1, (size, n) => size * n)).Select(_ => random.NextSingle() * 0.2f).ToArray().AsSpan()).ToArray()))), type);
        int[] tokens = [.. Enumerable.Range(0, 23).Select(i => i * 37 % 100)];
        float[] together = new float[tokens.Length * 100], alone = new float[tokens.Length * 100];
        using var session = new LanguageSession(weights, threads: 2);
        session.ReadAll(tokens, together);
        using var other = new LanguageSession(weights, threads: 1);
        for (int i = 0; i < tokens.Length; i++)
        {
            other.Read(tokens.AsSpan(i, 1), alone.AsSpan(100 * i, 100));
        }
        Assert.Equal(Hash(together), Hash(alone));
        Assert.Equal(hash, Hash(together));
    }

    [Theory]
    [InlineData(Optimizer.AdamW, "a62fb4fcf986c8eb0f66b5b664f56c12861f142b")]
    [InlineData(Optimizer.Muon, "ff67eb11bab582653dfcc4d2fbbc533942286033")]
    public void A_training_step_has_the_same_bits(Optimizer optimizer, string hash)
    {
        using var trainer = new LanguageTrainer(Tiny("f32"), new TrainerOptions { SequenceLength = 20, GroupTokens = 20, Threads = 2, Optimizer = optimizer });
        int[] row = [.. Enumerable.Range(0, 21).Select(i => i * 37 % 300)];
        trainer.Step(row.AsSpan(0, 20), row.AsSpan(1, 20), 1.0);
        Assert.Equal(hash, Hash([.. trainer.State().SelectMany(tensor => tensor.Values)]));
    }

    private static LanguageWeights Tiny(string variant)
    {
        JsonElement golden = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("lm", "tiny-b.json"))).RootElement;
        return LanguageSafetensors.Read(File.ReadAllBytes(Golden.PathOf("lm", $"tiny-b.{variant}.safetensors")), Encoding.UTF8.GetBytes(golden.At("config").GetRawText()));
    }

    private static string Hash(float[] numbers) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(numbers.AsSpan())))[..40];
}
