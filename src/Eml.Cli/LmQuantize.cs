using System.CommandLine;
using Eml.Formats.Language;
using Eml.Language;

namespace Eml.Cli;

/// <summary><c>eml lm quantize</c>: a language model with its matrices in another type.</summary>
internal static class LmQuantize
{
    private static readonly WeightType[] s_types = [WeightType.I8, WeightType.BF16, WeightType.F32];

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var input = new Argument<string>("IN") { Description = "Checkpoint of any format; its bytes tell which" };
        var output = new Argument<string>("OUT") { Description = "File to write: .safetensors, .json, .npz or .pb" };
        Option<string> to = TypeOption();
        to.Required = true;
        Option<string?> config = LanguageStore.ConfigOption();
        var command = new Command("quantize", "Write a language model with its matrices in another type") { input, output, to, config };
        command.SetAction(parse => Run(parse.GetRequiredValue(input), parse.GetRequiredValue(output), parse.GetRequiredValue(to), parse.GetValue(config), parse.GetValue(Arguments.Json)));
        return command;
    }

    /// <summary>How matrices are stored.</summary>
    public static Option<string> TypeOption()
    {
        var to = new Option<string>("--to") { HelpName = "TYPE", Description = "int8 (a scale per row), bf16 or f32" };
        to.AcceptOnlyFromAmong([.. s_types.Select(LanguageStore.Name)]);
        return to;
    }

    /// <summary>Writes the model of <paramref name="source"/> with matrices of another type.</summary>
    public static int Run(string source, string target, string to, string? config, bool json)
    {
        _ = LanguageFile.FromPath(target);
        Store.CheckFolder(target);
        LanguageCheckpoint checkpoint = LanguageStore.Load(source, config);
        WeightType type = s_types.First(known => LanguageStore.Name(known) == to);
        return LanguageStore.Save(source, target, checkpoint with { Weights = LanguageQuantizer.Convert(checkpoint.Weights, type) }, json);
    }
}
