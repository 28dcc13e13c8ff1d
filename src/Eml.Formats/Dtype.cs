using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// Element types of safetensors, in the order of the reference library, which sorts tensors by it (largest first) when it
/// writes: types of larger alignment are greater.
/// </summary>
public enum Dtype
{
    /// <summary>A truth value, one byte.</summary>
    Bool,
    /// <summary>4-bit float, two to a byte.</summary>
    F4,
    /// <summary>6-bit float, 2 exponent bits.</summary>
    F6E2M3,
    /// <summary>6-bit float, 3 exponent bits.</summary>
    F6E3M2,
    /// <summary>Unsigned byte.</summary>
    U8,
    /// <summary>Signed byte.</summary>
    I8,
    /// <summary>8-bit float, 5 exponent bits.</summary>
    F8E5M2,
    /// <summary>8-bit float, 4 exponent bits.</summary>
    F8E4M3,
    /// <summary>8-bit float, 8 exponent bits.</summary>
    F8E8M0,
    /// <summary>8-bit float, 4 exponent bits, no infinities, no negative zero.</summary>
    F8E4M3FNUZ,
    /// <summary>8-bit float, 5 exponent bits, no infinities, no negative zero.</summary>
    F8E5M2FNUZ,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>IEEE half.</summary>
    F16,
    /// <summary>The upper half of an IEEE single.</summary>
    BF16,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>IEEE single.</summary>
    F32,
    /// <summary>Two IEEE singles: a complex number.</summary>
    C64,
    /// <summary>IEEE double.</summary>
    F64,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Facts about a <see cref="Dtype"/>.</summary>
public static class Dtypes
{
    private static readonly string[] Names =
    [
        "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",
        "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64",
    ];

    /// <summary>The name in a header.</summary>
    public static string Name(this Dtype dtype) => Names[(int)dtype];

    /// <summary>Bits of one element.</summary>
    public static uint Bits(this Dtype dtype) => dtype switch
    {
        Dtype.F4 => 4,
        Dtype.F6E2M3 or Dtype.F6E3M2 => 6,
        < Dtype.I16 => 8,
        < Dtype.I32 => 16,
        < Dtype.C64 => 32,
        _ => 64,
    };

    /// <summary>The type of that name; false if there is none. Names are case-sensitive.</summary>
    public static bool TryParse(string name, out Dtype dtype)
    {
        int index = Array.IndexOf(Names, name);
        dtype = (Dtype)Math.Max(index, 0);
        return index >= 0;
    }

    /// <summary>All names, for messages.</summary>
    internal static string Known => string.Join(", ", Names);

    /// <summary>
    /// Bytes that a tensor of this shape takes. A shape with a 0 anywhere has no elements, whatever the other sizes are.
    /// </summary>
    /// <param name="dtype">Element type.</param>
    /// <param name="shape">Sizes, row-major.</param>
    /// <param name="bytes">The answer, unless an error is returned.</param>
    /// <returns>None, Overflow (the bits do not fit into 64 bits) or SubByte (the last byte would not be full).</returns>
    internal static FormatError ByteCount(this Dtype dtype, ReadOnlySpan<ulong> shape, out ulong bytes)
    {
        bytes = 0;
        if (shape.Contains(0UL))
            return FormatError.None;

        UInt128 bits = dtype.Bits();
        foreach (ulong size in shape)
        {
            bits *= size;
            if (bits > ulong.MaxValue)
                return FormatError.Overflow;
        }

        if (bits % 8 != 0)
            return FormatError.SubByte;
        bytes = (ulong)(bits / 8);
        return FormatError.None;
    }
}
