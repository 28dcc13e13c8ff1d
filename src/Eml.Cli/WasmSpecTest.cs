using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml wasm spectest</c>: runs the files that wabt's wast2json makes of the specification's tests.</summary>
internal sealed class WasmSpecTest
{
    /// <summary>Assertions of 1.0 that later versions took back: functions and blocks may have several results.</summary>
    private const string TakenBack = "invalid result arity";

    private const string Unsupported = "floating point, or a later feature";
    private const string NoInstance = "its module was skipped";

    private sealed record Report(string File, int Passed, List<string> Failures, SortedDictionary<string, int> Skipped);

    private readonly string _path;
    private readonly Cancel _cancel;
    private readonly Dictionary<string, SpecInstance?> _named = [];
    private readonly Dictionary<string, SpecInstance?> _registered = [];
    private readonly List<string> _failures = [];
    private readonly SortedDictionary<string, int> _skipped = new(StringComparer.Ordinal);
    private SpecInstance? _current;
    private int _passed;

    private WasmSpecTest(string path, Cancel cancel)
    {
        _path = path;
        _cancel = cancel;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE.json")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "What wast2json wrote, with its .wasm files beside it",
        };
        var command = new Command("spectest", "Run files of the specification's test suite through the weights") { files };
        command.SetAction(parse => Run(parse.GetRequiredValue(files), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string[] files, bool json)
    {
        using var interrupt = new Interrupt();
        var reports = new List<Report>();
        foreach (string file in files)
        {
            try
            {
                reports.Add(new WasmSpecTest(file, interrupt.Cancel).Run());
            }
            catch (OperationCanceledException)
            {
                break;
            }
            if (!json)
            {
                Print(reports[^1]);
            }
        }
        if (json)
        {
            Output.Json(o => Write(o, reports, interrupt.Cancel.IsSet));
        }
        else if (reports.Count > 1)
        {
            Output.Line($"total: {reports.Sum(r => r.Passed)} passed, {reports.Sum(r => r.Failures.Count)} failed, {reports.Sum(r => r.Skipped.Values.Sum())} skipped");
        }
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: not every file was run");
            return ExitCode.Interrupted;
        }
        return reports.All(report => report.Failures.Count == 0) ? ExitCode.Ok : ExitCode.Failure;
    }

    private static void Print(Report report)
    {
        int skipped = report.Skipped.Values.Sum();
        string reasons = skipped == 0 ? "" : $" ({string.Join("; ", report.Skipped.Select(reason => $"{reason.Value}: {reason.Key}"))})";
        Output.Line($"{report.File}: {report.Passed} passed, {report.Failures.Count} failed, {skipped} skipped{reasons}");
        foreach (string failure in report.Failures)
        {
            Output.Line($"  {failure}");
        }
    }

    private static void Write(Utf8JsonWriter json, List<Report> reports, bool cancelled)
    {
        json.WriteStartArray("files");
        foreach (Report report in reports)
        {
            json.WriteStartObject();
            json.WriteString("file", report.File);
            json.WriteNumber("passed", report.Passed);
            json.WriteNumber("failed", report.Failures.Count);
            json.WriteNumber("skipped", report.Skipped.Values.Sum());
            json.WriteStartObject("skipped_because");
            foreach ((string reason, int count) in report.Skipped)
            {
                json.WriteNumber(reason, count);
            }
            json.WriteEndObject();
            json.Strings("failures", report.Failures);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("passed", reports.Sum(report => report.Passed));
        json.WriteNumber("failed", reports.Sum(report => report.Failures.Count));
        json.WriteNumber("skipped", reports.Sum(report => report.Skipped.Values.Sum()));
        json.WriteBoolean("cancelled", cancelled);
    }

    private Report Run()
    {
        try
        {
            using var document = JsonDocument.Parse(Store.ReadBytes(_path));
            foreach (JsonElement command in document.RootElement.GetProperty("commands").EnumerateArray())
            {
                Run(command);
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EmlException(ErrorCode.Argument, $"{_path}: not a file that wast2json makes, or one of a version that is not known");
        }
        return new Report(_path, _passed, _failures, _skipped);
    }

    private void Run(JsonElement command)
    {
        string type = command.GetProperty("type").GetString()!;
        string text = command.TryGetProperty("text", out JsonElement given) ? given.GetString()! : "";
        if (_cancel.IsSet)
        {
            throw new OperationCanceledException();
        }
        try
        {
            if (command.TryGetProperty("module_type", out JsonElement form) && form.GetString() == "text")
            {
                throw new SpecSkipException("text format");
            }
            if (text == TakenBack)
            {
                throw new SpecSkipException("taken back: several results are valid");
            }
            string found = Execute(type, command);
            if (IsRight(type, text, found, command))
            {
                _passed++;
            }
            else
            {
                string wanted = command.TryGetProperty("expected", out JsonElement values) && type == "assert_return" ? Expected(values) : text;
                _failures.Add(string.Create(CultureInfo.InvariantCulture,
                    $"line {command.GetProperty("line").GetInt32()}: {type}: '{wanted}' expected, not '{found}'"));
            }
        }
        catch (SpecSkipException e)
        {
            _skipped[e.Message] = _skipped.GetValueOrDefault(e.Message) + 1;
        }
    }

    /// <summary>What came of a command: values, or what went wrong.</summary>
    private string Execute(string type, JsonElement command)
    {
        switch (type)
        {
            case "module":
                _current = null;
                string? name = command.TryGetProperty("name", out JsonElement given) ? given.GetString() : null;
                if (name is not null)
                {
                    _named[name] = null;
                }
                string found = Instantiate(command, out _current);
                if (name is not null)
                {
                    _named[name] = _current;
                }
                return found;
            case "register":
                SpecInstance? instance = Instance(command, "name");
                _registered[command.GetProperty("as").GetString()!] = instance;
                return instance is null ? throw new SpecSkipException(NoInstance) : "";
            case "assert_malformed" or "assert_invalid" or "assert_unlinkable" or "assert_uninstantiable":
                return Instantiate(command, out _);
            case "action" or "assert_return" or "assert_trap" or "assert_exhaustion":
                return Act(command.GetProperty("action"));
            default:
                throw new SpecSkipException($"{type} is not known");
        }
    }

    private static bool IsRight(string type, string text, string found, JsonElement command) => type switch
    {
        "module" or "register" => found.Length == 0,
        "action" => !found.StartsWith("trap: ", StringComparison.Ordinal),
        "assert_return" => found == Expected(command.GetProperty("expected")),
        "assert_malformed" => found.StartsWith("malformed", StringComparison.Ordinal),
        "assert_invalid" => found.StartsWith("invalid", StringComparison.Ordinal),
        "assert_unlinkable" => found.Contains(text, StringComparison.Ordinal),
        // Segments that do not fit: 1.0 checks them when it links, later versions trap when they are written.
        "assert_uninstantiable" => found.StartsWith($"trap: {text}", StringComparison.Ordinal)
            || (text.StartsWith("out of bounds", StringComparison.Ordinal) && found.Contains("segment does not fit", StringComparison.Ordinal)),
        // Some versions of the suite say more, "uninitialized element 7", others less, "uninitialized".
        _ => found.StartsWith($"trap: {text}", StringComparison.Ordinal)
            || (found.StartsWith("trap: ", StringComparison.Ordinal) && text.StartsWith(found[6..], StringComparison.Ordinal)),
    };

    private static string Expected(JsonElement values) => string.Join(' ', values.EnumerateArray().Select(value => Bits(value).ToString(CultureInfo.InvariantCulture)));

    private static ulong Bits(JsonElement value) => value.GetProperty("type").GetString() is "i32" or "i64"
        ? ulong.Parse(value.GetProperty("value").GetString()!, NumberStyles.None, CultureInfo.InvariantCulture)
        : throw new SpecSkipException(Unsupported);

    private string Instantiate(JsonElement command, out SpecInstance? instance)
    {
        instance = null;
        byte[] bytes = Store.ReadBytes(Path.Combine(Path.GetDirectoryName(_path) ?? "", command.GetProperty("filename").GetString()!));
        try
        {
            instance = new SpecInstance(WasmModule.Read(bytes), _registered, _cancel);
            return "";
        }
        catch (EmlException e)
        {
            return e.Code == ErrorCode.Unsupported ? throw new SpecSkipException(Unsupported) : e.Message;
        }
        catch (SpecTrapException e)
        {
            return $"trap: {e.Message}";
        }
    }

    private SpecInstance? Instance(JsonElement command, string key) =>
        command.TryGetProperty(key, out JsonElement name) ? _named.GetValueOrDefault(name.GetString()!) : _current;

    private string Act(JsonElement action)
    {
        SpecInstance instance = Instance(action, "module") ?? throw new SpecSkipException(NoInstance);
        string field = action.GetProperty("field").GetString()!;
        try
        {
            return action.GetProperty("type").GetString() == "get"
                ? instance.Get(field).ToString(CultureInfo.InvariantCulture)
                : string.Join(' ', instance.Invoke(field, [.. action.GetProperty("args").EnumerateArray().Select(Bits)]));
        }
        catch (SpecTrapException e)
        {
            return $"trap: {e.Message}";
        }
        catch (EmlException e)
        {
            return e.Message;
        }
    }
}
