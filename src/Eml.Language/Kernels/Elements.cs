using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Eml.Language.Kernels;

/// <summary>How a weight lies in memory.</summary>
internal unsafe interface IElement
{
    /// <summary>Bytes of one.</summary>
    static abstract int Size { get; }

    /// <summary>Weights that are read at a time, 16 or 32: a row's sum takes them 16 by 16, in the order that <see cref="Order"/> makes.</summary>
    static abstract int Step { get; }

    /// <summary>So many of them as floats; the second 16 mean nothing where only 16 are read.</summary>
    static abstract (Vector512<float> First, Vector512<float> Second) Load(byte* at);

    /// <summary>So many floats in the order of <see cref="Load"/>.</summary>
    static abstract (Vector512<float> First, Vector512<float> Second) Order(float* at);

    /// <summary>One of them.</summary>
    static abstract float One(byte* at);
}

/// <summary>Binary32.</summary>
internal readonly unsafe struct F32 : IElement
{
    public static int Size => 4;

    public static int Step => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Load(byte* at) => Order((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Order(float* at) => (Vector512.Load(at), default);

    public static float One(byte* at) => *(float*)at;
}

/// <summary>The upper half of a binary32. 32 are read as 16 pairs: first those with even numbers, then those with odd ones, since a shift and a
/// mask cost less than half of what it costs to spread 16 of them.</summary>
internal readonly unsafe struct BF16 : IElement
{
    public static int Size => 2;

    public static int Step => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Load(byte* at)
    {
        var pairs = Vector512.Load((uint*)at);
        return ((pairs << 16).AsSingle(), (pairs & Vector512.Create(0xFFFF0000u)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Order(float* at)
    {
        Vector512<ulong> lower = Vector512.Load((ulong*)at), upper = Vector512.Load((ulong*)at + 8);
        return (Vector512.Narrow(lower, upper).AsSingle(), Vector512.Narrow(lower >> 32, upper >> 32).AsSingle());
    }

    public static float One(byte* at) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)at << 16);
}

/// <summary>A signed byte; the row's scale is applied to the sum.</summary>
internal readonly unsafe struct I8 : IElement
{
    public static int Size => 1;

    public static int Step => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Load(byte* at)
    {
        if (Avx512F.IsSupported)
        {
            return (Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)at))), default);
        }
        if (Avx2.IsSupported)
        {
            return (Vector512.Create(
                Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32((sbyte*)at)),
                Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32((sbyte*)at + 8))), default);
        }
        Vector128<sbyte> bytes = Vector128.Load((sbyte*)at);
        Vector128<short> low = Vector128.WidenLower(bytes), high = Vector128.WidenUpper(bytes);
        return (Vector512.Create(
            Vector256.Create(Floats(Vector128.WidenLower(low)), Floats(Vector128.WidenUpper(low))),
            Vector256.Create(Floats(Vector128.WidenLower(high)), Floats(Vector128.WidenUpper(high)))), default);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Order(float* at) => F32.Order(at);

    public static float One(byte* at) => *(sbyte*)at;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Floats(Vector128<int> x) => Vector128.ConvertToSingle(x);
}
