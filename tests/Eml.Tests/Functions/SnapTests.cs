using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Snapping: exact constants are found, the loss stays within its bound, and nothing else changes.</summary>
public class SnapTests
{
    [Theory]
    [InlineData(2, true)]
    [InlineData(4, true)]
    [InlineData(5, true)]
    [InlineData(2, false)]
    [InlineData(4, false)]
    public void A_linear_truth_is_read_off_exactly(int depth, bool scaled)
    {
        Assert.Equal("y = x0 + 0.5*x1\n", Read(depth, scaled, (a, b) => a + 0.5 * b));
        Assert.Equal("y = 3 - 2*x0 + 1/3*x1\n", Read(depth, scaled, (a, b) => 3 - 2 * a + b / 3));
    }

    [Fact]
    public void The_constants_of_an_operator_node_are_found()
    {
        // y = 2·eml(x0, 1 + (x1/2)²) − 1 with every parameter a little off; 0.5 has two simpler neighbours within reach.
        EmlModel model = New(Profile.Default, 2, (a, b) => 2 * Operator.Eml(a, 1 + 0.25 * b * b) - 1);
        double[] truth = [0, 1, 0, 0, 0, 0.5, -1, 0, 0, 2];
        var random = new Random(5);
        model.SetParameters([.. truth.Select(p => p + 0.02 * (random.NextDouble() - 0.5))]);
        double before = model.Loss();
        SnapResult result = model.Snap();
        Assert.Equal(truth, model.Parameters.ToArray());
        Assert.Equal(before, result.LossBefore);
        Assert.True(result.LossAfter < 1e-25, $"loss {result.LossAfter}");
        Assert.Equal(model.Loss(), result.LossAfter);
        Assert.False(result.Unscaled);
    }

    [Theory]
    [InlineData(Profile.Default, 2)]
    [InlineData(Profile.Default, 4)]
    [InlineData(Profile.EmlCore01, 2)]
    [InlineData(Profile.EmlCore01, 5)]
    public void The_loss_stays_within_its_bound_and_the_moves_lead_to_the_result(Profile profile, int depth)
    {
        foreach (double increase in (double[])[0, 0.02, 0.5])
        {
            EmlModel model = New(profile, depth, (a, b) => 2 + Math.Sin(a) * b);
            model.FitScaling();
            model.Train(new TrainOptions { MaxSweeps = 20 });
            double before = model.Loss();
            double[] parameters = model.Parameters.ToArray();
            double last = double.NaN;
            long step = 0;
            SnapResult result = model.Snap(new SnapOptions
            {
                MaxLossIncrease = increase,
                OnMove = move =>
                {
                    Assert.True(move.Step > step);
                    (step, last) = (move.Step, move.Loss);
                    for (int i = 0; i < move.Indices.Length; i++)
                    {
                        Assert.Equal(parameters[move.Indices[i]], move.Before[i]);
                        parameters[move.Indices[i]] = move.After[i];
                    }
                },
            });
            Assert.Equal(before, result.LossBefore);
            Assert.True(result.LossAfter <= result.LossAllowed, $"{result.LossAfter} > {result.LossAllowed}");
            Assert.Equal(Math.Max(before * (1 + increase), 0), result.LossAllowed, 1e-8);
            Assert.NotEmpty(result.Snapped);
            Assert.Equal(last, result.LossAfter);
            Golden.AssertBits(parameters, model.Parameters.ToArray(), "moves");
            // Working a scaling into the parameters rounds, and a bound without slack may not allow even that.
            Assert.True(result.Unscaled == (profile == Profile.Default) || increase == 0);
            Assert.Equal(result.Unscaled, model.Scaling is null);
            Assert.Equal(result.LossAfter, LossInTheOldUnits(model, result), 1e-12);
        }
    }

    [Fact]
    public void Mixtures_of_the_crates_profile_become_exact_zeros_and_ones()
    {
        EmlModel model = New(Profile.EmlCore01, 3, (a, b) => Math.Abs(a) + b);
        double[] p = new double[model.ParameterCount];
        for (int i = 0; i < 24; i += 3)
        {
            p[i + i / 3 % 3] = 6; // 0.995 of one component
        }

        p[3] = p[4] = 6;          // two halves
        p[5] = 0;
        model.SetParameters(p);
        SnapResult result = model.Snap(new SnapOptions { MaxLossIncrease = 0.5 });
        Assert.NotEmpty(result.Snapped);
        for (int leaf = 0; leaf < 8; leaf++)
        {
            (double a, double b, double c) = Operator.Softmax3(model.Parameters[3 * leaf], model.Parameters[3 * leaf + 1], model.Parameters[3 * leaf + 2]);
            Assert.Equal(leaf == 1 ? [0, 0.5, 0.5] : [0, 0, 1], ((double[])[a, b, c]).Order());
        }
    }

    [Fact]
    public void The_result_depends_on_neither_tolerance_zero_nor_a_bound_that_cannot_be_met()
    {
        EmlModel model = New(Profile.Default, 2, (a, b) => Math.Exp(a) * b);
        model.FitScaling();
        model.Train(new TrainOptions { MaxSweeps = 3 });
        double[] before = model.Parameters.ToArray();
        SnapResult result = model.Snap(new SnapOptions { MaxLossIncrease = 0, MaxLoss = 1e-300, Tolerance = 0 });
        Assert.Empty(result.Snapped);
        Assert.False(result.Unscaled);
        Assert.NotNull(model.Scaling);
        Golden.AssertBits(before, model.Parameters.ToArray(), "parameters");
    }

    [Fact]
    public void Snapping_can_be_stopped_and_keeps_what_it_did()
    {
        EmlModel model = New(Profile.Default, 5, (a, b) => Math.Exp(a) * b);
        model.FitScaling();
        model.Train(new TrainOptions { MaxSweeps = 3 });
        var cancel = new Cancel();
        int moves = 0;
        SnapResult result = model.Snap(new SnapOptions
        {
            MaxLossIncrease = 10,
            Cancel = cancel,
            OnMove = _ =>
            {
                if (++moves == 3)
                {
                    cancel.Set();
                }
            },
        });
        Assert.Equal(TrainStatus.Cancelled, result.Status);
        Assert.NotEmpty(result.Snapped);
        Assert.Equal(result.LossAfter, LossInTheOldUnits(model, result), 1e-9);

        var phases = new HashSet<int>();
        result = model.Snap(new SnapOptions { Progress = p => phases.Add(p.Phase) ? 7 : 7 });
        Assert.Equal((TrainStatus.Cancelled, 7), (result.Status, result.StopValue));
        Assert.Equal([3], phases);
    }

    [Fact]
    public void What_cannot_be_snapped_is_refused()
    {
        var model = new EmlModel(2, 1, 1, Profile.Default);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => model.Snap()).Code);
        model.Record([1, 2], [0, 0], [0, 0], 2);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => model.Snap()).Code);
        model.Record([1, 2], [3, 4], [], 2);
        foreach (SnapOptions bad in (SnapOptions[])[new() { Tolerance = -1 }, new() { MaxLossIncrease = double.NaN }, new() { MaxLoss = -1 }])
        {
            Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => model.Snap(bad)).Code);
        }
    }

    private static string Read(int depth, bool scaled, Func<double, double, double> f)
    {
        EmlModel model = New(Profile.Default, depth, f);
        if (scaled)
        {
            model.FitScaling();
        }

        model.Train();
        model.Snap();
        return FormulaText.Write(model.ToFormula(), FormulaFormat.Text);
    }

    private static double LossInTheOldUnits(EmlModel model, SnapResult result)
    {
        if (!result.Unscaled)
        {
            return model.Loss();
        }

        EmlModel again = model.Clone();
        double loss = again.Loss();
        again.FitScaling();
        return loss * again.Scaling!.TargetFactor[0] * again.Scaling.TargetFactor[0];
    }

    private static EmlModel New(Profile profile, int depth, Func<double, double, double> f)
    {
        var model = new EmlModel(depth, 2, 1, profile);
        Record(model, f, 100);
        return model;
    }

    private static void Record(EmlModel model, Func<double, double, double> f, int rows)
    {
        var random = new Random(11);
        for (int i = 0; i < rows; i++)
        {
            double a = 4 * random.NextDouble() - 2, b = 3 * random.NextDouble();
            model.Record([a, b], [f(a, b)], [], 1);
        }
    }
}
