namespace Eml.Machine.Transformer;

/// <summary>The nonzero elements of a matrix, row by row.</summary>
internal sealed class SparseMatrix
{
    private readonly int[] _starts;
    private readonly int[] _columns;
    private readonly double[] _values;

    /// <summary>From a dense row-major matrix (rows, columns).</summary>
    public SparseMatrix(ReadOnlySpan<double> dense, int columns)
    {
        int rows = dense.Length / columns;
        var indices = new List<int>();
        var values = new List<double>();
        _starts = new int[rows + 1];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                if (dense[(r * columns) + c] != 0.0)
                {
                    indices.Add(c);
                    values.Add(dense[(r * columns) + c]);
                }
            }
            _starts[r + 1] = values.Count;
        }
        _columns = [.. indices];
        _values = [.. values];
    }

    /// <summary>Number of nonzero elements.</summary>
    public int Nonzeros => _values.Length;

    /// <summary>Nonzero elements of a row.</summary>
    public int Count(int row) => _starts[row + 1] - _starts[row];

    /// <summary>Row times <paramref name="x"/>.</summary>
    public double Dot(int row, double[] x)
    {
        double sum = 0.0;
        int end = _starts[row + 1];
        for (int i = _starts[row]; i < end; i++)
        {
            sum += _values[i] * x[_columns[i]];
        }
        return sum;
    }

    /// <summary>Adds <paramref name="factor"/> times a row to <paramref name="y"/>.</summary>
    public void AddRow(int row, double factor, double[] y)
    {
        int end = _starts[row + 1];
        for (int i = _starts[row]; i < end; i++)
        {
            y[_columns[i]] += factor * _values[i];
        }
    }

    /// <summary>The transpose of a dense row-major matrix.</summary>
    public static double[] Transpose(ReadOnlySpan<double> dense, int columns)
    {
        int rows = dense.Length / columns;
        double[] transposed = new double[dense.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                transposed[(c * rows) + r] = dense[(r * columns) + c];
            }
        }
        return transposed;
    }
}
