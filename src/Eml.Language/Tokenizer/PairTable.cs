using System.Numerics;
using System.Runtime.CompilerServices;

namespace Eml.Language;

/// <summary>The token that two neighbouring tokens join to.</summary>
internal sealed class PairTable
{
    /// <summary>The answer for two tokens that make none: after every rank.</summary>
    public const int None = int.MaxValue;

    /// <summary>Left, right and joined token share one word, 21 bits each.</summary>
    public const int IdBits = 21;

    private const ulong Factor = 0x9E3779B97F4A7C15;
    private const ulong Free = ulong.MaxValue;
    private const ulong IdMask = (1UL << IdBits) - 1;

    private ulong[] _entries = NewTable(1 << 10);
    private int _shift = 64 - 10;
    private int _count;

    public void Add(int left, int right, int joined)
    {
        if (2 * ++_count > _entries.Length)
        {
            Grow();
        }
        Put((((ulong)left << IdBits | (uint)right) << IdBits) | (uint)joined);
    }

    /// <summary>The joined token, which is also its rank, or <see cref="None"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(int left, int right)
    {
        ulong pair = ((ulong)left << IdBits) | (uint)right;
        ulong[] entries = _entries;
        int at = (int)((pair * Factor) >> _shift);
        while (true)
        {
            ulong entry = entries[at];
            if (entry >> IdBits == pair)
            {
                return (int)(entry & IdMask);
            }
            if (entry == Free)
            {
                return None;
            }
            at = (at + 1) & (entries.Length - 1);
        }
    }

    private void Put(ulong entry)
    {
        int at = (int)(((entry >> IdBits) * Factor) >> _shift);
        while (_entries[at] != Free)
        {
            at = (at + 1) & (_entries.Length - 1);
        }
        _entries[at] = entry;
    }

    private void Grow()
    {
        ulong[] old = _entries;
        _entries = NewTable(2 * old.Length);
        _shift = 64 - BitOperations.Log2((uint)_entries.Length);
        foreach (ulong entry in old)
        {
            if (entry != Free)
            {
                Put(entry);
            }
        }
    }

    private static ulong[] NewTable(int size)
    {
        ulong[] table = new ulong[size];
        Array.Fill(table, Free);
        return table;
    }
}
