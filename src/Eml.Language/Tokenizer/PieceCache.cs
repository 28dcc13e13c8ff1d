using System.Runtime.CompilerServices;

namespace Eml.Language;

/// <summary>
/// Remembers how pieces were encoded that are no token as a whole: a new piece takes the place of an old one. One thread
/// uses it at a time; what comes out does not depend on what is in it.
/// </summary>
internal sealed class PieceCache
{
    /// <summary>Ids of a piece that is remembered.</summary>
    public const int MaxIds = 10;

    private const int Bits = 13;

    [InlineArray(MaxIds)]
    private struct Ids
    {
        private int _first;
    }

    // A cache line of 64 bytes.
    private struct Entry
    {
        public PieceKey Key;
        public int Length;
        public int Count;
        public Ids Ids;
    }

    private readonly Entry[] _entries = new Entry[1 << Bits];

    /// <summary>Copies the ids of a piece; the answer is how many, 0 if the piece is not known.</summary>
    public int Find(PieceKey key, int length, Span<int> ids)
    {
        ref Entry entry = ref _entries[key.Hash >> (64 - Bits)];
        if (entry.Key != key || entry.Length != length)
        {
            return 0;
        }
        ReadOnlySpan<int> known = entry.Ids;
        known[..entry.Count].CopyTo(ids);
        return entry.Count;
    }

    /// <summary>Remembers a piece, unless it has too many ids.</summary>
    public void Put(PieceKey key, int length, ReadOnlySpan<int> ids)
    {
        if (ids.Length > MaxIds)
        {
            return;
        }
        ref Entry entry = ref _entries[key.Hash >> (64 - Bits)];
        entry.Key = key;
        entry.Length = length;
        entry.Count = ids.Length;
        ids.CopyTo(entry.Ids);
    }
}
