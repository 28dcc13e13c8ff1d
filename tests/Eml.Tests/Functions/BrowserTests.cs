using System.Text.Json;
using Eml.Functions;
using Eml.Numerics;
using Eml.Tests.Formats;
using Xunit.Abstractions;

namespace Eml.Tests.Functions;

/// <summary>
/// The browser trainer against what its page computed. Node's exp, ln and pow differ from ours by a last digit here and
/// there, hence 1e-12; a gradient is a difference of two outputs divided by 1e-6, hence 1e-8 for those.
/// </summary>
public class BrowserTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-12, GradientTolerance = 1e-8;

    private static readonly JsonElement s_golden = Golden.EmlCore("browser_export.json");

    [Fact]
    [Trait("Category", "Paths")]
    public void The_generator_gives_the_pages_numbers()
    {
        foreach (JsonElement c in s_golden.Array("make_rng"))
        {
            var random = new Lcg32(unchecked((uint)c.At("seed").GetInt64()));
            foreach (double value in c.Doubles("values"))
            {
                Assert.Equal(value, random.Signed());
            }
        }
    }

    [Fact]
    [Trait("Category", "Paths")]
    public void The_operators_give_the_pages_numbers()
    {
        JsonElement eml = s_golden.At("eml_safe");
        double[] x = eml.Doubles("x"), y = eml.Doubles("y");
        AssertClose(eml.Doubles("out"), [.. x.Select((_, i) => Operator.BrowserEmlSafe(x[i], y[i]))], "eml_safe");
        foreach (JsonElement c in s_golden.Array("numerical_softmax"))
        {
            double[] row = c.Doubles("row"), shares = new double[row.Length];
            BrowserBlock.Softmax(row, shares);
            AssertClose(c.Doubles("out"), shares, "softmax");
        }
    }

    [Fact]
    [Trait("Category", "Paths")]
    public void A_new_run_starts_from_the_pages_numbers()
    {
        foreach (JsonElement run in s_golden.Array("runs"))
        {
            BrowserConfig config = Config(run);
            var data = new BrowserSamples(config);
            int wide = config.SeqLen * config.DModel;
            Assert.Equal(run.Matrix("sample_inputs").SelectMany(row => row), data.X);
            AssertClose([.. run.Matrix("sample_target_means").SelectMany(row => row).SelectMany(mean => Enumerable.Repeat(mean, config.DModel))],
                data.Targets, "targets");

            var eml = BrowserBlock.Eml(config);
            Assert.Equal(run.Int("param_count"), eml.ParameterCount);
            string[] names = ["q", "k", "v", "out"];
            for (int m = 0; m < names.Length; m++)
            {
                Assert.Equal(run.At("param_counts").Int(names[m]), eml.Maps[m].ParameterCount);
                JsonElement file = run.At("init_bundle").At($"eml_attention_toy_{names[m]}.json").At("export");
                Assert.Equal(Exported(file), eml.Maps[m].Parameters.ToArray());
            }

            AssertForward(eml, run, "init_forward");

            var affine = BrowserBlock.Affine(config);
            Assert.Equal(run.Int("baseline_param_count"), affine.ParameterCount);
            AssertAffine(run.At("baseline_init_params"), affine, 0);
            AssertForward(affine, run, "baseline_init_forward");
        }
    }

    [Theory]
    [Trait("Category", "Paths")]
    [InlineData("iter0")]
    [InlineData("iter1")]
    [InlineData("baseline")]
    [InlineData("compare")]
    public void A_training_takes_the_pages_decisions(string mode)
    {
        JsonElement run = s_golden.Array("runs").Single(IsSmall);
        AssertTraining(run, run.Array("modes").Single(m => m.At("mode").GetString() == mode));
    }

    [Fact]
    public void Larger_trainings_take_the_pages_decisions()
    {
        JsonElement[] runs = [.. s_golden.Array("runs").Where(run => !IsSmall(run))];
        Assert.Equal(Golden.IsFull, runs.Length > 0);
        if (!Golden.IsFull)
        {
            output.WriteLine("skipped golden: the larger runs are in the full data only");
        }

        foreach (JsonElement run in runs)
        {
            foreach (JsonElement mode in run.Array("modes"))
            {
                AssertTraining(run, mode);
            }
        }
    }

    [Theory]
    [Trait("Category", "Paths")]
    [InlineData(1, 1, 1, 3, 4)]
    [InlineData(2, 3, 2, 4, 7)]
    [InlineData(3, 2, 1, 4, 9)]
    [InlineData(3, 2, 2, 3, 20)]
    public void Trials_that_compute_little_decide_as_those_that_compute_everything(int seqLen, int dModel, int dK, int depth, int samples)
    {
        var config = new BrowserConfig { SeqLen = seqLen, DModel = dModel, DK = dK, Depth = depth, Samples = samples, Seed = 5, Rounds = 2 };
        var data = new BrowserSamples(config);
        foreach (BrowserBlock block in new[] { BrowserBlock.Eml(config), BrowserBlock.Affine(config) })
        {
            var reference = new BrowserReference(block);
            double[] curve = reference.Train(data.X, data.Targets, samples, config.Rounds, 6);
            double[] parameters = [.. block.Maps.ToArray().SelectMany(map => map.Parameters.ToArray())];
            var moves = new List<(long Step, int Index, double Before, double After, double Loss)>();
            BrowserTraining training = BrowserTraining.Joint(block, data.X, data.Targets, samples, config.Rounds, 6, null,
                move => moves.Add((move.Step, move.Indices[0], move.Before[0], move.After[0], move.Loss)));
            Golden.AssertBits(curve, training.Curve, "curve");
            double[] trained = [.. block.Maps.ToArray().SelectMany(map => map.Parameters.ToArray())];
            Golden.AssertBits(reference.Parameters, trained, "parameters");
            double[] y = new double[data.X.Length];
            block.Forward(data.X, samples, y);
            Golden.AssertBits(reference.Forward(data.X.AsSpan(0, seqLen * dModel)), y[..(seqLen * dModel)], "forward");

            // The moves that were told lead from the first parameters to the last.
            Assert.Equal(training.Result.Accepted, moves.Count);
            foreach ((long step, int index, double before, double after, double loss) in moves)
            {
                Assert.InRange(step, 1, training.Result.Evaluations);
                Assert.Equal(before, parameters[index]);
                parameters[index] = after;
            }

            Assert.Equal(trained, parameters);
            Assert.Equal(training.Result.LossAfter, moves[^1].Loss);
            Assert.True(moves.Zip(moves.Skip(1)).All(pair => pair.First.Step < pair.Second.Step && pair.First.Loss > pair.Second.Loss));
        }
    }

    [Fact]
    public void A_training_can_be_watched_and_stopped()
    {
        var config = new BrowserConfig();
        var cancel = new Cancel();
        cancel.Set();
        var run = BrowserRun.Start(config, BrowserMode.Compare, new TrainOptions { Cancel = cancel });
        Assert.True(run.Cancelled);
        Assert.Null(run.Affine);
        Assert.InRange(run.Eml!.Training.Result.Evaluations, 1, 1000);
        Assert.Empty(run.Eml.Training.Curve);
        Assert.True(run.Eml.Training.Result.LossAfter <= run.Eml.Training.Result.LossBefore);

        var reports = new List<TrainProgress>();
        run = BrowserRun.Start(config with { Rounds = 1000 }, BrowserMode.Joint, new TrainOptions
        {
            Progress = report =>
            {
                reports.Add(report);
                return reports.Count == 3 ? 7 : 0;
            },
        });
        Assert.True(run.Cancelled);
        Assert.Equal(7, run.Eml!.Training.Result.StopValue);
        Assert.Equal(3, reports.Count);
        Assert.All(reports, report => Assert.Equal(1000L * 11392, report.Total));
        Assert.True(reports[2].Step > reports[1].Step);
    }

    [Fact]
    public void What_is_out_of_range_is_refused()
    {
        Refused.As(ErrorCode.Argument, () => BrowserBlock.Eml(new BrowserConfig { SeqLen = 9 }));
        Refused.As(ErrorCode.Argument, () => BrowserBlock.Eml(new BrowserConfig { DModel = 33 }));
        Refused.As(ErrorCode.Argument, () => BrowserBlock.Affine(new BrowserConfig { DModel = 4, DK = 5 }));
        Refused.As(ErrorCode.Argument, () => BrowserBlock.Eml(new BrowserConfig { Depth = 2 }));
        Refused.As(ErrorCode.Argument, () => new BrowserSamples(new BrowserConfig { Samples = 3 }));
        Refused.As(ErrorCode.Argument, () => new BrowserSamples(new BrowserConfig { Rounds = 0 }));
        var block = BrowserBlock.Eml(new BrowserConfig());
        Refused.As(ErrorCode.Shape, () => block.Forward(new double[31], 1, new double[32]));
        Refused.As(ErrorCode.Shape, () => block.Forward(new double[32], 1, new double[32], new double[15]));
        Refused.As(ErrorCode.NonFinite, () => block.Forward([.. Enumerable.Repeat(double.NaN, 32)], 1, new double[32]));
        Refused.As(ErrorCode.Shape, () => new BrowserBlock(3, block.Query, block.Key, block.Value, block.Output));
        Refused.As(ErrorCode.Shape, () => new BrowserBlock(4, block.Query, block.Key, block.Output, block.Value));
        Refused.As(ErrorCode.Argument, () => BrowserTraining.Joint(block, new double[96], new double[96], 3, 1, 0));
        Refused.As(ErrorCode.Shape, () => BrowserTraining.Joint(block, new double[128], new double[127], 4, 1, 0));
        Refused.As(ErrorCode.Argument, () =>
            BrowserTraining.Joint(block, new double[128], new double[128], 4, 1, 0, new TrainOptions { Seed = 1 }));
    }

    private static bool IsSmall(JsonElement run) => run.Int("param_count") < 1000;

    private static void AssertTraining(JsonElement run, JsonElement expected)
    {
        BrowserMode mode = expected.At("mode").GetString() switch
        {
            "iter0" => BrowserMode.Output,
            "iter1" => BrowserMode.Joint,
            "baseline" => BrowserMode.Baseline,
            _ => BrowserMode.Compare,
        };
        var result = BrowserRun.Start(Config(run), mode);
        Assert.False(result.Cancelled);
        AssertOutcome(result.Eml, expected, "eml");
        AssertOutcome(result.Affine, expected, "base");

        if (mode == BrowserMode.Output)
        {
            // The page tells the loss before in words only.
            Assert.Contains(expected.Array("status_messages"), message =>
                message.GetString()!.Contains($"untrained out_model) = {result.Eml!.Training.Result.LossBefore:0.0000e+0}", StringComparison.Ordinal));
            Assert.Equal(result.Eml!.Training.Curve[^1], result.Eml.Block.OutputLoss);
        }

        if (expected.TryGetProperty("bundle", out JsonElement bundle))
        {
            JsonElement file = bundle.At("eml_attention_toy_out.json").At("export");
            Assert.Equal(file.At("trained").GetBoolean(), result.Eml!.Block.OutputTrained);
            string[] names = ["q", "k", "v", "out"];
            for (int m = 0; m < names.Length; m++)
            {
                file = bundle.At($"eml_attention_toy_{names[m]}.json");
                if (file.ValueKind == JsonValueKind.String)
                {
                    file = run.At("init_bundle").At($"eml_attention_toy_{names[m]}.json");
                }

                AssertClose(Exported(file.At("export")), result.Eml.Block.Maps[m].Parameters.ToArray(), names[m]);
            }

            AssertForward(result.Eml.Block, run, expected.At("forward"));
        }

        if (expected.TryGetProperty("base_params", out JsonElement parameters))
        {
            AssertAffine(parameters, result.Affine!.Block, Tolerance);
            AssertForward(result.Affine.Block, run, expected.At("base_forward"));
        }
    }

    private static BrowserConfig Config(JsonElement run)
    {
        JsonElement c = run.At("config");
        return new BrowserConfig
        {
            SeqLen = c.Int("seq_len"),
            DModel = c.Int("d_model"),
            DK = c.Int("d_k"),
            Depth = c.Int("depth"),
            Seed = c.At("seed").GetUInt32(),
            Rounds = c.Int("rounds"),
            Samples = c.Int("samples"),
        };
    }

    private static double[] Exported(JsonElement export) =>
        [.. export.Matrix("level0_weight").SelectMany(row => row), .. export.Doubles("level0_bias"),
            .. export.Matrix("tree_params").SelectMany(row => row)];

    private static void AssertOutcome(BrowserOutcome? outcome, JsonElement mode, string which)
    {
        if (!mode.TryGetProperty(which, out JsonElement expected))
        {
            Assert.Null(outcome);
            return;
        }

        Assert.NotNull(outcome);
        Assert.Equal(expected.Int("params"), outcome.Training.Parameters);
        Assert.Equal(expected.Int("trials_per_round"), outcome.Training.TrialsPerRound);
        Assert.Equal((long)expected.Int("trials_per_round") * outcome.Training.Curve.Length, outcome.Training.Result.Evaluations);
        AssertClose(expected.Doubles("curve"), outcome.Training.Curve, "curve");
        Assert.Equal(outcome.Training.Curve[^1], outcome.Training.Result.LossAfter);
        if (expected.TryGetProperty("baseline_mse", out JsonElement before))
        {
            Assert.Equal(before.GetDouble(), outcome.Training.Result.LossBefore, Tolerance);
        }

        JsonElement stability = mode.At($"stability_{which}");
        Assert.Equal(stability.At("maxGrad").GetDouble(), outcome.Stability.MaxGradient, GradientTolerance);
        Assert.Equal(stability.At("meanGrad").GetDouble(), outcome.Stability.MeanGradient, GradientTolerance);
        Assert.Equal(stability.Int("trials"), outcome.Stability.Trials);
        Assert.Equal(stability.At("tier").GetString(), outcome.Stability.Tier.ToString(), ignoreCase: true);
    }

    private static void AssertAffine(JsonElement parameters, BrowserBlock block, double tolerance)
    {
        string[] names = ["q", "k", "v", "out"];
        for (int m = 0; m < names.Length; m++)
        {
            JsonElement map = parameters.At(names[m]);
            AssertClose([.. map.Doubles("w"), .. map.Doubles("b")], block.Maps[m].Parameters.ToArray(), names[m], tolerance);
        }
    }

    private static void AssertForward(BrowserBlock block, JsonElement run, string name) => AssertForward(block, run, run.At(name));

    private static void AssertForward(BrowserBlock block, JsonElement run, JsonElement outputs)
    {
        double[][] inputs = run.Matrix("forward_inputs");
        double[] x = [.. inputs.SelectMany(row => row)], y = new double[x.Length];
        int rows = inputs.Length, attentionSize = block.SeqLen * block.SeqLen, contextSize = block.SeqLen * block.DK;
        double[] attention = new double[rows * attentionSize], context = new double[rows * contextSize];
        block.Forward(x, rows, y, attention, context);
        for (int i = 0; i < rows; i++)
        {
            JsonElement expected = outputs[i];
            AssertClose(expected.Doubles("y"), y.AsSpan(i * inputs[i].Length, inputs[i].Length).ToArray(), "y");
            if (expected.TryGetProperty("attn", out _))
            {
                AssertClose([.. expected.Matrix("attn").SelectMany(row => row)],
                    attention.AsSpan(i * attentionSize, attentionSize).ToArray(), "attention");
                AssertClose(expected.Doubles("context"), context.AsSpan(i * contextSize, contextSize).ToArray(), "context");
            }
        }
    }

    private static void AssertClose(double[] expected, double[] actual, string what, double tolerance = Tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double scale = Math.Max(1, Math.Abs(expected[i])); // e^20 is 5e8
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * scale || expected[i].Equals(actual[i]),
                $"{what}[{i}]: expected {expected[i]:r}, got {actual[i]:r}");
        }
    }
}
