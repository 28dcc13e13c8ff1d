using Eml.Numerics;

namespace Eml.Language;

/// <summary>Several sequences that go on together: each forward pass reads the weights once for all of them. For one thread at a time.</summary>
public sealed unsafe class LanguageBatch : IDisposable
{
    private readonly ForwardPass _pass;
    private readonly KeyValueCache[] _caches;
    private readonly long[] _positions;
    private readonly PassRow[] _rows = new PassRow[ForwardPass.MaxRows];
    private bool _isDisposed;

    /// <summary>Empty sequences.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: more than 64 sequences, or no such number of threads.</exception>
    public LanguageBatch(LanguageWeights weights, int sequences, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (sequences is < 1 or > ForwardPass.MaxRows)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: {sequences} sequences; give 1 to {ForwardPass.MaxRows}");
        }
        LanguageSession.CheckThreads(threads);
        Weights = weights;
        _pass = new ForwardPass(weights, threads);
        _caches = [.. Enumerable.Range(0, sequences).Select(_ => new KeyValueCache(weights.Config, ForwardPass.MaxRows))];
        _positions = new long[sequences];
    }

    /// <summary>The model.</summary>
    public LanguageWeights Weights { get; }

    /// <summary>Number of sequences.</summary>
    public int Sequences => _caches.Length;

    /// <summary>Bytes of the caches when full and of the activations.</summary>
    public long Bytes => _pass.Bytes + _caches.Sum(cache => cache.Bytes);

    /// <summary>Tokens that a sequence has read.</summary>
    public long Position(int sequence) => _positions[sequence];

    /// <summary>Begins a sequence anew.</summary>
    public void Reset(int sequence) => _positions[sequence] = 0;

    /// <summary>One sequence reads tokens; the logits of the last are written (vocab_size).</summary>
    /// <returns>False if it was cancelled.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such token or sequence.</exception>
    public bool Read(int sequence, ReadOnlySpan<int> tokens, Span<float> logits, Cancel? cancel = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if ((uint)sequence >= (uint)_caches.Length)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: sequence {sequence} of {_caches.Length}");
        }
        Check(tokens, logits.Length, Weights.Config.VocabularySize);
        fixed (float* to = logits)
        {
            for (int start = 0; start < tokens.Length; start += ForwardPass.MaxRows)
            {
                int count = Math.Min(ForwardPass.MaxRows, tokens.Length - start);
                for (int i = 0; i < count; i++)
                {
                    _rows[i] = new PassRow(tokens[start + i], _positions[sequence] + i, _caches[sequence]);
                }
                bool isLast = start + count == tokens.Length;
                if (!_pass.Run(_rows.AsSpan(0, count), isLast ? PassOutput.Last : PassOutput.None, to, null, cancel))
                {
                    return false;
                }
                _positions[sequence] += count;
            }
        }
        return true;
    }

    /// <summary>Each sequence reads one token; the logits of all are written (sequences, vocab_size).</summary>
    /// <returns>False if it was cancelled: none has read its token then.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.Shape"/>: not one token for each sequence.</exception>
    public bool Step(ReadOnlySpan<int> tokens, Span<float> logits, Cancel? cancel = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (tokens.Length != _caches.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"language model: {tokens.Length} tokens for {_caches.Length} sequences; give one for each");
        }
        Check(tokens, logits.Length, (long)tokens.Length * Weights.Config.VocabularySize);
        for (int i = 0; i < tokens.Length; i++)
        {
            _rows[i] = new PassRow(tokens[i], _positions[i], _caches[i]);
        }
        fixed (float* to = logits)
        {
            if (!_pass.Run(_rows.AsSpan(0, tokens.Length), PassOutput.All, to, null, cancel))
            {
                return false;
            }
        }
        for (int i = 0; i < tokens.Length; i++)
        {
            _positions[i]++;
        }
        return true;
    }

    /// <summary>Frees memory and threads.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _pass.Dispose();
        foreach (KeyValueCache cache in _caches)
        {
            cache.Dispose();
        }
    }

    private void Check(ReadOnlySpan<int> tokens, int room, long wanted)
    {
        LanguageSession.CheckTokens(tokens, Weights.Config);
        if (room < wanted)
        {
            throw new EmlException(ErrorCode.Shape, $"language model: room for {room} logits; {wanted} are needed");
        }
    }
}
