using System.Runtime.CompilerServices;

namespace Eml.Numerics;

/// <summary>exp with the bits of glibc 2.28 and later with FMA, on every machine and vector width.</summary>
public static class Exp
{
    /// <summary>Below this magnitude the result and its scale are normal, so that no special case arises.</summary>
    private const double OrdinaryLimit = 512;

    /// <summary>From here on down the result rounds to 0.</summary>
    private const double Zero = -746;

    /// <summary>e to the x. C99's special cases; under half an ulp plus 0.01 of error.</summary>
    public static double Of(double x)
    {
        if (Math.Abs(x) < OrdinaryLimit)
        {
            return OfOrdinary(x);
        }

        return Special(x);
    }

    /// <summary>exp of an argument that is known to be ordinary: |x| &lt; 512 or NaN. Inlined, without a branch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double OfOrdinary(double x) => Ordinary(new Lanes1(x)).Value;

    /// <summary>y[i] = exp(x[i]). The spans have the same length and are the same or do not overlap.</summary>
    public static void Of(ReadOnlySpan<double> x, Span<double> y) => Batch.Run<Kernel>(x, y);

    /// <summary>The main path: |x| &lt; 512 in every lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Ordinary<T>(T x) where T : struct, ILanes<T>
    {
        T index = Reduce(x, out T r);
        T t = Polynomial(index, r, out T scale);
        return T.Fma(scale, t, scale);
    }

    /// <summary>exp of arguments that are not above 0, also far below; lanes that are NaN give 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Negative<T>(T x) where T : struct, ILanes<T>
    {
        T one = T.Broadcast(1);
        T index = Reduce(T.MaxNative(x, T.Broadcast(Zero)), out T r);
        T t = Polynomial(index, r, out T scale);

        // What Rescale does, whose comments hold.
        T up = T.AddBits(scale, T.BroadcastBits(1022UL << 52));
        T rest = up * t, y = up + rest, high = one + y;
        T low = one - high + y + (up - y + rest);
        T far = T.Select(T.Less(y, one), high + low - one, y) * T.BroadcastBits(1UL << 52);
        return T.Select(T.Less(T.Broadcast(-OrdinaryLimit), x), T.Fma(scale, t, scale), far);
    }

    /// <summary>x = (index / 128)·ln 2 + r. The low bits of index are an integer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Reduce<T>(T x, out T r) where T : struct, ILanes<T>
    {
        T shift = T.BroadcastBits(ExpTable.Shift);
        T index = T.Fma(T.BroadcastBits(ExpTable.InvLn2N), x, shift);
        T kd = index - shift;
        r = T.Fma(kd, T.BroadcastBits(ExpTable.NegLn2Lo), T.Fma(kd, T.BroadcastBits(ExpTable.NegLn2Hi), x));
        return index;
    }

    /// <summary>exp = scale + scale·t.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Polynomial<T>(T index, T r, out T scale) where T : struct, ILanes<T>
    {
        T entry = T.AndBits(index, T.BroadcastBits(127));
        T.LookupPair(ExpTable.TailAndScale, entry, out T tail, out T base2);
        scale = T.AddBits(base2, T.ShiftLeftBits(index, 45));
        T r2 = r * r;
        T low = T.Fma(r2, T.Fma(r, T.BroadcastBits(ExpTable.C3), T.BroadcastBits(ExpTable.C2)), tail + r);
        return T.Fma(r2 * r2, T.Fma(r, T.BroadcastBits(ExpTable.C5), T.BroadcastBits(ExpTable.C4)), low);
    }

    private static double Special(double x)
    {
        if (double.IsNaN(x))
        {
            return x;
        }

        if (Math.Abs(x) >= 1024)
        {
            return x > 0 ? double.PositiveInfinity : 0;
        }

        Lanes1 index = Reduce(new Lanes1(x), out Lanes1 r);
        double t = Polynomial(index, r, out Lanes1 scale).Value;
        return Rescale(scale.Value, t, x > 0);
    }

    /// <summary>
    /// scale + scale·t where the scale's exponent may have left the range: rounds once, also into the subnormals.
    /// The scale is positive or, for pow of a negative base, negative.
    /// </summary>
    internal static double Rescale(double scale, double t, bool large)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(scale);
        if (large)
        {
            double s = BitConverter.UInt64BitsToDouble(bits - (1009UL << 52));
            return FusedMultiplyAdd.Of(s, t, s) * BitConverter.UInt64BitsToDouble((1023UL + 1009) << 52);
        }

        double up = BitConverter.UInt64BitsToDouble(bits + (1022UL << 52));
        double y = up + up * t;
        if (Math.Abs(y) < 1)
        {
            double one = y < 0 ? -1 : 1;
            double low = up - y + up * t;
            double high = one + y;
            low = one - high + y + low;
            y = high + low - one;
            if (y == 0)
            {
                y = Math.CopySign(0, one);
            }
        }

        return y * BitConverter.UInt64BitsToDouble(1UL << 52); // 2^-1022
    }

    private readonly struct Kernel : IUnaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static bool TryRun<T>(T x, out T y) where T : struct, ILanes<T>
        {
            T limit = T.Broadcast(OrdinaryLimit);
            T magnitude = T.AndBits(x, T.BroadcastBits(long.MaxValue));
            y = Ordinary(x);
            return T.All(T.Less(magnitude, limit));
        }

        public static double Scalar(double x) => Of(x);
    }
}
