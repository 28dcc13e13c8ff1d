namespace Eml.Formulas.Search;

/// <summary>Finds functions by one of their numbers (exp f, or ln f) up to rounding: a bit for each cell of 2^-30 of |number| + 1 says whether any
/// function may be there, which is what nearly all questions end with.</summary>
internal sealed class ValueIndex
{
    private const int CellBits = 22;
    private const ulong Fraction = (1UL << CellBits) - 1;

    /// <summary>Numbers closer than this, relative to |number| + 1, are the same: roundings of peeled values are smaller by orders.</summary>
    public const double Tolerance = 1e-10;

    // Tolerance in units of the last place of a number of 53 bits.
    private const ulong Margin = (ulong)(Tolerance * (1UL << 53));

    private readonly double[][] _numbers;
    private readonly ulong[] _filter;
    private readonly int _filterShift;
    private readonly int[] _slots;
    private readonly int _slotShift;

    /// <param name="numbers">By point and function.</param>
    /// <param name="count">Functions.</param>
    public ValueIndex(double[][] numbers, int count)
    {
        _numbers = numbers;
        int bits = 12;
        while (1L << bits < 2L * count)
        {
            bits++;
        }
        (_slots, _slotShift) = (new int[1 << bits], 64 - bits);
        // 16 bits a slot: one question in 30 is answered wrongly by the filter alone.
        int filterBits = Math.Min(bits + 4, 34);
        (_filter, _filterShift) = (new ulong[1L << (filterBits - 6)], 64 - filterBits);
        int mask = _slots.Length - 1;
        for (int i = 0; i < count; i++)
        {
            if (!double.IsFinite(numbers[0][i]) || !double.IsFinite(numbers[1][i]) || !double.IsFinite(numbers[2][i]))
            {
                continue;
            }
            ulong hash = Hash(Bits(numbers[0][i]) >> CellBits);
            _filter[hash >> (_filterShift + 6)] |= 1UL << (int)((hash >> _filterShift) & 63);
            int slot = (int)(hash >> _slotShift);
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }
            _slots[slot] = i + 1;
        }
    }

    /// <summary>Whether some function may have this number at the first point.</summary>
    public bool May(double v0)
    {
        ulong bits = Bits(v0), cell = bits >> CellBits, fraction = bits & Fraction;
        return Has(cell) || (fraction < Margin && Has(cell - 1)) || (fraction > Fraction - Margin && Has(cell + 1));
    }

    /// <summary>The first function, in the table's order, with these numbers; -1 if there is none.</summary>
    public int Find(double v0, double v1, double v2)
    {
        ulong bits = Bits(v0), cell = bits >> CellBits, fraction = bits & Fraction;
        int found = Find(cell, v0, v1, v2);
        int beside = fraction < Margin ? Find(cell - 1, v0, v1, v2) : fraction > Fraction - Margin ? Find(cell + 1, v0, v1, v2) : -1;
        return found < 0 ? beside : beside < 0 ? found : Math.Min(found, beside);
    }

    private int Find(ulong cell, double v0, double v1, double v2)
    {
        int best = -1;
        int mask = _slots.Length - 1;
        for (int slot = (int)(Hash(cell) >> _slotShift); _slots[slot] != 0; slot = (slot + 1) & mask)
        {
            int i = _slots[slot] - 1;
            if (IsNear(_numbers[0][i], v0) && IsNear(_numbers[1][i], v1) && IsNear(_numbers[2][i], v2) && (best < 0 || i < best))
            {
                best = i;
            }
        }
        return best;
    }

    private bool Has(ulong cell)
    {
        ulong hash = Hash(cell);
        return (_filter[hash >> (_filterShift + 6)] >> (int)((hash >> _filterShift) & 63) & 1) != 0;
    }

    private static bool IsNear(double a, double b) => Math.Abs(a - b) <= Tolerance * (Math.Abs(b) + 1.0);

    private static ulong Bits(double v) => BitConverter.DoubleToUInt64Bits(v >= 0.0 ? v + 1.0 : v - 1.0);

    private static ulong Hash(ulong cell)
    {
        ulong h = cell * 0x9E3779B97F4A7C15;
        h ^= h >> 32;
        return h * 0xD6E8FEB86659FD93;
    }
}
