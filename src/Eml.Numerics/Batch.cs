using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Numerics;

/// <summary>A function of one double, as a vector kernel for ordinary arguments and a scalar for all.</summary>
internal interface IUnaryKernel
{
    /// <summary>False if a lane is not ordinary; y then means nothing.</summary>
    static abstract bool TryRun<T>(T x, out T y) where T : struct, ILanes<T>;

    static abstract double Scalar(double x);
}

/// <summary>Runs a kernel over spans with the widest vectors that the processor has.</summary>
internal static class Batch
{
    public static void Run<TKernel>(ReadOnlySpan<double> x, Span<double> y) where TKernel : struct, IUnaryKernel
    {
        if (x.Length != y.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"x has {x.Length} values but y has {y.Length}; give arrays of one length");
        }

        if (Lanes8.IsSupported)
        {
            Run<TKernel, Lanes8>(x, y);
        }
        else if (Lanes4.IsSupported)
        {
            Run<TKernel, Lanes4>(x, y);
        }
        else if (Lanes2.IsSupported)
        {
            Run<TKernel, Lanes2>(x, y);
        }
        else
        {
            RunScalar<TKernel>(x, y);
        }
    }

    public static void Run<TKernel, T>(ReadOnlySpan<double> x, Span<double> y)
        where TKernel : struct, IUnaryKernel where T : struct, ILanes<T>
    {
        ref double source = ref MemoryMarshal.GetReference(x);
        ref double target = ref MemoryMarshal.GetReference(y);
        int i = 0;
        for (; i <= x.Length - T.Count; i += T.Count)
        {
            if (TKernel.TryRun(T.Load(ref Unsafe.Add(ref source, i)), out T result))
            {
                T.Store(result, ref Unsafe.Add(ref target, i));
            }
            else
            {
                RunScalar<TKernel>(x.Slice(i, T.Count), y.Slice(i, T.Count));
            }
        }

        RunScalar<TKernel>(x[i..], y[i..]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RunScalar<TKernel>(ReadOnlySpan<double> x, Span<double> y) where TKernel : struct, IUnaryKernel
    {
        for (int i = 0; i < x.Length; i++)
        {
            y[i] = TKernel.Scalar(x[i]);
        }
    }
}
