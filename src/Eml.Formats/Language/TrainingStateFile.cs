using System.Runtime.InteropServices;
using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>All that a training needs to go on exactly: weights, moments, and where it was, as safetensors of F32. The metadata have format
/// (eml), kind (eml-lm-training), version, config, steps and progress, which is JSON of whoever runs the training.</summary>
public static class TrainingStateFile
{
    private const string What = "training state";
    private const string Kind = "eml-lm-training";

    /// <summary>Writes the file as a whole or not at all.</summary>
    public static void Save(string path, LanguageTrainer trainer, string progress)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        IEnumerable<TensorShape> tensors = trainer.StateTensors().Select(tensor => new TensorShape(tensor.Name, Dtype.F32, [.. tensor.Shape.Select(size => (ulong)size)]));
        AtomicFile.Write(path, file => SafetensorsWriter.Write(file, tensors, new Dictionary<string, string>
        {
            ["format"] = ModelSafetensors.Format,
            ["kind"] = Kind,
            ["version"] = ModelSafetensors.Version,
            ["config"] = Encoding.UTF8.GetString(LanguageConfigJson.Write(trainer.Config)),
            ["steps"] = trainer.Steps.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["progress"] = progress,
        }, name => MemoryMarshal.AsBytes(trainer.StateValues(name))));
    }

    /// <summary>What a file holds.</summary>
    /// <exception cref="EmlException">It is no such file; the message says where and why.</exception>
    public static TrainingState Load(string path)
    {
        byte[] file = AtomicFile.Read(path, Array.MaxLength);
        var reader = new SafetensorsReader(file);
        ulong at = reader.Header.MetadataOffset;
        if (reader.Header.Metadata is not { } metadata || metadata.GetValueOrDefault("kind") != Kind)
        {
            throw new EmlException(FormatError.Kind, at, $"{What}: the metadata at byte {at} do not say \"kind\":\"{Kind}\"");
        }
        if (!long.TryParse(ModelSafetensors.Field(metadata, "steps", at), out long steps) || steps < 0)
        {
            throw new EmlException(FormatError.Value, at, $"{What}: steps in the metadata at byte {at} must be a whole number");
        }
        LanguageConfig config = LanguageConfigJson.Read(Encoding.UTF8.GetBytes(ModelSafetensors.Field(metadata, "config", at)));
        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (TensorEntry tensor in reader.Header.Tensors)
        {
            if (tensor.Dtype != Dtype.F32)
            {
                throw new EmlException(FormatError.BadDtype, tensor.HeaderOffset, $"{What}: tensor {StrictJson.Quoted(tensor.Name)} at byte {tensor.HeaderOffset} must be F32");
            }
            tensors[tensor.Name] = MemoryMarshal.Cast<byte, float>(reader.Data(tensor)).ToArray();
        }
        return new TrainingState(config, steps, ModelSafetensors.Field(metadata, "progress", at), tensors);
    }
}

/// <summary>A training that can go on.</summary>
/// <param name="Config">The model's shape.</param>
/// <param name="Steps">Steps done.</param>
/// <param name="Progress">JSON of whoever runs the training.</param>
/// <param name="Tensors">For <see cref="LanguageTrainer.Restore"/>.</param>
public sealed record TrainingState(LanguageConfig Config, long Steps, string Progress, IReadOnlyDictionary<string, float[]> Tensors);
