using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A language model as one JSON object.</summary>
/// <remarks>
/// Members, in any order, no others:
/// <list type="bullet">
/// <item>version: 1 or "1"; 1 if it is missing.</item>
/// <item>config: as <see cref="LanguageConfigJson"/> writes it; if it is missing the architecture is recognised from the tensors.</item>
/// <item>training: any JSON, kept as it is written; may be missing.</item>
/// <item>tokenizer: the object of a tokenizer.json; may be missing.</item>
/// <item>weights: an object of tensors by name, each
/// <c>{"shape":[rows,columns],"dtype":"f32","data":"base64"}</c> with numbers in little-endian order, row by row, or
/// <c>{"shape":[rows,columns],"dtype":"int8","data":"base64","scale":"base64"}</c> with signed bytes and a binary32 for each row.
/// Base64 is RFC 4648's, with padding.</item>
/// </list>
/// There is no BF16 here: such matrices are written as f32, which is exact.
/// </remarks>
public static class LanguageJson
{
    private const string What = "language model";
    private const string Float = "f32";
    private const string Byte = "int8";

    /// <summary>Bytes that become text at once: whole groups of three.</summary>
    private const int Piece = 3 << 14;

    internal static void Write(LanguageCheckpoint checkpoint, Stream to)
    {
        var text = new JsonText();
        text.Raw("{\"version\":"u8).Integer(checkpoint.Version);
        text.Raw(",\"config\":"u8).Raw(LanguageConfigJson.Write(checkpoint.Weights.Config));
        if (checkpoint.Training is { } training)
        {
            text.Raw(",\"training\":"u8).Raw(Encoding.UTF8.GetBytes(training));
        }
        if (checkpoint.Tokenizer is { } tokenizer)
        {
            text.Raw(",\"tokenizer\":"u8);
            TokenizerJson.Write(text, tokenizer);
        }
        text.Raw(",\"weights\":{"u8);
        to.Write(text.ToArray());
        bool isFirst = true;
        foreach (LanguageTensor stored in checkpoint.Weights.Tensors)
        {
            LanguageTensor tensor = stored.Type == WeightType.BF16 ? LanguageQuantizer.Convert(stored, WeightType.F32) : stored;
            to.Write(new JsonText().Raw(isFirst ? "\n"u8 : ",\n"u8).String(tensor.Name).Raw(":{\"shape\":"u8).Integers(tensor.Shape)
                .Raw(",\"dtype\":"u8).String(tensor.Type == WeightType.I8 ? Byte : Float).Raw(",\"data\":\""u8).ToArray());
            WriteBase64(tensor.Data.Span, to);
            if (tensor.Type == WeightType.I8)
            {
                to.Write("\",\"scale\":\""u8);
                WriteBase64(MemoryMarshal.AsBytes(tensor.Scales.Span), to);
            }
            to.Write("\"}"u8);
            isFirst = false;
        }
        to.Write("\n}}\n"u8);
    }

    internal static LanguageCheckpoint Read(ReadOnlySpan<byte> file, ReadOnlyMemory<byte>? given)
    {
        JsonMembers root = StrictJson.Parse(file, What).Members("the checkpoint", FormatError.Kind);
        if (!root.Has("weights"))
        {
            throw new EmlException(FormatError.Kind, root.Offset,
                $"{What}: the object at byte {root.Offset} has no \"weights\", so it is no language model; the members are version, config, training, tokenizer and weights");
        }
        root.RefuseOthers("version", "config", "training", "tokenizer", "weights");
        CheckVersion(root);
        LanguageConfig? config = root.TryGet("config", out JsonValue own) ? ReadConfig(own) : null;
        JsonValue weights = root["weights"];
        if (!weights.IsObject)
        {
            throw weights.Wrong(FormatError.Value, "weights", "an object of tensors by name");
        }
        var tensors = new List<LanguageTensor>();
        for (JsonItems items = weights.Items(); items.Next();)
        {
            tensors.Add(Tensor(items.Key, items.Value));
        }
        LanguageWeights model = UntrustedLanguage.Weights(tensors, weights.Offset, What, config, given);
        Tokenizer? tokenizer = root.TryGet("tokenizer", out JsonValue tokens) ? TokenizerJson.Read(tokens) : null;
        string? training = root.TryGet("training", out JsonValue how) ? Encoding.UTF8.GetString(how.Raw) : null;
        return UntrustedLanguage.Checked(new LanguageCheckpoint(model, tokenizer, training), root.Offset, What);
    }

    private static void CheckVersion(JsonMembers root)
    {
        if (!root.TryGet("version", out JsonValue version))
        {
            return;
        }
        string said = version.IsString ? version.Text("version") : Encoding.UTF8.GetString(version.Raw[..Math.Min(version.TextLength, 20)]);
        if (said != "1")
        {
            throw new EmlException(ErrorCode.Version, version.Offset, $"{What}: version at byte {version.Offset} is {StrictJson.Quoted(said)}; this library knows version 1; use a newer libeml");
        }
    }

    private static LanguageConfig ReadConfig(JsonValue value)
    {
        try
        {
            return LanguageConfigJson.Read(value);
        }
        catch (EmlException e) when (e.Code == ErrorCode.Argument)
        {
            throw new EmlException(FormatError.Value, value.Offset, $"{What}: config at byte {value.Offset}: {e.Message}");
        }
    }

    private static LanguageTensor Tensor(string name, JsonValue value)
    {
        string shown = $"tensor {StrictJson.Quoted(name)}";
        JsonMembers members = value.Members(shown, FormatError.Value);
        members.RefuseOthers("shape", "dtype", "data", "scale");
        JsonValue dtype = members["dtype"];
        WeightType type = dtype.Text($"dtype of {shown}", FormatError.BadDtype) switch
        {
            Float => WeightType.F32,
            Byte => WeightType.I8,
            _ => throw dtype.Wrong(FormatError.BadDtype, $"dtype of {shown}", $"\"{Float}\" or \"{Byte}\""),
        };
        int[] shape = UntrustedLanguage.Shape(Sizes(members["shape"], shown));
        JsonValue data = members["data"];
        long count = Count(shape, data, shown);
        byte[] bytes = ReadBase64(data, $"data of {shown}", count * LanguageTensor.SizeOf(type));
        float[] scales = [];
        if (type == WeightType.I8)
        {
            scales = MemoryMarshal.Cast<byte, float>(ReadBase64(members["scale"], $"scale of {shown}", sizeof(float) * (long)shape[0])).ToArray();
        }
        else if (members.Has("scale"))
        {
            throw new EmlException(FormatError.UnknownField, members["scale"].Offset, $"{What}: scale of {shown} at byte {members["scale"].Offset}: only {Byte} has one");
        }
        return new LanguageTensor(name, type, shape, bytes, scales);
    }

    private static List<ulong> Sizes(JsonValue array, string tensor)
    {
        if (!array.IsArray)
        {
            throw array.Wrong(FormatError.BadNumber, $"shape of {tensor}", "an array of one or two whole numbers");
        }
        var sizes = new List<ulong>();
        for (JsonItems items = array.Items(); sizes.Count <= 2 && items.Next();)
        {
            sizes.Add(items.Value.Unsigned($"shape of {tensor}"));
        }
        return sizes.Count is 1 or 2 ? sizes : throw array.Wrong(FormatError.Value, $"shape of {tensor}", "an array of one or two whole numbers");
    }

    /// <summary>Numbers of a tensor; refuses more than the text can hold before there is any room made for them.</summary>
    private static long Count(int[] shape, JsonValue data, string tensor)
    {
        long count = shape.Aggregate(1L, (size, n) => size * n); // two sizes below 2^31
        return count <= data.TextLength && shape[0] <= data.TextLength ? count : throw WrongLength(data, $"data of {tensor}", "more bytes than its text can hold");
    }

    private static byte[] ReadBase64(JsonValue value, string name, long wanted)
    {
        ReadOnlySpan<byte> text = value.Utf8(name);
        if (text.Length != (wanted + 2) / 3 * 4)
        {
            throw WrongLength(value, name, $"{wanted} bytes, which are {(wanted + 2) / 3 * 4} letters of base64, not {text.Length}");
        }
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)wanted);
        OperationStatus status = Base64.DecodeFromUtf8(text, bytes, out _, out int written);
        // The last letters once more: what a decoder overlooks are bits that no byte has.
        Span<byte> last = stackalloc byte[4];
        bool isRight = status == OperationStatus.Done && written == wanted
            && (text.IsEmpty || (Base64.EncodeToUtf8(bytes.AsSpan((int)((wanted - 1) / 3 * 3)), last, out _, out _) == OperationStatus.Done && last.SequenceEqual(text[^4..])));
        return isRight ? bytes : throw value.Wrong(FormatError.Value, name, "base64 with padding and without line ends");
    }

    private static EmlException WrongLength(JsonValue value, string name, string wanted) => new(FormatError.SizeMismatch, value.Offset,
        $"{What}: {name} at byte {value.Offset} does not fit the shape, which asks for {wanted}");

    private static void WriteBase64(ReadOnlySpan<byte> bytes, Stream to)
    {
        byte[] text = new byte[Piece / 3 * 4];
        for (int at = 0; at < bytes.Length; at += Piece)
        {
            Base64.EncodeToUtf8(bytes.Slice(at, Math.Min(Piece, bytes.Length - at)), text, out _, out int written);
            to.Write(text, 0, written);
        }
    }
}
