namespace Eml.Functions;

/// <summary>The constants that parameters snap to: 0 and ±p/q with p, q ≤ 12, simplest first.</summary>
internal static class SimpleNumbers
{
    private const int Largest = 12;

    private static readonly double[] s_all = Make();

    /// <summary>Those within the tolerance of a value: smallest p + q first, then smallest q.</summary>
    public static IEnumerable<double> Near(double value, double tolerance) => s_all
        .Select(c => Math.CopySign(c, c == 0 ? 1 : value))
        .Where(c => Math.Abs(value - c) <= tolerance);

    /// <summary>Shares of a whole with small denominators.</summary>
    public static IEnumerable<(double, double, double)> Shares()
    {
        foreach (int q in (int[])[2, 3, 4])
        {
            for (int a = q; a >= 0; a--)
            {
                for (int b = q - a; b >= 0; b--)
                {
                    yield return ((double)a / q, (double)b / q, (double)(q - a - b) / q);
                }
            }
        }
    }

    private static double[] Make()
    {
        var fractions = new List<(int P, int Q)>();
        for (int q = 1; q <= Largest; q++)
        {
            for (int p = 1; p <= Largest; p++)
            {
                if (!fractions.Any(f => f.P * q == p * f.Q))
                {
                    fractions.Add((p, q));
                }
            }
        }

        return [0, .. fractions.OrderBy(f => f.P + f.Q).ThenBy(f => f.Q).Select(f => (double)f.P / f.Q)];
    }
}
