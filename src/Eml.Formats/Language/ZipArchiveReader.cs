using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A member of a zip file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Offset">Where its local header begins.</param>
/// <param name="Data">Its bytes, uncompressed.</param>
internal sealed record ZipMember(string Name, ulong Offset, ReadOnlyMemory<byte> Data);

/// <summary>
/// Reads zip files as NumPy writes them (PKWARE's APPNOTE 6.3): stored or deflated members, with the zip64 extension, no encryption, no
/// other discs. Stored members are not copied. Every length is compared with the file before any room is made, and every checksum is checked.
/// </summary>
internal static class ZipArchiveReader
{
    private const string What = "npz";
    private const uint LocalMark = 0x04034B50, EntryMark = 0x02014B50, EndMark = 0x06054B50, End64Mark = 0x06064B50, Locator64Mark = 0x07064B50;
    private const int LocalSize = 30, EntrySize = 46, EndSize = 22, End64Size = 56, Locator64Size = 20, MaxComment = 0xFFFF;
    private const int MaxMembers = 1 << 16;

    /// <summary>Deflate makes at most 1032 bytes of one (258 of two bits).</summary>
    private const long MaxRatio = 1032;

    /// <summary>The members in the order of the directory.</summary>
    public static List<ZipMember> Read(LanguageBytes file)
    {
        long end = FindEnd(file);
        ReadOnlySpan<byte> record = Bytes(file, end, EndSize, "the end record");
        long count = U16(record, 10), size = U32(record, 12), start = U32(record, 16);
        if (count == 0xFFFF || size == 0xFFFFFFFF || start == 0xFFFFFFFF)
        {
            (count, size, start) = ReadEnd64(file, end);
        }
        if (start < 0 || size < 0 || start > end || size > end - start || count < 0 || count > size / EntrySize || count > MaxMembers)
        {
            throw new EmlException(FormatError.BadOffset, (ulong)end, $"{What}: the end record at byte {end} says {count} members in {size} bytes from byte {start} on, which cannot be");
        }
        var members = new List<ZipMember>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        long at = start;
        for (long i = 0; i < count; i++)
        {
            ZipMember member = ReadEntry(file, ref at, start + size, start);
            if (!names.Add(member.Name))
            {
                throw new EmlException(FormatError.DuplicateKey, member.Offset, $"{What}: the member {StrictJson.Quoted(member.Name)} at byte {member.Offset} is there twice; keep one of them");
            }
            members.Add(member);
        }
        return members;
    }

    private static long FindEnd(LanguageBytes file)
    {
        long first = Math.Max(0, file.Length - EndSize - MaxComment);
        ReadOnlySpan<byte> tail = file.Slice(first, (int)(file.Length - first)).Span;
        for (int i = tail.Length - EndSize; i >= 0; i--)
        {
            if (U32(tail, i) == EndMark && U16(tail, i + 20) == tail.Length - i - EndSize)
            {
                return first + i;
            }
        }
        throw new EmlException(FormatError.Truncated, (ulong)file.Length, $"{What}: the file of {file.Length} bytes has no end record, with which a zip file ends; it seems cut off");
    }

    private static (long Count, long Size, long Start) ReadEnd64(LanguageBytes file, long end)
    {
        ReadOnlySpan<byte> locator = Bytes(file, end - Locator64Size, Locator64Size, "the zip64 locator");
        long at = I64(locator, 8);
        ReadOnlySpan<byte> record = U32(locator, 0) == Locator64Mark ? Bytes(file, at, End64Size, "the zip64 end record") : default;
        return !record.IsEmpty && U32(record, 0) == End64Mark
            ? (I64(record, 32), I64(record, 40), I64(record, 48))
            : throw new EmlException(FormatError.BadOffset, (ulong)end, $"{What}: the end record at byte {end} needs a zip64 end record, and there is none");
    }

    private static ZipMember ReadEntry(LanguageBytes file, ref long at, long directoryEnd, long dataEnd)
    {
        long entryAt = at;
        ReadOnlySpan<byte> entry = Bytes(file, at, EntrySize, "an entry of the directory");
        int flags = U16(entry, 8), method = U16(entry, 10), nameLength = U16(entry, 28), extraLength = U16(entry, 30);
        long packed = U32(entry, 20), unpacked = U32(entry, 24), offset = U32(entry, 42);
        at += EntrySize + nameLength + extraLength + U16(entry, 32);
        if (U32(entry, 0) != EntryMark || at > directoryEnd)
        {
            throw new EmlException(FormatError.BadOffset, (ulong)entryAt, $"{What}: byte {entryAt} must begin an entry of the directory, which ends at byte {directoryEnd}");
        }
        string name = Encoding.UTF8.GetString(file.Slice(entryAt + EntrySize, nameLength).Span);
        string shown = $"the member {StrictJson.Quoted(name)}, which the directory describes at byte {entryAt},";
        ReadZip64(file.Slice(entryAt + EntrySize + nameLength, extraLength).Span, ref unpacked, ref packed, ref offset);
        if ((flags & 1) != 0 || method is not (0 or 8))
        {
            throw new EmlException(ErrorCode.Unsupported, (ulong)entryAt, $"{What}: {shown} is encrypted or packed by method {method}; only 0 (stored) and 8 (deflated) are read");
        }
        if (offset < 0 || offset > dataEnd - LocalSize)
        {
            throw new EmlException(FormatError.BadOffset, (ulong)entryAt, $"{What}: {shown} begins at byte {offset}, where no member can be");
        }
        ReadOnlySpan<byte> local = Bytes(file, offset, LocalSize, "a member's header");
        long data = offset + LocalSize + U16(local, 26) + U16(local, 28);
        if (U32(local, 0) != LocalMark || data > dataEnd || packed < 0 || packed > dataEnd - data || unpacked < 0 || unpacked > Array.MaxLength
            || (method == 0 ? packed != unpacked : unpacked / MaxRatio > packed) || packed > Array.MaxLength)
        {
            throw new EmlException(FormatError.BadOffset, (ulong)offset, $"{What}: {shown} cannot have {unpacked} bytes in {packed} from byte {data} on: the data end at byte {dataEnd}");
        }
        ReadOnlyMemory<byte> bytes = file.Slice(data, (int)packed);
        bytes = method == 0 ? bytes : Inflate(bytes, (int)unpacked, shown, (ulong)data);
        uint found = Crc32.Of(bytes.Span), wanted = U32(entry, 16);
        return found == wanted
            ? new ZipMember(name, (ulong)offset, bytes)
            : throw new EmlException(FormatError.Value, (ulong)data, $"{What}: {shown} has the checksum {found:x8}; {wanted:x8} is announced; the file is damaged");
    }

    /// <summary>Sizes and places that do not fit into 32 bits stand in the extra field 1, in this order.</summary>
    private static void ReadZip64(ReadOnlySpan<byte> extra, ref long unpacked, ref long packed, ref long offset)
    {
        while (extra.Length >= 4)
        {
            int length = Math.Min(U16(extra, 2), extra.Length - 4);
            if (U16(extra, 0) == 1)
            {
                ReadOnlySpan<byte> numbers = extra.Slice(4, length);
                Replace(ref unpacked, ref numbers);
                Replace(ref packed, ref numbers);
                Replace(ref offset, ref numbers);
                return;
            }
            extra = extra[(4 + length)..];
        }

        static void Replace(ref long value, ref ReadOnlySpan<byte> numbers)
        {
            if (value == 0xFFFFFFFF && numbers.Length >= 8)
            {
                value = I64(numbers, 0);
                numbers = numbers[8..];
            }
        }
    }

    private static byte[] Inflate(ReadOnlyMemory<byte> packed, int length, string shown, ulong at)
    {
        byte[] bytes = new byte[length];
        try
        {
            using var stream = new DeflateStream(new MemoryStream(packed.ToArray(), writable: false), CompressionMode.Decompress);
            int read = stream.ReadAtLeast(bytes, length, throwOnEndOfStream: false);
            if (read == length && stream.ReadByte() < 0)
            {
                return bytes;
            }
        }
        catch (InvalidDataException)
        {
            // Refused below.
        }
        throw new EmlException(FormatError.Value, at, $"{What}: {shown} cannot be unpacked to the {length} bytes that are announced; the file is damaged");
    }

    private static ReadOnlySpan<byte> Bytes(LanguageBytes file, long at, int length, string what) => at >= 0 && at <= file.Length - length
        ? file.Slice(at, length).Span
        : throw new EmlException(FormatError.BadOffset, (ulong)Math.Max(at, 0), $"{What}: {what} cannot stand at byte {at} of {file.Length}");

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
