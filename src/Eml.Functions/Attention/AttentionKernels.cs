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
    private const double LeastOrdinaryLn = 1e-300;
    private const double ExpLimit = 20;        // eml_safe's

    /// <summary>exp(s − max) / Σ exp(s − max), max ignoring NaN; 1/n where the sum is not positive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Softmax(ref double scores, ref double result, nint stride, int n)
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
            T e = ExpOf(T.Load(ref Unsafe.Add(ref scores, j * stride)) - max);
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
        T x = v * c0 + c1, y = T.AndBits(v, T.BroadcastBits(long.MaxValue)) + c2 + T.Broadcast(1);

        // Nearly always all lanes are above 0 and ordinary, so that eml_safe's own, longer checks can be spared.
        T ordinary = T.AndBits(T.Less(T.Broadcast(LeastOrdinaryLn), y), T.Less(y, T.Broadcast(double.PositiveInfinity)));
        return T.All(ordinary)
            ? Operator.ExpClamped(Operator.Clamp(x, T.Broadcast(-ExpLimit), T.Broadcast(ExpLimit))) - Ln.Positive(y)
            : ByEmlSafe(x, y);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ByEmlSafe(T x, T y) => Operator.EmlSafe(x, y, T.Broadcast(Operator.MinPositive));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T ExpOf(T x)
    {
        T ordinary = T.Less(T.AndBits(x, T.BroadcastBits(long.MaxValue)), T.Broadcast(OrdinaryExp));
        return T.All(ordinary) ? Exp.Ordinary(x) : ExpByLane(x);
    }

    // Scores that far apart are rare: they may cost a trip through memory.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ExpByLane(T x)
    {
        Span<double> lanes = stackalloc double[T.Count];
        T.Store(x, ref lanes[0]);
        for (int i = 0; i < lanes.Length; i++)
        {
            lanes[i] = Exp.Of(lanes[i]);
        }

        return T.Load(ref lanes[0]);
    }
}
