using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Values for every sample, (elements, stride), that a trial overwrites in place, and a copy of them at the kept parameters:
/// outside of a trial the two are the same.
/// </summary>
internal sealed class ShadowedValues<T>(int elements, int stride) where T : struct, ILanes<T>
{
    private readonly AlignedDoubles _live = new(elements * stride);
    private readonly AlignedDoubles _kept = new(elements * stride);

    public ref double this[int element] => ref _live[element * stride];

    public void Keep(int first, int count) => Copy(ref _live[first * stride], ref _kept[first * stride], count);

    public void Restore(int first, int count) => Copy(ref _kept[first * stride], ref _live[first * stride], count);

    /// <summary>Whether a trial has left the very same bits.</summary>
    public bool IsUnchanged(int first, int count) =>
        MemoryMarshal.AsBytes(_live.Slice(first * stride, count * stride))
            .SequenceEqual(MemoryMarshal.AsBytes(_kept.Slice(first * stride, count * stride)));

    // Some hundred bytes: a call for them would cost more than the copy.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Copy(ref double from, ref double to, int count)
    {
        nint length = count * stride; // a multiple of the longest vector
        for (nint i = 0; i < length; i += T.Count)
        {
            T.Store(T.Load(ref Unsafe.Add(ref from, i)), ref Unsafe.Add(ref to, i));
        }
    }
}
