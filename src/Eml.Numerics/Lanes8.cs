using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Eml.Numerics;

/// <summary>Eight doubles in a 512-bit vector. Only where <see cref="IsSupported"/>.</summary>
internal readonly struct Lanes8(Vector512<double> value) : ILanes<Lanes8>
{
    private readonly Vector512<double> _v = value;

    public static int Count => 8;

    public static bool IsSupported
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Broadcast(double value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 BroadcastBits(ulong bits) => new(Vector512.Create(bits).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load(ref double source) => new(Vector512.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 LoadAt(ref double source, ref int at) => new(Vector512.Create(
        Unsafe.Add(ref source, at), Unsafe.Add(ref source, Unsafe.Add(ref at, 1)),
        Unsafe.Add(ref source, Unsafe.Add(ref at, 2)), Unsafe.Add(ref source, Unsafe.Add(ref at, 3)),
        Unsafe.Add(ref source, Unsafe.Add(ref at, 4)), Unsafe.Add(ref source, Unsafe.Add(ref at, 5)),
        Unsafe.Add(ref source, Unsafe.Add(ref at, 6)), Unsafe.Add(ref source, Unsafe.Add(ref at, 7))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes8 value, ref double target) => value._v.StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 a, Lanes8 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator -(Lanes8 a, Lanes8 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator *(Lanes8 a, Lanes8 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator /(Lanes8 a, Lanes8 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Fma(Lanes8 a, Lanes8 b, Lanes8 c) => new(Avx512F.FusedMultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 AddBits(Lanes8 a, Lanes8 b) => new((a._v.AsUInt64() + b._v.AsUInt64()).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 SubBits(Lanes8 a, Lanes8 b) => new((a._v.AsUInt64() - b._v.AsUInt64()).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 AndBits(Lanes8 a, Lanes8 b) => new(a._v & b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ShiftLeftBits(Lanes8 a, int count) => new((a._v.AsUInt64() << count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ShiftRightSignedBits(Lanes8 a, int count) => new((a._v.AsInt64() >> count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ShiftRightBits(Lanes8 a, int count) => new((a._v.AsUInt64() >>> count).AsDouble());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes8 Lookup(ReadOnlySpan<ulong> table, Lanes8 index)
    {
        // The tables are constant data of the module: their address never moves.
        var start = (double*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(table));
        Vector512<long> i = index._v.AsInt64();
        return new(Avx512F.InsertVector256(
            Avx2.GatherVector256(start, i.GetLower(), sizeof(double)).ToVector512Unsafe(),
            Avx2.GatherVector256(start, i.GetUpper(), sizeof(double)), 1));
    }

    // Pairs are loaded one by one and dealt out to the two results: gathers are slower.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LookupPair(ReadOnlySpan<ulong> table, Lanes8 index, out Lanes8 first, out Lanes8 second)
    {
        ref double start = ref Unsafe.As<ulong, double>(ref MemoryMarshal.GetReference(table));
        ulong entries = Avx512F.ConvertToVector128Byte(index._v.AsUInt64()).AsUInt64().ToScalar(); // a byte each

        // Vector512.Create(lower, upper) would make every use wait for the one before it: the insertion does not.
        Vector512<double> even = Avx512F.InsertVector256(
            Vector256.Create(Pair(ref start, entries), Pair(ref start, entries >> 16)).ToVector512Unsafe(),
            Vector256.Create(Pair(ref start, entries >> 32), Pair(ref start, entries >> 48)), 1);
        Vector512<double> odd = Avx512F.InsertVector256(
            Vector256.Create(Pair(ref start, entries >> 8), Pair(ref start, entries >> 24)).ToVector512Unsafe(),
            Vector256.Create(Pair(ref start, entries >> 40), Pair(ref start, entries >> 56)), 1);
        first = new(Avx512F.UnpackLow(even, odd));
        second = new(Avx512F.UnpackHigh(even, odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> Pair(ref double start, ulong entry) =>
        Vector128.LoadUnsafe(ref start, 2 * (nuint)(byte)entry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 MaxNative(Lanes8 a, Lanes8 b) => new(Vector512.MaxNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 MinNative(Lanes8 a, Lanes8 b) => new(Vector512.MinNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Less(Lanes8 a, Lanes8 b) => new(Vector512.LessThan(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Select(Lanes8 mask, Lanes8 a, Lanes8 b) => new(Vector512.ConditionalSelect(mask._v, a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes8 mask) => Vector512.EqualsAll(mask._v.AsInt64(), Vector512<long>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes8 mask) => !Vector512.EqualsAll(mask._v.AsInt64(), Vector512<long>.Zero);
}
