using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats.Audit;
using Eml.Functions;

namespace Eml.Native;

/// <summary>Training, distillation, reset.</summary>
internal static unsafe class TrainingExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_train_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(TrainOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, default, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_model_train", CallConvs = [typeof(CallConvCdecl)])]
    public static int Train(nint model, TrainOptionsStruct* options, TrainResultStruct* result) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = ModelExports.Write(model);
        if (result is not null)
        {
            Versioned.Check(result, "result");
        }

        int events = use.Target.Events.Count;
        TrainResult trained = Train(use.Target.Model, options);
        use.Target.Tell(events);
        if (result is not null)
        {
            Versioned.Write(result, new TrainResultStruct
            {
                Converged = trained.Converged ? 1 : 0,
                SamplesUsed = (ulong)trained.SamplesUsed,
                LossBefore = trained.LossBefore,
                LossAfter = trained.LossAfter,
                Evaluations = (ulong)trained.Evaluations,
                Accepted = (ulong)trained.Accepted,
                Sweeps = (ulong)trained.Sweeps,
            }, "result");
        }

        Log.Write(Log.Info, $"trained {use.Target.Model.DisplayName}: loss {trained.LossBefore} -> {trained.LossAfter}");
        return Status(trained);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_loss", CallConvs = [typeof(CallConvCdecl)])]
    public static int Loss(nint model, double* result) => Failure.Guard(() =>
    {
        using SharedUse<ModelBox> use = ModelExports.Read(model);
        Arguments.NotNull(result, "out");
        *result = use.Target.Model.Loss();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_distill", CallConvs = [typeof(CallConvCdecl)])]
    public static int Distill(nint model, uint depth, ulong samples, TrainOptionsStruct* options, nint* result)
    {
        TrainResult trained = default;
        int status = Out.Handle(result, Kind.Model, () =>
        {
            using SharedUse<ModelBox> use = ModelExports.Read(model);
            TrainOptions wanted = Options(Versioned.Read(options, default, "eml_train_options"));
            EmlModel student = use.Target.Model.Student((int)Math.Min(depth, int.MaxValue), Arguments.Count(samples, "samples"),
                wanted, out TrainResult? stopped);
            trained = stopped ?? Train(student, options);
            return new ModelBox(student);
        });
        return status == Failure.Ok ? Status(trained) : status;
    }

    [UnmanagedCallersOnly(EntryPoint = "eml_model_reset", CallConvs = [typeof(CallConvCdecl)])]
    public static int Reset(nint model, byte* reason, ulong len) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = ModelExports.Write(model);
        int events = use.Target.Events.Count;
        use.Target.Model.Reset(Arguments.Text(reason, len, "reason"));
        use.Target.Tell(events);
    });

    private static int Status(TrainResult result) =>
        result.Status == TrainStatus.Cancelled ? Failure.Stopped(result.StopValue) : Failure.Ok;

    /// <summary>Options of a training, or of what repeats one.</summary>
    public static TrainOptions Options(TrainOptionsStruct o) => new()
    {
        MaxSweeps = (int)Math.Min(o.MaxSweeps, int.MaxValue),
        Seed = o.Seed,
        TargetLoss = o.TargetLoss,
        Cancel = CancelExports.GetOrNull(o.Cancel),
        Progress = Callbacks.Progress(o.Progress, o.User),
    };

    private static TrainResult Train(EmlModel model, TrainOptionsStruct* options)
    {
        TrainOptionsStruct o = Versioned.Read(options, default, "eml_train_options");
        TrainOptions wanted = Options(o);
        if (o.AuditPath is null && o.Audit is null)
        {
            return model.Train(wanted);
        }

        model.CheckTraining(wanted); // before an old log is overwritten
        return Callbacks.Audited(o.AuditPath, o.AuditPathLen, o.Audit, o.User, sink => ModelAudit.Train(model, wanted, sink));
    }
}
