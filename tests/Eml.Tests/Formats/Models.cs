using Eml.Functions;

namespace Eml.Tests.Formats;

/// <summary>Models to be written and compared.</summary>
internal static class Models
{
    private static readonly double[] s_special =
    [
        0.0, -0.0, double.Epsilon, -double.Epsilon, 2.2250738585072009e-308, 2.2250738585072014e-308, double.MaxValue,
        double.MinValue, 1e16, 1e-5, 9.999999999999999e-6, 1e21, 1e-7, 0.1, 1.0 / 3,
    ];

    private static readonly string[] s_texts =
        ["x", "", "name", "q\"\\/\b\f\n\r\t\u0001\u007f", "θ∫😀", "\u2028", new string('l', 250), "\u0000inside"];

    /// <summary>A double with any finite bits, often a special one.</summary>
    public static double Number(Random random)
    {
        if (random.Next(4) == 0)
            return s_special[random.Next(s_special.Length)];

        double value;
        do
            value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
        while (!double.IsFinite(value));
        return value;
    }

    public static double[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => Number(random))];

    public static string Text(Random random) => s_texts[random.Next(s_texts.Length)];

    /// <summary>A model of a random shape with everything that may travel with it.</summary>
    public static EmlModel Model(Random random, Profile profile)
    {
        int inputs = random.Next(profile == Profile.EmlCore01 ? 0 : 1, 6), heads = random.Next(1, 5);
        var model = new EmlModel(random.Next(2, 6), inputs, heads, profile) { Trained = random.Next(2) == 0 };
        model.SetParameters(Numbers(random, model.ParameterCount));
        if (random.Next(2) == 0)
            model.Scaling = new Scaling(Numbers(random, inputs), Factors(random, inputs), Numbers(random, heads), Factors(random, heads));
        for (int i = random.Next(4); i > 0; i--)
            model.Metadata[Text(random)] = Text(random);
        // In eml-core's own text a name alone has no place.
        if (profile == Profile.Default || model.Scaling is not null || model.Metadata.Count > 0)
            model.Name = Text(random);
        return model;
    }

    /// <summary>A tree of a random shape, empty ones included.</summary>
    public static SafeTree Tree(Random random)
    {
        var tree = new SafeTree(random.Next(0, 5), random.Next(0, 5), random.Next(0, 5));
        tree.SetParameters(Numbers(random, tree.ParameterCount));
        return tree;
    }

    public static void AssertSame(EmlModel expected, EmlModel actual)
    {
        Assert.Equal((expected.Depth, expected.Inputs, expected.Heads, expected.Profile), (actual.Depth, actual.Inputs, actual.Heads, actual.Profile));
        Assert.Equal((expected.Trained, expected.Name), (actual.Trained, actual.Name));
        AssertBits(expected.Parameters, actual.Parameters);
        Assert.Equal(expected.Metadata, actual.Metadata);
        Assert.Equal(expected.Scaling is null, actual.Scaling is null);
        if (expected.Scaling is { } scaling)
        {
            AssertBits(scaling.InputOffset, actual.Scaling!.InputOffset);
            AssertBits(scaling.InputFactor, actual.Scaling.InputFactor);
            AssertBits(scaling.TargetOffset, actual.Scaling.TargetOffset);
            AssertBits(scaling.TargetFactor, actual.Scaling.TargetFactor);
        }
    }

    public static void AssertSame(SafeTree expected, SafeTree actual)
    {
        Assert.Equal((expected.Depth, expected.Inputs, expected.Heads), (actual.Depth, actual.Inputs, actual.Heads));
        AssertBits(expected.Parameters, actual.Parameters);
    }

    public static void AssertSame(object expected, object actual)
    {
        if (expected is EmlModel model)
            AssertSame(model, Assert.IsType<EmlModel>(actual));
        else
            AssertSame((SafeTree)expected, Assert.IsType<SafeTree>(actual));
    }

    private static void AssertBits(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual) =>
        Golden.AssertBits(expected.ToArray(), actual.ToArray(), "value");

    private static double[] Factors(Random random, int count) =>
        [.. Numbers(random, count).Select(factor => factor == 0 ? 1.5 : factor)];
}
