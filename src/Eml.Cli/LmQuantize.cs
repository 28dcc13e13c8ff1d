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
        var to = new Option<string>("--to") { HelpName = "TYPE", Required = true, Description = "int8 (a scale per row), bf16 or f32" };
        to.AcceptOnlyFromAmong([.. s_types.Select(LanguageStore.Name)]);
        Option<string?> config = LanguageStore.ConfigOption();
        var command = new Command("quantize", "Write a language model with its matrices in another type") { input, output, to, config };
        command.SetAction(parse =>
        {
            string source = parse.GetRequiredValue(input), target = parse.GetRequiredValue(output);
            _ = LanguageFile.FromPath(target);
            Store.CheckFolder(target);
            LanguageCheckpoint checkpoint = LanguageStore.Load(source, parse.GetValue(config));
            WeightType type = s_types.First(known => LanguageStore.Name(known) == parse.GetRequiredValue(to));
            return LanguageStore.Save(source, target, checkpoint with { Weights = LanguageQuantizer.Convert(checkpoint.Weights, type) }, parse.GetValue(Arguments.Json));
        });
        return command;
    }
}
