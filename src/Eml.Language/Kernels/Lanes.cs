using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Eml.Language.Kernels;

/// <summary>Reads and writes 16 floats, or those that are left of a row.</summary>
internal static unsafe class Lanes
{
    /// <summary>Floats side by side.</summary>
    public const int Width = 16;

    /// <summary>Floats <paramref name="i"/> to <paramref name="i"/> + 15 of <paramref name="count"/>, 0 past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* x, int i, int count) => i + Width <= count ? Vector512.Load(x + i) : Rest(x + i, count - i);

    /// <summary>Writes them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* x, int i, int count)
    {
        if (i + Width <= count)
        {
            value.Store(x + i);
            return;
        }
        for (int k = 0; i + k < count; k++)
        {
            x[i + k] = value[k];
        }
    }

    private static Vector512<float> Rest(float* x, int count)
    {
        float* padded = stackalloc float[Width];
        for (int k = 0; k < Width; k++)
        {
            padded[k] = k < count ? x[k] : 0.0f;
        }
        return Vector512.Load(padded);
    }
}
