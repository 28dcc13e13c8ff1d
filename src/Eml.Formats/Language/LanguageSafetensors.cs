using System.Runtime.InteropServices;
using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A language model as safetensors: F32, BF16 or I8 with a tensor NAME.scale (F32, one number per row). The config stands in the
/// metadata; for files that have none the architecture is recognised from the tensors.</summary>
public static class LanguageSafetensors
{
    /// <summary>What the metadata say under kind.</summary>
    public const string Kind = "eml-lm";

    internal const string ConfigField = "config";
    private const string What = "safetensors language model";
    private const string ScaleSuffix = ".scale";

    /// <summary>The model in a file. The weights stay where they are: <paramref name="file"/> must not change.</summary>
    /// <param name="file">All of it.</param>
    /// <param name="config">The config as JSON, for a file whose metadata have none; what it leaves out is recognised. Null: all is.</param>
    /// <exception cref="EmlException">The file does not add up; the message says where and why.</exception>
    public static LanguageWeights Read(ReadOnlyMemory<byte> file, ReadOnlyMemory<byte>? config = null)
    {
        SafetensorsHeader header = new SafetensorsReader(file.Span).Header;
        var scales = header.Tensors.Where(tensor => tensor.Name.EndsWith(ScaleSuffix, StringComparison.Ordinal)).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var tensors = new List<LanguageTensor>();
        foreach (TensorEntry entry in header.Tensors)
        {
            if (!scales.ContainsKey(entry.Name))
            {
                tensors.Add(Tensor(file, header, entry, scales));
            }
        }
        string? text = header.Metadata?.GetValueOrDefault(ConfigField);
        LanguageConfig? recognised = text is null ? LanguageConfig.Recognize(tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal)) : null;
        LanguageConfig shape = text is not null ? LanguageConfigJson.Read(Encoding.UTF8.GetBytes(text))
            : config is ReadOnlyMemory<byte> given ? LanguageConfigJson.Read(given.Span, recognised) : recognised!;
        return LanguageWeights.Create(shape, tensors);
    }

    /// <summary>The file's bytes; <paramref name="more"/> is added to the metadata.</summary>
    public static byte[] Write(LanguageWeights weights, IReadOnlyDictionary<string, string>? more = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var tensors = new List<TensorData>();
        foreach (LanguageTensor tensor in weights.Tensors)
        {
            Dtype dtype = tensor.Type switch { WeightType.F32 => Dtype.F32, WeightType.BF16 => Dtype.BF16, _ => Dtype.I8 };
            tensors.Add(new TensorData(tensor.Name, dtype, [.. tensor.Shape.Select(size => (ulong)size)], tensor.Data));
            if (tensor.Type == WeightType.I8)
            {
                tensors.Add(new TensorData(tensor.Name + ScaleSuffix, Dtype.F32, [(ulong)tensor.Shape[0]], MemoryMarshal.AsBytes(tensor.Scales.Span).ToArray()));
            }
        }
        return SafetensorsWriter.Write(tensors, new Dictionary<string, string>(more ?? new Dictionary<string, string>())
        {
            ["format"] = ModelSafetensors.Format,
            ["kind"] = Kind,
            ["version"] = ModelSafetensors.Version,
            [ConfigField] = Encoding.UTF8.GetString(LanguageConfigJson.Write(weights.Config)),
        });
    }

    private static LanguageTensor Tensor(ReadOnlyMemory<byte> file, SafetensorsHeader header, TensorEntry entry, Dictionary<string, TensorEntry> scales)
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
            if (!scales.TryGetValue(entry.Name + ScaleSuffix, out TensorEntry? found) || found.Dtype != Dtype.F32)
            {
                throw new EmlException(FormatError.MissingField, entry.HeaderOffset,
                    $"{What}: tensor {StrictJson.Quoted(entry.Name)} at byte {entry.HeaderOffset} is I8 without a tensor {StrictJson.Quoted(entry.Name + ScaleSuffix)} of F32");
            }
            scale = MemoryMarshal.Cast<byte, float>(Bytes(file, header, found).Span).ToArray();
        }
        // A size beyond int is no model's and does not fit the config.
        return new LanguageTensor(entry.Name, type, [.. entry.Shape.Select(size => (int)Math.Min(size, int.MaxValue))], Bytes(file, header, entry), scale);
    }

    private static ReadOnlyMemory<byte> Bytes(ReadOnlyMemory<byte> file, SafetensorsHeader header, TensorEntry entry) =>
        file.Slice((int)(header.DataStart + entry.Begin), (int)(entry.End - entry.Begin));
}
