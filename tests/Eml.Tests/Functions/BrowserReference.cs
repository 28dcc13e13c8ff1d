using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>
/// The browser trainer as its definition reads, number after number and everything anew in each trial: slow, and what the
/// engine has to agree with to the last bit.
/// </summary>
internal sealed class BrowserReference
{
    private readonly int _seqLen, _dModel, _dK;
    private readonly SafeTree[] _maps;
    private readonly double[][] _parameters;

    public BrowserReference(BrowserBlock block)
    {
        (_seqLen, _dModel, _dK) = (block.SeqLen, block.DModel, block.DK);
        _maps = block.Maps.ToArray();
        _parameters = [.. _maps.Select(map => map.Parameters.ToArray())];
    }

    public double[] Parameters => [.. _parameters.SelectMany(p => p)];

    public double[] Forward(ReadOnlySpan<double> x)
    {
        double[] row = x.ToArray();
        double[] q = Map(0, row), k = Map(1, row), v = Map(2, row), context = new double[_seqLen * _dK];
        for (int i = 0; i < _seqLen; i++)
        {
            double[] scores = new double[_seqLen];
            for (int j = 0; j < _seqLen; j++)
            {
                for (int r = 0; r < _dK; r++)
                {
                    scores[j] += q[i * _dK + r] * k[j * _dK + r];
                }

                scores[j] *= 1 / Math.Sqrt(_dK);
            }

            double max = scores.Max();
            double[] shares = [.. scores.Select(score => Exp.Of(score - max))];
            double sum = 0;
            foreach (double share in shares)
            {
                sum += share;
            }

            for (int r = 0; r < _dK; r++)
            {
                for (int j = 0; j < _seqLen; j++)
                {
                    context[i * _dK + r] += shares[j] / sum * v[j * _dK + r];
                }
            }
        }

        return Map(3, context);
    }

    /// <summary>Joint training; the loss after each round.</summary>
    public double[] Train(double[] x, double[] targets, int samples, int rounds, uint seed)
    {
        var random = new Lcg32(seed);
        int count = _parameters.Sum(p => p.Length), trials = Math.Max(600, 4 * count);
        double best = Loss(x, targets, samples);
        double[] curve = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            double first = 0.4 * Pow.Of(0.5, round), last = 0.02 * Pow.Of(0.5, round);
            for (int t = 0; t < trials; t++)
            {
                double step = first * Pow.Of(last / first, (double)t / (trials - 1));
                int at = Math.Min(count - 1, (int)Math.Floor((random.Signed() + 1) * 0.5 * count)), map = 0;
                while (at >= _parameters[map].Length)
                {
                    at -= _parameters[map++].Length;
                }

                double old = _parameters[map][at];
                _parameters[map][at] = old + step * random.Signed();
                double loss = Loss(x, targets, samples);
                if (loss + 1e-12 < best)
                {
                    best = loss;
                }
                else
                {
                    _parameters[map][at] = old;
                }
            }

            curve[round] = best;
        }

        return curve;
    }

    private double Loss(double[] x, double[] targets, int samples)
    {
        int wide = _seqLen * _dModel, rows = Math.Min(16, samples);
        double sum = 0;
        for (int s = 0; s < rows; s++)
        {
            double[] y = Forward(x.AsSpan(s * wide, wide));
            for (int i = 0; i < wide; i++)
            {
                double error = y[i] - targets[s * wide + i];
                sum += error * error;
            }
        }

        return sum / (rows * wide);
    }

    private double[] Map(int map, double[] x)
    {
        double[] p = _parameters[map], y = new double[_maps[map].Heads];
        int depth = _maps[map].Depth, weights = y.Length * x.Length;
        for (int h = 0; h < y.Length; h++)
        {
            double v = p[weights + h];
            for (int i = 0; i < x.Length; i++)
            {
                v += p[h * x.Length + i] * x[i];
            }

            for (int d = 0; d < depth; d++)
            {
                int c = weights + y.Length + (h * depth + d) * 3;
                v = Operator.BrowserEmlSafe(v * p[c] + p[c + 1], Math.Abs(v) + p[c + 2] + 1);
            }

            y[h] = v;
        }

        return y;
    }
}
