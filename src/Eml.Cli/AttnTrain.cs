using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Eml.Formats.Audit;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml attn train</c>: trains an attention block on sequences from a CSV file or of a known task.</summary>
internal static class AttnTrain
{
    private const string BlockKind = "block", ToyKind = "toy", BaselineKind = "baseline";
    private const int DefaultRounds = 3, DefaultTrials = 5000;

    private sealed record Request(string Kind, AttentionConfig Shape, int Depth, int Trials, int Rounds, int Evaluations, ulong? Seed,
        string? Out, string? Audit);

    /// <summary>One call of a training.</summary>
    private readonly record struct Round(double Before, double After, bool Converged, bool Cancelled, long Trials, long Accepted,
        long Evaluations);

    private sealed record Report(Request Request, AttnData Data, object Block, Round[] Rounds, List<AuditPoint> Curve,
        (double Error, double Zero)? HeldOut, string[] Logs, double Seconds)
    {
        public bool Cancelled => Rounds.Length == 0 || Rounds[^1].Cancelled;

        public int Parameters => (Block as EmlAttention)?.ParameterCount ?? ((AttentionBlock)Block).ParameterCount;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var data = new Argument<string?>("DATA.csv")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "CSV file with a header, a sequence a row: seq_len·d_model inputs, row of the sequence after row, then as many " +
                "targets; - reads standard input",
        };
        Option<string?> task = AttnData.TaskOption();
        Option<int> samples = AttnData.SamplesOption();
        Option<ulong> dataSeed = AttnData.SeedOption();
        var kind = new Option<string>("--kind")
        {
            DefaultValueFactory = _ => BlockKind,
            Description = "What to train: the default profile's block, or eml-core's toy or baseline",
        };
        kind.AcceptOnlyFromAmong(BlockKind, ToyKind, BaselineKind);
        Option<int> seqLen = Number("--seq", 1, AttentionConfig.SeqLenLimit, 4, "Rows in a sequence");
        Option<int> dModel = Number("--d-model", 1, AttentionConfig.DModelLimit, 8, "Numbers in a row");
        Option<int> dKey = Arguments.Integer("--d-k", 1, AttentionConfig.DModelLimit,
            "Numbers in a query or key, at most --d-model [default: half of it]");
        Option<int> depth = Number("--depth", ToyEmlAttention.MinDepth, ToyEmlAttention.MaxDepth, 3, "Levels of eml nodes, of a toy");
        Option<int> heads = Number("--heads", 1, AttentionConfig.HeadLimit, 1, "Attention heads, of a block");
        Option<int> nodes = Number("--nodes", 0, AttentionConfig.NodeLimit, 8, "EML nodes before the attention, and as many behind it, of a block");
        var positional = new Option<bool>("--positional") { Description = "Learned positional encodings, of a block" };
        var noResidual = new Option<bool>("--no-residual") { Description = "Answers read rows of the sequence through the attention only, of a block" };
        Option<int> chunk = Number("--chunk", 0, 1 << 20, 0, "Keys to look at together, a multiple of 8; 0: all; of a block");
        Option<int> trials = Number("--trials", 0, int.MaxValue, DefaultTrials, "Moves to try in a round, of a toy or baseline");
        Option<int> rounds = Number("--rounds", 1, 1000, DefaultRounds, "Rounds of training, of a toy or baseline");
        Option<int> evaluations = Number("--evaluations", 1, int.MaxValue, (int)AttentionTrainOptions.DefaultEvaluations,
            "Most forward evaluations of a sample, of a block");
        Option<ulong> seed = Arguments.Seed();
        seed.Description = "Start of the training's random numbers [default: 0; of a toy or baseline 3735928559, as eml-core has it]";
        Option<string?> output = Arguments.Out("MODEL", "Save the block: .json, .safetensors or .pb");
        var audit = new Option<string?>("--audit")
        {
            HelpName = "LOG",
            Description = "Log every change that is kept, for eml audit verify; with several rounds LOG.1, LOG.2 …, one a round",
        };

        var command = new Command("train", "Train an attention block")
        {
            data, task, samples, dataSeed, kind, seqLen, dModel, dKey, depth, heads, nodes, positional, noResidual, chunk, trials, rounds,
            evaluations, seed, output, audit,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(data) is null == (result.GetValue(task) is null))
                result.AddError("give either DATA.csv or --task, which generates samples");
            if (result.GetValue(task) is null)
                RefuseGiven(result, "has no effect without --task; leave it out", samples, dataSeed);
            string what = result.GetValue(kind) ?? BlockKind;
            string reason = $"has no effect on --kind {what}; leave it out";
            if (what == BlockKind)
                RefuseGiven(result, reason, depth, trials, rounds);
            else
                RefuseGiven(result, reason, heads, nodes, positional, noResidual, chunk, evaluations);
            if (what == BaselineKind)
                RefuseGiven(result, reason, depth);
        });
        command.SetAction(parse => Run(
            new Request(parse.GetRequiredValue(kind),
                new AttentionConfig
                {
                    SeqLen = parse.GetValue(seqLen),
                    DModel = parse.GetValue(dModel),
                    DKey = parse.GetResult(dKey) is null ? (parse.GetValue(dModel) + 1) / 2 : parse.GetValue(dKey),
                    Heads = parse.GetValue(heads),
                    Nodes = parse.GetValue(nodes),
                    Positional = parse.GetValue(positional),
                    Residual = !parse.GetValue(noResidual),
                    Chunk = parse.GetValue(chunk),
                },
                parse.GetValue(depth), parse.GetValue(trials), parse.GetValue(kind) == BlockKind ? 1 : parse.GetValue(rounds),
                parse.GetValue(evaluations), parse.GetResult(seed) is null ? null : parse.GetValue(seed), parse.GetValue(output),
                parse.GetValue(audit)),
            parse.GetValue(data), parse.GetValue(task), parse.GetValue(samples), parse.GetValue(dataSeed), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(Request request, string? file, string? task, int samples, ulong dataSeed, bool json)
    {
        object block = request.Kind switch // first, because a shape that no block has is refused here
        {
            ToyKind => new ToyEmlAttention("toy", request.Shape.DModel, request.Shape.DKey, request.Shape.SeqLen, request.Depth),
            BaselineKind => new BaselineAttention("baseline", request.Shape.DModel, request.Shape.DKey, request.Shape.SeqLen),
            _ => new EmlAttention(request.Shape),
        };
        if (request.Out is not null)
            Store.CheckTarget(request.Out, Describe.Kind(block));
        if (request.Audit is not null)
            Store.CheckFolder(request.Audit);

        AttnData data = file is null ? AttnData.Generate(task!, request.Shape, samples, dataSeed) : AttnData.Read(file, request.Shape);
        Record(block, data);
        Report report = Train(request, data, block);
        if (request.Out is not null)
            Store.Save(block, request.Out);
        if (json)
            Output.Json(o => Write(o, report));
        else
            Print(report);
        return report.Cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }

    /// <summary>Records samples; refuses more than a block keeps, and fewer than are needed.</summary>
    public static void Record(object block, AttnData data, int least = AttnData.LeastSamples)
    {
        int most = block is EmlAttention ? EmlAttention.SampleLimit : AttentionBlock.BufferLimit;
        if (data.Samples > most)
        {
            throw new EmlException(ErrorCode.Limit,
                $"{data.Source}: {Output.Count(data.Samples, "sample")}; a block of this kind keeps {most}; use fewer");
        }

        if (data.Samples < least)
        {
            throw new EmlException(ErrorCode.State,
                $"{data.Source}: {Output.Count(data.Samples, "sample")}; training needs at least {least}; use more");
        }

        if (block is EmlAttention own)
            own.Record(data.X, data.Targets, data.Samples);
        else
            ((AttentionBlock)block).Record(data.X, data.Targets, data.Samples);
    }

    private static Report Train(Request request, AttnData data, object block)
    {
        var rounds = new List<Round>();
        var curve = new List<AuditPoint>();
        var logs = new List<string>();
        double seconds;
        using (var interrupt = new Interrupt())
        {
            using var progress = new Progress(p => block is EmlAttention ? p.Phase == 1 ? "alignment" : "refinement" : $"round {p.Phase}");
            for (int r = 0; r < request.Rounds && !interrupt.Cancel.IsSet; r++)
            {
                string? log = request.Audit is null || request.Rounds == 1 ? request.Audit : $"{request.Audit}.{r + 1}";
                using AuditFile? audit = log is null ? null : new AuditFile(log);
                long done = rounds.Sum(round => round.Trials);
                MoveListener listen = move => curve.Add(new AuditPoint(done + move.Step, move.Indices.Length, move.Loss));
                rounds.Add(block is EmlAttention own
                    ? Train(own, request, data, interrupt.Cancel, progress, listen, audit)
                    : Train((AttentionBlock)block, request, data, interrupt.Cancel, progress, listen, audit));
                audit?.Flush();
                if (log is not null)
                    logs.Add(log);
                if (rounds[^1].Cancelled)
                    break;
            }

            seconds = progress.Seconds;
        }

        (double, double)? heldOut = data.Task is null ? null : data.HeldOut(request.Shape, block is EmlAttention trained
            ? trained.Forward
            : AttnData.ForwardOf((AttentionBlock)block));
        return new Report(request, data, block, [.. rounds], curve, heldOut, [.. logs], seconds);
    }

    private static Round Train(EmlAttention block, Request request, AttnData data, Cancel cancel, Progress progress, MoveListener listen,
        AuditFile? audit)
    {
        var options = new AttentionTrainOptions
        {
            MaxEvaluations = request.Evaluations,
            Seed = request.Seed ?? 0,
            Cancel = cancel,
            Progress = progress.Report,
            OnMove = listen,
        };
        AttentionTrainResult result = audit is null ? block.Train(options) : AttentionAudit.Train(block, options, audit.Append, data.Notes);
        return new Round(result.LossBefore, result.LossAfter, result.Converged, result.Status == TrainStatus.Cancelled, result.Trials,
            result.Accepted, result.Evaluations);
    }

    private static Round Train(AttentionBlock block, Request request, AttnData data, Cancel cancel, Progress progress, MoveListener listen,
        AuditFile? audit)
    {
        var config = new EndToEndTrainConfig { Trials = request.Trials };
        if (request.Seed is { } seed)
            config = config with { Seed = seed };
        var options = new TrainOptions { Cancel = cancel, Progress = progress.Report, OnMove = listen };
        EndToEndTrainResult result = audit is null
            ? block.TrainEndToEnd(config, options)
            : AttentionAudit.Train(block, config, options, audit.Append, data.Notes);
        return new Round(result.MseBefore, result.Mse, result.Converged, result.Status == TrainStatus.Cancelled, result.Trials,
            result.Accepts, result.Trials * result.SubsetSize);
    }

    private static void Print(Report report)
    {
        Request request = report.Request;
        Output.Field("data", $"{report.Data.Source}: {Output.Count(report.Data.Samples, "sample")}");
        Output.Field("model", $"{Describe.Kind(report.Block)}, {(report.Block is EmlAttention ? AttnShape.Describe(request.Shape)
            : AttnShape.Describe((AttentionBlock)report.Block))}, {Output.Count(report.Parameters, "parameter")}");
        for (int r = 0; r < report.Rounds.Length; r++)
        {
            Round round = report.Rounds[r];
            Output.Field("round", $"{r + 1}: loss {Output.Short(round.Before)} before, {Output.Short(round.After)} after " +
                $"({(round.Converged ? "converged" : "not converged")}), {Output.Count(round.Trials, "trial")}, {round.Accepted:N0} accepted");
        }

        LossCurve.Print(report.Curve);
        if (report.HeldOut is { } held)
        {
            Output.Field("held-out", $"MSE {Output.Short(held.Error)} on {AttnData.HeldOutSamples:N0} fresh samples; answering 0 gives " +
                Output.Short(held.Zero));
        }

        Output.Field("work", string.Create(CultureInfo.InvariantCulture,
            $"{Output.Count(report.Rounds.Sum(r => r.Evaluations), "evaluation")}, {report.Seconds:F2} s"));
        if (report.Cancelled)
            Output.Warn("interrupted: this is the best state reached");
        if (request.Out is null)
            Output.Line("not saved: give --out to keep the block");
        else
            Output.Field("saved", request.Out);
        foreach (string log in report.Logs)
            Output.Field("audit log", log);
    }

    private static void Write(Utf8JsonWriter json, Report report)
    {
        json.WriteString("data", report.Data.Source);
        json.WriteNumber("samples", report.Data.Samples);
        json.WriteString("kind", report.Request.Kind);
        if (report.Block is EmlAttention own)
            AttnShape.Write(json, own.Config);
        else
            AttnShape.Write(json, (AttentionBlock)report.Block);
        json.WriteNumber("parameters", report.Parameters);
        json.WriteStartArray("rounds");
        foreach (Round round in report.Rounds)
        {
            json.WriteStartObject();
            json.Number("loss_before", round.Before);
            json.Number("loss_after", round.After);
            json.WriteBoolean("converged", round.Converged);
            json.WriteNumber("trials", round.Trials);
            json.WriteNumber("accepted", round.Accepted);
            json.WriteNumber("evaluations", round.Evaluations);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (report.HeldOut is { } held)
        {
            json.Number("held_out_mse", held.Error);
            json.Number("zero_mse", held.Zero);
        }

        json.WriteStartArray("curve");
        foreach (AuditPoint point in report.Curve)
        {
            json.WriteStartArray();
            json.WriteNumberValue(point.Step);
            json.Number(point.Loss);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteBoolean("cancelled", report.Cancelled);
        json.Number("seconds", report.Seconds);
        json.WriteString("out", report.Request.Out);
        json.Strings("audit", report.Logs);
    }

    private static void RefuseGiven(CommandResult result, string reason, params Option[] options)
    {
        foreach (Option option in options)
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError($"{option.Name} {reason}");
        }
    }

    private static Option<int> Number(string name, int min, int max, int usual, string description)
    {
        Option<int> option = Arguments.Integer(name, min, max, max < 1 << 20 ? $"{description}, {min} to {max}" : description);
        option.DefaultValueFactory = _ => usual;
        return option;
    }
}
