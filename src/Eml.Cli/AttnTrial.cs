using System.Diagnostics;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>A block of the default profile, trained on a known task and measured on fresh samples.</summary>
/// <param name="Block">The trained block.</param>
/// <param name="Result">What the training did.</param>
/// <param name="HeldOut">Mean squared error on fresh samples.</param>
/// <param name="Zero">That of answering 0, which is what an untrained block answers.</param>
internal sealed record AttnTrial(EmlAttention Block, AttentionTrainResult Result, double HeldOut, double Zero)
{
    /// <summary>Trains and measures.</summary>
    public static AttnTrial Run(AttentionConfig config, string task, int samples, long evaluations, Cancel cancel)
    {
        var block = new EmlAttention(config);
        var data = AttnData.Generate(task, config, samples, 0);
        block.Record(data.X, data.Targets, samples);
        AttentionTrainResult result = block.Train(new AttentionTrainOptions { MaxEvaluations = evaluations, Cancel = cancel });
        (double heldOut, double zero) = data.HeldOut(config, block.Forward);
        return new AttnTrial(block, result, heldOut, zero);
    }
}

/// <summary>How long a forward pass takes.</summary>
/// <param name="Mean">Nanoseconds on average.</param>
/// <param name="P99">Nanoseconds that 99 of 100 passes do not exceed.</param>
internal readonly record struct AttnLatency(double Mean, double P99)
{
    private const int Runs = 8, Passes = 1000;

    /// <summary>
    /// Times single passes over random sequences, eight times a thousand of them, and takes the quietest thousand: what other
    /// programs on the machine do is not the block's.
    /// </summary>
    public static AttnLatency Measure(AttnData.Forward forward, int width)
    {
        var random = new Lcg64(0x1A7E);
        double[] x = new double[Passes * width], y = new double[width];
        foreach (ref double value in x.AsSpan())
            value = random.Signed();

        var best = new AttnLatency(double.PositiveInfinity, double.PositiveInfinity);
        double[] times = new double[Passes];
        for (int run = 0; run < Runs; run++)
        {
            for (int n = 0; n < Passes; n++)
            {
                long start = Stopwatch.GetTimestamp();
                forward(x.AsSpan(n * width, width), 1, y);
                times[n] = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            }

            double mean = times.Average();
            Array.Sort(times);
            best = new AttnLatency(Math.Min(best.Mean, mean), Math.Min(best.P99, times[Passes * 99 / 100]));
        }

        return best;
    }

    /// <summary>How many of a thousand answers to random sequences are NaN or infinite somewhere.</summary>
    public static int CountNonFinite(AttnData.Forward forward, int width)
    {
        var random = new Lcg64(0xF1417E);
        double[] x = new double[width], y = new double[width];
        int count = 0;
        for (int n = 0; n < Passes; n++)
        {
            foreach (ref double value in x.AsSpan())
                value = random.Signed();
            forward(x, 1, y);
            count += y.All(double.IsFinite) ? 0 : 1;
        }

        return count;
    }
}
