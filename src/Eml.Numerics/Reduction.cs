using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Numerics;

/// <summary>
/// Sums in one fixed order, whatever the vector width: element i goes to accumulator i mod 8, each accumulator adds in
/// rising order of i, and the eight are joined as ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7)). Products are rounded
/// before they are added: no fused multiply-add, so that processors without one agree.
/// </summary>
public static class Reduction
{
    internal const int Accumulators = 8;

    /// <summary>Σ a[i]·b[i]. The spans have one length.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        if (a.Length != b.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"a has {a.Length} values but b has {b.Length}; give arrays of one length");
        }

        return Lanes8.IsSupported ? Dot<Lanes8>(a, b)
            : Lanes4.IsSupported ? Dot<Lanes4>(a, b)
            : Lanes2.IsSupported ? Dot<Lanes2>(a, b)
            : Dot<Lanes1>(a, b);
    }

    internal static double Dot<T>(ReadOnlySpan<double> a, ReadOnlySpan<double> b) where T : struct, ILanes<T>
    {
        Span<double> sums = stackalloc double[Accumulators];
        ref double left = ref MemoryMarshal.GetReference(a);
        ref double right = ref MemoryMarshal.GetReference(b);
        int whole = a.Length & -Accumulators;
        for (int lane = 0; lane < Accumulators; lane += T.Count)
        {
            T sum = T.Broadcast(0);
            for (int i = lane; i < whole; i += Accumulators)
            {
                sum += T.Load(ref Unsafe.Add(ref left, i))
                    * T.Load(ref Unsafe.Add(ref right, i));
            }

            T.Store(sum, ref sums[lane]);
        }

        for (int i = whole; i < a.Length; i++)
        {
            sums[i - whole] += a[i] * b[i];
        }

        return Join(sums);
    }

    /// <summary>Goes on with the accumulators of a scalar product whose vectors come in pieces of whole eights.</summary>
    internal static void Accumulate<T>(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> sums) where T : struct, ILanes<T>
    {
        ref double left = ref MemoryMarshal.GetReference(a);
        ref double right = ref MemoryMarshal.GetReference(b[..a.Length]);
        int whole = a.Length & -Accumulators;
        for (int lane = 0; lane < Accumulators; lane += T.Count)
        {
            T sum = T.Load(ref sums[lane]);
            for (int i = lane; i < whole; i += Accumulators)
            {
                sum += T.Load(ref Unsafe.Add(ref left, i))
                    * T.Load(ref Unsafe.Add(ref right, i));
            }

            T.Store(sum, ref sums[lane]);
        }
    }

    /// <summary>The eight accumulators joined.</summary>
    internal static double Join(ReadOnlySpan<double> sums) =>
        sums[0] + sums[4] + (sums[2] + sums[6]) + (sums[1] + sums[5] + (sums[3] + sums[7]));
}
