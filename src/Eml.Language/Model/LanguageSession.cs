using Eml.Numerics;

namespace Eml.Language;

/// <summary>One sequence of tokens that a model reads: the cache of its keys and values, and the threads that compute. For one thread at a
/// time; any number of sessions share the weights.</summary>
public sealed unsafe class LanguageSession : IDisposable
{
    private readonly ForwardPass _pass;
    private readonly KeyValueCache _cache;
    private readonly PassRow[] _rows = new PassRow[ForwardPass.MaxRows];
    private bool _isDisposed;

    /// <summary>An empty sequence.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="threads">Threads that compute a token together; any number gives the same bits.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such number of threads.</exception>
    public LanguageSession(LanguageWeights weights, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(weights);
        CheckThreads(threads);
        Weights = weights;
        Threads = threads;
        _pass = new ForwardPass(weights, threads);
        _cache = new KeyValueCache(weights.Config, ForwardPass.MaxRows);
    }

    /// <summary>The model.</summary>
    public LanguageWeights Weights { get; }

    /// <summary>Threads that compute together.</summary>
    public int Threads { get; }

    /// <summary>Tokens read so far.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes of the cache when full and of the activations.</summary>
    public long Bytes => _cache.Bytes + _pass.Bytes;

    /// <summary>Sees the numbers (tokens, n_embd) after each part of the model: embed_norm, blocks.i.after_attn, blocks.i.after_mlp,
    /// final_norm.</summary>
    public LayerListener? Listener { get; set; }

    /// <summary>Begins a new sequence.</summary>
    public void Reset() => Position = 0;

    /// <summary>Reads tokens and writes the logits of the last (vocab_size); the same bits whether tokens come alone or together.</summary>
    /// <returns>False if it was cancelled: <see cref="Position"/> says how many tokens were read.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such token. <see cref="ErrorCode.Shape"/>: no room for the logits.
    /// </exception>
    public bool Read(ReadOnlySpan<int> tokens, Span<float> logits, Cancel? cancel = null) => Read(tokens, logits, false, [], cancel);

    /// <summary>Reads tokens and writes the logits of each (tokens, vocab_size).</summary>
    /// <exception cref="EmlException">As <see cref="Read(ReadOnlySpan{int}, Span{float}, Cancel?)"/>.</exception>
    public bool ReadAll(ReadOnlySpan<int> tokens, Span<float> logits, Cancel? cancel = null) => Read(tokens, logits, true, [], cancel);

    /// <summary>Reads tokens and writes what the model makes of each, before the unembedding (tokens, n_embd).</summary>
    /// <exception cref="EmlException">As <see cref="Read(ReadOnlySpan{int}, Span{float}, Cancel?)"/>.</exception>
    public bool Embed(ReadOnlySpan<int> tokens, Span<float> embeddings, Cancel? cancel = null) => Read(tokens, [], false, embeddings, cancel);

    /// <summary>Frees memory and threads.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _pass.Dispose();
        _cache.Dispose();
    }

    private bool Read(ReadOnlySpan<int> tokens, Span<float> logits, bool all, Span<float> embeddings, Cancel? cancel)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Check(tokens, logits.Length, all, embeddings.Length);
        int vocabulary = Weights.Config.VocabularySize;
        int width = Weights.Config.ModelWidth;
        fixed (float* toLogits = logits, toEmbeddings = embeddings)
        {
            for (int start = 0; start < tokens.Length; start += ForwardPass.MaxRows)
            {
                int count = Math.Min(ForwardPass.MaxRows, tokens.Length - start);
                for (int i = 0; i < count; i++)
                {
                    _rows[i] = new PassRow(tokens[start + i], Position + i, _cache);
                }
                bool isLast = start + count == tokens.Length;
                PassOutput output = logits.IsEmpty ? PassOutput.None : all ? PassOutput.All : isLast ? PassOutput.Last : PassOutput.None;
                _pass.Probe = Listener is LayerListener listener
                    ? (name, rows) => listener(name, new ReadOnlySpan<float>((void*)rows, count * width)) : null;
                if (!_pass.Run(_rows.AsSpan(0, count), output, toLogits + (all ? (long)start * vocabulary : 0),
                    toEmbeddings == null ? null : toEmbeddings + ((long)start * width), cancel))
                {
                    return false;
                }
                Position += count;
            }
        }
        return true;
    }

    internal static void CheckThreads(int threads)
    {
        if (threads is < 1 or > 256)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: {threads} threads; give 1 to 256");
        }
    }

    internal static void CheckTokens(ReadOnlySpan<int> tokens, LanguageConfig config)
    {
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)config.VocabularySize)
            {
                throw new EmlException(ErrorCode.Argument, $"language model: token {i} is {tokens[i]}; tokens are 0 to {config.VocabularySize - 1}", i);
            }
        }
    }

    private void Check(ReadOnlySpan<int> tokens, int logits, bool all, int embeddings)
    {
        LanguageConfig config = Weights.Config;
        CheckTokens(tokens, config);
        long wanted = all ? (long)tokens.Length * config.VocabularySize : config.VocabularySize;
        if (logits != 0 && logits < wanted)
        {
            throw new EmlException(ErrorCode.Shape, $"language model: room for {logits} logits; {wanted} are needed");
        }
        if (embeddings != 0 && embeddings < (long)tokens.Length * config.ModelWidth)
        {
            throw new EmlException(ErrorCode.Shape, $"language model: room for {embeddings} numbers; {(long)tokens.Length * config.ModelWidth} are needed");
        }
    }
}

/// <summary>Sees the numbers after a part of the model.</summary>
public delegate void LayerListener(string name, ReadOnlySpan<float> rows);
