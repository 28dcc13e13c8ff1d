using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Whatever a training is doing when it is told to stop, it stops there and leaves a usable model.</summary>
public class CancelTests
{
    private const int Rows = 9_001, Inputs = 3, Heads = 2, Depth = 4;

    private static readonly ReadoutLayout s_layout = new(Depth, Inputs, Heads);
    private static readonly Samples s_samples = Record();

    [Fact]
    public void The_default_profile_stops_wherever_it_is_told_to()
    {
        // The monitor counts work, not time: the same reports come at the same places in every run.
        var reports = new List<TrainProgress>();
        TrainResult whole = Train(p => { reports.Add(p); return 0; }, out double[] best);
        Assert.Equal(TrainStatus.Done, whole.Status);
        Assert.True(whole.LossAfter < whole.LossBefore / 4, $"{whole}");

        int[] setUp = [.. Places(p => p.Evaluations == 0)];
        int[] restarts = [.. Places(p => p.Phase == 1 && p.Evaluations > 0)];
        int[] descent = [.. Places(p => p.Phase == 2 && p.Evaluations < whole.Evaluations)];
        int[] solution = [.. Places(p => p.Phase == 2 && p.Evaluations == whole.Evaluations)];
        Assert.All([setUp, restarts, descent, solution], places => Assert.True(places.Length >= 3));

        // The first loss is not known at the start, but is when the rows of the search are picked out.
        foreach ((int place, double known) in (ReadOnlySpan<(int, double)>)[(setUp[0], double.MaxValue), (setUp[^1], whole.LossBefore)])
        {
            TrainResult result = Stop(place, out double[] parameters);
            Assert.Equal((known, known), (result.LossBefore, result.LossAfter));
            Assert.All(parameters, value => Assert.Equal(0, value));
        }

        int[] later = [restarts[0], restarts[^1], descent[0], descent[^1], solution[0], solution[1], solution[^1]];
        foreach (int place in later)
        {
            TrainResult result = Stop(place, out double[] parameters);
            Assert.All(parameters, value => Assert.True(double.IsFinite(value)));
            Assert.Equal(whole.LossBefore, result.LossBefore);
            Assert.True(result.LossAfter < result.LossBefore);

            // Solved on some rows, and about as good on all.
            double onAll = Loss(parameters);
            Assert.InRange(onAll / result.LossAfter, 0.8, 1.25);
        }

        // Stopped in the final solution, it has found what the whole training finds, but for the heads.
        Stop(solution[0], out double[] last);
        Assert.Equal(best[..s_layout.NonlinearCount], last[..s_layout.NonlinearCount]);
        Assert.NotEqual(best, last);
        Assert.InRange(Loss(last) / Loss(best), 1 - 1e-9, 1.1);

        IEnumerable<int> Places(Func<TrainProgress, bool> which) => Enumerable.Range(0, reports.Count).Where(i => which(reports[i]));

        TrainResult Stop(int place, out double[] parameters)
        {
            int calls = 0;
            TrainResult result = Train(_ => calls++ == place ? 7 : 0, out parameters);
            Assert.Equal((TrainStatus.Cancelled, 7, place + 1), (result.Status, result.StopValue, calls));
            return result;
        }
    }

    [Theory]
    [InlineData(Profile.EmlCore01)]
    [InlineData(Profile.Default)]
    public void A_token_that_is_set_leaves_the_model_as_it_was(Profile profile)
    {
        var model = new EmlModel(Depth, Inputs, 1, profile);
        double[] before = [.. Enumerable.Range(1, model.ParameterCount).Select(i => 1.0 / i)];
        model.SetParameters(before);
        model.Trained = true;
        model.Record(s_samples.X, s_samples.X[..Rows], [], Rows);
        var cancel = new Cancel();
        cancel.Set();
        TrainResult result = model.Train(new TrainOptions { Cancel = cancel });
        Assert.Equal((TrainStatus.Cancelled, double.MaxValue, 0), (result.Status, result.LossAfter, result.Evaluations));
        Assert.Equal(before, model.Parameters.ToArray());
        Assert.True(model.Trained);
    }

    [Theory]
    [InlineData(Profile.EmlCore01)]
    [InlineData(Profile.Default)]
    public void Distillation_stops_while_it_makes_its_samples(Profile profile)
    {
        var cancel = new Cancel();
        cancel.Set();
        EmlModel student = new EmlModel(Depth, Inputs, 1, profile).Distill(2, Rows, new TrainOptions { Cancel = cancel }, out TrainResult result);
        Assert.Equal(TrainStatus.Cancelled, result.Status);
        Assert.InRange(student.SampleCount, 1, Rows / 2);
        Assert.Equal(student.SampleCount, result.SamplesUsed);
        Assert.All(student.Parameters.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Too_many_inputs_to_solve_for_are_refused()
    {
        var model = new EmlModel(2, 1 << 14, 1, Profile.Default);
        model.Record(new double[2 << 14], [1, 2], [], 2);
        EmlException e = Assert.Throws<EmlException>(() => model.Train());
        Assert.Equal(ErrorCode.Limit, e.Code);
        Assert.Contains("16386", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_without_targets_does_not_stop_the_others_from_learning()
    {
        var model = new EmlModel(3, Inputs, 2, Profile.Default);
        byte[] present = [.. Enumerable.Range(0, 400).Select(i => (byte)(i % 2))]; // nothing is known of the first head
        model.Record(s_samples.X[..(200 * Inputs)], s_samples.Targets[..400], present, 200);
        TrainResult result = model.Train(new TrainOptions { MaxSweeps = 5 });
        Assert.True(result.Accepted > 0 && result.LossAfter < 1e-3, $"{result}");
        Assert.All(model.Parameters[^14..^7].ToArray(), value => Assert.Equal(0, value));
    }

    private static TrainResult Train(Func<TrainProgress, int> progress, out double[] parameters)
    {
        var options = new TrainOptions { MaxSweeps = 2, Progress = progress };
        parameters = new double[s_layout.NonlinearCount + Heads * s_layout.Features];
        return ReadoutTrainer<Lanes1>.Train(s_layout, parameters, s_samples, null, options, new TrainMonitor(options) { ReportInterval = 0 });
    }

    private static double Loss(double[] parameters) =>
        new ReadoutPass<Lanes1>(s_layout, s_samples, null, new TrainMonitor(null)).Loss(parameters);

    private static Samples Record()
    {
        var random = new Lcg64(5);
        double[] x = new double[Rows * Inputs], targets = new double[Rows * Heads];
        byte[] present = new byte[Rows * Heads];
        for (int i = 0; i < Rows; i++)
        {
            Span<double> row = x.AsSpan(i * Inputs, Inputs);
            foreach (ref double value in row)
            {
                value = random.Unit();
            }

            targets[2 * i] = Math.Sqrt(1 + row[0] + row[1] * row[2]);
            targets[2 * i + 1] = row[0] * row[1] - row[2] * row[2];
            (present[2 * i], present[2 * i + 1]) = (1, (byte)(i % 5 == 0 ? 0 : 1));
        }

        var samples = new Samples(Inputs, Heads);
        samples.Add(x, targets, present, Rows);
        return samples;
    }
}
