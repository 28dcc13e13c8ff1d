using System.CommandLine;
using System.Text.Json;
using Eml.Formats.Audit;

namespace Eml.Cli;

/// <summary><c>eml audit show</c>: what a log says, without training again.</summary>
internal static class AuditShow
{
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
        foreach ((string label, string text) in AuditStart.Lines(log))
            Output.Field(label, text);

        if (log.End is { } end)
        {
            Output.Field("end", $"{(end.Cancelled ? "cancelled" : "done")} after {Output.Count(end.Trials, "trial")}, " +
                $"loss {Output.Short(end.Loss)}");
        }

        if (curve)
            LossCurve.Print(log.Moves);
        if (!log.FinalHash.IsEmpty)
            Output.Field("final hash", Convert.ToHexStringLower(log.FinalHash.Span));
        Output.Field("verdict", report.Verdict == AuditVerdict.Ok
            ? curve ? "the chain of hashes holds; eml audit verify trains again" : "ok: training again gives every record"
            : $"{Describe.Verdict(report.Verdict)}, record {report.Record}");
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
        AuditStart.Write(json, log);
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
}
