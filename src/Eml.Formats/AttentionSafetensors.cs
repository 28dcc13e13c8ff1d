using System.Globalization;
using Eml.Functions;

namespace Eml.Formats;

/// <summary>
/// Attention blocks as safetensors. Tensors: scale (a single number), and for each part, whose name is in front,
/// weights (heads, inputs), biases (heads) and, of a tree, constants (heads, depth, 3).
/// </summary>
internal static class AttentionSafetensors
{
    public const string ToyKindName = "eml-toy-attention";
    public const string BaselineKindName = "eml-baseline-attention";
    private const ulong ConstantsPerLevel = 3;

    public static byte[] Write(AttentionBlock block)
    {
        Finite.Require(block.Parameters);
        UnicodeText.Check(block.Name);
        var metadata = new Dictionary<string, string>
        {
            ["format"] = ModelSafetensors.Format,
            ["kind"] = block is ToyEmlAttention ? ToyKindName : BaselineKindName,
            ["version"] = ModelSafetensors.Version,
            ["d_model"] = block.DModel.ToString(CultureInfo.InvariantCulture),
            ["d_k"] = block.DK.ToString(CultureInfo.InvariantCulture),
            ["seq_len"] = block.SeqLen.ToString(CultureInfo.InvariantCulture),
            ["trained"] = block.Trained ? "true" : "false",
            ["training_rounds"] = block.TrainingRounds.ToString(CultureInfo.InvariantCulture),
        };
        if (block is ToyEmlAttention toy)
            metadata["depth"] = toy.Depth.ToString(CultureInfo.InvariantCulture);
        if (block.Name.Length > 0)
            metadata["name"] = block.Name;

        List<TensorData> tensors = [TensorData.F64("scale", [block.Scale])];
        foreach (AttentionPart part in block.Parts)
        {
            ReadOnlySpan<double> parameters = block.Parameters.Slice(part.Offset, part.Count);
            int weights = part.Heads * part.Inputs;
            tensors.Add(TensorData.F64($"{part.Name}.weights", parameters[..weights], (ulong)part.Heads, (ulong)part.Inputs));
            tensors.Add(TensorData.F64($"{part.Name}.biases", parameters.Slice(weights, part.Heads), (ulong)part.Heads));
            if (part.Depth > 0)
            {
                tensors.Add(TensorData.F64($"{part.Name}.constants", parameters[(weights + part.Heads)..],
                    (ulong)part.Heads, (ulong)part.Depth, ConstantsPerLevel));
            }
        }

        return SafetensorsWriter.Write(tensors, metadata);
    }

    public static AttentionBlock Read(SafetensorsReader reader, IReadOnlyDictionary<string, string> metadata, ulong at, bool toy)
    {
        ModelSafetensors.RefuseOtherFields(metadata, at, "d_model", "d_k", "seq_len", "trained", "training_rounds", "name",
            toy ? "depth" : "name");
        ulong dModel = ModelSafetensors.Number(metadata, "d_model", at), dK = ModelSafetensors.Number(metadata, "d_k", at);
        ulong seqLen = ModelSafetensors.Number(metadata, "seq_len", at);
        string name = metadata.GetValueOrDefault("name", "");
        long most = reader.Header.Tensors.Sum(tensor => (long)(tensor.End - tensor.Begin));
        AttentionBlock block = toy
            ? Untrusted.ToyAttention(name, dModel, dK, seqLen, ModelSafetensors.Number(metadata, "depth", at), most, at)
            : Untrusted.BaselineAttention(name, dModel, dK, seqLen, most, at);
        block.Trained = ModelSafetensors.Boolean(metadata, "trained", at);
        block.TrainingRounds = ModelSafetensors.Number(metadata, "training_rounds", at);

        Dictionary<string, TensorEntry> tensors = reader.Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        double[] scale = ModelSafetensors.Take(reader, tensors, "scale");
        Finite.RequireRead("scale", scale);
        block.Scale = scale[0];
        var parameters = new List<double>(block.ParameterCount);
        foreach (AttentionPart part in block.Parts)
        {
            ulong heads = (ulong)part.Heads;
            parameters.AddRange(ModelSafetensors.Take(reader, tensors, $"{part.Name}.weights", heads, (ulong)part.Inputs));
            parameters.AddRange(ModelSafetensors.Take(reader, tensors, $"{part.Name}.biases", heads));
            if (part.Depth > 0)
            {
                parameters.AddRange(ModelSafetensors.Take(reader, tensors, $"{part.Name}.constants",
                    heads, (ulong)part.Depth, ConstantsPerLevel));
            }
        }

        ModelSafetensors.RefuseOtherTensors(tensors);
        double[] values = [.. parameters];
        Finite.RequireRead("weights, biases, constants", values);
        block.SetParameters(values);
        return block;
    }
}
