using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;

namespace Eml.Cli;

/// <summary><c>eml attn browser</c>: what eml-core's browser trainer does when its button is pressed.</summary>
internal static class AttnBrowser
{
    private static readonly string[] s_modes = ["iter0", "iter1", "baseline", "compare"]; // as BrowserMode has them

    private sealed record Report(BrowserRun Run, double Seconds, string? Out, string[] Files)
    {
        public string Mode => s_modes[(int)Run.Mode];
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var page = new BrowserConfig();
        var mode = new Option<string>("--mode")
        {
            DefaultValueFactory = _ => s_modes[(int)BrowserMode.Compare],
            Description = "What learns: the output map (iter0), all maps (iter1), the affine baseline, or iter1 and baseline",
        };
        mode.AcceptOnlyFromAmong(s_modes);
        Option<int> seqLen = Number("--seq", 1, BrowserConfig.SeqLenLimit, page.SeqLen, "Positions in a sequence");
        Option<int> dModel = Number("--d-model", 1, BrowserConfig.DModelLimit, page.DModel, "Numbers in a position");
        Option<int> dK = Number("--d-k", 1, BrowserConfig.DModelLimit, page.DK, "Numbers in a query, key or value; at most --d-model");
        Option<int> depth = Number("--depth", BrowserConfig.LeastDepth, BrowserConfig.MostDepth, page.Depth, "Levels of eml nodes");
        Option<int> rounds = Number("--rounds", 1, BrowserConfig.MostRounds, page.Rounds, "Rounds of training");
        Option<int> samples = Number("--samples", BrowserConfig.LeastSamples, BrowserConfig.MostSamples, page.Samples, "Samples to generate");
        Option<uint> seed = Seed(page.Seed);
        Option<string?> output = Arguments.Out("DIR", "Save what the page downloads: four JSON files, for eml convert to make SafeTrees of");
        var command = new Command("browser", "Train as eml-core's browser page does, with its decisions and its files")
        {
            mode, seqLen, dModel, dK, depth, seed, rounds, samples, output,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(output) is not null && result.GetValue(mode) == s_modes[(int)BrowserMode.Baseline])
                result.AddError("--out saves the block of eml functions, which --mode baseline does not train; leave one of them out");
        });
        command.SetAction(parse => Run(
            new BrowserConfig
            {
                SeqLen = parse.GetValue(seqLen),
                DModel = parse.GetValue(dModel),
                DK = parse.GetValue(dK),
                Depth = parse.GetValue(depth),
                Seed = parse.GetValue(seed),
                Rounds = parse.GetValue(rounds),
                Samples = parse.GetValue(samples),
            },
            (BrowserMode)Array.IndexOf(s_modes, parse.GetValue(mode)), parse.GetValue(output), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(BrowserConfig config, BrowserMode mode, string? output, bool json)
    {
        config.Check();
        if (output is not null)
            Directory.CreateDirectory(output); // now, so that a name that cannot be a folder fails before the work

        BrowserRun run;
        double seconds;
        using (var interrupt = new Interrupt())
        {
            using var progress = new Progress();
            run = BrowserRun.Start(config, mode, new TrainOptions { Cancel = interrupt.Cancel, Progress = progress.Report });
            seconds = progress.Seconds;
        }

        double now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
        string[] files = output is null ? [] : BrowserBundle.Of(run.Eml!.Block, now).Save(output);
        var report = new Report(run, seconds, output, files);
        if (json)
            Output.Json(o => Write(o, report));
        else
            Print(report);
        return run.Cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static void Print(Report report)
    {
        BrowserConfig config = report.Run.Config;
        Output.Field("data", $"{Output.Count(config.Samples, "sample")} of {config.SeqLen} × {config.DModel} numbers, seed {config.Seed}");
        Print("eml", report.Run.Eml);
        Print("baseline", report.Run.Affine);
        Output.Field("work", string.Create(CultureInfo.InvariantCulture, $"{report.Seconds:F2} s"));
        if (report.Run.Cancelled)
            Output.Warn("interrupted: this is the best state reached");
        foreach (string file in report.Files)
            Output.Field("saved", file);
    }

    private static void Print(string what, BrowserOutcome? outcome)
    {
        if (outcome is null)
            return;

        BrowserTraining training = outcome.Training;
        Output.Field(what, $"{Output.Count(training.Parameters, "parameter")} trained, " +
            $"{Output.Count(training.Result.Evaluations, "trial")}, {Output.Count(training.Result.Accepted, "move")} kept");
        Output.Field("loss", $"{Output.Short(training.Result.LossBefore)} before, {Output.Short(training.Result.LossAfter)} after " +
            $"({(training.Result.Converged ? "converged" : "not converged")})");
        for (int r = 0; r < training.Curve.Length; r++)
            Output.Field("round", $"{r + 1}: {Output.Short(training.Curve[r])}");
        Output.Field("stability", $"{Tier(outcome.Stability)}: gradient at most {Output.Short(outcome.Stability.MaxGradient)}, " +
            $"{Output.Short(outcome.Stability.MeanGradient)} on average");
    }

    private static void Write(Utf8JsonWriter json, Report report)
    {
        BrowserConfig config = report.Run.Config;
        json.WriteString("mode", report.Mode);
        json.WriteNumber("seq_len", config.SeqLen);
        json.WriteNumber("d_model", config.DModel);
        json.WriteNumber("d_k", config.DK);
        json.WriteNumber("depth", config.Depth);
        json.WriteNumber("seed", config.Seed);
        json.WriteNumber("rounds", config.Rounds);
        json.WriteNumber("samples", config.Samples);
        Write(json, "eml", report.Run.Eml);
        Write(json, "baseline", report.Run.Affine);
        json.WriteBoolean("cancelled", report.Run.Cancelled);
        json.Number("seconds", report.Seconds);
        json.WriteString("out", report.Out);
        json.Strings("files", report.Files);
    }

    private static void Write(Utf8JsonWriter json, string name, BrowserOutcome? outcome)
    {
        if (outcome is null)
        {
            json.WriteNull(name);
            return;
        }

        BrowserTraining training = outcome.Training;
        json.WriteStartObject(name);
        json.WriteNumber("parameters", training.Parameters);
        json.WriteNumber("trials_per_round", training.TrialsPerRound);
        json.Number("loss_before", training.Result.LossBefore);
        json.WriteStartArray("curve");
        foreach (double loss in training.Curve)
            json.Number(loss);
        json.WriteEndArray();
        json.Number("loss_after", training.Result.LossAfter);
        json.WriteBoolean("converged", training.Result.Converged);
        json.WriteNumber("evaluations", training.Result.Evaluations);
        json.WriteNumber("accepted", training.Result.Accepted);
        json.WriteStartObject("stability");
        json.Number("max_gradient", outcome.Stability.MaxGradient);
        json.Number("mean_gradient", outcome.Stability.MeanGradient);
        json.WriteNumber("trials", outcome.Stability.Trials);
        json.WriteString("tier", Tier(outcome.Stability));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Tier(BrowserStability stability) => stability.Tier switch
    {
        BrowserTier.Stable => "stable",
        BrowserTier.Watch => "watch",
        _ => "stiff",
    };

    private static Option<int> Number(string name, int min, int max, int usual, string description)
    {
        Option<int> option = Arguments.Integer(name, min, max, $"{description}, {min} to {max}");
        option.DefaultValueFactory = _ => usual;
        return option;
    }

    private static Option<uint> Seed(uint usual) => new("--seed")
    {
        HelpName = "N",
        Description = "Start of the random numbers, 0 to 4294967295: the same seed gives the same block",
        DefaultValueFactory = _ => usual,
        CustomParser = result => Arguments.Unsigned<uint>(result, "--seed"),
    };
}
