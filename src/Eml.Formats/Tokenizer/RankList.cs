using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>The tokens of a file that is being read: base64 by rank, each rank and each token once.</summary>
internal sealed class RankList
{
    private readonly List<byte[]?> _tokens = [];
    private readonly Dictionary<string, int> _ranks = new(StringComparer.Ordinal);

    /// <summary>True before the first token.</summary>
    public bool IsEmpty => _tokens.Count == 0;

    /// <summary>Adds a token.</summary>
    /// <param name="base64">Its bytes.</param>
    /// <param name="rank">Its rank.</param>
    /// <param name="place">Where it stands, for messages: "line 7".</param>
    /// <param name="offset">Where it begins in the input.</param>
    public void Add(string base64, ulong rank, string place, ulong offset)
    {
        if (rank >= Tokenizer.MaxTokens)
        {
            throw new EmlException(FormatError.Value, offset,
                $"tokenizer: {place}, byte {offset}: the rank {rank} is too large; a vocabulary has at most {Tokenizer.MaxTokens} tokens, with ranks from 0 on");
        }
        byte[]? token = Decode(base64);
        if (token is null)
        {
            throw new EmlException(FormatError.Value, offset,
                $"tokenizer: {place}, byte {offset}: {StrictJson.Quoted(base64)} is not base64 of 1 to {Tokenizer.MaxTokenBytes} bytes (RFC 4648, padded, no spaces)");
        }
        int at = (int)rank;
        while (_tokens.Count <= at)
        {
            _tokens.Add(null);
        }
        if (_tokens[at] is not null)
        {
            throw new EmlException(FormatError.Value, offset,
                $"tokenizer: {place}, byte {offset}: the rank {rank} is there already; every rank must stand once");
        }
        if (!_ranks.TryAdd(base64, at))
        {
            throw new EmlException(FormatError.Value, offset,
                $"tokenizer: {place}, byte {offset}: the token {base64} is there already with the rank {_ranks[base64]}; every token must stand once");
        }
        _tokens[at] = token;
    }

    /// <summary>All tokens by rank.</summary>
    public List<byte[]> ToList(ulong offset)
    {
        int gap = _tokens.IndexOf(null);
        return gap < 0 ? _tokens.ConvertAll(token => token!) : throw new EmlException(FormatError.Value, offset,
            $"tokenizer: no token has the rank {gap}, but one has {_tokens.Count - 1}; the ranks must be 0, 1, 2, … without a gap");
    }

    /// <summary>A tokenizer out of a file: what the tokenizer itself refuses is, coming out of a file, a bad file.</summary>
    public static Tokenizer Make(IReadOnlyList<byte[]> tokens, IReadOnlyDictionary<string, int> special, string? bos, string pattern, string name, ulong offset)
    {
        try
        {
            return new Tokenizer(tokens, special, bos, pattern, name);
        }
        catch (EmlException e) when (e.Code == ErrorCode.Argument)
        {
            throw new EmlException(FormatError.Value, offset, $"tokenizer: {e.Message}");
        }
    }

    private static byte[]? Decode(string base64)
    {
        byte[] bytes = new byte[Math.Min(base64.Length, 2 * Tokenizer.MaxTokenBytes)];
        // The way back shows what a decoder overlooks: spaces, and bits that no byte has.
        bool right = Convert.TryFromBase64String(base64, bytes, out int length) && length is > 0 and <= Tokenizer.MaxTokenBytes
            && Convert.ToBase64String(bytes, 0, length) == base64;
        return right ? bytes[..length] : null;
    }
}
