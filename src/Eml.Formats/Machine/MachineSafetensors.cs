using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Formats.Machine;

/// <summary>The matrices of a transformer as safetensors, in F64, named and shaped as <see cref="TransformerWeights.Tensors"/> gives
/// them. The metadata say format (eml), kind (eml-machine) and version.</summary>
internal static class MachineSafetensors
{
    private const string What = "safetensors machine";

    public static byte[] Write(TransformerWeights weights, Dictionary<string, string>? fields = null)
    {
        var tensors = new List<TensorData>();
        foreach ((string name, int[] shape, double[] values) in weights.Tensors())
        {
            Finite.Require(values);
            tensors.Add(TensorData.F64(name, values, [.. shape.Select(size => (ulong)size)]));
        }
        return SafetensorsWriter.Write(tensors, new Dictionary<string, string>(fields ?? [])
        {
            ["format"] = ModelSafetensors.Format,
            ["kind"] = MachineFolder.Kind,
            ["version"] = ModelSafetensors.Version,
        });
    }

    public static TransformerWeights Read(ReadOnlySpan<byte> file, TransformerConfig config, TransformerNames names, params string[] fields)
    {
        var reader = new SafetensorsReader(file);
        CheckMetadata(reader.Header, fields);
        var tensors = new List<(string, int[], double[])>();
        foreach (TensorEntry tensor in reader.Header.Tensors)
        {
            if (tensor.Dtype != Dtype.F64)
            {
                throw new EmlException(FormatError.BadDtype, tensor.HeaderOffset,
                    $"{What}: tensor {StrictJson.Quoted(tensor.Name)} at byte {tensor.HeaderOffset} has the dtype {tensor.Dtype.Name()}; it must be F64");
            }
            double[] values = reader.Doubles(tensor);
            Finite.RequireRead(StrictJson.Quoted(tensor.Name), values);
            // A size beyond int stands in a shape that the config does not ask for, or beside a 0.
            tensors.Add((tensor.Name, [.. tensor.Shape.Select(size => (int)Math.Min(size, int.MaxValue))], values));
        }
        try
        {
            return TransformerWeights.Create(config, tensors, names);
        }
        catch (EmlException e) when (e.Code is ErrorCode.Argument or ErrorCode.Shape)
        {
            throw new EmlException(FormatError.Value, SafetensorsHeader.LengthSize, $"{What}: the header at byte {SafetensorsHeader.LengthSize} does not fit the config: {e.Message}");
        }
    }

    private static void CheckMetadata(SafetensorsHeader header, string[] fields)
    {
        ulong at = header.MetadataOffset;
        if (header.Metadata is not { } metadata || metadata.GetValueOrDefault("format") != ModelSafetensors.Format
            || metadata.GetValueOrDefault("kind") != MachineFolder.Kind)
        {
            throw new EmlException(FormatError.Kind, at,
                $"{What}: the metadata at byte {at} do not say \"format\":\"{ModelSafetensors.Format}\", \"kind\":\"{MachineFolder.Kind}\", so this is no machine of libeml's");
        }
        string version = ModelSafetensors.Field(metadata, "version", at);
        if (version != ModelSafetensors.Version)
        {
            throw new EmlException(ErrorCode.Version,
                $"{What}: version {StrictJson.Quoted(version)}; this library knows version \"{ModelSafetensors.Version}\"; use a newer libeml");
        }
        ModelSafetensors.RefuseOtherFields(metadata, at, fields);
    }
}
