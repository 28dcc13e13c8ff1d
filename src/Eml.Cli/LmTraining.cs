using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>A training in a folder: log.jsonl (a line for each step, validation and sample), state.safetensors (to go on from) and, at the end,
/// model.safetensors.</summary>
internal sealed class LmTraining(TokenData data, LanguageConfig config, TrainerOptions options, TrainingPlan plan, ulong seed, string folder, double saveSeconds)
{
    public const string LogFile = "log.jsonl", StateFile = "state.safetensors", ModelFile = "model.safetensors";

    private readonly TrainingBar _bar = new();
    private readonly List<TrainingStep> _steps = [];
    private StreamWriter? _log;
    private double _saved;
    private double? _bits;

    public int Run(bool resume, bool json)
    {
        string statePath = Path.Join(folder, StateFile);
        if (File.Exists(statePath) && !resume)
        {
            throw new EmlException(ErrorCode.State, $"{folder}: there is a run already; go on with --resume, or name another folder");
        }
        if (!File.Exists(statePath) && resume)
        {
            throw new EmlException(ErrorCode.State, $"{folder}: there is no {StateFile} to go on from; leave --resume out");
        }
        Directory.CreateDirectory(folder);
        int bos = data.Tokenizer.BosId ?? throw new EmlException(ErrorCode.Argument, "the tokenizer has no token that begins a text (BOS)");
        var packer = new BestFitPacker(data.Train, bos, options.SequenceLength);
        using var trainer = new LanguageTrainer(Initialization.Create(config, seed), options);
        double seconds = 0.0;
        long logLength = 0;
        if (resume)
        {
            TrainingState state = TrainingStateFile.Load(statePath);
            if (state.Config != config)
            {
                throw new EmlException(ErrorCode.State, $"{statePath}: the run has another shape of model; give the options that it was begun with");
            }
            using var progress = JsonDocument.Parse(state.Progress);
            RequireSame(progress.RootElement);
            trainer.Restore(state.Steps, state.Tensors);
            packer.Restore([.. progress.RootElement.GetProperty("packer").EnumerateArray().Select(n => n.GetInt64())]);
            seconds = progress.RootElement.GetProperty("seconds").GetDouble();
            logLength = progress.RootElement.GetProperty("log").GetInt64();
        }
        // A small text may have left nothing to validate on.
        Func<BestFitPacker>? validation = data.Validation.Count > 0 ? () => new BestFitPacker(data.Validation, bos, options.SequenceLength) : null;
        var run = new TrainingRun(trainer, packer, validation, data.Tokenizer.ReferenceByteLengths, plan, seconds);
        OpenLog(logLength);
        _saved = seconds;
        using var interrupt = new Interrupt();
        bool isDone;
        try
        {
            isDone = run.Run(step => Take(step, trainer, run), interrupt.Cancel);
        }
        finally
        {
            _bar.End();
            // Also after an error: the weights are those of the last good step.
            Save(trainer, run);
            _log!.Dispose();
        }
        LanguageWeights weights = trainer.Weights();
        string model = Path.Join(folder, ModelFile);
        string hash = HashOf(weights);
        LanguageFile.Save(model, new LanguageCheckpoint(weights, data.Tokenizer, Facts(trainer, run, hash)));
        Show(trainer, run, hash, model, isDone, json);
        return isDone ? ExitCode.Ok : ExitCode.Interrupted;
    }

    private bool Take(TrainingStep step, LanguageTrainer trainer, TrainingRun run)
    {
        _steps.Add(step);
        Log(json =>
        {
            json.WriteNumber("step", step.Step);
            json.WriteNumber("tokens", step.Tokens);
            json.Number("loss", step.Loss);
            json.Number("multiplier", step.Multiplier);
            json.Number("seconds", step.Seconds);
            json.Number("tokens_per_second", step.Rate);
            json.WriteNumber("epoch", step.Epoch);
            json.WriteStartArray("k");
            foreach (float k in trainer.ActivationParameters)
            {
                json.Number(k);
            }
            json.WriteEndArray();
        });
        if (step.BitsPerByte is double bits)
        {
            _bits = bits;
            string sample = Sample(trainer);
            Log(json =>
            {
                json.WriteNumber("step", step.Step);
                json.Number("val_bpb", bits);
                json.WriteString("sample", sample);
            });
            _bar.Note(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}: {bits:F4} bits per byte; sample: {sample.ReplaceLineEndings(" ")}"));
        }
        _bar.Show(step, plan);
        if (step.Seconds - _saved >= saveSeconds)
        {
            Save(trainer, run);
        }
        return true;
    }

    private string Sample(LanguageTrainer trainer)
    {
        using var session = new LanguageSession(trainer.Weights(), options.Threads);
        return TextGenerator.Run(session, data.Tokenizer, [data.Tokenizer.BosId!.Value],
            new GenerationOptions { MaxTokens = 48, Sampler = new SamplerOptions { Temperature = 0.8f, TopP = 0.95f, Seed = 1 }, StopTokens = [data.Tokenizer.BosId.Value] }).Text;
    }

    /// <summary>The log is cut to where the state was written, so that a step stands in it once.</summary>
    private void OpenLog(long length)
    {
        var file = new FileStream(Path.Join(folder, LogFile), FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        file.SetLength(Math.Min(length, file.Length));
        file.Seek(0, SeekOrigin.End);
        _log = new StreamWriter(file, new UTF8Encoding(false)) { AutoFlush = true };
        if (file.Length == 0)
        {
            Log(json =>
            {
                json.WritePropertyName("config");
                json.WriteRawValue(LanguageConfigJson.Write(config));
                json.WriteNumber("parameters", config.Parameters);
                json.WriteNumber("batch_tokens", plan.BatchTokens);
                json.WriteNumber("sequence_len", options.SequenceLength);
                json.WriteNumber("seed", seed);
            });
        }
    }

    private void Log(Action<Utf8JsonWriter> members)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        _log!.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    private void Save(LanguageTrainer trainer, TrainingRun run)
    {
        _saved = run.Seconds;
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            Same(json);
            json.Number("seconds", run.Seconds);
            json.WriteNumber("log", _log!.BaseStream.Length);
            json.WriteStartArray("packer");
            foreach (long number in run.PackerState)
            {
                json.WriteNumberValue(number);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        TrainingStateFile.Save(Path.Join(folder, StateFile), trainer, Encoding.UTF8.GetString(bytes.ToArray()));
    }

    /// <summary>What must not change when a run goes on.</summary>
    private void Same(Utf8JsonWriter json)
    {
        json.WriteString("seed", seed.ToString(CultureInfo.InvariantCulture));
        json.WriteNumber("batch_tokens", plan.BatchTokens);
        json.WriteNumber("sequence_len", options.SequenceLength);
        json.Number("rate", options.RateFactor);
        json.WriteString("optimizer", options.Optimizer.ToString());
        json.WriteString("weights", options.Weights.ToString());
        json.WriteString("k", options.KParameter.ToString());
        json.Number("k_max", options.LargestK);
        json.WriteString("data", Sha256Of(data.Manifest));
    }

    private void RequireSame(JsonElement before)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            Same(json);
            json.WriteEndObject();
        }
        using var now = JsonDocument.Parse(bytes.ToArray());
        foreach (JsonProperty property in now.RootElement.EnumerateObject())
        {
            if (!before.TryGetProperty(property.Name, out JsonElement value) || value.GetRawText() != property.Value.GetRawText())
            {
                throw new EmlException(ErrorCode.State, $"{folder}: the run was begun with another {property.Name}; give the options and the data that it was begun with");
            }
        }
    }

    /// <summary>SHA-256 of the model's file without tokenizer and facts.</summary>
    private static string HashOf(LanguageWeights weights)
    {
        using var hash = SHA256.Create();
        using (var file = new CryptoStream(Stream.Null, hash, CryptoStreamMode.Write))
        {
            LanguageSafetensors.Write(file, weights);
        }
        return Convert.ToHexStringLower(hash.Hash!);
    }

    private static string Sha256Of(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private string Facts(LanguageTrainer trainer, TrainingRun run, string hash)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            Results(json, trainer, run, hash);
            Same(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private void Results(Utf8JsonWriter json, LanguageTrainer trainer, TrainingRun run, string hash)
    {
        if (_bits is double bits)
        {
            json.Number("val_bpb", bits);
        }
        else
        {
            json.WriteNull("val_bpb");
        }
        int shown = Math.Min(50, _steps.Count);
        json.Number("train_loss", shown == 0 ? double.NaN : _steps.TakeLast(shown).Average(step => step.Loss));
        json.WriteNumber("steps", trainer.Steps);
        long tokens = trainer.Steps * (plan.BatchTokens / options.SequenceLength * options.SequenceLength);
        json.WriteNumber("tokens", tokens);
        json.Number("tokens_per_second", run.Seconds > 0 ? tokens / run.Seconds : 0.0);
        json.Number("seconds", run.Seconds);
        json.WriteNumber("bytes", trainer.Bytes);
        json.WriteString("hash", hash);
    }

    private void Show(LanguageTrainer trainer, TrainingRun run, string hash, string model, bool isDone, bool json)
    {
        if (json)
        {
            Output.Json(o =>
            {
                Results(o, trainer, run, hash);
                o.WriteString("model", model);
                o.WriteBoolean("done", isDone);
            });
            return;
        }
        Output.Field("steps", trainer.Steps.ToString("N0", CultureInfo.InvariantCulture));
        Output.Field("seconds", run.Seconds.ToString("F1", CultureInfo.InvariantCulture));
        Output.Field("bits/byte", _bits?.ToString("F4", CultureInfo.InvariantCulture) ?? "not measured");
        Output.Field("k", string.Join(' ', trainer.ActivationParameters.Select(k => k.ToString("G4", CultureInfo.InvariantCulture))));
        Output.Field("hash", hash);
        Output.Field("saved", model);
        if (!isDone)
        {
            Output.Warn("interrupted; go on with --resume");
        }
    }
}
