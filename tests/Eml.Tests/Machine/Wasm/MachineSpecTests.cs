using System.Text.Json;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The specification's test files on the machine. What is not valid is the front end's matter: <see cref="PlainSpecTests"/>.</summary>
public sealed class MachineSpecTests(ITestOutputHelper output)
{
    private const long Fuel = 20_000_000;

    private const string Shared = "skipped: instances are not shared";

    private readonly Dictionary<string, Instance> _named = [];
    private readonly SortedDictionary<string, int> _skipped = new(StringComparer.Ordinal);
    private readonly List<string> _failures = [];
    private Instance _current = new("no module");
    private int _passed;

    [Fact]
    public void Files_pass()
    {
        int machines = 0;
        foreach (string name in SpecFiles.Names)
        {
            _named.Clear();
            foreach (JsonElement command in SpecFiles.Commands(name))
            {
                string text = command.TryGetProperty("text", out JsonElement given) ? given.GetString()! : "";
                string type = command.At("type").GetString()!;
                (string found, string wanted) = Command(name, command, type, text);
                if (type is "module")
                {
                    machines++;
                }
                if (found.StartsWith("skipped", StringComparison.Ordinal))
                {
                    _skipped[found] = _skipped.GetValueOrDefault(found) + 1;
                }
                else if (found == wanted || (wanted.StartsWith("trap", StringComparison.Ordinal) && found.StartsWith(wanted, StringComparison.Ordinal)))
                {
                    _passed++;
                }
                else
                {
                    _failures.Add($"{name}.wast:{command.Int("line")}: {type}: {wanted} expected, not {found}");
                }
            }
        }
        output.WriteLine($"{machines} modules, {_passed} passed, {_failures.Count} failed");
        output.WriteLine(string.Join('\n', _skipped.Select(pair => $"{pair.Value,6} {pair.Key}")));
        Assert.True(_failures.Count == 0, string.Join('\n', _failures));
        Assert.InRange(_passed, 3800, int.MaxValue);
    }

    private (string Found, string Wanted) Command(string file, JsonElement command, string type, string text)
    {
        switch (type)
        {
            case "module":
                _current = new Instance(file, command.At("filename").GetString()!);
                if (command.TryGetProperty("name", out JsonElement name))
                {
                    _named[name.GetString()!] = _current;
                }
                return (_current.State(), "instance");
            case "register":
                // What others import is no longer what this instance alone does.
                (command.TryGetProperty("name", out JsonElement own) ? _named[own.GetString()!] : _current).Share();
                return (Shared, "");
            case "assert_invalid" or "assert_malformed":
                return ("skipped: not valid", "");
            case "assert_unlinkable" or "assert_uninstantiable":
                string state = text == "incompatible import type" ? "skipped: types of imports are not compared" : new Instance(file, command.At("filename").GetString()!).State();
                return (state, text == "out of bounds memory access" ? "link: data segment does not fit"
                    : type == "assert_uninstantiable" ? $"trap: {text}" : $"link: {text}");
            case "action" or "assert_return":
                string found = Act(command.At("action"));
                string wanted = string.Join(' ', command.Array("expected").Select(value => value.TryGetProperty("value", out JsonElement bits) ? bits.GetString() : ""));
                return (type == "action" && !found.StartsWith("trap", StringComparison.Ordinal) && !found.StartsWith("skipped", StringComparison.Ordinal)
                    ? wanted : found, wanted);
            default:
                return (Act(command.At("action")), $"trap: {text}");
        }
    }

    private string Act(JsonElement action)
    {
        Instance instance = action.TryGetProperty("module", out JsonElement module) ? _named[module.GetString()!] : _current;
        string field = action.At("field").GetString()!;
        return action.At("type").GetString() == "get" ? instance.Get(field)
            : instance.Call(field, [.. action.Array("args").Select(value => ulong.Parse(value.At("value").GetString()!))]);
    }

    /// <summary>A module of a file; its machine is made when it is needed.</summary>
    private sealed class Instance
    {
        private readonly WasmModule? _module;
        private string _why;
        private WasmMachine? _machine;
        private ulong[] _globals = [];

        public Instance(string why) => _why = why;

        public Instance(string file, string module)
        {
            _why = "";
            try
            {
                _module = WasmModule.Read(SpecFiles.Module(file, module));
            }
            catch (EmlException e)
            {
                _why = e.Code == ErrorCode.Unsupported ? "skipped: floating point" : e.Message;
                return;
            }
            // spectest's table has 10 elements, its memory one page of at most two.
            if (_module.Imports.Any(import => import.Module != "spectest"))
            {
                _why = Shared;
            }
            else if (_module.Imports.Any(import => import.Limits is not null && (import.Name is not ("table" or "memory")
                || import.Limits.Min != (import.Kind == WasmKind.Table ? 10 : 1) || (import.Kind == WasmKind.Memory && import.Limits.Max != 2))))
            {
                _why = "skipped: imported tables and memories are made for the module, as large as it says";
            }
        }

        public void Share() => _why = Shared;

        /// <summary>Whether there is an instance; makes the machine only if something could go wrong.</summary>
        public string State() => _why.Length > 0 ? _why
            : _module!.Start < 0 && _module.Data.Length == 0 && _module.Elements.Length == 0 && _module.Imports.Length == 0 ? "instance" : Make();

        public string Get(string name)
        {
            string state = Make();
            return state != "instance" ? state : $"{_globals[_module!.Exports.Single(export => export.Name == name).Index]}";
        }

        public string Call(string name, ulong[] arguments)
        {
            string state = Make();
            if (state != "instance")
            {
                return state;
            }
            _machine!.Begin(name, arguments);
            return End();
        }

        private string End() => _machine!.Run(Fuel) switch
        {
            WasmStatus.Done => string.Join(' ', _machine.Results),
            WasmStatus.Trapped => $"trap: {_machine.Trap}",
            WasmStatus other => $"{other}",
        };

        private string Make()
        {
            if (_why.Length > 0 || _machine is not null)
            {
                return _why.Length > 0 ? _why : "instance";
            }
            WasmImports imports = new WasmImports().Global("spectest", "global_i32", 666).Global("spectest", "global_i64", 666);
            foreach (string print in new[] { "print", "print_i32", "print_i64" })
            {
                imports.Function("spectest", print, (_, _) => []);
            }
            try
            {
                _machine = new WasmMachine(_module!, imports);
            }
            catch (EmlException e)
            {
                string text = e.Message[(e.Message.IndexOf(':') + 2)..];
                return $"link: {text.Split(':')[0]}";
            }
            _globals = MachineRun.WatchGlobals(_machine, 666);
            if (_module!.Start >= 0)
            {
                _machine.Begin(_module.Start);
                string end = End();
                return end.Length > 0 ? end : "instance";
            }
            return "instance";
        }
    }
}
