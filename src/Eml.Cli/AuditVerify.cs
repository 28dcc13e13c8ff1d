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
        var log = new Argument<string>("LOG") { Description = "Audit log that eml fn train or eml attn train has written with --audit" };
        var data = new Option<string?>("--data")
        {
            HelpName = "DATA.csv",
            Description = "The data of the training; - reads standard input [default: of attention blocks, the task that the log names]",
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
        Option<string?> task = AttnData.TaskOption();
        Option<int> samples = AttnData.SamplesOption();
        Option<ulong> dataSeed = AttnData.SeedOption();
        var command = new Command("verify", "Check an audit log by training again") { log, data, target, inputs, task, samples, dataSeed };
        command.Validators.Add(result =>
        {
            if (result.GetValue(task) is not null && result.GetValue(data) is not null)
                result.AddError("give either --data or --task");
            if (result.GetValue(task) is null && (result.GetResult(samples) is { Implicit: false } || result.GetResult(dataSeed) is { Implicit: false }))
                result.AddError("--samples and --data-seed have no effect without --task; leave them out");
        });
        command.SetAction(parse =>
        {
            string? name = parse.GetValue(task);
            return Run(parse.GetRequiredValue(log),
                new Source(parse.GetValue(data), parse.GetValue(target), parse.GetValue(inputs), name is null ? null
                    : shape => AttnData.Generate(name, shape, parse.GetValue(samples), parse.GetValue(dataSeed))),
                parse.GetValue(Arguments.Json));
        });
        return command;
    }

    /// <summary>Where the caller says that the data are.</summary>
    private sealed record Source(string? Data, string? Target, string? Inputs, Func<AttentionConfig, AttnData>? Task);

    private static int Run(string path, Source source, bool json)
    {
        AuditLog log = AuditLog.Read(Store.ReadBytes(path));
        AuditReport report = log.Report;
        if (log.Header is { } header)
        {
            object samples;
            try
            {
                samples = Record(header, source);
            }
            catch (EmlException e) when (e.Code == ErrorCode.Format)
            {
                throw Store.Named(path, e);
            }

            using var interrupt = new Interrupt();
            using var progress = new Progress(samples is EmlModel ? null : _ => "training");
            report = samples switch
            {
                EmlModel model => ModelAudit.Check(log, model, interrupt.Cancel, progress.Report),
                EmlAttention block => AttentionAudit.Check(log, block, interrupt.Cancel, progress.Report),
                _ => AttentionAudit.Check(log, (AttentionBlock)samples, interrupt.Cancel, progress.Report),
            };
        }

        AuditShow.Tell(path, log, report, json, curve: false);
        return report.Verdict switch
        {
            AuditVerdict.Ok => ExitCode.Ok,
            AuditVerdict.Stopped => ExitCode.Interrupted,
            _ => ExitCode.Failure,
        };
    }

    /// <summary>Whatever was trained, with the data that it was trained on.</summary>
    private static object Record(AuditHeader header, Source source)
    {
        object content;
        AttentionConfig shape;
        IReadOnlyDictionary<string, string> notes;
        switch (header.Kind)
        {
            case AttentionAudit.Kind:
                EmlAttention block = AttentionAudit.Before(header, out AttentionTrainOptions _, out notes);
                (content, shape) = (block, block.Config);
                break;
            case AttentionAudit.BlockKind:
                AttentionBlock core = AttentionAudit.Before(header, out EndToEndTrainConfig _, out notes);
                (content, shape) = (core, new AttentionConfig { DModel = core.DModel, DKey = core.DK, SeqLen = core.SeqLen });
                break;
            default:
                EmlModel model = ModelAudit.Before(header, out _);
                if (source.Task is not null)
                    throw new EmlException(ErrorCode.Argument, "--task is for logs of attention blocks; give --data");
                return Record(model, source.Data ?? throw new EmlException(ErrorCode.Argument, "give the data of the training with --data"),
                    source.Target, source.Inputs);
        }

        if (source.Target is not null || source.Inputs is not null)
        {
            throw new EmlException(ErrorCode.Argument,
                "--target and --inputs are for logs of models; the columns of an attention block's data stand in a fixed order");
        }

        AttnTrain.Record(content, source.Data is not null ? AttnData.Read(source.Data, shape)
            : source.Task?.Invoke(shape) ?? AttnData.FromNotes(notes, shape) ?? throw new EmlException(ErrorCode.Argument,
                "the log names no task that the data could be made of; give --data or --task"));
        return content;
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
