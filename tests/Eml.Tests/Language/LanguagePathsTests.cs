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

    [Fact]
    public void A_training_step_has_the_same_bits()
    {
        using var trainer = new LanguageTrainer(Tiny("f32"), new TrainerOptions { SequenceLength = 20, GroupTokens = 20, Threads = 2 });
        int[] row = [.. Enumerable.Range(0, 21).Select(i => i * 37 % 300)];
        trainer.Step(row.AsSpan(0, 20), row.AsSpan(1, 20), 1.0);
        Assert.Equal("a62fb4fcf986c8eb0f66b5b664f56c12861f142b", Hash([.. trainer.State().SelectMany(tensor => tensor.Values)]));
    }

    private static LanguageWeights Tiny(string variant)
    {
        JsonElement golden = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("lm", "tiny-b.json"))).RootElement;
        return LanguageSafetensors.Read(File.ReadAllBytes(Golden.PathOf("lm", $"tiny-b.{variant}.safetensors")), Encoding.UTF8.GetBytes(golden.At("config").GetRawText()));
    }

    private static string Hash(float[] numbers) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(numbers.AsSpan())))[..40];
}
