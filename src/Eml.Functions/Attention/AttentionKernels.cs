using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// What attention does to rows of scores, with one row in each lane: element j of all rows stands at j·stride. The lanes
/// are the rows of one sample (prediction) or the same row of several samples (training).
/// </summary>
internal static class AttentionKernels<T> where T : struct, ILanes<T>
{
    private const double OrdinaryExp = 512;    // Exp.Ordinary's range
    private const double LeastLearnedSum = 1e-12;
    private const double ExpLimit = 20;        // eml_safe's

    /// <summary>exp(s − max) / Σ exp(s − max), max ignoring NaN; 1/n where the sum is not positive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Softmax(ref double scores, ref double result, nint stride, int n)
    {
        T max = T.Load(ref scores);
        for (int j = 1; j < n; j++)
        {
            max = T.MaxNative(max, T.Load(ref Unsafe.Add(ref scores, j * stride)));
        }

        // Scores that far apart, NaN and infinities are left to another text, so that nothing is called in here and all stays
        // in registers. Without them one of the terms is exp(0).
        T ordinary = T.BroadcastBits(ulong.MaxValue), least = T.Broadcast(-OrdinaryExp), sum = T.Broadcast(0);
        for (int j = 0; j < n; j++)
        {
            T x = T.Load(ref Unsafe.Add(ref scores, j * stride)) - max;
            ordinary = T.AndBits(ordinary, T.Less(least, x));
            T e = Exp.Ordinary(x);
            sum += e;
            T.Store(e, ref Unsafe.Add(ref result, j * stride));
        }

        if (!T.All(ordinary))
        {
            SoftmaxOfFar(ref scores, ref result, stride, n);
            return;
        }

        for (int j = 0; j < n; j++)
        {
            ref double e = ref Unsafe.Add(ref result, j * stride);
            T.Store(T.Load(ref e) / sum, ref e);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SoftmaxOfFar(ref double scores, ref double result, nint stride, int n)
    {
        T max = T.Broadcast(double.NegativeInfinity);
        for (int j = 0; j < n; j++)
        {
            T s = T.Load(ref Unsafe.Add(ref scores, j * stride));
            max = T.Select(T.Less(max, s), s, max);
        }

        T sum = T.Broadcast(0);
        for (int j = 0; j < n; j++)
        {
            T x = T.Load(ref Unsafe.Add(ref scores, j * stride)) - max;
            T e = T.Select(T.Less(x, T.Broadcast(1)), Exp.Negative(x), x); // NaN stays
            sum += e;
            T.Store(e, ref Unsafe.Add(ref result, j * stride));
        }

        T positive = T.Less(T.Broadcast(0), sum), uniform = T.Broadcast(1.0 / n);
        for (int j = 0; j < n; j++)
        {
            ref double e = ref Unsafe.Add(ref result, j * stride);
            T.Store(T.Select(positive, T.Load(ref e) / sum, uniform), ref e);
        }
    }

    /// <summary>
    /// The softmax tree's answer: what is negative or not finite becomes 0, then all are divided by their sum; where that is
    /// not above 1e-12, the numerical softmax.
    /// </summary>
    public static void LearnedSoftmax(AttentionPart tree, ReadOnlySpan<double> parameters, ref double scores, ref double result, nint stride)
    {
        int n = tree.Heads;
        Softmax(ref scores, ref result, stride, n);
        Span<double> learned = stackalloc double[AttentionBlock.MaxSeqLen * T.Count];
        T zero = T.Broadcast(0), magnitude = T.BroadcastBits(long.MaxValue), infinity = T.Broadcast(double.PositiveInfinity), sum = zero;
        for (int h = 0; h < n; h++)
        {
            T v = T.Broadcast(parameters[tree.Bias(h)]);
            for (int j = 0; j < n; j++)
            {
                v += T.Broadcast(parameters[tree.Weights(h) + j]) * T.Load(ref Unsafe.Add(ref scores, j * stride));
            }

            ReadOnlySpan<double> constants = parameters.Slice(tree.Constants(h), 3 * tree.Depth);
            for (int c = 0; c < constants.Length; c += 3)
            {
                v = Level(v, T.Broadcast(constants[c]), T.Broadcast(constants[c + 1]), T.Broadcast(constants[c + 2]));
            }

            v = T.Select(T.Less(T.AndBits(v, magnitude), infinity), v, zero);
            v = T.Select(T.Less(v, zero), zero, v);
            sum += v;
            T.Store(v, ref learned[h * T.Count]);
        }

        T large = T.Less(T.Broadcast(LeastLearnedSum), sum);
        for (int h = 0; h < n; h++)
        {
            ref double weight = ref Unsafe.Add(ref result, h * stride);
            T.Store(T.Select(large, T.Load(ref learned[h * T.Count]) / sum, T.Load(ref weight)), ref weight);
        }
    }

    /// <summary>A SafeTree's level on some values, in place.</summary>
    public static void Level(ref double values, int lanes, ReadOnlySpan<double> constants)
    {
        T c0 = T.Broadcast(constants[0]), c1 = T.Broadcast(constants[1]), c2 = T.Broadcast(constants[2]);
        for (nint g = 0; g < lanes; g += T.Count)
        {
            ref double v = ref Unsafe.Add(ref values, g);
            T.Store(Level(T.Load(ref v), c0, c1, c2), ref v);
        }
    }

    /// <summary>A SafeTree's level: eml_safe(v·c0 + c1, |v| + c2 + 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Level(T v, T c0, T c1, T c2)
    {
        T x = v * c0 + c1, y = LnArgument(v, c2);
        return T.All(IsOrdinary(y)) ? Ordinary(x, y) : ByEmlSafe(x, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T LnArgument(T v, T c2) => T.AndBits(v, T.BroadcastBits(long.MaxValue)) + c2 + T.Broadcast(1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T IsOrdinary(T y) => T.Less(y, T.Broadcast(double.PositiveInfinity));

    // eml_safe with fewer checks: a number that ends with "+ 1" is never subnormal, only zero or negative.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Ordinary(T x, T y) =>
        Operator.ExpClamped(Operator.Clamp(x, T.Broadcast(-ExpLimit), T.Broadcast(ExpLimit)))
        - Ln.Positive(T.MaxNative(y, T.Broadcast(Operator.MinPositive)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ByEmlSafe(T x, T y) => Operator.EmlSafe(x, y, T.Broadcast(Operator.MinPositive));
}
