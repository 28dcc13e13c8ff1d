using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Eml.Language.Kernels;

/// <summary>Sums, exponentials and logarithms of 16 floats side by side. A vector of 16 is what all kernels compute with, whatever the
/// machine's width, and every sum has one order: so the bits are the same everywhere.</summary>
internal static class FloatMath
{
    /// <summary>The sum of the lanes: with h = lanes 0 to 7 plus lanes 8 to 15, ((h0 + h2) + (h1 + h3)) + ((h4 + h6) + (h5 + h7)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> x)
    {
        Vector256<float> h = x.GetLower() + x.GetUpper();
        return Sum(h.GetLower()) + Sum(h.GetUpper());
    }

    /// <summary>The sums of the lanes of four vectors, each as <see cref="Sum(Vector512{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        if (!Avx.IsSupported)
        {
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        }
        Vector256<float> ab = EvenPlusOdd(a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper());
        Vector256<float> cd = EvenPlusOdd(c.GetLower() + c.GetUpper(), d.GetLower() + d.GetUpper());
        Vector256<float> quarters = Avx.UnpackLow(ab.AsDouble(), cd.AsDouble()).AsSingle() + Avx.UnpackHigh(ab.AsDouble(), cd.AsDouble()).AsSingle();
        return quarters.GetLower() + quarters.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> EvenPlusOdd(Vector256<float> a, Vector256<float> b) => Avx.UnpackLow(a, b) + Avx.UnpackHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(Vector128<float> x)
    {
        x += Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1));
        return x.ToScalar() + x.GetElement(1);
    }

    /// <summary>e^x within 1 ulp from -87.3 to 88, 0 below, e^88 above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        (Vector512<float> high, _) = ExpParts(x);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-87.3f)), Vector512<float>.Zero, high);
    }

    /// <summary>e^x for x from -87.3 to 88 as a sum of two floats: x = n ln 2 + r, the polynomial of Cephes' expf for e^r (Moshier 1992),
    /// 2^n by its exponent. The second has the digits that the sum 1 + (r + ...) loses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> High, Vector512<float> Low) ExpParts(Vector512<float> x)
    {
        Vector512<float> t = Vector512.MinNative(Vector512.MaxNative(x, Vector512.Create(-87.3f)), Vector512.Create(88.0f));
        Vector512<float> n = Vector512.Round(t * Vector512.Create(1.44269504088896341f));
        Vector512<float> r = Fma(n, Vector512.Create(-0.693359375f), t);
        r = Fma(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500E-4f);
        p = Fma(p, r, Vector512.Create(1.3981999507E-3f));
        p = Fma(p, r, Vector512.Create(8.3334519073E-3f));
        p = Fma(p, r, Vector512.Create(4.1665795894E-2f));
        p = Fma(p, r, Vector512.Create(1.6666665459E-1f));
        p = Fma(p, r, Vector512.Create(5.0000001201E-1f));
        p = Fma(p, r * r, r);
        Vector512<float> high = p + Vector512<float>.One;
        Vector512<float> low = p - (high - Vector512<float>.One);
        Vector512<float> scale = ((Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23).AsSingle();
        return (high * scale, low * scale);
    }

    /// <summary>ln x of normal positive numbers within 2 ulp: Cephes' logf.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Ln(Vector512<float> x)
    {
        Vector512<int> bits = x.AsInt32();
        Vector512<float> e = Vector512.ConvertToSingle((bits >> 23) - Vector512.Create(126));
        Vector512<float> m = ((bits & Vector512.Create(0x007FFFFF)) | Vector512.Create(0x3F000000)).AsSingle();
        Vector512<float> isLow = Vector512.LessThan(m, Vector512.Create(0.707106781186547524f));
        e -= isLow & Vector512<float>.One;
        m = (m - Vector512<float>.One) + (isLow & m);
        Vector512<float> z = m * m;
        Vector512<float> p = Vector512.Create(7.0376836292E-2f);
        p = Fma(p, m, Vector512.Create(-1.1514610310E-1f));
        p = Fma(p, m, Vector512.Create(1.1676998740E-1f));
        p = Fma(p, m, Vector512.Create(-1.2420140846E-1f));
        p = Fma(p, m, Vector512.Create(1.4249322787E-1f));
        p = Fma(p, m, Vector512.Create(-1.6668057665E-1f));
        p = Fma(p, m, Vector512.Create(2.0000714765E-1f));
        p = Fma(p, m, Vector512.Create(-2.4999993993E-1f));
        p = Fma(p, m, Vector512.Create(3.3333331174E-1f));
        Vector512<float> y = m * z * p;
        y = Fma(e, Vector512.Create(-2.12194440e-4f), y);
        y = Fma(z, Vector512.Create(-0.5f), y);
        return Fma(e, Vector512.Create(0.693359375f), m + y);
    }

    /// <summary>a b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        System.Runtime.Intrinsics.X86.Fma.IsSupported || AdvSimd.IsSupported ? Vector512.FusedMultiplyAdd(a, b, c) : SoftFma(a, b, c);

    /// <summary>The same where the processor has no such instruction: in binary64 the product is exact; the sum is rounded to odd there, so
    /// that rounding it again to binary32 is rounding once (Boldo and Melquiond 2008).</summary>
    internal static Vector512<float> SoftFma(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.Narrow(
        ToOdd(Vector512.WidenLower(a) * Vector512.WidenLower(b), Vector512.WidenLower(c)),
        ToOdd(Vector512.WidenUpper(a) * Vector512.WidenUpper(b), Vector512.WidenUpper(c)));

    private static Vector512<double> ToOdd(Vector512<double> p, Vector512<double> c)
    {
        Vector512<double> s = p + c;
        Vector512<double> t = s - p;
        Vector512<double> error = (p - (s - t)) + (c - t);
        Vector512<long> bits = s.AsInt64();
        Vector512<long> isInexact = (Vector512.GreaterThan(error, Vector512<double>.Zero) | Vector512.LessThan(error, Vector512<double>.Zero)).AsInt64();
        Vector512<long> isEven = Vector512.Equals(bits & Vector512<long>.One, Vector512<long>.Zero);
        // One unit away from zero where the error has the sum's sign, towards it else.
        Vector512<long> away = Vector512.GreaterThanOrEqual(error.AsInt64() ^ bits, Vector512<long>.Zero);
        return (bits + (Vector512.ConditionalSelect(away, Vector512<long>.One, -Vector512<long>.One) & isInexact & isEven)).AsDouble();
    }
}
