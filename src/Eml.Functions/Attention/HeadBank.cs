using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The heads of one or more affine maps or SafeTrees over the same inputs, side by side: the lanes of a vector are
/// neighbouring slots, and each head's own sum keeps eml-core's order. Slots that are never set give 1 (or 0 without levels).
/// </summary>
internal sealed class HeadBank(int depth, int inputs, int slots)
{
    private const int LongestVector = 8;

    private readonly int _stride = Padded(slots);
    private readonly AlignedDoubles _table = new((1 + inputs + 3 * depth) * Padded(slots)); // biases, then weights, then constants

    /// <summary>Values that <see cref="Run{T}"/> may write.</summary>
    public int Stride => _stride;

    /// <summary>Puts a part's head into a slot.</summary>
    public void Set(int slot, AttentionPart part, int head, ReadOnlySpan<double> parameters)
    {
        _table[slot] = parameters[part.Bias(head)];
        ReadOnlySpan<double> weights = parameters.Slice(part.Weights(head), inputs);
        ReadOnlySpan<double> constants = parameters.Slice(part.Constants(head), 3 * depth);
        for (int i = 0; i < inputs; i++)
        {
            _table[(1 + i) * _stride + slot] = weights[i];
        }

        for (int c = 0; c < constants.Length; c++)
        {
            _table[(1 + inputs + c) * _stride + slot] = constants[c];
        }
    }

    /// <summary>x (inputs) → values (slots, in whole vectors, <see cref="Stride"/> at most).</summary>
    public void Run(ref double x, ref double values)
    {
        if (Lanes8.IsSupported)
        {
            Run<Lanes8>(ref x, ref values);
        }
        else if (Lanes4.IsSupported)
        {
            Run<Lanes4>(ref x, ref values);
        }
        else if (Lanes2.IsSupported)
        {
            Run<Lanes2>(ref x, ref values);
        }
        else
        {
            Run<Lanes1>(ref x, ref values);
        }
    }

    private void Run<T>(ref double x, ref double values) where T : struct, ILanes<T>
    {
        ref double table = ref _table[0];
        int stride = _stride, h = 0;
        for (; h + 3 * T.Count < slots; h += 4 * T.Count)
        {
            ref double p = ref Unsafe.Add(ref table, h);
            T a = T.Load(ref p);
            T b = T.Load(ref Unsafe.Add(ref p, T.Count));
            T c = T.Load(ref Unsafe.Add(ref p, 2 * T.Count));
            T d = T.Load(ref Unsafe.Add(ref p, 3 * T.Count));
            for (int i = 0; i < inputs; i++)
            {
                p = ref Unsafe.Add(ref p, stride);
                T xi = T.Broadcast(Unsafe.Add(ref x, i));
                a += T.Load(ref p) * xi;
                b += T.Load(ref Unsafe.Add(ref p, T.Count)) * xi;
                c += T.Load(ref Unsafe.Add(ref p, 2 * T.Count)) * xi;
                d += T.Load(ref Unsafe.Add(ref p, 3 * T.Count)) * xi;
            }

            T.Store(a, ref Unsafe.Add(ref values, h));
            T.Store(b, ref Unsafe.Add(ref values, h + T.Count));
            T.Store(c, ref Unsafe.Add(ref values, h + 2 * T.Count));
            T.Store(d, ref Unsafe.Add(ref values, h + 3 * T.Count));
        }

        for (; h + T.Count < slots; h += 2 * T.Count)
        {
            ref double p = ref Unsafe.Add(ref table, h);
            T a = T.Load(ref p);
            T b = T.Load(ref Unsafe.Add(ref p, T.Count));
            for (int i = 0; i < inputs; i++)
            {
                p = ref Unsafe.Add(ref p, stride);
                T xi = T.Broadcast(Unsafe.Add(ref x, i));
                a += T.Load(ref p) * xi;
                b += T.Load(ref Unsafe.Add(ref p, T.Count)) * xi;
            }

            T.Store(a, ref Unsafe.Add(ref values, h));
            T.Store(b, ref Unsafe.Add(ref values, h + T.Count));
        }

        for (; h < slots; h += T.Count)
        {
            ref double p = ref Unsafe.Add(ref table, h);
            T a = T.Load(ref p);
            for (int i = 0; i < inputs; i++)
            {
                p = ref Unsafe.Add(ref p, stride);
                a += T.Load(ref p) * T.Broadcast(Unsafe.Add(ref x, i));
            }

            T.Store(a, ref Unsafe.Add(ref values, h));
        }

        // Level by level, so that the processor finds independent work next to each other.
        int wide = Wide<T>();
        for (int level = 0; level < depth; level++)
        {
            ref double constants = ref Unsafe.Add(ref table, (1 + inputs + 3 * level) * stride);
            Level<T>(ref values, ref constants, 0, wide);
            if (wide < slots)
            {
                Level<Lanes4>(ref values, ref constants, wide, slots);
            }
        }
    }

    /// <summary>
    /// The slots whose levels go by the widest vectors. The halves of eight lanes take about the time of two vectors of four,
    /// which begin earlier: so up to eight slots, and four left over, go by these.
    /// </summary>
    private int Wide<T>() where T : struct, ILanes<T>
    {
        if (T.Count < LongestVector || slots > LongestVector && slots % LongestVector is 0 or > 4)
        {
            return slots;
        }

        return slots <= LongestVector ? 0 : slots & -LongestVector;
    }

    // Not inlined: a method with all these kernels in it would be too large for the compiler to inline them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Level<T>(ref double values, ref double constants, int first, int end) where T : struct, ILanes<T>
    {
        nint stride = _stride;
        for (nint s = first; s < end; s += T.Count)
        {
            ref double value = ref Unsafe.Add(ref values, s);
            ref double c = ref Unsafe.Add(ref constants, s);
            T.Store(AttentionKernels<T>.Level(T.Load(ref value), T.Load(ref c), T.Load(ref Unsafe.Add(ref c, stride)),
                T.Load(ref Unsafe.Add(ref c, 2 * stride))), ref value);
        }
    }

    private static int Padded(int slots) => (slots + LongestVector - 1) & -LongestVector;
}
