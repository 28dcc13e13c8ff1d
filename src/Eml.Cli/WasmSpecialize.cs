using System.CommandLine;
using Eml.Formats.Machine;
using Eml.Machine.Transformer;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml wasm specialize</c>: the machine with a program in its weights, as one file.</summary>
internal static class WasmSpecialize
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var file = new Argument<string>("FILE.wasm") { Description = "A binary module that uses integers only" };
        var rest = new Argument<string[]>("ARG") { Arity = ArgumentArity.ZeroOrMore, Description = "Arguments of the function, decimal or 0x hexadecimal" };
        var invoke = new Option<string?>("--invoke") { HelpName = "NAME", Description = "The exported function that the file's prompt calls [default: _start, run or main]" };
        var path = new Option<string>("--out") { HelpName = "FILE.safetensors", Required = true, Description = "File to write" };
        var command = new Command("specialize", "Bake a module into the weights: a machine that runs it without a prompt (eml wasm run FILE.safetensors)")
        {
            file, rest, invoke, path,
        };
        command.SetAction(parse =>
        {
            string name = parse.GetRequiredValue(file);
            try
            {
                byte[] binary = Store.ReadBytes(name);
                var module = WasmModule.Read(binary);
                string function = parse.GetValue(invoke) ?? WasmRun.Entry(module);
                ulong[] arguments = WasmValues.Parse(function, WasmValues.TypeOf(module, function), parse.GetValue(rest) ?? []);
                WasmImports imports = WasmFiles.Silent(module);
                (TransformerWeights weights, WasmProgram program) = WasmProgram.Specialize(binary, imports);
                string to = parse.GetRequiredValue(path);
                // A start function comes before every call, so no prompt of one call would do.
                WasmRunPrompt? prompt = module.Start < 0 ? WasmMachine.Prompt(weights, program, imports, function, arguments) : null;
                WasmModelFile.Save(to, weights, program, prompt);
                return Show(to, weights, program, parse.GetValue(Arguments.Json));
            }
            catch (EmlException e) when (e.Code != ErrorCode.Io)
            {
                throw Store.Named(name, e);
            }
        });
        return command;
    }

    private static int Show(string path, TransformerWeights weights, WasmProgram program, bool json)
    {
        long own = weights.Config.Parameters - WasmMachine.Weights.Config.Parameters;
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("saved", path);
                o.WriteNumber("weights", weights.Config.Parameters);
                o.WriteNumber("weights_of_program", own);
                o.WriteNumber("instructions", program.Instructions);
            });
            return ExitCode.Ok;
        }
        Output.Field("saved", path);
        Output.Field("weights", $"{weights.Config.Parameters}, of which the program's {own}");
        return ExitCode.Ok;
    }
}
