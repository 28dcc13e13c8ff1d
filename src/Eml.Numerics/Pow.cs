using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Numerics;

/// <summary>x to the y with the bits of glibc 2.28 and later with FMA, on every machine and vector width.</summary>
public static class Pow
{
    private const ulong Offset = 0x3fe6955500000000;
    private const ulong SignBit = 1UL << 63;
    private const ulong Infinity = 0x7ff0000000000000;
    private const double OrdinaryLimit = 512; // of |y ln x|
    private const double LargestY = 9223372036854775808; // 2^63: from here on every result but pow(±1, y) over- or underflows

    /// <summary>x to the y. C99's special cases.</summary>
    public static double Of(double x, double y)
    {
        ulong xBits = BitConverter.DoubleToUInt64Bits(x);
        bool negative = false;
        if (xBits - (1UL << 52) >= Infinity - (1UL << 52) || !(Math.Abs(y) < LargestY) || y == 0)
        {
            if (TrySpecial(x, y, out double result))
            {
                return result;
            }

            negative = x < 0 && IsOddInteger(y);
            xBits &= ~SignBit;
            if (xBits < 1UL << 52)
            {
                // Subnormal: its exponent goes on below the normal range.
                xBits = BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(xBits) * 4503599627370496.0) - (52UL << 52);
            }

            if (!(Math.Abs(y) < LargestY))
            {
                // |x| is not 1, so |y ln x| ≥ 2^63·2^-53 = 1024: outside the range of exp.
                return Overflowed(y > 0 == (long)xBits > BitConverter.DoubleToInt64Bits(1), negative);
            }
        }

        Lanes1 high = Logarithm(Lanes1.BroadcastBits(xBits), out Lanes1 low);
        Lanes1 product = Product(new Lanes1(y), high, low, out Lanes1 productLow);
        if (Math.Abs(product.Value) < OrdinaryLimit)
        {
            double ordinary = Exponential(product, productLow, out _, out _).Value;
            return negative ? -ordinary : ordinary;
        }

        if (Math.Abs(product.Value) >= 1024)
        {
            return Overflowed(product.Value > 0, negative);
        }

        Exponential(product, productLow, out Lanes1 t, out Lanes1 scale);
        return Exp.Rescale(negative ? -scale.Value : scale.Value, t.Value, product.Value > 0);
    }

    /// <summary>z[i] = x[i] to the y[i]. Spans of one length; z may be x or y, else must not overlap them.</summary>
    public static void Of(ReadOnlySpan<double> x, ReadOnlySpan<double> y, Span<double> z)
    {
        if (x.Length != y.Length || x.Length != z.Length)
        {
            throw new EmlException(ErrorCode.Shape,
                $"x has {x.Length} values, y {y.Length} and z {z.Length}; give arrays of one length");
        }

        int done = Lanes8.IsSupported ? Vectors<Lanes8>(x, y, z)
            : Lanes4.IsSupported ? Vectors<Lanes4>(x, y, z)
            : Lanes2.IsSupported ? Vectors<Lanes2>(x, y, z) : 0;
        Scalars(x[done..], y[done..], z[done..]);
    }

    /// <summary>Whole vectors of lanes; returns how many values that were.</summary>
    internal static int Vectors<T>(ReadOnlySpan<double> x, ReadOnlySpan<double> y, Span<double> z)
        where T : struct, ILanes<T>
    {
        int i = 0;
        for (; i <= x.Length - T.Count; i += T.Count)
        {
            T vx = T.Load(ref Unsafe.Add(ref MemoryMarshal.GetReference(x), i));
            T vy = T.Load(ref Unsafe.Add(ref MemoryMarshal.GetReference(y), i));
            T normal = T.Select(T.Less(vx, T.BroadcastBits(1UL << 52)), T.BroadcastBits(0),
                T.Less(vx, T.Broadcast(double.PositiveInfinity)));

            // Larger y are for the scalar path.
            T moderate = T.Less(T.AndBits(vy, T.BroadcastBits(long.MaxValue)), T.Broadcast(LargestY));
            T high = Logarithm(vx, out T low);
            T product = Product(vy, high, low, out T productLow);
            T ordinary = T.Less(T.AndBits(product, T.BroadcastBits(long.MaxValue)), T.Broadcast(OrdinaryLimit));
            if (T.All(T.AndBits(normal, T.AndBits(moderate, ordinary))))
            {
                T.Store(Exponential(product, productLow, out _, out _), ref Unsafe.Add(ref MemoryMarshal.GetReference(z), i));
            }
            else
            {
                Scalars(x.Slice(i, T.Count), y.Slice(i, T.Count), z.Slice(i, T.Count));
            }
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Scalars(ReadOnlySpan<double> x, ReadOnlySpan<double> y, Span<double> z)
    {
        for (int i = 0; i < x.Length; i++)
        {
            z[i] = Of(x[i], y[i]);
        }
    }

    private static double Overflowed(bool large, bool negative)
    {
        double magnitude = large ? double.PositiveInfinity : 0;
        return negative ? -magnitude : magnitude;
    }

    /// <summary>C99 F.9.4.4: the cases that need no logarithm.</summary>
    private static bool TrySpecial(double x, double y, out double result)
    {
        if (IsSignalling(x) || IsSignalling(y))
        {
            result = double.NaN;
        }
        else if (y == 0 || x == 1)
        {
            result = 1;
        }
        else if (double.IsNaN(x) || double.IsNaN(y))
        {
            result = double.NaN;
        }
        else if (double.IsInfinity(y))
        {
            double magnitude = Math.Abs(x);
            result = magnitude == 1 ? 1 : magnitude > 1 == y > 0 ? double.PositiveInfinity : 0;
        }
        else if (x == 0 || double.IsInfinity(x))
        {
            double magnitude = x == 0 == y > 0 ? 0 : double.PositiveInfinity;
            result = double.IsNegative(x) && IsOddInteger(y) ? -magnitude : magnitude;
        }
        else if (x < 0 && !IsInteger(y))
        {
            result = double.NaN;
        }
        else if (x == -1)
        {
            result = IsOddInteger(y) ? -1 : 1;
        }
        else
        {
            result = 0;
            return false;
        }

        return true;
    }

    private static bool IsSignalling(double x) =>
        double.IsNaN(x) && (BitConverter.DoubleToUInt64Bits(x) & (1UL << 51)) == 0;

    private static bool IsInteger(double y) => Math.Floor(y) == y;

    private static bool IsOddInteger(double y) => Math.Abs(y) < 9007199254740992 && IsInteger(y) && ((long)y & 1) != 0;

    /// <summary>ln x as an unevaluated sum of about 68 bits; positive normal x, or the bits of a scaled subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Logarithm<T>(T x, out T low) where T : struct, ILanes<T>
    {
        T k = LnReduction.Split(x, Offset, out T z, out T entry);
        T.LookupPair(PowTable.InvCAndLogC, entry, out T invC, out T logC);
        T r = T.Fma(z, invC, T.Broadcast(-1));
        T t1 = T.Fma(k, T.BroadcastBits(PowTable.Ln2Hi), logC);
        T t2 = t1 + r;
        T lo1 = T.Fma(k, T.BroadcastBits(PowTable.Ln2Lo), T.Lookup(PowTable.LogCTail, entry));
        T lo2 = t1 - t2 + r;
        T ar = T.BroadcastBits(PowTable.A0) * r;
        T ar2 = r * ar;
        T ar3 = r * ar2;
        T hi = t2 + ar2;
        T lo3 = T.Fma(ar, r, T.Broadcast(0) - ar2);
        T lo4 = t2 - hi + ar2;
        T p = T.Fma(ar2, T.Fma(ar2, T.Fma(r, T.BroadcastBits(PowTable.A6), T.BroadcastBits(PowTable.A5)),
                T.Fma(r, T.BroadcastBits(PowTable.A4), T.BroadcastBits(PowTable.A3))),
            T.Fma(r, T.BroadcastBits(PowTable.A2), T.BroadcastBits(PowTable.A1)));
        T lo = T.Fma(ar3, p, lo1 + lo2 + lo3 + lo4);
        T sum = hi + lo;
        low = hi - sum + lo;
        return sum;
    }

    /// <summary>y·(high + low) as a sum of two doubles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Product<T>(T y, T high, T low, out T productLow) where T : struct, ILanes<T>
    {
        T product = y * high;
        productLow = T.Fma(y, low, T.Fma(y, high, T.Broadcast(0) - product));
        return product;
    }

    /// <summary>exp(x + xLow) = scale + scale·t.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Exponential<T>(T x, T xLow, out T t, out T scale) where T : struct, ILanes<T>
    {
        T index = Exp.Reduce(x, out T r);
        t = Exp.Polynomial(index, r + xLow, out scale);
        return T.Fma(scale, t, scale);
    }
}
