using System.Buffers.Binary;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name; may be empty.</param>
/// <param name="Dtype">Element type.</param>
/// <param name="Shape">Sizes, row-major; empty for a single element.</param>
/// <param name="Begin">First byte, counted from the beginning of the data.</param>
/// <param name="End">One past the last byte, counted from the beginning of the data.</param>
/// <param name="HeaderOffset">Where the header describes it, counted from the beginning of the file.</param>
public sealed record TensorEntry(string Name, Dtype Dtype, ulong[] Shape, ulong Begin, ulong End, ulong HeaderOffset);

/// <summary>
/// The header of a safetensors file, read strictly: what the reference library refuses is refused, and so is what two
/// readers could understand differently (a key twice, a tensor as an array, fields that no version knows).
/// </summary>
public sealed class SafetensorsHeader
{
    /// <summary>Bytes of the header's JSON, the reference library's limit.</summary>
    public const int MaxLength = 100_000_000;

    /// <summary>Sizes of one tensor.</summary>
    public const int MaxRank = 64;

    internal const int LengthSize = sizeof(ulong);
    internal const string MetadataKey = "__metadata__";
    private const string What = "safetensors header";

    private SafetensorsHeader(ulong dataStart)
    {
        DataStart = dataStart;
    }

    /// <summary>Where the data begin in the file.</summary>
    public ulong DataStart { get; }

    /// <summary>The tensors in the order of their bytes.</summary>
    public IReadOnlyList<TensorEntry> Tensors { get; private set; } = [];

    /// <summary>The free text; null if the file has none.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; private set; }

    /// <summary>Where the metadata stand in the file.</summary>
    public ulong MetadataOffset { get; private set; }

    /// <summary>Reads and checks the header.</summary>
    /// <param name="start">The file's first bytes: at least its header, at most all of it.</param>
    /// <param name="fileLength">The whole file's length.</param>
    /// <param name="allowUnknownFields">Ignore further fields of a tensor, as the reference does, instead of refusing them.</param>
    public static SafetensorsHeader Read(ReadOnlySpan<byte> start, ulong fileLength, bool allowUnknownFields = false)
    {
        if (start.Length < LengthSize)
        {
            throw new EmlException(FormatError.Truncated, (ulong)start.Length,
                $"safetensors: the file has {start.Length} bytes; its first {LengthSize} must be the header's length; it seems cut off");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxLength)
        {
            throw new EmlException(FormatError.HeaderTooLarge, 0,
                $"safetensors: bytes 0 to 7 announce a header of {length} bytes; the limit is {MaxLength}; is it a safetensors file?");
        }

        if (length > fileLength - LengthSize || length > (ulong)(start.Length - LengthSize))
        {
            throw new EmlException(FormatError.Truncated, (ulong)start.Length,
                $"safetensors: bytes 0 to 7 announce a header of {length} bytes, but only {fileLength - LengthSize} follow; it seems cut off");
        }

        JsonValue root = StrictJson.Parse(start.Slice(LengthSize, (int)length), What, LengthSize);
        if (!root.IsObject)
            throw root.Wrong(FormatError.Json, "the header", "an object");

        var header = new SafetensorsHeader(LengthSize + length);
        var tensors = new List<TensorEntry>();
        for (JsonItems items = root.Items(); items.Next();)
        {
            if (items.Key == MetadataKey)
                header.ReadMetadata(items.Value);
            else
                tensors.Add(header.ReadTensor(items.Key, items.KeyOffset, items.Value, allowUnknownFields));
        }

        tensors.Sort((a, b) => (a.Begin, a.End, a.HeaderOffset).CompareTo((b.Begin, b.End, b.HeaderOffset)));
        header.Tensors = tensors;
        header.CheckCoverage(fileLength);
        return header;
    }

    private void ReadMetadata(JsonValue metadata)
    {
        if (metadata.IsNull)
            return;
        if (!metadata.IsObject)
            throw metadata.Wrong(FormatError.BadMetadata, MetadataKey, "an object of strings");

        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        for (JsonItems items = metadata.Items(); items.Next();)
            entries.Add(items.Key, items.Value.Text($"{MetadataKey} {StrictJson.Quoted(items.Key)}", FormatError.BadMetadata));
        Metadata = entries;
        MetadataOffset = metadata.Offset;
    }

    private TensorEntry ReadTensor(string name, ulong keyOffset, JsonValue tensor, bool allowUnknownFields)
    {
        string shown = $"tensor {StrictJson.Quoted(name)}";
        if (name.Contains('\0'))
        {
            throw new EmlException(FormatError.Limit, keyOffset,
                $"{What}: {shown} at byte {keyOffset} has a NUL in its name; names travel as C strings, so it must have none");
        }

        JsonMembers members = tensor.Members(shown);
        if (!allowUnknownFields)
            members.RefuseOthers("dtype", "shape", "data_offsets");
        JsonValue dtypeField = members["dtype"], shapeField = members["shape"], offsets = members["data_offsets"];

        string dtypeName = dtypeField.Text($"dtype of {shown}", FormatError.BadDtype);
        if (!Dtypes.TryParse(dtypeName, out Dtype dtype))
        {
            throw new EmlException(FormatError.BadDtype, dtypeField.Offset,
                $"{What}: {shown} has the dtype {StrictJson.Quoted(dtypeName)} at byte {dtypeField.Offset}; known are {Dtypes.Known}");
        }

        ulong[] shape = ReadShape(shapeField, shown);
        (ulong begin, ulong end) = ReadOffsets(offsets, shown);
        if (begin > end)
        {
            throw new EmlException(FormatError.BadOffset, offsets.Offset,
                $"{What}: {shown} has data_offsets [{begin}, {end}] at byte {offsets.Offset}; the end must not come before the beginning");
        }

        CheckSize(shown, dtype, shape, shapeField.Offset, end - begin);
        if (end > ulong.MaxValue - DataStart)
        {
            throw new EmlException(FormatError.Overflow, offsets.Offset,
                $"{What}: {shown} ends at {end} of the data (byte {offsets.Offset} of the header); no file is that long");
        }

        return new TensorEntry(name, dtype, shape, begin, end, keyOffset);
    }

    private static ulong[] ReadShape(JsonValue field, string tensor)
    {
        if (!field.IsArray)
            throw field.Wrong(FormatError.BadNumber, $"shape of {tensor}", "an array of whole numbers");

        var shape = new List<ulong>();
        for (JsonItems items = field.Items(); items.Next();)
        {
            if (shape.Count == MaxRank)
            {
                throw new EmlException(FormatError.Limit, field.Offset,
                    $"{What}: the shape of {tensor} at byte {field.Offset} has more than {MaxRank} sizes, the limit");
            }

            shape.Add(items.Value.Unsigned($"shape of {tensor}"));
        }

        return [.. shape];
    }

    private static (ulong Begin, ulong End) ReadOffsets(JsonValue field, string tensor)
    {
        if (!field.IsArray)
            throw field.Wrong(FormatError.BadOffset, $"data_offsets of {tensor}", "an array of two whole numbers");

        Span<ulong> offsets = stackalloc ulong[2];
        int count = 0;
        for (JsonItems items = field.Items(); items.Next(); count++)
        {
            ulong value = items.Value.Unsigned($"data_offsets of {tensor}");
            if (count < 2)
                offsets[count] = value;
        }

        if (count != 2)
        {
            throw new EmlException(FormatError.BadOffset, field.Offset,
                $"{What}: data_offsets of {tensor} at byte {field.Offset} has {count} numbers; it must have two, [begin, end]");
        }

        return (offsets[0], offsets[1]);
    }

    private static void CheckSize(string tensor, Dtype dtype, ulong[] shape, ulong offset, ulong found)
    {
        FormatError error = dtype.ByteCount(shape, out ulong bytes);
        string shapeText = $"shape [{string.Join(", ", shape)}] at byte {offset}";
        if (error == FormatError.Overflow)
        {
            throw new EmlException(error, offset,
                $"{What}: {tensor} of dtype {dtype.Name()} has the {shapeText}, which is more than 2^64 bits");
        }

        if (error == FormatError.SubByte)
        {
            throw new EmlException(error, offset,
                $"{What}: {tensor} of dtype {dtype.Name()} has the {shapeText}, which does not fill whole bytes");
        }

        if (bytes != found)
        {
            throw new EmlException(FormatError.SizeMismatch, offset,
                $"{What}: {tensor} of dtype {dtype.Name()} has the {shapeText}, which takes {bytes} bytes; its data_offsets hold {found}");
        }
    }

    /// <summary>In the order of their bytes, the tensors must touch each other and fill the file to its end.</summary>
    private void CheckCoverage(ulong fileLength)
    {
        TensorEntry? before = null;
        foreach (TensorEntry tensor in Tensors)
        {
            ulong expected = before?.End ?? 0;
            if (tensor.Begin != expected)
            {
                string neighbour = before is null
                    ? "the data begin at 0"
                    : $"tensor {StrictJson.Quoted(before.Name)} has [{before.Begin}, {before.End}]";
                throw new EmlException(FormatError.BadOffset, tensor.HeaderOffset,
                    $"{What}: tensor {StrictJson.Quoted(tensor.Name)} at byte {tensor.HeaderOffset} has data_offsets " +
                    $"[{tensor.Begin}, {tensor.End}] while {neighbour}; tensors must neither overlap nor leave a hole");
            }

            before = tensor;
        }

        ulong end = DataStart + (before?.End ?? 0);
        if (end != fileLength)
        {
            throw new EmlException(FormatError.Coverage, Math.Min(end, fileLength), end < fileLength
                ? $"safetensors: {fileLength - end} bytes from byte {end} to the end of the file belong to no tensor; remove them"
                : $"safetensors: the file ends at byte {fileLength}, but its tensors need {end} bytes; it seems cut off");
        }
    }
}
