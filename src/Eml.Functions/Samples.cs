using Eml.Numerics;

namespace Eml.Functions;

/// <summary>Recorded rows: inputs, targets, and which targets are known.</summary>
internal sealed class Samples(int inputs, int heads)
{
    /// <summary>Most numbers that one model records: 1 GiB of doubles.</summary>
    public const long Limit = 1L << 27;

    private double[] _x = [];
    private double[] _targets = [];
    private byte[] _present = [];

    public int Count { get; private set; }

    /// <summary>(rows, inputs)</summary>
    public ReadOnlySpan<double> X => _x.AsSpan(0, Count * inputs);

    /// <summary>(rows, heads); where <see cref="Present"/> is 0 the value means nothing.</summary>
    public ReadOnlySpan<double> Targets => _targets.AsSpan(0, Count * heads);

    /// <summary>(rows, heads) of 0 or 1.</summary>
    public ReadOnlySpan<byte> Present => _present.AsSpan(0, Count * heads);

    /// <summary>Refuses more rows than there is room for; to be asked before the rows are looked at.</summary>
    public void CheckRoom(long rows)
    {
        long total = Count + rows;
        if (total > Limit || total * ((long)inputs + heads) > Limit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"{total} samples × {inputs + heads} numbers are more than the limit of {Limit}; record fewer or clear the samples");
        }
    }

    public void Add(ReadOnlySpan<double> x, ReadOnlySpan<double> targets, ReadOnlySpan<byte> present, int rows)
    {
        Reserve(rows);
        x.CopyTo(_x.AsSpan(Count * inputs));
        targets.CopyTo(_targets.AsSpan(Count * heads));
        Span<byte> known = _present.AsSpan(Count * heads, rows * heads);
        if (present.IsEmpty)
        {
            known.Fill(1);
        }
        else
        {
            for (int i = 0; i < known.Length; i++)
            {
                known[i] = present[i] == 0 ? (byte)0 : (byte)1;
            }
        }

        Count += rows;
    }

    /// <summary>Makes room for more rows.</summary>
    public void Reserve(int rows)
    {
        CheckRoom(rows);
        Reserve(ref _x, Count * inputs, rows * inputs);
        Reserve(ref _targets, Count * heads, rows * heads);
        Reserve(ref _present, Count * heads, rows * heads);
    }

    public void Clear() => Count = 0;

    public Samples Clone()
    {
        var copy = new Samples(inputs, heads);
        copy.Add(X, Targets, Present, Count);
        return copy;
    }

    private static void Reserve<T>(ref T[] array, int used, int more)
    {
        if (used + more > array.Length)
        {
            Array.Resize(ref array, Math.Max(used + more, (int)Math.Min(2L * array.Length, Limit)));
        }
    }
}
