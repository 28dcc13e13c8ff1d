using System.CommandLine;
using System.Text.Json;
using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml fn train</c>: learns a function from the columns of a CSV file.</summary>
internal static class FnTrain
{
    private sealed record Request(string Data, string Targets, string? Inputs, int Depth, Profile Profile, ulong Seed,
        string? Out, string? Audit);

    private sealed record Report(Request Request, string[] Inputs, string[] Targets, EmlModel Model, int Rows,
        TrainResult Result, Fit[] Fits, double Seconds, string[] Lost)
    {
        public bool Cancelled => Result.Status == TrainStatus.Cancelled;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var data = new Argument<string>("DATA.csv") { Description = "CSV file with a header; - reads standard input" };
        var target = new Option<string>("--target")
        {
            Required = true,
            HelpName = "COL",
            Description = "Column to learn, or several separated by commas; an empty cell means not known",
        };
        var inputs = new Option<string?>("--inputs")
        {
            HelpName = "A,B",
            Description = "Columns to learn from [default: all others]",
        };
        Option<int> depth = Arguments.Integer("--depth", 2, 5, "Depth of the function, 2 to 5");
        depth.DefaultValueFactory = _ => 4;
        var profile = new Option<string>("--profile")
        {
            DefaultValueFactory = _ => "default",
            Description = $"Kind of function: default, or {Describe.EmlCore} for the bits of the Rust crate",
        };
        profile.AcceptOnlyFromAmong("default", Describe.EmlCore);
        Option<ulong> seed = Arguments.Seed();
        Option<string?> output = Arguments.Out("MODEL", "Save the model: .json, .safetensors or .pb");
        var audit = new Option<string?>("--audit")
        {
            HelpName = "LOG",
            Description = "Log every change that is kept, for eml audit verify",
        };

        var command = new Command("train", "Learn a function from data")
        {
            data, target, inputs, depth, profile, seed, output, audit,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(profile) == Describe.EmlCore && result.GetResult(seed) is { Implicit: false })
                result.AddError($"--seed has no effect with the profile {Describe.EmlCore}, whose seed is fixed; leave it out");
        });
        command.SetAction(parse => Run(
            new Request(parse.GetRequiredValue(data), parse.GetRequiredValue(target), parse.GetValue(inputs),
                parse.GetValue(depth), parse.GetValue(profile) == Describe.EmlCore ? Profile.EmlCore01 : Profile.Default,
                parse.GetValue(seed), parse.GetValue(output), parse.GetValue(audit)),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(Request request, bool json)
    {
        if (request.Out is not null)
            Store.CheckTarget(request.Out);
        if (request.Audit is not null)
            Store.CheckFolder(request.Audit);

        Report report = Train(request);
        if (json)
            Output.Json(o => Write(o, report));
        else
            Print(report);
        return report.Cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static Report Train(Request request)
    {
        string[] targets = CsvTable.SplitNames(request.Targets, "--target");
        string[] inputs;
        Samples samples;
        using (CsvTable table = CsvTable.Open(request.Data))
        {
            int[] targetColumns = table.Find(targets, "target");
            inputs = request.Inputs is null
                ? [.. table.Names.Except(targets, StringComparer.Ordinal)]
                : CsvTable.SplitNames(request.Inputs, "--inputs");
            if (inputs.Length == 0)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"{table.Source}: every column is a target; there is nothing to learn from");
            }

            if (inputs.FirstOrDefault(targets.Contains) is { } both)
                throw new EmlException(ErrorCode.Argument, $"{both} is both an input and a target; name it once");

            samples = new Samples(table, table.Find(inputs, "input"), targetColumns);
        }

        var model = new EmlModel(request.Depth, inputs.Length, targets.Length, request.Profile);
        ColumnNames.Store(model, ColumnNames.Inputs, inputs);
        ColumnNames.Store(model, ColumnNames.Targets, targets);
        model.Record(samples.Inputs, samples.Targets, samples.Present, samples.Rows);
        model.FitScaling();

        TrainResult result;
        double seconds;
        using (var interrupt = new Interrupt())
        {
            using var progress = new Progress();
            var options = new TrainOptions { Seed = request.Seed, Cancel = interrupt.Cancel, Progress = progress.Report };
            result = request.Audit is null ? model.Train(options) : Train(model, options, request.Audit);
            seconds = progress.Seconds;
        }

        string[] lost = request.Out is null ? [] : Store.Save(model, request.Out);
        return new Report(request, inputs, targets, model, samples.Rows, result, Fit.Measure(model, samples), seconds, lost);
    }

    private static TrainResult Train(EmlModel model, TrainOptions options, string audit)
    {
        model.CheckTraining(options); // before an old log is overwritten
        using var file = new AuditFile(audit);
        TrainResult result = ModelAudit.Train(model, options, file.Append);
        file.Flush();
        return result;
    }

    private static void Print(Report report)
    {
        Output.Field("data", $"{report.Request.Data}: {Output.Count(report.Rows, "row")}, inputs {Output.List(report.Inputs)}");
        Output.Field("model", $"{Describe.Profile(report.Model.Profile)} profile, depth {report.Model.Depth}, " +
            Output.Count(report.Model.ParameterCount, "parameter"));
        Output.Field("loss", $"{Output.Short(report.Result.LossBefore)} before, {Output.Short(report.Result.LossAfter)} after " +
            $"(of targets scaled to 0..1; {(report.Result.Converged ? "converged" : "not converged")})");
        Output.Field("work", Describe.Work(report.Result, report.Seconds));
        for (int i = 0; i < report.Targets.Length; i++)
        {
            Fit fit = report.Fits[i];
            Output.Field("target", $"{report.Targets[i]}: MSE {Output.Short(fit.Mse)}, R² {Output.Short(fit.R2)}, " +
                Output.Count(fit.Samples, "sample"));
        }

        if (report.Cancelled)
            Output.Warn("interrupted: this is the best state reached");
        if (report.Request.Out is null)
            Output.Line("not saved: give --out to keep the model");
        else
            Output.Field("saved", report.Request.Out);
        if (report.Request.Audit is not null)
            Output.Field("audit log", report.Request.Audit);
        if (report.Request.Out is { } path)
            Store.WarnOfLoss(path, report.Lost);
    }

    private static void Write(Utf8JsonWriter json, Report report)
    {
        json.WriteString("data", report.Request.Data);
        json.WriteNumber("samples", report.Rows);
        json.Strings("inputs", report.Inputs);
        json.Strings("targets", report.Targets);
        json.WriteString("profile", Describe.Profile(report.Model.Profile));
        json.WriteNumber("depth", report.Model.Depth);
        json.WriteNumber("parameters", report.Model.ParameterCount);
        json.WriteNumber("seed", report.Request.Seed);
        json.WriteTraining(report.Result, report.Seconds);
        json.WriteStartArray("fit");
        for (int i = 0; i < report.Targets.Length; i++)
        {
            json.WriteStartObject();
            json.WriteString("target", report.Targets[i]);
            json.WriteNumber("samples", report.Fits[i].Samples);
            json.Number("mse", report.Fits[i].Mse);
            json.Number("r2", report.Fits[i].R2);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("out", report.Request.Out);
        json.Strings("lost", report.Lost);
        json.WriteString("audit", report.Request.Audit);
    }
}
