using Eml.Numerics;

namespace Eml.Machine.Planned;

/// <summary>What a lookup by distance can still find: for each key (two integers) the values of the latest position that had it. All other
/// positions can never win again, so the memory grows with the different keys, not with the sequence.</summary>
internal sealed class KeyedMemory
{
    private const int Parts = 65536;
    private const int LargestLow = 1 << 24;

    private int[]?[] _pages = new int[]?[1];
    private double[] _values;
    private int _count;
    private long _indexed;

    public KeyedMemory(int columns)
    {
        Columns = columns;
        _values = NewValues();
    }

    /// <summary>Bytes held.</summary>
    public long Bytes => (8L * _values.Length) + (4L * _indexed) + (8L * _pages.Length);

    /// <summary>Numbers of an entry.</summary>
    public int Columns { get; }

    /// <summary>All entries' values: (entries, columns).</summary>
    public double[] Values => _values;

    /// <summary>The keys that were written, in order, and where the values of each begin.</summary>
    public IEnumerable<(int High, int Low, int At)> Entries()
    {
        for (int page = 0; page < _pages.Length; page++)
        {
            int[] entries = _pages[page] ?? [];
            for (int i = 0; i < entries.Length; i++)
            {
                if (entries[i] > 0)
                {
                    yield return (page, i, entries[i] - 1);
                }
            }
        }
    }

    /// <summary>Becomes what <paramref name="other"/> is.</summary>
    public void Copy(KeyedMemory other)
    {
        _pages = [.. other._pages.Select(entries => (int[]?)entries?.Clone())];
        _values = [.. other._values];
        _count = other._count;
        _indexed = other._indexed;
    }

    /// <summary>Where the values of a key begin, or -1.</summary>
    public int Find(double high, double low)
    {
        int page = (int)high;
        int index = (int)low;
        int[]?[] pages = _pages;
        if ((uint)page >= (uint)pages.Length || pages[page] is not int[] entries || (uint)index >= (uint)entries.Length)
        {
            return -1;
        }
        return entries[index] - 1;
    }

    /// <summary>Where the values of a key are to be written.</summary>
    public int Insert(double high, double low)
    {
        int found = Find(high, low);
        if (found >= 0)
        {
            return found;
        }
        (int page, int index) = ((int)high, (int)low);
        if ((uint)page >= Parts || (uint)index >= LargestLow)
        {
            throw new EmlException(ErrorCode.Limit, $"transformer: a position has the key ({high}, {low}); keys go from 0 to ({Parts - 1}, {LargestLow - 1})");
        }
        if (page >= _pages.Length)
        {
            Array.Resize(ref _pages, Math.Max(page + 1, Math.Min(Parts, 2 * _pages.Length)));
        }
        int[] entries = _pages[page] ?? [];
        if (index >= entries.Length)
        {
            _indexed -= entries.Length;
            Array.Resize(ref entries, Math.Max(64, Math.Max(index + 1, entries.Length + (entries.Length / 2))));
            _indexed += entries.Length;
            _pages[page] = entries;
        }
        if ((_count + 1) * Columns > _values.Length)
        {
            Array.Resize(ref _values, 2 * _values.Length);
        }
        int at = _count++ * Columns;
        entries[index] = at + 1;
        return at;
    }

    private double[] NewValues() => new double[16 * Math.Max(1, Columns)];
}
