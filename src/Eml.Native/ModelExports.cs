using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Models: life, parameters, names, samples, evaluation. Training and files have their own rooms.</summary>
internal static unsafe class ModelExports
{
    private const int MetadataKeyLimit = 256;
    private const int MetadataKeyBytes = 256;
    internal const int MetadataValueBytes = 1 << 20;

    [UnmanagedCallersOnly(EntryPoint = "eml_model_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(ModelOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, ModelOptionsStruct.Defaults, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_model_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(ModelOptionsStruct* options, nint* result) => Out.Handle(result, Kind.Model, () =>
    {
        ModelOptionsStruct o = Versioned.Read(options, ModelOptionsStruct.Defaults, "eml_model_options");
        if (o.Reserved != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"options.reserved is {o.Reserved}; it must be 0");
        }

        return new ModelBox(new EmlModel((int)Math.Min(o.Depth, int.MaxValue), Arguments.Count(o.Inputs, "options.inputs"),
            Arguments.Count(o.Heads, "options.heads"), (Profile)o.Profile));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint model) => Failure.Guard(() => Handles.Free(model, Kind.Model));

    [UnmanagedCallersOnly(EntryPoint = "eml_model_clone", CallConvs = [typeof(CallConvCdecl)])]
    public static int Clone(nint model, nint* result) => Out.Handle(result, Kind.Model, () =>
    {
        using SharedUse<ModelBox> use = Read(model);
        return new ModelBox(use.Target.Model.Clone());
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint model, ModelInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        EmlModel m = use.Target.Model;
        Versioned.Write(result, new ModelInfoStruct
        {
            Depth = (uint)m.Depth,
            Inputs = (ulong)m.Inputs,
            Heads = (ulong)m.Heads,
            ParamCount = (ulong)m.ParameterCount,
            SampleCount = (ulong)m.SampleCount,
            EventCount = (ulong)m.Events.Count,
            Profile = (int)m.Profile,
            Trained = m.Trained ? 1 : 0,
            Scaled = m.Scaling is null ? 0 : 1,
        }, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_params", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetParams(nint model, double* values, ulong n) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        Parameters.CopyOut(use.Target.Model.Parameters, values, n);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_params", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetParams(nint model, double* values, ulong n, uint flags) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        use.Target.Model.SetParameters(Parameters.In(values, n, use.Target.Model.ParameterCount), Arguments.AllowNonFinite(flags));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_trained", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetTrained(nint model, int trained) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        use.Target.Model.Trained = trained != 0;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_name", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetName(nint model, byte* name, ulong len) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        use.Target.Model.Name = Limited(Arguments.Text(name, len, "name"), MetadataValueBytes, "name");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_name", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetName(nint model, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        Arguments.OutText(use.Target.Model.Name, buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_metadata", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetMetadata(nint model, byte* key, ulong keyLen, byte* value, ulong valueLen) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        SortedDictionary<string, string> metadata = use.Target.Model.Metadata;
        string name = Limited(Arguments.Text(key, keyLen, "key"), MetadataKeyBytes, "key");
        if (value is null)
        {
            metadata.Remove(name);
            return;
        }

        string text = Limited(Arguments.Text(value, valueLen, "value"), MetadataValueBytes, "value");
        if (metadata.Count >= MetadataKeyLimit && !metadata.ContainsKey(name))
        {
            throw new EmlException(ErrorCode.Limit, $"the model has {metadata.Count} metadata keys, the limit is {MetadataKeyLimit}; remove some");
        }

        metadata[name] = text;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_metadata", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetMetadata(nint model, byte* key, ulong keyLen, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        string name = Arguments.Text(key, keyLen, "key");
        Arguments.OutText(use.Target.Model.Metadata.TryGetValue(name, out string? value)
            ? value
            : throw new EmlException(ErrorCode.State, $"the model has no metadata key \"{name}\"; set it first"), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_metadata_count", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetMetadataCount(nint model, ulong* result) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        Arguments.NotNull(result, "out");
        *result = (ulong)use.Target.Model.Metadata.Count;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_metadata_key", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetMetadataKey(nint model, ulong index, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        SortedDictionary<string, string> metadata = use.Target.Model.Metadata;
        if (index >= (ulong)metadata.Count)
        {
            throw new EmlException(ErrorCode.Argument,
                $"index {index}: the model has {metadata.Count} metadata keys; ask eml_model_get_metadata_count first");
        }

        Arguments.OutText(metadata.Keys.ElementAt((int)index), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_scaling", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetScaling(nint model, double* inputs, double* targets) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        EmlModel m = use.Target.Model;
        if (inputs is null && targets is null)
        {
            m.Scaling = null;
            return;
        }

        ReadOnlySpan<double> i = Arguments.Matrix(inputs, (ulong)m.Inputs, 2, "inputs");
        ReadOnlySpan<double> t = Arguments.Matrix(targets, (ulong)m.Heads, 2, "targets");
        m.Scaling = new Scaling(Every2nd(i, 0), Every2nd(i, 1), Every2nd(t, 0), Every2nd(t, 1));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_fit_scaling", CallConvs = [typeof(CallConvCdecl)])]
    public static int FitScaling(nint model) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        use.Target.Model.FitScaling();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_get_scaling", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetScaling(nint model, double* inputs, double* targets) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = Read(model);
        EmlModel m = use.Target.Model;
        Interleave(m.Scaling?.InputOffset, m.Scaling?.InputFactor, m.Inputs, inputs);
        Interleave(m.Scaling?.TargetOffset, m.Scaling?.TargetFactor, m.Heads, targets);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_record", CallConvs = [typeof(CallConvCdecl)])]
    public static int Record(nint model, double* x, double* targets, byte* present, ulong rows, uint flags) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        EmlModel m = use.Target.Model;
        m.Record(Arguments.Matrix(x, rows, (ulong)m.Inputs, "x"), Arguments.Matrix(targets, rows, (ulong)m.Heads, "targets"),
            present is null ? default : Arguments.Matrix(present, rows, (ulong)m.Heads, "present"),
            Arguments.Count(rows, "rows"), Arguments.AllowNonFinite(flags));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_clear_samples", CallConvs = [typeof(CallConvCdecl)])]
    public static int ClearSamples(nint model) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = Write(model);
        use.Target.Model.ClearSamples();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_forward", CallConvs = [typeof(CallConvCdecl)])]
    public static int Forward(nint model, double* x, ulong rows, double* y, uint flags)
    {
        // The most frequent call: no closure, and no count of readers, because what is evaluated is immutable.
        try
        {
            EmlModel m = Unsafe.As<ModelBox>(Handles.Peek(model, Kind.Model)).Model;
            m.Forward(Arguments.Matrix(x, rows, (ulong)m.Inputs, "x"), Arguments.Count(rows, "rows"),
                Arguments.Matrix(y, rows, (ulong)m.Heads, "y"), Arguments.AllowNonFinite(flags));
            return Failure.Ok;
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    internal static Use<ModelBox> Write(nint model) => new(model, Kind.Model);

    internal static SharedUse<ModelBox> Read(nint model) => new(model, Kind.Model);

    internal static string Limited(string text, int limit, string what) => System.Text.Encoding.UTF8.GetByteCount(text) <= limit
        ? text
        : throw new EmlException(ErrorCode.Limit, $"{what} has {System.Text.Encoding.UTF8.GetByteCount(text)} bytes, the limit is {limit}; shorten it");

    private static double[] Every2nd(ReadOnlySpan<double> pairs, int first)
    {
        double[] result = new double[pairs.Length / 2];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = pairs[2 * i + first];
        }

        return result;
    }

    private static void Interleave(double[]? offset, double[]? factor, int count, double* pairs)
    {
        for (int i = 0; i < count && pairs is not null; i++)
        {
            pairs[2 * i] = offset?[i] ?? 0;
            pairs[2 * i + 1] = factor?[i] ?? 1;
        }
    }
}
