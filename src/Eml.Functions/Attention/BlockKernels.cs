using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The loops of attention. Lanes are neighbouring outputs and every output adds its terms in rising order, each product
/// rounded before it is added, so that the bits do not depend on the vector's width.
/// </summary>
internal static class BlockKernels
{
    /// <summary>Far below what a double near 1 notices, and well within exp's ordinary range.</summary>
    private const double LowestExponent = -500;

    /// <summary>
    /// y[o] += Σ_j x[j]·m[j·stride + o] for o in [first, width): both multiples of 8.
    /// </summary>
    public static void AddProduct<T>(ReadOnlySpan<double> x, ReadOnlySpan<double> m, int stride, int first, int width,
        Span<double> y) where T : struct, ILanes<T>
    {
        if (x.Length == 0)
        {
            return;
        }

        _ = m[((x.Length - 1) * stride) + width - 1];
        _ = y[width - 1];
        ref double source = ref MemoryMarshal.GetReference(m);
        ref double factor = ref MemoryMarshal.GetReference(x);
        ref double target = ref MemoryMarshal.GetReference(y);
        int o = first;
        for (; o <= width - 4 * T.Count; o += 4 * T.Count)
        {
            ref double column = ref Unsafe.Add(ref source, o);
            ref double result = ref Unsafe.Add(ref target, o);
            T a = T.Load(ref result), b = T.Load(ref Unsafe.Add(ref result, T.Count));
            T c = T.Load(ref Unsafe.Add(ref result, 2 * T.Count)), d = T.Load(ref Unsafe.Add(ref result, 3 * T.Count));
            for (int j = 0; j < x.Length; j++)
            {
                T f = T.Broadcast(Unsafe.Add(ref factor, j));
                a += f * T.Load(ref column);
                b += f * T.Load(ref Unsafe.Add(ref column, T.Count));
                c += f * T.Load(ref Unsafe.Add(ref column, 2 * T.Count));
                d += f * T.Load(ref Unsafe.Add(ref column, 3 * T.Count));
                column = ref Unsafe.Add(ref column, stride);
            }

            T.Store(a, ref result);
            T.Store(b, ref Unsafe.Add(ref result, T.Count));
            T.Store(c, ref Unsafe.Add(ref result, 2 * T.Count));
            T.Store(d, ref Unsafe.Add(ref result, 3 * T.Count));
        }

        for (; o < width; o += T.Count)
        {
            ref double column = ref Unsafe.Add(ref source, o);
            T a = T.Load(ref Unsafe.Add(ref target, o));
            for (int j = 0; j < x.Length; j++)
            {
                a += T.Broadcast(Unsafe.Add(ref factor, j)) * T.Load(ref column);
                column = ref Unsafe.Add(ref column, stride);
            }

            T.Store(a, ref Unsafe.Add(ref target, o));
        }
    }

    /// <summary>The node function of leaves (2, padded nodes): lefts, then rights; padded nodes mean nothing.</summary>
    public static void Nodes<T>(ReadOnlySpan<double> leaves, int padded, Span<double> nodes) where T : struct, ILanes<T>
    {
        T one = T.Broadcast(1);
        T low = T.Broadcast(ReadoutLayout.LeftLow), high = T.Broadcast(ReadoutLayout.LeftHigh);
        T limit = T.Broadcast(ReadoutLayout.RightLimit), minus = T.Broadcast(-ReadoutLayout.RightLimit);
        for (int m = 0; m < padded; m += T.Count)
        {
            T left = T.Load(ref Unsafe.AsRef(in leaves[m]));
            T right = Operator.Clamp(T.Load(ref Unsafe.AsRef(in leaves[padded + m])), minus, limit);
            T value = Operator.ExpClamped(Operator.Clamp(left, low, high)) - Operator.LnNormal(one + right * right);
            T.Store(value, ref nodes[m]);
        }
    }

    /// <summary>
    /// One query against all keys: the context Σ_j e_j·f_j / Σ_j e_j with e_j = exp(s_j − max s) (padded token width),
    /// chunk by chunk of keys. The largest score is found in a first pass over the chunks, so that a chunk's result does not
    /// depend on the order in which larger scores turn up: any chunk gives the same bits.
    /// </summary>
    /// <param name="layout">The shape.</param>
    /// <param name="query">(K), scaled by 1/√K</param>
    /// <param name="keys">(K, padded S): transposed</param>
    /// <param name="tokens">(S, padded F)</param>
    /// <param name="scores">room for (padded S, or the chunk)</param>
    /// <param name="context">(padded F)</param>
    public static void Attend<T>(BlockLayout layout, ReadOnlySpan<double> query, ReadOnlySpan<double> keys,
        ReadOnlySpan<double> tokens, Span<double> scores, Span<double> context) where T : struct, ILanes<T>
    {
        int stride = BlockLayout.Pad(layout.S), width = BlockLayout.Pad(layout.F);
        double max = double.NegativeInfinity;
        bool whole = layout.Chunk >= layout.S;
        for (int start = 0; start < layout.S; start += layout.Chunk)
        {
            int count = Math.Min(layout.Chunk, layout.S - start);
            Scores<T>(query, keys[start..], stride, count, scores);
            for (int j = 0; j < count; j++)
            {
                max = Math.Max(max, scores[j]);
            }
        }

        Span<double> sums = stackalloc double[8];
        sums.Clear();
        context[..width].Clear();
        for (int start = 0; start < layout.S; start += layout.Chunk)
        {
            int count = Math.Min(layout.Chunk, layout.S - start);
            if (!whole)
            {
                Scores<T>(query, keys[start..], stride, count, scores);
            }

            int padded = BlockLayout.Pad(count);
            T largest = T.Broadcast(max), low = T.Broadcast(LowestExponent), zero = T.Broadcast(0);
            for (int j = 0; j < padded; j += T.Count)
            {
                T.Store(Exp.Ordinary(Operator.Clamp(T.Load(ref scores[j]) - largest, low, zero)), ref scores[j]);
            }

            scores[count..padded].Clear();
            for (int j = 0; j < padded; j += T.Count)
            {
                ref double sum = ref sums[j & 7];
                T.Store(T.Load(ref sum) + T.Load(ref scores[j]), ref sum);
            }

            AddProduct<T>(scores[..count], tokens[(start * width)..], width, 0, width, context);
        }

        double total = sums[0] + sums[4] + (sums[2] + sums[6]) + (sums[1] + sums[5] + (sums[3] + sums[7]));
        T divisor = T.Broadcast(total);
        for (int o = 0; o < width; o += T.Count)
        {
            T.Store(T.Load(ref context[o]) / divisor, ref context[o]);
        }

        if (whole)
        {
            for (int j = 0; j < layout.S; j++)
            {
                scores[j] /= total;
            }
        }
    }

    private static void Scores<T>(ReadOnlySpan<double> query, ReadOnlySpan<double> keys, int stride, int count,
        Span<double> scores) where T : struct, ILanes<T>
    {
        int padded = BlockLayout.Pad(count);
        scores[..padded].Clear();
        AddProduct<T>(query, keys, stride, 0, padded, scores);
    }
}
