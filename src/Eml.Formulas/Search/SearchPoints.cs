using Eml.Numerics;

namespace Eml.Formulas.Search;

/// <summary>The rows at which functions are told apart.</summary>
internal static class SearchPoints
{
    /// <summary>Three rows whose variables are different from each other and from 1: rows far from one another that are not special.</summary>
    public static int[] Choose(double[][] columns, double[] y)
    {
        // Spread by the golden section, so that the rows of a grid are not on one line; the best of some tries.
        (int[]? best, double most) = (null, 0.0);
        for (int start = 0; start < Math.Min(64, y.Length); start++)
        {
            int[] rows = [.. Enumerable.Range(0, FunctionTable.Points).Select(i => (int)(((0.5 + ((start + i) * 0.6180339887498949 * 7)) % 1.0) * y.Length))];
            double worth = rows.Distinct().Count() == rows.Length ? Apart(columns, rows) : 0.0;
            if (worth > most)
            {
                (best, most) = (rows, worth);
            }
        }
        return best ?? throw new EmlException(ErrorCode.Argument,
            "search: the rows do not tell the variables apart from each other and from 1; give rows in which they differ");
    }

    /// <summary>The smallest distance between two variables, or a variable and 1, or two rows of a variable.</summary>
    private static double Apart(double[][] columns, int[] rows)
    {
        double least = 1.0;
        for (int i = 0; i < columns.Length; i++)
        {
            foreach (int row in rows)
            {
                least = Math.Min(least, Math.Abs(columns[i][row] - 1.0));
                foreach (int other in rows)
                {
                    least = other == row ? least : Math.Min(least, Math.Abs(columns[i][row] - columns[i][other]));
                }
                for (int j = 0; j < i; j++)
                {
                    least = Math.Min(least, Math.Abs(columns[i][row] - columns[j][row]));
                }
            }
        }
        return least;
    }
}
