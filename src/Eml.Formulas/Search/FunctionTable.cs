using Eml.Numerics;

namespace Eml.Formulas.Search;

/// <summary>
/// All distinct functions over 1 and the variables up to a length, by their values at three points: with f also exp f and ln f, so that a
/// candidate is one subtraction. Values that agree to 36 bits at all points are taken for one function.
/// </summary>
/// <remarks>Real and finite values only: what passes through infinities or complex numbers is not here.</remarks>
internal sealed class FunctionTable
{
    /// <summary>Points that functions are told apart at.</summary>
    public const int Points = 3;

    private readonly double[][] _value = [[], [], []];
    private readonly double[][] _exp = [[], [], []];
    private readonly double[][] _ln = [[], [], []];
    private readonly List<int> _ends = []; // of the functions of length 1, 3, 5 ...
    private readonly int _leaves;
    private readonly int _limit;
    private int[] _left = [];
    private int[] _right = [];
    private ulong[] _seen = new ulong[1 << 12];

    /// <summary>The leaves.</summary>
    /// <param name="points">(variables, <see cref="Points"/>)</param>
    /// <param name="limit">Functions at most.</param>
    public FunctionTable(double[][] points, int limit)
    {
        (_leaves, _limit) = (1 + points.Length, limit);
        Insert(1.0, 1.0, 1.0, 0, 0);
        foreach (double[] x in points)
        {
            Insert(x[0], x[1], x[2], Count, Count);
        }
        Finish(0);
    }

    /// <summary>Functions.</summary>
    public int Count { get; private set; }

    /// <summary>The greatest length of which all are here.</summary>
    public int Length => (2 * _ends.Count) - 1;

    /// <summary>Values, by point and function.</summary>
    public double[][] Value => _value;

    /// <summary>exp f; infinite where it is beyond doubles.</summary>
    public double[][] Exponential => _exp;

    /// <summary>ln f; no number where f is not positive.</summary>
    public double[][] Logarithm => _ln;

    /// <summary>The functions of a length, from the first to one past the last.</summary>
    public (int From, int To) Level(int length)
    {
        int i = (length - 1) / 2;
        return (i == 0 ? 0 : _ends[i - 1], _ends[i]);
    }

    /// <summary>Adds the functions of the next length; false if they are too many, or it was told to stop: then none of them stays.</summary>
    public bool Grow(Cancel? cancel = null)
    {
        int length = Length + 2, before = Count;
        for (int a = 1; a <= length - 2; a += 2)
        {
            (int leftFrom, int leftTo) = Level(a);
            (int rightFrom, int rightTo) = Level(length - 1 - a);
            for (int l = leftFrom; l < leftTo; l++)
            {
                (double e0, double e1, double e2) = (_exp[0][l], _exp[1][l], _exp[2][l]);
                if (!(Math.Max(e0, Math.Max(e1, e2)) < double.PositiveInfinity))
                {
                    continue;
                }
                if (cancel is { IsSet: true })
                {
                    Drop(before);
                    return false;
                }
                for (int r = rightFrom; r < rightTo; r++)
                {
                    (double v0, double v1, double v2) = (e0 - _ln[0][r], e1 - _ln[1][r], e2 - _ln[2][r]);
                    // What is no number is not below anything.
                    if (Math.Abs(v0) < double.MaxValue && Math.Abs(v1) < double.MaxValue && Math.Abs(v2) < double.MaxValue && !Insert(v0, v1, v2, l, r))
                    {
                        Drop(before);
                        return false;
                    }
                }
            }
        }
        Finish(before);
        return true;
    }

    /// <summary>A function as a form.</summary>
    public EmlForm Form(int function) => function == 0 ? EmlForm.One
        : function < _leaves ? EmlForm.Variable(function - 1)
        : EmlForm.Eml(Form(_left[function]), Form(_right[function]));

    /// <summary>Functions that were dropped stay known as seen: who drops a level adds no more.</summary>
    private void Drop(int count) => Count = count;

    private bool Insert(double v0, double v1, double v2, int left, int right)
    {
        ulong key = Key(v0, v1, v2);
        int mask = _seen.Length - 1;
        int slot = (int)(key >> 20) & mask;
        while (_seen[slot] != 0)
        {
            if (_seen[slot] == key)
            {
                return true;
            }
            slot = (slot + 1) & mask;
        }
        if (Count == _limit)
        {
            return false;
        }
        _seen[slot] = key;
        if (Count == _left.Length)
        {
            Enlarge();
        }
        (_value[0][Count], _value[1][Count], _value[2][Count]) = (v0, v1, v2);
        (_left[Count], _right[Count]) = (left, right);
        Count++;
        if (2 * Count > _seen.Length)
        {
            Rehash();
        }
        return true;
    }

    private void Finish(int from)
    {
        for (int p = 0; p < Points; p++)
        {
            Exp.Of(_value[p].AsSpan(from, Count - from), _exp[p].AsSpan(from, Count - from));
            Ln.Of(_value[p].AsSpan(from, Count - from), _ln[p].AsSpan(from, Count - from));
        }
        _ends.Add(Count);
    }

    private void Enlarge()
    {
        int size = Math.Min(_limit, Math.Max(1024, 2 * _left.Length));
        foreach (double[][] numbers in new[] { _value, _exp, _ln })
        {
            for (int p = 0; p < Points; p++)
            {
                Array.Resize(ref numbers[p], size);
            }
        }
        Array.Resize(ref _left, size);
        Array.Resize(ref _right, size);
    }

    private void Rehash()
    {
        ulong[] old = _seen;
        _seen = new ulong[2 * old.Length];
        int mask = _seen.Length - 1;
        foreach (ulong key in old)
        {
            if (key == 0)
            {
                continue;
            }
            int slot = (int)(key >> 20) & mask;
            while (_seen[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }
            _seen[slot] = key;
        }
    }

    private static ulong Key(double v0, double v1, double v2)
    {
        ulong key = Rounded(v0) * 0x9E3779B97F4A7C15;
        key = (key ^ (key >> 29) ^ Rounded(v1)) * 0xBF58476D1CE4E5B9;
        key = (key ^ (key >> 32) ^ Rounded(v2)) * 0x94D049BB133111EB;
        key ^= key >> 31;
        return key == 0 ? 1 : key;
    }

    /// <summary>36 bits after the point; both zeros are one.</summary>
    private static ulong Rounded(double v) => (BitConverter.DoubleToUInt64Bits(v + 0.0) + 0x8000) >> 16;
}
