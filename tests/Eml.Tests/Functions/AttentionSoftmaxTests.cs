using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>The numerical softmax inside an attention block, with scores so far apart that terms become subnormal or 0.</summary>
public class AttentionSoftmaxTests
{
    private const int Rows = 8;
    private const int Draws = 3000;

    [Theory]
    [InlineData(1.0)]
    [InlineData(30.0)]
    [InlineData(600.0)]
    [InlineData(760.0)]
    [InlineData(1e5)]
    public void Weights_have_the_bits_of_the_scalar_formula(double spread)
    {
        var block = new BaselineAttention("softmax", 1, 1, Rows);
        var random = new Random(5);
        double[] query = new double[Rows], key = new double[Rows], x = new double[Rows], weights = new double[Rows];
        for (int draw = 0; draw < Draws; draw++)
        {
            for (int i = 0; i < Rows; i++)
            {
                query[i] = random.NextDouble();
                key[i] = random.Next(4) == 0 ? -spread : (random.NextDouble() - 0.5) * 2 * spread;
            }

            int column = draw % Rows;
            block.SetParameters(Parameters(query, key, column));
            block.Forward(x, 1, weights);
            for (int row = 0; row < Rows; row++)
            {
                double expected = Weight(query[row], key, column);
                Assert.True(BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(weights[row]),
                    $"draw {draw}, row {row}: {weights[row]:R} instead of {expected:R}");
            }
        }
    }

    private static double Weight(double query, double[] key, int column)
    {
        double[] scores = [.. key.Select(k => 0 + query * k)];
        double max = scores.Max(), sum = 0;
        foreach (double score in scores)
        {
            sum += Exp.Of(score - max);
        }

        return Exp.Of(scores[column] - max) / sum;
    }

    /// <summary>q and k are constants, v is 1 in one row, out is the identity: the block gives a column of the softmax.</summary>
    private static double[] Parameters(double[] query, double[] key, int column)
    {
        var parameters = new List<double>();
        double[] none = new double[Rows * Rows], value = new double[Rows], identity = new double[Rows * Rows];
        value[column] = 1;
        for (int i = 0; i < Rows; i++)
        {
            identity[i * Rows + i] = 1;
        }

        foreach ((double[] weights, double[] biases) in new[] { (none, query), (none, key), (none, value), (identity, new double[Rows]) })
        {
            parameters.AddRange(weights);
            parameters.AddRange(biases);
        }

        return [.. parameters];
    }
}
