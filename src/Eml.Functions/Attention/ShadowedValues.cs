using System.Runtime.InteropServices;

namespace Eml.Functions;

/// <summary>
/// Values for every sample, (elements, stride), that a trial overwrites in place, and a copy of them at the kept parameters:
/// outside of a trial the two are the same.
/// </summary>
internal sealed class ShadowedValues(int elements, int stride)
{
    private readonly AlignedDoubles _live = new(elements * stride);
    private readonly AlignedDoubles _kept = new(elements * stride);

    public ref double this[int element] => ref _live[element * stride];

    public void Keep(int first, int count) =>
        _live.Slice(first * stride, count * stride).CopyTo(_kept.Slice(first * stride, count * stride));

    public void Restore(int first, int count) =>
        _kept.Slice(first * stride, count * stride).CopyTo(_live.Slice(first * stride, count * stride));

    /// <summary>Whether a trial has left the very same bits.</summary>
    public bool IsUnchanged(int first, int count) =>
        MemoryMarshal.AsBytes(_live.Slice(first * stride, count * stride))
            .SequenceEqual(MemoryMarshal.AsBytes(_kept.Slice(first * stride, count * stride)));
}
