namespace Eml.Machine.Transformer;

/// <summary>All keys and values of one head, scanned in full.</summary>
/// <param name="width">Components of a key and of a value.</param>
/// <param name="sink">Score of the key with zero values that is always there, or null.</param>
internal sealed class DenseMemory(int width, double? sink)
{
    private double[] _keys = new double[16 * width];
    private double[] _values = new double[16 * width];
    private int _count;

    /// <summary>Bytes of the entries.</summary>
    public long Bytes => 16L * width * _count;

    /// <summary>Whether the entries are constant.</summary>
    public bool IsConstant { get; init; }

    public void Forget()
    {
        if (!IsConstant)
        {
            _count = 0;
        }
    }

    public void Add(ReadOnlySpan<double> key, ReadOnlySpan<double> value)
    {
        if (_count * width == _keys.Length)
        {
            Array.Resize(ref _keys, 2 * _keys.Length);
            Array.Resize(ref _values, 2 * _values.Length);
        }
        key.CopyTo(_keys.AsSpan(_count * width));
        value.CopyTo(_values.AsSpan(_count * width));
        _count++;
    }

    /// <summary>The entry with the highest score, the latest of equals, and its values; -1 and zeros for none and for the sink.</summary>
    public long Best(ReadOnlySpan<double> query, Span<double> value)
    {
        int best = -1;
        double bestScore = sink ?? double.NegativeInfinity;
        for (int i = 0; i < _count; i++)
        {
            double score = 0.0;
            ReadOnlySpan<double> key = _keys.AsSpan(i * width, width);
            for (int c = 0; c < key.Length; c++)
            {
                score += query[c] * key[c];
            }
            if (score >= bestScore)
            {
                (best, bestScore) = (i, score);
            }
        }
        if (best < 0)
        {
            value.Clear();
            return -1;
        }
        _values.AsSpan(best * width, width).CopyTo(value);
        return best;
    }

    public long Sum(Span<double> value)
    {
        value.Clear();
        for (int i = 0; i < _count; i++)
        {
            for (int c = 0; c < width; c++)
            {
                value[c] += _values[(i * width) + c];
            }
        }
        return -1;
    }
}
