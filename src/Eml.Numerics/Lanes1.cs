using System.Runtime.CompilerServices;

namespace Eml.Numerics;

/// <summary>One double; the fused multiply-add is the processor's or our own.</summary>
internal readonly struct Lanes1<TFma>(double value) : ILanes<Lanes1<TFma>> where TFma : struct, IFma
{
    private readonly double _v = value;

    public static int Count => 1;

    public double Value => _v;

    private ulong Bits => BitConverter.DoubleToUInt64Bits(_v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> Broadcast(double value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> BroadcastBits(ulong bits) => new(BitConverter.UInt64BitsToDouble(bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> Load(ref double source) => new(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes1<TFma> value, ref double target) => target = value._v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> operator +(Lanes1<TFma> a, Lanes1<TFma> b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> operator -(Lanes1<TFma> a, Lanes1<TFma> b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> operator *(Lanes1<TFma> a, Lanes1<TFma> b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> operator /(Lanes1<TFma> a, Lanes1<TFma> b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> Fma(Lanes1<TFma> a, Lanes1<TFma> b, Lanes1<TFma> c) => new(TFma.MultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> AddBits(Lanes1<TFma> a, Lanes1<TFma> b) => BroadcastBits(a.Bits + b.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> SubBits(Lanes1<TFma> a, Lanes1<TFma> b) => BroadcastBits(a.Bits - b.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> AndBits(Lanes1<TFma> a, Lanes1<TFma> b) => BroadcastBits(a.Bits & b.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> ShiftLeftBits(Lanes1<TFma> a, int count) => BroadcastBits(a.Bits << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> ShiftRightSignedBits(Lanes1<TFma> a, int count) => BroadcastBits((ulong)((long)a.Bits >> count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> ShiftRightBits(Lanes1<TFma> a, int count) => BroadcastBits(a.Bits >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> Lookup(ReadOnlySpan<ulong> table, Lanes1<TFma> index) => BroadcastBits(table[(int)index.Bits & 127]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> Less(Lanes1<TFma> a, Lanes1<TFma> b) => BroadcastBits(a._v < b._v ? ulong.MaxValue : 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1<TFma> Select(Lanes1<TFma> mask, Lanes1<TFma> a, Lanes1<TFma> b) => mask.Bits != 0 ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes1<TFma> mask) => mask.Bits != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes1<TFma> mask) => mask.Bits != 0;
}
