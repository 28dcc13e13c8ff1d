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

    /// <summary>Eight 16-entry permutes and a tree of selects on index bits 4, 5 and 6: gathers are slower.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Lookup(ReadOnlySpan<ulong> table, Lanes8 index)
    {
        ref ulong start = ref MemoryMarshal.GetReference(table);
        Vector512<ulong> i = index._v.AsUInt64();
        Vector512<ulong> bit4 = Vector512.Equals(i & Vector512.Create(16UL), Vector512<ulong>.Zero);
        Vector512<ulong> bit5 = Vector512.Equals(i & Vector512.Create(32UL), Vector512<ulong>.Zero);
        Vector512<ulong> bit6 = Vector512.Equals(i & Vector512.Create(64UL), Vector512<ulong>.Zero);
        Vector512<ulong> low = Vector512.ConditionalSelect(bit5,
            Vector512.ConditionalSelect(bit4, Sixteen(ref start, 0, i), Sixteen(ref start, 16, i)),
            Vector512.ConditionalSelect(bit4, Sixteen(ref start, 32, i), Sixteen(ref start, 48, i)));
        Vector512<ulong> high = Vector512.ConditionalSelect(bit5,
            Vector512.ConditionalSelect(bit4, Sixteen(ref start, 64, i), Sixteen(ref start, 80, i)),
            Vector512.ConditionalSelect(bit4, Sixteen(ref start, 96, i), Sixteen(ref start, 112, i)));
        return new(Vector512.ConditionalSelect(bit6, low, high).AsDouble());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Sixteen(ref ulong start, nuint from, Vector512<ulong> index) =>
        Avx512F.PermuteVar8x64x2(Vector512.LoadUnsafe(ref start, from), index, Vector512.LoadUnsafe(ref start, from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Less(Lanes8 a, Lanes8 b) => new(Vector512.LessThan(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Select(Lanes8 mask, Lanes8 a, Lanes8 b) => new(Vector512.ConditionalSelect(mask._v, a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes8 mask) => Vector512.EqualsAll(mask._v.AsInt64(), Vector512<long>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes8 mask) => !Vector512.EqualsAll(mask._v.AsInt64(), Vector512<long>.Zero);
}
