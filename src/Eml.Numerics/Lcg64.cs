namespace Eml.Numerics;

/// <summary>
/// The 64-bit linear congruential generator of eml-core: s ← s·6364136223846793005 + 1442695040888963407 mod 2^64
/// (Knuth's MMIX multiplier). The reference uses its upper 31 bits and scales them in three ways.
/// </summary>
public struct Lcg64(ulong seed)
{
    /// <summary>The generator's state; the seed at first.</summary>
    public ulong State { get; private set; } = seed;

    /// <summary>The upper 31 bits of the next state.</summary>
    private ulong Next31() => Next() >> 33;

    private ulong Next() => State = unchecked(State * 6364136223846793005 + 1442695040888963407);

    /// <summary>eml-core's restart value: meant for [−1, 1], in truth in [−1, 0).</summary>
    public double Restart() => Next31() / (4294967295 / 2.0) - 1;

    /// <summary>eml-core's distillation value in [0, 1).</summary>
    public double Distillation() => Next31() / 2147483648.0;

    /// <summary>eml-core's attention value: meant for [0, 1), in truth in [0, 0.5).</summary>
    public double AttentionUnit() => Next31() / 4294967296.0;

    /// <summary>2·<see cref="AttentionUnit"/> − 1: meant for [−1, 1), in truth in [−1, 0).</summary>
    public double AttentionSigned() => AttentionUnit() * 2 - 1;

    /// <summary>The sound one of profile <c>default</c>: [0, 1) with 53 bits.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / 9007199254740992);

    /// <summary>[−1, 1) with 53 bits.</summary>
    public double Signed() => Unit() * 2 - 1;
}
