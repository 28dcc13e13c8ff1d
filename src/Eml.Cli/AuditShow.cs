using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Formats.Audit;
using Eml.Functions;

namespace Eml.Cli;

/// <summary><c>eml audit show</c>: what a log says, without training again.</summary>
internal static class AuditShow
{
    private const int CurveLines = 16;
    private const int CurveWidth = 40;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var log = new Argument<string>("LOG") { Description = "Audit log" };
        var command = new Command("show", "Show what an audit log says, and whether its chain of hashes holds") { log };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(log);
            AuditLog read = AuditLog.Read(Store.ReadBytes(path));
            Tell(path, read, read.Report, parse.GetValue(Arguments.Json), curve: true);
            return read.Report.Verdict == AuditVerdict.Ok ? ExitCode.Ok : ExitCode.Failure;
        });
        return command;
    }

    /// <summary>Prints a log and what was found.</summary>
    public static void Tell(string path, AuditLog log, AuditReport report, bool json, bool curve)
    {
        if (json)
            Output.Json(o => Write(o, path, log, report, curve));
        else
            Print(path, log, report, curve);
        if (report.Verdict != AuditVerdict.Ok)
            Output.Warn($"{path}: {report.Message}");
    }

    private static void Print(string path, AuditLog log, AuditReport report, bool curve)
    {
        Output.Field("log", $"{path}: {Output.Count(log.Records, "record")}, {Output.Count(log.Moves.Count, "change")}");
        if (Model(log, out TrainOptions options) is { } model)
        {
            Output.Field("model", $"{Describe.Profile(model.Profile)} profile, depth {model.Depth}, " +
                $"{Output.Count(model.Inputs, "input")}, {Output.Count(model.Heads, "head")}, " +
                Output.Count(model.ParameterCount, "parameter"));
            Output.Field("options", string.Create(CultureInfo.InvariantCulture,
                $"seed {options.Seed}, sweeps {(options.MaxSweeps == 0 ? "as the profile has" : options.MaxSweeps)}, target loss {Output.Short(options.TargetLoss)}"));
            Output.Field("data", $"sha-256 {Convert.ToHexStringLower(log.Header!.DataHash)}");
        }

        if (log.End is { } end)
        {
            Output.Field("end", $"{(end.Cancelled ? "cancelled" : "done")} after {Output.Count(end.Trials, "trial")}, " +
                $"loss {Output.Short(end.Loss)}");
        }

        if (curve)
            PrintCurve(log.Moves);
        if (!log.FinalHash.IsEmpty)
            Output.Field("final hash", Convert.ToHexStringLower(log.FinalHash.Span));
        Output.Field("verdict", report.Verdict == AuditVerdict.Ok
            ? curve ? "the chain of hashes holds; eml audit verify trains again" : "ok: training again gives every record"
            : $"{Describe.Verdict(report.Verdict)}, record {report.Record}");
    }

    /// <summary>The loss after some of the changes; the bars are on a logarithmic scale.</summary>
    private static void PrintCurve(IReadOnlyList<AuditPoint> moves)
    {
        AuditPoint[] shown = [.. Enumerable.Range(0, Math.Min(CurveLines, moves.Count))
            .Select(i => moves[(int)((long)i * (moves.Count - 1) / Math.Max(1, Math.Min(CurveLines, moves.Count) - 1))])];
        double[] heights = [.. shown.Select(m => Math.Log(Math.Max(m.Loss, double.Epsilon)))];
        double low = heights.DefaultIfEmpty().Min(), high = heights.DefaultIfEmpty().Max();
        for (int i = 0; i < shown.Length; i++)
        {
            double part = high > low && double.IsFinite(high) ? (heights[i] - low) / (high - low) : 1;
            int bar = 1 + (int)(Math.Clamp(part, 0, 1) * (CurveWidth - 1));
            Output.Field(i == 0 ? "loss" : "", string.Create(CultureInfo.InvariantCulture,
                $"trial {shown[i].Step,9:N0}  {Output.Short(shown[i].Loss),-12} {new string('#', bar)}"));
        }
    }

    private static void Write(Utf8JsonWriter json, string path, AuditLog log, AuditReport report, bool curve)
    {
        json.WriteString("log", path);
        json.WriteString("verdict", Describe.Verdict(report.Verdict));
        json.WriteNumber("record", report.Record);
        json.WriteNumber("offset", report.ByteOffset);
        json.WriteString("message", report.Message);
        json.WriteNumber("records", log.Records);
        json.WriteNumber("changes", log.Moves.Count);
        if (Model(log, out TrainOptions options) is { } model)
        {
            json.WriteString("profile", Describe.Profile(model.Profile));
            json.WriteNumber("depth", model.Depth);
            json.WriteNumber("inputs", model.Inputs);
            json.WriteNumber("heads", model.Heads);
            json.WriteNumber("seed", options.Seed);
            json.WriteNumber("max_sweeps", options.MaxSweeps);
            json.Number("target_loss", options.TargetLoss);
            json.WriteString("data_sha256", Convert.ToHexStringLower(log.Header!.DataHash));
        }

        if (log.End is { } end)
        {
            json.WriteBoolean("cancelled", end.Cancelled);
            json.WriteNumber("trials", end.Trials);
            json.Number("loss", end.Loss);
        }

        json.WriteString("final_hash", log.FinalHash.IsEmpty ? null : Convert.ToHexStringLower(log.FinalHash.Span));
        if (!curve)
            return;
        json.WriteStartArray("curve");
        foreach (AuditPoint move in log.Moves)
        {
            json.WriteStartArray();
            json.WriteNumberValue(move.Step);
            json.Number(move.Loss);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    /// <summary>The model before the training, if the log says.</summary>
    private static EmlModel? Model(AuditLog log, out TrainOptions options)
    {
        options = new TrainOptions();
        return log.Header is { Kind: ModelAudit.Kind } header ? ModelAudit.Before(header, out options) : null;
    }
}
