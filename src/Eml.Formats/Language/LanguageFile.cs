using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>Language models to files and back, in every format.</summary>
public static class LanguageFile
{
    private const int MaxConfig = 1 << 20;

    /// <summary>Bytes that tell the format.</summary>
    private const int DetectedBytes = 1 << 12;

    private static readonly (string Extension, LanguageFormat Format)[] s_extensions =
    [
        (".safetensors", LanguageFormat.Safetensors),
        (".json", LanguageFormat.Json),
        (".npz", LanguageFormat.Npz),
        (".pb", LanguageFormat.Protobuf),
    ];

    /// <summary>The model in a file of any format, which its bytes tell.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mapped">Map the file instead of reading it: the system loads pages when they are first used and may drop them again, and
    /// the mapping ends when nobody refers to the weights any more. The file must not change meanwhile; where another process cuts it off,
    /// the operating system ends this one as soon as a page that is gone is read. JSON is never kept as it lies in the file.</param>
    /// <param name="configPath">The config as JSON, for a file that has none; what it leaves out is recognised from the tensors.</param>
    /// <exception cref="EmlException">The file cannot be read, or is no language model; the message says where and why.</exception>
    public static LanguageCheckpoint Load(string path, bool mapped = false, string? configPath = null)
    {
        ReadOnlyMemory<byte>? config = configPath is null ? default(ReadOnlyMemory<byte>?) : AtomicFile.Read(configPath, MaxConfig);
        return Load(path, mapped, config);
    }

    /// <summary>The same with the config itself.</summary>
    /// <exception cref="EmlException">As <see cref="Load(string, bool, string)"/>.</exception>
    public static LanguageCheckpoint Load(string path, bool mapped, ReadOnlyMemory<byte>? config) => Read(LanguageBytes.Open(path, mapped), config);

    /// <summary>The model that these bytes hold. The weights stay where they are where the format allows it: the bytes must not change.</summary>
    /// <param name="bytes">All of the file.</param>
    /// <param name="config">The config as JSON, for a file that has none.</param>
    /// <exception cref="EmlException">They hold none; the message says where and why.</exception>
    public static LanguageCheckpoint Read(ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte>? config = null) => Read(new LanguageBytes(bytes), config);

    /// <summary>The model out of a stream in the format <see cref="LanguageFormat.Protobuf"/>, tensor after tensor as they arrive; the stream
    /// is read to its end.</summary>
    /// <exception cref="EmlException">It holds none; the message says where and why.</exception>
    public static LanguageCheckpoint Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return LanguageProtobuf.Read(stream);
    }

    /// <summary>Writes a file in the format that its extension names. What stood there is replaced at once or not at all.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such format, or a checkpoint that could not be read back.</exception>
    public static void Save(string path, LanguageCheckpoint checkpoint) => Save(path, checkpoint, FromPath(path));

    /// <summary>Writes a file.</summary>
    /// <exception cref="EmlException">As <see cref="Save(string, LanguageCheckpoint)"/>.</exception>
    public static void Save(string path, LanguageCheckpoint checkpoint, LanguageFormat format) => AtomicFile.Write(path, to => Write(checkpoint, format, to));

    /// <summary>Writes the file's bytes, forwards only.</summary>
    /// <exception cref="EmlException">As <see cref="Save(string, LanguageCheckpoint)"/>.</exception>
    public static void Write(LanguageCheckpoint checkpoint, LanguageFormat format, Stream to)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(to);
        checkpoint.Check();
        switch (format)
        {
            case LanguageFormat.Json:
                LanguageJson.Write(checkpoint, to);
                break;
            case LanguageFormat.Safetensors:
                LanguageSafetensors.Write(to, checkpoint);
                break;
            case LanguageFormat.Protobuf:
                LanguageProtobuf.Write(checkpoint, to);
                break;
            case LanguageFormat.Npz:
                LanguageNpz.Write(checkpoint, to);
                break;
            default:
                throw new EmlException(ErrorCode.Argument, $"{(int)format} is no format of language models; known are 1 (JSON), 3 (safetensors), 4 (protobuf) and 5 (npz)");
        }
    }

    /// <summary>The type that matrices of a type have in a format: JSON has no BF16, npz F32 only.</summary>
    public static WeightType Stored(WeightType type, LanguageFormat format) => format switch
    {
        LanguageFormat.Npz => WeightType.F32,
        LanguageFormat.Json when type == WeightType.BF16 => WeightType.F32,
        _ => type,
    };

    /// <summary>The format that a file's name asks for.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: none.</exception>
    public static LanguageFormat FromPath(string path)
    {
        foreach ((string extension, LanguageFormat format) in s_extensions)
        {
            if (path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            {
                return format;
            }
        }
        throw new EmlException(ErrorCode.Argument,
            $"{path}: the extension does not name a format of language models; known are {string.Join(", ", s_extensions.Select(entry => entry.Extension))}");
    }

    /// <summary>The format that a file's bytes are in, as far as its beginning tells: it may still be bad, or another model.</summary>
    /// <exception cref="EmlException">It is none.</exception>
    public static LanguageFormat Detect(ReadOnlySpan<byte> bytes)
    {
        if (LanguageNpz.Recognises(bytes))
        {
            return LanguageFormat.Npz;
        }
        if (LanguageProtobuf.Recognises(bytes))
        {
            return LanguageFormat.Protobuf;
        }
        return ModelFile.Detect(bytes[..Math.Min(bytes.Length, DetectedBytes)]) switch
        {
            FileFormat.Safetensors => LanguageFormat.Safetensors,
            FileFormat.Json => LanguageFormat.Json,
            _ => throw new EmlException(FormatError.Kind, 0, "the file is a model of another kind; a language model is JSON, safetensors, npz or a protobuf message eml.v1.LanguageModelHeader"),
        };
    }

    /// <summary>True if the bytes are a language model's rather than another model's: they begin as only these do, or name the embedding.</summary>
    public static bool Recognises(ReadOnlySpan<byte> bytes) =>
        LanguageNpz.Recognises(bytes) || LanguageProtobuf.Recognises(bytes)
        || bytes[..(int)Math.Min((ulong)bytes.Length, HeaderEnd(bytes))].IndexOf("\"wte.weight\""u8) >= 0;

    private static ulong HeaderEnd(ReadOnlySpan<byte> bytes) =>
        bytes.Length > 8 && bytes[7] == 0 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes) : ulong.MaxValue;

    private static LanguageCheckpoint Read(LanguageBytes file, ReadOnlyMemory<byte>? config) => Detect(file.Start) switch
    {
        LanguageFormat.Json => file.Length <= Array.MaxLength ? LanguageJson.Read(file.Start, config)
            : throw new EmlException(ErrorCode.Limit, $"language model: the JSON text has {file.Length} bytes; the limit is {Array.MaxLength}; use safetensors or protobuf"),
        LanguageFormat.Npz => LanguageNpz.Read(file, config),
        LanguageFormat.Protobuf => LanguageProtobuf.Read(file),
        _ => LanguageSafetensors.Read(file, config),
    };
}
