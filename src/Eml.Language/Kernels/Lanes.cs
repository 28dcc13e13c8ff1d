using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Eml.Language.Kernels;

/// <summary>What is done to 16 pairs of numbers.</summary>
internal interface IMap
{
    /// <summary>The new numbers.</summary>
    Vector512<float> Of(Vector512<float> x, Vector512<float> z);
}

/// <summary>Goes through vectors 16 floats at a time.</summary>
/// <remarks>Nothing is called from a loop: around a call the compiler keeps vectors in memory.</remarks>
internal static unsafe class Lanes
{
    /// <summary>Floats side by side.</summary>
    public const int Width = 16;

    /// <summary>y = map(x, z), element by element; x, z and y may be the same.</summary>
    public static void Map<T>(T map, float* x, float* z, float* y, int count) where T : struct, IMap
    {
        int i = 0;
        for (; i + Width <= count; i += Width)
        {
            map.Of(Vector512.Load(x + i), Vector512.Load(z + i)).Store(y + i);
        }
        if (i < count)
        {
            Rest(map, x + i, z + i, y + i, count - i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rest<T>(T map, float* x, float* z, float* y, int count) where T : struct, IMap
    {
        float* padded = stackalloc float[2 * Width];
        for (int i = 0; i < count; i++)
        {
            (padded[i], padded[Width + i]) = (x[i], z[i]);
        }
        for (int i = count; i < Width; i++)
        {
            (padded[i], padded[Width + i]) = (0.0f, 0.0f);
        }
        map.Of(Vector512.Load(padded), Vector512.Load(padded + Width)).Store(padded);
        for (int i = 0; i < count; i++)
        {
            y[i] = padded[i];
        }
    }
}
