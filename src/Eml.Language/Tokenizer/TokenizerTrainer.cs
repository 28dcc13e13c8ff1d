using Eml.Numerics;

namespace Eml.Language;

/// <summary>A merge that training found: two tokens that become one.</summary>
/// <param name="Left">The token before.</param>
/// <param name="Right">The token behind it.</param>
/// <param name="Count">How often they stood side by side.</param>
public readonly record struct TokenizerMerge(int Left, int Right, long Count);

/// <summary>
/// Trains a tokenizer as rustbpe does: documents are cut into pieces, each for itself; the pair of neighbouring tokens that is
/// the most frequent in all pieces becomes a token, again and again; of pairs that are equally frequent the smallest one, by
/// the left and then the right id. The order of the documents does not matter. For one thread.
/// </summary>
public sealed class TokenizerTrainer
{
    private const int Bytes = 256;

    private readonly PieceCounts _counts = new();

    /// <summary>How many pieces the documents had.</summary>
    public long Pieces { get; private set; }

    /// <summary>How many of them were different.</summary>
    public int UniquePieces => _counts.Unique;

    /// <summary>Counts the pieces of a document, which must be valid UTF-8.</summary>
    public void Add(ReadOnlySpan<byte> document)
    {
        ValidText.Check(document);
        for (int start = 0, end; start < document.Length; start = end)
        {
            end = PieceSplitter.End(document, start);
            _counts.Add(document, start, end - start);
            Pieces++;
        }
    }

    /// <summary>
    /// The merges in their order: the i-th makes the token 256 + i of two before it. Fewer than asked for if no piece has two
    /// tokens any more, or if <paramref name="cancel"/> was set.
    /// </summary>
    /// <param name="count">How many merges to find: ranks of the tokenizer − 256.</param>
    /// <param name="onMerge">Is told each merge with its number from 0 on.</param>
    /// <param name="cancel">Stops the search.</param>
    public TokenizerMerge[] FindMerges(int count, Action<int, TokenizerMerge>? onMerge = null, Cancel? cancel = null)
    {
        if (count is < 0 or > Tokenizer.MaxTokens - Bytes)
        {
            throw new EmlException(ErrorCode.Argument, $"count: {count} merges; it must be 0 to {Tokenizer.MaxTokens - Bytes}");
        }
        var pairs = new PairCounts(_counts);
        var merges = new List<TokenizerMerge>();
        while (merges.Count < count && cancel is not { IsSet: true } && pairs.TryTakeBest(out TokenizerMerge merge))
        {
            pairs.Merge(merge, Bytes + merges.Count);
            onMerge?.Invoke(merges.Count, merge);
            merges.Add(merge);
        }
        return [.. merges];
    }

    /// <summary>The tokenizer of these merges: ranks 0 to 255 are the bytes.</summary>
    /// <param name="merges">As <see cref="FindMerges"/> gives them.</param>
    /// <param name="specialTokens">Names of special tokens, which get the ids behind the ranks; the first begins documents.</param>
    /// <param name="name">What the tokenizer is called in files.</param>
    public static Tokenizer Make(ReadOnlySpan<TokenizerMerge> merges, IReadOnlyList<string> specialTokens, string name = "")
    {
        var ranks = new List<byte[]>(Bytes + merges.Length);
        for (int value = 0; value < Bytes; value++)
        {
            ranks.Add([(byte)value]);
        }
        foreach ((int left, int right, _) in merges)
        {
            if ((uint)left >= (uint)ranks.Count || (uint)right >= (uint)ranks.Count)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"merges[{ranks.Count - Bytes}]: it joins {left} and {right}; both must be tokens before it, 0 to {ranks.Count - 1}");
            }
            ranks.Add([.. ranks[left], .. ranks[right]]);
        }
        var special = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string token in specialTokens)
        {
            if (!special.TryAdd(token, ranks.Count + special.Count))
            {
                throw new EmlException(ErrorCode.Argument, $"specialTokens: \"{token}\" stands twice; name each once");
            }
        }
        return new Tokenizer(ranks, special, specialTokens.Count > 0 ? specialTokens[0] : null, name: name);
    }
}
