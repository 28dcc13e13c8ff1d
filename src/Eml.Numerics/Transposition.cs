using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Eml.Numerics;

/// <summary>Rows into columns.</summary>
internal static class Transposition
{
    /// <summary>Whether the processor has the shuffles; otherwise copy number by number.</summary>
    public static bool IsSupported
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx2.IsSupported;
    }

    /// <summary>Four neighbouring numbers of each row become four columns. The number of rows is a multiple of 4.</summary>
    public static void FourColumns(ref double source, int rowStride, int rows, ref double target, int columnStride)
    {
        for (int i = 0; i < rows; i += 4)
        {
            Vector256<double> a = Vector256.LoadUnsafe(ref source);
            Vector256<double> b = Vector256.LoadUnsafe(ref Unsafe.Add(ref source, rowStride));
            Vector256<double> c = Vector256.LoadUnsafe(ref Unsafe.Add(ref source, 2 * (nint)rowStride));
            Vector256<double> d = Vector256.LoadUnsafe(ref Unsafe.Add(ref source, 3 * (nint)rowStride));
            Vector256<double> ab0 = Avx.UnpackLow(a, b), ab1 = Avx.UnpackHigh(a, b);
            Vector256<double> cd0 = Avx.UnpackLow(c, d), cd1 = Avx.UnpackHigh(c, d);
            Avx.Permute2x128(ab0, cd0, 0x20).StoreUnsafe(ref Unsafe.Add(ref target, i));
            Avx.Permute2x128(ab1, cd1, 0x20).StoreUnsafe(ref Unsafe.Add(ref target, i + columnStride));
            Avx.Permute2x128(ab0, cd0, 0x31).StoreUnsafe(ref Unsafe.Add(ref target, i + 2 * columnStride));
            Avx.Permute2x128(ab1, cd1, 0x31).StoreUnsafe(ref Unsafe.Add(ref target, i + 3 * columnStride));
            source = ref Unsafe.Add(ref source, 4 * (nint)rowStride);
        }
    }
}
