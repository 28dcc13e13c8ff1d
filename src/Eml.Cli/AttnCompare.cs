using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// <c>eml attn compare</c>: eml-core's compare_eml_vs_baseline with its program's settings, and the default profile's block
/// beside its affine baseline, which has no EML nodes, on held-out data.
/// </summary>
internal static class AttnCompare
{
    private const int Samples = 96, Subset = 16, Nodes = 8; // the samples as eml-core has them
    private const double StepFinal = 0.01, ConvergenceMse = 1e-3; // as in eml-core's examples/attention_compare.rs

    /// <summary>One task, learned by both.</summary>
    private sealed record Row(string Task, AttnTrial Block, AttnTrial Affine, double BlockP99, double AffineP99);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Option<int> seqLen = Number("--seq", 1, AttentionBlock.MaxSeqLen, 2, "Rows in a sequence");
        Option<int> dModel = Number("--d-model", 1, AttentionBlock.MaxDModel, 4, "Numbers in a row");
        Option<int> dKey = Number("--d-k", 1, AttentionBlock.MaxDModel, 2, "Numbers in a query or key, at most --d-model");
        Option<int> depth = Number("--depth", ToyEmlAttention.MinDepth, ToyEmlAttention.MaxDepth, 3, "Levels of eml nodes of eml-core's block");
        Option<int> trials = Number("--trials", 1, 10_000_000, 5000, "Moves to try in a round; the default profile's blocks may evaluate as many samples");
        Option<int> rounds = Number("--rounds", 1, 1000, 3, "Rounds of training");
        var command = new Command("compare", "Compare attention blocks of EML functions with affine ones: eml-core's, and the default profile's")
        {
            seqLen, dModel, dKey, depth, trials, rounds,
        };
        command.SetAction(parse => Run(
            new AttentionConfig
            {
                SeqLen = parse.GetValue(seqLen),
                DModel = parse.GetValue(dModel),
                DKey = parse.GetValue(dKey),
                Nodes = Nodes,
                Positional = true,
            },
            parse.GetValue(depth), parse.GetValue(trials), parse.GetValue(rounds), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(AttentionConfig config, int depth, int trials, int rounds, bool json)
    {
        using var interrupt = new Interrupt();
        Cancel cancel = interrupt.Cancel;
        AttentionComparison? comparison;
        using (var progress = new Progress(p => $"eml-core round {p.Phase}"))
        {
            comparison = AttentionComparison.Run(config.DModel, config.DKey, config.SeqLen, depth,
                new EndToEndTrainConfig { Trials = trials, StepFinal = StepFinal, ConvergenceMse = ConvergenceMse }, rounds,
                new TrainOptions { Cancel = cancel, Progress = progress.Report });
        }

        if (!json && comparison is not null)
            Print(comparison);

        var rows = new List<Row>();
        if (!json && comparison is not null)
        {
            Output.Line("");
            Output.Line($"default profile, {AttnShape.Describe(config)}; affine: 0 nodes; {Samples} samples, {AttnData.HeldOutSamples} fresh ones (held-out)");
            Output.Line(Line("task", "block MSE", "affine MSE", "zero MSE", "block p99", "affine p99", "parameters"));
        }

        foreach (string task in AttnData.TaskNames)
        {
            if (cancel.IsSet)
                break;
            // A quarter of a row's numbers are the bits of its key: too few for so many rows.
            if (task == "retrieval" && 1 << Math.Min(config.DModel / 4, 30) < config.SeqLen)
                continue;

            Row row = Measure(config, task, (long)trials * rounds * Subset, cancel);
            if (cancel.IsSet)
                break;
            rows.Add(row);
            if (!json)
                Print(row);
        }

        if (json)
            Output.Json(o => Write(o, comparison, config, rows, cancel.IsSet));
        if (cancel.IsSet)
            Output.Warn("interrupted: the comparison is not complete");
        return cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static Row Measure(AttentionConfig config, string task, long evaluations, Cancel cancel)
    {
        AttnTrial block = AttnTrial.Run(config, task, Samples, evaluations, cancel);
        AttnTrial affine = AttnTrial.Run(config with { Nodes = 0 }, task, Samples, evaluations, cancel);
        return new Row(task, block, affine, AttnLatency.Measure(block.Block.Forward, config.SampleLength).P99,
            AttnLatency.Measure(affine.Block.Forward, config.SampleLength).P99);
    }

    private static void Print(AttentionComparison c)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Output.Line($"eml-core-0.1, d_model {c.DModel}, d_k {c.DK}, seq_len {c.SeqLen}, depth {c.Depth}, {c.Rounds} × {Output.Count(c.Trials, "trial")}");
        Row("", "EML", "baseline");
        Row("param_count", c.EmlParamCount.ToString(culture), c.BaselineParamCount.ToString(culture));
        Row("baseline_mse", Error(c.EmlBaselineMse), Error(c.BaselineBaselineMse));
        Row("final_mse", Error(c.EmlFinalMse), Error(c.BaselineFinalMse));
        Row("mse_reduction", c.EmlMseReduction.ToString("P1", culture), c.BaselineMseReduction.ToString("P1", culture));
        Row("inference_ns_p99", c.EmlInferenceNsP99.ToString(culture), c.BaselineInferenceNsP99.ToString(culture));

        static void Row(string what, string eml, string baseline) => Output.Line($"  {what,-18}{eml,14}{baseline,14}");
        static string Error(double value) => value.ToString("F6", CultureInfo.InvariantCulture);
    }

    private static void Print(Row row)
    {
        Output.Line(Line(row.Task, Error(row.Block.HeldOut), Error(row.Affine.HeldOut), Error(row.Block.Zero), Time(row.BlockP99), Time(row.AffineP99),
            $"{row.Block.Block.ParameterCount}/{row.Affine.Block.ParameterCount}"));

        static string Error(double value) => value.ToString("0.00e+00", CultureInfo.InvariantCulture);
        static string Time(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:F0} ns");
    }

    private static string Line(string task, string block, string affine, string zero, string blockTime, string affineTime, string parameters) =>
        $"  {task,-14}{block,12}{affine,12}{zero,12}{blockTime,12}{affineTime,12}{parameters,12}";

    private static void Write(Utf8JsonWriter json, AttentionComparison? comparison, AttentionConfig config, List<Row> rows, bool isCancelled)
    {
        json.WritePropertyName("eml_core");
        if (comparison is null)
            json.WriteNullValue();
        else
            json.WriteRawValue(AttentionReport.ToJson(comparison));
        json.WriteStartObject("default");
        AttnShape.Write(json, config);
        json.WriteNumber("training_samples", Samples);
        json.WriteNumber("held_out_samples", AttnData.HeldOutSamples);
        json.WriteStartArray("tasks");
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteString("task", row.Task);
            json.Number("zero_mse", row.Block.Zero);
            Write(json, "block", row.Block, row.BlockP99);
            Write(json, "affine", row.Affine, row.AffineP99);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteBoolean("cancelled", isCancelled);
    }

    private static void Write(Utf8JsonWriter json, string name, AttnTrial trial, double p99)
    {
        json.WriteStartObject(name);
        json.WriteNumber("parameters", trial.Block.ParameterCount);
        json.Number("training_mse", trial.Result.LossAfter);
        json.Number("held_out_mse", trial.HeldOut);
        json.WriteNumber("evaluations", trial.Result.Evaluations);
        json.WriteNumber("rounds", trial.Result.Rounds);
        json.Number("inference_ns_p99", p99);
        json.WriteEndObject();
    }

    private static Option<int> Number(string name, int min, int max, int usual, string description)
    {
        Option<int> option = Arguments.Integer(name, min, max, $"{description}, {min} to {max}");
        option.DefaultValueFactory = _ => usual;
        return option;
    }
}
