namespace Eml.Machine.Transformer;

/// <summary>The keys and values of one hard-max lookup whose query is (q, 1), with what can never win again left out.</summary>
/// <remarks>
/// Of keys with the same first component, the one with the largest second component has the highest score for every query, and among
/// equals the latest wins: one entry per first component is exact, so the memory grows with the different things remembered, not with
/// the sequence. If moreover no key lies above the parabola (2j, -j^2), a query q whose entry (2q, -q^2) is there scores q^2 with it and
/// q^2 - (q - k/2)^2 at most with any other: that entry is the only winner and is found in one step. Else all entries are compared; the winner is
/// kept up to date for the case that the same query follows, as it does for every position of a prompt.
/// </remarks>
internal sealed class LookupMemory(int values)
{
    /// <summary>First components 2j with j in [-Near, Direct - Near) are found by an array, others by a table.</summary>
    private const int Near = 8;
    private const int Direct = 1024;

    private readonly int[] _direct = NewDirect();
    private readonly Dictionary<double, int> _table = [];
    private double[] _first = new double[16];
    private double[] _second = new double[16];
    private long[] _positions = new long[16];
    private double[] _values = new double[16 * values];
    private bool _aboveParabola;
    private double _searched = double.NaN;
    private int _found = -1;

    /// <summary>Number of entries.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes held.</summary>
    public long Bytes => (_first.Length * 24L) + (_values.Length * 8L) + (_direct.Length * 4L) + (_table.Count * 24L);

    /// <summary>The position of an entry.</summary>
    public long Position(int entry) => _positions[entry];

    /// <summary>The values of an entry.</summary>
    public Span<double> Values(int entry) => _values.AsSpan(entry * values, values);

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Fill(_direct, -1);
        _table.Clear();
        Count = 0;
        _aboveParabola = false;
        _searched = double.NaN;
        _found = -1;
    }

    /// <summary>The entry that a new key takes, or -1 if an older one is better for every query. The caller writes the values.</summary>
    public int Insert(double first, double second, long position)
    {
        int entry = Find(first);
        if (entry < 0)
        {
            entry = Grow();
            int direct = DirectIndex(first);
            if (direct >= 0)
            {
                _direct[direct] = entry;
            }
            else
            {
                _table[first] = entry;
            }
            _first[entry] = first;
        }
        else if (second < _second[entry])
        {
            return -1;
        }
        _second[entry] = second;
        _positions[entry] = position;
        _aboveParabola |= second > -0.25 * first * first;
        if (!double.IsNaN(_searched))
        {
            _found = Better(_searched, _found, entry); // an entry only ever gets better
        }
        return entry;
    }

    /// <summary>The entry with the highest score for (query, 1), the latest of equals; -1 if there is none.</summary>
    public int Best(double query)
    {
        int exact = Find(2.0 * query);
        if (exact >= 0 && !_aboveParabola && _second[exact] == -query * query)
        {
            return exact;
        }
        if (query != _searched)
        {
            (_searched, _found) = (query, -1);
            for (int i = 0; i < Count; i++)
            {
                _found = Better(query, _found, i);
            }
        }
        return _found;
    }

    /// <summary>Which of two entries a query reads; <paramref name="best"/> may be -1.</summary>
    private int Better(double query, int best, int other)
    {
        if (best < 0)
        {
            return other;
        }
        double bestScore = (query * _first[best]) + _second[best];
        double score = (query * _first[other]) + _second[other];
        return score > bestScore || (score == bestScore && _positions[other] > _positions[best]) ? other : best;
    }

    private int Find(double first)
    {
        int direct = DirectIndex(first);
        return direct >= 0 ? _direct[direct] : _table.GetValueOrDefault(first, -1);
    }

    private static int DirectIndex(double first)
    {
        double j = (0.5 * first) + Near;
        int index = (int)j;
        return index == j && (uint)index < Direct ? index : -1;
    }

    private int Grow()
    {
        if (Count == _first.Length)
        {
            int size = 2 * Count;
            Array.Resize(ref _first, size);
            Array.Resize(ref _second, size);
            Array.Resize(ref _positions, size);
            Array.Resize(ref _values, size * values);
        }
        return Count++;
    }

    private static int[] NewDirect()
    {
        int[] entries = new int[Direct];
        Array.Fill(entries, -1);
        return entries;
    }
}
