using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Language models: files, shape, conversion.</summary>
internal static unsafe class LanguageExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_lm_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(LanguageOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, default, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_import", CallConvs = [typeof(CallConvCdecl)])]
    public static int Import(void* bytes, ulong len, LanguageOptionsStruct* options, nint* result) => Out.Handle(result, Kind.LanguageModel, () =>
    {
        LanguageOptionsStruct o = Options(options);
        return new LanguageBox(LanguageFile.Read(Arguments.Array((byte*)bytes, len, "bytes").ToArray(), ConfigOf(o)), TokenizerOf(o));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(byte* path, ulong pathLen, LanguageOptionsStruct* options, nint* result) => Out.Handle(result, Kind.LanguageModel, () =>
    {
        LanguageOptionsStruct o = Options(options);
        string file = Arguments.Path(path, pathLen);
        var box = new LanguageBox(LanguageFile.Load(file, o.Mapped == 1, ConfigOf(o)), TokenizerOf(o));
        Log.Write(Log.Info, $"loaded {file}");
        return box;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint lm) => Failure.Guard(() => Handles.Free(lm, Kind.LanguageModel));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint lm, LanguageInfoStruct* result) => Failure.Guard(() => Versioned.Write(result, Get(lm).Info, "out"));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_config", CallConvs = [typeof(CallConvCdecl)])]
    public static int Config(nint lm, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
        Arguments.Out([.. LanguageConfigJson.Write(Get(lm).Weights.Config), 0], buf, cap, need));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_activation_parameters", CallConvs = [typeof(CallConvCdecl)])]
    public static int ActivationParameters(nint lm, float* result, ulong n) =>
        Failure.Guard(() => WriteParameters([.. Get(lm).Weights.ActivationParameters], result, n));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_get_tokenizer", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetTokenizer(nint lm, nint* result) => Out.Handle(result, Kind.Tokenizer, () => Get(lm).NeedTokenizer());

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_quantize", CallConvs = [typeof(CallConvCdecl)])]
    public static int Quantize(nint lm, int type, nint* result) => Out.Handle(result, Kind.LanguageModel, () =>
    {
        LanguageBox box = Get(lm);
        WeightType wanted = type is >= 1 and <= 3
            ? (WeightType)(type - 1)
            : throw new EmlException(ErrorCode.Argument, $"weight_type is {type}; use EML_WEIGHT_F32 (1), EML_WEIGHT_BF16 (2) or EML_WEIGHT_I8 (3)");
        return new LanguageBox(box.Checkpoint with { Weights = LanguageQuantizer.Convert(box.Weights, wanted) });
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_export_buffer", CallConvs = [typeof(CallConvCdecl)])]
    public static int ExportBuffer(nint lm, int format, nint* result) => Out.Handle(result, Kind.Buffer, () =>
    {
        LanguageBox box = Get(lm);
        using var bytes = new MemoryStream();
        LanguageFile.Write(box.Checkpoint, Format(format), bytes);
        return new NativeBuffer(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_save", CallConvs = [typeof(CallConvCdecl)])]
    public static int Save(nint lm, byte* path, ulong pathLen, int format) => Failure.Guard(() =>
    {
        LanguageBox box = Get(lm);
        string file = Arguments.Path(path, pathLen);
        LanguageFile.Save(file, box.Checkpoint, format == (int)FileFormat.Auto ? LanguageFile.FromPath(file) : Format(format));
        Log.Write(Log.Info, $"saved {file}");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_check_parity", CallConvs = [typeof(CallConvCdecl)])]
    public static int CheckParity(nint lm, void* sidecar, ulong len, ParityStruct* result) => Failure.Guard(() =>
    {
        LanguageBox box = Get(lm);
        Arguments.NotNull(result, "out");
        Versioned.Check(result, "out");
        LanguageParityResult found = LanguageParity.Read(Arguments.Array((byte*)sidecar, len, "sidecar")).Check(box.Weights);
        Versioned.Write(result, new ParityStruct
        {
            IsRight = found.IsRight ? 1 : 0,
            LargestDeviation = found.LargestDeviation,
            DifferingIndex = found.DifferingIndex is { } index ? (ulong)index : ulong.MaxValue,
            DifferingToken = found.DifferingToken ?? -1,
        }, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_log_probability", CallConvs = [typeof(CallConvCdecl)])]
    public static int LogProbabilityOf(float* logits, ulong n, int token, double* result) => Failure.Guard(() =>
    {
        Arguments.NotNull(result, "out");
        *result = LogProbability.Of(Arguments.Array(logits, n, "logits"), token);
    });

    /// <summary>The model itself, which is immutable: work that holds it goes on safely when its handle is freed.</summary>
    internal static LanguageBox Get(nint lm) => Handles.Get<LanguageBox>(lm, Kind.LanguageModel);

    /// <summary>k of each layer into the caller's array.</summary>
    internal static void WriteParameters(float[] parameters, float* result, ulong n)
    {
        if (parameters.Length == 0)
        {
            throw new EmlException(ErrorCode.State, "the model's activation has no parameters; only EML_ACTIVATION_EML has");
        }

        if (n != (ulong)parameters.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"out has room for {n} numbers; the model has {parameters.Length} layers: give one for each");
        }

        parameters.CopyTo(Arguments.Array(result, n, "out"));
    }

    private static LanguageOptionsStruct Options(LanguageOptionsStruct* options)
    {
        LanguageOptionsStruct o = Versioned.Read(options, default, "eml_lm_options");
        return o.Mapped is 0 or 1 ? o : throw new EmlException(ErrorCode.Argument, $"options.mapped is {o.Mapped}; use 0 or 1");
    }

    private static ReadOnlyMemory<byte>? ConfigOf(LanguageOptionsStruct options) => options.Config is null
        ? default(ReadOnlyMemory<byte>?)
        : Arguments.Utf8(options.Config, options.ConfigLength, "options.config").ToArray();

    private static Tokenizer? TokenizerOf(LanguageOptionsStruct options) => options.Tokenizer == 0 ? null : TokenizerExports.Get(options.Tokenizer);

    private static LanguageFormat Format(int format) => format is (int)LanguageFormat.Json or (int)LanguageFormat.Safetensors
        or (int)LanguageFormat.Protobuf or (int)LanguageFormat.Npz
        ? (LanguageFormat)format
        : throw new EmlException(ErrorCode.Unsupported, $"format {format} is no format of language models; "
            + "use EML_FORMAT_JSON (1), EML_FORMAT_SAFETENSORS (3), EML_FORMAT_PROTOBUF (4) or EML_FORMAT_NPZ (5)");
}
