using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Eml.Language.Kernels;

/// <summary>Sums of 16 floats side by side, exponentials and logarithms of 8. Whatever the machine's width, every sum has 16 parts and one
/// order: so the bits are the same everywhere.</summary>
internal static class FloatMath
{
    /// <summary>The sum of the lanes: with h = lanes 0 to 7 plus lanes 8 to 15, ((h0 + h2) + (h1 + h3)) + ((h4 + h6) + (h5 + h7)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> x) => Sum(x.GetLower() + x.GetUpper());

    /// <summary>The sum of h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> h) => Sum(h.GetLower()) + Sum(h.GetUpper());

    /// <summary>The sums of the lanes of four vectors, each as <see cref="Sum(Vector512{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d) =>
        Sums(a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper(), c.GetLower() + c.GetUpper(), d.GetLower() + d.GetUpper());

    /// <summary>The sums of four h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        if (!Avx.IsSupported)
        {
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        }
        Vector256<float> ab = EvenPlusOdd(a, b), cd = EvenPlusOdd(c, d);
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
    public static Vector256<float> Exp(Vector256<float> x)
    {
        (Vector256<float> high, _) = ExpParts(x);
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(-87.3f)), Vector256<float>.Zero, high);
    }

    /// <summary>e^x for x from -87.3 to 88 as a sum of two floats: x = n ln 2 + r, the polynomial of Cephes' expf for e^r (Moshier 1992),
    /// 2^n by its exponent. The second has the digits that the sum 1 + (r + ...) loses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> High, Vector256<float> Low) ExpParts(Vector256<float> x)
    {
        Vector256<float> t = Vector256.MinNative(Vector256.MaxNative(x, Vector256.Create(-87.3f)), Vector256.Create(88.0f));
        Vector256<float> n = Vector256.Round(t * Vector256.Create(1.44269504088896341f));
        Vector256<float> r = Fma(n, Vector256.Create(-0.693359375f), t);
        r = Fma(n, Vector256.Create(2.12194440e-4f), r);
        Vector256<float> p = Vector256.Create(1.9875691500E-4f);
        p = Fma(p, r, Vector256.Create(1.3981999507E-3f));
        p = Fma(p, r, Vector256.Create(8.3334519073E-3f));
        p = Fma(p, r, Vector256.Create(4.1665795894E-2f));
        p = Fma(p, r, Vector256.Create(1.6666665459E-1f));
        p = Fma(p, r, Vector256.Create(5.0000001201E-1f));
        p = Fma(p, r * r, r);
        Vector256<float> high = p + Vector256<float>.One;
        Vector256<float> low = p - (high - Vector256<float>.One);
        Vector256<float> scale = ((Vector256.ConvertToInt32Native(n) + Vector256.Create(127)) << 23).AsSingle();
        return (high * scale, low * scale);
    }

    /// <summary>ln x of normal positive numbers within 2 ulp: Cephes' logf.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Ln(Vector256<float> x)
    {
        Vector256<int> bits = x.AsInt32();
        Vector256<float> e = Vector256.ConvertToSingle((bits >> 23) - Vector256.Create(126));
        Vector256<float> m = ((bits & Vector256.Create(0x007FFFFF)) | Vector256.Create(0x3F000000)).AsSingle();
        Vector256<float> isLow = Vector256.LessThan(m, Vector256.Create(0.707106781186547524f));
        e -= isLow & Vector256<float>.One;
        m = (m - Vector256<float>.One) + (isLow & m);
        Vector256<float> z = m * m;
        Vector256<float> p = Vector256.Create(7.0376836292E-2f);
        p = Fma(p, m, Vector256.Create(-1.1514610310E-1f));
        p = Fma(p, m, Vector256.Create(1.1676998740E-1f));
        p = Fma(p, m, Vector256.Create(-1.2420140846E-1f));
        p = Fma(p, m, Vector256.Create(1.4249322787E-1f));
        p = Fma(p, m, Vector256.Create(-1.6668057665E-1f));
        p = Fma(p, m, Vector256.Create(2.0000714765E-1f));
        p = Fma(p, m, Vector256.Create(-2.4999993993E-1f));
        p = Fma(p, m, Vector256.Create(3.3333331174E-1f));
        Vector256<float> y = m * z * p;
        y = Fma(e, Vector256.Create(-2.12194440e-4f), y);
        y = Fma(z, Vector256.Create(-0.5f), y);
        return Fma(e, Vector256.Create(0.693359375f), m + y);
    }

    /// <summary>a b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        System.Runtime.Intrinsics.X86.Fma.IsSupported || AdvSimd.IsSupported ? Vector512.FusedMultiplyAdd(a, b, c)
            : Vector512.Create(SoftFma(a.GetLower(), b.GetLower(), c.GetLower()), SoftFma(a.GetUpper(), b.GetUpper(), c.GetUpper()));

    /// <summary>a b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fma(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        System.Runtime.Intrinsics.X86.Fma.IsSupported || AdvSimd.IsSupported ? Vector256.FusedMultiplyAdd(a, b, c) : SoftFma(a, b, c);

    /// <summary>The same where the processor has no such instruction: in binary64 the product is exact; the sum is rounded to odd there, so
    /// that rounding it again to binary32 is rounding once (Boldo and Melquiond 2008).</summary>
    internal static Vector256<float> SoftFma(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.Narrow(
        ToOdd(Vector256.WidenLower(a) * Vector256.WidenLower(b), Vector256.WidenLower(c)),
        ToOdd(Vector256.WidenUpper(a) * Vector256.WidenUpper(b), Vector256.WidenUpper(c)));

    private static Vector256<double> ToOdd(Vector256<double> p, Vector256<double> c)
    {
        Vector256<double> s = p + c;
        Vector256<double> t = s - p;
        Vector256<double> error = (p - (s - t)) + (c - t);
        Vector256<long> bits = s.AsInt64();
        Vector256<long> isInexact = (Vector256.GreaterThan(error, Vector256<double>.Zero) | Vector256.LessThan(error, Vector256<double>.Zero)).AsInt64();
        Vector256<long> isEven = Vector256.Equals(bits & Vector256<long>.One, Vector256<long>.Zero);
        // One unit away from zero where the error has the sum's sign, towards it else.
        Vector256<long> away = Vector256.GreaterThanOrEqual(error.AsInt64() ^ bits, Vector256<long>.Zero);
        return (bits + (Vector256.ConditionalSelect(away, Vector256<long>.One, -Vector256<long>.One) & isInexact & isEven)).AsDouble();
    }
}
