using System.CommandLine;
using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml audit verify</c>: trains again and compares every record of a log.</summary>
internal static class AuditVerify
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var log = new Argument<string>("LOG") { Description = "Audit log that eml fn train --audit has written" };
        var data = new Option<string>("--data")
        {
            Required = true,
            HelpName = "DATA.csv",
            Description = "The data of the training; - reads standard input",
        };
        var target = new Option<string?>("--target")
        {
            HelpName = "COL",
            Description = "Columns that were learned [default: as the log says]",
        };
        var inputs = new Option<string?>("--inputs")
        {
            HelpName = "A,B",
            Description = "Columns that were learned from [default: as the log says]",
        };
        var command = new Command("verify", "Check an audit log by training again") { log, data, target, inputs };
        command.SetAction(parse => Run(parse.GetRequiredValue(log), parse.GetRequiredValue(data), parse.GetValue(target),
            parse.GetValue(inputs), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string path, string data, string? target, string? inputs, bool json)
    {
        AuditLog log = AuditLog.Read(Store.ReadBytes(path));
        AuditReport report = log.Report;
        if (log.Header is not null)
        {
            EmlModel samples;
            try
            {
                samples = Record(ModelAudit.Before(log.Header, out _), data, target, inputs);
            }
            catch (EmlException e) when (e.Code == ErrorCode.Format)
            {
                throw Store.Named(path, e);
            }

            using var interrupt = new Interrupt();
            using var progress = new Progress();
            report = ModelAudit.Check(log, samples, interrupt.Cancel, progress.Report);
        }

        AuditShow.Tell(path, log, report, json, curve: false);
        return report.Verdict switch
        {
            AuditVerdict.Ok => ExitCode.Ok,
            AuditVerdict.Stopped => ExitCode.Interrupted,
            _ => ExitCode.Failure,
        };
    }

    /// <summary>The data as the training had them: the log knows the columns' names, if the command line wrote it.</summary>
    private static EmlModel Record(EmlModel model, string data, string? target, string? inputs)
    {
        string[] inputNames = Names(inputs, "--inputs", ColumnNames.Inputs, model.Inputs);
        string[] targetNames = Names(target, "--target", ColumnNames.Targets, model.Heads);
        using CsvTable table = CsvTable.Open(data);
        var samples = new Samples(table, table.Find(inputNames, "input"), table.Find(targetNames, "target"));
        model.Record(samples.Inputs, samples.Targets, samples.Present, samples.Rows);
        return model;

        string[] Names(string? given, string option, string key, int count)
        {
            string[] names = given is not null
                ? CsvTable.SplitNames(given, option)
                : ColumnNames.Find(model, key, count) ?? throw new EmlException(ErrorCode.Argument,
                    $"the log does not name the columns; give {option} with {Output.Count(count, "name")}");
            return names.Length == count
                ? names
                : throw new EmlException(ErrorCode.Argument,
                    $"{option} names {Output.Count(names.Length, "column")}; the log is of a training with {count}");
        }
    }
}
