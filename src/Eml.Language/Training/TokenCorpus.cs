using System.Buffers.Binary;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>
/// Documents as tokens, in one shard or many: what a model is trained on. Any number of threads may read one corpus.
/// </summary>
public sealed class TokenCorpus
{
    private readonly TokenShard[] _shards;
    private readonly int[] _first; // the number of each shard's first document

    /// <summary>The documents of shards, in their order.</summary>
    /// <param name="vocabularySize">How many ids there are, the same in all shards.</param>
    /// <param name="shards">Any number; none is a corpus without documents.</param>
    public TokenCorpus(int vocabularySize, IReadOnlyList<TokenShard> shards)
    {
        ArgumentNullException.ThrowIfNull(shards);
        VocabularySize = vocabularySize;
        _shards = [.. shards];
        _first = new int[_shards.Length];
        long count = 0;
        for (int i = 0; i < _shards.Length; i++)
        {
            if (_shards[i].VocabularySize != vocabularySize)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"shards[{i}]: its vocabulary has {_shards[i].VocabularySize} tokens and the corpus's {vocabularySize}; they must come from one tokenizer");
            }
            _first[i] = (int)count;
            count += _shards[i].Count;
            Tokens += _shards[i].Tokens;
            if (count > int.MaxValue)
            {
                throw new EmlException(ErrorCode.Limit, $"shards: they have more than {int.MaxValue} documents together; use fewer");
            }
        }
        Count = (int)count;
    }

    /// <summary>How many ids there are.</summary>
    public int VocabularySize { get; }

    /// <summary>How many documents there are.</summary>
    public int Count { get; }

    /// <summary>How many tokens all documents have together.</summary>
    public long Tokens { get; }

    /// <summary>A corpus of documents in memory.</summary>
    public static TokenCorpus Create(int vocabularySize, IReadOnlyList<int[]> documents)
    {
        ArgumentNullException.ThrowIfNull(documents);
        int size = TokenShard.TokenSize(vocabularySize), all = documents.Aggregate(0, (sum, document) => checked(sum + document.Length));
        byte[] tokens = new byte[checked(all * size)], starts = new byte[checked((documents.Count + 1) * sizeof(ulong))];
        int at = 0;
        for (int i = 0; i < documents.Count; i++)
        {
            foreach (int token in documents[i])
            {
                if ((uint)token >= (uint)vocabularySize)
                {
                    throw new EmlException(ErrorCode.Argument, $"documents[{i}]: it has the token {token}; the vocabulary has {vocabularySize}, numbered from 0 on");
                }
                Span<byte> to = tokens.AsSpan(at++ * size, size);
                if (size == sizeof(ushort))
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(to, (ushort)token);
                }
                else
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(to, (uint)token);
                }
            }
            BinaryPrimitives.WriteUInt64LittleEndian(starts.AsSpan((i + 1) * sizeof(ulong)), (ulong)at);
        }
        return new TokenCorpus(vocabularySize, [new TokenShard(vocabularySize, tokens, starts)]);
    }

    /// <summary>How many tokens a document has; one that begins documents is not among them.</summary>
    public int Length(int document)
    {
        int shard = Shard(document);
        return _shards[shard].Length(document - _first[shard]);
    }

    /// <summary>Copies the first tokens of a document, as many as <paramref name="to"/> has room for; returns how many.</summary>
    public int Copy(int document, Span<int> to)
    {
        int shard = Shard(document);
        return _shards[shard].Copy(document - _first[shard], to);
    }

    private int Shard(int document)
    {
        if ((uint)document >= (uint)Count)
        {
            throw new EmlException(ErrorCode.Argument, $"document: {document}; the corpus has {Count}, numbered from 0 on");
        }
        // The last shard that begins at or before the document; a search finds any of several that begin there, of which all but the last are empty.
        int at = Array.BinarySearch(_first, document);
        at = at < 0 ? ~at - 1 : at;
        while (at + 1 < _first.Length && _first[at + 1] == document)
        {
            at++;
        }
        return at;
    }
}
