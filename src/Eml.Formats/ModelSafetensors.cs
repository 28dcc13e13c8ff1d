using System.Globalization;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// Models as safetensors. Tensors: params (count) and, if scaled, input_offset, input_factor (inputs), target_offset,
/// target_factor (heads); of a SafeTree weights (heads, inputs), biases (heads), constants (heads, depth, 3). What a model
/// is stands in the metadata; the model's own metadata have the prefix "user.".
/// </summary>
internal static class ModelSafetensors
{
    private const string What = "safetensors model";
    internal const string Format = "eml";
    private const string ModelKindName = "eml-model";
    private const string SafeTreeKindName = "eml-safetree";
    internal const string Version = "1";
    private const string UserPrefix = "user.";
    private const ulong ConstantsPerLevel = 3;

    public static byte[] Write(EmlModel model)
    {
        Finite.Require(model.Parameters);
        Dictionary<string, string> metadata = Describe(ModelKindName, model.Depth, model.Inputs, model.Heads);
        metadata["profile"] = ProfileName.Of(model.Profile);
        metadata["trained"] = model.Trained ? "true" : "false";
        if (model.Name.Length > 0)
            metadata["name"] = model.Name;
        foreach ((string key, string value) in model.Metadata)
            metadata[UserPrefix + key] = value;

        List<TensorData> tensors = [TensorData.F64("params", model.Parameters, (ulong)model.ParameterCount)];
        if (model.Scaling is { } scaling)
        {
            tensors.Add(TensorData.F64("input_offset", scaling.InputOffset, (ulong)model.Inputs));
            tensors.Add(TensorData.F64("input_factor", scaling.InputFactor, (ulong)model.Inputs));
            tensors.Add(TensorData.F64("target_offset", scaling.TargetOffset, (ulong)model.Heads));
            tensors.Add(TensorData.F64("target_factor", scaling.TargetFactor, (ulong)model.Heads));
        }

        return SafetensorsWriter.Write(tensors, metadata);
    }

    public static byte[] Write(SafeTree tree)
    {
        ReadOnlySpan<double> parameters = tree.Parameters;
        Finite.Require(parameters);
        int weights = tree.Heads * tree.Inputs;
        ulong depth = (ulong)tree.Depth, inputs = (ulong)tree.Inputs, heads = (ulong)tree.Heads;
        return SafetensorsWriter.Write(
        [
            TensorData.F64("weights", parameters[..weights], heads, inputs),
            TensorData.F64("biases", parameters.Slice(weights, tree.Heads), heads),
            TensorData.F64("constants", parameters[(weights + tree.Heads)..], heads, depth, ConstantsPerLevel),
        ], Describe(SafeTreeKindName, tree.Depth, tree.Inputs, tree.Heads));
    }

    /// <summary>An EmlModel, a SafeTree, an AttentionBlock or an EmlAttention, whatever the file holds.</summary>
    public static object Read(ReadOnlySpan<byte> file)
    {
        var reader = new SafetensorsReader(file);
        ulong at = reader.Header.MetadataOffset;
        IReadOnlyDictionary<string, string> metadata = reader.Header.Metadata
            ?? throw new EmlException(FormatError.Kind, 0, $"{What}: the file has no {SafetensorsHeader.MetadataKey}, so it is no model of libeml's");
        if (!metadata.TryGetValue("format", out string? format) || format != Format)
        {
            throw new EmlException(FormatError.Kind, at,
                $"{What}: {SafetensorsHeader.MetadataKey} at byte {at} does not say \"format\":\"{Format}\", so this is no model of libeml's");
        }

        string kind = Field(metadata, "kind", at), version = Field(metadata, "version", at);
        if (version != Version)
        {
            throw new EmlException(ErrorCode.Version,
                $"{What}: version {StrictJson.Quoted(version)}; this library knows version \"{Version}\"; use a newer libeml");
        }

        return kind switch
        {
            ModelKindName => ReadModel(reader, metadata, at),
            SafeTreeKindName => ReadSafeTree(reader, metadata, at),
            AttentionSafetensors.ToyKindName or AttentionSafetensors.BaselineKindName =>
                AttentionSafetensors.Read(reader, metadata, at, toy: kind == AttentionSafetensors.ToyKindName),
            EmlAttentionSafetensors.KindName => EmlAttentionSafetensors.Read(reader, metadata, at),
            _ => throw new EmlException(FormatError.Kind, at,
                $"{What}: the kind {StrictJson.Quoted(kind)} at byte {at} is not known; known are {ModelKindName}, {SafeTreeKindName}, " +
                $"{AttentionSafetensors.ToyKindName}, {AttentionSafetensors.BaselineKindName} and {EmlAttentionSafetensors.KindName}"),
        };
    }

    private static Dictionary<string, string> Describe(string kind, int depth, int inputs, int heads) => new()
    {
        ["format"] = Format,
        ["kind"] = kind,
        ["version"] = Version,
        ["depth"] = depth.ToString(CultureInfo.InvariantCulture),
        ["inputs"] = inputs.ToString(CultureInfo.InvariantCulture),
        ["heads"] = heads.ToString(CultureInfo.InvariantCulture),
    };

    private static EmlModel ReadModel(SafetensorsReader reader, IReadOnlyDictionary<string, string> metadata, ulong at)
    {
        RefuseOtherFields(metadata, at, "depth", "inputs", "heads", "profile", "trained", "name");
        Profile profile = ProfileName.Parse(Field(metadata, "profile", at), at);
        ulong depth = Number(metadata, "depth", at), inputs = Number(metadata, "inputs", at), heads = Number(metadata, "heads", at);
        bool trained = Boolean(metadata, "trained", at);

        int count = Untrusted.ModelParameters(depth, inputs, heads, profile, at);
        Dictionary<string, TensorEntry> tensors = reader.Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        double[] parameters = Take(reader, tensors, "params", (ulong)count);
        Finite.RequireRead("params", parameters);
        EmlModel model = Untrusted.Model(depth, inputs, heads, profile, parameters, at);
        model.Trained = trained;
        model.Name = metadata.GetValueOrDefault("name", "");
        if (tensors.Count > 0)
        {
            model.Scaling = Untrusted.Scaling(
                Take(reader, tensors, "input_offset", inputs), Take(reader, tensors, "input_factor", inputs),
                Take(reader, tensors, "target_offset", heads), Take(reader, tensors, "target_factor", heads), at);
        }

        RefuseOtherTensors(tensors);
        foreach ((string key, string value) in metadata)
        {
            if (key.StartsWith(UserPrefix, StringComparison.Ordinal))
                Untrusted.AddMetadata(model, key[UserPrefix.Length..], value);
        }

        return model;
    }

    private static SafeTree ReadSafeTree(SafetensorsReader reader, IReadOnlyDictionary<string, string> metadata, ulong at)
    {
        RefuseOtherFields(metadata, at, "depth", "inputs", "heads");
        ulong depth = Number(metadata, "depth", at), inputs = Number(metadata, "inputs", at), heads = Number(metadata, "heads", at);
        int count = Untrusted.SafeTreeParameters(depth, inputs, heads, at);
        Dictionary<string, TensorEntry> tensors = reader.Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        double[] weights = Take(reader, tensors, "weights", heads, inputs);
        double[] biases = Take(reader, tensors, "biases", heads);
        double[] constants = Take(reader, tensors, "constants", heads, depth, ConstantsPerLevel);
        RefuseOtherTensors(tensors);

        var parameters = new double[count];
        weights.CopyTo(parameters, 0);
        biases.CopyTo(parameters, weights.Length);
        constants.CopyTo(parameters, weights.Length + biases.Length);
        Finite.RequireRead("weights, biases, constants", parameters);
        return Untrusted.SafeTree(depth, inputs, heads, parameters, at);
    }

    /// <summary>Reads a tensor of the expected shape and takes it off the list.</summary>
    internal static double[] Take(SafetensorsReader reader, Dictionary<string, TensorEntry> tensors, string name, params ulong[] shape)
    {
        if (!tensors.Remove(name, out TensorEntry? tensor))
        {
            throw new EmlException(FormatError.MissingField, SafetensorsHeader.LengthSize,
                $"{What}: there is no tensor \"{name}\"; a model of this kind needs it, with the shape [{string.Join(", ", shape)}]");
        }

        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new EmlException(FormatError.Value, tensor.HeaderOffset,
                $"{What}: tensor \"{name}\" at byte {tensor.HeaderOffset} has the shape [{string.Join(", ", tensor.Shape)}]; " +
                $"the metadata ask for [{string.Join(", ", shape)}]");
        }

        return reader.Doubles(tensor);
    }

    internal static void RefuseOtherTensors(Dictionary<string, TensorEntry> left)
    {
        foreach (TensorEntry tensor in left.Values)
        {
            throw new EmlException(FormatError.UnknownField, tensor.HeaderOffset,
                $"{What}: tensor {StrictJson.Quoted(tensor.Name)} at byte {tensor.HeaderOffset} does not belong to a model of this kind; remove it");
        }
    }

    internal static void RefuseOtherFields(IReadOnlyDictionary<string, string> metadata, ulong at, params ReadOnlySpan<string> more)
    {
        foreach (string key in metadata.Keys)
        {
            if (key is not ("format" or "kind" or "version") && !more.Contains(key)
                && !key.StartsWith(UserPrefix, StringComparison.Ordinal))
            {
                throw new EmlException(FormatError.UnknownField, at,
                    $"{What}: the metadata at byte {at} have the unknown key {StrictJson.Quoted(key)}; keys of your own begin with \"{UserPrefix}\"");
            }
        }
    }

    internal static string Field(IReadOnlyDictionary<string, string> metadata, string name, ulong at) =>
        metadata.TryGetValue(name, out string? value)
            ? value
            : throw new EmlException(FormatError.MissingField, at, $"{What}: the metadata at byte {at} have no \"{name}\"; add it");

    internal static bool Boolean(IReadOnlyDictionary<string, string> metadata, string name, ulong at) => Field(metadata, name, at) switch
    {
        "true" => true,
        "false" => false,
        string other => throw BadField(name, other, "\"true\" or \"false\"", at),
    };

    internal static ulong Number(IReadOnlyDictionary<string, string> metadata, string name, ulong at)
    {
        string text = Field(metadata, name, at);
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw BadField(name, text, "a whole number in decimal digits", at);
    }

    internal static EmlException BadField(string name, string found, string wanted, ulong at) => new(FormatError.Value, at,
        $"{What}: the metadata at byte {at} have {name} = {StrictJson.Quoted(found)}; it must be {wanted}");
}
