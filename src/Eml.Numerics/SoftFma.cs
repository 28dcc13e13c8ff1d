using System.Runtime.CompilerServices;

namespace Eml.Numerics;

/// <summary>
/// a·b + c rounded once, from additions and multiplications alone, for processors that have no such instruction.
/// Exact product and sums (Dekker, Knuth), the two small parts added with rounding to odd, then one rounding
/// (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE Trans. Comp. 57, 2008).
/// Valid while no intermediate overflows or underflows, which holds for every use in this library.
/// </summary>
internal static class SoftFma
{
    private const double Splitter = 134217729; // 2^27 + 1

    public static double MultiplyAdd(double a, double b, double c)
    {
        double product = a * b;
        double low = TwoSum(c, ProductError(a, b, product), out double lowError);
        double high = TwoSum(product, low, out double highError);
        return high + AddRoundToOdd(highError, lowError);
    }

    private static double ProductError(double a, double b, double product)
    {
        double t = Splitter * a;
        double aHigh = t - (t - a), aLow = a - aHigh;
        t = Splitter * b;
        double bHigh = t - (t - b), bLow = b - bHigh;
        return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double TwoSum(double a, double b, out double error)
    {
        double sum = a + b;
        double bPart = sum - a;
        error = a - (sum - bPart) + (b - bPart);
        return sum;
    }

    /// <summary>
    /// a + b; if inexact and even, the odd neighbour on the exact sum's side, so that the later rounding cannot round twice.
    /// Without a branch: whether a sum is inexact and even is a coin toss.
    /// </summary>
    private static double AddRoundToOdd(double a, double b)
    {
        double sum = TwoSum(a, b, out double error);
        long bits = BitConverter.DoubleToInt64Bits(sum);
        long step = 1 + 2 * ((bits ^ BitConverter.DoubleToInt64Bits(error)) >> 63); // away from zero, or −1: towards it
        return BitConverter.Int64BitsToDouble(bits + (error != 0 ? step & -(~bits & 1) : 0));
    }
}
