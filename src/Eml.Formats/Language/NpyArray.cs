using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>An array as NumPy's .npy files have it (NumPy's enhancement proposal 1): magic, version, a Python dictionary, the numbers.</summary>
/// <param name="Type">Type of the numbers as NumPy writes it: "&lt;f4".</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Data">The numbers, little-endian, row by row.</param>
internal sealed record NpyArray(string Type, int[] Shape, ReadOnlyMemory<byte> Data)
{
    public const string Float = "<f4", Half = "<f2", Bytes = "|u1";
    private const string What = "npz";
    private const int Alignment = 64;
    private const int PrefixSize = 10;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The file of an array.</summary>
    public static byte[] Write(string type, ReadOnlySpan<int> shape, ReadOnlySpan<byte> data)
    {
        string sizes = shape.Length == 1 ? string.Create(CultureInfo.InvariantCulture, $"{shape[0]},") : string.Join(", ", shape.ToArray());
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({sizes}), }}";
        int length = ((PrefixSize + header.Length + 1 + Alignment - 1) / Alignment * Alignment) - PrefixSize;
        byte[] file = new byte[PrefixSize + length + data.Length];
        Magic.CopyTo(file);
        file[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), (ushort)length);
        Encoding.ASCII.GetBytes(header.PadRight(length - 1) + "\n").CopyTo(file.AsSpan(PrefixSize));
        data.CopyTo(file.AsSpan(PrefixSize + length));
        return file;
    }

    /// <summary>Reads one. Numbers that are not little-endian, or of a type that is not known here, are refused; Fortran's order becomes row by row.</summary>
    /// <param name="member">The file.</param>
    /// <exception cref="EmlException">It is no such file; the offset is that of the member in its archive.</exception>
    public static NpyArray Read(ZipMember member)
    {
        ReadOnlyMemory<byte> file = member.Data;
        ReadOnlySpan<byte> bytes = file.Span;
        string shown = $"{What}: the member {StrictJson.Quoted(member.Name)} at byte {member.Offset}";
        if (bytes.Length < PrefixSize + 2 || !bytes.StartsWith(Magic) || bytes[6] is not (1 or 2 or 3))
        {
            throw new EmlException(FormatError.Kind, member.Offset, $"{shown} is no .npy file of version 1, 2 or 3");
        }
        bool isShort = bytes[6] == 1;
        long length = isShort ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        int start = isShort ? PrefixSize : PrefixSize + 2;
        if (length > Math.Min(bytes.Length - start, 1 << 16))
        {
            throw new EmlException(FormatError.Truncated, member.Offset, $"{shown} announces a header of {length} bytes, which it does not have");
        }
        (string type, bool isFortran, List<long> sizes) = new HeaderParser(Encoding.Latin1.GetString(bytes.Slice(start, (int)length)), member.Offset, shown).Parse();
        int size = type switch
        {
            Float => sizeof(float),
            Half => 2,
            Bytes => 1,
            _ => throw new EmlException(FormatError.BadDtype, member.Offset, $"{shown} has the dtype {StrictJson.Quoted(type)}; it must be {Float}, {Half} or {Bytes}; convert it with .astype('float32')"),
        };
        ReadOnlyMemory<byte> data = file[(start + (int)length)..];
        UInt128 wanted = (UInt128)size;
        foreach (long next in sizes)
        {
            wanted = wanted > ulong.MaxValue ? wanted : wanted * (UInt128)next;
        }
        if (wanted != (UInt128)data.Length || sizes.Count > 2)
        {
            throw new EmlException(FormatError.SizeMismatch, member.Offset, $"{shown} has the shape ({string.Join(", ", sizes)}) of {type} and {data.Length} bytes; arrays here have at most two sizes, and the bytes fill them");
        }
        int[] shape = [.. sizes.Select(next => (int)Math.Min(next, int.MaxValue))];
        return new NpyArray(type, shape, isFortran && shape.Length == 2 ? Transposed(data.Span, shape, size) : data);
    }

    /// <summary>The numbers as binary32, which half precision becomes exactly.</summary>
    public ReadOnlyMemory<byte> ToFloats()
    {
        if (Type == Float)
        {
            return Data;
        }
        byte[] floats = new byte[checked(2 * Data.Length)];
        ReadOnlySpan<Half> from = MemoryMarshal.Cast<byte, Half>(Data.Span);
        Span<float> to = MemoryMarshal.Cast<byte, float>(floats.AsSpan());
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = (float)from[i];
        }
        return floats;
    }

    private static byte[] Transposed(ReadOnlySpan<byte> data, int[] shape, int size)
    {
        byte[] to = new byte[data.Length];
        for (int row = 0; row < shape[0]; row++)
        {
            for (int column = 0; column < shape[1]; column++)
            {
                data.Slice(((column * shape[0]) + row) * size, size).CopyTo(to.AsSpan(((row * shape[1]) + column) * size));
            }
        }
        return to;
    }

    /// <summary>Reads {'descr': '&lt;f4', 'fortran_order': False, 'shape': (3, 4), }: a Python dictionary of these three, in any order.</summary>
    private sealed class HeaderParser(string text, ulong offset, string shown)
    {
        private int _at;

        public (string Type, bool IsFortran, List<long> Sizes) Parse()
        {
            string? type = null;
            bool? isFortran = null;
            List<long>? sizes = null;
            Expect('{');
            while (!Is('}'))
            {
                string key = Text();
                Expect(':');
                switch (key)
                {
                    case "descr" when type is null:
                        type = Text();
                        break;
                    case "fortran_order" when isFortran is null:
                        isFortran = Truth();
                        break;
                    case "shape" when sizes is null:
                        sizes = Sizes();
                        break;
                    default:
                        throw Bad();
                }
                if (!Is(','))
                {
                    Expect('}');
                    break;
                }
            }
            Blank();
            return _at == text.Length && type is not null && isFortran is { } order && sizes is not null ? (type, order, sizes) : throw Bad();
        }

        private List<long> Sizes()
        {
            var sizes = new List<long>();
            Expect('(');
            while (!Is(')'))
            {
                Blank();
                int start = _at;
                while (_at < text.Length && char.IsAsciiDigit(text[_at]))
                {
                    _at++;
                }
                if (!long.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out long size) || sizes.Count == 32)
                {
                    throw Bad();
                }
                sizes.Add(size);
                if (!Is(','))
                {
                    Expect(')');
                    break;
                }
            }
            return sizes;
        }

        private bool Truth()
        {
            Blank();
            bool isTrue = text.AsSpan(_at).StartsWith("True", StringComparison.Ordinal);
            if (!isTrue && !text.AsSpan(_at).StartsWith("False", StringComparison.Ordinal))
            {
                throw Bad();
            }
            _at += isTrue ? 4 : 5;
            return isTrue;
        }

        private string Text()
        {
            Blank();
            char quote = _at < text.Length && (text[_at] is '\'' or '"') ? text[_at] : throw Bad();
            int end = text.IndexOf(quote, _at + 1);
            string found = end >= 0 ? text[(_at + 1)..end] : throw Bad();
            _at = end + 1;
            return found;
        }

        private bool Is(char wanted)
        {
            Blank();
            bool isThere = _at < text.Length && text[_at] == wanted;
            _at += isThere ? 1 : 0;
            return isThere;
        }

        private void Expect(char wanted)
        {
            if (!Is(wanted))
            {
                throw Bad();
            }
        }

        private void Blank()
        {
            while (_at < text.Length && (text[_at] is ' ' or '\n' or '\t'))
            {
                _at++;
            }
        }

        private EmlException Bad() => new(FormatError.Value, offset,
            $"{shown} has a header that is not {{'descr': …, 'fortran_order': …, 'shape': (…)}} near its character {_at}: {StrictJson.Quoted(text)}");
    }
}
