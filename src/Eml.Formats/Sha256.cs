using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Org.BouncyCastle.Crypto.Digests;

namespace Eml.Formats;

/// <summary>
/// SHA-256 by BouncyCastle: managed code that works everywhere and adds some 8 KB. The framework's loads OpenSSL when it is
/// first used, which a machine may not have, and then ends the process; BouncyCastle's BLAKE3 is three times slower.
/// </summary>
public sealed class Sha256
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = 32;

    private readonly Sha256Digest _digest = new();

    /// <summary>The hash of some bytes.</summary>
    public static byte[] Of(ReadOnlySpan<byte> bytes) => new Sha256().Add(bytes).Finish();

    /// <summary>The hash of doubles, 8 bytes each, little-endian.</summary>
    public static byte[] Of(ReadOnlySpan<double> values) => new Sha256().Add(values).Finish();

    /// <summary>The hash in 64 lower-case hexadecimal digits.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(Of(bytes));

    /// <summary>Appends bytes.</summary>
    public Sha256 Add(ReadOnlySpan<byte> bytes)
    {
        _digest.BlockUpdate(bytes);
        return this;
    }

    /// <summary>Appends doubles, 8 bytes each, little-endian, as all our machines have them.</summary>
    public Sha256 Add(ReadOnlySpan<double> values) => Add(MemoryMarshal.AsBytes(values));

    /// <summary>Appends a number as 8 bytes, little-endian.</summary>
    public Sha256 Add(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Add(bytes);
    }

    /// <summary>The hash of what was appended; afterwards nothing is.</summary>
    public byte[] Finish()
    {
        byte[] hash = new byte[Size];
        _digest.DoFinal(hash);
        return hash;
    }
}
