using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Eml.Formats.Audit;

/// <summary>
/// Logs of trainings of attention blocks: of <see cref="AttentionBlock.TrainEndToEnd"/>, one log a call, and of
/// <see cref="EmlAttention.Train"/>. Metadata are for whoever writes the log; they say, for instance, where the data are from.
/// </summary>
public static class AttentionAudit
{
    /// <summary>The kind in the header of logs of eml-core's blocks.</summary>
    public const string BlockKind = AttentionProtobuf.Type;

    /// <summary>The kind in the header of logs of the default profile's block.</summary>
    public const string Kind = EmlAttentionProtobuf.Type;

    /// <summary>
    /// <see cref="EmlAttention.Train"/> with a log. A sink that throws ends the training; the block is then as it was.
    /// </summary>
    public static AttentionTrainResult Train(EmlAttention block, AttentionTrainOptions? options, AuditSink sink,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        AttentionTrainOptions given = options ?? new AttentionTrainOptions();
        block.CheckTraining(given);
        var writer = new AuditWriter(sink);
        writer.Start(Header(block, given, metadata));
        return block.Train(new AttentionTrainOptions
        {
            MaxEvaluations = given.MaxEvaluations,
            Seed = given.Seed,
            TargetLoss = given.TargetLoss,
            Cancel = given.Cancel,
            Progress = given.Progress,
            StopAfter = given.StopAfter,
            OnMove = given.OnMove + writer.Move,
            OnEnd = given.OnEnd + ((result, parameters) => writer.End(
                new AuditEnd(result.Status == TrainStatus.Cancelled, result.Trials, result.LossAfter), parameters)),
        });
    }

    /// <summary>
    /// <see cref="AttentionBlock.TrainEndToEnd"/> with a log. A sink that throws ends the training; the block is then as it
    /// was.
    /// </summary>
    public static EndToEndTrainResult Train(AttentionBlock block, EndToEndTrainConfig config, TrainOptions? options, AuditSink sink,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        AttentionBlock.CheckTraining(config, options);
        var writer = new AuditWriter(sink);
        writer.Start(Header(block, config, metadata));
        return block.TrainEndToEnd(config, writer.Logged(options));
    }

    /// <summary>Checks a log against the samples that <paramref name="data"/> has recorded; nothing else of it matters.</summary>
    public static AuditReport Check(AuditLog log, EmlAttention data, Cancel? cancel, Func<TrainProgress, int>? progress) =>
        AuditCheck.Run(log, [Kind], DataHash(data), (start, sink, stop) => Replay(start, data, sink, stop), cancel, progress);

    /// <summary>Checks a log against the samples that <paramref name="data"/> has recorded; nothing else of it matters.</summary>
    public static AuditReport Check(AuditLog log, AttentionBlock data, Cancel? cancel, Func<TrainProgress, int>? progress) =>
        AuditCheck.Run(log, [BlockKind], DataHash(data), (start, sink, stop) => Replay(start, data, sink, stop), cancel, progress);

    /// <summary>The block before the training, without samples, and the options of the training.</summary>
    public static EmlAttention Before(AuditHeader header, out AttentionTrainOptions options, out IReadOnlyDictionary<string, string> metadata)
    {
        if (header.Kind != Kind)
            throw AuditCheck.OtherKind(header, Kind);

        Proto.AuditEmlAttention c = ModelProtobuf.Parse(Proto.AuditEmlAttention.Parser, header.Configuration, "eml.v1.AuditEmlAttention");
        if (c.Block?.Config is not { } shape)
            throw ModelAudit.Bad("there is no block in it");

        EmlAttention block = InHeader(() =>
        {
            EmlAttention made = EmlAttentionProtobuf.FromMessage(shape, header.Parameters.Length, 0);
            made.SetParameters(header.Parameters);
            return made;
        });
        block.Name = c.Block.Name;
        block.Trained = c.Block.Trained;
        options = new AttentionTrainOptions { MaxEvaluations = c.MaxEvaluations, Seed = header.Seed, TargetLoss = c.TargetLoss };
        metadata = c.Metadata;
        return block;
    }

    /// <summary>The block before the training, without samples, and the configuration of the training.</summary>
    public static AttentionBlock Before(AuditHeader header, out EndToEndTrainConfig config, out IReadOnlyDictionary<string, string> metadata)
    {
        if (header.Kind != BlockKind)
            throw AuditCheck.OtherKind(header, BlockKind);

        Proto.AuditAttention c = ModelProtobuf.Parse(Proto.AuditAttention.Parser, header.Configuration, "eml.v1.AuditAttention");
        if (c.Block is null)
            throw ModelAudit.Bad("there is no block in it");

        AttentionBlock block = InHeader(() =>
        {
            AttentionBlock made = AttentionProtobuf.Shape(c.Block, header.Parameters.Length);
            made.SetParameters(header.Parameters, allowNonFinite: true);
            return made;
        });
        config = new EndToEndTrainConfig
        {
            Trials = c.Trials,
            StepInit = c.StepInit,
            StepFinal = c.StepFinal,
            MaxSamples = c.MaxSamples,
            EvalSubset = c.EvalSubset,
            ConvergenceMse = c.ConvergenceMse,
            Seed = header.Seed,
        };
        metadata = c.Metadata;
        return block;
    }

    private static void Replay(AuditHeader header, EmlAttention data, AuditSink sink, TrainOptions stop)
    {
        EmlAttention block = Before(header, out AttentionTrainOptions options, out IReadOnlyDictionary<string, string> metadata);
        CheckShape((block.Config.SeqLen, block.Config.DModel), (data.Config.SeqLen, data.Config.DModel));
        for (int n = 0; n < data.SampleCount; n++)
            block.Record(data.SampleInput(n), data.SampleTarget(n), 1);

        InHeader(() => Train(block, new AttentionTrainOptions
        {
            MaxEvaluations = options.MaxEvaluations,
            Seed = options.Seed,
            TargetLoss = options.TargetLoss,
            Cancel = stop.Cancel,
            Progress = stop.Progress,
            StopAfter = stop.StopAfter,
        }, sink, metadata));
    }

    private static void Replay(AuditHeader header, AttentionBlock data, AuditSink sink, TrainOptions stop)
    {
        AttentionBlock block = Before(header, out EndToEndTrainConfig config, out IReadOnlyDictionary<string, string> metadata);
        CheckShape((block.SeqLen, block.DModel), (data.SeqLen, data.DModel));
        for (int n = 0; n < data.BufferLength; n++)
            block.Record(data.SampleInput(n), data.SampleTarget(n), allowNonFinite: true);

        InHeader(() => Train(block, config, stop, sink, metadata));
    }

    private static AuditHeader Header(EmlAttention block, AttentionTrainOptions options, IReadOnlyDictionary<string, string>? metadata)
    {
        UnicodeText.Check(block.Name);
        var configuration = new Proto.AuditEmlAttention
        {
            Block = new Proto.EmlAttention
            {
                Config = EmlAttentionProtobuf.ToMessage(block.Config),
                Name = block.Name,
                Trained = block.Trained,
            },
            MaxEvaluations = options.MaxEvaluations,
            TargetLoss = options.TargetLoss,
        };
        Add(metadata, configuration.Metadata);
        return new AuditHeader(Kind, Bytes(configuration), options.Seed, DataHash(block), [.. block.Parameters]);
    }

    private static AuditHeader Header(AttentionBlock block, EndToEndTrainConfig config, IReadOnlyDictionary<string, string>? metadata)
    {
        UnicodeText.Check(block.Name);
        var configuration = new Proto.AuditAttention
        {
            Block = AttentionProtobuf.Shape(block),
            Trials = config.Trials,
            StepInit = config.StepInit,
            StepFinal = config.StepFinal,
            MaxSamples = config.MaxSamples,
            EvalSubset = config.EvalSubset,
            ConvergenceMse = config.ConvergenceMse,
        };
        Add(metadata, configuration.Metadata);
        return new AuditHeader(BlockKind, Bytes(configuration), config.Seed, DataHash(block), [.. block.Parameters]);
    }

    // In the order of the keys, so that the same metadata give the same bytes.
    private static void Add(IReadOnlyDictionary<string, string>? metadata, MapField<string, string> to)
    {
        foreach ((string key, string value) in (metadata ?? new Dictionary<string, string>()).OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            MetadataLimits.Check(metadata!.Count, key, value);
            UnicodeText.Check(key);
            UnicodeText.Check(value);
            to.Add(key, value);
        }
    }

    private static byte[] Bytes(IMessage message) => message.ToByteArray();

    /// <summary>As AuditAttention in audit.proto says.</summary>
    private static byte[] DataHash(EmlAttention block)
    {
        Sha256 sha = Start(block.SampleCount, block.Config.SeqLen, block.Config.DModel);
        for (int n = 0; n < block.SampleCount; n++)
            sha.Add(block.SampleInput(n));
        for (int n = 0; n < block.SampleCount; n++)
            sha.Add(block.SampleTarget(n));
        return sha.Finish();
    }

    private static byte[] DataHash(AttentionBlock block)
    {
        Sha256 sha = Start(block.BufferLength, block.SeqLen, block.DModel);
        for (int n = 0; n < block.BufferLength; n++)
            sha.Add(block.SampleInput(n));
        for (int n = 0; n < block.BufferLength; n++)
            sha.Add(block.SampleTarget(n));
        return sha.Finish();
    }

    private static Sha256 Start(int samples, int seqLen, int dModel) =>
        new Sha256().Add((ulong)samples).Add((ulong)seqLen).Add((ulong)dModel);

    private static void CheckShape((int SeqLen, int DModel) block, (int SeqLen, int DModel) data)
    {
        if (block != data)
        {
            throw ModelAudit.Bad($"a block of seq_len {block.SeqLen} and d_model {block.DModel}; the data have {data.SeqLen} and " +
                $"{data.DModel}");
        }
    }

    /// <summary>What no block is and no training takes is a fault of the log.</summary>
    private static T InHeader<T>(Func<T> make)
    {
        try
        {
            return make();
        }
        catch (EmlException e) when (e.Code is ErrorCode.Argument or ErrorCode.Shape or ErrorCode.NonFinite or ErrorCode.State or ErrorCode.Limit)
        {
            throw ModelAudit.Bad(e.Message);
        }
    }
}
