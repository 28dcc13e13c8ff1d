using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Eml.Machine.Planned;
using Eml.Machine.Universal;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml wasm bench</c>: how fast the universal machine is, what a forward pass touches, what this core could do at most, and
/// what a run holds.</summary>
internal static class WasmBench
{
    /// <summary>The best of so many runs counts; short ones are repeated more often, long ones are not.</summary>
    private const int Runs = 3;
    private const int ShortRuns = 50;
    private const double ShortSeconds = 0.05;
    private const double LongSeconds = 5;

    private sealed record Row(string Program, int PromptTokens, double CreateSeconds, long Instructions, long Tokens, double FirstSeconds, double Seconds,
        long StateBytes, PlanWork Work)
    {
        public double Rate => Instructions / Seconds;

        /// <summary>A number of all passes, per instruction.</summary>
        public double Each(long count) => (double)count / Instructions;
    }

    /// <summary>Multiply-adds a second.</summary>
    private sealed record Core(double Vectors, double Indexed)
    {
        /// <summary>Instructions a second if nothing but multiply-adds took time, at their highest rate.</summary>
        public double Limit(Row row) => Vectors / row.Each(row.Work.MultiplyAdds);

        /// <summary>The same at the rate of single ones.</summary>
        public double IndexedLimit(Row row) => Indexed / row.Each(row.Work.MultiplyAdds);
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var folder = new Argument<string?>("DIR")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "Folder of the programs examples/wasm; without it only a loop is measured, of 10,000 to 10,000,000 instructions",
        };
        var golden = new Option<string?>("--golden") { HelpName = "DIR", Description = "Folder with more programs: NAME.wasm and NAME.json, whose longest case is measured" };
        var isLong = new Option<bool>("--long") { Description = "The loop of 100,000,000 instructions, too" };
        var command = new Command("bench", "Measure instructions a second, tokens and nonzero numbers an instruction, memory, and this core's limit") { folder, golden, isLong };
        command.SetAction(parse => Run(parse.GetValue(folder), parse.GetValue(golden), parse.GetValue(isLong), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string? folder, string? golden, bool isLong, bool json)
    {
        using var interrupt = new Interrupt();
        WasmBenchProgram[] programs = [.. WasmBenchPrograms.Loops(isLong), .. folder is null ? [] : WasmBenchPrograms.Examples(folder),
            .. golden is null ? [] : WasmBenchPrograms.Golden(golden)];
        long start = Stopwatch.GetTimestamp();
        long weights = WasmMachine.Weights.Config.Parameters;
        double compile = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var core = new Core(CoreRate.Vectors(), CoreRate.Indexed());
        if (!json)
        {
            Head(weights, compile, core);
        }
        var rows = new List<Row>();
        foreach (WasmBenchProgram program in programs)
        {
            Row? row = Measure(program, interrupt.Cancel);
            if (row is null)
            {
                break;
            }
            rows.Add(row);
            if (!json)
            {
                Print(row, core);
            }
        }
        if (json)
        {
            Output.Json(o => Write(o, weights, compile, core, rows, interrupt.Cancel.IsSet));
        }
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: the table is not complete");
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static void Head(long weights, double compile, Core core)
    {
        Output.Field("weights", string.Create(CultureInfo.InvariantCulture, $"{Output.Count(weights, "number")}, compiled in {1e3 * compile:F0} ms, once"));
        Output.Field("limit", string.Create(CultureInfo.InvariantCulture,
            $"this core's multiply-adds a second by those of an instruction: {core.Vectors / 1e9:F2} thousand million, two numbers loaded from the first cache for each; one at a time by index, as a pass has them, {core.Indexed / 1e9:F2}"));
        Output.Line($"{"program",-18}{"prompt",9}{"create ms",11}{"instructions",14}{"tokens",9}{"mul-adds",10}{"nonzeros",10}{"lookups",9}{"first ms",10}{"best ms",11}{"instr./s",12}{"limit",13}{"by index",12}{"state bytes",13}");
    }

    private static void Print(Row row, Core core) => Output.Line(string.Create(CultureInfo.InvariantCulture,
        $"{row.Program,-18}{row.PromptTokens,9:N0}{1e3 * row.CreateSeconds,11:F1}{row.Instructions,14:N0}{row.Each(row.Tokens),9:F3}{row.Each(row.Work.MultiplyAdds),10:F1}{row.Each(row.Work.Nonzeros),10:F1}{row.Each(row.Work.Lookups),9:F1}{1e3 * row.FirstSeconds,10:F2}{1e3 * row.Seconds,11:F2}{row.Rate,12:N0}{core.Limit(row),13:N0}{core.IndexedLimit(row),12:N0}{row.StateBytes,13:N0}"));

    private static Row? Measure(WasmBenchProgram program, Cancel cancel)
    {
        Row? best = null;
        double first = 0.0;
        for (int run = 0; best is null || (best.Seconds < LongSeconds && run < (best.Seconds < ShortSeconds ? ShortRuns : Runs)); run++)
        {
            long start = Stopwatch.GetTimestamp();
            WasmMachine machine = program.Create();
            double created = Stopwatch.GetElapsedTime(start).TotalSeconds;
            machine.Begin(program.Function, program.Arguments);
            start = Stopwatch.GetTimestamp();
            WasmStatus status = machine.Run(long.MaxValue, cancel);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (status == WasmStatus.Cancelled)
            {
                return null;
            }
            if (status == WasmStatus.Trapped || machine.ExitCode != 0)
            {
                throw new EmlException(ErrorCode.State, $"{program.Name}: it failed: {machine.Trap ?? $"exit code {machine.ExitCode}"}");
            }
            program.Check(machine);
            first = best is null ? seconds : first;
            if (best is null || seconds < best.Seconds)
            {
                // What the sequence holds never becomes less: at the end it is the most.
                best = new Row(program.Name, (int)machine.PromptTokens, Math.Min(created, best?.CreateSeconds ?? created), machine.Instructions, machine.Tokens,
                    first, seconds, machine.StateBytes, machine.Work);
            }
        }
        return best;
    }

    private static void Write(Utf8JsonWriter json, long weights, double compile, Core core, List<Row> rows, bool cancelled)
    {
        json.WriteNumber("weights", weights);
        json.Number("compile_seconds", compile);
        json.WriteNumber("runs", Runs);
        json.WriteBoolean("cancelled", cancelled);
        json.WriteStartObject("core");
        json.Number("vector_multiply_adds_per_second", core.Vectors);
        json.Number("indexed_multiply_adds_per_second", core.Indexed);
        json.WriteEndObject();
        json.WriteStartArray("rows");
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteString("program", row.Program);
            json.WriteNumber("prompt_tokens", row.PromptTokens);
            json.Number("create_seconds", row.CreateSeconds);
            json.WriteNumber("instructions", row.Instructions);
            json.WriteNumber("tokens", row.Tokens);
            json.Number("tokens_per_instruction", row.Each(row.Tokens));
            json.Number("multiply_adds_per_instruction", row.Each(row.Work.MultiplyAdds));
            json.Number("nonzeros_per_instruction", row.Each(row.Work.Nonzeros));
            json.Number("lookups_per_instruction", row.Each(row.Work.Lookups));
            // The first run makes the plans for operations that no program before it has used.
            json.Number("first_seconds", row.FirstSeconds);
            json.Number("seconds", row.Seconds);
            json.Number("instructions_per_second", row.Rate);
            // What the core's multiply-adds alone would allow.
            json.Number("limit_instructions_per_second", core.Limit(row));
            json.Number("indexed_limit_instructions_per_second", core.IndexedLimit(row));
            json.WriteNumber("state_bytes", row.StateBytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
