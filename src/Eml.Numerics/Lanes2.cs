using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Eml.Numerics;

/// <summary>Two doubles in a 128-bit vector. Only where <see cref="IsSupported"/>.</summary>
internal readonly struct Lanes2(Vector128<double> value) : ILanes<Lanes2>
{
    private readonly Vector128<double> _v = value;

    public static int Count => 2;

    public static bool IsSupported
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => FusedMultiplyAdd.IsHardware;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 Broadcast(double value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 BroadcastBits(ulong bits) => new(Vector128.Create(bits).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 Load(ref double source) => new(Vector128.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 LoadAt(ref double source, ref int at) =>
        new(Vector128.Create(Unsafe.Add(ref source, at), Unsafe.Add(ref source, Unsafe.Add(ref at, 1))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes2 value, ref double target) => value._v.StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 operator +(Lanes2 a, Lanes2 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 operator -(Lanes2 a, Lanes2 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 operator *(Lanes2 a, Lanes2 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 operator /(Lanes2 a, Lanes2 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 Fma(Lanes2 a, Lanes2 b, Lanes2 c) => new(FusedMultiplyAdd.Of(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 AddBits(Lanes2 a, Lanes2 b) => new((a._v.AsUInt64() + b._v.AsUInt64()).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 SubBits(Lanes2 a, Lanes2 b) => new((a._v.AsUInt64() - b._v.AsUInt64()).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 AndBits(Lanes2 a, Lanes2 b) => new(a._v & b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 ShiftLeftBits(Lanes2 a, int count) => new((a._v.AsUInt64() << count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 ShiftRightSignedBits(Lanes2 a, int count) => new((a._v.AsInt64() >> count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 ShiftRightBits(Lanes2 a, int count) => new((a._v.AsUInt64() >>> count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 Lookup(ReadOnlySpan<ulong> table, Lanes2 index) => new(Vector128.Create(table[(int)index._v.AsInt64().GetElement(0) & 127], table[(int)index._v.AsInt64().GetElement(1) & 127]).AsDouble());

    // Pairs are loaded one by one and dealt out to the two results: gathers are slower.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LookupPair(ReadOnlySpan<ulong> table, Lanes2 index, out Lanes2 first, out Lanes2 second)
    {
        ref double start = ref Unsafe.As<ulong, double>(ref MemoryMarshal.GetReference(table));
        Vector128<long> i = index._v.AsInt64();
        Vector128<double> even = Vector128.LoadUnsafe(ref start, 2 * (nuint)i.GetElement(0));
        Vector128<double> odd = Vector128.LoadUnsafe(ref start, 2 * (nuint)i.GetElement(1));
        first = new(AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(even, odd) : Sse2.UnpackLow(even, odd));
        second = new(AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(even, odd) : Sse2.UnpackHigh(even, odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 MaxNative(Lanes2 a, Lanes2 b) => new(Vector128.MaxNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 MinNative(Lanes2 a, Lanes2 b) => new(Vector128.MinNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 Less(Lanes2 a, Lanes2 b) => new(Vector128.LessThan(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes2 Select(Lanes2 mask, Lanes2 a, Lanes2 b) => new(Vector128.ConditionalSelect(mask._v, a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes2 mask) => Vector128.EqualsAll(mask._v.AsInt64(), Vector128<long>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes2 mask) => !Vector128.EqualsAll(mask._v.AsInt64(), Vector128<long>.Zero);
}
