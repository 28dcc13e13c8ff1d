using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>A row alone and the same row in a batch take different ways to the same bits, ordinary numbers or not.</summary>
[Trait("Category", "Paths")]
public sealed class RowAndBatchTests
{
    private static readonly double[] s_edges =
    [
        0, -0.0, 1, -1, 0.9375, 1.0625, 10, -10, 20, -20, 1e-300, 5e-324, -5e-324, 2.225073858507201e-308, 2.2250738585072014e-308,
        1e300, -1e300, double.MaxValue, double.PositiveInfinity, double.NegativeInfinity, double.NaN,
    ];

    [Theory]
    [InlineData(Profile.EmlCore01, 2, 1, 1)]
    [InlineData(Profile.EmlCore01, 2, 4, 9)]
    [InlineData(Profile.EmlCore01, 3, 7, 3)]
    [InlineData(Profile.EmlCore01, 4, 5, 2)]
    [InlineData(Profile.EmlCore01, 5, 16, 5)]
    [InlineData(Profile.Default, 2, 1, 1)]
    [InlineData(Profile.Default, 3, 7, 3)]
    [InlineData(Profile.Default, 4, 5, 2)]
    [InlineData(Profile.Default, 5, 16, 5)]
    public void ModelsAgree(Profile profile, int depth, int inputs, int heads)
    {
        var model = new EmlModel(depth, inputs, heads, profile);
        var random = new Random(depth);
        for (int round = 0; round < 50; round++)
        {
            model.SetParameters([.. Enumerable.Range(0, model.ParameterCount).Select(_ => round == 0 ? 0 : 4 * random.NextDouble() - 2)]);
            double[] x = Rows(random, inputs, rows: 37, round);
            double[] batch = new double[37 * heads], row = new double[heads];
            model.Forward(x, 37, batch, allowNonFinite: true);
            for (int i = 0; i < 37; i++)
            {
                model.Forward(x.AsSpan(i * inputs, inputs), 1, row, allowNonFinite: true);
                Assert.Equal(Bits(batch.AsSpan(i * heads, heads)), Bits(row));
            }
        }
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 1)]
    [InlineData(4, 9)]
    [InlineData(5, 40)]
    public void TreesAgree(int depth, int inputs)
    {
        var tree = new EmlTree(depth, inputs);
        var random = new Random(depth);
        for (int round = 0; round < 50; round++)
        {
            double[] parameters = [.. Enumerable.Range(0, tree.ParameterCount).Select(_ => 4 * random.NextDouble() - 2)];
            double[] x = Rows(random, inputs, rows: 21, round);
            double[] batch = new double[21], row = new double[1];
            tree.Evaluate(parameters, x, 21, batch, allowNonFinite: true);
            for (int i = 0; i < 21; i++)
            {
                tree.Evaluate(parameters, x.AsSpan(i * inputs, inputs), 1, row, allowNonFinite: true);
                Assert.Equal(Bits(batch.AsSpan(i, 1)), Bits(row));
            }
        }
    }

    [Fact]
    public void NanOnEitherSideOfANodeOfTheDefaultProfileStaysNan()
    {
        // One node, exp(l) − ln(1 + r²): sides that are ∞ − ∞, and sides that overflow without becoming NaN. The inputs are
        // finite: the head's 0 times an infinite one would be NaN whatever the node gives.
        var model = new EmlModel(2, 2, 1, Profile.Default);
        const double huge = double.MaxValue;
        (double[] Sides, double[] X, double Y)[] cases =
        [
            ([0, 0, 0, 0, 2, -2], [huge, huge], double.NaN),
            ([0, 2, -2, 0, 0, 0], [huge, huge], double.NaN),
            ([0, 2, -2, 0, 2, -2], [huge, huge], double.NaN),
            ([0, 0, 0, 0, 2, 0], [huge, 0], 1 - Ln.Of(1 + 1e12)),
            ([0, 0, 0, 0, 2, 0], [-huge, 0], 1 - Ln.Of(1 + 1e12)),
            ([0, 2, 0, 0, 0, 0], [-huge, 0], Exp.Of(-20)),
        ];
        foreach ((double[] sides, double[] x, double expected) in cases)
        {
            model.SetParameters([.. sides, 0, 0, 0, 1]);
            const int rows = 19;
            double[] batch = new double[rows], row = new double[1];
            model.Forward([.. Enumerable.Repeat(x, rows).SelectMany(v => v)], rows, batch);
            model.Forward(x, 1, row);
            Assert.All((double[])[.. batch, .. row], y => Assert.Equal(Bits([expected]), Bits([y])));
        }
    }

    [Fact]
    public void ArgumentsOfLnThatAreNotPositiveCountAsTheSmallestNormalNumber()
    {
        // All parameters 0: each leaf's sides are (1 + x0 + x1)/3, so that x0 = x1 = x gives exp(s) − ln(s) at first.
        var model = new EmlModel(2, 1, 1, Profile.EmlCore01);
        double third = Operator.Softmax3(0, 0, 0).Alpha;
        foreach (double x in s_edges.Where(double.IsFinite))
        {
            double side = Math.Clamp(third + third * x + third * x, -10, 10);
            double leaf = Operator.EmlSafe(side, side);
            double blend = 0 + 0 * leaf + 1 * leaf;
            double expected = Math.Max(Operator.EmlSafe(Math.Clamp(blend, -10, 10), Math.Clamp(blend, 0.01, 10)), 0);
            double[] y = new double[1];
            model.Forward([x], 1, y);
            Assert.Equal(Bits([expected]), Bits(y));
        }
    }

    private static double[] Rows(Random random, int inputs, int rows, int round) =>
        [.. Enumerable.Range(0, inputs * rows).Select(_ => round % 3 == 0 ? s_edges[random.Next(s_edges.Length)]
            : round % 3 == 1 ? random.NextDouble() : 1e3 * (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-300, 300)))];

    private static ulong[] Bits(ReadOnlySpan<double> values)
    {
        ulong[] bits = new ulong[values.Length];
        for (int i = 0; i < bits.Length; i++)
        {
            // The sign and payload of a NaN depend on which operand the processor took it from.
            bits[i] = double.IsNaN(values[i]) ? 0x7ff8000000000000 : BitConverter.DoubleToUInt64Bits(values[i]);
        }

        return bits;
    }
}
