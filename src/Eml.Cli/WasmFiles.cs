using System.CommandLine;
using Eml.Formats.Machine;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;

namespace Eml.Cli;

/// <summary><c>eml wasm export</c>: the machine, and a module as its prompt, as files that any program can run.</summary>
internal static class WasmFiles
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var file = new Argument<string>("FILE.wasm") { Description = "A binary module that uses integers only" };
        var rest = new Argument<string[]>("ARG") { Arity = ArgumentArity.ZeroOrMore, Description = "Arguments of the function, decimal or 0x hexadecimal" };
        var invoke = new Option<string?>("--invoke") { HelpName = "NAME", Description = "The exported function that is called [default: _start, run or main]" };
        var folder = new Option<string>("--out") { HelpName = "DIR", Required = true, Description = "Folder to write to; made if it is not there" };
        var command = new Command("export", "Write the weights as safetensors, and a module as the prompt to run them on") { file, rest, invoke, folder };
        command.SetAction(parse =>
        {
            WasmModule module = WasmRun.Read(parse.GetRequiredValue(file));
            string function = parse.GetValue(invoke) ?? WasmRun.Entry(module);
            ulong[] arguments = WasmValues.Parse(function, WasmValues.TypeOf(module, function), parse.GetValue(rest) ?? []);
            WasmRunPrompt prompt = WasmMachine.Prompt(module, Silent(module), function, arguments);
            return Show(WasmFolder.Save(parse.GetRequiredValue(folder), prompt), prompt, parse.GetValue(Arguments.Json));
        });
        return command;
    }

    /// <summary>Functions for all imports: none is called while the prompt is written.</summary>
    public static WasmImports Silent(WasmModule module)
    {
        var imports = new WasmImports();
        foreach (WasmImport import in module.Imports.Where(import => import.Kind == WasmKind.Function))
        {
            imports.Function(import.Module, import.Name, (_, _) => []);
        }
        return imports;
    }

    private static int Show(string[] paths, WasmRunPrompt prompt, bool json)
    {
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("weights", WasmMachine.Weights.Config.Parameters);
                o.WriteNumber("prompt_tokens", prompt.Tokens.Count);
                o.Strings("files", paths);
            });
            return ExitCode.Ok;
        }
        foreach (string path in paths)
        {
            Output.Field("saved", path);
        }
        return ExitCode.Ok;
    }
}
