using System.CommandLine;
using System.Globalization;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml fn snap</c>: turns a model's parameters into simple constants where its data allow it.</summary>
internal static class FnSnap
{
    private sealed record Request(string Model, string Data, string Out, double Tolerance, double MaxIncrease);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var defaults = new SnapOptions();
        var model = new Argument<string>("MODEL") { Description = "Model file of any format" };
        var data = new Argument<string>("DATA.csv") { Description = "CSV file with the model's inputs and targets; - reads standard input" };
        var tolerance = new Option<double>("--tolerance")
        {
            HelpName = "T",
            DefaultValueFactory = _ => defaults.Tolerance,
            Description = "How far a parameter may be from its constant",
        };
        var increase = new Option<double>("--max-increase")
        {
            HelpName = "SHARE",
            DefaultValueFactory = _ => defaults.MaxLossIncrease,
            Description = "By what share of itself the loss may grow altogether",
        };
        Option<string?> output = Arguments.Out("MODEL", "Save the snapped model: .json, .safetensors or .pb");
        output.Required = true;
        var command = new Command("snap", "Turn parameters into simple constants where the data allow it")
        {
            model, data, tolerance, increase, output,
        };
        command.SetAction(parse => Run(
            new Request(parse.GetRequiredValue(model), parse.GetRequiredValue(data), parse.GetRequiredValue(output)!,
                parse.GetValue(tolerance), parse.GetValue(increase)),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(Request request, bool json)
    {
        Store.CheckTarget(request.Out);
        EmlModel model = Store.LoadModel(request.Model);
        Record(model, request);
        SnapResult result;
        double seconds;
        using (var interrupt = new Interrupt())
        {
            using var progress = new Progress();
            result = model.Snap(new SnapOptions
            {
                Tolerance = request.Tolerance,
                MaxLossIncrease = request.MaxIncrease,
                Cancel = interrupt.Cancel,
                Progress = progress.Report,
            });
            seconds = progress.Seconds;
        }

        string[] lost = Store.Save(model, request.Out);
        bool cancelled = result.Status == TrainStatus.Cancelled;
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("model", request.Model);
                o.WriteNumber("parameters", model.ParameterCount);
                o.WriteStartArray("snapped");
                foreach (SnappedParameter p in result.Snapped)
                {
                    o.WriteStartObject();
                    o.WriteNumber("index", p.Index);
                    o.Number("before", p.Before);
                    o.Number("after", p.After);
                    o.WriteEndObject();
                }

                o.WriteEndArray();
                o.Number("loss_before", result.LossBefore);
                o.Number("loss_after", result.LossAfter);
                o.Number("loss_allowed", result.LossAllowed);
                o.WriteBoolean("unscaled", result.Unscaled);
                o.WriteBoolean("cancelled", cancelled);
                o.WriteNumber("evaluations", result.Evaluations);
                o.Number("seconds", seconds);
                o.WriteString("out", request.Out);
                o.Strings("lost", lost);
            });
        }
        else
        {
            Output.Field("snapped", $"{Output.Count(result.Snapped.Count, "constant")} among {Output.Count(model.ParameterCount, "parameter")}" +
                (result.Unscaled ? ", now in the data's units" : ""));
            Output.Field("loss", $"{Output.Short(result.LossBefore)} before, {Output.Short(result.LossAfter)} after, " +
                $"{Output.Short(result.LossAllowed)} allowed");
            Output.Field("work", string.Create(CultureInfo.InvariantCulture, $"{Output.Count(result.Evaluations, "evaluation")}, {seconds:F2} s"));
            if (cancelled)
                Output.Warn("interrupted: this is as far as it came");
            Output.Field("saved", request.Out);
            Store.WarnOfLoss(request.Out, lost);
        }

        return cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static void Record(EmlModel model, Request request)
    {
        string[] inputs = Names(model, ColumnNames.Inputs, model.Inputs, request.Model);
        string[] targets = Names(model, ColumnNames.Targets, model.Heads, request.Model);
        using CsvTable table = CsvTable.Open(request.Data);
        var samples = new Samples(table, table.Find(inputs, "input"), table.Find(targets, "target"));
        model.Record(samples.Inputs, samples.Targets, samples.Present, samples.Rows);
    }

    private static string[] Names(EmlModel model, string key, int count, string path) => ColumnNames.Find(model, key, count)
        ?? throw new EmlException(ErrorCode.State,
            $"{path}: does not say which columns are its {key}, as models of eml fn train do; its metadata key \"{key}\" must be a JSON array of {count} names");
}
