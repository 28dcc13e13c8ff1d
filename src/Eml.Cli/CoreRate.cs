using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Eml.Cli;

/// <summary>How fast this core multiplies and adds numbers that lie in its first cache: what no evaluation of a sparse pass can exceed.</summary>
internal static class CoreRate
{
    /// <summary>Numbers of each of the two arrays: 16 KiB together, half of the smallest first cache.</summary>
    private const int Count = 1024;

    private const int Rounds = 2000;
    private const int Runs = 15;

    /// <summary>Multiply-adds a second of a dot product, whole vectors at a time; two numbers are loaded for each.</summary>
    public static double Vectors()
    {
        (double[] factors, double[] numbers) = Arrays();
        return Best(() =>
        {
            // Eight sums, because an addition takes several cycles.
            ReadOnlySpan<Vector<double>> x = MemoryMarshal.Cast<double, Vector<double>>(factors);
            ReadOnlySpan<Vector<double>> y = MemoryMarshal.Cast<double, Vector<double>>(numbers)[..x.Length];
            Vector<double> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
            while (x.Length >= 8 && y.Length >= 8)
            {
                a += x[0] * y[0];
                b += x[1] * y[1];
                c += x[2] * y[2];
                d += x[3] * y[3];
                e += x[4] * y[4];
                f += x[5] * y[5];
                g += x[6] * y[6];
                h += x[7] * y[7];
                x = x[8..];
                y = y[8..];
            }
            return Vector.Sum(a + b + (c + d) + (e + f + (g + h)));
        });
    }

    /// <summary>The same one at a time, the number found by an index: the form in which a plan has its sums.</summary>
    public static double Indexed()
    {
        (double[] factors, double[] numbers) = Arrays();
        int[] which = [.. Enumerable.Range(0, Count).Select(i => i * 37 % 256)];
        return Best(() =>
        {
            ReadOnlySpan<double> x = factors;
            ReadOnlySpan<double> y = numbers;
            ReadOnlySpan<int> at = which;
            (double a, double b, double c, double d) = (0.0, 0.0, 0.0, 0.0);
            while (x.Length >= 4 && at.Length >= 4)
            {
                a += x[0] * y[at[0]];
                b += x[1] * y[at[1]];
                c += x[2] * y[at[2]];
                d += x[3] * y[at[3]];
                x = x[4..];
                at = at[4..];
            }
            return a + b + (c + d);
        });
    }

    private static (double[] Factors, double[] Numbers) Arrays() =>
        ([.. Enumerable.Range(0, Count).Select(i => i % 7.0)], [.. Enumerable.Range(0, Count).Select(i => i % 5.0)]);

    private static double Best(Func<double> kernel)
    {
        double wanted = kernel();
        double best = double.PositiveInfinity;
        for (int run = 0; run < Runs; run++)
        {
            double sum = 0.0;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Rounds; i++)
            {
                sum += kernel();
            }
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            if (sum != Rounds * wanted)
            {
                throw new InvalidOperationException();
            }
        }
        return (double)Rounds * Count / best;
    }
}
