using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>Models to bytes and back, in every format.</summary>
public static class ModelFile
{
    private static readonly (string Extension, FileFormat Format)[] Extensions =
    [
        (".browser.json", FileFormat.Browser), // before .json, in which it ends
        (".json", FileFormat.Json),
        (".safetensors", FileFormat.Safetensors),
        (".pb", FileFormat.Protobuf),
    ];

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(EmlModel model, FileFormat format)
    {
        MetadataLimits.Check(model);
        return format switch
        {
            FileFormat.Json => ModelJson.Write(model),
            FileFormat.Safetensors => ModelSafetensors.Write(model),
            FileFormat.Protobuf => ModelProtobuf.Write(model),
            FileFormat.Browser => throw new EmlException(ErrorCode.Unsupported,
                "the browser format holds a SafeTree and cannot carry an EmlModel; use json, safetensors or protobuf"),
            _ => throw NotAFormat(format),
        };
    }

    /// <summary>The file's bytes. The browser format also says what training found; here it says that nothing is known.</summary>
    public static byte[] Write(SafeTree tree, FileFormat format) => format switch
    {
        FileFormat.Json => SafeTreeJson.Write(tree),
        FileFormat.Browser => new BrowserExport(tree).Write(),
        FileFormat.Safetensors => ModelSafetensors.Write(tree),
        FileFormat.Protobuf => ModelProtobuf.Write(tree),
        _ => throw NotAFormat(format),
    };

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(AttentionBlock block, FileFormat format) => format switch
    {
        FileFormat.Json => AttentionJson.Write(block),
        FileFormat.Safetensors => AttentionSafetensors.Write(block),
        FileFormat.Protobuf => AttentionProtobuf.Write(block),
        FileFormat.Browser => throw new EmlException(ErrorCode.Unsupported,
            "the browser format holds a SafeTree and cannot carry an attention block; use json, safetensors or protobuf"),
        _ => throw NotAFormat(format),
    };

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(EmlAttention block, FileFormat format) => format switch
    {
        FileFormat.Json => EmlAttentionJson.Write(block),
        FileFormat.Safetensors => EmlAttentionSafetensors.Write(block),
        FileFormat.Protobuf => EmlAttentionProtobuf.Write(block),
        FileFormat.Browser => throw new EmlException(ErrorCode.Unsupported,
            "the browser format holds a SafeTree and cannot carry an attention block; use json, safetensors or protobuf"),
        _ => throw NotAFormat(format),
    };

    /// <summary>An EmlModel out of a file that must hold one.</summary>
    public static EmlModel ReadModel(ReadOnlySpan<byte> bytes, FileFormat format) => Resolve(bytes, format) switch
    {
        FileFormat.Json => ModelJson.Read(ParseJson(bytes)),
        FileFormat actual => Expect<EmlModel>(Read(bytes, actual), ModelKind.Model),
    };

    /// <summary>A SafeTree out of a file that must hold one.</summary>
    public static SafeTree ReadSafeTree(ReadOnlySpan<byte> bytes, FileFormat format) => Resolve(bytes, format) switch
    {
        FileFormat.Json => SafeTreeJson.Read(ParseJson(bytes)),
        FileFormat actual => Expect<SafeTree>(Read(bytes, actual), ModelKind.SafeTree),
    };

    /// <summary>A ToyEmlAttention out of a file that must hold one.</summary>
    public static ToyEmlAttention ReadToyAttention(ReadOnlySpan<byte> bytes, FileFormat format) => Resolve(bytes, format) switch
    {
        FileFormat.Json => AttentionJson.ReadToy(ParseJson(bytes)),
        FileFormat actual => Expect<ToyEmlAttention>(Read(bytes, actual), ModelKind.ToyAttention),
    };

    /// <summary>A BaselineAttention out of a file that must hold one.</summary>
    public static BaselineAttention ReadBaselineAttention(ReadOnlySpan<byte> bytes, FileFormat format) => Resolve(bytes, format) switch
    {
        FileFormat.Json => AttentionJson.ReadBaseline(ParseJson(bytes)),
        FileFormat actual => Expect<BaselineAttention>(Read(bytes, actual), ModelKind.BaselineAttention),
    };

    /// <summary>An EmlAttention out of a file that must hold one.</summary>
    public static EmlAttention ReadEmlAttention(ReadOnlySpan<byte> bytes, FileFormat format) => Resolve(bytes, format) switch
    {
        FileFormat.Json => EmlAttentionJson.Read(ParseJson(bytes)),
        FileFormat actual => Expect<EmlAttention>(Read(bytes, actual), ModelKind.Attention),
    };

    /// <summary>
    /// The <see cref="ToyEmlAttention"/>, <see cref="BaselineAttention"/> or <see cref="EmlAttention"/> out of a file that must
    /// hold one of them.
    /// </summary>
    public static object ReadAnyAttention(ReadOnlySpan<byte> bytes, FileFormat format)
    {
        if (Resolve(bytes, format) is var actual && actual != FileFormat.Json)
        {
            object content = Read(bytes, actual);
            return content is AttentionBlock or EmlAttention
                ? content
                : throw ModelKinds.Mismatch(ModelKinds.Of(content), ModelKind.Attention, 0);
        }

        JsonValue root = ParseJson(bytes);
        return ModelKinds.Of(root) switch
        {
            ModelKind.ToyAttention => AttentionJson.ReadToy(root),
            ModelKind.BaselineAttention => AttentionJson.ReadBaseline(root),
            _ => EmlAttentionJson.Read(root),
        };
    }

    /// <summary>
    /// The <see cref="EmlModel"/>, <see cref="SafeTree"/>, <see cref="AttentionBlock"/> or <see cref="EmlAttention"/> that a
    /// file holds, whichever it is.
    /// In JSON it may stand alone or inside an object with one member.
    /// </summary>
    public static object Read(ReadOnlySpan<byte> bytes, FileFormat format)
    {
        switch (Resolve(bytes, format))
        {
            case FileFormat.Safetensors:
                return ModelSafetensors.Read(bytes);
            case FileFormat.Protobuf:
                return ModelProtobuf.Read(bytes);
            case FileFormat.Browser:
                return BrowserExport.Read(bytes).Tree;
            default:
                JsonValue root = ModelKinds.Unwrap(ParseJson(bytes));
                ModelKind kind = ModelKinds.Of(root);
                return kind switch
                {
                    ModelKind.Model => ModelJson.Read(root),
                    ModelKind.SafeTree => SafeTreeJson.Read(root),
                    ModelKind.ToyAttention => AttentionJson.ReadToy(root),
                    ModelKind.BaselineAttention => AttentionJson.ReadBaseline(root),
                    ModelKind.Attention => EmlAttentionJson.Read(root),
                    _ => throw ModelKinds.Mismatch(kind, ModelKind.Model, root.Offset),
                };
        }
    }

    /// <summary>The format that a file's name asks for.</summary>
    public static FileFormat FromPath(string path)
    {
        foreach ((string extension, FileFormat format) in Extensions)
        {
            if (path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
                return format;
        }

        throw new EmlException(ErrorCode.Argument,
            $"{path}: the extension does not name a format; known are {string.Join(", ", Extensions.Select(e => e.Extension))}");
    }

    /// <summary>The format that a file's bytes are in, as far as its beginning and its fields tell: it may still be bad.</summary>
    public static FileFormat Detect(ReadOnlySpan<byte> bytes)
    {
        if (ModelProtobuf.Recognises(bytes))
            return FileFormat.Protobuf;

        // A length below 2^32 ends in zero bytes, which JSON cannot contain; so JSON comes second. Larger lengths, which
        // the reader will refuse, are told from text by their bytes.
        bool header = BeginsWith(bytes[Math.Min(bytes.Length, SafetensorsHeader.LengthSize)..], '{', '{');
        ReadOnlySpan<byte> length = bytes[..Math.Min(bytes.Length, SafetensorsHeader.LengthSize)];
        if (header && !length[4..].ContainsAnyExcept((byte)0))
            return FileFormat.Safetensors;
        // A byte order mark is refused, but by the JSON reader, who can say so.
        if (BeginsWith(bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes, '{', '['))
            return IsBrowserExport(bytes) ? FileFormat.Browser : FileFormat.Json;
        if (header && length.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            return FileFormat.Safetensors;

        throw new EmlException(FormatError.Unknown, 0,
            $"the {bytes.Length} bytes begin neither as JSON nor as safetensors nor as a protobuf message eml.v1.Model, " +
            "eml.v1.SafeTree, eml.v1.Attention or eml.v1.EmlAttention; is it a model?");
    }

    private static T Expect<T>(object content, ModelKind wanted) where T : class =>
        content as T ?? throw ModelKinds.Mismatch(ModelKinds.Of(content), wanted, 0);

    private static FileFormat Resolve(ReadOnlySpan<byte> bytes, FileFormat format) => format switch
    {
        FileFormat.Auto => Detect(bytes),
        FileFormat.Json or FileFormat.Browser or FileFormat.Safetensors or FileFormat.Protobuf => format,
        _ => throw NotAFormat(format),
    };

    private static JsonValue ParseJson(ReadOnlySpan<byte> bytes) => StrictJson.Parse(bytes, "model");

    /// <summary>True if the first byte that is not JSON white space is one of the two.</summary>
    private static bool BeginsWith(ReadOnlySpan<byte> text, char one, char other)
    {
        int first = text.IndexOfAnyExcept(" \t\r\n"u8);
        return first >= 0 && ((char)text[first] == one || (char)text[first] == other);
    }

    private static bool IsBrowserExport(ReadOnlySpan<byte> text)
    {
        // Every export has this key, and only for a text that has it is the whole worth parsing.
        if (text.IndexOf("level0_weight"u8) < 0)
            return false;

        try
        {
            return ModelKinds.Of(StrictJson.Parse(text, "model")) == ModelKind.BrowserExport;
        }
        catch (EmlException)
        {
            return false;
        }
    }

    private static EmlException NotAFormat(FileFormat format) => new(ErrorCode.Argument,
        $"{(int)format} is not a file format here; known are 1 (JSON), 2 (browser), 3 (safetensors) and 4 (protobuf)");
}
