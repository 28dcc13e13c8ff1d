using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Training of language models.</summary>
internal static unsafe class LanguageTrainerExports
{
    private static readonly TrainerOptionsStruct s_options = new()
    {
        GroupTokens = 2048,
        Threads = 1,
        Optimizer = (int)Optimizer.AdamW + 1,
        KParameter = (int)KParameter.Clamp + 1,
        WeightType = (int)WeightType.F32 + 1,
        Rate = 1.0,
    };

    private static readonly TrainingPlanStruct s_plan = new() { BatchTokens = 16384, Warmdown = 0.2, ValidationEvery = 100, ValidationTokens = 65536 };

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int CreateModel(byte* config, ulong configLen, nint tokenizer, ulong seed, nint* result) => Out.Handle(result, Kind.LanguageModel, () =>
    {
        LanguageConfig shape = LanguageConfigJson.Read(Arguments.Utf8(config, configLen, "config").ToArray());
        Tokenizer? own = tokenizer == 0 ? null : TokenizerExports.Get(tokenizer);
        return new LanguageBox(new LanguageCheckpoint(Initialization.Create(shape, seed)), own);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(TrainerOptionsStruct* options, uint size) => Failure.Guard(() => Versioned.Initialise(options, s_options, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(nint lm, TrainerOptionsStruct* options, nint* result) => Out.Handle(result, Kind.LanguageTrainer, () =>
    {
        LanguageBox model = LanguageExports.Get(lm);
        return new LanguageTrainerBox(model, Options(Versioned.Read(options, s_options, "eml_lm_trainer_options"), model.Weights.Config));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint trainer) => Failure.Guard(() => Handles.Free(trainer, Kind.LanguageTrainer));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint trainer, TrainerInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<LanguageTrainerBox> use = Read(trainer);
        LanguageTrainer t = use.Target.Trainer;
        Versioned.Write(result, new TrainerInfoStruct
        {
            SequenceLength = (uint)t.Options.SequenceLength,
            Steps = (ulong)t.Steps,
            Parameters = (ulong)t.Config.Parameters,
            Bytes = (ulong)t.Bytes,
            Seconds = use.Target.Training.Seconds,
        }, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_activation_parameters", CallConvs = [typeof(CallConvCdecl)])]
    public static int ActivationParameters(nint trainer, float* result, ulong n) => Failure.Guard(() =>
    {
        using SharedUse<LanguageTrainerBox> use = Read(trainer);
        LanguageExports.WriteParameters([.. use.Target.Trainer.ActivationParameters], result, n);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_get_lm", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetModel(nint trainer, nint* result) => Out.Handle(result, Kind.LanguageModel, () =>
    {
        using SharedUse<LanguageTrainerBox> use = Read(trainer);
        return use.Target.Model();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_step", CallConvs = [typeof(CallConvCdecl)])]
    public static int Step(nint trainer, int* inputs, int* targets, ulong rows, double multiplier, nint cancel, double* loss) => Failure.Guard(() =>
    {
        using Use<LanguageTrainerBox> use = Write(trainer);
        if (!(multiplier is >= 0.0 and <= 1e6))
        {
            throw new EmlException(ErrorCode.Argument, $"multiplier is {multiplier}; it must be 0 to 1000000, and is 1 without a schedule");
        }
        ulong length = (ulong)use.Target.Trainer.Options.SequenceLength;
        Span<int> given = Arguments.Matrix(inputs, rows, length, "inputs"), wanted = Arguments.Matrix(targets, rows, length, "targets");
        if (use.Target.Trainer.Step(given, wanted, multiplier, CancelExports.GetOrNull(cancel)) is not double mean)
        {
            return Failure.Stopped(0);
        }
        if (loss is not null)
        {
            *loss = mean;
        }
        return Failure.Ok;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_losses", CallConvs = [typeof(CallConvCdecl)])]
    public static int Losses(nint trainer, int* inputs, int* targets, ulong rows, double* result) => Failure.Guard(() =>
    {
        using Use<LanguageTrainerBox> use = Write(trainer);
        LanguageTrainer t = use.Target.Trainer;
        int length = t.Options.SequenceLength, group = t.Options.GroupTokens / length * length;
        Span<int> given = Arguments.Matrix(inputs, rows, (ulong)length, "inputs"), wanted = Arguments.Matrix(targets, rows, (ulong)length, "targets");
        Span<double> losses = Arguments.Matrix(result, rows, (ulong)length, "out");
        for (int start = 0; start < given.Length; start += group)
        {
            int count = Math.Min(group, given.Length - start);
            t.Losses(given.Slice(start, count), wanted.Slice(start, count)).CopyTo(losses[start..]);
        }
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_training_plan_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int PlanInit(TrainingPlanStruct* plan, uint size) => Failure.Guard(() => Versioned.Initialise(plan, s_plan, size, "plan"));

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_run", CallConvs = [typeof(CallConvCdecl)])]
    public static int Run(nint trainer, byte* folder, ulong folderLen, TrainingPlanStruct* plan, TrainingResultStruct* result) => Failure.Guard(() =>
    {
        using Use<LanguageTrainerBox> use = Write(trainer);
        TrainingPlanStruct p = Versioned.Read(plan, s_plan, "eml_lm_training_plan");
        if (result is not null)
        {
            Versioned.Check(result, "result");
        }
        FolderTraining training = use.Target.Training;
        int answer = 0;
        bool isDone = training.Run(TokenData.Open(Arguments.Path(folder, folderLen)), Plan(p), step =>
        {
            answer = p.Step is null ? 0 : Tell(p, step);
            return answer == 0;
        }, CancelExports.GetOrNull(p.Cancel));
        if (result is not null)
        {
            Versioned.Write(result, new TrainingResultStruct
            {
                IsDone = isDone ? 1 : 0,
                Steps = (ulong)training.Trainer.Steps,
                Seconds = training.Seconds,
                BitsPerByte = training.BitsPerByte ?? double.NaN,
            }, "result");
        }
        return isDone ? Failure.Ok : Failure.Stopped(answer);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_save", CallConvs = [typeof(CallConvCdecl)])]
    public static int Save(nint trainer, byte* path, ulong pathLen) => Failure.Guard(() =>
    {
        using SharedUse<LanguageTrainerBox> use = Read(trainer);
        use.Target.Training.Save(Arguments.Path(path, pathLen));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_lm_trainer_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(nint trainer, byte* path, ulong pathLen) => Failure.Guard(() =>
    {
        using Use<LanguageTrainerBox> use = Write(trainer);
        use.Target.Training.Load(Arguments.Path(path, pathLen));
    });

    private static int Tell(TrainingPlanStruct plan, TrainingStep step)
    {
        var report = new TrainingStepStruct
        {
            StructSize = (uint)sizeof(TrainingStepStruct),
            Epoch = (uint)step.Epoch,
            Step = (ulong)step.Step,
            Tokens = (ulong)step.Tokens,
            Loss = step.Loss,
            Multiplier = step.Multiplier,
            Seconds = step.Seconds,
            TokensPerSecond = step.Rate,
            Progress = step.Progress,
            BitsPerByte = step.BitsPerByte ?? double.NaN,
        };
        return plan.Step(&report, plan.User);
    }

    private static TrainerOptions Options(TrainerOptionsStruct o, LanguageConfig config)
    {
        int length = o.SequenceLength == 0 ? config.SequenceLength : Arguments.Count(o.SequenceLength, "options.sequence_len");
        return new TrainerOptions
        {
            SequenceLength = length,
            GroupTokens = Math.Max(length, Arguments.Count(o.GroupTokens, "options.group_tokens")),
            Threads = Arguments.Count(o.Threads, "options.threads"),
            Optimizer = (Optimizer)(Choice(o.Optimizer, 2, "optimizer", "EML_OPTIMIZER_ADAMW (1) or EML_OPTIMIZER_MUON (2)") - 1),
            KParameter = (KParameter)(Choice(o.KParameter, 2, "k_parameter", "EML_K_CLAMP (1) or EML_K_SOFTPLUS (2)") - 1),
            Weights = (WeightType)(Choice(o.WeightType, 2, "weight_type", "EML_WEIGHT_F32 (1) or EML_WEIGHT_BF16 (2)") - 1),
            RateFactor = o.Rate,
            LargestK = o.LargestK == 0.0 ? float.MaxValue : (float)o.LargestK,
        };
    }

    private static int Choice(int value, int last, string field, string names) => value >= 1 && value <= last
        ? value
        : throw new EmlException(ErrorCode.Argument, $"options.{field} is {value}; use {names}");

    private static TrainingPlan Plan(TrainingPlanStruct p)
    {
        if (p.Steps == 0 && !(p.Seconds > 0.0))
        {
            throw new EmlException(ErrorCode.Argument, $"plan.steps is 0 and plan.seconds {p.Seconds}; give a number of steps, or of seconds above 0");
        }
        return new TrainingPlan
        {
            Steps = p.Steps == 0 ? null : (long)Math.Min(p.Steps, long.MaxValue),
            Seconds = p.Steps == 0 ? p.Seconds : null,
            BatchTokens = Arguments.Count(p.BatchTokens, "plan.batch_tokens"),
            Schedule = new TrainingSchedule(Share(p.Warmup, "warmup"), Share(p.Warmdown, "warmdown"), Share(p.FinalRate, "final_rate")),
            ValidationEvery = Arguments.Count(p.ValidationEvery, "plan.validation_every"),
            ValidationTokens = Arguments.Count(p.ValidationTokens, "plan.validation_tokens"),
        };
    }

    private static double Share(double value, string field) => value is >= 0.0 and <= 1.0
        ? value
        : throw new EmlException(ErrorCode.Argument, $"plan.{field} is {value}; it must be 0 to 1");

    private static SharedUse<LanguageTrainerBox> Read(nint trainer) => new(trainer, Kind.LanguageTrainer);

    private static Use<LanguageTrainerBox> Write(nint trainer) => new(trainer, Kind.LanguageTrainer);
}
