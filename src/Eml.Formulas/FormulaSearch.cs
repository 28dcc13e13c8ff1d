using Eml.Formulas.Search;
using Eml.Numerics;

namespace Eml.Formulas;

/// <summary>How long to search.</summary>
public sealed record SearchOptions
{
    /// <summary>Forms up to this length K.</summary>
    public int MaxLength { get; init; } = 31;

    /// <summary>Distinct functions that are kept at most; about 130 bytes each.</summary>
    public int MaxFunctions { get; init; } = 2_000_000;

    /// <summary>Relative deviation (of |y| + 1) up to which a form fits.</summary>
    public double Tolerance { get; init; } = 1e-9;

    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: the message says what and what it may be.</exception>
    public void Check()
    {
        if (MaxLength is < 1 or > 99 || MaxFunctions is < 100 or > 200_000_000 || !(Tolerance is > 0.0 and <= 0.1))
        {
            throw new EmlException(ErrorCode.Argument,
                $"search: length {MaxLength} (1 to 99), functions {MaxFunctions} (100 to 200000000), tolerance {Tolerance} (above 0, at most 0.1)");
        }
    }
}

/// <summary>What a search found.</summary>
/// <param name="Form">A form that fits all rows, the shortest if all shorter ones are exhausted; or null.</param>
/// <param name="Exhausted">Every form up to this length over real, finite values was tried, and none fits. With a small table it can be less than was
/// searched: then a shorter form than <paramref name="Form"/> may exist.</param>
/// <param name="Functions">Distinct functions of the table.</param>
/// <param name="TableLength">The greatest length of which the table has all.</param>
/// <param name="Candidates">Sides that were peeled off.</param>
public sealed record SearchResult(EmlForm? Form, int Exhausted, int Functions, int TableLength, long Candidates);

/// <summary>Finds the shortest form that fits data exactly: enumeration of all distinct functions, then peeling of the root.</summary>
public static class FormulaSearch
{
    /// <summary>Searches.</summary>
    /// <param name="columns">The variables, (variables, rows).</param>
    /// <param name="y">(rows)</param>
    /// <param name="options">How long.</param>
    /// <param name="progress">Is told, before each step, the length that is tried and the functions so far.</param>
    /// <param name="cancel">Looked at often.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Shape"/>, <see cref="ErrorCode.NonFinite"/>, <see cref="ErrorCode.Limit"/>: no such data.
    /// <see cref="ErrorCode.Argument"/>: <see cref="SearchOptions.Check"/>; rows that cannot tell variables apart.</exception>
    public static SearchResult Find(double[][] columns, double[] y, SearchOptions options, Action<int, int>? progress = null, Cancel? cancel = null)
    {
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentNullException.ThrowIfNull(y);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        CheckData(columns, y);
        int[] rows = SearchPoints.Choose(columns, y);
        double[][] points = [.. columns.Select(column => rows.Select(row => column[row]).ToArray())];
        double[] target = [.. rows.Select(row => y[row])];
        var table = new FunctionTable(points, options.MaxFunctions);
        do
        {
            progress?.Invoke(table.Length, table.Count);
        }
        while (table.Length + 2 <= options.MaxLength && table.Grow(cancel));
        double[] x = new double[columns.Length];
        bool Fits(EmlForm form)
        {
            for (int row = 0; row < y.Length; row++)
            {
                for (int i = 0; i < x.Length; i++)
                {
                    x[i] = columns[i][row];
                }
                if (!(Math.Abs(form.Evaluate(x) - y[row]) <= options.Tolerance * (Math.Abs(y[row]) + 1.0)))
                {
                    return false;
                }
            }
            return true;
        }
        var peeling = new RootPeeling(table, Fits, cancel);
        int exhausted = 0;
        // Up to the table's length one question answers for all lengths.
        for (int length = table.Length; length <= options.MaxLength && cancel is not { IsSet: true }; length += 2)
        {
            progress?.Invoke(length, table.Count);
            if (peeling.Find(target, length) is { } form)
            {
                return new SearchResult(form, Math.Min(form.Length - 2, peeling.Complete), table.Count, table.Length, peeling.Candidates);
            }
            exhausted = cancel is { IsSet: true } ? exhausted : Math.Min(length, peeling.Complete);
        }
        return new SearchResult(null, exhausted, table.Count, table.Length, peeling.Candidates);
    }

    private static void CheckData(double[][] columns, double[] y)
    {
        if (columns.Length > EmlForm.VariableNames.Length)
        {
            throw new EmlException(ErrorCode.Limit, $"search: {columns.Length} variables; there are names for {EmlForm.VariableNames.Length}: leave some out");
        }
        if (y.Length < FunctionTable.Points)
        {
            throw new EmlException(ErrorCode.Shape, $"search: {y.Length} rows; there must be at least {FunctionTable.Points}");
        }
        foreach (double[] column in columns)
        {
            if (column.Length != y.Length)
            {
                throw new EmlException(ErrorCode.Shape, $"search: a variable has {column.Length} rows and y {y.Length}; give as many of each");
            }
        }
        if (!y.All(double.IsFinite) || !columns.All(column => column.All(double.IsFinite)))
        {
            throw new EmlException(ErrorCode.NonFinite, "search: all numbers must be finite");
        }
    }
}
