using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Eml.Language.Kernels;

/// <summary>What is done to 8 pairs of numbers.</summary>
internal interface IMap
{
    /// <summary>The new numbers.</summary>
    Vector256<float> Of(Vector256<float> x, Vector256<float> z);
}

/// <summary>Goes through vectors 8 floats at a time.</summary>
/// <remarks>Nothing is called from a loop: around a call the compiler keeps vectors in memory.</remarks>
internal static unsafe class Lanes
{
    /// <summary>Floats that a sum takes side by side.</summary>
    public const int Width = 16;

    /// <summary>y = map(x, z), element by element; x, z and y may be the same.</summary>
    public static void Map<T>(T map, float* x, float* z, float* y, int count) where T : struct, IMap
    {
        int i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            map.Of(Vector256.Load(x + i), Vector256.Load(z + i)).Store(y + i);
        }
        if (i < count)
        {
            Rest(map, x + i, z + i, y + i, count - i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rest<T>(T map, float* x, float* z, float* y, int count) where T : struct, IMap
    {
        float* padded = stackalloc float[16];
        new Span<float>(padded, 16).Clear();
        for (int i = 0; i < count; i++)
        {
            (padded[i], padded[8 + i]) = (x[i], z[i]);
        }
        map.Of(Vector256.Load(padded), Vector256.Load(padded + 8)).Store(padded);
        new ReadOnlySpan<float>(padded, count).CopyTo(new Span<float>(y, count));
    }
}
