using System.CommandLine;
using System.Globalization;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>Language models in files.</summary>
internal static class LanguageStore
{
    /// <summary>The config of a checkpoint that has none.</summary>
    public static Option<string?> ConfigOption() => new("--config")
    {
        HelpName = "FILE",
        Description = "Config as JSON, for a checkpoint that has none; what it leaves out is recognised from the tensors",
    };

    /// <summary>The model in a file of any format.</summary>
    public static LanguageCheckpoint Load(string path, string? config, bool mapped = false)
    {
        try
        {
            return LanguageFile.Load(path, mapped, config);
        }
        catch (EmlException e)
        {
            throw Store.Named(path, e);
        }
    }

    /// <summary>Writes a model in the format that the extension names, and says what it is and what the format could not keep.</summary>
    /// <returns>The exit code.</returns>
    public static int Save(string input, string output, LanguageCheckpoint checkpoint, bool json)
    {
        LanguageFormat format = LanguageFile.FromPath(output);
        try
        {
            LanguageFile.Save(output, checkpoint, format);
        }
        catch (EmlException e)
        {
            throw Store.Named(output, e);
        }
        LanguageWeights weights = checkpoint.Weights;
        WeightType type = LanguageFile.Stored(weights.Type, format);
        string[] lost = type == weights.Type ? [] : [$"type {weights.Type}: matrices are written as {type}"];
        string parts = $"{(checkpoint.Tokenizer is null ? "" : ", tokenizer")}{(checkpoint.Training is null ? "" : ", training metadata")}";
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("in", input);
                o.WriteString("out", output);
                o.WriteString("kind", LanguageSafetensors.Kind);
                o.WriteString("format", Name(format));
                o.WriteNumber("parameters", weights.Config.Parameters);
                o.WriteString("type", Name(type));
                o.WriteBoolean("tokenizer", checkpoint.Tokenizer is not null);
                o.WriteBoolean("training", checkpoint.Training is not null);
                o.WriteNumber("bytes", new FileInfo(output).Length);
                o.Strings("lost", lost);
            });
        }
        else
        {
            Output.Field("saved", string.Create(CultureInfo.InvariantCulture,
                $"{output}: language model of {weights.Config.Parameters:N0} parameters in {Name(type)}{parts}, {Name(format)}, {new FileInfo(output).Length:N0} bytes"));
            Store.WarnOfLoss(output, lost);
        }
        return ExitCode.Ok;
    }

    /// <summary>A type as it is written on the command line.</summary>
    public static string Name(WeightType type) => type switch { WeightType.F32 => "f32", WeightType.BF16 => "bf16", _ => "int8" };

    private static string Name(LanguageFormat format) => format.ToString().ToLowerInvariant();
}
