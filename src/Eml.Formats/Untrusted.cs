using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// Makes models of what a file says. What contradicts itself is refused as bad bytes at a place in the file, and nothing
/// large is allocated for a shape before the file has shown that it holds as many parameters.
/// </summary>
internal static class Untrusted
{
    /// <summary>How many parameters a model of this shape has; a shape that no model has is refused.</summary>
    public static int ModelParameters(ulong depth, ulong inputs, ulong heads, Profile profile, ulong offset)
    {
        long count = InFile(offset, () => EmlModel.CountParameters(
            Int("depth", depth, offset), Int("inputs", inputs, offset), Int("heads", heads, offset), profile));
        return Parameters(count);
    }

    /// <summary>How many parameters a SafeTree of this shape has; a shape over the limits is refused.</summary>
    public static int SafeTreeParameters(ulong depth, ulong inputs, ulong heads, ulong offset)
    {
        long count = InFile(offset, () => Eml.Functions.SafeTree.CountParameters(
            Int("depth", depth, offset), Int("inputs", inputs, offset), Int("heads", heads, offset)));
        return Parameters(count);
    }

    /// <summary>A model of a shape that <see cref="ModelParameters"/> has accepted.</summary>
    public static EmlModel Model(ulong depth, ulong inputs, ulong heads, Profile profile, ReadOnlySpan<double> parameters,
        ulong offset)
    {
        EmlModel model = InFile(offset, () => new EmlModel((int)depth, (int)inputs, (int)heads, profile));
        model.SetParameters(parameters);
        return model;
    }

    /// <summary>A SafeTree of a shape that <see cref="SafeTreeParameters"/> has accepted.</summary>
    public static SafeTree SafeTree(ulong depth, ulong inputs, ulong heads, ReadOnlySpan<double> parameters, ulong offset)
    {
        SafeTree tree = InFile(offset, () => new SafeTree((int)depth, (int)inputs, (int)heads));
        tree.SetParameters(parameters);
        return tree;
    }

    /// <summary>A scaling whose arrays have the right lengths; its numbers are checked here.</summary>
    public static Scaling Scaling(double[] inputOffset, double[] inputFactor, double[] targetOffset, double[] targetFactor,
        ulong offset) =>
        InFile(offset, () => new Scaling(inputOffset, inputFactor, targetOffset, targetFactor));

    /// <summary>Adds a metadata entry within the limits of eml_model_set_metadata.</summary>
    public static void AddMetadata(EmlModel model, string key, string value)
    {
        MetadataLimits.Check(model.Metadata.Count + 1, key, value);
        model.Metadata[key] = value;
    }

    /// <summary>
    /// A ToyEmlAttention of the shape that a file asks for; <paramref name="most"/> is how many parameters the file can hold.
    /// </summary>
    public static ToyEmlAttention ToyAttention(string name, ulong dModel, ulong dK, ulong seqLen, ulong depth, long most, ulong offset)
    {
        int d = Int("d_model", dModel, offset), k = Int("d_k", dK, offset), s = Int("seq_len", seqLen, offset), l = Int("depth", depth, offset);
        CheckRoom(InFile(offset, () => ToyEmlAttention.CountParameters(d, k, s, l)), most, offset);
        return new ToyEmlAttention(name, d, k, s, l);
    }

    /// <summary>The same of a BaselineAttention.</summary>
    public static BaselineAttention BaselineAttention(string name, ulong dModel, ulong dK, ulong seqLen, long most, ulong offset)
    {
        int d = Int("d_model", dModel, offset), k = Int("d_k", dK, offset), s = Int("seq_len", seqLen, offset);
        CheckRoom(InFile(offset, () => Eml.Functions.BaselineAttention.CountParameters(d, k, s)), most, offset);
        return new BaselineAttention(name, d, k, s);
    }

    /// <summary>The same of an EmlAttention.</summary>
    public static EmlAttention EmlAttention(UntrustedAttention shape, long most, ulong offset)
    {
        var config = new AttentionConfig
        {
            DModel = Int("d_model", shape.DModel, offset),
            DKey = Int("d_k", shape.DKey, offset),
            SeqLen = Int("seq_len", shape.SeqLen, offset),
            Heads = Int("heads", shape.Heads, offset),
            Nodes = Int("nodes", shape.Nodes, offset),
            Positional = shape.Positional,
            Residual = shape.Residual,
            Chunk = Int("chunk", shape.Chunk, offset),
        };
        CheckRoom(InFile(offset, () => Eml.Functions.EmlAttention.CountParameters(config)), most, offset);
        return new EmlAttention(config);
    }

    private static void CheckRoom(int parameters, long most, ulong offset)
    {
        if (parameters > most)
        {
            throw new EmlException(FormatError.Value, offset,
                $"the shape{At(offset)} asks for {parameters} parameters; the file is too short to hold them");
        }
    }

    private static int Int(string name, ulong value, ulong offset) => value <= int.MaxValue
        ? (int)value
        : throw new EmlException(FormatError.Value, offset,
            $"the file asks for {name} = {value}{At(offset)}; no model is that large, the limit is {int.MaxValue}");

    private static int Parameters(long count) => count <= EmlModel.ParameterLimit
        ? (int)count
        : throw new EmlException(ErrorCode.Limit,
            $"the file asks for a model of {count} parameters; the limit is {EmlModel.ParameterLimit}; use a smaller shape");

    /// <summary>A value that the model itself refuses is, coming out of a file, a bad file.</summary>
    private static T InFile<T>(ulong offset, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (EmlException e) when (e.Code is ErrorCode.Argument or ErrorCode.Shape)
        {
            throw new EmlException(FormatError.Value, offset, $"the file is wrong{At(offset)}: {e.Message}");
        }
    }

    private static string At(ulong offset) => offset == EmlException.NoOffset ? "" : $" at byte {offset}";
}

/// <summary>The shape of an EmlAttention as a file has it.</summary>
internal readonly record struct UntrustedAttention(ulong DModel, ulong DKey, ulong SeqLen, ulong Heads, ulong Nodes, bool Positional,
    bool Residual, ulong Chunk);
