using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats.Audit;

/// <summary>Logs of trainings of an <see cref="EmlModel"/>.</summary>
public static class ModelAudit
{
    /// <summary>The kind in the header.</summary>
    public const string Kind = "eml.v1.Model";

    /// <summary>
    /// <see cref="EmlModel.Train"/> with a log. A sink that throws ends the training; the model is then as it was.
    /// </summary>
    public static TrainResult Train(EmlModel model, TrainOptions? options, AuditSink sink)
    {
        TrainOptions given = options ?? new TrainOptions();
        model.CheckTraining(given);
        var writer = new AuditWriter(sink);
        writer.Start(Header(model, given));
        return model.Train(writer.Logged(given));
    }

    /// <summary>Checks a log against the samples that <paramref name="data"/> has recorded; nothing else of it matters.</summary>
    public static AuditReport Check(AuditLog log, EmlModel data, Cancel? cancel, Func<TrainProgress, int>? progress) =>
        AuditCheck.Run(log, [Kind], DataHash(data), (start, sink, stop) => Replay(start, data, sink, stop), cancel, progress);

    /// <summary>
    /// The model before the training, with name, metadata and scaling but without samples, and the options of the training.
    /// </summary>
    public static EmlModel Before(AuditHeader header, out TrainOptions options)
    {
        if (header.Kind != Kind)
            throw AuditCheck.OtherKind(header, Kind);

        Proto.AuditModel c = ModelProtobuf.Parse(Proto.AuditModel.Parser, header.Configuration, "eml.v1.AuditModel");
        if (c.Profile is not (Proto.Profile.EmlCore01 or Proto.Profile.Default))
            throw Bad($"profile {(int)c.Profile} is not known");

        var profile = (Profile)c.Profile;
        int count = Untrusted.ModelParameters(c.Depth, c.Inputs, c.Heads, profile, 0);
        if (header.Parameters.Length != count)
            throw Bad($"{header.Parameters.Length} parameters; depth, inputs and heads ask for {count}");

        EmlModel model = Untrusted.Model(c.Depth, c.Inputs, c.Heads, profile, new double[count], 0);
        model.SetParameters(header.Parameters, allowNonFinite: true);
        model.Name = c.Name;
        if (c.Scaling is { } s)
        {
            if (s.InputOffset.Count != model.Inputs || s.InputFactor.Count != model.Inputs ||
                s.TargetOffset.Count != model.Heads || s.TargetFactor.Count != model.Heads)
            {
                throw Bad("the scaling has another shape than the model");
            }

            model.Scaling = Untrusted.Scaling([.. s.InputOffset], [.. s.InputFactor], [.. s.TargetOffset], [.. s.TargetFactor], 0);
        }

        foreach ((string key, string value) in c.Metadata)
            Untrusted.AddMetadata(model, key, value);
        if (c.MaxSweeps > int.MaxValue)
            throw Bad($"max_sweeps {c.MaxSweeps} is over the limit of {int.MaxValue}");
        options = new TrainOptions { MaxSweeps = (int)c.MaxSweeps, Seed = header.Seed, TargetLoss = c.TargetLoss };
        return model;
    }

    private static void Replay(AuditHeader header, EmlModel data, AuditSink sink, TrainOptions stop)
    {
        EmlModel model = Before(header, out TrainOptions options);
        if (model.Inputs != data.Inputs || model.Heads != data.Heads)
            throw Bad($"a model of {model.Inputs} inputs and {model.Heads} heads; the data have {data.Inputs} and {data.Heads}");

        model.Record(data.SampleInputs, data.SampleTargets, data.SamplePresent, data.SampleCount, allowNonFinite: true);
        Train(model, new TrainOptions
        {
            MaxSweeps = options.MaxSweeps,
            Seed = options.Seed,
            TargetLoss = options.TargetLoss,
            Cancel = stop.Cancel,
            Progress = stop.Progress,
            StopAfter = stop.StopAfter,
        }, sink);
    }

    private static AuditHeader Header(EmlModel model, TrainOptions options)
    {
        MetadataLimits.Check(model);
        UnicodeText.Check(model.Name);
        var configuration = new Proto.AuditModel
        {
            Profile = (Proto.Profile)model.Profile,
            Depth = (uint)model.Depth,
            Inputs = (ulong)model.Inputs,
            Heads = (ulong)model.Heads,
            MaxSweeps = (uint)options.MaxSweeps,
            TargetLoss = options.TargetLoss,
            Name = model.Name,
            Scaling = ModelProtobuf.ToMessage(model.Scaling),
        };
        foreach ((string key, string value) in model.Metadata)
        {
            UnicodeText.Check(key);
            UnicodeText.Check(value);
            configuration.Metadata.Add(key, value);
        }

        return new AuditHeader(Kind, configuration.ToByteArray(), options.Seed, DataHash(model), [.. model.Parameters]);
    }

    /// <summary>As AuditModel in audit.proto says.</summary>
    private static byte[] DataHash(EmlModel model)
    {
        Sha256 sha = new Sha256().Add((ulong)model.SampleCount).Add((ulong)model.Inputs).Add((ulong)model.Heads)
            .Add(model.SampleInputs);
        ReadOnlySpan<double> targets = model.SampleTargets;
        ReadOnlySpan<byte> present = model.SamplePresent;
        if (!present.Contains((byte)0))
        {
            sha.Add(targets);
        }
        else
        {
            for (int i = 0; i < targets.Length; i++)
                sha.Add(present[i] == 0 ? [0.0] : targets.Slice(i, 1));
        }

        return sha.Add(present).Finish();
    }

    internal static EmlException Bad(string what) => new(FormatError.Value, 0, $"audit log: the start is wrong: {what}");
}
