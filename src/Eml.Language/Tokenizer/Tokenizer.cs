using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>
/// Byte-level byte pair encoding as tiktoken does it: text is cut into pieces by <see cref="SplitPattern"/>; a piece that is
/// a token as a whole is that token, every other is merged from its bytes, always the neighbouring pair whose joined bytes
/// have the lowest rank, the leftmost on ties. Ids are ranks; behind them come the special tokens. Immutable: any number of
/// threads may use one tokenizer.
/// </summary>
public sealed class Tokenizer
{
    /// <summary>
    /// The split pattern, that of nanochat and autoresearch. \p{L} and \p{N} are Unicode's, \s is the property White_Space,
    /// (?i:…) is simple case folding.
    /// </summary>
    public const string SplitPattern =
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

    /// <summary>Tokens of a vocabulary, the special ones among them.</summary>
    public const int MaxTokens = 1 << 20;

    /// <summary>Special tokens of a vocabulary.</summary>
    public const int MaxSpecialTokens = 1024;

    /// <summary>Bytes of a token.</summary>
    public const int MaxTokenBytes = 1024;

    /// <summary>Bytes of all tokens together, the special ones left out.</summary>
    public const int MaxVocabularyBytes = 1 << 23;

    /// <summary>Bytes of a text that is encoded at once.</summary>
    public const int MaxTextBytes = 1 << 30;

    private readonly TokenBytes _bytes;
    private readonly TokenTable _table;
    private readonly PieceMerger _merger;
    private readonly SpecialTokens _special;
    private readonly ConcurrentBag<PieceCache> _caches = [];
    private readonly int[] _rawLengths;
    private readonly int[] _referenceLengths;

    /// <summary>A tokenizer of these tokens.</summary>
    /// <param name="ranks">The tokens' bytes by rank; all 256 single bytes must be among them.</param>
    /// <param name="specialTokens">Special tokens and their ids, which follow the ranks without a gap.</param>
    /// <param name="bosToken">The special token that begins a document; null if there is none.</param>
    /// <param name="pattern">The split pattern; only <see cref="SplitPattern"/> is known.</param>
    /// <param name="name">What the tokenizer is called in files.</param>
    public Tokenizer(IReadOnlyList<byte[]> ranks, IReadOnlyDictionary<string, int> specialTokens, string? bosToken = null,
        string pattern = SplitPattern, string name = "")
    {
        if (pattern != SplitPattern)
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"pattern: it is not the split pattern that this library knows; it must be {SplitPattern}; another one cuts text into other tokens");
        }

        Name = name;
        RankCount = ranks.Count;
        Vocabulary.CheckSizes(ranks, specialTokens);
        _special = new SpecialTokens(specialTokens, RankCount);
        _bytes = new TokenBytes([.. ranks, .. _special.Names.Select(Encoding.UTF8.GetBytes)]);
        _table = Vocabulary.Table(_bytes, RankCount);
        _merger = new PieceMerger(Vocabulary.Pairs(_bytes, RankCount, _table), Vocabulary.ByteIds(_table));
        (_rawLengths, _referenceLengths) = Vocabulary.Lengths(_bytes, RankCount);
        if (bosToken is not null)
        {
            BosId = FindSpecial(bosToken) ?? throw new EmlException(ErrorCode.Argument,
                $"bosToken: \"{bosToken}\" is no special token; it must be one of them: {_special}");
        }
    }

    /// <summary>What the tokenizer is called in files; may be empty.</summary>
    public string Name { get; }

    /// <summary>How many ids there are: ranks and special tokens.</summary>
    public int VocabularySize => _bytes.Count;

    /// <summary>How many ids are ranks; the ids from here on are special tokens.</summary>
    public int RankCount { get; }

    /// <summary>The id that begins a document, if the tokenizer has one.</summary>
    public int? BosId { get; }

    /// <summary>The names of the special tokens; the first has the id <see cref="RankCount"/>.</summary>
    public IReadOnlyList<string> SpecialNames => _special.Names;

    /// <summary>Bytes of each token, 0 for special tokens: what bits per byte is measured by.</summary>
    public ReadOnlySpan<int> RawByteLengths => _rawLengths;

    /// <summary>
    /// Bytes of each token as autoresearch's prepare.py counts them, which decodes each token for itself: what is no valid
    /// UTF-8 counts as U+FFFD, 3 bytes each. 0 for special tokens.
    /// </summary>
    public ReadOnlySpan<int> ReferenceByteLengths => _referenceLengths;

    /// <summary>The id of a special token, or null if there is none of this name.</summary>
    public int? FindSpecial(string name) => _special.Find(name);

    /// <summary>The bytes of a token; those of a special token are its name.</summary>
    public ReadOnlySpan<byte> TokenBytes(int id) => (uint)id < (uint)VocabularySize ? _bytes[id] : throw NoToken("id", id);

    /// <summary>The ids of a text. Half a surrogate pair becomes U+FFFD, as in tiktoken.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="special">Names of special tokens stand for these tokens; otherwise they are ordinary text.</param>
    public int[] Encode(string text, bool special = false)
    {
        var ids = new List<int>();
        Encode(text, ids, special);
        return [.. ids];
    }

    /// <summary>Appends the ids of a text to <paramref name="ids"/>, <see cref="Encode(string, bool)"/>.</summary>
    public void Encode(ReadOnlySpan<char> text, List<int> ids, bool special = false)
    {
        // A character never needs more than three bytes; counting is only for texts near the limit.
        long most = text.Length <= MaxTextBytes / 3 ? 3 * text.Length : Encoding.UTF8.GetByteCount(text);
        if (most > MaxTextBytes)
        {
            throw TooLong(most);
        }
        byte[] bytes = ArrayPool<byte>.Shared.Rent((int)most);
        try
        {
            Utf8.FromUtf16(text, bytes, out _, out int written);
            EncodeValid(bytes.AsSpan(0, written), ids, special);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>The ids of a text in UTF-8.</summary>
    /// <param name="text">Valid UTF-8; other bytes are refused.</param>
    /// <param name="special">Names of special tokens stand for these tokens; otherwise they are ordinary text.</param>
    public int[] Encode(ReadOnlySpan<byte> text, bool special = false)
    {
        var ids = new List<int>();
        Encode(text, ids, special);
        return [.. ids];
    }

    /// <summary>Appends the ids of a text to <paramref name="ids"/>, <see cref="Encode(ReadOnlySpan{byte}, bool)"/>.</summary>
    public void Encode(ReadOnlySpan<byte> text, List<int> ids, bool special = false)
    {
        if (text.Length > MaxTextBytes)
        {
            throw TooLong(text.Length);
        }
        ValidText.Check(text);
        EncodeValid(text, ids, special);
    }

    /// <summary>The bytes that the tokens stand for.</summary>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids)
    {
        byte[] bytes = new byte[Length(ids)];
        Copy(ids, bytes);
        return bytes;
    }

    /// <summary>
    /// The text that the tokens stand for. What is no valid UTF-8 becomes U+FFFD, one for each maximal part of a character.
    /// </summary>
    public string Decode(ReadOnlySpan<int> ids)
    {
        int length = Length(ids);
        byte[] bytes = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Copy(ids, bytes);
            return Encoding.UTF8.GetString(bytes, 0, length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>
    /// The pair of lower ranks that each token of more than one byte was merged from, in the order of the ranks: how a
    /// trainer wrote them down. Null if some token cannot be merged from two of lower rank.
    /// </summary>
    public (int Left, int Right)[]? FindMerges()
    {
        var merges = new List<(int, int)>();
        int[] parts = new int[_bytes.MaxLength];
        for (int id = 0; id < RankCount; id++)
        {
            if (_bytes.Length(id) == 1)
            {
                continue;
            }
            if (_merger.Encode(_bytes[id], parts, limit: id) != 2 || parts[0] >= id || parts[1] >= id)
            {
                return null;
            }
            merges.Add((parts[0], parts[1]));
        }
        return [.. merges];
    }

    private void EncodeValid(ReadOnlySpan<byte> text, List<int> ids, bool special)
    {
        if (!_caches.TryTake(out PieceCache? cache))
        {
            cache = new PieceCache();
        }
        int before = ids.Count;
        try
        {
            while (special && _special.Next(text, out int at, out int id))
            {
                EncodeOrdinary(text[..at], ids, cache);
                ids.Add(id);
                text = text[(at + _bytes.Length(id))..];
            }
            EncodeOrdinary(text, ids, cache);
        }
        catch
        {
            CollectionsMarshal.SetCount(ids, before);
            throw;
        }
        finally
        {
            _caches.Add(cache);
        }
    }

    private void EncodeOrdinary(ReadOnlySpan<byte> text, List<int> ids, PieceCache cache)
    {
        int count = ids.Count;
        Span<int> room = Room(ids, count, text.Length / 4);
        for (int start = 0; start < text.Length;)
        {
            int end = PieceSplitter.End(text, start);
            int length = end - start;
            if (count + length > room.Length)
            {
                // A piece has at most as many tokens as bytes.
                room = Room(ids, count, Math.Max(length, (text.Length - start) / 4));
            }
            count += length <= PieceKey.MaxLength
                ? EncodeShort(text, start, length, room[count..], cache)
                : EncodeLong(text[start..end], room[count..]);
            start = end;
        }
        CollectionsMarshal.SetCount(ids, count);
    }

    private int EncodeShort(ReadOnlySpan<byte> text, int start, int length, Span<int> ids, PieceCache cache)
    {
        PieceKey key = PieceKey.Of(text, start, length);
        int id = _table.Find(key, length);
        if (id >= 0)
        {
            ids[0] = id;
            return 1;
        }
        int count = cache.Find(key, length, ids);
        if (count == 0)
        {
            count = _merger.Encode(text.Slice(start, length), ids);
            cache.Put(key, length, ids[..count]);
        }
        return count;
    }

    private int EncodeLong(ReadOnlySpan<byte> piece, Span<int> ids)
    {
        int id = _table.Find(piece, 0, piece.Length);
        if (id < 0)
        {
            return _merger.Encode(piece, ids);
        }
        ids[0] = id;
        return 1;
    }

    /// <summary>All the space of a list that has room for at least so many more ids.</summary>
    private static Span<int> Room(List<int> ids, int count, int more)
    {
        CollectionsMarshal.SetCount(ids, count);
        ids.EnsureCapacity(checked(count + more));
        CollectionsMarshal.SetCount(ids, ids.Capacity);
        return CollectionsMarshal.AsSpan(ids);
    }

    private int Length(ReadOnlySpan<int> ids)
    {
        long length = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)VocabularySize)
            {
                throw NoToken($"ids[{i}]", ids[i]);
            }
            length += _bytes.Length(ids[i]);
        }
        return length <= MaxTextBytes ? (int)length : throw new EmlException(ErrorCode.Limit,
            $"ids: they stand for {length} bytes; the limit is {MaxTextBytes}; decode fewer at once");
    }

    private void Copy(ReadOnlySpan<int> ids, Span<byte> to)
    {
        foreach (int id in ids)
        {
            ReadOnlySpan<byte> token = _bytes[id];
            token.CopyTo(to);
            to = to[token.Length..];
        }
    }

    private EmlException NoToken(string what, int id) => new(ErrorCode.Argument,
        $"{what} is {id}; the tokenizer has the ids 0 to {VocabularySize - 1}; take ids that this tokenizer made");

    private static EmlException TooLong(long bytes) => new(ErrorCode.Limit,
        $"text: it has {bytes} bytes in UTF-8; the limit is {MaxTextBytes}; cut it between lines and encode the parts");
}
