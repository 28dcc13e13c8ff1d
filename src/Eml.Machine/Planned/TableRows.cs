namespace Eml.Machine.Planned;

/// <summary>A constant table whose row j has the key (2j, -j^2): the row nearest to q / d wins for a query (q, d).</summary>
internal sealed class TableRows
{
    private readonly int _count;
    private readonly bool[] _isIndex;
    private readonly (double Min, double Max)[] _ranges;

    /// <param name="keys">Key and values of every row, as a head reads them: (rows, 2 width).</param>
    /// <param name="width">Components of a key.</param>
    public TableRows(double[] keys, int width)
    {
        Width = width;
        _count = keys.Length / (2 * width);
        Values = new double[_count * width];
        IsGrid = true;
        for (int j = 0; j < _count; j++)
        {
            ReadOnlySpan<double> row = keys.AsSpan(j * 2 * width, 2 * width);
            IsGrid &= row[0] == 2.0 * j && row[1] == -(double)j * j && !row[2..width].ContainsAnyExcept(0.0);
            row[width..].CopyTo(Values.AsSpan(j * width));
        }
        _isIndex = [.. Enumerable.Range(0, width).Select(column => Enumerable.Range(0, _count).All(j => Values[(j * width) + column] == j))];
        _ranges = [.. Enumerable.Range(0, width).Select(column => Scan(column, 0, _count - 1))];
    }

    /// <summary>Whether the keys are as said.</summary>
    public bool IsGrid { get; }

    /// <summary>Numbers of a row's value.</summary>
    public int Width { get; }

    /// <summary>(rows, width)</summary>
    public double[] Values { get; }

    /// <summary>The row with the highest score 2 j q - j^2 d, the last of equals.</summary>
    public int Best(double query, double divisor)
    {
        if (divisor == 1.0)
        {
            return (int)Math.Clamp(Math.Floor(query + 0.5), 0.0, _count - 1);
        }
        if (divisor <= 0.0)
        {
            // No maximum inside.
            return Score(query, divisor, _count - 1) >= Score(query, divisor, 0) ? _count - 1 : 0;
        }
        // The quotient is rounded; its neighbours are compared exactly.
        int best = (int)Math.Clamp(Math.Floor((query / divisor) + 0.5), 0.0, _count - 1);
        while (best + 1 < _count && Score(query, divisor, best + 1) >= Score(query, divisor, best))
        {
            best++;
        }
        while (best > 0 && Score(query, divisor, best - 1) > Score(query, divisor, best))
        {
            best--;
        }
        return best;
    }

    /// <summary>Whether a value is the row's number.</summary>
    public bool IsIndex(int column) => _isIndex[column];

    /// <summary>What value <paramref name="column"/> can be for rows in a range.</summary>
    public (double Min, double Max) Range(int column, int first, int last)
    {
        if (_isIndex[column])
        {
            return (first, last);
        }
        return first == 0 && last == _count - 1 ? _ranges[column] : Scan(column, first, last);
    }

    private (double Min, double Max) Scan(int column, int first, int last)
    {
        (double min, double max) = (double.PositiveInfinity, double.NegativeInfinity);
        for (int j = first; j <= last; j++)
        {
            double value = Values[(j * Width) + column];
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        }
        return (min, max);
    }

    private static double Score(double query, double divisor, double j) => (2.0 * j * query) - (j * j * divisor);
}
