namespace Eml.Functions;

/// <summary>The samples recorded last, each (S, D) with a target (S, D).</summary>
internal sealed class BlockSamples(int length, int limit)
{
    private readonly List<double[]> _samples = []; // inputs, then targets
    private int _oldest;

    public int Count => _samples.Count;

    public ReadOnlySpan<double> Input(int sample) => _samples[sample].AsSpan(0, length);

    public ReadOnlySpan<double> Target(int sample) => _samples[sample].AsSpan(length);

    public void Add(ReadOnlySpan<double> input, ReadOnlySpan<double> target)
    {
        double[] sample = [.. input, .. target];
        if (_samples.Count < limit)
        {
            _samples.Add(sample);
        }
        else
        {
            _samples[_oldest] = sample;
            _oldest = (_oldest + 1) % limit;
        }
    }

    /// <summary>Takes over another list's samples, which never change, and its order.</summary>
    public void AddAll(BlockSamples other)
    {
        _samples.AddRange(other._samples);
        _oldest = other._oldest;
    }

    public void Clear()
    {
        _samples.Clear();
        _oldest = 0;
    }
}
