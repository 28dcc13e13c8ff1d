using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;
using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Functions written out, and the snapping that makes them readable.</summary>
internal static unsafe class ExpressionExports
{
    private const uint WithinSamples = 1;

    [UnmanagedCallersOnly(EntryPoint = "eml_model_expression", CallConvs = [typeof(CallConvCdecl)])]
    public static int Model(nint model, int format, uint flags, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = ModelExports.Read(model);
        EmlModel m = use.Target.Model;
        Interval[]? ranges = IsWithinSamples(flags, m.SampleCount) ? m.InputRanges() : null;
        Arguments.OutText(FormulaText.Write(m.ToFormula(), (FormulaFormat)format, ranges), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_expression", CallConvs = [typeof(CallConvCdecl)])]
    public static int Attention(nint attention, int format, uint flags, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<AttentionBox> use = AttentionExports.Read(attention);
        AttentionBox box = use.Target;
        Interval[]? ranges = IsWithinSamples(flags, box.SampleCount) ? box.InputRanges() : null;
        Arguments.OutText(FormulaText.Write(box.ToFormula(), (FormulaFormat)format, ranges), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_expression", CallConvs = [typeof(CallConvCdecl)])]
    public static int SafeTree(nint tree, int format, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using var use = new SharedUse<SafeTree>(tree, Kind.SafeTree);
        Arguments.OutText(FormulaText.Write(use.Target.ToFormula(), (FormulaFormat)format), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_tree_expression", CallConvs = [typeof(CallConvCdecl)])]
    public static int Tree(uint depth, ulong inputs, double* parameters, ulong paramCount, int format, byte* buf, ulong cap,
        ulong* need) => Failure.Guard(() =>
    {
        Formula formula = TreeExports.Create(depth, inputs).ToFormula(Arguments.Array(parameters, paramCount, "params"));
        Arguments.OutText(FormulaText.Write(formula, (FormulaFormat)format), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_snap_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(SnapOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, SnapOptionsStruct.Defaults, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_model_snap", CallConvs = [typeof(CallConvCdecl)])]
    public static int SnapModel(nint model, SnapOptionsStruct* options, ulong* snapped, ulong cap, SnapResultStruct* result) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = ModelExports.Write(model);
        EmlModel m = use.Target.Model;
        return Snap(m.Snap, m.DisplayName, options, Arguments.Array(snapped, cap, "snapped"), result);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_snap", CallConvs = [typeof(CallConvCdecl)])]
    public static int SnapAttention(nint attention, SnapOptionsStruct* options, ulong* snapped, ulong cap, SnapResultStruct* result) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = AttentionExports.Write(attention);
        return Snap(use.Target.Snap, use.Target.DisplayName, options, Arguments.Array(snapped, cap, "snapped"), result);
    });

    private static int Snap(Func<SnapOptions, SnapResult> snap, string name, SnapOptionsStruct* options, Span<ulong> snapped,
        SnapResultStruct* result)
    {
        if (result is not null)
        {
            Versioned.Check(result, "result");
        }

        SnapResult done = snap(Options(options));
        for (int i = 0; i < Math.Min(snapped.Length, done.Snapped.Count); i++)
        {
            snapped[i] = (ulong)done.Snapped[i].Index;
        }

        if (result is not null)
        {
            Versioned.Write(result, new SnapResultStruct
            {
                Unscaled = done.Unscaled ? 1 : 0,
                Snapped = (ulong)done.Snapped.Count,
                LossBefore = done.LossBefore,
                LossAfter = done.LossAfter,
                LossAllowed = done.LossAllowed,
                Evaluations = (ulong)done.Evaluations,
            }, "result");
        }

        Log.Write(Log.Info, $"snapped {name}: {done.Snapped.Count} constants, loss {done.LossBefore} -> {done.LossAfter}");
        return done.Status == TrainStatus.Cancelled ? Failure.Stopped(done.StopValue) : Failure.Ok;
    }

    /// <summary>Reads the flags of an expression.</summary>
    private static bool IsWithinSamples(uint flags, int samples)
    {
        if ((flags & ~WithinSamples) != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"flags 0x{flags:x}: only EML_WITHIN_SAMPLES (1) is known");
        }

        return flags == 0 || samples > 0
            ? flags != 0
            : throw new EmlException(ErrorCode.State, "EML_WITHIN_SAMPLES: no samples to take the ranges of; record some first");
    }

    private static SnapOptions Options(SnapOptionsStruct* options)
    {
        SnapOptionsStruct o = Versioned.Read(options, SnapOptionsStruct.Defaults, "eml_snap_options");
        if (o.Reserved != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"options.reserved is {o.Reserved}; it must be 0");
        }

        return new SnapOptions
        {
            Tolerance = o.Tolerance,
            MaxLossIncrease = o.MaxLossIncrease,
            MaxLoss = o.MaxLoss,
            Cancel = o.Cancel == 0 ? null : CancelExports.Get(o.Cancel),
            Progress = Callbacks.Progress(o.Progress, o.User),
        };
    }
}
