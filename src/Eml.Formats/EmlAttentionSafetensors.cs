using System.Globalization;
using Eml.Functions;

namespace Eml.Formats;

/// <summary>
/// The default profile's attention blocks as safetensors: one tensor, params (count), in the block's own order; the shape, the
/// name and the trained flag stand in the metadata.
/// </summary>
internal static class EmlAttentionSafetensors
{
    public const string KindName = "eml-attention";

    public static byte[] Write(EmlAttention block)
    {
        Finite.Require(block.Parameters);
        UnicodeText.Check(block.Name);
        AttentionConfig config = block.Config;
        var metadata = new Dictionary<string, string>
        {
            ["format"] = ModelSafetensors.Format,
            ["kind"] = KindName,
            ["version"] = ModelSafetensors.Version,
            ["profile"] = ProfileName.Of(Profile.Default),
            ["d_model"] = Text(config.DModel),
            ["d_k"] = Text(config.DKey),
            ["seq_len"] = Text(config.SeqLen),
            ["heads"] = Text(config.Heads),
            ["nodes"] = Text(config.Nodes),
            ["positional"] = Text(config.Positional),
            ["residual"] = Text(config.Residual),
            ["chunk"] = Text(config.Chunk),
            ["trained"] = Text(block.Trained),
        };
        if (block.Name.Length > 0)
            metadata["name"] = block.Name;

        return SafetensorsWriter.Write([TensorData.F64("params", block.Parameters, (ulong)block.ParameterCount)], metadata);
    }

    public static EmlAttention Read(SafetensorsReader reader, IReadOnlyDictionary<string, string> metadata, ulong at)
    {
        ModelSafetensors.RefuseOtherFields(metadata, at, "profile", "d_model", "d_k", "seq_len", "heads", "nodes", "positional",
            "residual", "chunk", "trained", "name");
        string profile = ModelSafetensors.Field(metadata, "profile", at);
        if (ProfileName.Parse(profile, at) != Profile.Default)
            throw ModelSafetensors.BadField("profile", profile, $"\"{ProfileName.Of(Profile.Default)}\"", at);

        long most = reader.Header.Tensors.Sum(tensor => (long)(tensor.End - tensor.Begin));
        EmlAttention block = Untrusted.EmlAttention(new UntrustedAttention(
            ModelSafetensors.Number(metadata, "d_model", at), ModelSafetensors.Number(metadata, "d_k", at),
            ModelSafetensors.Number(metadata, "seq_len", at), ModelSafetensors.Number(metadata, "heads", at),
            ModelSafetensors.Number(metadata, "nodes", at), ModelSafetensors.Boolean(metadata, "positional", at),
            ModelSafetensors.Boolean(metadata, "residual", at), ModelSafetensors.Number(metadata, "chunk", at)), most, at);
        block.Name = metadata.GetValueOrDefault("name", "");
        block.Trained = ModelSafetensors.Boolean(metadata, "trained", at);

        Dictionary<string, TensorEntry> tensors = reader.Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        double[] parameters = ModelSafetensors.Take(reader, tensors, "params", (ulong)block.ParameterCount);
        ModelSafetensors.RefuseOtherTensors(tensors);
        Finite.RequireRead("params", parameters);
        block.SetParameters(parameters);
        return block;
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool value) => value ? "true" : "false";
}
