using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm bench</c>: tokens a second, and how near that is to what the machine's memory allows.</summary>
internal static class LmBench
{
    private const int MaxContext = 2048;

    /// <summary>Models above this are not written to the disk to measure their loading.</summary>
    private const long MaxLoaded = 1L << 28;

    private sealed record Load(string Model, WeightType Type, long Bytes, double Read, double Mapped);

    private sealed record Row(string Model, WeightType Type, int Threads, int Context, double Prefill, double Decode, double Bandwidth, long BytesPerToken,
        double? Stateless, double Batch, long WeightBytes, long SessionBytes, long? PeakBytes)
    {
        public double Limit => Bandwidth / BytesPerToken;

        public double Share => Decode / Limit;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var checkpoint = new Argument<string?>("CHECKPOINT") { Arity = ArgumentArity.ZeroOrOne, Description = "The model's file [default: weights by chance of the real sizes]" };
        Option<string?> config = LanguageStore.ConfigOption();
        Option<int[]> depth = Numbers("--depth", [4, 6], 1, 64, "Without a checkpoint: layers, of 64 columns each");
        var type = new Option<string[]?>("--type") { HelpName = "T", AllowMultipleArgumentsPerToken = true, Description = "How matrices are stored: f32, bf16, int8 [default: all; of a checkpoint its own]" };
        type.AcceptOnlyFromAmong("f32", "bf16", "int8");
        Option<int[]> threads = Numbers("--threads", Environment.ProcessorCount > 1 ? [1, 2] : [1], 1, 256, "Threads that compute together");
        Option<int[]> context = Numbers("--context", [16, 512], 1, MaxContext, "Tokens read before those that are measured");
        var seconds = new Option<double>("--seconds")
        {
            HelpName = "S",
            DefaultValueFactory = _ => 1.0,
            Description = "Time for each figure; the best of what fits into it counts",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(value is >= 0 and <= 3600))
                    result.AddError($"--seconds {text}: must be a number from 0 to 3600");
                return value;
            },
        };
        var command = new Command("bench", "Measure tokens a second beside the limit that reading the weights sets on this machine; memory; loading")
        {
            checkpoint, config, depth, type, threads, context, seconds,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(checkpoint) is not null && result.GetResult(depth) is { Implicit: false })
                result.AddError("give either CHECKPOINT or --depth");
            if (result.GetValue(checkpoint) is null && result.GetValue(config) is not null)
                result.AddError("--config goes with a CHECKPOINT");
        });
        command.SetAction(parse =>
        {
            WeightType[] types = [.. (parse.GetValue(type) ?? []).Select(Type).Distinct()];
            string? path = parse.GetValue(checkpoint);
            IEnumerable<(string, LanguageWeights)> models = path is not null
                ? Stored(path, LanguageStore.Load(path, parse.GetValue(config)).Weights, types)
                : ByChance(parse.GetRequiredValue(depth), types.Length > 0 ? types : [WeightType.F32, WeightType.BF16, WeightType.I8]);
            return Run(models, parse.GetRequiredValue(threads), parse.GetRequiredValue(context), parse.GetValue(seconds), parse.GetValue(Arguments.Json));
        });
        return command;
    }

    private static int Run(IEnumerable<(string Name, LanguageWeights Weights)> models, int[] threads, int[] contexts, double seconds, bool json)
    {
        using var interrupt = new Interrupt();
        var rows = new List<Row>();
        var loads = new List<Load>();
        long runtime = LmBenchRun.Peak() ?? 0;
        if (!json)
        {
            Output.Line($"{"model",-10}{"type",5}{"threads",8}{"context",8}{"prefill/s",11}{"decode/s",10}{"limit/s",10}{"share",7}{"GB/s",7}{"stateless/s",12}{"batch 8/s",11}{"weights",9}{"session",9}{"peak MB",9}");
        }
        foreach ((string name, LanguageWeights weights) in models)
        {
            foreach (int count in threads)
            {
                foreach (Row row in Measure(name, weights, count, contexts, seconds, interrupt.Cancel))
                {
                    rows.Add(row);
                    if (!json)
                    {
                        Print(row);
                    }
                }
            }
            if (weights.Bytes <= MaxLoaded && !interrupt.Cancel.IsSet)
            {
                loads.Add(MeasureLoad(name, weights));
            }
        }
        if (json)
        {
            Output.Json(o => Write(o, rows, loads, runtime, interrupt.Cancel.IsSet));
        }
        else
        {
            foreach (Load load in loads)
            {
                Output.Line(string.Create(CultureInfo.InvariantCulture,
                    $"load {load.Model} {LanguageStore.Name(load.Type)}, safetensors of {load.Bytes / 1e6:F1} MB: {1e3 * load.Read:F1} ms read, {1e3 * load.Mapped:F1} ms mapped"));
            }
        }
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: the table is not complete");
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static IEnumerable<Row> Measure(string name, LanguageWeights weights, int threads, int[] contexts, double seconds, Cancel cancel)
    {
        LmBenchRun.ForgetPeak();
        using var run = new LmBenchRun(weights, threads, seconds, cancel);
        double prefill = run.Prefill(LmBenchRun.Prompt);
        long? peak = LmBenchRun.Peak();
        long bytes = LmBenchModel.BytesPerToken(weights);
        using var limit = new ReadBandwidth(bytes, threads);
        foreach (int context in contexts)
        {
            double batch = run.Batch(context);
            double? stateless = context <= LmBenchRun.Prompt ? run.Prefill(context) / context : null;
            (double decode, double bandwidth) = run.Decode(context, limit);
            if (cancel.IsSet)
            {
                yield break;
            }
            yield return new Row(name, weights.Type, threads, context, prefill, decode, bandwidth, bytes, stateless, batch, weights.Bytes, run.SessionBytes, peak);
        }
    }

    private static Load MeasureLoad(string name, LanguageWeights weights)
    {
        string folder = Directory.CreateTempSubdirectory("eml-lm-bench-").FullName;
        try
        {
            string path = Path.Join(folder, "model.safetensors");
            LanguageFile.Save(path, new LanguageCheckpoint(weights));
            (double read, double mapped) = LmBenchRun.Load(path, null);
            return new Load(name, weights.Type, new FileInfo(path).Length, read, mapped);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<(string, LanguageWeights)> ByChance(int[] depths, WeightType[] types) =>
        from depth in depths from type in types select ($"depth {depth}", LmBenchModel.Create(LmBenchModel.Config(depth), type));

    private static IEnumerable<(string, LanguageWeights)> Stored(string path, LanguageWeights weights, WeightType[] types) =>
        types.Length == 0 ? [(Path.GetFileName(path), weights)] : types.Select(type => (Path.GetFileName(path), LanguageQuantizer.Convert(weights, type)));

    private static WeightType Type(string name) => name switch { "f32" => WeightType.F32, "bf16" => WeightType.BF16, _ => WeightType.I8 };

    private static void Print(Row r) => Output.Line(string.Create(CultureInfo.InvariantCulture,
        $"{r.Model,-10}{LanguageStore.Name(r.Type),5}{r.Threads,8}{r.Context,8}{r.Prefill,11:N0}{r.Decode,10:N0}{r.Limit,10:N0}{r.Share,7:P0}{r.Bandwidth / 1e9,7:F1}")
        + string.Create(CultureInfo.InvariantCulture, $"{(r.Stateless is { } rate ? rate.ToString("N0", CultureInfo.InvariantCulture) : "-"),12}{r.Batch,11:N0}")
        + string.Create(CultureInfo.InvariantCulture, $"{r.WeightBytes / 1e6,9:F1}{r.SessionBytes / 1e6,9:F1}{(r.PeakBytes is { } peak ? (peak / 1e6).ToString("F1", CultureInfo.InvariantCulture) : "-"),9}"));

    private static void Write(Utf8JsonWriter json, List<Row> rows, List<Load> loads, long runtime, bool interrupted)
    {
        json.WriteNumber("prompt_tokens", LmBenchRun.Prompt);
        json.WriteNumber("batch", LmBenchRun.Sequences);
        json.WriteNumber("process_bytes_before", runtime);
        json.WriteStartArray("rows");
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteString("model", row.Model);
            json.WriteString("type", LanguageStore.Name(row.Type));
            json.WriteNumber("threads", row.Threads);
            json.WriteNumber("context", row.Context);
            json.Number("prefill_tokens_per_second", row.Prefill);
            json.Number("decode_tokens_per_second", row.Decode);
            json.WriteNumber("bytes_per_token", row.BytesPerToken);
            json.Number("read_bytes_per_second", row.Bandwidth);
            json.Number("limit_tokens_per_second", row.Limit);
            json.Number("share_of_limit", row.Share);
            json.Number("stateless_tokens_per_second", row.Stateless ?? double.NaN);
            json.Number("batch_tokens_per_second", row.Batch);
            json.WriteNumber("weight_bytes", row.WeightBytes);
            json.WriteNumber("session_bytes", row.SessionBytes);
            json.Number("peak_bytes", row.PeakBytes ?? double.NaN);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("load");
        foreach (Load load in loads)
        {
            json.WriteStartObject();
            json.WriteString("model", load.Model);
            json.WriteString("type", LanguageStore.Name(load.Type));
            json.WriteNumber("bytes", load.Bytes);
            json.Number("read_ms", 1e3 * load.Read);
            json.Number("mapped_ms", 1e3 * load.Mapped);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteBoolean("interrupted", interrupted);
    }

    /// <summary>Whole numbers, separated by commas or given several times.</summary>
    private static Option<int[]> Numbers(string name, int[] otherwise, int min, int max, string description) => new(name)
    {
        HelpName = "N,…",
        Description = description,
        DefaultValueFactory = _ => otherwise,
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result =>
        {
            var numbers = new List<int>();
            foreach (string text in result.Tokens.SelectMany(token => token.Value.Split(',')))
            {
                if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) || value < min || value > max)
                    result.AddError($"{name} {text}: must be whole numbers from {min} to {max}, separated by commas");
                numbers.Add(value);
            }
            return [.. numbers];
        },
    };
}
