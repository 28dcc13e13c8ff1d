using Eml.Numerics;

namespace Eml.Language;

/// <summary>Counts how often each piece of text occurs: open addressing, at most half full.</summary>
internal sealed class PieceCounts
{
    /// <summary>Bytes of all different pieces together.</summary>
    public const int MaxBytes = 1 << 28;

    private struct Entry
    {
        public PieceKey Key; // of the first bytes
        public int Start;
        public int Length; // 0 is free
        public long Count;
    }

    private Entry[] _entries = new Entry[1 << 12];
    private byte[] _bytes = new byte[1 << 15];

    /// <summary>How many different pieces there are.</summary>
    public int Unique { get; private set; }

    /// <summary>Bytes of all different pieces together.</summary>
    public int Bytes { get; private set; }

    /// <summary>Counts the piece that is a part of a text.</summary>
    public void Add(ReadOnlySpan<byte> text, int start, int length)
    {
        PieceKey key = PieceKey.Of(text, start, Math.Min(length, PieceKey.MaxLength));
        ReadOnlySpan<byte> rest = length > PieceKey.MaxLength ? text.Slice(start + PieceKey.MaxLength, length - PieceKey.MaxLength) : default;
        for (int at = Place(key, rest); ; at = (at + 1) & (_entries.Length - 1))
        {
            ref Entry entry = ref _entries[at];
            if (entry.Length == length && entry.Key == key && (rest.IsEmpty || Rest(entry).SequenceEqual(rest)))
            {
                entry.Count++;
                return;
            }
            if (entry.Length == 0)
            {
                entry = new Entry { Key = key, Start = Keep(text.Slice(start, length)), Length = length, Count = 1 };
                break;
            }
        }
        if (2 * ++Unique > _entries.Length)
        {
            Grow();
        }
    }

    /// <summary>All pieces with their counts, in no order.</summary>
    public IEnumerable<(ReadOnlyMemory<byte> Piece, long Count)> All()
    {
        foreach (Entry entry in _entries)
        {
            if (entry.Length > 0)
            {
                yield return (_bytes.AsMemory(entry.Start, entry.Length), entry.Count);
            }
        }
    }

    private ReadOnlySpan<byte> Rest(in Entry entry) =>
        entry.Length > PieceKey.MaxLength ? _bytes.AsSpan(entry.Start + PieceKey.MaxLength, entry.Length - PieceKey.MaxLength) : default;

    private int Place(PieceKey key, ReadOnlySpan<byte> rest)
    {
        ulong hash = key.Hash + (ulong)rest.Length;
        for (int at = 0; at < rest.Length; at += PieceKey.MaxLength)
        {
            hash = hash * 0x9E3779B97F4A7C15 + PieceKey.Of(rest, at, Math.Min(PieceKey.MaxLength, rest.Length - at)).Hash;
        }
        return (int)(hash >> 33) & (_entries.Length - 1);
    }

    private int Keep(ReadOnlySpan<byte> piece)
    {
        if (Bytes + (long)piece.Length > MaxBytes)
        {
            throw new EmlException(ErrorCode.Limit,
                $"documents: their different pieces have more than {MaxBytes} bytes together, the limit; train on fewer documents");
        }
        if (Bytes + piece.Length > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(2L * _bytes.Length, Bytes + piece.Length), MaxBytes));
        }
        piece.CopyTo(_bytes.AsSpan(Bytes));
        Bytes += piece.Length;
        return Bytes - piece.Length;
    }

    private void Grow()
    {
        Entry[] old = _entries;
        _entries = new Entry[2 * old.Length];
        foreach (Entry entry in old)
        {
            if (entry.Length > 0)
            {
                int at = Place(entry.Key, Rest(entry));
                while (_entries[at].Length > 0)
                {
                    at = (at + 1) & (_entries.Length - 1);
                }
                _entries[at] = entry;
            }
        }
    }
}
