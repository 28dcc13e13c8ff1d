using System.Diagnostics;
using System.Numerics;

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
            Vector<double> a = default, b = default, c = default, d = default;
            int width = Vector<double>.Count;
            for (int i = 0; i <= Count - (4 * width); i += 4 * width)
            {
                a += new Vector<double>(factors, i) * new Vector<double>(numbers, i);
                b += new Vector<double>(factors, i + width) * new Vector<double>(numbers, i + width);
                c += new Vector<double>(factors, i + (2 * width)) * new Vector<double>(numbers, i + (2 * width));
                d += new Vector<double>(factors, i + (3 * width)) * new Vector<double>(numbers, i + (3 * width));
            }
            return Vector.Sum((a + b) + (c + d));
        });
    }

    /// <summary>The same one at a time, the number found by an index: the form in which a plan has its sums.</summary>
    public static double Indexed()
    {
        (double[] factors, double[] numbers) = Arrays();
        int[] which = [.. Enumerable.Range(0, Count).Select(i => i * 37 % 256)];
        return Best(() =>
        {
            (double a, double b, double c, double d) = (0.0, 0.0, 0.0, 0.0);
            for (int i = 0; i <= Count - 4; i += 4)
            {
                a += factors[i] * numbers[which[i]];
                b += factors[i + 1] * numbers[which[i + 1]];
                c += factors[i + 2] * numbers[which[i + 2]];
                d += factors[i + 3] * numbers[which[i + 3]];
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
