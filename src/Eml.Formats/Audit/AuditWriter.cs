using System.Runtime.InteropServices;
using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats.Audit;

/// <summary>
/// Writes a log, proto/eml/v1/audit.proto: <see cref="Start"/>, then <see cref="Move"/> for every change, then
/// <see cref="End"/>. Every record reaches the sink in one piece before the training goes on.
/// </summary>
public sealed class AuditWriter(AuditSink sink)
{
    /// <summary>The version of the format, and of what a training does.</summary>
    internal const uint Version = 1;

    private readonly Sha256 _sha = new();
    private byte[] _previous = new byte[Sha256.Size];
    private double[] _parameters = [];

    /// <summary>The first record.</summary>
    public void Start(AuditHeader header)
    {
        UnicodeText.Check(header.Kind);
        _parameters = [.. header.Parameters];
        var start = new Proto.AuditStart
        {
            Version = Version,
            Kind = header.Kind,
            Configuration = ByteString.CopyFrom(header.Configuration),
            Seed = header.Seed,
            DataHash = ByteString.CopyFrom(header.DataHash),
            ParametersHash = ByteString.CopyFrom(Sha256.Of(_parameters)),
        };
        start.Parameters.AddRange(_parameters);
        Write(new Proto.AuditRecord { Start = start });
    }

    /// <summary>A change.</summary>
    public void Move(AcceptedMove move)
    {
        var message = new Proto.AuditMove { Step = (ulong)move.Step, Loss = move.Loss };
        for (int k = 0; k < move.Indices.Length; k++)
        {
            int index = move.Indices[k];
            message.Indices.Add((uint)index);
            message.Before.Add(move.Before[k]);
            message.After.Add(move.After[k]);
            if (index < _parameters.Length)
                _parameters[index] = move.After[k];
        }

        Write(new Proto.AuditRecord { Move = message });
    }

    /// <summary>The end, and the final hash behind it. The moves must have led to the parameters.</summary>
    public void End(AuditEnd end, ReadOnlySpan<double> parameters)
    {
        if (!MemoryMarshal.AsBytes(parameters).SequenceEqual(MemoryMarshal.AsBytes<double>(_parameters)))
        {
            throw new EmlException(ErrorCode.Internal,
                "the moves that the training reported do not lead to its parameters; please report this");
        }

        Write(new Proto.AuditRecord
        {
            End = new Proto.AuditEnd
            {
                Cancelled = end.Cancelled,
                Trials = (ulong)end.Trials,
                Loss = end.Loss,
                ParametersHash = ByteString.CopyFrom(Sha256.Of(_parameters)),
            },
        });
        Write(new Proto.AuditRecord());
    }

    /// <summary>Options with which a training also writes this log.</summary>
    internal TrainOptions Logged(TrainOptions? options)
    {
        TrainOptions given = options ?? new TrainOptions();
        return new TrainOptions
        {
            MaxSweeps = given.MaxSweeps,
            Seed = given.Seed,
            TargetLoss = given.TargetLoss,
            Cancel = given.Cancel,
            Progress = given.Progress,
            StopAfter = given.StopAfter,
            OnMove = given.OnMove + Move,
            OnEnd = given.OnEnd + ((result, parameters) => End(
                new AuditEnd(result.Status == TrainStatus.Cancelled, result.Trials, result.LossAfter), parameters)),
        };
    }

    private void Write(Proto.AuditRecord record)
    {
        record.Previous = UnsafeByteOperations.UnsafeWrap(_previous);
        int size = record.CalculateSize(), prefix = CodedOutputStream.ComputeLengthSize(size);
        byte[] bytes = new byte[prefix + size];
        using (var output = new CodedOutputStream(bytes))
        {
            output.WriteLength(size);
            record.WriteTo(output);
        }

        _previous = _sha.Add(bytes.AsSpan(prefix)).Finish();
        sink(bytes);
    }
}
