using System.Buffers;
using System.Text;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Special tokens: found in text only where that is asked for.</summary>
internal sealed class SpecialTokens
{
    private readonly string[] _names;
    private readonly Dictionary<string, int> _ids;
    private readonly byte[][] _bytes; // the longest first
    private readonly int[] _bytesIds;
    private readonly SearchValues<byte> _firstBytes;

    public SpecialTokens(IReadOnlyDictionary<string, int> tokens, int firstId)
    {
        _names = new string[tokens.Count];
        foreach ((string name, int id) in tokens)
        {
            int place = id - firstId;
            if ((uint)place >= (uint)_names.Length || _names[place] is not null)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"specialTokens: \"{name}\" has the id {id}; with {firstId} ranks the ids must be {firstId} to {firstId + tokens.Count - 1}, each once");
            }
            if (name.Length == 0 || name.Length > Tokenizer.MaxTokenBytes / 3)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"specialTokens: the name of id {id} has {name.Length} characters; it must have 1 to {Tokenizer.MaxTokenBytes / 3}");
            }
            _names[place] = name;
        }

        _ids = new Dictionary<string, int>(tokens, StringComparer.Ordinal);
        // Where one name begins another, the longer one is meant.
        _bytes = [.. _names.Select(Encoding.UTF8.GetBytes)];
        _bytesIds = [.. Enumerable.Range(firstId, _names.Length)];
        Array.Sort(_bytes, _bytesIds, Comparer<byte[]>.Create((a, b) => b.Length.CompareTo(a.Length)));
        _firstBytes = SearchValues.Create([.. _bytes.Select(bytes => bytes[0]).Distinct()]);
    }

    /// <summary>By id.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The id of a name, or null.</summary>
    public int? Find(string name) => _ids.TryGetValue(name, out int id) ? id : null;

    /// <summary>Where the first special token of a text is; false if there is none.</summary>
    public bool Next(ReadOnlySpan<byte> text, out int at, out int id)
    {
        for (at = 0; text[at..].IndexOfAny(_firstBytes) is var skipped && skipped >= 0; at++)
        {
            at += skipped;
            for (int i = 0; i < _bytes.Length; i++)
            {
                if (text[at..].StartsWith(_bytes[i]))
                {
                    id = _bytesIds[i];
                    return true;
                }
            }
        }
        id = -1;
        return false;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        const int Shown = 8;
        return _names.Length == 0 ? "there are none" : string.Join(", ", _names.Take(Shown)) + (_names.Length > Shown ? ", …" : "");
    }
}
