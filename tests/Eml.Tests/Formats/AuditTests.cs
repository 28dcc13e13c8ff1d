using Eml.Formats;
using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;
using Proto = Eml.Formats.Proto;

namespace Eml.Tests.Formats;

/// <summary>Logs of trainings: that they hold, and that nothing can be changed in them without being found.</summary>
public class AuditTests
{
    private static readonly TrainOptions s_few = new() { MaxSweeps = 2, Seed = 7 };

    public static TheoryData<Profile> Profiles => [Profile.EmlCore01, Profile.Default];

    [Theory]
    [InlineData(Profile.EmlCore01, 2, 1, 1)]
    [InlineData(Profile.EmlCore01, 5, 3, 2)]
    [InlineData(Profile.Default, 2, 1, 1)]
    [InlineData(Profile.Default, 4, 3, 2)]
    public void A_log_holds_and_training_is_the_same_with_it(Profile profile, int depth, int inputs, int heads)
    {
        EmlModel model = Untrained(profile, depth, inputs, heads, rows: 60);
        EmlModel plain = model.Clone();
        EmlModel before = model.Clone();
        TrainOptions options = Options(profile, sweeps: 5);
        byte[] log = Train(model, options, out TrainResult result);
        Assert.Equal(plain.Train(options), result);
        Models.AssertSame(plain, model);
        Assert.Equal(plain.Events, model.Events);

        AuditLog read = AuditLog.Read(log);
        Assert.Equal(AuditVerdict.Ok, read.Report.Verdict);
        Assert.Equal(Sha256.Size, read.FinalHash.Length);
        Assert.Equal(model.Parameters.ToArray(), read.Parameters.ToArray());
        Assert.Equal(before.Parameters.ToArray(), read.Header!.Parameters);
        Assert.Equal(new AuditEnd(false, result.Trials, result.LossAfter), read.End);
        Assert.Equal(result.Accepted, read.Moves.Count(m => m.Step <= result.Trials));
        Assert.True(read.Moves.Count > 3);
        Assert.Equal(AuditVerdict.Ok, Check(log, before).Verdict);
        Assert.Equal(read.Records, Check(log, before).Record);
        Models.AssertSame(before, ModelAudit.Before(read.Header, out TrainOptions again));
        Assert.Equal((options.Seed, options.MaxSweeps), (again.Seed, again.MaxSweeps));
    }

    [Fact]
    public void Parameters_that_are_not_finite_are_logged_as_their_bits()
    {
        EmlModel model = Untrained(Profile.EmlCore01, 2, 1, 1, rows: 60);
        double[] parameters = [.. model.Parameters];
        parameters[0] = BitConverter.Int64BitsToDouble(0x7ff8000000000123);
        parameters[1] = double.NegativeInfinity;
        parameters[2] = -0.0;
        model.SetParameters(parameters, allowNonFinite: true);
        byte[] log = Train(model, new TrainOptions { MaxSweeps = 1 }, out _);
        Assert.Equal(AuditVerdict.Ok, Check(log, model).Verdict);
    }

    [Fact]
    public void Every_flipped_bit_is_found_and_in_its_record()
    {
        EmlModel data = Small(out byte[] log);
        List<AuditFrame> frames = AuditFrame.Split(log, out _);
        Assert.InRange(frames.Count, 8, 60);
        for (int at = 0; at < log.Length; at++)
        {
            int record = frames.FindIndex(f => at < f.End);
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. log];
                changed[at] ^= (byte)(1 << bit);
                Assert.NotEqual(AuditVerdict.Ok, AuditLog.Read(changed).Report.Verdict);
                AuditReport report = Check(changed, data);
                Assert.True(report.Verdict is AuditVerdict.Changed or AuditVerdict.Malformed or AuditVerdict.Truncated &&
                    report.Record == record, $"byte {at}, bit {bit}, in record {record}: {report}");
            }
        }
    }

    [Fact]
    public void Every_dropped_doubled_or_moved_record_is_found_where_it_is_missed()
    {
        EmlModel data = Small(out byte[] log);
        byte[][] records = Split(log);
        int last = records.Length - 1;
        for (int i = 0; i <= last; i++)
        {
            AuditReport report = Check(Join([.. records[..i], .. records[(i + 1)..]]), data);
            Assert.Equal(i == last ? AuditVerdict.Truncated : i == 0 ? AuditVerdict.Changed : AuditVerdict.Missing, report.Verdict);
            Assert.Equal(i, report.Record);

            report = Check(Join([.. records[..(i + 1)], .. records[i..]]), data);
            Assert.Equal((AuditVerdict.Doubled, i + 1), (report.Verdict, report.Record));

            report = Check(Join([.. records, records[i]]), data);
            Assert.Equal((AuditVerdict.Doubled, last + 1), (report.Verdict, report.Record));

            for (int j = i + 1; j <= last; j++)
            {
                byte[][] swapped = [.. records];
                (swapped[i], swapped[j]) = (swapped[j], swapped[i]);
                report = Check(Join(swapped), data);
                Assert.Equal((AuditVerdict.Reordered, i), (report.Verdict, report.Record));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void A_log_that_is_cut_off_anywhere_is_right_up_to_there(Profile profile)
    {
        EmlModel model = Untrained(profile, 2, 1, 1, rows: 50);
        EmlModel data = model.Clone();
        byte[] log = Train(model, Options(profile, sweeps: 1), out _);
        List<AuditFrame> frames = AuditFrame.Split(log, out _);
        for (int length = 0; length < log.Length; length += length % 7 == 0 ? 1 : 3)
        {
            AuditReport report = Check(log[..length], data);
            Assert.Equal(AuditVerdict.Truncated, report.Verdict);
            Assert.Equal(frames.Count(f => f.End <= length), report.Record);
        }

        // A cut log whose last record lies, which only training again can tell.
        byte[][] records = Split(log);
        var forged = Proto.AuditRecord.Parser.ParseFrom(records[1]);
        forged.Move.Loss = Math.BitIncrement(forged.Move.Loss);
        AuditReport lie = Check(Join([records[0], forged.ToByteArray()]), data);
        Assert.Equal((AuditVerdict.Changed, 1), (lie.Verdict, lie.Record));
    }

    [Fact]
    public void Other_data_are_found_by_one_bit()
    {
        EmlModel model = Untrained(Profile.Default, 2, 2, 2, rows: 6);
        EmlModel data = model.Clone();
        byte[] log = Train(model, s_few, out _);
        Assert.Equal(AuditVerdict.Ok, Check(log, data).Verdict);
        double[] x = [.. data.SampleInputs], targets = [.. data.SampleTargets];
        byte[] present = [.. data.SamplePresent];
        for (int i = 0; i < x.Length; i++)
            Assert.Equal(AuditVerdict.OtherData, Check(log, With([.. x.Select((v, j) => j == i ? Math.BitIncrement(v) : v)], targets, present)).Verdict);

        for (int i = 0; i < targets.Length; i++)
        {
            AuditReport report = Check(log, With(x, [.. targets.Select((v, j) => j == i ? Math.BitIncrement(v) : v)], present));
            Assert.Equal(present[i] == 0 ? AuditVerdict.Ok : AuditVerdict.OtherData, report.Verdict);
            byte[] other = [.. present];
            other[i] ^= 1;
            Assert.Equal(AuditVerdict.OtherData, Check(log, With(x, targets, other)).Verdict);
        }

        Assert.Equal(AuditVerdict.OtherData, Check(log, With(x[2..], targets[2..], present[2..])).Verdict);
        Assert.Equal(AuditVerdict.OtherData, Check(log, Untrained(Profile.Default, 2, 3, 2, rows: 6)).Verdict);

        EmlModel With(double[] inputs, double[] outputs, byte[] known)
        {
            var other = new EmlModel(3, 2, 2, Profile.EmlCore01);
            other.Record(inputs, outputs, known, inputs.Length / 2);
            return other;
        }
    }

    [Fact]
    public void What_is_forged_with_all_its_hashes_is_found_by_training_again()
    {
        EmlModel data = Small(out byte[] log);
        Proto.AuditRecord[] records = [.. Split(log).Select(r => Proto.AuditRecord.Parser.ParseFrom(r))];
        AssertForged(0, r => r.Start.Seed++, 1);
        // Other parameters to begin with: in the default profile they count only if they are better than what is found.
        AssertForged(0, r => r.Start.Configuration = WithSweeps(r.Start.Configuration, 1), records.Length - 3);
        for (int i = 1; i < records.Length - 2; i++)
        {
            AssertForged(i, r => r.Move.Loss = Math.BitIncrement(r.Move.Loss), i);
            AssertForged(i, r => r.Move.Step++, i);
        }

        AssertForged(records.Length - 2, r => r.End.Trials--, records.Length - 2);
        AssertForged(records.Length - 2, r => r.End.Loss = Math.BitDecrement(r.End.Loss), records.Length - 2);
        Proto.AuditRecord[] shorter = [.. records[..(records.Length / 2)], .. records[^1..]];
        Assert.NotEqual(AuditVerdict.Ok, Check(Chain(shorter), data).Verdict);

        void AssertForged(int index, Action<Proto.AuditRecord> change, int most)
        {
            Proto.AuditRecord[] forged = [.. records.Select(r => r.Clone())];
            change(forged[index]);
            AuditReport report = Check(Chain(forged), data);
            Assert.True(report.Verdict is AuditVerdict.Differs or AuditVerdict.Malformed, report.ToString());
            Assert.InRange(report.Record, 1, most + 1);
        }
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void A_cancelled_training_leaves_a_shorter_log_that_holds(Profile profile)
    {
        EmlModel untrained = Untrained(profile, 3, 2, 1, rows: 50);
        int whole = Split(Train(untrained.Clone(), Options(profile, sweeps: 3), out _)).Length;
        foreach (long stop in (long[])[0, 1, 2, 5, 50, 95, 96, 97, 99, 100, 101, 120, 150])
        {
            EmlModel model = untrained.Clone();
            byte[] log = Train(model, Options(profile, sweeps: 3, stopAfter: stop), out TrainResult result);
            Assert.Equal((TrainStatus.Cancelled, stop), (result.Status, result.Trials));
            Assert.InRange(Split(log).Length, 3, whole);
            AssertHolds(log, untrained, model, cancelled: true);
        }
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void However_a_training_is_stopped_its_log_holds(Profile profile)
    {
        EmlModel untrained = Untrained(profile, 4, 3, 2, rows: 10000);
        int cancelled = 0;
        for (int calls = 1; calls < 12; calls++)
        {
            EmlModel model = untrained.Clone();
            var token = new Cancel();
            int left = calls;
            var options = new TrainOptions
            {
                MaxSweeps = 3,
                Cancel = token,
                Progress = _ =>
                {
                    if (--left == 0 && calls % 2 == 0)
                        token.Set();
                    return left == 0 && calls % 2 == 1 ? 5 : 0;
                },
            };
            byte[] log = Train(model, options, out TrainResult result);
            AssertHolds(log, untrained, model, result.Status == TrainStatus.Cancelled);
            cancelled += result.Status == TrainStatus.Cancelled ? 1 : 0;
        }

        Assert.True(cancelled > 5);
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void A_log_that_cannot_be_written_leaves_the_model_as_it_was(Profile profile)
    {
        EmlModel untrained = Untrained(profile, 2, 1, 1, rows: 50);
        int records = Split(Train(untrained.Clone(), Options(profile, sweeps: 1), out _)).Length;
        for (int i = 0; i < records; i++)
        {
            EmlModel model = untrained.Clone();
            int left = i;
            var refused = Assert.Throws<EmlException>(() => ModelAudit.Train(model, Options(profile, sweeps: 1), _ =>
            {
                if (left-- == 0)
                    throw new EmlException(ErrorCode.Io, "full");
            }));
            Assert.Equal(ErrorCode.Io, refused.Code);
            Models.AssertSame(untrained, model);
            Assert.Equal(untrained.Events.Count, model.Events.Count);
        }
    }

    [Fact]
    public void A_check_can_be_stopped()
    {
        EmlModel model = Untrained(Profile.EmlCore01, 5, 3, 2, rows: 4000);
        EmlModel data = model.Clone();
        byte[] log = Train(model, new TrainOptions { MaxSweeps = 1 }, out _);
        AuditReport report = ModelAudit.Check(AuditLog.Read(log), data, null, _ => 9);
        Assert.Equal((AuditVerdict.Stopped, 9), (report.Verdict, report.StopValue));
        var token = new Cancel();
        token.Set();
        Assert.Equal(AuditVerdict.Stopped, ModelAudit.Check(AuditLog.Read(log), data, token, null).Verdict);
    }

    [Fact]
    public void Rubbish_is_refused_and_never_taken_for_a_log()
    {
        EmlModel data = Small(out byte[] log);
        var random = new Random(3);
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. log];
            for (int k = random.Next(1, 6); k > 0; k--)
            {
                int at = random.Next(bytes.Length), length = Math.Min(random.Next(1, 20), bytes.Length - at);
                if (random.Next(2) == 0)
                    random.NextBytes(bytes.AsSpan(at, length));
                else
                    bytes = [.. bytes[..at], .. bytes[(at + length)..]];
            }

            if (!bytes.SequenceEqual(log))
                Assert.NotEqual(AuditVerdict.Ok, AuditLog.Read(bytes).Report.Verdict);
        }

        // A length that promises more memory than there is.
        Assert.Equal(AuditVerdict.Truncated, AuditLog.Read(new byte[] { 0xff, 0xff, 0xff, 0xff, 0x7f }).Report.Verdict);
        Assert.Equal(AuditVerdict.Malformed, AuditLog.Read(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }).Report.Verdict);
        Assert.Equal(AuditVerdict.Malformed, AuditLog.Read(new byte[] { 0xa2, 0x00 }).Report.Verdict);
        // A shape that the parameters do not bear out, with all hashes right.
        Proto.AuditRecord[] records = [.. Split(log).Select(r => Proto.AuditRecord.Parser.ParseFrom(r))];
        var configuration = Proto.AuditModel.Parser.ParseFrom(records[0].Start.Configuration);
        configuration.Inputs = 1 << 20;
        configuration.Heads = ulong.MaxValue;
        records[0].Start.Configuration = configuration.ToByteString();
        Assert.Equal(AuditVerdict.Malformed, Check(Chain(records), data).Verdict);
        records[0].Start.Kind = "other";
        Assert.Equal(ErrorCode.Format, Assert.Throws<EmlException>(() => Check(Chain(records), data)).Code);
    }

    [Fact]
    public void A_student_is_trained_with_a_log_too()
    {
        EmlModel teacher = Untrained(Profile.Default, 4, 2, 1, rows: 60);
        teacher.Train(s_few);
        EmlModel student = teacher.Student(2, 80, null, out _);
        EmlModel data = student.Clone();
        byte[] log = Train(student, s_few, out _);
        AssertHolds(log, data, student, cancelled: false);
        Models.AssertSame(teacher.Distill(2, 80, s_few, out _), student);
    }

    private static void AssertHolds(byte[] log, EmlModel data, EmlModel trained, bool cancelled)
    {
        AuditLog read = AuditLog.Read(log);
        AuditReport report = Check(log, data);
        Assert.True(report.Verdict == AuditVerdict.Ok, report.ToString());
        Assert.Equal(cancelled, read.End!.Value.Cancelled);
        Golden.AssertBits(trained.Parameters.ToArray(), read.Parameters.ToArray(), "parameters");
    }

    private static AuditReport Check(byte[] log, EmlModel data) => ModelAudit.Check(AuditLog.Read(log), data, null, null);

    private static byte[] Train(EmlModel model, TrainOptions options, out TrainResult result)
    {
        var log = new MemoryStream();
        result = ModelAudit.Train(model, options, log.Write);
        return log.ToArray();
    }

    private static TrainOptions Options(Profile profile, int sweeps, long? stopAfter = null) => new()
    {
        MaxSweeps = sweeps,
        Seed = profile == Profile.Default ? 3u : 0u,
        StopAfter = stopAfter,
    };

    /// <summary>A model with samples, of which some targets are unknown, and its log, small enough to try everything.</summary>
    private static EmlModel Small(out byte[] log)
    {
        EmlModel model = Untrained(Profile.Default, 2, 1, 1, rows: 5);
        EmlModel data = model.Clone();
        log = Train(model, s_few, out _);
        return data;
    }

    internal static EmlModel Untrained(Profile profile, int depth, int inputs, int heads, int rows)
    {
        var model = new EmlModel(depth, inputs, heads, profile) { Name = "m" };
        var random = new Random(11);
        double[] x = new double[rows * inputs], targets = new double[rows * heads];
        byte[] present = new byte[targets.Length];
        for (int i = 0; i < x.Length; i++)
            x[i] = random.NextDouble();
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i] = 1 + x[i / heads * inputs] * x[i / heads * inputs] + 0.1 * random.NextDouble();
            present[i] = i % 7 == 6 ? (byte)0 : (byte)1;
        }

        model.Record(x, targets, present, rows);
        model.FitScaling();
        model.Metadata["inputs"] = "[\"x\"]";
        return model;
    }

    internal static byte[][] Split(byte[] log) =>
        [.. AuditFrame.Split(log, out _).Select(f => log[f.Start..f.End])];

    internal static byte[] Join(params byte[][] records)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            foreach (byte[] record in records)
                output.WriteBytes(ByteString.CopyFrom(record)); // with its length in front
        }

        return stream.ToArray();
    }

    internal static byte[] Chain(Proto.AuditRecord[] records)
    {
        byte[] previous = new byte[Sha256.Size];
        var bytes = new List<byte[]>();
        foreach (Proto.AuditRecord record in records)
        {
            record.Previous = ByteString.CopyFrom(previous);
            bytes.Add(record.ToByteArray());
            previous = Sha256.Of(bytes[^1].AsSpan());
        }

        return Join([.. bytes]);
    }

    private static ByteString WithSweeps(ByteString configuration, uint sweeps)
    {
        var message = Proto.AuditModel.Parser.ParseFrom(configuration);
        message.MaxSweeps = sweeps;
        return message.ToByteString();
    }
}

/// <summary>The same bytes on every path through the kernels; `make test` runs this at every vector width.</summary>
[Trait("Category", "Paths")]
public class AuditPathTests
{
    [Theory]
    [InlineData(Profile.EmlCore01, "4a079a952370d03ee5b04ffdaf111d0b275560ff0")]
    [InlineData(Profile.Default, "d09e49474426fcccf7e55e84dec0d4f329016a57d")]
    public void The_same_training_gives_the_same_log(Profile profile, string finalHash)
    {
        EmlModel model = AuditTests.Untrained(profile, 4, 3, 2, rows: 333);
        EmlModel data = model.Clone();
        var log = new MemoryStream();
        ModelAudit.Train(model, new TrainOptions { MaxSweeps = 4 }, log.Write);
        AuditLog read = AuditLog.Read(log.ToArray());
        Assert.StartsWith(finalHash, Convert.ToHexStringLower(read.FinalHash.Span), StringComparison.Ordinal);
        Assert.Equal(AuditVerdict.Ok, ModelAudit.Check(read, data, null, null).Verdict);
    }
}
