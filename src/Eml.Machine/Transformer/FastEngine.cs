using Eml.Numerics;

namespace Eml.Machine.Transformer;

/// <summary>The same transformer without the work that changes nothing: zero weights are not stored, closed gates not evaluated, equal
/// lookups done once, keys found instead of scanned, and keys that can never win again forgotten. Every sum is of exact integers, so
/// the order of the additions does not matter and the results equal those of <see cref="DenseEngine"/>.</summary>
public sealed class FastEngine : Engine
{
    private readonly FastAttention[][] _attention;
    private readonly FastUnits[] _units;
    private readonly FastUnembedding _unembedding;
    private readonly double[] _stream;

    /// <summary>An engine at the start of a sequence.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: heads of another width than 2, or tables.</exception>
    public FastEngine(TransformerWeights weights) : base(weights)
    {
        if (weights.Config.HeadWidth != 2 || weights.Config.Tables.Length > 0 || weights.Config.ResultChannels.Length > 0)
        {
            throw new EmlException(ErrorCode.Argument, "transformer: this engine takes heads of width 2 and no tables; use the planned engine");
        }
        _attention = [.. Enumerable.Range(0, Weights.Layers.Length).Select(i => FastAttention.Of(weights, i))];
        _units = [.. Enumerable.Range(0, Weights.Layers.Length).Select(i => new FastUnits(weights, i))];
        _unembedding = new FastUnembedding(weights);
        _stream = new double[Weights.Config.ModelWidth];
    }

    /// <inheritdoc/>
    public override long StateBytes => _attention.Sum(layer => layer.Sum(group => group.StateBytes));

    /// <inheritdoc/>
    public override int Step(int token, ReadOnlySpan<double> position)
    {
        double[] stream = _stream;
        Embed(token, position, stream);
        Record(0);
        for (int i = 0; i < _units.Length; i++)
        {
            FastAttention[] groups = _attention[i];
            foreach (FastAttention group in groups)
            {
                group.Read(stream, Length);
            }
            foreach (FastAttention group in groups)
            {
                group.Write(stream, Probe, i);
            }
            Record((2 * i) + 1);
            _units[i].Apply(stream, Probe, i);
            Record((2 * i) + 2);
        }
        Length++;
        return _unembedding.Best(stream);
    }

    /// <inheritdoc/>
    public override void Step(ReadOnlySpan<double> tuple, Span<double> next) => CheckTuple(tuple.Length, next.Length);

    /// <inheritdoc/>
    public override void Append(int store, int token, ReadOnlySpan<double> position)
    {
        Embed(token, position, _stream);
        foreach (FastAttention group in _attention.SelectMany(groups => groups))
        {
            if (group.Mode == HeadMode.Cross && group.Store == store)
            {
                group.Append(_stream);
            }
        }
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        Length = 0;
        foreach (FastAttention group in _attention.SelectMany(groups => groups))
        {
            group.Clear();
        }
    }

    /// <summary>How many nonzero weights the last step read; it must have been recorded in <paramref name="probe"/>. A pass of its own,
    /// so that steps need not count.</summary>
    /// <param name="token">The token that the step took.</param>
    /// <param name="probe">What it computed.</param>
    public long CountTouched(int token, StepProbe probe)
    {
        ArgumentNullException.ThrowIfNull(probe);
        int width = Weights.Config.ModelWidth;
        double[] stream = new double[width];
        long touched = width - Weights.TokenEmbedding.AsSpan(token * width, width).Count(0.0);
        for (int i = 0; i < _units.Length; i++)
        {
            touched += _attention[i].Sum(group => group.CountTouched());
            probe.Stream.AsSpan(((2 * i) + 1) * width, width).CopyTo(stream);
            touched += _units[i].CountTouched(stream);
        }
        return touched + _unembedding.Nonzeros;
    }

    private void Record(int row)
    {
        if (Probe is not null)
        {
            _stream.CopyTo(Probe.Stream, row * _stream.Length);
        }
    }
}
