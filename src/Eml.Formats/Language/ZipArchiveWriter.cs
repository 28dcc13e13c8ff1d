using System.Buffers.Binary;
using System.Text;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>Writes zip files of stored members, always the same bytes for the same contents: dates are 1980-01-01, the first that there is.</summary>
internal sealed class ZipArchiveWriter(Stream to)
{
    private const ushort Version = 20, FirstDay = (1 << 5) | 1;
    private readonly MemoryStream _directory = new();
    private long _at;
    private int _count;

    /// <summary>Adds a member.</summary>
    public void Add(string name, ReadOnlySpan<byte> bytes)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        // Without zip64: the name, the bytes and both headers end below 4 GB.
        if (_at + bytes.Length + nameBytes.Length + 128 + _directory.Length > uint.MaxValue || _count == ushort.MaxValue - 1)
        {
            throw new EmlException(ErrorCode.Limit, $"npz: the file would be larger than {uint.MaxValue} bytes; write the model as safetensors or protobuf");
        }
        uint offset = (uint)_at, crc = Crc32.Of(bytes);
        Span<byte> fields = stackalloc byte[26];
        Fields(fields, nameBytes.Length, crc, (uint)bytes.Length);

        Span<byte> local = stackalloc byte[30];
        BinaryPrimitives.WriteUInt32LittleEndian(local, 0x04034B50);
        fields.CopyTo(local[4..]);
        Write(local);
        Write(nameBytes);
        Write(bytes);

        Span<byte> entry = stackalloc byte[46];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, 0x02014B50);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[4..], Version);
        fields.CopyTo(entry[6..]);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[42..], offset);
        _directory.Write(entry);
        _directory.Write(nameBytes);
        _count++;
    }

    /// <summary>Writes the directory.</summary>
    public void Finish()
    {
        Span<byte> end = stackalloc byte[22];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054B50);
        BinaryPrimitives.WriteUInt16LittleEndian(end[8..], (ushort)_count);
        BinaryPrimitives.WriteUInt16LittleEndian(end[10..], (ushort)_count);
        BinaryPrimitives.WriteUInt32LittleEndian(end[12..], (uint)_directory.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(end[16..], (uint)_at);
        Write(_directory.GetBuffer().AsSpan(0, (int)_directory.Length));
        Write(end);
    }

    /// <summary>What both headers of a member have in common: version, flags, method, time, date, checksum, sizes, length of the name.</summary>
    private static void Fields(Span<byte> to, int nameLength, uint crc, uint size)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, Version);
        BinaryPrimitives.WriteUInt16LittleEndian(to[8..], FirstDay);
        BinaryPrimitives.WriteUInt32LittleEndian(to[10..], crc);
        BinaryPrimitives.WriteUInt32LittleEndian(to[14..], size);
        BinaryPrimitives.WriteUInt32LittleEndian(to[18..], size);
        BinaryPrimitives.WriteUInt16LittleEndian(to[22..], (ushort)nameLength);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        to.Write(bytes);
        _at += bytes.Length;
    }
}
