using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Attention blocks: life, parameters, names, samples, evaluation.</summary>
internal static unsafe class AttentionExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_attention_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(AttentionOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, AttentionOptionsStruct.Defaults, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(AttentionOptionsStruct* options, nint* result) => Out.Handle(result, Kind.Attention,
        () => Create(Versioned.Read(options, AttentionOptionsStruct.Defaults, "eml_attention_options")));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint attention) => Failure.Guard(() => Handles.Free(attention, Kind.Attention));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_clone", CallConvs = [typeof(CallConvCdecl)])]
    public static int Clone(nint attention, nint* result) => Out.Handle(result, Kind.Attention, () =>
    {
        using SharedUse<AttentionBox> use = Read(attention);
        return use.Target.Clone();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint attention, AttentionInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<AttentionBox> use = Read(attention);
        AttentionBox box = use.Target;
        AttentionInfoStruct info = box.Core is { } core ? Shape(core) : Shape(box.Block!);
        info.Trained = box.Trained ? 1 : 0;
        info.ParamCount = (ulong)box.Parameters.Length;
        info.SampleCount = (ulong)box.SampleCount;
        info.EventCount = (ulong)box.Events.Count;
        Versioned.Write(result, info, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_get_params", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetParams(nint attention, double* values, ulong n) => Failure.Guard(() =>
    {
        using SharedUse<AttentionBox> use = Read(attention);
        Parameters.CopyOut(use.Target.Parameters, values, n);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_set_params", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetParams(nint attention, double* values, ulong n, uint flags) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = Write(attention);
        use.Target.SetParameters(Parameters.In(values, n, use.Target.Parameters.Length), Arguments.AllowNonFinite(flags));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_set_trained", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetTrained(nint attention, int trained) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = Write(attention);
        use.Target.Trained = trained != 0;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_set_name", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetName(nint attention, byte* name, ulong len) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = Write(attention);
        use.Target.Name = ModelExports.Limited(Arguments.Text(name, len, "name"), ModelExports.MetadataValueBytes, "name");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_get_name", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetName(nint attention, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<AttentionBox> use = Read(attention);
        Arguments.OutText(use.Target.Name, buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_record", CallConvs = [typeof(CallConvCdecl)])]
    public static int Record(nint attention, double* x, double* targets, ulong rows, uint flags) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = Write(attention);
        ulong width = (ulong)use.Target.Width;
        use.Target.Record(Arguments.Matrix(x, rows, width, "x"), Arguments.Matrix(targets, rows, width, "targets"),
            Arguments.Count(rows, "rows"), Arguments.AllowNonFinite(flags));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_clear_samples", CallConvs = [typeof(CallConvCdecl)])]
    public static int ClearSamples(nint attention) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = Write(attention);
        use.Target.ClearSamples();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_forward", CallConvs = [typeof(CallConvCdecl)])]
    public static int Forward(nint attention, double* x, ulong rows, double* y, uint flags)
    {
        // The most frequent call: no closure, and no count of readers, because what is evaluated is immutable.
        try
        {
            AttentionBox box = Unsafe.As<AttentionBox>(Handles.Peek(attention, Kind.Attention));
            ulong width = (ulong)box.Width;
            box.Forward(Arguments.Matrix(x, rows, width, "x"), Arguments.Count(rows, "rows"),
                Arguments.Matrix(y, rows, width, "y"), Arguments.AllowNonFinite(flags));
            return Failure.Ok;
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_loss", CallConvs = [typeof(CallConvCdecl)])]
    public static int Loss(nint attention, double* result) => Failure.Guard(() =>
    {
        using SharedUse<AttentionBox> use = Read(attention);
        Arguments.NotNull(result, "out");
        *result = use.Target.Loss();
    });

    internal static Use<AttentionBox> Write(nint attention) => new(attention, Kind.Attention);

    internal static SharedUse<AttentionBox> Read(nint attention) => new(attention, Kind.Attention);

    /// <summary>A size that a shape may have, or one that is over every limit.</summary>
    internal static int Size(uint value) => (int)Math.Min(value, int.MaxValue);

    private static AttentionBox Create(AttentionOptionsStruct o)
    {
        if (o.Reserved != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"options.reserved is {o.Reserved}; it must be 0");
        }

        switch (o.Kind)
        {
            case AttentionKinds.Toy:
                RefuseBlockOptions(o);
                return new AttentionBox(new ToyEmlAttention("", Size(o.DModel), Size(o.DK), Size(o.SeqLen), Size(o.Depth)));
            case AttentionKinds.Baseline:
                RefuseBlockOptions(o);
                return new AttentionBox(new BaselineAttention("", Size(o.DModel), Size(o.DK), Size(o.SeqLen)));
            case AttentionKinds.Block:
                return new AttentionBox(new EmlAttention(new AttentionConfig
                {
                    DModel = Size(o.DModel),
                    DKey = Size(o.DK),
                    SeqLen = Size(o.SeqLen),
                    Heads = Size(o.Heads),
                    Nodes = Size(o.Nodes),
                    Positional = Flag(o.Positional, "positional"),
                    Residual = Flag(o.Residual, "residual"),
                    Chunk = Size(o.Chunk),
                }));
            default:
                throw new EmlException(ErrorCode.Argument,
                    $"options.kind {o.Kind} is unknown; use EML_ATTENTION_TOY (1), EML_ATTENTION_BASELINE (2) or EML_ATTENTION_BLOCK (3)");
        }
    }

    private static void RefuseBlockOptions(AttentionOptionsStruct o)
    {
        if (o.Heads != 1 || o.Positional != 0 || o.Chunk != 0)
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"eml-core's blocks have one head, no positions and no chunks, got heads {o.Heads}, positional {o.Positional} and chunk " +
                $"{o.Chunk}; use EML_ATTENTION_BLOCK (3) for them");
        }
    }

    private static bool Flag(int value, string name) => value is 0 or 1
        ? value == 1
        : throw new EmlException(ErrorCode.Argument, $"options.{name} is {value}; use 0 or 1");

    private static AttentionInfoStruct Shape(AttentionBlock core)
    {
        var toy = core as ToyEmlAttention;
        return new AttentionInfoStruct
        {
            Kind = toy is null ? AttentionKinds.Baseline : AttentionKinds.Toy,
            DModel = (uint)core.DModel,
            DK = (uint)core.DK,
            SeqLen = (uint)core.SeqLen,
            Depth = (uint)(toy?.Depth ?? 0),
            Heads = 1,
            TrainingRounds = core.TrainingRounds,
            LastAccepts = (ulong)core.LastAccepts,
            Scale = core.Scale,
        };
    }

    private static AttentionInfoStruct Shape(EmlAttention block)
    {
        AttentionConfig config = block.Config;
        return new AttentionInfoStruct
        {
            Kind = AttentionKinds.Block,
            DModel = (uint)config.DModel,
            DK = (uint)config.DKey,
            SeqLen = (uint)config.SeqLen,
            Heads = (uint)config.Heads,
            Nodes = (uint)config.Nodes,
            Positional = config.Positional ? 1 : 0,
            Residual = config.Residual ? 1 : 0,
            Chunk = (uint)config.Chunk,
            Scale = 1 / Math.Sqrt(config.DKey),
        };
    }
}
