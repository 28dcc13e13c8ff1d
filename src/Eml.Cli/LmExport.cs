using System.CommandLine;
using Eml.Language;

namespace Eml.Cli;

/// <summary><c>eml lm export</c>: the model of a training run as a file to ship.</summary>
internal static class LmExport
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var run = new Argument<string>("RUN") { Description = "Folder that eml lm train wrote" };
        var output = new Option<string>("--out") { HelpName = "FILE", Required = true, Description = "File to write: .safetensors, .json, .npz or .pb" };
        Option<string> to = LmQuantize.TypeOption();
        to.DefaultValueFactory = _ => LanguageStore.Name(WeightType.I8);
        var command = new Command("export", "Write the model of a training run as one file to ship") { run, output, to };
        command.SetAction(parse =>
        {
            string source = Path.Join(parse.GetRequiredValue(run), LmTraining.ModelFile);
            return LmQuantize.Run(source, parse.GetRequiredValue(output), parse.GetValue(to)!, null, parse.GetValue(Arguments.Json));
        });
        return command;
    }
}
