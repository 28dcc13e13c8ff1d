using System.Runtime.Intrinsics;

namespace Eml.Machine.Transformer;

/// <summary>The reference: plain matrix products and a plain scan over all keys of the whole sequence. Nothing is skipped and nothing
/// is forgotten, so a step costs what the sequence is long.</summary>
public sealed class DenseEngine : Engine
{
    private readonly DenseMemory[][] _memory;
    private readonly double[] _tuple;
    private readonly double[] _stream;
    private readonly double[] _update;
    private readonly double[] _hidden;
    private readonly double[] _logits;

    /// <summary>An engine at the start of a sequence.</summary>
    public DenseEngine(TransformerWeights weights) : base(weights)
    {
        TransformerConfig config = Weights.Config;
        var tables = new DenseTables(weights);
        _memory = [.. config.Heads.Select((heads, layer) => heads.Select((head, h) =>
            head.Mode == HeadMode.Table ? tables.Of(layer, h) : tables.Sequence(head)).ToArray())];
        _tuple = new double[config.PositionChannels.Length];
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
        Forward(token, position);
        Multiply(Weights.Unembedding, _stream, _logits);
        int best = 0;
        for (int t = 1; t < _logits.Length; t++)
        {
            best = _logits[t] > _logits[best] ? t : best;
        }
        return best;
    }

    /// <inheritdoc/>
    public override void Step(ReadOnlySpan<double> tuple, Span<double> next)
    {
        CheckTuple(tuple.Length, next.Length);
        _tuple.AsSpan().Clear();
        tuple.CopyTo(_tuple);
        Forward(0, _tuple);
        for (int i = 0; i < next.Length; i++)
        {
            // Quadratic unembedding over the integers: 2 t R - t^2 is largest for the t nearest to R.
            next[i] = Math.Round(_stream[Weights.Config.ResultChannels[i]]);
        }
    }

    private void Forward(int token, ReadOnlySpan<double> position)
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
        foreach (DenseMemory head in _memory.SelectMany(heads => heads))
        {
            head.Forget();
        }
    }

    private void Attend(int i)
    {
        LayerWeights layer = Weights.Layers[i];
        int width = _stream.Length;
        _update.AsSpan().Clear();
        int rows = Weights.Config.HeadWidth;
        Span<double> query = stackalloc double[rows];
        Span<double> read = stackalloc double[rows];
        for (int h = 0; h < layer.Heads; h++)
        {
            HeadMode mode = Weights.Config.Heads[i][h].Mode;
            if (mode is HeadMode.HardMax or HeadMode.Sum)
            {
                Remember(i, h, _stream);
            }
            Multiply(layer.Query.AsSpan(h * rows * width, rows * width), _stream, query);
            long winner = mode == HeadMode.Sum ? _memory[i][h].Sum(read) : _memory[i][h].Best(query, read);
            for (int c = 0; c < width; c++)
            {
                _update[c] += Dot(layer.Output.AsSpan(((h * width) + c) * rows, rows), read);
            }
            if (Probe is not null)
            {
                Probe.Winners[i][h] = winner;
                read.CopyTo(Probe.HeadValues[i].AsSpan(h * rows));
            }
        }
        for (int c = 0; c < width; c++)
        {
            _stream[c] += _update[c];
        }
    }

    private void Remember(int i, int h, ReadOnlySpan<double> stream)
    {
        int rows = Weights.Config.HeadWidth;
        int at = h * rows * stream.Length;
        int count = rows * stream.Length;
        Span<double> key = stackalloc double[rows];
        Span<double> value = stackalloc double[rows];
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

    internal static void Multiply(ReadOnlySpan<double> matrix, ReadOnlySpan<double> x, Span<double> y)
    {
        for (int row = 0; row < y.Length; row++)
        {
            y[row] = Dot(matrix.Slice(row * x.Length, x.Length), x);
        }
    }

    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
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
}
