using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Writes the binary format.</summary>
internal sealed class ModuleBytes
{
    private readonly List<byte> _bytes = [];

    public int Count => _bytes.Count;

    public ModuleBytes Byte(int value)
    {
        _bytes.Add((byte)value);
        return this;
    }

    public ModuleBytes Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public ModuleBytes Op(WasmOpcode code) => Byte((byte)code);

    /// <summary>An unsigned number, seven bits a byte.</summary>
    public ModuleBytes Unsigned(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            Byte((int)(value & 0x7F) | 0x80);
        }
        return Byte((int)value);
    }

    /// <summary>A signed number, seven bits a byte.</summary>
    public ModuleBytes Signed(long value)
    {
        for (; value is < -64 or > 63; value >>= 7)
        {
            Byte((int)(value & 0x7F) | 0x80);
        }
        return Byte((int)(value & 0x7F));
    }

    public ModuleBytes Name(string ascii) => Unsigned((ulong)ascii.Length).Bytes(ascii.Select(c => (byte)c).ToArray());

    public ModuleBytes Types(IReadOnlyCollection<WasmType> types)
    {
        Unsigned((ulong)types.Count);
        foreach (WasmType type in types)
        {
            Byte((byte)type);
        }
        return this;
    }

    /// <summary>Bytes with their number before them.</summary>
    public ModuleBytes Sized(ModuleBytes content) => Unsigned((ulong)content.Count).Bytes(content.ToArray());

    public ModuleBytes Section(int id, ModuleBytes content) => Byte(id).Sized(content);

    public byte[] ToArray() => [.. _bytes];
}
