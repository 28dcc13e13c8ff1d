using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Eml.Formats;
using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Training of attention blocks, eml-core's benchmark and comparison.</summary>
internal static unsafe class AttentionTrainingExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_attention_train_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(AttentionTrainOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, AttentionTrainOptionsStruct.Defaults, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_train", CallConvs = [typeof(CallConvCdecl)])]
    public static int Train(nint attention, AttentionTrainOptionsStruct* options, AttentionTrainResultStruct* result) => Failure.Guard(() =>
    {
        using Use<AttentionBox> use = AttentionExports.Write(attention);
        AttentionBox box = use.Target;
        if (result is not null)
        {
            Versioned.Check(result, "result");
        }

        AttentionTrainOptionsStruct o = Read(options);
        int events = box.Events.Count;
        int status = box.Core is { } core
            ? Train(core, o, out AttentionTrainResultStruct trained)
            : Train(box.Block!, o, out trained);
        box.Tell(events);
        if (result is not null)
        {
            Versioned.Write(result, trained, "result");
        }

        Log.Write(Log.Info, $"trained {box.DisplayName}: mse {trained.MseBefore} -> {trained.MseAfter}");
        return status;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_benchmark", CallConvs = [typeof(CallConvCdecl)])]
    public static int Benchmark(uint dModel, uint dK, uint seqLen, uint depth, ulong trials, nint cancel, nint* json) => Report(json, () =>
        AttentionBenchmark.Run(AttentionExports.Size(dModel), AttentionExports.Size(dK), AttentionExports.Size(seqLen),
            AttentionExports.Size(depth), Long(trials), AttentionReport.SurvivesRoundtrip,
            new TrainOptions { Cancel = CancelExports.GetOrNull(cancel) }) is { } report ? AttentionReport.ToJson(report) : null);

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_compare", CallConvs = [typeof(CallConvCdecl)])]
    public static int Compare(uint dModel, uint dK, uint seqLen, uint depth, AttentionTrainOptionsStruct* options, ulong rounds,
        nint* json)
    {
        int stopValue = 0;
        return Report(json, () =>
        {
            AttentionTrainOptionsStruct o = Read(options);
            if (IsAudited(o))
            {
                throw new EmlException(ErrorCode.Unsupported, "a comparison writes no audit log; leave audit_path and audit NULL");
            }

            TrainOptions watch = Options(o);
            Func<TrainProgress, int>? progress = watch.Progress;
            watch = new TrainOptions { Cancel = watch.Cancel, Progress = progress is null ? null : p => stopValue = progress(p) };
            return AttentionComparison.Run(AttentionExports.Size(dModel), AttentionExports.Size(dK), AttentionExports.Size(seqLen),
                AttentionExports.Size(depth), Config(o), Long(rounds), watch) is { } report ? AttentionReport.ToJson(report) : null;
        }, () => stopValue);
    }

    private static int Train(AttentionBlock core, AttentionTrainOptionsStruct o, out AttentionTrainResultStruct result)
    {
        EndToEndTrainConfig config = Config(o);
        TrainOptions options = Options(o);
        AttentionBlock.CheckTraining(config, options); // before an old log is overwritten
        EndToEndTrainResult trained = IsAudited(o)
            ? Callbacks.Audited(o.AuditPath, o.AuditPathLen, o.Audit, o.User, sink => AttentionAudit.Train(core, config, options, sink))
            : core.TrainEndToEnd(config, options);
        result = new AttentionTrainResultStruct
        {
            Converged = trained.Converged ? 1 : 0,
            SamplesUsed = (ulong)trained.SamplesUsed,
            MseBefore = trained.MseBefore,
            MseAfter = trained.Mse,
            CrossLoss = trained.Mse,
            Evaluations = (ulong)((trained.Trials + 1) * trained.SubsetSize),
            Trials = (ulong)trained.Trials,
            Accepted = (ulong)trained.Accepts,
            Rounds = core.TrainingRounds,
        };
        return Status(trained.Status, trained.StopValue);
    }

    private static int Train(EmlAttention block, AttentionTrainOptionsStruct o, out AttentionTrainResultStruct result)
    {
        var options = new AttentionTrainOptions
        {
            MaxEvaluations = Long(o.MaxEvaluations),
            Seed = o.Seed,
            TargetLoss = o.TargetLoss,
            Cancel = CancelExports.GetOrNull(o.Cancel),
            Progress = Callbacks.Progress(o.Progress, o.User),
        };
        block.CheckTraining(options);
        AttentionTrainResult trained = IsAudited(o)
            ? Callbacks.Audited(o.AuditPath, o.AuditPathLen, o.Audit, o.User, sink => AttentionAudit.Train(block, options, sink))
            : block.Train(options);
        result = new AttentionTrainResultStruct
        {
            Converged = trained.Converged ? 1 : 0,
            SamplesUsed = (ulong)trained.SamplesUsed,
            MseBefore = trained.LossBefore,
            MseAfter = trained.LossAfter,
            CrossLoss = trained.CrossLoss,
            Evaluations = (ulong)trained.Evaluations,
            Trials = (ulong)trained.Trials,
            Accepted = (ulong)trained.Accepted,
            Rounds = (ulong)trained.Rounds,
        };
        return Status(trained.Status, trained.StopValue);
    }

    private static int Status(TrainStatus status, int stopValue) =>
        status == TrainStatus.Cancelled ? Failure.Stopped(stopValue) : Failure.Ok;

    /// <summary>The caller's options.</summary>
    internal static AttentionTrainOptionsStruct Read(AttentionTrainOptionsStruct* options)
    {
        AttentionTrainOptionsStruct o = Versioned.Read(options, AttentionTrainOptionsStruct.Defaults, "eml_attention_train_options");
        return o.Reserved == 0
            ? o
            : throw new EmlException(ErrorCode.Argument, $"options.reserved is {o.Reserved}; it must be 0");
    }

    private static EndToEndTrainConfig Config(AttentionTrainOptionsStruct o)
    {
        if (o.MaxEvaluations != 0 || o.TargetLoss != 0)
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"max_evaluations {o.MaxEvaluations} and target_loss {o.TargetLoss} are for EML_ATTENTION_BLOCK; set trials and convergence_mse");
        }

        return new EndToEndTrainConfig
        {
            Trials = Long(o.Trials),
            StepInit = o.StepInit,
            StepFinal = o.StepFinal,
            MaxSamples = Long(o.MaxSamples),
            EvalSubset = Long(o.EvalSubset),
            ConvergenceMse = o.ConvergenceMse,
            Seed = o.Seed,
        };
    }

    /// <summary>What can stop a training or a check.</summary>
    internal static TrainOptions Options(AttentionTrainOptionsStruct o) => new()
    {
        Cancel = CancelExports.GetOrNull(o.Cancel),
        Progress = Callbacks.Progress(o.Progress, o.User),
    };

    private static bool IsAudited(AttentionTrainOptionsStruct o) => o.AuditPath is not null || o.Audit is not null;

    /// <summary>A count of which nobody can tell whether it is over 2^63.</summary>
    private static long Long(ulong value) => (long)Math.Min(value, long.MaxValue);

    /// <summary>*json becomes a buffer with the text; NULL for none: the work was cancelled.</summary>
    private static int Report(nint* json, Func<string?> make, Func<int>? stopValue = null)
    {
        bool cancelled = false;
        int status = Out.Handle(json, Kind.Buffer, () =>
        {
            string? text = make();
            cancelled = text is null;
            return text is null ? null : new NativeBuffer(Encoding.UTF8.GetBytes(text));
        });
        return cancelled ? Failure.Stopped(stopValue?.Invoke() ?? 0) : status;
    }
}
