using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// A learned function ready to be evaluated: immutable. Rows are worked on in blocks held column by column, so that the
/// lanes of a vector are neighbouring rows and each row sees the same operations in the same order as alone.
/// </summary>
internal abstract class Evaluator
{
    /// <summary>Rows in a block: 64 doubles a column keep a block's columns in the first-level cache.</summary>
    private const int BlockRows = 64;

    /// <summary>Fewer rows than this are faster one by one.</summary>
    private const int FewRows = 3;

    /// <summary>Wider functions are evaluated row by row: a block of theirs would not fit the caches.</summary>
    private const int MostColumns = 4096;

    [ThreadStatic]
    private static double[]? t_scratch;

    /// <summary>The inputs that are read.</summary>
    public abstract ReadOnlySpan<int> Columns { get; }

    public abstract int Heads { get; }

    /// <summary>Columns of scratch memory that a block needs, the inputs included.</summary>
    public abstract int ScratchColumns { get; }

    /// <summary>x (inputs) → y (heads), in the model's units.</summary>
    public abstract void Row(ReadOnlySpan<double> x, Span<double> y);

    /// <summary>The first columns of scratch hold the inputs; y (rows, heads). Columns are padded to the stride.</summary>
    protected abstract void Block<T>(Span<double> columns, int stride, int rows, Span<double> y) where T : struct, ILanes<T>;

    /// <summary>x (rows, inputs) → y (rows, heads), in the user's units if there is a scaling.</summary>
    public void Rows(ReadOnlySpan<double> x, int inputs, int rows, Span<double> y, Scaling? scaling)
    {
        if (rows == 1 && scaling is null)
        {
            Row(x, y);
        }
        else if (rows < FewRows || !Lanes2.IsSupported || ScratchColumns > MostColumns)
        {
            OneByOne(x, inputs, rows, y, scaling);
        }
        else
        {
            InBlocks(x, inputs, rows, y, scaling);
        }
    }

    private void OneByOne(ReadOnlySpan<double> x, int inputs, int rows, Span<double> y, Scaling? scaling)
    {
        int heads = Heads;
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<double> row = x.Slice(i * inputs, inputs);
            Span<double> result = y.Slice(i * heads, heads);
            if (scaling is null)
            {
                Row(row, result);
                continue;
            }

            Span<double> scaled = Scratch(inputs).AsSpan(0, inputs);
            for (int j = 0; j < inputs; j++)
            {
                scaled[j] = (row[j] - scaling.InputOffset[j]) * scaling.InputFactor[j];
            }

            Row(scaled, result);
            Unscale(result, heads, scaling);
        }
    }

    private void InBlocks(ReadOnlySpan<double> x, int inputs, int rows, Span<double> y, Scaling? scaling)
    {
        double[] scratch = Scratch(ScratchColumns * BlockRows);
        ReadOnlySpan<int> columns = Columns;
        int heads = Heads;
        for (int start = 0; start < rows; start += BlockRows)
        {
            int count = Math.Min(BlockRows, rows - start);
            CopyColumns(x[(start * inputs)..], inputs, columns, scratch, count);
            for (int c = 0; c < columns.Length; c++)
            {
                Span<double> target = scratch.AsSpan(c * BlockRows, BlockRows);
                if (scaling is not null)
                {
                    double offset = scaling.InputOffset[columns[c]], factor = scaling.InputFactor[columns[c]];
                    foreach (ref double value in target[..count])
                    {
                        value = (value - offset) * factor;
                    }
                }

                // The rest of the last vector: any ordinary number will do.
                target.Slice(count, Math.Min(BlockRows - count, 7)).Clear();
            }

            Span<double> result = y.Slice(start * heads, count * heads);
            Block(scratch, count, result);
            Unscale(result, heads, scaling);
        }
    }

    /// <summary>Rows of x (rows, inputs) into columns of a block.</summary>
    private static void CopyColumns(ReadOnlySpan<double> x, int inputs, ReadOnlySpan<int> columns, Span<double> block, int rows)
    {
        ref double source = ref MemoryMarshal.GetReference(x);
        ref double target = ref MemoryMarshal.GetReference(block);
        int whole = columns.Length >= 4 && AreNeighbours(columns) && Transposition.IsSupported ? rows & ~3 : 0;
        for (int c = 0; c < columns.Length && whole > 0; c += 4)
        {
            int first = Math.Min(c, columns.Length - 4); // the last four may overlap the ones before
            Transposition.FourColumns(ref Unsafe.Add(ref source, columns[first]), inputs, whole, ref Unsafe.Add(ref target, first * BlockRows), BlockRows);
        }

        for (int c = 0; c < columns.Length; c++)
        {
            for (int i = whole; i < rows; i++)
            {
                Unsafe.Add(ref target, c * BlockRows + i) = Unsafe.Add(ref source, (nint)i * inputs + columns[c]);
            }
        }
    }

    private static bool AreNeighbours(ReadOnlySpan<int> columns)
    {
        for (int c = 1; c < columns.Length; c++)
        {
            if (columns[c] != columns[0] + c)
            {
                return false;
            }
        }

        return true;
    }

    private void Block(Span<double> columns, int rows, Span<double> y)
    {
        if (Lanes8.IsSupported)
        {
            Block<Lanes8>(columns, BlockRows, rows, y);
        }
        else if (Lanes4.IsSupported)
        {
            Block<Lanes4>(columns, BlockRows, rows, y);
        }
        else
        {
            Block<Lanes2>(columns, BlockRows, rows, y);
        }
    }

    /// <summary>This thread's scratch memory, kept between calls so that predictions allocate nothing.</summary>
    private static double[] Scratch(int length)
    {
        double[]? scratch = t_scratch;
        if (scratch is null || scratch.Length < length)
        {
            scratch = GC.AllocateUninitializedArray<double>(length, pinned: true);
            t_scratch = scratch;
        }

        return scratch;
    }

    private static void Unscale(Span<double> y, int heads, Scaling? scaling)
    {
        if (scaling is not null)
        {
            for (int i = 0; i < y.Length; i++)
            {
                int head = i % heads;
                y[i] = scaling.TargetOffset[head] + y[i] / scaling.TargetFactor[head];
            }
        }
    }
}
