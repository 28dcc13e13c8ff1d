using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What an attention block can be asked to learn, as generators of samples.</summary>
public enum AttentionTask
{
    /// <summary>Every element of y_i is the mean of x_i: eml-core's task. Needs no attention.</summary>
    PositionMean,

    /// <summary>y_i = x_i.</summary>
    Identity,

    /// <summary>y_i = x_(i−1), the first one the last: needs positions.</summary>
    Previous,

    /// <summary>y_i = (x_0 + … + x_i) / (i + 1): needs positions.</summary>
    RunningMean,

    /// <summary>Tokens (key, query, value): y_i has the value of the token whose key is i's query. Needs content.</summary>
    Retrieval,

    /// <summary>y_i = Σ_j softmax_j(4·x_i·x_j / √D)·x_j.</summary>
    SoftmaxMean,

    /// <summary>Every element of y_i is the mean of the squares of x_i, less 1/3: not affine.</summary>
    Energy,
}

/// <summary>Samples of the tasks.</summary>
public static class AttentionTasks
{
    /// <summary>Fills x and y (S, D) with one sample; numbers that nothing else is said of are uniform in [−1, 1).</summary>
    public static void Sample(AttentionTask task, AttentionConfig config, ref Lcg64 random, Span<double> x, Span<double> y)
    {
        int s = config.SeqLen, d = config.DModel;
        Check.Length("x", x.Length, 1, config.SampleLength);
        Check.Length("y", y.Length, 1, config.SampleLength);
        foreach (ref double value in x)
        {
            value = random.Signed();
        }

        switch (task)
        {
            case AttentionTask.PositionMean:
            case AttentionTask.Energy:
                for (int i = 0; i < s; i++)
                {
                    double sum = 0;
                    foreach (double value in x.Slice(i * d, d))
                    {
                        sum += task == AttentionTask.Energy ? value * value - 1.0 / 3 : value;
                    }

                    y.Slice(i * d, d).Fill(sum / d);
                }

                break;
            case AttentionTask.Identity:
                x.CopyTo(y);
                break;
            case AttentionTask.Previous:
                for (int i = 0; i < s; i++)
                {
                    x.Slice((i + s - 1) % s * d, d).CopyTo(y[(i * d)..]);
                }

                break;
            case AttentionTask.RunningMean:
                for (int i = 0; i < s; i++)
                {
                    for (int e = 0; e < d; e++)
                    {
                        double sum = 0;
                        for (int j = 0; j <= i; j++)
                        {
                            sum += x[j * d + e];
                        }

                        y[i * d + e] = sum / (i + 1);
                    }
                }

                break;
            case AttentionTask.Retrieval:
                Retrieval(s, d, ref random, x, y);
                break;
            case AttentionTask.SoftmaxMean:
                SoftmaxMean(s, d, x, y);
                break;
            default:
                throw new EmlException(ErrorCode.Argument, $"attention task {(int)task} is unknown");
        }
    }

    private static void Retrieval(int s, int d, ref Lcg64 random, Span<double> x, Span<double> y)
    {
        int bits = d / 4; // of a key, and of a query
        if (1UL << bits < (ulong)s)
        {
            throw new EmlException(ErrorCode.Argument,
                $"retrieval needs a key for each of {s} tokens, and keys of {bits} bits (d_model / 4); use a larger d_model");
        }

        Span<ulong> codes = stackalloc ulong[s];
        for (int i = 0; i < s; i++)
        {
            do
            {
                codes[i] = (ulong)(random.Unit() * (1UL << bits));
            }
            while (codes[..i].Contains(codes[i]));
        }

        y.Clear();
        for (int i = 0; i < s; i++)
        {
            int match = (int)(random.Unit() * s);
            for (int b = 0; b < bits; b++)
            {
                x[i * d + b] = (codes[i] >> b & 1) == 0 ? -1 : 1;
                x[i * d + bits + b] = (codes[match] >> b & 1) == 0 ? -1 : 1;
            }

            x.Slice(match * d + 2 * bits, d - 2 * bits).CopyTo(y.Slice(i * d + 2 * bits, d - 2 * bits));
        }
    }

    private static void SoftmaxMean(int s, int d, ReadOnlySpan<double> x, Span<double> y)
    {
        Span<double> weight = stackalloc double[s];
        y.Clear();
        for (int i = 0; i < s; i++)
        {
            double max = double.NegativeInfinity, sum = 0;
            for (int j = 0; j < s; j++)
            {
                weight[j] = 4 * Reduction.Dot(x.Slice(i * d, d), x.Slice(j * d, d)) / Math.Sqrt(d);
                max = Math.Max(max, weight[j]);
            }

            foreach (ref double w in weight)
            {
                w = Exp.Of(w - max);
                sum += w;
            }

            for (int j = 0; j < s; j++)
            {
                for (int e = 0; e < d; e++)
                {
                    y[i * d + e] += weight[j] / sum * x[j * d + e];
                }
            }
        }
    }
}
