using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Eml.Language.Kernels;

/// <summary>How a weight lies in memory.</summary>
internal unsafe interface IElement
{
    /// <summary>Bytes of one.</summary>
    static abstract int Size { get; }

    /// <summary>16 of them as floats.</summary>
    static abstract Vector512<float> Load(byte* at);

    /// <summary>One of them.</summary>
    static abstract float One(byte* at);
}

/// <summary>Binary32.</summary>
internal readonly unsafe struct F32 : IElement
{
    public static int Size => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* at) => Vector512.Load((float*)at);

    public static float One(byte* at) => *(float*)at;
}

/// <summary>The upper half of a binary32.</summary>
internal readonly unsafe struct BF16 : IElement
{
    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* at)
    {
        Vector256<ushort> halves = Vector256.Load((ushort*)at);
        Vector512<uint> wide = Avx512F.IsSupported ? Avx512F.ConvertToVector512UInt32(halves)
            : Vector512.Create(Vector256.WidenLower(halves), Vector256.WidenUpper(halves));
        return (wide << 16).AsSingle();
    }

    public static float One(byte* at) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)at << 16);
}

/// <summary>A signed byte; the row's scale is applied to the sum.</summary>
internal readonly unsafe struct I8 : IElement
{
    public static int Size => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* at)
    {
        Vector128<sbyte> bytes = Vector128.Load((sbyte*)at);
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(bytes));
        }
        Vector128<short> lower = Vector128.WidenLower(bytes), upper = Vector128.WidenUpper(bytes);
        return Vector512.ConvertToSingle(Vector512.Create(
            Vector256.Create(Vector128.WidenLower(lower), Vector128.WidenUpper(lower)),
            Vector256.Create(Vector128.WidenLower(upper), Vector128.WidenUpper(upper))));
    }

    public static float One(byte* at) => *(sbyte*)at;
}
