namespace Eml.Functions.Expressions;

/// <summary>All numbers from <paramref name="Low"/> to <paramref name="High"/>.</summary>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>All numbers.</summary>
    public static Interval Everything { get; } = new(double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>The least and largest finite value of each column of rows (columns); everything where there are none.</summary>
    public static Interval[] OfColumns(int columns, int rows, Func<int, ReadOnlySpan<double>> row)
    {
        double[] low = new double[columns], high = new double[columns];
        Array.Fill(low, double.PositiveInfinity);
        Array.Fill(high, double.NegativeInfinity);
        for (int n = 0; n < rows; n++)
        {
            ReadOnlySpan<double> values = row(n);
            for (int j = 0; j < columns; j++)
            {
                if (double.IsFinite(values[j]))
                {
                    low[j] = Math.Min(low[j], values[j]);
                    high[j] = Math.Max(high[j], values[j]);
                }
            }
        }

        return [.. low.Zip(high, (a, b) => a <= b ? new Interval(a, b) : Everything)];
    }

    /// <summary>Bounds of an expression's value, from those of inputs and definitions; rounding is allowed for.</summary>
    internal static Interval Of(Expression e, Func<int, Interval> input, IReadOnlyList<Interval> definitions)
    {
        if (e.Left is null)
        {
            return e.Operation switch
            {
                Operation.Constant => new(e.Value, e.Value),
                Operation.Input => input(e.Index),
                _ => definitions[e.Index],
            };
        }

        Interval a = Of(e.Left, input, definitions);
        Interval b = e.Right is null ? a : Of(e.Right, input, definitions);
        return e.Operation switch
        {
            Operation.Add => Widened(a.Low + b.Low, a.High + b.High),
            Operation.Subtract => Widened(a.Low - b.High, a.High - b.Low),
            Operation.Multiply => Hull(a.Low * b.Low, a.Low * b.High, a.High * b.Low, a.High * b.High),
            Operation.Divide when b.Low > 0 || b.High < 0 => Hull(a.Low / b.Low, a.Low / b.High, a.High / b.Low, a.High / b.High),
            Operation.Divide => Everything,
            Operation.Maximum => new(Math.Max(a.Low, b.Low), Math.Max(a.High, b.High)),
            Operation.Minimum => new(Math.Min(a.Low, b.Low), Math.Min(a.High, b.High)),
            Operation.Absolute => Magnitude(a),
            Operation.Square => Widened(Magnitude(a).Low * Magnitude(a).Low, Magnitude(a).High * Magnitude(a).High),
            Operation.Exp => Widened(Numerics.Exp.Of(a.Low), Numerics.Exp.Of(a.High)),
            Operation.Ln => Widened(a.Low > 0 ? Numerics.Ln.Of(a.Low) : double.NegativeInfinity, Numerics.Ln.Of(a.High)),
            Operation.Above => Either(b, Of(e.Otherwise!, input, definitions)),
            Operation.Clamp => new(e.Apply(a.Low, 0), e.Apply(a.High, 0)),
            _ => new(a.Low > 0 ? a.Low : Math.Min(e.Value, Math.Max(a.Low, 0)), Math.Max(a.High, e.Value)),
        };
    }

    private static Interval Either(Interval a, Interval b) => new(Math.Min(a.Low, b.Low), Math.Max(a.High, b.High));

    private static Interval Magnitude(Interval a) => a.Low >= 0
        ? a
        : a.High <= 0 ? new(-a.High, -a.Low) : new(0, Math.Max(-a.Low, a.High));

    private static Interval Hull(double a, double b, double c, double d) =>
        Widened(Math.Min(Math.Min(a, b), Math.Min(c, d)), Math.Max(Math.Max(a, b), Math.Max(c, d)));

    // A few ulps: the bounds were rounded. NaN (0·∞, ∞ − ∞) means that nothing is known.
    private static Interval Widened(double low, double high)
    {
        const double slack = 1e-15;
        return new(
            double.IsNaN(low) ? double.NegativeInfinity : double.IsInfinity(low) ? low : low - Math.Abs(low) * slack,
            double.IsNaN(high) ? double.PositiveInfinity : double.IsInfinity(high) ? high : high + Math.Abs(high) * slack);
    }
}
