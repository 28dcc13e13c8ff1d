using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>A token in a forward pass: which, where, and the cache of its sequence.</summary>
internal readonly record struct PassRow(int Token, long Position, KeyValueCache Cache);

/// <summary>Which rows of a pass get logits.</summary>
internal enum PassOutput
{
    None,
    Last,
    All,
}

/// <summary>The model at work: room for the activations of some tokens, and the threads that compute them.</summary>
/// <remarks>Each thread keeps a residual stream of its own and computes all of it; matrices, heads and the feed-forward part are shared out.
/// So threads meet only where one needs what others have computed.</remarks>
internal sealed unsafe class ForwardPass : IDisposable
{
    /// <summary>Tokens of a pass.</summary>
    public const int MaxRows = 64;

    private readonly LanguageConfig _config;
    private readonly LanguageWeights _weights;
    private readonly ThreadTeam _team;
    private readonly PassRow[] _rows = new PassRow[MaxRows];
    private readonly FloatBuffers _buffers = new();
    private readonly Private[] _private;
    private readonly float* _query; // (rows, n_head head_dim)
    private readonly float* _key; // (rows, n_kv_head head_dim)
    private readonly float* _value;
    private readonly float* _attended; // (rows, n_head head_dim)
    private readonly float* _hidden; // (rows, hidden)
    private readonly float* _update; // (rows, n_embd)
    private int _count;
    private PassOutput _output;
    private float* _logits;
    private float* _final;
    private Cancel? _cancel;
    private volatile int _stoppedAt; // number of the meeting at which all threads stop

    public ForwardPass(LanguageWeights weights, int threads)
    {
        _weights = weights;
        _config = weights.Config;
        _query = Floats(MaxRows * (long)_config.QueryWidth);
        _key = Floats(MaxRows * (long)_config.KeyValueWidth);
        _value = Floats(MaxRows * (long)_config.KeyValueWidth);
        _attended = Floats(MaxRows * (long)_config.QueryWidth);
        _hidden = Floats(MaxRows * (long)_config.HiddenWidth);
        _update = Floats(MaxRows * (long)_config.ModelWidth);
        long stream = MaxRows * (long)_config.ModelWidth;
        int widest = Math.Max(Math.Max(_config.ModelWidth, _config.HiddenWidth), _config.QueryWidth);
        int window = Enumerable.Range(0, _config.Layers).Max(_config.Window);
        _private = [.. Enumerable.Range(0, threads).Select(_ => new Private(
            Floats(stream), Floats(stream), Floats(stream), Floats(MatrixProduct.ScratchFloats(widest, MaxRows)), Floats(window + Lanes.Width), Floats(_config.KeyValueWidth)))];
        _team = new ThreadTeam(threads, Work);
    }

    /// <summary>Sees what thread 0 has after each part, by its name in layer dumps; the numbers are (rows, n_embd).</summary>
    public Action<string, nint>? Probe { get; set; }

    /// <summary>Bytes of the buffers.</summary>
    public long Bytes => _buffers.Bytes;

    /// <summary>Computes the logits of <paramref name="rows"/>, at most <see cref="MaxRows"/>, and adds keys and values to their caches.</summary>
    /// <param name="rows">The tokens; those of a sequence in order.</param>
    /// <param name="output">Which rows get logits.</param>
    /// <param name="logits">(rows with logits, vocab_size)</param>
    /// <param name="final">(rows, n_embd) for the normed residual stream after the last layer, or null.</param>
    /// <param name="cancel">Looked at several times a layer.</param>
    /// <returns>False if it was cancelled: the caches' new tokens are worth nothing then.</returns>
    public bool Run(ReadOnlySpan<PassRow> rows, PassOutput output, float* logits, float* final, Cancel? cancel)
    {
        rows.CopyTo(_rows);
        (_count, _output, _cancel, _stoppedAt) = (rows.Length, output, cancel, int.MaxValue);
        _logits = logits;
        _final = final;
        _team.Run();
        return _stoppedAt == int.MaxValue;
    }

    public void Dispose()
    {
        _team.Dispose();
        _buffers.Dispose();
    }

    private void Work(int part)
    {
        Private own = _private[part];
        own.Meetings = 0;
        int width = _config.ModelWidth;
        for (int r = 0; r < _count; r++)
        {
            float* row = own.Start + ((long)r * width);
            _weights.Embedding.CopyRow(_rows[r].Token, row);
            Pointwise.Norm(row, row, width);
            new ReadOnlySpan<float>(row, width).CopyTo(new Span<float>(own.Stream + ((long)r * width), width));
        }
        Report(part, "embed_norm", own.Stream);
        for (int i = 0; i < _config.Layers; i++)
        {
            if (!Layer(part, own, i))
            {
                return;
            }
        }
        Normed(own);
        Report(part, "final_norm", own.Normed);
        if (_final != null && part == 0)
        {
            new ReadOnlySpan<float>(own.Normed, _count * width).CopyTo(new Span<float>(_final, _count * width));
        }
        if (_output != PassOutput.None)
        {
            int first = _output == PassOutput.Last ? _count - 1 : 0;
            (int from, int to) = Share(part, _config.VocabularySize);
            MatrixProduct.Rows(_weights.Head, from, to, own.Normed + ((long)first * width), _count - first, _logits, _config.VocabularySize, own.Scratch);
            for (int r = 0; r < _count - first; r++)
            {
                Pointwise.Cap(_logits + ((long)r * _config.VocabularySize) + from, to - from);
            }
        }
    }

    private bool Layer(int part, Private own, int i)
    {
        LanguageWeights.Block block = _weights.Blocks[i];
        int width = _config.ModelWidth;
        for (int r = 0; r < _count; r++)
        {
            long at = (long)r * width;
            Pointwise.Mix(own.Stream + at, _weights.ResidualFactors[i], own.Start + at, _weights.EmbeddingFactors[i], width);
        }
        Normed(own);
        Product(part, own, block.Query, own.Normed, _query, _config.QueryWidth);
        Product(part, own, block.Key, own.Normed, _key, _config.KeyValueWidth);
        Product(part, own, block.Value, own.Normed, _value, _config.KeyValueWidth);
        if (!Meet(part, own))
        {
            return false;
        }
        Remember(part, own, block, i);
        if (!Meet(part, own))
        {
            return false;
        }
        (int from, int to) = Share(part, _count * _config.Heads, 1);
        for (int unit = from; unit < to; unit++)
        {
            Attend(own, unit / _config.Heads, unit % _config.Heads, i);
        }
        if (!Meet(part, own))
        {
            return false;
        }
        Product(part, own, block.AttentionOutput, _attended, _update, width);
        if (!Meet(part, own))
        {
            return false;
        }
        Pointwise.Add(own.Stream, _update, _count * width);
        Report(part, $"blocks.{i}.after_attn", own.Stream);
        Normed(own);
        Product(part, own, block.Up, own.Normed, _hidden, _config.HiddenWidth);
        (from, to) = Share(part, _config.HiddenWidth);
        for (int r = 0; r < _count; r++)
        {
            Activate(_hidden + ((long)r * _config.HiddenWidth) + from, block.K, to - from);
        }
        if (!Meet(part, own))
        {
            return false;
        }
        Product(part, own, block.Down, _hidden, _update, width);
        if (!Meet(part, own))
        {
            return false;
        }
        Pointwise.Add(own.Stream, _update, _count * width);
        Report(part, $"blocks.{i}.after_mlp", own.Stream);
        return true;
    }

    private void Activate(float* z, float k, int count)
    {
        if (_config.Activation == LanguageActivation.Eml)
        {
            Pointwise.Eml(z, k, count);
        }
        else
        {
            Pointwise.SquaredRelu(z, count);
        }
    }

    /// <summary>Turns and normalises the query heads where they are, and writes keys and values to the caches.</summary>
    private void Remember(int part, Private own, LanguageWeights.Block block, int layer)
    {
        int size = _config.HeadWidth;
        int all = _config.Heads + _config.KeyValueHeads;
        (int from, int to) = Share(part, _count * all, 1);
        for (int unit = from; unit < to; unit++)
        {
            (int r, int head) = (unit / all, unit % all);
            fixed (float* turns = _weights.Rope.Of(_rows[r].Position))
            {
                if (head < _config.Heads)
                {
                    float* query = _query + ((long)r * _config.QueryWidth) + (head * size);
                    Pointwise.Rotate(query, turns, size);
                    Pointwise.Norm(query, query, size);
                    continue;
                }
                head -= _config.Heads;
                KeyValueCache cache = _rows[r].Cache;
                long slot = _rows[r].Position % cache.Capacity(layer) * size;
                float* key = _key + ((long)r * _config.KeyValueWidth) + (head * size);
                Pointwise.Rotate(key, turns, size);
                Pointwise.Norm(key, cache.Keys(layer, head) + slot, size);
                float* value = _value + ((long)r * _config.KeyValueWidth) + (head * size);
                if (block.ValueGate is WeightMatrix gate)
                {
                    // The gate reads the first 32 numbers of the normed stream.
                    float open = gate.Dot(head, own.Normed + ((long)r * _config.ModelWidth));
                    block.ValueEmbedding!.CopyRow(_rows[r].Token, own.Row);
                    Pointwise.Mix(value, 1.0f, own.Row + (head * size), Pointwise.TwiceSigmoid(open), size);
                }
                new ReadOnlySpan<float>(value, size).CopyTo(new Span<float>(cache.Values(layer, head) + slot, size));
            }
        }
    }

    private void Attend(Private own, int r, int head, int layer)
    {
        int size = _config.HeadWidth;
        KeyValueCache cache = _rows[r].Cache;
        long last = _rows[r].Position;
        long first = Math.Max(0, last - _config.Window(layer) + 1);
        int shared = head / (_config.Heads / _config.KeyValueHeads);
        Attention.Head(_query + ((long)r * _config.QueryWidth) + (head * size), cache.Keys(layer, shared), cache.Values(layer, shared),
            cache.Capacity(layer), first, (int)(last - first) + 1, size, own.Scores, _attended + ((long)r * _config.QueryWidth) + (head * size));
    }

    private void Normed(Private own)
    {
        for (int r = 0; r < _count; r++)
        {
            long at = (long)r * _config.ModelWidth;
            Pointwise.Norm(own.Stream + at, own.Normed + at, _config.ModelWidth);
        }
    }

    private void Product(int part, Private own, WeightMatrix matrix, float* x, float* y, int stride)
    {
        (int from, int to) = Share(part, matrix.Rows);
        MatrixProduct.Rows(matrix, from, to, x, _count, y, stride, own.Scratch);
    }

    /// <summary>A thread's part of <paramref name="count"/> things, in whole blocks.</summary>
    private (int From, int To) Share(int part, int count, int block = Lanes.Width)
    {
        int blocks = (count + block - 1) / block;
        return ((int)((long)blocks * part / _team.Count) * block, Math.Min(count, (int)((long)blocks * (part + 1) / _team.Count) * block));
    }

    /// <summary>Returns when all threads are here; false if they stop.</summary>
    private bool Meet(int part, Private own)
    {
        int meeting = own.Meetings++;
        if (part == 0 && _cancel is { IsSet: true })
        {
            // A thread that has not left the meeting before yet must not take it for that one: it would stop alone, and the others wait.
            _stoppedAt = meeting;
        }
        _team.Meet();
        return meeting < _stoppedAt;
    }

    private void Report(int part, string name, float* rows)
    {
        if (part == 0)
        {
            Probe?.Invoke(name, (nint)rows);
        }
    }

    private float* Floats(long count) => _buffers.Take(count);

    /// <summary>What each thread has for itself.</summary>
    private sealed class Private(float* start, float* stream, float* normed, float* scratch, float* scores, float* row)
    {
        /// <summary>The normed embedding, x0: (rows, n_embd).</summary>
        public float* Start { get; } = start;

        /// <summary>The residual stream.</summary>
        public float* Stream { get; } = stream;

        /// <summary>The same normed.</summary>
        public float* Normed { get; } = normed;

        /// <summary>Four rows of weights.</summary>
        public float* Scratch { get; } = scratch;

        /// <summary>One number for each token of a window.</summary>
        public float* Scores { get; } = scores;

        /// <summary>A value embedding.</summary>
        public float* Row { get; } = row;

        /// <summary>How often the thread has met the others in this pass.</summary>
        public int Meetings { get; set; }
    }
}
