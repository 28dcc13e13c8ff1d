using System.Runtime.InteropServices;
using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A language model as safetensors: F32, BF16 or I8 with a tensor NAME.scale (F32, one number per row). In the metadata stand
/// config (<see cref="LanguageConfigJson"/>), tokenizer (a tokenizer.json) and training (JSON); for files without a config the architecture
/// is recognised from the tensors.</summary>
public static class LanguageSafetensors
{
    /// <summary>What the metadata say under kind.</summary>
    public const string Kind = "eml-lm";

    internal const string ConfigField = "config";
    internal const string TokenizerField = "tokenizer";
    internal const string TrainingField = "training";
    private const string What = "safetensors language model";
    private const string ScaleSuffix = ".scale";

    /// <summary>The model in a file. The weights stay where they are: <paramref name="file"/> must not change.</summary>
    /// <param name="file">All of it.</param>
    /// <param name="config">The config as JSON, for a file whose metadata have none; what it leaves out is recognised. Null: all is.</param>
    /// <exception cref="EmlException">The file does not add up; the message says where and why.</exception>
    public static LanguageWeights Read(ReadOnlyMemory<byte> file, ReadOnlyMemory<byte>? config = null)
    {
        var bytes = new LanguageBytes(file);
        return ReadWeights(bytes, ReadHeader(bytes), config);
    }

    /// <summary>The file's bytes; <paramref name="more"/> is added to the metadata.</summary>
    public static byte[] Write(LanguageWeights weights, IReadOnlyDictionary<string, string>? more = null)
    {
        using var file = new MemoryStream();
        Write(file, weights, more);
        return file.ToArray();
    }

    /// <summary>The same, forwards only: no copy of the weights is made.</summary>
    public static void Write(Stream file, LanguageWeights weights, IReadOnlyDictionary<string, string>? more = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(weights);
        var tensors = new List<TensorShape>();
        var all = new Dictionary<string, LanguageTensor>(StringComparer.Ordinal);
        foreach (LanguageTensor tensor in weights.Tensors)
        {
            Dtype dtype = tensor.Type switch { WeightType.F32 => Dtype.F32, WeightType.BF16 => Dtype.BF16, _ => Dtype.I8 };
            tensors.Add(new TensorShape(tensor.Name, dtype, [.. tensor.Shape.Select(size => (ulong)size)]));
            all.Add(tensor.Name, tensor);
            if (tensor.Type == WeightType.I8)
            {
                tensors.Add(new TensorShape(tensor.Name + ScaleSuffix, Dtype.F32, [(ulong)tensor.Shape[0]]));
            }
        }
        SafetensorsWriter.Write(file, tensors, new Dictionary<string, string>(more ?? new Dictionary<string, string>())
        {
            ["format"] = ModelSafetensors.Format,
            ["kind"] = Kind,
            ["version"] = ModelSafetensors.Version,
            [ConfigField] = Encoding.UTF8.GetString(LanguageConfigJson.Write(weights.Config)),
        }, name => all.TryGetValue(name, out LanguageTensor? tensor) ? tensor.Data.Span : MemoryMarshal.AsBytes(all[name[..^ScaleSuffix.Length]].Scales.Span));
    }

    internal static void Write(Stream file, LanguageCheckpoint checkpoint)
    {
        var more = new Dictionary<string, string>();
        if (checkpoint.Tokenizer is { } tokenizer)
        {
            more[TokenizerField] = Encoding.UTF8.GetString(TokenizerJson.Write(tokenizer));
        }
        if (checkpoint.Training is { } training)
        {
            more[TrainingField] = training;
        }
        Write(file, checkpoint.Weights, more);
    }

    internal static LanguageCheckpoint Read(LanguageBytes file, ReadOnlyMemory<byte>? config)
    {
        SafetensorsHeader header = ReadHeader(file);
        LanguageWeights weights = ReadWeights(file, header, config);
        return UntrustedLanguage.Checkpoint(weights, Utf8(header, TokenizerField), Utf8(header, TrainingField), header.MetadataOffset, What);
    }

    private static SafetensorsHeader ReadHeader(LanguageBytes file)
    {
        SafetensorsHeader header = SafetensorsHeader.Read(file.Start, (ulong)file.Length);
        if (header.Metadata is { } metadata && metadata.GetValueOrDefault("format") == ModelSafetensors.Format)
        {
            ulong at = header.MetadataOffset;
            string kind = ModelSafetensors.Field(metadata, "kind", at), version = ModelSafetensors.Field(metadata, "version", at);
            if (kind != Kind)
            {
                throw new EmlException(FormatError.Kind, at, $"{What}: the metadata at byte {at} say the kind {StrictJson.Quoted(kind)}, not \"{Kind}\"; read it as what it is");
            }
            if (version != ModelSafetensors.Version)
            {
                throw new EmlException(ErrorCode.Version, $"{What}: version {StrictJson.Quoted(version)}; this library knows version \"{ModelSafetensors.Version}\"; use a newer libeml");
            }
        }
        return header;
    }

    private static LanguageWeights ReadWeights(LanguageBytes file, SafetensorsHeader header, ReadOnlyMemory<byte>? given)
    {
        var scales = header.Tensors.Where(tensor => tensor.Name.EndsWith(ScaleSuffix, StringComparison.Ordinal)).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var tensors = new List<LanguageTensor>();
        foreach (TensorEntry entry in header.Tensors)
        {
            if (!entry.Name.EndsWith(ScaleSuffix, StringComparison.Ordinal))
            {
                tensors.Add(Tensor(file, header, entry, scales));
            }
        }
        if (scales.Count > 0)
        {
            TensorEntry left = scales.Values.First();
            throw new EmlException(FormatError.Coverage, left.HeaderOffset,
                $"{What}: tensor {StrictJson.Quoted(left.Name)} at byte {left.HeaderOffset} is the scale of no I8 tensor; leave it out");
        }
        LanguageConfig? config = Utf8(header, ConfigField) is { } text
            ? UntrustedLanguage.Inner(header.MetadataOffset, What, ConfigField, () => LanguageConfigJson.Read(text)) : null;
        return UntrustedLanguage.Weights(tensors, SafetensorsHeader.LengthSize, What, config, given);
    }

    private static byte[]? Utf8(SafetensorsHeader header, string field) =>
        header.Metadata?.GetValueOrDefault(field) is { } text ? Encoding.UTF8.GetBytes(text) : null;

    private static LanguageTensor Tensor(LanguageBytes file, SafetensorsHeader header, TensorEntry entry, Dictionary<string, TensorEntry> scales)
    {
        WeightType type = entry.Dtype switch
        {
            Dtype.F32 => WeightType.F32,
            Dtype.BF16 => WeightType.BF16,
            Dtype.I8 => WeightType.I8,
            _ => throw new EmlException(FormatError.BadDtype, entry.HeaderOffset,
                $"{What}: tensor {StrictJson.Quoted(entry.Name)} at byte {entry.HeaderOffset} has the dtype {entry.Dtype.Name()}; it must be F32, BF16 or I8"),
        };
        ReadOnlyMemory<float> scale = default;
        if (type == WeightType.I8)
        {
            if (!scales.Remove(entry.Name + ScaleSuffix, out TensorEntry? found) || found.Dtype != Dtype.F32)
            {
                throw new EmlException(FormatError.MissingField, entry.HeaderOffset,
                    $"{What}: tensor {StrictJson.Quoted(entry.Name)} at byte {entry.HeaderOffset} is I8 without a tensor {StrictJson.Quoted(entry.Name + ScaleSuffix)} of F32");
            }
            scale = MemoryMarshal.Cast<byte, float>(Bytes(file, header, found).Span).ToArray();
        }
        return new LanguageTensor(entry.Name, type, UntrustedLanguage.Shape(entry.Shape), Bytes(file, header, entry), scale);
    }

    private static ReadOnlyMemory<byte> Bytes(LanguageBytes file, SafetensorsHeader header, TensorEntry entry) =>
        entry.End - entry.Begin <= (ulong)Array.MaxLength
            ? file.Slice((long)(header.DataStart + entry.Begin), (int)(entry.End - entry.Begin))
            : throw new EmlException(ErrorCode.Limit,
                $"{What}: tensor {StrictJson.Quoted(entry.Name)} has {entry.End - entry.Begin} bytes; the limit is {Array.MaxLength}");
}
