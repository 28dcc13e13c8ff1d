using System.CommandLine;
using System.Globalization;
using Eml.Functions;

namespace Eml.Cli;

/// <summary>What <c>eml fn snap</c> and <c>eml attn snap</c> share: parameters become simple constants.</summary>
internal static class Snapping
{
    /// <summary>What a caller asked for.</summary>
    public sealed record Request(string Model, string Data, string Out, double Tolerance, double MaxIncrease);

    /// <summary>What is to be snapped, with the samples of the data recorded.</summary>
    public sealed record Subject(object Content, int Parameters, Func<SnapOptions, SnapResult> Snap);

    /// <summary>The verb; open reads the model and the data, and refuses a file that the model cannot be saved to.</summary>
    public static Command Create(string modelDescription, string dataDescription, string outDescription, Func<Request, Subject> open)
    {
        var defaults = new SnapOptions();
        var model = new Argument<string>("MODEL") { Description = modelDescription };
        var data = new Argument<string>("DATA.csv") { Description = dataDescription };
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
        Option<string?> output = Arguments.Out("MODEL", outDescription);
        output.Required = true;
        var command = new Command("snap", "Turn parameters into simple constants where the data allow it")
        {
            model, data, tolerance, increase, output,
        };
        command.SetAction(parse => Run(
            open,
            new Request(parse.GetRequiredValue(model), parse.GetRequiredValue(data), parse.GetRequiredValue(output)!,
                parse.GetValue(tolerance), parse.GetValue(increase)),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(Func<Request, Subject> open, Request request, bool json)
    {
        Subject subject = open(request);
        SnapResult result;
        double seconds;
        using (var interrupt = new Interrupt())
        {
            using var progress = new Progress();
            result = subject.Snap(new SnapOptions
            {
                Tolerance = request.Tolerance,
                MaxLossIncrease = request.MaxIncrease,
                Cancel = interrupt.Cancel,
                Progress = progress.Report,
            });
            seconds = progress.Seconds;
        }

        string[] lost = Store.Save(subject.Content, request.Out);
        if (json)
            WriteJson(request, subject, result, seconds, lost);
        else
            Print(request, subject, result, seconds, lost);
        return result.Status == TrainStatus.Cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static void WriteJson(Request request, Subject subject, SnapResult result, double seconds, string[] lost) => Output.Json(o =>
    {
        o.WriteString("model", request.Model);
        o.WriteNumber("parameters", subject.Parameters);
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
        o.WriteBoolean("cancelled", result.Status == TrainStatus.Cancelled);
        o.WriteNumber("evaluations", result.Evaluations);
        o.Number("seconds", seconds);
        o.WriteString("out", request.Out);
        o.Strings("lost", lost);
    });

    private static void Print(Request request, Subject subject, SnapResult result, double seconds, string[] lost)
    {
        Output.Field("snapped", $"{Output.Count(result.Snapped.Count, "constant")} among {Output.Count(subject.Parameters, "parameter")}" +
            (result.Unscaled ? ", now in the data's units" : ""));
        Output.Field("loss", $"{Output.Short(result.LossBefore)} before, {Output.Short(result.LossAfter)} after, " +
            $"{Output.Short(result.LossAllowed)} allowed");
        Output.Field("work", string.Create(CultureInfo.InvariantCulture, $"{Output.Count(result.Evaluations, "evaluation")}, {seconds:F2} s"));
        if (result.Status == TrainStatus.Cancelled)
            Output.Warn("interrupted: this is as far as it came");
        Output.Field("saved", request.Out);
        Store.WarnOfLoss(request.Out, lost);
    }
}
