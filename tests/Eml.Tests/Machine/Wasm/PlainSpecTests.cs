using System.Text.Json;
using Eml.Machine.Wasm;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The specification's test files on the front end and the plain interpreter.</summary>
public sealed class PlainSpecTests(ITestOutputHelper output)
{
    /// <summary>Assertions of 1.0 that later versions took back: functions and blocks may have several results.</summary>
    private const string TakenBack = "invalid result arity";

    private static readonly string[] s_floats = ["print_f32", "print_f64", "print_i32_f32", "print_f64_f64", "global_f32", "global_f64"];

    private readonly Dictionary<string, PlainWasm?> _named = [];
    private readonly Dictionary<string, PlainWasm?> _registered = [];
    private readonly Dictionary<string, PlainExtern> _spectest = SpecTest();
    private readonly List<string> _failures = [];
    private PlainWasm? _current;
    private int _passed;
    private int _skipped;
    private string _file = "";

    public static IEnumerable<object[]> Files() => SpecFiles.Names.Select(name => new object[] { name });

    [Theory]
    [MemberData(nameof(Files))]
    public void File_passes(string name)
    {
        _file = name;
        foreach (JsonElement command in SpecFiles.Commands(name))
        {
            Command(command);
        }
        output.WriteLine($"{name}: {_passed} passed, {_failures.Count} failed, {_skipped} skipped because of floating point or text");
        Assert.True(_failures.Count == 0, string.Join('\n', _failures));
        Assert.True(_passed + _skipped > 0);
        Assert.True(_skipped == 0 || !name.EndsWith("-integers", StringComparison.Ordinal), $"{_skipped} skipped");
    }

    /// <summary>The module that the files import from.</summary>
    private static Dictionary<string, PlainExtern> SpecTest()
    {
        PlainFunction Print(params WasmType[] types) => new(new WasmSignature(types, []), _ => []);
        return new()
        {
            ["print"] = Print(),
            ["print_i32"] = Print(WasmType.I32),
            ["print_i64"] = Print(WasmType.I64),
            ["global_i32"] = new PlainGlobal(new WasmGlobalType(WasmType.I32, false), 666),
            ["global_i64"] = new PlainGlobal(new WasmGlobalType(WasmType.I64, false), 666),
            ["table"] = new PlainTable(10, 20),
            ["memory"] = new PlainMemory(1, 2),
        };
    }

    private void Command(JsonElement command)
    {
        string type = command.At("type").GetString()!;
        string text = command.TryGetProperty("text", out JsonElement given) ? given.GetString()! : "";
        if ((command.TryGetProperty("module_type", out JsonElement form) && form.GetString() == "text") || text == TakenBack)
        {
            _skipped++;
            return;
        }
        string found;
        string wanted;
        switch (type)
        {
            case "module":
                (_current, found) = Instantiate(command);
                if (command.TryGetProperty("name", out JsonElement name))
                {
                    _named[name.GetString()!] = _current;
                }
                wanted = "instance";
                break;
            case "register":
                _registered[command.At("as").GetString()!] = Instance(command);
                return;
            case "assert_invalid" or "assert_malformed":
                (_, found) = Instantiate(command);
                (found, wanted) = (found.Split(' ')[0], type[7..]);
                break;
            case "assert_unlinkable":
                (_, found) = Instantiate(command);
                wanted = $"link: {text}";
                break;
            case "assert_uninstantiable":
                (_, found) = Instantiate(command);
                // Segments that do not fit: 1.0 checks them when it links, later versions trap when they are written.
                wanted = text == "out of bounds memory access" ? "link: data segment does not fit" : $"trap: {text}";
                break;
            case "action" or "assert_return":
                found = Act(command.At("action"));
                wanted = string.Join(' ', command.Array("expected").Select(value => value.TryGetProperty("value", out JsonElement bits) ? bits.GetString() : ""));
                break;
            default:
                found = Act(command.At("action"));
                wanted = $"trap: {text}";
                break;
        }
        if (found == "floats")
        {
            _skipped++;
        }
        else if (found == wanted || (wanted.StartsWith("trap", StringComparison.Ordinal) && found.StartsWith(wanted, StringComparison.Ordinal))
            || (type == "action" && !found.StartsWith("trap", StringComparison.Ordinal)))
        {
            _passed++;
        }
        else
        {
            _failures.Add($"{_file}.wast:{command.Int("line")}: {type}: {wanted} expected, not {found}");
        }
    }

    private (PlainWasm? Instance, string What) Instantiate(JsonElement command)
    {
        try
        {
            var instance = new PlainWasm(WasmModule.Read(SpecFiles.Module(_file, command.At("filename").GetString()!)), Import);
            instance.Start();
            return (instance, "instance");
        }
        catch (EmlException e)
        {
            return (null, e.Code == ErrorCode.Unsupported ? "floats" : e.Message);
        }
        catch (PlainLinkException e)
        {
            return (null, e.Message == "floats" ? "floats" : $"link: {e.Message}");
        }
        catch (PlainTrapException e)
        {
            return (null, $"trap: {e.Message}");
        }
    }

    private PlainExtern? Import(WasmImport import)
    {
        if (import.Module == "spectest")
        {
            // What has floating point in its type cannot be in a module that was read.
            // A module that was read has no floating point in the types of its imports.
            return _spectest.TryGetValue(import.Name, out PlainExtern? found) ? found
                : s_floats.Contains(import.Name) ? throw new PlainLinkException("incompatible import type") : null;
        }
        return !_registered.TryGetValue(import.Module, out PlainWasm? instance) ? null
            : instance is null ? throw new PlainLinkException("floats") : instance.Export(import.Name);
    }

    private PlainWasm? Instance(JsonElement action)
    {
        string? name = action.TryGetProperty("name", out JsonElement own) || action.TryGetProperty("module", out own) ? own.GetString() : null;
        return name is null ? _current : _named[name];
    }

    private string Act(JsonElement action)
    {
        if (Instance(action) is not PlainWasm instance)
        {
            return "floats";
        }
        string field = action.At("field").GetString()!;
        if (action.At("type").GetString() == "get")
        {
            return $"{((PlainGlobal)instance.Export(field)!).Value}";
        }
        try
        {
            return string.Join(' ', instance.Invoke(field, [.. action.Array("args").Select(value => ulong.Parse(value.At("value").GetString()!))]));
        }
        catch (PlainTrapException e)
        {
            return $"trap: {e.Message}";
        }
    }
}
