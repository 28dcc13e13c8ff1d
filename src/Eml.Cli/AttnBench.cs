using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml attn bench</c>: what attention blocks of the default profile learn, by shape, task and trainer.</summary>
internal static class AttnBench
{
    private const int TrainingSamples = 256;
    private const int HeldOutSamples = 1000;
    private const ulong SampleSeed = 0xA77E;

    // Budgets fall as blocks grow, so that the whole table takes minutes.
    private static readonly Shape[] s_shapes =
    [
        new(4, 8, 1, 8, 8, 0, AttentionTrainOptions.DefaultEvaluations),
        new(8, 16, 2, 8, 8, 0, AttentionTrainOptions.DefaultEvaluations),
        new(16, 32, 2, 16, 16, 0, 120_000),
        new(32, 64, 4, 16, 32, 0, 60_000),
        new(32, 128, 4, 32, 32, 0, 40_000),
        new(64, 64, 2, 32, 16, 16, 40_000),
    ];

    private static readonly Task[] s_tasks =
    [
        new("mean", AttentionTask.PositionMean, true),
        new("mean, attention only", AttentionTask.PositionMean, false),
        new("identity", AttentionTask.Identity, true),
        new("identity, attention only", AttentionTask.Identity, false),
        new("previous token", AttentionTask.Previous, true),
        new("running mean", AttentionTask.RunningMean, true),
        new("retrieval", AttentionTask.Retrieval, true),
        new("softmax mean", AttentionTask.SoftmaxMean, true),
        new("energy", AttentionTask.Energy, true),
    ];

    private readonly record struct Shape(int Seq, int DModel, int Heads, int DKey, int Nodes, int Chunk, long Budget);

    private readonly record struct Task(string Name, AttentionTask What, bool Residual);

    private sealed record Row(Shape Shape, Task Task, bool Affine, int Parameters, AttentionTrainResult Result, double HeldOut,
        double Zero, double Seconds)
    {
        public string Trainer => Affine ? "affine" : "eml";
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "Only the smallest shape, with a quarter of the evaluations" };
        Option<ulong> seed = Arguments.Seed();
        var command = new Command("bench", "Train attention blocks on known tasks; print what they learned, held-out")
        {
            quick, seed,
        };
        command.SetAction(parse => Run(parse.GetValue(quick), parse.GetValue(seed), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(bool quick, ulong seed, bool json)
    {
        var rows = new List<Row>();
        using var interrupt = new Interrupt();
        if (!json)
        {
            Output.Line($"{TrainingSamples} samples to train on, {HeldOutSamples} fresh ones to measure (held-out); zero: the error of " +
                "predicting 0; eml: EML nodes before and behind the attention, affine: none");
            Output.Line(Line("seq×d_model/heads/d_k", "task", "trainer", "parameters", "training MSE", "held-out MSE", "zero MSE",
                "of zero", "evaluations", "seconds"));
        }

        foreach (Shape shape in quick ? s_shapes[..1] : s_shapes)
        {
            foreach (Task task in s_tasks)
            {
                foreach (bool affine in (ReadOnlySpan<bool>)[false, true])
                {
                    Row row = Measure(quick ? shape with { Budget = shape.Budget / 4 } : shape, task, affine, seed, interrupt.Cancel);
                    if (interrupt.Cancel.IsSet)
                        break;
                    rows.Add(row);
                    Print(row, json ? Output.Error : Output.Out);
                }
            }
        }

        if (json)
            Output.Json(o => Write(o, rows, seed, interrupt.Cancel.IsSet));
        if (interrupt.Cancel.IsSet)
            Output.Warn("interrupted: the table is not complete");
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static Row Measure(Shape shape, Task task, bool affine, ulong seed, Cancel cancel)
    {
        var block = new EmlAttention(new AttentionConfig
        {
            DModel = shape.DModel,
            DKey = shape.DKey,
            SeqLen = shape.Seq,
            Heads = shape.Heads,
            Nodes = affine ? 0 : shape.Nodes,
            Positional = true,
            Residual = task.Residual,
            Chunk = shape.Chunk,
        });
        var random = new Lcg64(SampleSeed + seed);
        int length = block.Config.SampleLength;
        double[] x = new double[length], target = new double[length], y = new double[length];
        for (int n = 0; n < TrainingSamples; n++)
        {
            AttentionTasks.Sample(task.What, block.Config, ref random, x, target);
            block.Record(x, target, 1);
        }

        var clock = Stopwatch.StartNew();
        AttentionTrainResult result = block.Train(new AttentionTrainOptions
        {
            MaxEvaluations = shape.Budget,
            Seed = seed,
            Cancel = cancel,
        });
        double seconds = clock.Elapsed.TotalSeconds, error = 0, zero = 0;
        for (int n = 0; n < HeldOutSamples && !cancel.IsSet; n++)
        {
            AttentionTasks.Sample(task.What, block.Config, ref random, x, target);
            block.Forward(x, 1, y);
            for (int i = 0; i < length; i++)
            {
                error += (y[i] - target[i]) * (y[i] - target[i]);
                zero += target[i] * target[i];
            }
        }

        double count = (double)HeldOutSamples * length;
        return new Row(shape, task, affine, block.ParameterCount, result, error / count, zero / count, seconds);
    }

    // With --json, standard error shows how far the table is.
    private static void Print(Row row, TextWriter to)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        to.WriteLine(Line($"{row.Shape.Seq}×{row.Shape.DModel}/{row.Shape.Heads}/{row.Shape.DKey}", row.Task.Name, row.Trainer,
            row.Parameters.ToString(culture), Error(row.Result.LossAfter), Error(row.HeldOut), Error(row.Zero),
            (row.HeldOut / row.Zero).ToString("P2", culture), row.Result.Evaluations.ToString(culture),
            row.Seconds.ToString("F1", culture)));

        string Error(double value) => value.ToString("0.00e+00", culture);
    }

    private static string Line(string shape, string task, string trainer, string parameters, string training, string heldOut,
        string zero, string share, string evaluations, string seconds) =>
        $"{shape,-22}{task,-26}{trainer,-8}{parameters,10}{training,14}{heldOut,14}{zero,10}{share,11}{evaluations,12}{seconds,9}";

    private static void Write(Utf8JsonWriter json, List<Row> rows, ulong seed, bool cancelled)
    {
        json.WriteNumber("seed", seed);
        json.WriteNumber("training_samples", TrainingSamples);
        json.WriteNumber("held_out_samples", HeldOutSamples);
        json.WriteBoolean("cancelled", cancelled);
        json.WriteStartArray("rows");
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteNumber("seq_len", row.Shape.Seq);
            json.WriteNumber("d_model", row.Shape.DModel);
            json.WriteNumber("heads", row.Shape.Heads);
            json.WriteNumber("d_k", row.Shape.DKey);
            json.WriteNumber("nodes", row.Affine ? 0 : row.Shape.Nodes);
            json.WriteNumber("chunk", row.Shape.Chunk);
            json.WriteBoolean("residual", row.Task.Residual);
            json.WriteString("task", row.Task.Name);
            json.WriteString("trainer", row.Trainer);
            json.WriteNumber("parameters", row.Parameters);
            json.Number("training_mse", row.Result.LossAfter);
            json.Number("cross_validated_mse", row.Result.CrossLoss);
            json.Number("held_out_mse", row.HeldOut);
            json.Number("zero_mse", row.Zero);
            json.WriteNumber("evaluations", row.Result.Evaluations);
            json.WriteNumber("accepted", row.Result.Accepted);
            json.WriteNumber("rounds", row.Result.Rounds);
            json.Number("seconds", row.Seconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
