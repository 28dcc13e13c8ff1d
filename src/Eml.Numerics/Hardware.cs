namespace Eml.Numerics;

/// <summary>What the numeric kernels found.</summary>
public static class Hardware
{
    /// <summary>Width of the vectors in use: 512, 256, 128, or 64 for one double at a time.</summary>
    public static int VectorBits => Lanes8.IsSupported ? 512 : Lanes4.IsSupported ? 256 : Lanes2.IsSupported ? 128 : 64;
}
