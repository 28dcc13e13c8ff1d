namespace Eml.Language;

/// <summary>The bytes of every token, one behind the other.</summary>
internal sealed class TokenBytes
{
    private readonly byte[] _bytes;
    private readonly int[] _starts;

    public TokenBytes(IReadOnlyList<byte[]> tokens)
    {
        _starts = new int[tokens.Count + 1];
        for (int id = 0; id < tokens.Count; id++)
        {
            _starts[id + 1] = _starts[id] + tokens[id].Length;
            MaxLength = Math.Max(MaxLength, tokens[id].Length);
        }
        _bytes = new byte[_starts[^1]];
        for (int id = 0; id < tokens.Count; id++)
        {
            tokens[id].CopyTo(_bytes, _starts[id]);
        }
    }

    /// <summary>How many tokens there are.</summary>
    public int Count => _starts.Length - 1;

    /// <summary>Bytes of the longest token.</summary>
    public int MaxLength { get; }

    /// <summary>The bytes of a token.</summary>
    public ReadOnlySpan<byte> this[int id] => _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]);

    /// <summary>How many bytes a token has.</summary>
    public int Length(int id) => _starts[id + 1] - _starts[id];
}
