using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml wasm bench</c>: how fast the universal machine is, and what a run of it holds.</summary>
internal static class WasmBench
{
    /// <summary>The best of so many runs counts; short ones are repeated more often, long ones are not.</summary>
    private const int Runs = 3;
    private const int ShortRuns = 50;
    private const double ShortSeconds = 0.05;
    private const double LongSeconds = 5;

    /// <summary>Programs of examples/wasm, with their inputs.</summary>
    private static readonly string[] s_programs = ["collatz", "primes", "sha256", "quicksort", "nqueens", "matching", "sudoku", "lisp"];

    private sealed record Row(string Program, int PromptTokens, double CreateSeconds, long Instructions, long Tokens, double FirstSeconds, double Seconds,
        long StateBytes)
    {
        public double Rate => Instructions / Seconds;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var folder = new Argument<string?>("DIR")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "Folder of the programs examples/wasm; without it only a loop is measured, of 10,000 to 10,000,000 instructions",
        };
        var command = new Command("bench", "Measure instructions a second, tokens an instruction, and memory") { folder };
        command.SetAction(parse => Run(parse.GetValue(folder), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string? folder, bool json)
    {
        using var interrupt = new Interrupt();
        long start = Stopwatch.GetTimestamp();
        long weights = WasmMachine.Weights.Config.Parameters;
        double compile = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!json)
        {
            Output.Field("weights", string.Create(CultureInfo.InvariantCulture, $"{Output.Count(weights, "number")}, compiled in {1e3 * compile:F0} ms, once"));
            Output.Line($"{"program",-18}{"prompt",9}{"create ms",11}{"instructions",14}{"tokens each",13}{"first ms",10}{"best ms",11}{"instr./s",12}{"state bytes",13}");
        }
        var rows = new List<Row>();
        foreach ((string name, Func<WasmMachine> create, string function, ulong[] arguments) in Programs(folder))
        {
            Row? row = Measure(name, create, function, arguments, interrupt.Cancel);
            if (row is null)
            {
                break;
            }
            rows.Add(row);
            if (!json)
            {
                Output.Line(string.Create(CultureInfo.InvariantCulture,
                    $"{row.Program,-18}{row.PromptTokens,9:N0}{1e3 * row.CreateSeconds,11:F1}{row.Instructions,14:N0}{(double)row.Tokens / row.Instructions,13:F3}{1e3 * row.FirstSeconds,10:F2}{1e3 * row.Seconds,11:F2}{row.Rate,12:N0}{row.StateBytes,13:N0}"));
            }
        }
        if (json)
        {
            Output.Json(o => Write(o, weights, compile, rows, interrupt.Cancel.IsSet));
        }
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: the table is not complete");
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static IEnumerable<(string Name, Func<WasmMachine> Create, string Function, ulong[] Arguments)> Programs(string? folder)
    {
        // Read at once, so that a wrong folder is told before anything is measured.
        (string Name, WasmModule Module, byte[] Input)[] programs = folder is null ? [] : [.. s_programs.Select(name => Program(folder, name))];
        WasmModule loop = WasmModule.Read(Loop());
        foreach (ulong steps in (ulong[])[10_000, 100_000, 1_000_000, 10_000_000])
        {
            yield return (string.Create(CultureInfo.InvariantCulture, $"loop {steps:N0}"), () => new WasmMachine(loop), "count", [steps / LoopInstructions]);
        }
        foreach ((string name, WasmModule module, byte[] input) in programs)
        {
            yield return (name, () =>
            {
                var stream = new MemoryStream(input);
                return new WasmMachine(module, new WasiHost { Input = stream.Read }.AddTo(new WasmImports(), module));
            }, "_start", []);
        }
    }

    private static (string Name, WasmModule Module, byte[] Input) Program(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return (name, WasmRun.Read($"{path}.wasm"), File.Exists($"{path}.in") ? Store.ReadBytes($"{path}.in") : []);
    }

    /// <summary>Instructions of a round of <see cref="Loop"/>.</summary>
    private const ulong LoopInstructions = 11;

    /// <summary>A module with <c>count(n)</c>: n rounds of a sum in a local and in memory.</summary>
    private static byte[] Loop() =>
    [
        0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0,
        1, 6, 1, 0x60, 1, 0x7F, 1, 0x7F, // type: [i32] -> [i32]
        3, 2, 1, 0, // function
        7, 9, 1, 5, (byte)'c', (byte)'o', (byte)'u', (byte)'n', (byte)'t', 0, 0, // export
        10, 30, 1, 28, 1, 1, 0x7F, // code: a local, the sum
        0x03, 0x40, // loop
        0x20, 1, 0x20, 0, 0x41, 3, 0x6C, 0x6A, 0x21, 1, // sum += 3 n
        0x20, 0, 0x41, 1, 0x6B, 0x22, 0, // n -= 1
        0x0D, 0, 0x0B, // while n is not 0
        0x20, 1, 0x0B,
    ];

    private static Row? Measure(string name, Func<WasmMachine> create, string function, ulong[] arguments, Cancel cancel)
    {
        Row? best = null;
        double first = 0.0;
        for (int run = 0; best is null || (best.Seconds < LongSeconds && run < (best.Seconds < ShortSeconds ? ShortRuns : Runs)); run++)
        {
            long start = Stopwatch.GetTimestamp();
            WasmMachine machine = create();
            double created = Stopwatch.GetElapsedTime(start).TotalSeconds;
            machine.Begin(function, arguments);
            start = Stopwatch.GetTimestamp();
            WasmStatus status = machine.Run(long.MaxValue, cancel);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (status == WasmStatus.Cancelled)
            {
                return null;
            }
            if (status == WasmStatus.Trapped || machine.ExitCode != 0)
            {
                throw new EmlException(ErrorCode.State, $"{name}: it failed: {machine.Trap ?? $"exit code {machine.ExitCode}"}");
            }
            first = best is null ? seconds : first;
            if (best is null || seconds < best.Seconds)
            {
                best = new Row(name, (int)machine.PromptTokens, Math.Min(created, best?.CreateSeconds ?? created), machine.Instructions, machine.Tokens, first, seconds,
                    machine.StateBytes);
            }
        }
        return best;
    }

    private static void Write(Utf8JsonWriter json, long weights, double compile, List<Row> rows, bool cancelled)
    {
        json.WriteNumber("weights", weights);
        json.Number("compile_seconds", compile);
        json.WriteNumber("runs", Runs);
        json.WriteBoolean("cancelled", cancelled);
        json.WriteStartArray("rows");
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteString("program", row.Program);
            json.WriteNumber("prompt_tokens", row.PromptTokens);
            json.Number("create_seconds", row.CreateSeconds);
            json.WriteNumber("instructions", row.Instructions);
            json.WriteNumber("tokens", row.Tokens);
            json.Number("tokens_per_instruction", (double)row.Tokens / row.Instructions);
            // The first run makes the plans for operations that no program before it has used.
            json.Number("first_seconds", row.FirstSeconds);
            json.Number("seconds", row.Seconds);
            json.Number("instructions_per_second", row.Rate);
            json.WriteNumber("state_bytes", row.StateBytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
