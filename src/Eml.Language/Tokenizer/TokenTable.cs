using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Language;

/// <summary>A piece of at most <see cref="MaxLength"/> bytes as two words, zeros behind it.</summary>
internal readonly record struct PieceKey(ulong Low, ulong High)
{
    public const int MaxLength = 16;

    // Odd numbers with bits everywhere: the golden ratio, and one of MurmurHash's.
    private const ulong LowFactor = 0x9E3779B97F4A7C15, HighFactor = 0xC2B2AE3D27D4EB4F;

    /// <summary>The upper bits depend on all bytes.</summary>
    public ulong Hash => (Low * LowFactor) ^ BitOperations.RotateLeft(High * HighFactor, 29);

    /// <summary>The bytes from <paramref name="start"/> on, 1 to <see cref="MaxLength"/> of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PieceKey Of(ReadOnlySpan<byte> text, int start, int length)
    {
        if (start > text.Length - MaxLength)
        {
            return Short(text.Slice(start, length));
        }
        ref byte first = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), start);
        ulong low = Unsafe.ReadUnaligned<ulong>(ref first), high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, 8));
        // A shift takes its count modulo 64: none for 8 and 16.
        ulong mask = ulong.MaxValue >> (-8 * length);
        return length > 8 ? new PieceKey(low, high & mask) : new PieceKey(low & mask, 0);
    }

    private static PieceKey Short(ReadOnlySpan<byte> piece)
    {
        Span<ulong> words = stackalloc ulong[2];
        words.Clear();
        piece.CopyTo(MemoryMarshal.AsBytes(words));
        return new PieceKey(words[0], words[1]);
    }
}

/// <summary>Finds the token of given bytes: open addressing, at most half full.</summary>
internal sealed class TokenTable
{
    private struct Entry
    {
        public PieceKey Key;
        public int Length;
        public int Id;
    }

    private readonly TokenBytes _tokens;
    private readonly Entry[] _short;
    private readonly int _shortShift;
    private readonly int[] _long; // ids plus one; 0 is free
    private readonly int _longShift;

    public TokenTable(TokenBytes tokens)
    {
        _tokens = tokens;
        int longOnes = 0;
        for (int id = 0; id < tokens.Count; id++)
        {
            longOnes += tokens[id].Length > PieceKey.MaxLength ? 1 : 0;
        }
        _short = new Entry[Size(tokens.Count - longOnes, out _shortShift)];
        _long = new int[Size(longOnes, out _longShift)];
    }

    /// <summary>Adds a token; the answer is the one that has the same bytes, or -1 if that is new.</summary>
    public int Add(int id)
    {
        ReadOnlySpan<byte> token = _tokens[id];
        int known = Find(token, 0, token.Length);
        if (known >= 0)
        {
            return known;
        }
        if (token.Length <= PieceKey.MaxLength)
        {
            PieceKey key = PieceKey.Of(token, 0, token.Length);
            int at = (int)(key.Hash >> _shortShift);
            while (_short[at].Length != 0)
            {
                at = (at + 1) & (_short.Length - 1);
            }
            _short[at] = new Entry { Key = key, Length = token.Length, Id = id };
        }
        else
        {
            int at = (int)(LongHash(token) >> _longShift);
            while (_long[at] != 0)
            {
                at = (at + 1) & (_long.Length - 1);
            }
            _long[at] = id + 1;
        }
        return -1;
    }

    /// <summary>The token that is a part of a text, or -1.</summary>
    public int Find(ReadOnlySpan<byte> text, int start, int length) => length <= PieceKey.MaxLength
        ? Find(PieceKey.Of(text, start, length), length)
        : FindLong(text.Slice(start, length));

    /// <summary>The token of a short piece, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(PieceKey key, int length)
    {
        Entry[] entries = _short;
        int at = (int)(key.Hash >> _shortShift);
        while (true)
        {
            ref readonly Entry entry = ref entries[at];
            if (entry.Key.Low == key.Low && entry.Key.High == key.High && entry.Length == length)
            {
                return entry.Id;
            }
            if (entry.Length == 0)
            {
                return -1;
            }
            at = (at + 1) & (entries.Length - 1);
        }
    }

    private int FindLong(ReadOnlySpan<byte> piece)
    {
        if (piece.Length > _tokens.MaxLength)
        {
            return -1;
        }
        for (int at = (int)(LongHash(piece) >> _longShift); _long[at] != 0; at = (at + 1) & (_long.Length - 1))
        {
            int id = _long[at] - 1;
            if (_tokens[id].SequenceEqual(piece))
            {
                return id;
            }
        }
        return -1;
    }

    private static ulong LongHash(ReadOnlySpan<byte> piece)
    {
        ulong hash = (ulong)piece.Length;
        for (int at = 0; at < piece.Length; at += PieceKey.MaxLength)
        {
            hash = BitOperations.RotateLeft(hash, 23) * 0x9E3779B97F4A7C15 + PieceKey.Of(piece, at, Math.Min(PieceKey.MaxLength, piece.Length - at)).Hash;
        }
        return hash * 0x9E3779B97F4A7C15;
    }

    private static int Size(int count, out int shift)
    {
        int bits = Math.Max(2, BitOperations.Log2((uint)count) + 2);
        shift = 64 - bits;
        return 1 << bits;
    }
}
