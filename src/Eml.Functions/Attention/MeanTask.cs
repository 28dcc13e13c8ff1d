using System.Diagnostics;

namespace Eml.Functions;

/// <summary>What the benchmark and the comparison share.</summary>
internal static class MeanTask
{
    /// <summary>Recorded samples.</summary>
    public const int Samples = 96;

    private const int Latencies = 256;
    private const double LeastBefore = 1e-12;

    /// <summary>Each row's mean in place of every number of the row.</summary>
    public static double[] RowMeans(double[] x, int rows, int columns)
    {
        double[] means = new double[x.Length];
        for (int i = 0; i < rows; i++)
        {
            double sum = 0;
            foreach (double value in x.AsSpan(i * columns, columns))
            {
                sum += value;
            }

            means.AsSpan(i * columns, columns).Fill(sum / columns);
        }

        return means;
    }

    /// <summary>1 − after/before.</summary>
    public static double Reduction(double before, double after) => before > LeastBefore ? 1 - after / before : 0;

    /// <summary>Nanoseconds of one prediction.</summary>
    public static ulong Time(AttentionBlock block, double[] x, double[] y)
    {
        long start = Stopwatch.GetTimestamp();
        block.Forward(x, 1, y);
        return (ulong)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }

    /// <summary>Mean and 99th percentile of single predictions.</summary>
    public static (ulong Mean, ulong P99) Latency(AttentionBlock block, Func<double[]> sample)
    {
        double[] y = new double[block.Width];
        ulong[] times = new ulong[Latencies];
        ulong sum = 0;
        foreach (ref ulong time in times.AsSpan())
        {
            time = Time(block, sample(), y);
            sum += time;
        }

        Array.Sort(times);
        return (sum / Latencies, times[Latencies * 99 / 100]);
    }
}

/// <summary>The mean of squared differences, added in order.</summary>
internal sealed class MeanSquare
{
    private double _sum;
    private long _count;

    public double Value => _sum / Math.Max(_count, 1);

    public void Add(ReadOnlySpan<double> values, ReadOnlySpan<double> targets)
    {
        for (int i = 0; i < values.Length; i++)
        {
            double error = values[i] - targets[i];
            _sum += error * error;
        }

        _count += values.Length;
    }
}
