using System.Text;
using Eml.Numerics;

namespace Eml.Machine.Wasm;

/// <summary>Reads the binary format's numbers and names, and knows where it is.</summary>
internal sealed class WasmReader(byte[] bytes, int start, int end)
{
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The next byte's offset in the module.</summary>
    public int Offset { get; private set; } = start;

    /// <summary>Where the section or body ends.</summary>
    public int End { get; } = end;

    /// <summary>Whether all bytes were read.</summary>
    public bool AtEnd => Offset == End;

    /// <summary>The next byte.</summary>
    public byte Byte() => Offset < End ? bytes[Offset++] : throw Malformed("unexpected end");

    /// <summary>The next byte, which stays.</summary>
    public byte Peek() => Offset < End ? bytes[Offset] : throw Malformed("unexpected end");

    /// <summary>An unsigned LEB128 number of 32 bits.</summary>
    public uint U32()
    {
        ulong value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            byte b = Byte();
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value <= uint.MaxValue ? (uint)value : throw Malformed("integer too large", -1);
            }
        }
        throw Malformed("integer representation too long", -1);
    }

    /// <summary>A signed LEB128 number of <paramref name="bits"/> bits, 32, 33 or 64.</summary>
    public long Signed(int bits)
    {
        long value = 0;
        int most = (bits + 6) / 7;
        for (int i = 0; i < most; i++)
        {
            byte b = Byte();
            value |= (long)(b & 0x7F) << (7 * i);
            if (b >= 0x80)
            {
                continue;
            }
            int used = 7 * (i + 1);
            if (i == most - 1)
            {
                // Of the last byte, the bits past the number must repeat its sign.
                int spare = used - bits;
                int top = (sbyte)(b << 1) >> 1 >> (6 - spare);
                return top is 0 or -1 ? value << (64 - bits) >> (64 - bits) : throw Malformed("integer too large", -1);
            }
            return used < 64 ? value << (64 - used) >> (64 - used) : value;
        }
        throw Malformed("integer representation too long", -1);
    }

    /// <summary>A count of things of which each takes at least one byte.</summary>
    public int Count()
    {
        int at = Offset;
        uint count = U32();
        return count <= (uint)(End - Offset) ? (int)count : throw Malformed("unexpected end", at - Offset);
    }

    /// <summary>So many bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int count)
    {
        if (count > End - Offset)
        {
            throw Malformed("unexpected end");
        }
        Offset += count;
        return bytes.AsSpan(Offset - count, count);
    }

    /// <summary>A name, which must be UTF-8.</summary>
    public string Name()
    {
        ReadOnlySpan<byte> name = Bytes(Count());
        try
        {
            return s_utf8.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            throw Malformed("malformed UTF-8 encoding", -name.Length);
        }
    }

    /// <summary>A reader of the next <paramref name="size"/> bytes, which this reader skips.</summary>
    public WasmReader Part(uint size)
    {
        if (size > (uint)(End - Offset))
        {
            throw Malformed("length out of bounds");
        }
        var part = new WasmReader(bytes, Offset, Offset + (int)size);
        Offset += (int)size;
        return part;
    }

    /// <summary>Goes back to an offset that it has been at.</summary>
    public void GoTo(int offset) => Offset = offset;

    /// <summary>Bytes that are not what they should be, <paramref name="back"/> bytes from here.</summary>
    public EmlException Malformed(string what, int back = 0) => Malformed(what, Offset, back);

    /// <summary>Bytes that are not what they should be.</summary>
    public static EmlException Malformed(string what, int offset, int back) =>
        new(what == "unexpected end" ? FormatError.Truncated : FormatError.Value, (ulong)Math.Max(0, offset + back),
            $"malformed module at byte {Math.Max(0, offset + back)}: {what}");

    /// <summary>A module whose parts contradict each other.</summary>
    public static EmlException Invalid(string what, int offset, int function = -1) =>
        new(FormatError.Value, (ulong)offset, $"invalid module at byte {offset}{(function < 0 ? "" : $", function {function}")}: {what}");

    /// <summary>A module that needs what the machine does not have.</summary>
    public static EmlException Refused(string what, int offset, int function = -1) =>
        new(ErrorCode.Unsupported, (ulong)offset,
            $"byte {offset}{(function < 0 ? "" : $", function {function}")}: {what} is not supported; the machine executes WebAssembly 1.0 with integers and one memory: compile for wasm32 MVP without floating point");
}
