using Eml.Machine.Transformer;

namespace Eml.Tests.Machine;

/// <summary>Compares all that two engines computed in one step.</summary>
internal static class Probes
{
    public static void AssertEqual(StepProbe expected, StepProbe actual, string where)
    {
        AssertNumbers(expected.Stream, actual.Stream, $"{where}: stream");
        AssertNumbers(expected.Units, actual.Units, $"{where}: units");
        for (int layer = 0; layer < expected.Winners.Length; layer++)
        {
            Assert.True(expected.Winners[layer].AsSpan().SequenceEqual(actual.Winners[layer]),
                $"{where}: winners of layer {layer}: {string.Join(' ', expected.Winners[layer])}, got {string.Join(' ', actual.Winners[layer])}");
            AssertNumbers(expected.HeadValues[layer], actual.HeadValues[layer], $"{where}: head values of layer {layer}");
        }
    }

    /// <summary>The same numbers; 0 and -0 are.</summary>
    private static void AssertNumbers(double[] expected, double[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (expected[i] != actual[i])
            {
                Assert.Fail($"{what}[{i}]: {actual[i]} instead of {expected[i]}");
            }
        }
    }
}
