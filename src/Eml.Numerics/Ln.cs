using System.Runtime.CompilerServices;

namespace Eml.Numerics;

/// <summary>The natural logarithm with the bits of glibc 2.28 and later with FMA, on every machine and vector width.</summary>
public static class Ln
{
    private const ulong Offset = 0x3fe6000000000000;
    private const ulong NearLow = 0x3fee000000000000;  // 1 - 2^-4
    private const ulong NearHigh = 0x3ff1090000000000; // 1 + 0x1.09p-4

    /// <summary>ln x. C99's special cases: ln 0 = −∞, negative arguments give NaN.</summary>
    public static double Of(double x)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(x);
        if (bits - NearLow < NearHigh - NearLow)
        {
            return NearOne(new Lanes1(x)).Value;
        }

        if (bits - 0x0010000000000000 < 0x7fe0000000000000) // positive and normal
        {
            return Ordinary(Lanes1.BroadcastBits(bits)).Value;
        }

        return Special(x, bits);
    }

    /// <summary>ln of an argument that is known to be positive and normal. Inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double OfNormal(double x)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(x);
        return bits - NearLow < NearHigh - NearLow ? NearOne(new Lanes1(x)).Value : Ordinary(new Lanes1(x)).Value;
    }

    /// <summary>y[i] = ln(x[i]). The spans have the same length and are the same or do not overlap.</summary>
    public static void Of(ReadOnlySpan<double> x, Span<double> y) => Batch.Run<Kernel>(x, y);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Special(double x, ulong bits)
    {
        if (x == 0)
        {
            return double.NegativeInfinity;
        }

        if (x < 0)
        {
            return double.NaN;
        }

        if (bits >= 0x7ff0000000000000)
        {
            return x; // +infinity or NaN
        }

        ulong scaled = BitConverter.DoubleToUInt64Bits(x * 4503599627370496.0) - (52UL << 52);
        return Ordinary(Lanes1.BroadcastBits(scaled)).Value;
    }

    /// <summary>Positive normal x away from 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Ordinary<T>(T x) where T : struct, ILanes<T>
    {
        T k = LnReduction.Split(x, Offset, out T z, out T entry);
        T.LookupPair(LnTable.InvCAndLogC, entry, out T invC, out T logC);
        T r = T.Fma(z, invC, T.Broadcast(-1));
        T w = T.Fma(k, T.BroadcastBits(LnTable.Ln2Hi), logC);
        T hi = w + r;
        T lo = T.Fma(k, T.BroadcastBits(LnTable.Ln2Lo), w - hi + r);
        T r2 = r * r;
        T p = T.Fma(r2, T.Fma(r, T.BroadcastBits(LnTable.A4), T.BroadcastBits(LnTable.A3)),
            T.Fma(r, T.BroadcastBits(LnTable.A2), T.BroadcastBits(LnTable.A1)));
        return T.Fma(r * r2, p, T.Fma(r2, T.BroadcastBits(LnTable.A0), lo)) + hi;
    }

    /// <summary>1 − 2^-4 ≤ x &lt; 1 + 0x1.09p-4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T NearOne<T>(T x) where T : struct, ILanes<T>
    {
        T r = x - T.Broadcast(1);
        T r2 = r * r;
        T r3 = r * r2;
        T p = T.Fma(r3, T.BroadcastBits(LnTable.B10), T.Fma(r2, T.BroadcastBits(LnTable.B9),
            T.Fma(r, T.BroadcastBits(LnTable.B8), T.BroadcastBits(LnTable.B7))));
        p = T.Fma(r3, p, T.Fma(r2, T.BroadcastBits(LnTable.B6),
            T.Fma(r, T.BroadcastBits(LnTable.B5), T.BroadcastBits(LnTable.B4))));
        p = T.Fma(r3, p, T.Fma(r2, T.BroadcastBits(LnTable.B3),
            T.Fma(r, T.BroadcastBits(LnTable.B2), T.BroadcastBits(LnTable.B1))));
        T b0 = T.BroadcastBits(LnTable.B0);
        T w = r * T.Broadcast(134217728); // 2^27
        T rhi = r + w - w;
        T rlo = r - rhi;
        w = rhi * rhi * b0;
        T hi = r + w;
        T lo = T.Fma(b0 * rlo, rhi + r, r - hi + w);
        return T.Fma(r3, p, lo) + hi;
    }

    /// <summary>Lanes near 1 by the longer polynomial, the others by the table. Positive normal lanes only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Positive<T>(T x) where T : struct, ILanes<T>
    {
        T near = T.Less(
            T.AndBits(x - T.Broadcast(1), T.BroadcastBits(long.MaxValue)), T.BroadcastBits(0x3fb0900000000000));
        T y = Ordinary(x);
        if (T.Any(near))
        {
            // |x − 1| < 0x1.09p-4 covers a little too much below 1: those lanes keep the table's result.
            near = T.Select(T.Less(x, T.BroadcastBits(NearLow)), T.BroadcastBits(0), near);
            y = T.Select(near, NearOne(x), y);
        }

        return y;
    }

    /// <summary>
    /// The same without a branch on the values, for few lanes: both ways at once take less time than a wrong guess.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T PositiveSteady<T>(T x) where T : struct, ILanes<T>
    {
        T above = T.Less(x, T.BroadcastBits(NearHigh));
        T near = T.Select(T.Less(x, T.BroadcastBits(NearLow)), T.BroadcastBits(0), above);
        return T.Select(near, NearOne(x), Ordinary(x));
    }

    private readonly struct Kernel : IUnaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static bool TryRun<T>(T x, out T y) where T : struct, ILanes<T>
        {
            T normal = T.Less(x, T.Broadcast(double.PositiveInfinity));
            T small = T.Less(x, T.BroadcastBits(0x0010000000000000));
            y = Positive(x);
            return T.All(T.Select(small, T.BroadcastBits(0), normal));
        }

        public static double Scalar(double x) => Of(x);
    }
}
