using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Language;

/// <summary>Parity sidecars.</summary>
public sealed class LanguageFormatParityTests(ITestOutputHelper output)
{
    public static TheoryData<string, string, double> Models()
    {
        var models = new TheoryData<string, string, double>();
        foreach ((string model, double tolerance) in new[] { ("tiny-a", 5e-4), ("tiny-b", 5e-5), ("tiny-a-relu2", 5e-5) })
        {
            foreach (string variant in new[] { "f32", "bf16", "int8" })
            {
                if (File.Exists(Golden.PathOf("lm", $"{model}.{variant}.safetensors")))
                {
                    models.Add(model, variant, tolerance);
                }
            }
        }
        return models;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Golden_models_answer_as_the_reference(string model, string variant, double tolerance)
    {
        LanguageWeights weights = LanguageFormatCases.Weights(model, variant);
        LanguageParity sidecar = Sidecar(model, variant) with { Tolerance = tolerance };
        LanguageParityResult all = LanguageParity.Read(sidecar.Write()).Check(weights);
        output.WriteLine($"{model} {variant}: {all.LargestDeviation}");
        Assert.True(all.IsRight, $"{all}");
        Assert.True(all.LargestDeviation > 0.0);

        int vocabulary = weights.Config.VocabularySize;
        LanguageParity last = sidecar with { Logits = [.. sidecar.Logits.Skip(sidecar.Logits.Count - vocabulary)] };
        Assert.True(last.Check(weights).IsRight);
        Assert.True(last.Check(weights).LargestDeviation <= all.LargestDeviation);
    }

    [Fact]
    public void What_is_wrong_is_found()
    {
        LanguageWeights weights = LanguageFormatCases.Weights("tiny-b", "f32");
        LanguageParity sidecar = Sidecar("tiny-b", "f32");
        double[] logits = [.. sidecar.Logits];
        logits[^7] += 0.001;
        LanguageParityResult moved = (sidecar with { Logits = logits }).Check(weights);
        Assert.False(moved.IsRight);
        Assert.Equal(0.001, moved.LargestDeviation, 4);
        Assert.Null(moved.DifferingIndex);

        int[] greedy = [.. sidecar.Greedy];
        greedy[5] ^= 1;
        LanguageParityResult other = (sidecar with { Greedy = greedy }).Check(weights);
        Assert.False(other.IsRight);
        Assert.Equal((5, sidecar.Greedy[5]), (other.DifferingIndex, other.DifferingToken));

        // Other weights give other logits.
        Assert.False(sidecar.Check(LanguageFormatCases.Weights("tiny-b", "int8")).IsRight);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_agrees_with_itself(bool all)
    {
        LanguageWeights weights = LanguageFormatCases.Weights("tiny-b", "int8");
        LanguageParity made = LanguageParity.Make(weights, [1, 2, 3], 20, all);
        Assert.Equal((3, 20, all ? 900 : 300), (made.Tokens.Count, made.Greedy.Count, made.Logits.Count));
        LanguageParity back = LanguageParity.Read(made.Write());
        Assert.Equal(made.Write(), back.Write());
        Assert.Equal(new LanguageParityResult(0.0, null, null, true), back.Check(weights));
    }

    [Theory]
    [InlineData("""{"tokens":[]}""", FormatError.Value)]
    [InlineData("""{"tokens":[1.5]}""", FormatError.BadNumber)]
    [InlineData("""{"tokens":[4294967296]}""", FormatError.Value)]
    [InlineData("""{"tokens":3}""", FormatError.Value)]
    [InlineData("""{"greedy":[3]}""", FormatError.MissingField)]
    [InlineData("""{"tokens":[1],"logits":{}}""", FormatError.BadNumber)]
    [InlineData("""{"tokens":[1],"tolerance":-1}""", FormatError.Value)]
    [InlineData("""{"tokens":[1],"more":1}""", FormatError.UnknownField)]
    [InlineData("""[1]""", FormatError.Kind)]
    [InlineData("""{"tokens":[1]""", FormatError.Json)]
    public void Bad_sidecars_are_refused(string text, FormatError error) =>
        Assert.Equal((int)error, Assert.Throws<EmlException>(() => LanguageParity.Read(System.Text.Encoding.UTF8.GetBytes(text))).SubCode);

    [Fact]
    public void Sidecars_of_other_models_are_refused()
    {
        LanguageWeights weights = LanguageFormatCases.Weights("tiny-b", "f32");
        Assert.Equal(ErrorCode.Shape, Assert.Throws<EmlException>(() => new LanguageParity { Tokens = [1, 2], Logits = [1.0] }.Check(weights)).Code);
        Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => new LanguageParity { Tokens = [300] }.Check(weights)).Code);
        Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => LanguageParity.Make(weights, [])).Code);
    }

    private static LanguageParity Sidecar(string model, string variant)
    {
        using var golden = JsonDocument.Parse(LanguageFormatCases.Read($"{model}.json"));
        var expected = new SafetensorsReader(LanguageFormatCases.Read($"{model}.expected.safetensors"));
        return new LanguageParity
        {
            Tokens = [.. golden.RootElement.Doubles("tokens").Select(token => (int)token)],
            Greedy = [.. golden.RootElement.At("variants").At(variant).Doubles("greedy").Select(token => (int)token)],
            Logits = expected.Doubles(expected.Header.Tensors.Single(tensor => tensor.Name == $"{variant}.logits")),
        };
    }
}
