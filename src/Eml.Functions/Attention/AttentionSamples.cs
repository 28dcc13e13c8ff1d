namespace Eml.Functions;

/// <summary>Recorded samples (S, D) with their targets (S, D).</summary>
internal sealed class AttentionSamples(int length)
{
    private readonly List<double> _inputs = [];
    private readonly List<double> _targets = [];

    public int Count => _inputs.Count / length;

    public ReadOnlySpan<double> Input(int sample) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_inputs).Slice(sample * length, length);

    public ReadOnlySpan<double> Target(int sample) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_targets).Slice(sample * length, length);

    public void Add(ReadOnlySpan<double> inputs, ReadOnlySpan<double> targets)
    {
        _inputs.AddRange(inputs);
        _targets.AddRange(targets);
    }

    public void Clear()
    {
        _inputs.Clear();
        _targets.Clear();
    }
}
