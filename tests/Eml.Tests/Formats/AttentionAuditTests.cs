using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;
using Proto = Eml.Formats.Proto;

namespace Eml.Tests.Formats;

/// <summary>Logs of trainings of attention blocks. What is common to all logs is tested more thoroughly with models'.</summary>
public class AttentionAuditTests
{
    private static readonly Dictionary<string, string> s_notes = new() { ["task"] = "mean", ["samples"] = "24" };

    public static TheoryData<AttentionTrainee> Trainees => [new BlockTrainee(), new ToyTrainee(), new BaselineTrainee()];

    [Theory]
    [MemberData(nameof(Trainees))]
    public void A_log_holds_and_training_is_the_same_with_it(AttentionTrainee trainee)
    {
        object before = trainee.Make(24), plain = trainee.Make(24), block = trainee.Make(24);
        trainee.Train(plain, new TrainOptions(), null);
        byte[] log = Log(trainee, block, new TrainOptions());
        Golden.AssertBits(trainee.Parameters(plain), trainee.Parameters(block), "parameters");
        AuditLog read = AuditLog.Read(log);
        Assert.Equal(AuditVerdict.Ok, read.Report.Verdict);
        Golden.AssertBits(trainee.Parameters(before), read.Header!.Parameters, "before");
        Golden.AssertBits(trainee.Parameters(block), read.Parameters.ToArray(), "after");
        Assert.False(read.End!.Value.Cancelled);
        Assert.True(read.Moves.Count > 2);
        Assert.Equal(AuditVerdict.Ok, trainee.Check(log, before).Verdict);
        Assert.Equal(s_notes, trainee.Notes(read.Header));

        // And once more from there: the second training's log begins where the first one's ended.
        Golden.AssertBits(trainee.Parameters(block), AuditLog.Read(Log(trainee, block, new TrainOptions())).Header!.Parameters, "again");
    }

    [Fact]
    public void The_state_of_a_block_is_in_the_log()
    {
        var toy = new ToyTrainee();
        var block = (AttentionBlock)toy.Make(24);
        (block.Trained, block.TrainingRounds, block.Scale) = (true, 41, -0.75);
        double[] parameters = block.Parameters.ToArray();
        parameters[1] = BitConverter.Int64BitsToDouble(0x7ff8000000000123);
        block.SetParameters(parameters, allowNonFinite: true);
        byte[] log = Log(toy, block, new TrainOptions());
        AttentionBlock again = AttentionAudit.Before(AuditLog.Read(log).Header!, out EndToEndTrainConfig config, out _);
        Assert.Equal((true, 41UL, -0.75, "t", ToyTrainee.Config), (again.Trained, again.TrainingRounds, again.Scale, again.Name, config));
        Golden.AssertBits(parameters, again.Parameters.ToArray(), "parameters");
        Assert.Equal(AuditVerdict.Ok, toy.Check(log, toy.Make(24)).Verdict);

        // Three samples are too few: nothing is trained, and the log says that.
        log = Log(toy, toy.Make(3), new TrainOptions());
        Assert.Equal(new AuditEnd(false, 0, double.PositiveInfinity), AuditLog.Read(log).End);
        Assert.Equal(AuditVerdict.Ok, toy.Check(log, toy.Make(3)).Verdict);

        var eml = new BlockTrainee();
        log = Log(eml, eml.Make(24), new TrainOptions());
        EmlAttention own = AttentionAudit.Before(AuditLog.Read(log).Header!, out AttentionTrainOptions options, out _);
        Assert.Equal((BlockTrainee.Config, "b", true), (own.Config, own.Name, own.Trained));
        Assert.Equal((BlockTrainee.Evaluations, 5UL, 1e-9), (options.MaxEvaluations, options.Seed, options.TargetLoss));
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void Flipped_bits_are_found_in_their_record(AttentionTrainee trainee)
    {
        object data = trainee.Make(8);
        byte[] log = Log(trainee, trainee.Make(8), new TrainOptions());
        byte[] stopped = Log(trainee, trainee.Make(8), new TrainOptions { StopAfter = 60 });
        List<AuditFrame> frames = AuditFrame.Split(log, out _);
        int stride = Math.Max(1, log.Length / 300);
        for (int at = 0; at < log.Length; at += at < 300 ? 1 : stride)
        {
            int record = frames.FindIndex(f => at < f.End);
            AuditReport report = trainee.Check(Flipped(log, at), data);
            Assert.True(report.Verdict is AuditVerdict.Changed or AuditVerdict.Malformed or AuditVerdict.Truncated &&
                report.Record == record, $"byte {at} in record {record}: {report}");
            // If the end is changed, it is not known after which trial a training was stopped.
            if (at < stopped.Length)
                Assert.NotEqual(AuditVerdict.Ok, trainee.Check(Flipped(stopped, stopped.Length - 1 - at), data).Verdict);
        }

        static byte[] Flipped(byte[] log, int at)
        {
            byte[] changed = [.. log];
            changed[at] ^= (byte)(1 << at * 5 % 8);
            return changed;
        }
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void Dropped_doubled_and_moved_records_are_found(AttentionTrainee trainee)
    {
        object data = trainee.Make(8);
        byte[][] records = AuditTests.Split(Log(trainee, trainee.Make(8), new TrainOptions()));
        int last = records.Length - 1;
        Assert.True(last > 4);
        for (int i = 0; i <= last; i += i < 3 || i > last - 4 ? 1 : Math.Max(1, last / 8))
        {
            i = Math.Min(i, last);
            AuditReport report = trainee.Check(AuditTests.Join([.. records[..i], .. records[(i + 1)..]]), data);
            Assert.Equal(i == last ? AuditVerdict.Truncated : i == 0 ? AuditVerdict.Changed : AuditVerdict.Missing, report.Verdict);
            Assert.Equal(i, report.Record);
            report = trainee.Check(AuditTests.Join([.. records[..(i + 1)], .. records[i..]]), data);
            Assert.Equal((AuditVerdict.Doubled, i + 1), (report.Verdict, report.Record));
            if (i > 0)
            {
                byte[][] swapped = [.. records];
                (swapped[i], swapped[i - 1]) = (swapped[i - 1], swapped[i]);
                report = trainee.Check(AuditTests.Join(swapped), data);
                Assert.Equal((AuditVerdict.Reordered, i - 1), (report.Verdict, report.Record));
            }

            report = trainee.Check(AuditTests.Join(records[..i]), data);
            Assert.Equal((AuditVerdict.Truncated, i), (report.Verdict, report.Record));
        }
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void Other_data_another_seed_and_forged_records_are_found(AttentionTrainee trainee)
    {
        byte[] log = Log(trainee, trainee.Make(24), new TrainOptions());
        Assert.Equal(AuditVerdict.OtherData, trainee.Check(log, trainee.Make(23)).Verdict);
        for (int i = 0; i < 24; i += 5)
        {
            Assert.Equal(AuditVerdict.OtherData, trainee.Check(log, trainee.Make(24, changedInput: i)).Verdict);
            Assert.Equal(AuditVerdict.OtherData, trainee.Check(log, trainee.Make(24, changedTarget: i)).Verdict);
        }

        object data = trainee.Make(24);
        Proto.AuditRecord[] records = [.. AuditTests.Split(log).Select(r => Proto.AuditRecord.Parser.ParseFrom(r))];
        AssertForged(0, r => r.Start.Seed++);
        AssertForged(0, r => r.Start.Configuration = trainee.Less(r.Start.Configuration));
        AssertForged(1, r => r.Move.Loss = Math.BitIncrement(r.Move.Loss));
        AssertForged(records.Length - 3, r => r.Move.After[0] = Math.BitIncrement(r.Move.After[0]));
        AssertForged(records.Length - 2, r => r.End.Trials--);
        AssertForged(records.Length - 2, r => r.End.Loss = Math.BitIncrement(r.End.Loss));

        records[0].Start.Configuration = ByteString.CopyFrom(0xff, 0xff);
        Assert.Equal(AuditVerdict.Malformed, trainee.Check(AuditTests.Chain(records), data).Verdict);
        records[0].Start.Kind = ModelAudit.Kind;
        Assert.Equal((int)FormatError.Kind, Assert.Throws<EmlException>(() => trainee.Check(AuditTests.Chain(records), data)).SubCode);

        void AssertForged(int index, Action<Proto.AuditRecord> change)
        {
            Proto.AuditRecord[] forged = [.. records.Select(r => r.Clone())];
            change(forged[index]);
            AuditReport report = trainee.Check(AuditTests.Chain(forged), data);
            Assert.True(report.Verdict is AuditVerdict.Differs or AuditVerdict.Malformed, report.ToString());
        }
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void A_training_that_is_stopped_after_some_trials_leaves_a_log_that_holds(AttentionTrainee trainee)
    {
        object data = trainee.Make(24);
        long trials = AuditLog.Read(Log(trainee, trainee.Make(24), new TrainOptions())).End!.Value.Trials;
        Assert.True(trials > 20);
        for (long stop = 0; stop <= trials; stop += stop < 40 || stop > trials - 10 ? 1 : Math.Max(1, trials / 40))
        {
            object block = trainee.Make(24);
            byte[] log = Log(trainee, block, new TrainOptions { StopAfter = stop });
            AuditLog read = AuditLog.Read(log);
            Assert.Equal((true, stop), (read.End!.Value.Cancelled, read.End.Value.Trials));
            Golden.AssertBits(trainee.Parameters(block), read.Parameters.ToArray(), "parameters");
            AuditReport report = trainee.Check(log, data);
            Assert.True(report.Verdict == AuditVerdict.Ok, report.ToString());
        }
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void However_a_training_is_stopped_its_log_holds(AttentionTrainee trainee)
    {
        int cancelled = 0;
        for (int calls = 1; calls < 9; calls++)
        {
            object block = trainee.Large();
            var token = new Cancel();
            int left = calls;
            byte[] log = Log(trainee, block, new TrainOptions
            {
                Cancel = token,
                Progress = _ =>
                {
                    if (--left == 0 && calls % 2 == 0)
                        token.Set();
                    return left == 0 && calls % 2 == 1 ? 5 : 0;
                },
            });
            AuditLog read = AuditLog.Read(log);
            cancelled += read.End!.Value.Cancelled ? 1 : 0;
            Golden.AssertBits(trainee.Parameters(block), read.Parameters.ToArray(), "parameters");
            AuditReport report = trainee.Check(log, trainee.Large());
            Assert.True(report.Verdict == AuditVerdict.Ok, report.ToString());
        }

        Assert.True(cancelled > 3);
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void A_log_that_cannot_be_written_leaves_the_block_as_it_was(AttentionTrainee trainee)
    {
        int records = AuditTests.Split(Log(trainee, trainee.Make(24), new TrainOptions())).Length;
        object before = trainee.Make(24);
        foreach (int i in (int[])[0, 1, 2, records / 2, records - 2, records - 1])
        {
            object block = trainee.Make(24);
            int left = i;
            Assert.Equal(ErrorCode.Io, Assert.Throws<EmlException>(() => trainee.Train(block, new TrainOptions(), _ =>
            {
                if (left-- == 0)
                    throw new EmlException(ErrorCode.Io, "full");
            })).Code);
            Golden.AssertBits(trainee.Parameters(before), trainee.Parameters(block), "parameters");
            if (block is AttentionBlock core)
                Assert.Equal((0UL, 0L), (core.TrainingRounds, core.LastAccepts));
        }
    }

    [Theory]
    [MemberData(nameof(Trainees))]
    public void A_check_can_be_stopped(AttentionTrainee trainee)
    {
        byte[] log = Log(trainee, trainee.Large(), new TrainOptions());
        AuditReport report = trainee.Check(log, trainee.Large(), _ => 9);
        Assert.Equal((AuditVerdict.Stopped, 9), (report.Verdict, report.StopValue));
    }

    [Fact]
    public void A_changed_start_that_asks_for_an_endless_training_is_found()
    {
        var toy = new ToyTrainee();
        byte[][] records = AuditTests.Split(Log(toy, toy.Make(24), new TrainOptions()));
        var start = Proto.AuditRecord.Parser.ParseFrom(records[0]);
        var configuration = Proto.AuditAttention.Parser.ParseFrom(start.Start.Configuration);
        configuration.Trials = long.MaxValue;
        start.Start.Configuration = configuration.ToByteString();
        AuditReport report = toy.Check(AuditTests.Join([start.ToByteArray(), .. records[1..]]), toy.Make(24));
        Assert.Equal((AuditVerdict.Changed, 0), (report.Verdict, report.Record));
    }

    internal static byte[] Log(AttentionTrainee trainee, object block, TrainOptions options)
    {
        var log = new MemoryStream();
        trainee.Train(block, options, log.Write, s_notes);
        return log.ToArray();
    }
}

/// <summary>The same bytes on every path through the kernels; `make test` runs this at every vector width.</summary>
[Trait("Category", "Paths")]
public class AttentionAuditPathTests
{
    public static TheoryData<AttentionTrainee, string> Hashes => new()
    {
        { new BlockTrainee(), "b5b0db9886cdc90323273e9f429bd6e7d959f297" },
        { new ToyTrainee(), "be5b1b7e564f44953f11609bb0bc016a46ca83f9" },
        { new BaselineTrainee(), "f144cde231edce7f75c8328e7cac3f244ba23d99" },
    };

    [Theory]
    [MemberData(nameof(Hashes))]
    public void The_same_training_gives_the_same_log(AttentionTrainee trainee, string finalHash)
    {
        byte[] log = AttentionAuditTests.Log(trainee, trainee.Make(24), new TrainOptions());
        Assert.Equal(finalHash, Convert.ToHexStringLower(AuditLog.Read(log).FinalHash.Span)[..40]);
        Assert.Equal(AuditVerdict.Ok, trainee.Check(log, trainee.Make(24)).Verdict);
    }
}
