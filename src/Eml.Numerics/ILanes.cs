namespace Eml.Numerics;

/// <summary>
/// A vector of doubles of some width: one text of each kernel serves every width, and every width gives the same bits
/// because each operation is IEEE 754 and rounds each lane by itself.
/// Operations named "Bits" treat a lane as a 64-bit integer.
/// </summary>
internal interface ILanes<T> where T : struct, ILanes<T>
{
    /// <summary>Lanes in a vector.</summary>
    static abstract int Count { get; }

    static abstract T Broadcast(double value);

    static abstract T BroadcastBits(ulong bits);

    static abstract T Load(ref double source);

    /// <summary>source[at[0]], source[at[1]] …</summary>
    static abstract T LoadAt(ref double source, ref int at);

    static abstract void Store(T value, ref double target);

    static abstract T operator +(T a, T b);

    static abstract T operator -(T a, T b);

    static abstract T operator *(T a, T b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract T Fma(T a, T b, T c);

    static abstract T operator /(T a, T b);

    static abstract T AddBits(T a, T b);

    static abstract T SubBits(T a, T b);

    static abstract T AndBits(T a, T b);

    static abstract T ShiftLeftBits(T a, int count);

    static abstract T ShiftRightSignedBits(T a, int count);

    static abstract T ShiftRightBits(T a, int count);

    /// <summary>table[lane] for lanes that hold integers 0…127.</summary>
    static abstract T Lookup(ReadOnlySpan<ulong> table, T index);

    /// <summary>table[2·lane] and table[2·lane + 1] for lanes that hold integers 0…127.</summary>
    static abstract void LookupPair(ReadOnlySpan<ulong> table, T index, out T first, out T second);

    /// <summary>The larger. Where b is NaN, so is the result.</summary>
    static abstract T MaxNative(T a, T b);

    /// <summary>The smaller. Where b is NaN, so is the result.</summary>
    static abstract T MinNative(T a, T b);

    /// <summary>Lanes of all ones where a &lt; b (false for NaN), else zeros.</summary>
    static abstract T Less(T a, T b);

    /// <summary>Lanes of a where the mask is ones, else of b.</summary>
    static abstract T Select(T mask, T a, T b);

    static abstract bool All(T mask);

    static abstract bool Any(T mask);
}
