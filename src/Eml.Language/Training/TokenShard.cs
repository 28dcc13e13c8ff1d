using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>
/// Documents as tokens, one behind the other, in memory that is perhaps a mapped file: little-endian numbers of 2 bytes if the vocabulary
/// has at most 65,536 tokens, else of 4; and where each document starts. The memory must not change.
/// </summary>
public sealed class TokenShard
{
    private const int SmallVocabulary = 1 << 16;

    private readonly ReadOnlyMemory<byte> _tokens;
    private readonly ReadOnlyMemory<byte> _starts;
    private readonly bool _small;

    /// <summary>A shard; all of it is checked.</summary>
    /// <param name="vocabularySize">How many ids there are; every token is below.</param>
    /// <param name="tokens">All tokens, <see cref="TokenSize"/> bytes each.</param>
    /// <param name="starts">For each document the number of its first token, and behind the last document the number of all tokens: 8 bytes
    /// each, little-endian, from 0 on, never falling.</param>
    public TokenShard(int vocabularySize, ReadOnlyMemory<byte> tokens, ReadOnlyMemory<byte> starts)
    {
        if (vocabularySize is < 1 or > Tokenizer.MaxTokens)
        {
            throw new EmlException(ErrorCode.Argument, $"vocabularySize: {vocabularySize}; it must be 1 to {Tokenizer.MaxTokens}");
        }
        int size = TokenSize(vocabularySize);
        if (tokens.Length % size != 0)
        {
            throw new EmlException(ErrorCode.Shape, $"tokens: {tokens.Length} bytes; a vocabulary of {vocabularySize} has tokens of {size} bytes");
        }
        if (starts.Length < sizeof(ulong) || starts.Length % sizeof(ulong) != 0)
        {
            throw new EmlException(ErrorCode.Shape, $"starts: {starts.Length} bytes; they must be {sizeof(ulong)} for each document and {sizeof(ulong)} more");
        }
        (VocabularySize, Tokens, Count) = (vocabularySize, tokens.Length / size, starts.Length / sizeof(ulong) - 1);
        (_tokens, _starts, _small) = (tokens, starts, size == sizeof(ushort));
        CheckStarts();
        CheckTokens();
    }

    /// <summary>How many ids there are.</summary>
    public int VocabularySize { get; }

    /// <summary>How many documents there are.</summary>
    public int Count { get; }

    /// <summary>How many tokens all documents have together.</summary>
    public int Tokens { get; }

    private ReadOnlySpan<ulong> Starts => MemoryMarshal.Cast<byte, ulong>(_starts.Span);

    /// <summary>Bytes of a token: 2 or 4.</summary>
    public static int TokenSize(int vocabularySize) => vocabularySize <= SmallVocabulary ? sizeof(ushort) : sizeof(uint);

    /// <summary>How many tokens a document has.</summary>
    public int Length(int document)
    {
        ReadOnlySpan<ulong> starts = Starts;
        return (int)(starts[Checked(document) + 1] - starts[document]);
    }

    /// <summary>Copies the first tokens of a document, as many as <paramref name="to"/> has room for; returns how many.</summary>
    public int Copy(int document, Span<int> to)
    {
        int count = Math.Min(Length(document), to.Length), start = (int)Starts[document];
        if (_small)
        {
            ReadOnlySpan<ushort> from = MemoryMarshal.Cast<byte, ushort>(_tokens.Span).Slice(start, count);
            for (int i = 0; i < from.Length; i++)
            {
                to[i] = from[i];
            }
        }
        else
        {
            MemoryMarshal.Cast<byte, int>(_tokens.Span).Slice(start, count).CopyTo(to);
        }
        return count;
    }

    private int Checked(int document) => (uint)document < (uint)Count ? document : throw new EmlException(ErrorCode.Argument,
        $"document: {document}; the shard has {Count}, numbered from 0 on");

    private void CheckStarts()
    {
        ReadOnlySpan<ulong> starts = Starts;
        if (starts[0] != 0 || starts[^1] != (ulong)Tokens)
        {
            throw new EmlException(ErrorCode.Argument, $"starts: they go from {starts[0]} to {starts[^1]}; they must go from 0 to {Tokens}, the number of tokens");
        }
        for (int i = 1; i < starts.Length; i++)
        {
            if (starts[i] < starts[i - 1])
            {
                throw new EmlException(ErrorCode.Argument, $"starts[{i}]: {starts[i]} is before starts[{i - 1}], {starts[i - 1]}; they must not fall");
            }
        }
    }

    private void CheckTokens()
    {
        int most = 0;
        if (_small)
        {
            if (VocabularySize == SmallVocabulary)
            {
                return;
            }
            foreach (ushort token in MemoryMarshal.Cast<byte, ushort>(_tokens.Span))
            {
                most = Math.Max(most, token);
            }
        }
        else
        {
            foreach (uint token in MemoryMarshal.Cast<byte, uint>(_tokens.Span))
            {
                most = Math.Max(most, (int)Math.Min(token, int.MaxValue));
            }
        }
        if (most >= VocabularySize)
        {
            throw new EmlException(ErrorCode.Argument, $"tokens: one is {most}; the vocabulary has {VocabularySize}, numbered from 0 on");
        }
    }
}
