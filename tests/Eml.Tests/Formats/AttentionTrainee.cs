using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;
using Proto = Eml.Formats.Proto;

namespace Eml.Tests.Formats;

/// <summary>One kind of attention block, for tests that are the same for all kinds.</summary>
public abstract class AttentionTrainee
{
    /// <summary>A block with samples; of one of them the first number may be a bit larger.</summary>
    public abstract object Make(int samples, int changedInput = -1, int changedTarget = -1);

    /// <summary>A block whose training takes some tens of milliseconds.</summary>
    public abstract object Large();

    /// <summary>Trains with a log, or without one.</summary>
    public abstract void Train(object block, TrainOptions options, AuditSink? sink, IReadOnlyDictionary<string, string>? notes = null);

    public abstract AuditReport Check(byte[] log, object data, Func<TrainProgress, int>? progress = null);

    public abstract double[] Parameters(object block);

    public abstract IReadOnlyDictionary<string, string> Notes(AuditHeader header);

    /// <summary>The configuration of a shorter training.</summary>
    public abstract ByteString Less(ByteString configuration);

    public override string ToString() => GetType().Name;

    private protected static void Fill(int samples, int seqLen, int dModel, int changedInput, int changedTarget,
        Action<double[], double[]> record)
    {
        var random = new Lcg64(77);
        for (int n = 0; n < samples; n++)
        {
            double[] x = new double[seqLen * dModel], target = new double[x.Length];
            AttentionTasks.Sample(AttentionTask.Energy, new AttentionConfig { DModel = dModel, DKey = 1, SeqLen = seqLen }, ref random,
                x, target);
            if (n == changedInput)
                x[0] = Math.BitIncrement(x[0]);
            if (n == changedTarget)
                target[0] = Math.BitIncrement(target[0]);
            record(x, target);
        }
    }
}

/// <summary>The default profile's.</summary>
public sealed class BlockTrainee : AttentionTrainee
{
    public const long Evaluations = 6000;

    public static AttentionConfig Config { get; } =
        new() { DModel = 2, DKey = 2, SeqLen = 3, Heads = 2, Nodes = 1, Positional = true, Chunk = 8 };

    public override object Make(int samples, int changedInput = -1, int changedTarget = -1)
    {
        var block = new EmlAttention(Config) { Name = "b", Trained = true };
        Fill(samples, 3, 2, changedInput, changedTarget, (x, target) => block.Record(x, target, 1));
        return block;
    }

    public override object Large()
    {
        var block = new EmlAttention(new AttentionConfig { DModel = 16, DKey = 8, SeqLen = 6, Nodes = 8, Positional = true });
        Fill(128, 6, 16, -1, -1, (x, target) => block.Record(x, target, 1));
        return block;
    }

    public override void Train(object block, TrainOptions options, AuditSink? sink, IReadOnlyDictionary<string, string>? notes = null)
    {
        var own = new AttentionTrainOptions
        {
            MaxEvaluations = ((EmlAttention)block).Config.SeqLen == Config.SeqLen ? Evaluations : 20 * Evaluations,
            Seed = 5,
            TargetLoss = 1e-9,
            Cancel = options.Cancel,
            Progress = options.Progress,
            StopAfter = options.StopAfter,
        };
        if (sink is null)
            ((EmlAttention)block).Train(own);
        else
            AttentionAudit.Train((EmlAttention)block, own, sink, notes);
    }

    public override AuditReport Check(byte[] log, object data, Func<TrainProgress, int>? progress = null) =>
        AttentionAudit.Check(AuditLog.Read(log), (EmlAttention)data, null, progress);

    public override double[] Parameters(object block) => ((EmlAttention)block).Parameters.ToArray();

    public override IReadOnlyDictionary<string, string> Notes(AuditHeader header)
    {
        AttentionAudit.Before(header, out AttentionTrainOptions _, out IReadOnlyDictionary<string, string> notes);
        return notes;
    }

    public override ByteString Less(ByteString configuration)
    {
        var message = Proto.AuditEmlAttention.Parser.ParseFrom(configuration);
        message.MaxEvaluations = 100;
        return message.ToByteString();
    }
}

/// <summary>eml-core's.</summary>
public abstract class CoreTrainee : AttentionTrainee
{
    public static EndToEndTrainConfig Config { get; } =
        new() { Trials = 300, EvalSubset = 8, StepInit = 0.25, Seed = 9, ConvergenceMse = 1e-5, MaxSamples = 30 };

    private protected abstract AttentionBlock Create(int dModel, int dK, int seqLen);

    public override object Make(int samples, int changedInput = -1, int changedTarget = -1)
    {
        AttentionBlock block = Create(2, 1, 3);
        Fill(samples, 3, 2, changedInput, changedTarget, (x, target) => block.Record(x, target));
        return block;
    }

    public override object Large()
    {
        AttentionBlock block = Create(24, 16, 8);
        Fill(64, 8, 24, -1, -1, (x, target) => block.Record(x, target));
        return block;
    }

    public override void Train(object block, TrainOptions options, AuditSink? sink, IReadOnlyDictionary<string, string>? notes = null)
    {
        var core = (AttentionBlock)block;
        EndToEndTrainConfig config = core.DModel > 2 ? Config with { Trials = 20_000 } : Config;
        if (sink is null)
            core.TrainEndToEnd(config, options);
        else
            AttentionAudit.Train(core, config, options, sink, notes);
    }

    public override AuditReport Check(byte[] log, object data, Func<TrainProgress, int>? progress = null) =>
        AttentionAudit.Check(AuditLog.Read(log), (AttentionBlock)data, null, progress);

    public override double[] Parameters(object block) => ((AttentionBlock)block).Parameters.ToArray();

    public override IReadOnlyDictionary<string, string> Notes(AuditHeader header)
    {
        AttentionAudit.Before(header, out EndToEndTrainConfig _, out IReadOnlyDictionary<string, string> notes);
        return notes;
    }

    public override ByteString Less(ByteString configuration)
    {
        var message = Proto.AuditAttention.Parser.ParseFrom(configuration);
        message.Trials--;
        return message.ToByteString();
    }
}

/// <summary>SafeTrees.</summary>
public sealed class ToyTrainee : CoreTrainee
{
    private protected override AttentionBlock Create(int dModel, int dK, int seqLen) => new ToyEmlAttention("t", dModel, dK, seqLen, 3);
}

/// <summary>Affine maps.</summary>
public sealed class BaselineTrainee : CoreTrainee
{
    private protected override AttentionBlock Create(int dModel, int dK, int seqLen) => new BaselineAttention("t", dModel, dK, seqLen);
}
