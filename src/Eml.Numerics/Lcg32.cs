namespace Eml.Numerics;

/// <summary>The browser trainer's 32-bit generator: s ← s·1664525 + 1013904223 mod 2^32 (Numerical Recipes).</summary>
public struct Lcg32(uint seed)
{
    /// <summary>The generator's state; the seed at first.</summary>
    public uint State { get; private set; } = seed;

    /// <summary>s / 2^32·2 − 1, in [−1, 1).</summary>
    public double Signed()
    {
        State = unchecked(State * 1664525 + 1013904223);
        return State / 4294967296.0 * 2 - 1;
    }
}
