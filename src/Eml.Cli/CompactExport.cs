using System.CommandLine;
using Eml.Formats.Machine;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Cli;

/// <summary><c>eml compact export</c>: the interpreter as files that any program can run.</summary>
internal static class CompactExport
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "Folder to write to; made if it is not there" };
        var program = new Option<string?>("--program") { HelpName = "P", Description = "Write a prompt for this program, too; - reads standard input" };
        Option<string[]> files = CompactSource.FileOption();
        var command = new Command("export", "Write the weights as safetensors, and what is needed to run them elsewhere") { folder, program, files };
        command.Validators.Add(result =>
        {
            if (result.GetResult(files) is not null && result.GetResult(program) is null)
            {
                result.AddError("--file belongs to a program; give --program");
            }
        });
        command.SetAction(parse => Run(parse.GetRequiredValue(folder), parse.GetValue(program), parse.GetValue(files), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string folder, string? program, string[]? files, bool json)
    {
        Prompt? prompt = null;
        if (program is not null)
        {
            CompactSource source = CompactSource.Read(program, files);
            prompt = source.Check().Prompt(source.Files);
        }
        string[] paths = CompactFolder.Save(folder, prompt);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("weights", CompactMachine.Weights.Config.Parameters);
                o.Strings("files", paths);
            });
        }
        else
        {
            foreach (string path in paths)
            {
                Output.Field("saved", path);
            }
        }
        return ExitCode.Ok;
    }
}
