using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml wasm run</c>: executes a WebAssembly module inside the universal machine.</summary>
internal sealed class WasmRun
{
    /// <summary>What the process answers after a trap: 128 + SIGABRT, as other engines do.</summary>
    private const int TrapExit = 134;

    /// <summary>Functions that are called if none is named, the first that there is.</summary>
    private static readonly string[] s_entries = ["_start", "run", "main"];

    private readonly WasmModule _module;
    private readonly WasmMachine _machine;
    private readonly WasmInput _input;
    private readonly List<uint> _numbers = [];
    private readonly MemoryStream _text = new();
    private readonly bool _json;
    private readonly Stream _output = Console.OpenStandardOutput();
    private readonly Stream _error = Console.OpenStandardError();

    private WasmRun(string path, WasmSource source, WasmInput input, string[] arguments, bool dense, bool json)
    {
        _module = source.Module;
        _input = input;
        _json = json;
        var wasi = new WasiHost
        {
            Input = input.Read,
            Output = json ? _text.Write : bytes => Put(_output, bytes),
            Error = bytes => Put(_error, bytes),
            // Ticks since the year 1; WASI counts from 1970.
            Clock = () => (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100,
            Arguments = [.. arguments.Prepend(Path.GetFileName(path)).Select(Encoding.UTF8.GetBytes)],
        };
        WasmImports imports = wasi.AddTo(new WasmImports(), _module)
            .Function("env", "input", (_, _) => [input.Number()], new WasmSignature([], [WasmType.I32]))
            .Function("env", "output", (_, values) => Take((uint)values[0]), new WasmSignature([WasmType.I32], []));
        _machine = source.Machine(imports, dense);
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A binary module that uses integers only, or what eml wasm specialize made of one" };
        var rest = new Argument<string[]>("ARG")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Arguments of the function, decimal or 0x hexadecimal or negative; without --invoke those of the program",
        };
        var invoke = new Option<string?>("--invoke") { HelpName = "NAME", Description = "Call this exported function and print its results [default: _start, run or main]" };
        var input = new Option<string?>("--input") { HelpName = "F", Description = "What the program reads, as standard input or as numbers through env.input [default: standard input]" };
        var fuel = new Option<long>("--fuel")
        {
            HelpName = "N",
            DefaultValueFactory = _ => long.MaxValue,
            Description = "Generate at most N tokens [default: all]",
            CustomParser = result => Arguments.Unsigned<long>(result, "--fuel"),
        };
        var trace = new Option<bool>("--trace") { Description = "Show every token on standard error: the instruction, and what it wrote" };
        var dense = new Option<bool>("--dense") { Description = "Compute every weight of every matrix: the same tokens, slowly" };
        var command = new Command("run", "Execute a WebAssembly module, an instruction a token") { file, rest, invoke, input, fuel, trace, dense };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(file);
            string[] arguments = parse.GetValue(rest) ?? [];
            WasmSource source = WasmSource.Read(path);
            using var text = new WasmInput(parse.GetValue(input));
            string? name = parse.GetValue(invoke);
            WasmRun run;
            try
            {
                string function = name ?? Entry(source.Module);
                // Bad arguments are told before the module is put into the machine.
                ulong[] values = WasmValues.Parse(function, WasmValues.TypeOf(source.Module, function), name is null ? [] : arguments);
                run = new WasmRun(path, source, text, name is null ? arguments : [], parse.GetValue(dense), parse.GetValue(Arguments.Json));
                return run.Run(function, values, parse.GetValue(fuel), parse.GetValue(trace));
            }
            catch (EmlException e)
            {
                throw Store.Named(path, e);
            }
        });
        return command;
    }

    /// <summary>The module in a file.</summary>
    public static WasmModule Read(string path)
    {
        try
        {
            return WasmModule.Read(Store.ReadBytes(path));
        }
        catch (EmlException e)
        {
            throw Store.Named(path, e);
        }
    }

    /// <summary>The function that is called if none is named.</summary>
    public static string Entry(WasmModule module) =>
        Array.Find(s_entries, name => WasmValues.Find(module, name) is not null) ?? throw new EmlException(ErrorCode.Argument,
            $"it has no function {string.Join(", ", s_entries[..^1])} or {s_entries[^1]}; {WasmValues.Exports(module)}; name one with --invoke");

    private int Run(string function, ulong[] values, long fuel, bool trace)
    {
        if (trace)
        {
            _machine.Listener = step =>
            {
                string line = $"{step.Token,7}  {_machine.Describe(step.Instruction),-44} {WasmMachine.Effect(step)}";
                Output.Error.WriteLine(line.TrimEnd());
                return true;
            };
        }
        var clock = Stopwatch.StartNew();
        WasmStatus status = WasmStatus.Done;
        using var interrupt = new Interrupt(() => _input.IsWaiting);
        if (_module.Start >= 0)
        {
            _machine.Begin(_module.Start);
            status = _machine.Run(fuel, interrupt.Cancel);
            fuel -= _machine.Tokens;
        }
        if (status == WasmStatus.Done)
        {
            _machine.Begin(function, values);
            status = _machine.Run(Math.Max(0, fuel), interrupt.Cancel);
        }
        double seconds = clock.Elapsed.TotalSeconds;
        WasmType[] types = WasmValues.TypeOf(_module, function).Results;
        if (_json)
        {
            Output.Json(json => Write(json, status, seconds));
        }
        else
        {
            for (int i = 0; i < _machine.Results.Length; i++)
            {
                Output.Line(WasmValues.Signed(types[i], _machine.Results[i]));
            }
        }
        return Answer(status);
    }

    private int Answer(WasmStatus status)
    {
        switch (status)
        {
            case WasmStatus.Done:
                return ExitCode.Ok;
            case WasmStatus.Exited:
                // A shell sees eight bits; an error must not become a success by that.
                uint code = _machine.ExitCode;
                return (code & 255) == 0 && code != 0 ? ExitCode.Failure : (int)(code & 255);
            case WasmStatus.Trapped:
                Output.Error.WriteLine($"eml: wasm trap: {_machine.Trap}");
                return TrapExit;
            case WasmStatus.OutOfFuel:
                Output.Warn($"stopped after {Output.Count(_machine.Tokens, "token")}, as --fuel says; the program had not ended");
                return ExitCode.Failure;
            default:
                Output.Warn($"interrupted after {Output.Count(_machine.Tokens, "token")}");
                return ExitCode.Interrupted;
        }
    }

    private static void Put(Stream stream, ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        stream.Flush();
    }

    private ulong[] Take(uint number)
    {
        if (_json)
        {
            _numbers.Add(number);
        }
        else
        {
            Output.Line(number.ToString(CultureInfo.InvariantCulture));
        }
        return [];
    }

    private void Write(Utf8JsonWriter json, WasmStatus status, double seconds)
    {
        json.WriteStartArray("results");
        foreach (ulong value in _machine.Results)
        {
            json.WriteNumberValue(value);
        }
        json.WriteEndArray();
        json.WriteStartArray("output");
        foreach (uint number in _numbers)
        {
            json.WriteNumberValue(number);
        }
        json.WriteEndArray();
        json.WriteString("stdout", Encoding.UTF8.GetString(_text.ToArray()));
        json.WriteNumber("instructions", _machine.Instructions);
        json.WriteNumber("tokens", _machine.Tokens);
        json.WriteNumber("prompt_tokens", _machine.PromptTokens);
        json.Number("seconds", seconds);
        json.WriteNumber("state_bytes", _machine.StateBytes);
        json.WriteNumber("pages", _machine.Pages);
        json.WriteString("status", status switch
        {
            WasmStatus.Done => "done",
            WasmStatus.Exited => "exited",
            WasmStatus.Trapped => "trapped",
            WasmStatus.OutOfFuel => "out_of_fuel",
            _ => "cancelled",
        });
        if (status == WasmStatus.Exited)
        {
            json.WriteNumber("exit_code", _machine.ExitCode);
        }
        else
        {
            json.WriteNull("exit_code");
        }
        json.WriteString("trap", _machine.Trap);
    }
}
