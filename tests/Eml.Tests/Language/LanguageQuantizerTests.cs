using System.Runtime.InteropServices;
using System.Text.Json;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Tests.Language;

/// <summary>Weights in other types, bit for bit as the golden files have them.</summary>
public sealed class LanguageQuantizerTests
{
    public static TheoryData<string> Models()
    {
        var models = new TheoryData<string>();
        foreach (string model in new[] { "tiny-a", "tiny-b" })
        {
            if (File.Exists(Golden.PathOf("lm", $"{model}.int8.safetensors")))
            {
                models.Add(model);
            }
        }
        return models;
    }

    [Fact]
    public void Rows_are_those_of_the_reference()
    {
        using var golden = JsonDocument.Parse(LanguageFormatCases.Read("int8.json"));
        int rows = 0;
        foreach (JsonElement row in golden.RootElement.Array("rows"))
        {
            float[] weights = [.. row.Doubles("w").Select(w => (float)w)];
            sbyte[] bytes = new sbyte[weights.Length];
            float scale = LanguageQuantizer.ToBytes(weights, bytes);
            Assert.Equal(BitConverter.SingleToInt32Bits((float)row.At("scale").GetDouble()), BitConverter.SingleToInt32Bits(scale));
            Assert.Equal(row.Doubles("q").Select(q => (sbyte)q), bytes);
            var stored = new LanguageTensor("x", WeightType.I8, [1, weights.Length], MemoryMarshal.AsBytes(bytes.AsSpan()).ToArray(), new[] { scale });
            Assert.Equal(row.Doubles("dequant").Select(w => (float)w), MemoryMarshal.Cast<byte, float>(LanguageQuantizer.Convert(stored, WeightType.F32).Data.Span).ToArray());
            rows++;
        }
        Assert.True(rows > 3);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Models_are_those_of_the_reference(string model)
    {
        LanguageWeights floats = LanguageFormatCases.Weights(model, "f32"), half = LanguageFormatCases.Weights(model, "bf16"), bytes = LanguageFormatCases.Weights(model, "int8");
        LanguageFormatCases.AssertSame(half, LanguageQuantizer.Convert(floats, WeightType.BF16));
        LanguageFormatCases.AssertSame(bytes, LanguageQuantizer.Convert(floats, WeightType.I8));
        LanguageFormatCases.AssertSame(half, LanguageQuantizer.Convert(LanguageQuantizer.Convert(half, WeightType.F32), WeightType.BF16));
        Assert.Same(floats, LanguageQuantizer.Convert(floats, WeightType.F32));
    }

    [Fact]
    public void Rows_too_small_for_a_scale_become_zeros()
    {
        sbyte[] bytes = [9, 9];
        Assert.Equal(1.0f, LanguageQuantizer.ToBytes([float.Epsilon, 0.0f], bytes));
        Assert.Equal([0, 0], bytes);
        // A subnormal scale that was rounded down: the quotient is past 127.
        LanguageQuantizer.ToBytes([170 * float.Epsilon, -170 * float.Epsilon], bytes);
        Assert.Equal([127, -127], bytes);
    }

    [Fact]
    public void Bfloat16_rounds_to_even_and_refuses_what_is_too_large()
    {
        float[] numbers = [BitConverter.UInt32BitsToSingle(0x3F808000), BitConverter.UInt32BitsToSingle(0x3F818000), BitConverter.UInt32BitsToSingle(0x3F808001), -0.0f];
        var tensor = new LanguageTensor("x", WeightType.F32, [1, 4], MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray());
        Assert.Equal([0x3F80, 0x3F82, 0x3F81, 0x8000], MemoryMarshal.Cast<byte, ushort>(LanguageQuantizer.Convert(tensor, WeightType.BF16).Data.Span).ToArray().Select(n => (int)n));

        LanguageWeights small = LanguageFormatCases.Small(WeightType.F32).Weights;
        LanguageTensor[] large = [.. small.Tensors.Select(t => t.Name == "wte.weight" ? t with { Data = Largest(t.Data.Length) } : t)];
        LanguageWeights weights = LanguageWeights.Create(small.Config, large);
        Assert.Equal(ErrorCode.NonFinite, Assert.Throws<EmlException>(() => LanguageQuantizer.Convert(weights, WeightType.BF16)).Code);
    }

    private static byte[] Largest(int bytes)
    {
        byte[] data = new byte[bytes];
        MemoryMarshal.Cast<byte, float>(data.AsSpan()).Fill(float.MaxValue);
        return data;
    }
}
