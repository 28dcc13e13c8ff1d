using System.Buffers.Binary;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">Its name; may be empty.</param>
/// <param name="Dtype">Element type.</param>
/// <param name="Shape">Sizes, row-major; empty for a single element.</param>
/// <param name="Data">The elements, little-endian.</param>
public sealed record TensorData(string Name, Dtype Dtype, ulong[] Shape, ReadOnlyMemory<byte> Data)
{
    /// <summary>A tensor of doubles.</summary>
    public static TensorData F64(string name, ReadOnlySpan<double> values, params ulong[] shape)
    {
        byte[] bytes = new byte[checked(sizeof(double) * values.Length)];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(sizeof(double) * i), values[i]);
        return new TensorData(name, Dtype.F64, shape, bytes);
    }
}

/// <summary>What a tensor to be written looks like.</summary>
/// <param name="Name">Its name; may be empty.</param>
/// <param name="Dtype">Element type.</param>
/// <param name="Shape">Sizes, row-major; empty for a single element.</param>
public sealed record TensorShape(string Name, Dtype Dtype, ulong[] Shape);

/// <summary>The elements of the tensor of a name, little-endian.</summary>
public delegate ReadOnlySpan<byte> TensorBytes(string name);

/// <summary>
/// Writes safetensors files as the reference library does: tensors of larger alignment first, then by name; the header
/// padded with spaces to a multiple of 8 bytes, so that the data are aligned. Metadata are sorted by key, so that the same
/// contents always give the same bytes.
/// </summary>
public static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <summary>The file's bytes.</summary>
    /// <param name="tensors">The tensors, in any order.</param>
    /// <param name="metadata">Free text; null: none.</param>
    public static byte[] Write(IEnumerable<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorData[] all = [.. tensors];
        foreach (TensorData tensor in all)
        {
            FormatError error = tensor.Dtype.ByteCount(tensor.Shape, out ulong bytes);
            if (error != FormatError.None || bytes != (ulong)tensor.Data.Length)
            {
                throw new EmlException(ErrorCode.Shape,
                    $"{Shown(tensor.Name)}: {tensor.Data.Length} bytes do not fill {tensor.Dtype.Name()} [{string.Join(", ", tensor.Shape)}]");
            }
        }
        (TensorShape[] sorted, byte[] header, ulong dataLength) = Plan(all.Select(tensor => new TensorShape(tensor.Name, tensor.Dtype, tensor.Shape)), metadata);
        ulong fileLength = SafetensorsHeader.LengthSize + (ulong)header.Length + dataLength;
        if (fileLength > (ulong)Array.MaxLength)
        {
            throw new EmlException(ErrorCode.Limit,
                $"safetensors: the file would have {fileLength} bytes; the limit is {Array.MaxLength}; split it");
        }

        var data = all.ToDictionary(tensor => tensor.Name, tensor => tensor.Data, StringComparer.Ordinal);
        byte[] file = new byte[fileLength];
        Write(new MemoryStream(file), sorted, header, name => data[name].Span);
        return file;
    }

    /// <summary>The same as a stream, tensor by tensor: what is not in memory at once can be written too.</summary>
    /// <param name="file">Where it goes.</param>
    /// <param name="tensors">The tensors, in any order.</param>
    /// <param name="metadata">Free text; null: none.</param>
    /// <param name="bytes">A tensor's elements, little-endian.</param>
    public static void Write(Stream file, IEnumerable<TensorShape> tensors, IReadOnlyDictionary<string, string>? metadata, TensorBytes bytes)
    {
        (TensorShape[] sorted, byte[] header, _) = Plan(tensors, metadata);
        Write(file, sorted, header, bytes);
    }

    private static void Write(Stream file, TensorShape[] sorted, byte[] header, TensorBytes bytes)
    {
        Span<byte> length = stackalloc byte[SafetensorsHeader.LengthSize];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        file.Write(length);
        file.Write(header);
        foreach (TensorShape tensor in sorted)
            file.Write(bytes(tensor.Name));
    }

    private static (TensorShape[] Sorted, byte[] Header, ulong DataLength) Plan(IEnumerable<TensorShape> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        TensorShape[] sorted = [.. tensors];
        Array.Sort(sorted, (a, b) => a.Dtype != b.Dtype ? b.Dtype.CompareTo(a.Dtype) : CompareUtf8(a.Name, b.Name));
        ulong dataLength = Check(sorted);
        byte[] header = Header(sorted, metadata);
        if (header.Length > SafetensorsHeader.MaxLength)
        {
            throw new EmlException(ErrorCode.Limit,
                $"safetensors: the header would have {header.Length} bytes; the limit is {SafetensorsHeader.MaxLength}; " +
                "use fewer tensors, shorter names or less metadata");
        }

        return (sorted, header, dataLength);
    }

    /// <summary>What a reader would refuse is not written.</summary>
    private static ulong Check(TensorShape[] tensors)
    {
        ulong total = 0;
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
        foreach (TensorShape tensor in tensors)
        {
            string shown = Shown(tensor.Name);
            if (!names.Add(tensor.Name))
                throw new EmlException(ErrorCode.Argument, $"{shown}: the name is taken; every tensor needs its own");
            if (tensor.Name.Contains('\0'))
                throw new EmlException(ErrorCode.Argument, $"{shown}: a name must have no NUL");
            if (tensor.Shape.Length > SafetensorsHeader.MaxRank)
            {
                throw new EmlException(ErrorCode.Limit,
                    $"{shown}: its shape has {tensor.Shape.Length} sizes; the limit is {SafetensorsHeader.MaxRank}");
            }

            if (tensor.Dtype.ByteCount(tensor.Shape, out ulong bytes) != FormatError.None)
                throw new EmlException(ErrorCode.Shape, $"{shown}: {tensor.Dtype.Name()} [{string.Join(", ", tensor.Shape)}] is not a whole number of bytes, or too many");

            total += bytes;
        }

        return total;
    }

    private static string Shown(string name) => $"safetensors: tensor {StrictJson.Quoted(name)}";

    private static byte[] Header(TensorShape[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var json = new JsonText();
        json.Raw("{"u8);
        ReadOnlySpan<byte> before = ""u8;
        if (metadata is not null)
        {
            json.String(SafetensorsHeader.MetadataKey).Raw(":{"u8);
            foreach ((string key, string value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                json.Raw(before).String(key).Raw(":"u8).String(value);
                before = ","u8;
            }

            json.Raw("}"u8);
            before = ","u8;
        }

        ulong begin = 0;
        foreach (TensorShape tensor in tensors)
        {
            _ = tensor.Dtype.ByteCount(tensor.Shape, out ulong bytes);
            ulong end = begin + bytes;
            json.Raw(before).String(tensor.Name).Raw(":{\"dtype\":"u8).String(tensor.Dtype.Name()).Raw(",\"shape\":["u8);
            for (int i = 0; i < tensor.Shape.Length; i++)
                json.Raw(i == 0 ? ""u8 : ","u8).Unsigned(tensor.Shape[i]);
            json.Raw("],\"data_offsets\":["u8).Unsigned(begin).Raw(","u8).Unsigned(end).Raw("]}"u8);
            before = ","u8;
            begin = end;
        }

        json.Raw("}"u8);
        while (json.Length % Alignment != 0)
            json.Raw(" "u8);
        return json.ToArray();
    }

    /// <summary>The order of the names' UTF-8 bytes, which is not always that of their UTF-16 units.</summary>
    private static int CompareUtf8(string a, string b) =>
        System.Text.Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(b));
}
