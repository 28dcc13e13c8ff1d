using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Eml.Numerics;

/// <summary>Four doubles in a 256-bit vector. Only where <see cref="IsSupported"/>.</summary>
internal readonly struct Lanes4(Vector256<double> value) : ILanes<Lanes4>
{
    private readonly Vector256<double> _v = value;

    public static int Count => 4;

    public static bool IsSupported
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx2.IsSupported && FusedMultiplyAdd.IsHardware;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Broadcast(double value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 BroadcastBits(ulong bits) => new(Vector256.Create(bits).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load(ref double source) => new(Vector256.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LoadAt(ref double source, ref int at) => new(Vector256.Create(
        Unsafe.Add(ref source, at), Unsafe.Add(ref source, Unsafe.Add(ref at, 1)),
        Unsafe.Add(ref source, Unsafe.Add(ref at, 2)), Unsafe.Add(ref source, Unsafe.Add(ref at, 3))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes4 value, ref double target) => value._v.StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 a, Lanes4 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator -(Lanes4 a, Lanes4 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator *(Lanes4 a, Lanes4 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator /(Lanes4 a, Lanes4 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Fma(Lanes4 a, Lanes4 b, Lanes4 c) => new(FusedMultiplyAdd.Of(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 AddBits(Lanes4 a, Lanes4 b) => new((a._v.AsUInt64() + b._v.AsUInt64()).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 SubBits(Lanes4 a, Lanes4 b) => new((a._v.AsUInt64() - b._v.AsUInt64()).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 AndBits(Lanes4 a, Lanes4 b) => new(a._v & b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ShiftLeftBits(Lanes4 a, int count) => new((a._v.AsUInt64() << count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ShiftRightSignedBits(Lanes4 a, int count) => new((a._v.AsInt64() >> count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ShiftRightBits(Lanes4 a, int count) => new((a._v.AsUInt64() >>> count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes4 Lookup(ReadOnlySpan<ulong> table, Lanes4 index)
    {
        // The tables are constant data of the module: their address never moves.
        var start = (double*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(table));
        return new(Avx2.GatherVector256(start, index._v.AsInt64(), sizeof(double)));
    }

    // Pairs are loaded one by one and dealt out to the two results: gathers are slower.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LookupPair(ReadOnlySpan<ulong> table, Lanes4 index, out Lanes4 first, out Lanes4 second)
    {
        ref double start = ref Unsafe.As<ulong, double>(ref MemoryMarshal.GetReference(table));
        Vector256<long> i = index._v.AsInt64();
        Vector256<double> even = Vector256.Create(Vector128.LoadUnsafe(ref start, 2 * (nuint)i.GetElement(0)), Vector128.LoadUnsafe(ref start, 2 * (nuint)i.GetElement(2)));
        Vector256<double> odd = Vector256.Create(Vector128.LoadUnsafe(ref start, 2 * (nuint)i.GetElement(1)), Vector128.LoadUnsafe(ref start, 2 * (nuint)i.GetElement(3)));
        first = new(Avx.UnpackLow(even, odd));
        second = new(Avx.UnpackHigh(even, odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 MaxNative(Lanes4 a, Lanes4 b) => new(Vector256.MaxNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 MinNative(Lanes4 a, Lanes4 b) => new(Vector256.MinNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Less(Lanes4 a, Lanes4 b) => new(Vector256.LessThan(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Select(Lanes4 mask, Lanes4 a, Lanes4 b) => new(Vector256.ConditionalSelect(mask._v, a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes4 mask) => Vector256.EqualsAll(mask._v.AsInt64(), Vector256<long>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes4 mask) => !Vector256.EqualsAll(mask._v.AsInt64(), Vector256<long>.Zero);
}
