using System.Text;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Checks a tokenizer's tokens and makes its tables of them.</summary>
internal static class Vocabulary
{
    /// <summary>Refuses too many tokens, and tokens that are empty or too long.</summary>
    public static void CheckSizes(IReadOnlyList<byte[]> ranks, IReadOnlyDictionary<string, int> specialTokens)
    {
        if (specialTokens.Count > Tokenizer.MaxSpecialTokens)
        {
            throw new EmlException(ErrorCode.Limit,
                $"specialTokens: there are {specialTokens.Count}; the limit is {Tokenizer.MaxSpecialTokens}; leave out those that no text uses");
        }
        if (ranks.Count + specialTokens.Count > Tokenizer.MaxTokens)
        {
            throw new EmlException(ErrorCode.Limit,
                $"ranks: {ranks.Count} and {specialTokens.Count} special tokens; the limit is {Tokenizer.MaxTokens} together; use a smaller vocabulary");
        }
        long bytes = 0;
        for (int id = 0; id < ranks.Count; id++)
        {
            bytes += ranks[id].Length;
            if (ranks[id].Length is 0 or > Tokenizer.MaxTokenBytes)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"ranks[{id}]: the token has {ranks[id].Length} bytes; it must have 1 to {Tokenizer.MaxTokenBytes}");
            }
        }
        // There can be as many pairs as bytes.
        if (bytes > Tokenizer.MaxVocabularyBytes)
        {
            throw new EmlException(ErrorCode.Limit,
                $"ranks: the tokens have {bytes} bytes together; the limit is {Tokenizer.MaxVocabularyBytes}; use a smaller vocabulary");
        }
    }

    /// <summary>The ranks by their bytes, which must differ.</summary>
    public static TokenTable Table(TokenBytes tokens, int ranks)
    {
        var table = new TokenTable(tokens);
        for (int id = 0; id < ranks; id++)
        {
            int same = table.Add(id);
            if (same >= 0)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"ranks[{id}]: the token has the same bytes as ranks[{same}]; every token must be another one");
            }
        }
        return table;
    }

    /// <summary>The token of every byte.</summary>
    public static int[] ByteIds(TokenTable table)
    {
        int[] ids = new int[256];
        Span<byte> one = stackalloc byte[1];
        for (int value = 0; value < ids.Length; value++)
        {
            one[0] = (byte)value;
            ids[value] = table.Find(one, 0, 1);
            if (ids[value] < 0)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"ranks: no token is the single byte 0x{value:X2}; all 256 must be there, so that any text can be encoded");
            }
        }
        return ids;
    }

    /// <summary>Every way to cut a token into two tokens: not only the merge that made it.</summary>
    public static PairTable Pairs(TokenBytes tokens, int ranks, TokenTable table)
    {
        var pairs = new PairTable();
        for (int id = 0; id < ranks; id++)
        {
            ReadOnlySpan<byte> token = tokens[id];
            for (int cut = 1; cut < token.Length; cut++)
            {
                int left = table.Find(token, 0, cut);
                if (left >= 0 && table.Find(token, cut, token.Length - cut) is var right && right >= 0)
                {
                    pairs.Add(left, right, id);
                }
            }
        }
        return pairs;
    }

    /// <summary>Bytes of each token as they are, and as its text alone has them; 0 for special tokens.</summary>
    public static (int[] Raw, int[] Reference) Lengths(TokenBytes tokens, int ranks)
    {
        int[] raw = new int[tokens.Count], reference = new int[tokens.Count];
        for (int id = 0; id < ranks; id++)
        {
            raw[id] = tokens.Length(id);
            for (ReadOnlySpan<byte> rest = tokens[id]; rest.Length > 0;)
            {
                // A part that is no character decodes to U+FFFD.
                Rune.DecodeFromUtf8(rest, out Rune character, out int length);
                reference[id] += character.Utf8SequenceLength;
                rest = rest[length..];
            }
        }
        return (raw, reference);
    }
}
