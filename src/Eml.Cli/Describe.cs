using System.Globalization;
using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Audit;
using Eml.Functions;

namespace Eml.Cli;

/// <summary>How the verbs call things.</summary>
internal static class Describe
{
    /// <summary>The profile that gives the bits of the Rust crate.</summary>
    public const string EmlCore = "eml-core-0.1";

    /// <summary>A profile as <c>--profile</c> spells it.</summary>
    public static string Profile(Profile profile) => profile == Functions.Profile.EmlCore01 ? EmlCore : "default";

    /// <summary>What an object is.</summary>
    public static string Kind(object content) => content switch
    {
        EmlModel => "EmlModel",
        ToyEmlAttention => "ToyEmlAttention",
        BaselineAttention => "BaselineAttention",
        EmlAttention => "EmlAttention",
        _ => "SafeTree",
    };

    /// <summary>A format as its files' extension, without the dot.</summary>
    public static string Format(FileFormat format) => format switch
    {
        FileFormat.Browser => "browser.json",
        FileFormat.Safetensors => "safetensors",
        FileFormat.Protobuf => "pb",
        _ => "json",
    };

    /// <summary>A verdict on an audit log.</summary>
    public static string Verdict(AuditVerdict verdict) => verdict switch
    {
        AuditVerdict.Ok => "ok",
        AuditVerdict.OtherData => "other data",
        _ => verdict.ToString().ToLowerInvariant(),
    };

    /// <summary>What a training took.</summary>
    public static string Work(TrainResult result, double seconds) => string.Create(CultureInfo.InvariantCulture,
        $"{Output.Count(result.Evaluations, "evaluation")}, {Output.Count(result.Sweeps, "sweep")}, {seconds:F2} s");

    /// <summary>The members that the objects of <c>train</c> and <c>distill</c> share.</summary>
    public static void WriteTraining(this Utf8JsonWriter json, TrainResult result, double seconds)
    {
        json.WriteNumber("samples_used", result.SamplesUsed);
        json.Number("loss_before", result.LossBefore);
        json.Number("loss_after", result.LossAfter);
        json.WriteBoolean("converged", result.Converged);
        json.WriteBoolean("cancelled", result.Status == TrainStatus.Cancelled);
        json.WriteNumber("evaluations", result.Evaluations);
        json.WriteNumber("accepted", result.Accepted);
        json.WriteNumber("sweeps", result.Sweeps);
        json.Number("seconds", seconds);
    }
}
