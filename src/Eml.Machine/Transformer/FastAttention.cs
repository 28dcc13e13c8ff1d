using System.Runtime.InteropServices;

namespace Eml.Machine.Transformer;

/// <summary>The heads of one layer that share mode, store, query and key: one lookup that reads all their values at once.</summary>
internal sealed class FastAttention
{
    private const int HeadWidth = 2;

    private readonly SparseMatrix _query;
    private readonly SparseMatrix _key;
    private readonly SparseMatrix _value;
    private readonly SparseMatrix _output;
    private readonly int[] _heads;
    private readonly double[] _read;
    private readonly int[] _used;
    private readonly LookupMemory _memory;
    private readonly List<double> _plain = [];
    private readonly bool _unitQuery;
    private long _appended;
    private long _winner = -1;

    private FastAttention(TransformerWeights weights, int layer, int[] heads)
    {
        TransformerConfig config = weights.Config;
        LayerWeights dense = weights.Layers[layer];
        int width = config.ModelWidth;
        int size = HeadWidth * width;
        _heads = heads;
        Mode = config.Heads[layer][heads[0]].Mode;
        Store = config.Heads[layer][heads[0]].Store;
        _query = new SparseMatrix(dense.Query.AsSpan(heads[0] * size, size), width);
        _key = new SparseMatrix(dense.Key.AsSpan(heads[0] * size, size), width);
        double[] values = new double[heads.Length * size];
        double[] outputs = new double[heads.Length * size];
        for (int h = 0; h < heads.Length; h++)
        {
            dense.Value.AsSpan(heads[h] * size, size).CopyTo(values.AsSpan(h * size));
            SparseMatrix.Transpose(dense.Output.AsSpan(heads[h] * size, size), HeadWidth).CopyTo(outputs, h * size);
        }
        _value = new SparseMatrix(values, width);
        _output = new SparseMatrix(outputs, width);
        _read = new double[heads.Length * HeadWidth];
        _used = [.. Enumerable.Range(0, _read.Length).Where(i => _value.Count(i) > 0)];
        _memory = new LookupMemory(_read.Length);
        // The lookup memory is exact for queries (q, 1): their second component must be the constant channel and nothing else.
        _unitQuery = _query.Count(1) == 1 && dense.Query[(heads[0] * size) + width + config.ConstantChannel] == 1.0;
    }

    public HeadMode Mode { get; }

    public int Store { get; }

    public long StateBytes => _memory.Bytes + (8L * _plain.Count) + (8L * _read.Length);

    /// <summary>The heads of a layer, grouped.</summary>
    public static FastAttention[] Of(TransformerWeights weights, int layer)
    {
        LayerWeights dense = weights.Layers[layer];
        int size = HeadWidth * weights.Config.ModelWidth;
        var groups = new List<List<int>>();
        for (int h = 0; h < dense.Heads; h++)
        {
            HeadConfig head = weights.Config.Heads[layer][h];
            List<int>? group = groups.Find(other => weights.Config.Heads[layer][other[0]] is HeadConfig first
                && first.Mode == head.Mode && first.Store == head.Store
                && dense.Query.AsSpan(h * size, size).SequenceEqual(dense.Query.AsSpan(other[0] * size, size))
                && dense.Key.AsSpan(h * size, size).SequenceEqual(dense.Key.AsSpan(other[0] * size, size)));
            if (group is null)
            {
                groups.Add(group = []);
            }
            group.Add(h);
        }
        return [.. groups.Select(group => new FastAttention(weights, layer, [.. group]))];
    }

    public void Clear()
    {
        _memory.Clear();
        _plain.Clear();
        _read.AsSpan().Clear();
        _appended = 0;
    }

    /// <summary>Adds an entry of the external store.</summary>
    public void Append(double[] entry) => Remember(entry, _appended++);

    /// <summary>Takes this position's key and value and finds what its query reads.</summary>
    public void Read(double[] stream, long position)
    {
        if (Mode == HeadMode.Sum)
        {
            foreach (int i in _used)
            {
                _read[i] += _value.Dot(i, stream);
            }
            return;
        }
        if (Mode == HeadMode.HardMax)
        {
            Remember(stream, position);
        }
        double query = _query.Dot(0, stream);
        int best = _unitQuery ? _memory.Best(query) : BestOfAll(query, _query.Dot(1, stream));
        if (best < 0)
        {
            _winner = -1;
            _read.AsSpan().Clear();
            return;
        }
        _winner = _unitQuery ? _memory.Position(best) : best;
        (_unitQuery ? _memory.Values(best) : CollectionsMarshal.AsSpan(_plain).Slice((best * Row) + HeadWidth, _read.Length)).CopyTo(_read);
    }

    /// <summary>Adds what was read to <paramref name="stream"/>.</summary>
    public void Write(double[] stream, StepProbe? probe, int layer)
    {
        foreach (int i in _used)
        {
            if (_read[i] != 0.0)
            {
                _output.AddRow(i, _read[i], stream);
            }
        }
        if (probe is not null)
        {
            for (int h = 0; h < _heads.Length; h++)
            {
                probe.Winners[layer][_heads[h]] = _winner;
                _read.AsSpan(h * HeadWidth, HeadWidth).CopyTo(probe.HeadValues[layer].AsSpan(_heads[h] * HeadWidth));
            }
        }
    }

    /// <summary>Nonzero weights that the last step read, each shared one counted once.</summary>
    public long CountTouched()
    {
        long touched = Mode == HeadMode.Sum ? 0 : _query.Nonzeros;
        touched += Mode switch { HeadMode.HardMax => _key.Nonzeros + _value.Nonzeros, HeadMode.Sum => _value.Nonzeros, _ => 0 };
        for (int i = 0; i < _read.Length; i++)
        {
            touched += _read[i] != 0.0 ? _output.Count(i) : 0;
        }
        return touched;
    }

    /// <summary>Numbers of one entry of the plain memory: key, then values.</summary>
    private int Row => HeadWidth + _read.Length;

    private void Remember(double[] stream, long position)
    {
        double first = _key.Dot(0, stream);
        double second = _key.Dot(1, stream);
        if (_unitQuery)
        {
            int entry = _memory.Insert(first, second, position);
            if (entry >= 0)
            {
                Span<double> values = _memory.Values(entry);
                foreach (int i in _used)
                {
                    values[i] = _value.Dot(i, stream);
                }
            }
            return;
        }
        _plain.Add(first);
        _plain.Add(second);
        for (int i = 0; i < _read.Length; i++)
        {
            _plain.Add(_value.Dot(i, stream));
        }
    }

    private int BestOfAll(double first, double second)
    {
        int best = -1;
        double bestScore = 0.0;
        for (int i = 0; i * Row < _plain.Count; i++)
        {
            double score = (first * _plain[i * Row]) + (second * _plain[(i * Row) + 1]);
            if (best < 0 || score >= bestScore)
            {
                (best, bestScore) = (i, score);
            }
        }
        return best;
    }
}
