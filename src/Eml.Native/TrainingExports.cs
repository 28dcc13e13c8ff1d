using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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

        int events = use.Target.Model.Events.Count;
        TrainResult trained = use.Target.Model.Train(Options(options));
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
            return new ModelBox(use.Target.Model.Distill((int)Math.Min(depth, int.MaxValue),
                Arguments.Count(samples, "samples"), Options(options), out trained));
        });
        return status == Failure.Ok ? Status(trained) : status;
    }

    [UnmanagedCallersOnly(EntryPoint = "eml_model_reset", CallConvs = [typeof(CallConvCdecl)])]
    public static int Reset(nint model, byte* reason, ulong len) => Failure.Guard(() =>
    {
        using Use<ModelBox> use = ModelExports.Write(model);
        int events = use.Target.Model.Events.Count;
        use.Target.Model.Reset(Arguments.Text(reason, len, "reason"));
        use.Target.Tell(events);
    });

    private static int Status(TrainResult result) =>
        result.Status == TrainStatus.Cancelled ? Failure.Stopped(result.StopValue) : Failure.Ok;

    private static TrainOptions Options(TrainOptionsStruct* options)
    {
        TrainOptionsStruct o = Versioned.Read(options, default, "eml_train_options");
        return new TrainOptions
        {
            MaxSweeps = (int)Math.Min(o.MaxSweeps, int.MaxValue),
            Seed = o.Seed,
            TargetLoss = o.TargetLoss,
            Cancel = o.Cancel == 0 ? null : CancelExports.Get(o.Cancel),
            Progress = Listener(o.Progress, o.User),
        };
    }

    /// <summary>The caller's progress function as ours; null stays null.</summary>
    internal static Func<TrainProgress, int>? Listener(delegate* unmanaged[Cdecl]<ProgressStruct*, void*, int> function, void* user) =>
        function is null ? null : p => Report(function, user, p);

    private static int Report(delegate* unmanaged[Cdecl]<ProgressStruct*, void*, int> function, void* user, TrainProgress progress)
    {
        var report = new ProgressStruct
        {
            StructSize = (uint)sizeof(ProgressStruct),
            Phase = progress.Phase,
            Step = (ulong)progress.Step,
            Total = (ulong)progress.Total,
            Loss = progress.Loss,
            Evaluations = (ulong)progress.Evaluations,
            Accepted = (ulong)progress.Accepted,
        };
        return function(&report, user);
    }
}
