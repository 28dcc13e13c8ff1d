namespace Eml.Numerics;

/// <summary>
/// The cosine of moderate arguments, with the same bits on every machine, which the systems' own do not promise: π/2 is
/// subtracted in two pieces (Cody and Waite 1980), and within ±π/4 there are the Taylor polynomials. The error is at most
/// 1.2e-16 for arguments of a few turns: an absolute one, since two pieces of π/2 are too few for all digits next to a zero.
/// </summary>
internal static class Cos
{
    private const double HalfPiHigh = 1.57079632673412561417; // the first 33 bits of π/2: products with small integers are exact
    private const double HalfPiLow = 6.07710050650619224932e-11;
    private const double TwoOverPi = 0.63661977236758134308;

    /// <summary>cos x for |x| ≤ 2^16, with the error growing as x does.</summary>
    public static double Of(double x)
    {
        double turns = Math.Round(x * TwoOverPi, MidpointRounding.ToEven);
        double reduced = x - turns * HalfPiHigh;
        double r = reduced - turns * HalfPiLow;
        double tail = reduced - r - turns * HalfPiLow;
        double magnitude = ((long)turns & 1) == 0 ? CosNearZero(r, tail) : SinNearZero(r, tail);
        return (((long)turns + 1) & 2) == 0 ? magnitude : -magnitude;
    }

    // cos(r + tail) ≈ cos r − r·tail; the terms up to r^18 / 18!.
    private static double CosNearZero(double r, double tail)
    {
        double z = r * r;
        double p = -1.0 / 6402373705728000;
        p = 1.0 / 20922789888000 + z * p;
        p = -1.0 / 87178291200 + z * p;
        p = 1.0 / 479001600 + z * p;
        p = -1.0 / 3628800 + z * p;
        p = 1.0 / 40320 + z * p;
        p = -1.0 / 720 + z * p;
        p = 1.0 / 24 + z * p;

        // 1 − z/2 is rounded; what was lost is added to the small terms.
        double half = 0.5 * z, top = 1 - half;
        return top + (1 - top - half + (z * z * p - r * tail));
    }

    // sin(r + tail) ≈ sin r + tail·(1 − r²/2); the terms up to r^17 / 17!.
    private static double SinNearZero(double r, double tail)
    {
        double z = r * r;
        double p = 1.0 / 355687428096000;
        p = -1.0 / 1307674368000 + z * p;
        p = 1.0 / 6227020800 + z * p;
        p = -1.0 / 39916800 + z * p;
        p = 1.0 / 362880 + z * p;
        p = -1.0 / 5040 + z * p;
        p = 1.0 / 120 + z * p;
        p = -1.0 / 6 + z * p;
        return r + (r * z * p + tail * (1 - 0.5 * z));
    }
}
