using System.Runtime.Intrinsics;

namespace Eml.Machine.Transformer;

/// <summary>The reference: plain matrix products and a plain scan over all keys of the whole sequence. Nothing is skipped and nothing
/// is forgotten, so a step costs what the sequence is long.</summary>
public sealed class DenseEngine : Engine
{
    private const int HeadWidth = TransformerConfig.HeadWidth;

    private readonly KeyValues[][] _memory;
    private readonly double[] _stream;
    private readonly double[] _update;
    private readonly double[] _hidden;
    private readonly double[] _logits;

    /// <summary>An engine at the start of a sequence.</summary>
    public DenseEngine(TransformerWeights weights) : base(weights)
    {
        TransformerConfig config = Weights.Config;
        _memory = [.. config.Heads.Select(heads => heads.Select(_ => new KeyValues()).ToArray())];
        _stream = new double[config.ModelWidth];
        _update = new double[config.ModelWidth];
        _hidden = new double[config.HiddenWidth];
        _logits = new double[config.Vocabulary];
    }

    /// <inheritdoc/>
    public override long StateBytes => _memory.Sum(heads => heads.Sum(head => head.Bytes));

    /// <inheritdoc/>
    public override int Step(int token, ReadOnlySpan<double> position)
    {
        Embed(token, position, _stream);
        Record(0);
        for (int i = 0; i < Weights.Layers.Length; i++)
        {
            Attend(i);
            Record((2 * i) + 1);
            GatedUnits(i);
            Record((2 * i) + 2);
        }
        Length++;
        Multiply(Weights.Unembedding, _stream, _logits);
        int best = 0;
        for (int t = 1; t < _logits.Length; t++)
        {
            best = _logits[t] > _logits[best] ? t : best;
        }
        return best;
    }

    /// <inheritdoc/>
    public override void Append(int store, int token, ReadOnlySpan<double> position)
    {
        double[] entry = new double[Weights.Config.ModelWidth];
        Embed(token, position, entry);
        for (int i = 0; i < Weights.Layers.Length; i++)
        {
            for (int h = 0; h < Weights.Layers[i].Heads; h++)
            {
                HeadConfig head = Weights.Config.Heads[i][h];
                if (head.Mode == HeadMode.Cross && head.Store == store)
                {
                    Remember(i, h, entry);
                }
            }
        }
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        Length = 0;
        foreach (KeyValues head in _memory.SelectMany(heads => heads))
        {
            head.Clear();
        }
    }

    private void Attend(int i)
    {
        LayerWeights layer = Weights.Layers[i];
        int width = _stream.Length;
        _update.AsSpan().Clear();
        Span<double> query = stackalloc double[HeadWidth];
        Span<double> read = stackalloc double[HeadWidth];
        for (int h = 0; h < layer.Heads; h++)
        {
            HeadMode mode = Weights.Config.Heads[i][h].Mode;
            if (mode != HeadMode.Cross)
            {
                Remember(i, h, _stream);
            }
            Multiply(layer.Query.AsSpan(h * HeadWidth * width, HeadWidth * width), _stream, query);
            long winner = mode == HeadMode.Sum ? _memory[i][h].Sum(read) : _memory[i][h].Best(query, read);
            for (int c = 0; c < width; c++)
            {
                int at = ((h * width) + c) * HeadWidth;
                _update[c] += (layer.Output[at] * read[0]) + (layer.Output[at + 1] * read[1]);
            }
            if (Probe is not null)
            {
                Probe.Winners[i][h] = winner;
                read.CopyTo(Probe.HeadValues[i].AsSpan(h * HeadWidth));
            }
        }
        for (int c = 0; c < width; c++)
        {
            _stream[c] += _update[c];
        }
    }

    private void Remember(int i, int h, ReadOnlySpan<double> stream)
    {
        int at = h * HeadWidth * stream.Length;
        int count = HeadWidth * stream.Length;
        Span<double> key = stackalloc double[HeadWidth];
        Span<double> value = stackalloc double[HeadWidth];
        Multiply(Weights.Layers[i].Key.AsSpan(at, count), stream, key);
        Multiply(Weights.Layers[i].Value.AsSpan(at, count), stream, value);
        _memory[i][h].Add(key, value);
    }

    private void GatedUnits(int i)
    {
        LayerWeights layer = Weights.Layers[i];
        int width = _stream.Length;
        for (int u = 0; u < _hidden.Length; u++)
        {
            double gate = Dot(layer.UnitGate.AsSpan(u * width, width), _stream);
            _hidden[u] = Math.Max(0.0, gate) * Dot(layer.UnitValue.AsSpan(u * width, width), _stream);
        }
        Multiply(layer.UnitOutput, _hidden, _update);
        for (int c = 0; c < width; c++)
        {
            _stream[c] += _update[c];
        }
        if (Probe is not null)
        {
            _hidden.CopyTo(Probe.Units, i * _hidden.Length);
        }
    }

    private void Record(int row)
    {
        if (Probe is not null)
        {
            _stream.CopyTo(Probe.Stream, row * _stream.Length);
        }
    }

    private static void Multiply(ReadOnlySpan<double> matrix, ReadOnlySpan<double> x, Span<double> y)
    {
        for (int row = 0; row < y.Length; row++)
        {
            y[row] = Dot(matrix.Slice(row * x.Length, x.Length), x);
        }
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        // Four sums, whatever the vectors' width: the same order of additions on every machine.
        Vector256<double> sums = Vector256<double>.Zero;
        int i = 0;
        for (; i + 4 <= a.Length; i += 4)
        {
            sums += Vector256.Create(a[i..]) * Vector256.Create(b[i..]);
        }
        double sum = sums[0] + sums[1] + (sums[2] + sums[3]);
        for (; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /// <summary>All keys and values of one head.</summary>
    private sealed class KeyValues
    {
        private readonly List<(double K0, double K1, double V0, double V1)> _entries = [];

        public long Bytes => 32L * _entries.Count;

        public void Clear() => _entries.Clear();

        public void Add(ReadOnlySpan<double> key, ReadOnlySpan<double> value) => _entries.Add((key[0], key[1], value[0], value[1]));

        public long Best(ReadOnlySpan<double> query, Span<double> value)
        {
            int best = -1;
            double bestScore = 0.0;
            for (int i = 0; i < _entries.Count; i++)
            {
                double score = (query[0] * _entries[i].K0) + (query[1] * _entries[i].K1);
                if (best < 0 || score >= bestScore)
                {
                    (best, bestScore) = (i, score);
                }
            }
            value[0] = best < 0 ? 0.0 : _entries[best].V0;
            value[1] = best < 0 ? 0.0 : _entries[best].V1;
            return best;
        }

        public long Sum(Span<double> value)
        {
            value.Clear();
            foreach ((_, _, double v0, double v1) in _entries)
            {
                value[0] += v0;
                value[1] += v1;
            }
            return -1;
        }
    }
}
