using Eml.Language;

namespace Eml.Formats.Language;

/// <summary>The documents of training, or of validation, as they are written.</summary>
internal sealed class TokenPart(string folder, string files, int vocabulary, int shardBytes)
{
    private readonly TokenShardWriter _writer = new(folder, files, vocabulary, shardBytes);

    public long Documents { get; private set; }

    public long Tokens { get; private set; }

    public long Bytes { get; private set; }

    public IReadOnlyList<TokenShardFacts> Shards => _writer.Written;

    public TokenDataPart Summary => new(Documents, Tokens, Bytes, Shards.Count);

    public void Add(ReadOnlySpan<int> tokens, int bytes)
    {
        _writer.Add(tokens);
        Documents++;
        Tokens += tokens.Length;
        Bytes += bytes;
    }

    public void Finish() => _writer.Finish();
}

/// <summary>Encodes documents, some megabytes of them at once on all processors, and hands them on in their order.</summary>
internal sealed class TokenEncoder(Tokenizer tokenizer, TokenPart train, TokenPart validation)
{
    private const int BatchBytes = 1 << 22;

    private readonly List<(int Start, int Length, bool Validation)> _documents = [];
    private byte[] _bytes = new byte[BatchBytes];
    private int _length;

    public void Add(ReadOnlySpan<byte> document, bool isValidation)
    {
        if (_length + document.Length > _bytes.Length)
        {
            Finish();
            if (document.Length > _bytes.Length)
            {
                Array.Resize(ref _bytes, document.Length);
            }
        }
        document.CopyTo(_bytes.AsSpan(_length));
        _documents.Add((_length, document.Length, isValidation));
        _length += document.Length;
    }

    /// <summary>Encodes what is left.</summary>
    public void Finish()
    {
        int[][] tokens = new int[_documents.Count][];
        Parallel.For(0, tokens.Length, i => tokens[i] = tokenizer.Encode(_bytes.AsSpan(_documents[i].Start, _documents[i].Length)));
        for (int i = 0; i < tokens.Length; i++)
        {
            (_documents[i].Validation ? validation : train).Add(tokens[i], _documents[i].Length);
        }
        _documents.Clear();
        _length = 0;
    }
}
