using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Numerics;

/// <summary>Looks for NaN and infinities.</summary>
internal static class Finite
{
    /// <summary>The first value that is NaN or infinite; −1 if there is none.</summary>
    public static int IndexOfOther(ReadOnlySpan<double> values)
    {
        int i = 0;
        if (Lanes8.IsSupported)
        {
            WholeVectors<Lanes8>(values, ref i);
        }

        if (Lanes4.IsSupported)
        {
            WholeVectors<Lanes4>(values, ref i);
        }

        if (Lanes2.IsSupported)
        {
            WholeVectors<Lanes2>(values, ref i);
        }

        for (; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Goes on while whole vectors of finite values follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WholeVectors<T>(ReadOnlySpan<double> values, ref int i) where T : struct, ILanes<T>
    {
        ref double start = ref MemoryMarshal.GetReference(values);
        while (i <= values.Length - T.Count
            && T.All(T.Less(T.AndBits(T.Load(ref Unsafe.Add(ref start, i)), T.BroadcastBits(long.MaxValue)), T.Broadcast(double.PositiveInfinity))))
        {
            i += T.Count;
        }
    }
}
