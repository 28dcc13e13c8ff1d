using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The operator eml(x, y) = exp x − ln y, which together with the constant 1 generates the elementary functions
/// (Odrzywołek, arXiv:2603.21852), and eml-core's helpers around it.
/// </summary>
public static class Operator
{
    /// <summary>The smallest positive normal double: what stands in for arguments of ln that are not positive.</summary>
    internal const double MinPositive = 2.2250738585072014e-308;

    /// <summary>The number below <see cref="MinPositive"/>.</summary>
    internal const double LargestSubnormal = 2.225073858507201e-308;

    private const double ExpLimit = 20;

    /// <summary>exp x − ln y.</summary>
    public static double Eml(double x, double y) => Exp.Of(x) - Ln.Of(y);

    /// <summary>exp(clamp(x, −20, 20)) − ln(y &gt; 0 ? y : 2.2250738585072014e-308). NaN in x stays, NaN in y counts as 0.</summary>
    public static double EmlSafe(double x, double y) =>
        Exp.Of(Clamp(x, -ExpLimit, ExpLimit)) - Ln.Of(y > 0 ? y : MinPositive);

    /// <summary>
    /// The browser trainer's eml_safe: exp(clamp(x, −20, 20)) − ln(max(y, 5e-324)). It differs from <see cref="EmlSafe"/>
    /// where y &lt; 2.2e-308, and NaN in either argument stays.
    /// </summary>
    public static double BrowserEmlSafe(double x, double y) =>
        Exp.Of(Clamp(x, -ExpLimit, ExpLimit)) - Ln.Of(Math.Max(double.Epsilon, y));

    /// <summary>The softmax of three numbers; NaN is ignored when the largest is sought.</summary>
    public static (double Alpha, double Beta, double Gamma) Softmax3(double a, double b, double c)
    {
        double max = double.MaxNumber(double.MaxNumber(a, b), c);
        double ea = Exp.Of(a - max), eb = Exp.Of(b - max), ec = Exp.Of(c - max);
        double sum = ea + eb + ec;
        return (ea / sum, eb / sum, ec / sum);
    }

    /// <summary>
    /// x within [low, high]; NaN stays NaN, because the native operations give their second operand (x86) or NaN (arm64) then.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double Clamp(double x, double low, double high) => double.MinNative(high, double.MaxNative(low, x));

    /// <summary>The same lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Clamp<T>(T x, T low, T high) where T : struct, ILanes<T> =>
        T.MinNative(high, T.MaxNative(low, x));

    /// <summary>exp lane by lane, for lanes in [−20, 20] or NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T ExpClamped<T>(T x) where T : struct, ILanes<T> => Exp.Ordinary(x);

    /// <summary>ln lane by lane; lanes that are not positive (or NaN) count as <paramref name="floor"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T LnSafe<T>(T y, T floor) where T : struct, ILanes<T>
    {
        T positive = T.Select(T.Less(T.Broadcast(0), y), y, floor);
        T normal = T.Less(positive, T.Broadcast(double.PositiveInfinity));
        T subnormal = T.Less(positive, T.Broadcast(MinPositive));
        return T.All(T.Select(subnormal, T.Broadcast(0), normal)) ? Ln.Positive(positive) : LnByLane(positive);
    }

    /// <summary>ln lane by lane, for lanes that are positive and normal, or NaN, which stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T LnNormal<T>(T y) where T : struct, ILanes<T> => T.Select(T.Less(T.Broadcast(0), y), Ln.Positive(y), y);

    /// <summary>eml_safe lane by lane; lanes of y that are not positive (or NaN) count as <paramref name="floor"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T EmlSafe<T>(T x, T y, T floor) where T : struct, ILanes<T> =>
        ExpClamped(Clamp(x, T.Broadcast(-ExpLimit), T.Broadcast(ExpLimit))) - LnSafe(y, floor);

    // Subnormal and infinite lanes are rare: they may cost a trip through memory.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T LnByLane<T>(T y) where T : struct, ILanes<T>
    {
        Span<double> lanes = stackalloc double[T.Count];
        T.Store(y, ref lanes[0]);
        for (int i = 0; i < lanes.Length; i++)
        {
            lanes[i] = Ln.Of(lanes[i]);
        }

        return T.Load(ref lanes[0]);
    }
}
