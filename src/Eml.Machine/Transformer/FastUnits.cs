namespace Eml.Machine.Transformer;

/// <summary>The gated units of one layer, max(0, g . x) (v . x). Gates are summed column by column over the channels that are not
/// zero, starting from the constant channel's column; only units whose gate is open compute their value.</summary>
internal sealed class FastUnits
{
    private readonly int _hiddenWidth;
    private readonly int[] _units;
    private readonly int[] _channels;
    private readonly SparseMatrix _gateColumns;
    private readonly SparseMatrix _value;
    private readonly SparseMatrix _output;
    private readonly double[] _closed;
    private readonly double[] _gates;
    private readonly int[] _open;
    private readonly double[] _results;

    public FastUnits(TransformerWeights weights, int layer)
    {
        TransformerConfig config = weights.Config;
        LayerWeights dense = weights.Layers[layer];
        int width = config.ModelWidth;
        _hiddenWidth = config.HiddenWidth;
        // A unit without gate or value is always 0.
        _units = [.. Enumerable.Range(0, _hiddenWidth).Where(u => dense.UnitGate.AsSpan(u * width, width).ContainsAnyExcept(0.0)
            && dense.UnitValue.AsSpan(u * width, width).ContainsAnyExcept(0.0))];
        double[] gates = Rows(dense.UnitGate, width);
        double[] columns = SparseMatrix.Transpose(gates, width);
        double[] outputs = Rows(SparseMatrix.Transpose(dense.UnitOutput, _hiddenWidth), width);
        _closed = new double[_units.Length];
        for (int u = 0; u < _units.Length; u++)
        {
            int at = (config.ConstantChannel * _units.Length) + u;
            _closed[u] = columns[at];
            columns[at] = 0.0;
        }
        _gates = new double[_units.Length];
        _open = new int[_units.Length];
        _results = new double[_units.Length];
        _gateColumns = new SparseMatrix(columns, Math.Max(1, _units.Length));
        _value = new SparseMatrix(Rows(dense.UnitValue, width), width);
        _output = new SparseMatrix(outputs, width);
        _channels = _units.Length == 0 ? [] : [.. Enumerable.Range(0, width).Where(c => _gateColumns.Count(c) > 0)];
    }

    /// <summary>Adds what the open units give to <paramref name="stream"/>; all of them read it before any of them writes.</summary>
    public void Apply(double[] stream, StepProbe? probe, int layer)
    {
        double[] gates = SumGates(stream);
        int open = 0;
        for (int u = 0; u < gates.Length; u++)
        {
            if (gates[u] > 0.0)
            {
                _open[open] = u;
                _results[open++] = gates[u] * _value.Dot(u, stream);
            }
        }
        for (int i = 0; i < open; i++)
        {
            if (_results[i] != 0.0)
            {
                _output.AddRow(_open[i], _results[i], stream);
            }
        }
        if (probe is not null)
        {
            Span<double> all = probe.Units.AsSpan(layer * _hiddenWidth, _hiddenWidth);
            all.Clear();
            for (int i = 0; i < open; i++)
            {
                all[_units[_open[i]]] = _results[i];
            }
        }
    }

    /// <summary>Nonzero weights that <see cref="Apply"/> reads for this stream.</summary>
    public long CountTouched(double[] stream)
    {
        double[] gates = SumGates(stream);
        long touched = _closed.Length - _closed.AsSpan().Count(0.0) + _channels.Sum(channel => stream[channel] != 0.0 ? _gateColumns.Count(channel) : 0);
        for (int u = 0; u < gates.Length; u++)
        {
            if (gates[u] > 0.0)
            {
                touched += _value.Count(u) + (_value.Dot(u, stream) != 0.0 ? _output.Count(u) : 0);
            }
        }
        return touched;
    }

    private double[] SumGates(double[] stream)
    {
        double[] gates = _gates;
        _closed.CopyTo(gates, 0);
        foreach (int channel in _channels)
        {
            double x = stream[channel];
            if (x != 0.0)
            {
                _gateColumns.AddRow(channel, x, gates);
            }
        }
        return gates;
    }

    private double[] Rows(double[] dense, int width)
    {
        double[] rows = new double[_units.Length * width];
        for (int u = 0; u < _units.Length; u++)
        {
            dense.AsSpan(_units[u] * width, width).CopyTo(rows.AsSpan(u * width));
        }
        return rows;
    }
}
