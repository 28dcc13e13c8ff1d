using System.Globalization;
using System.Text.Json;
using Eml.Formats.Audit;
using Eml.Functions;

namespace Eml.Cli;

/// <summary>What the first record of an audit log says, by the kind of what was trained.</summary>
internal static class AuditStart
{
    /// <summary>For people: labels and texts. Nothing if the log does not say.</summary>
    public static IEnumerable<(string Label, string Text)> Lines(AuditLog log)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        IReadOnlyDictionary<string, string> notes = new Dictionary<string, string>();
        switch (log.Header)
        {
            case { Kind: ModelAudit.Kind } header:
                EmlModel model = ModelAudit.Before(header, out TrainOptions options);
                yield return ("model", $"{Describe.Profile(model.Profile)} profile, depth {model.Depth}, " +
                    $"{Output.Count(model.Inputs, "input")}, {Output.Count(model.Heads, "head")}, " +
                    Output.Count(model.ParameterCount, "parameter"));
                yield return ("options", string.Create(culture,
                    $"seed {options.Seed}, sweeps {(options.MaxSweeps == 0 ? "as the profile has" : options.MaxSweeps)}, target loss {Output.Short(options.TargetLoss)}"));
                break;
            case { Kind: AttentionAudit.Kind } header:
                EmlAttention block = AttentionAudit.Before(header, out AttentionTrainOptions own, out notes);
                yield return ("model", $"{Describe.Kind(block)}, {AttnShape.Describe(block.Config)}, {Output.Count(block.ParameterCount, "parameter")}");
                yield return ("options", string.Create(culture,
                    $"seed {own.Seed}, {(own.MaxEvaluations == 0 ? AttentionTrainOptions.DefaultEvaluations : own.MaxEvaluations):N0} evaluations, target loss {Output.Short(own.TargetLoss)}"));
                break;
            case { Kind: AttentionAudit.BlockKind } header:
                AttentionBlock core = AttentionAudit.Before(header, out EndToEndTrainConfig config, out notes);
                yield return ("model", $"{Describe.Kind(core)}, {AttnShape.Describe(core)}, {Output.Count(core.ParameterCount, "parameter")}, " +
                    $"{Output.Count((long)Math.Min(core.TrainingRounds, long.MaxValue), "round")} before");
                yield return ("options", string.Create(culture,
                    $"seed {config.Seed}, {config.Trials:N0} trials, steps {Output.Short(config.StepInit)} to {Output.Short(config.StepFinal)}, limit {Output.Short(config.ConvergenceMse)}"));
                break;
            default:
                yield break;
        }

        foreach ((string key, string value) in notes)
            yield return ("metadata", $"{key} = {value}");
        yield return ("data", $"sha-256 {Convert.ToHexStringLower(log.Header.DataHash)}");
    }

    /// <summary>The same as members.</summary>
    public static void Write(Utf8JsonWriter json, AuditLog log)
    {
        IReadOnlyDictionary<string, string> notes;
        switch (log.Header)
        {
            case { Kind: ModelAudit.Kind } header:
                EmlModel model = ModelAudit.Before(header, out TrainOptions options);
                json.WriteString("profile", Describe.Profile(model.Profile));
                json.WriteNumber("depth", model.Depth);
                json.WriteNumber("inputs", model.Inputs);
                json.WriteNumber("heads", model.Heads);
                json.WriteNumber("seed", options.Seed);
                json.WriteNumber("max_sweeps", options.MaxSweeps);
                json.Number("target_loss", options.TargetLoss);
                break;
            case { Kind: AttentionAudit.Kind } header:
                EmlAttention block = AttentionAudit.Before(header, out AttentionTrainOptions own, out notes);
                json.WriteString("kind", Describe.Kind(block));
                AttnShape.Write(json, block.Config);
                json.WriteNumber("seed", own.Seed);
                json.WriteNumber("max_evaluations", own.MaxEvaluations);
                json.Number("target_loss", own.TargetLoss);
                Write(json, notes);
                break;
            case { Kind: AttentionAudit.BlockKind } header:
                AttentionBlock core = AttentionAudit.Before(header, out EndToEndTrainConfig config, out notes);
                json.WriteString("kind", Describe.Kind(core));
                AttnShape.Write(json, core);
                json.WriteNumber("training_rounds", core.TrainingRounds);
                json.WriteNumber("seed", config.Seed);
                json.WriteNumber("trials_per_round", config.Trials);
                json.Number("step_init", config.StepInit);
                json.Number("step_final", config.StepFinal);
                json.WriteNumber("max_samples", config.MaxSamples);
                json.WriteNumber("eval_subset", config.EvalSubset);
                json.Number("convergence_mse", config.ConvergenceMse);
                Write(json, notes);
                break;
            default:
                return;
        }

        json.WriteString("data_sha256", Convert.ToHexStringLower(log.Header.DataHash));
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyDictionary<string, string> notes)
    {
        json.WriteStartObject("metadata");
        foreach ((string key, string value) in notes)
            json.WriteString(key, value);
        json.WriteEndObject();
    }
}
