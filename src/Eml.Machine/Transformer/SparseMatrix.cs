using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Machine.Transformer;

/// <summary>The nonzero elements of a matrix, row by row. Column numbers are below <see cref="Columns"/> by construction, so that one check
/// of a vector's length serves all of them.</summary>
internal sealed class SparseMatrix
{
    private readonly int[] _starts;
    private readonly Element[] _elements;

    /// <summary>From a dense row-major matrix (rows, columns).</summary>
    public SparseMatrix(ReadOnlySpan<double> dense, int columns)
    {
        Columns = columns;
        int rows = dense.Length / columns;
        var elements = new List<Element>();
        _starts = new int[rows + 1];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                if (dense[(r * columns) + c] != 0.0)
                {
                    elements.Add(new Element(c, dense[(r * columns) + c]));
                }
            }
            _starts[r + 1] = elements.Count;
        }
        _elements = [.. elements];
    }

    private readonly record struct Element(int Column, double Value);

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Number of nonzero elements.</summary>
    public int Nonzeros => _elements.Length;

    /// <summary>Nonzero elements of a row.</summary>
    public int Count(int row) => _starts[row + 1] - _starts[row];

    /// <summary>Row times <paramref name="x"/> (columns).</summary>
    public double Dot(int row, double[] x)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(x.Length, Columns);
        ref double first = ref MemoryMarshal.GetArrayDataReference(x);
        double sum = 0.0;
        foreach (ref readonly Element element in Row(row))
        {
            sum += element.Value * Unsafe.Add(ref first, element.Column);
        }
        return sum;
    }

    /// <summary>Adds <paramref name="factor"/> times a row to <paramref name="y"/> (columns).</summary>
    public void AddRow(int row, double factor, double[] y)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(y.Length, Columns);
        ref double first = ref MemoryMarshal.GetArrayDataReference(y);
        foreach (ref readonly Element element in Row(row))
        {
            Unsafe.Add(ref first, element.Column) += factor * element.Value;
        }
    }

    private ReadOnlySpan<Element> Row(int row) => _elements.AsSpan(_starts[row], _starts[row + 1] - _starts[row]);

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
