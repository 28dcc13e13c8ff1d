using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml compact bench</c>: how fast the interpreter is, and how little of its weights a token needs.</summary>
internal static class CompactBench
{
    /// <summary>Tokens that the dense engine generates at most: its cost grows with the sequence.</summary>
    private const int DenseTokens = 500;

    /// <summary>Longest prompt that it is given.</summary>
    private const int DensePrompt = 2000;

    /// <summary>The best of so many runs counts, and of more if they are short.</summary>
    private const int Runs = 5;
    private const int ShortRuns = 50;
    private const int ShortTokens = 10_000;

    private sealed record Row(string Program, int Instructions, int PromptTokens, long Tokens, double FastSeconds, double PromptSeconds,
        long DenseGenerated, double DenseSeconds, long StateBytes, double TouchedPerToken)
    {
        public double FastRate => Tokens / FastSeconds;

        public double? DenseRate => DenseGenerated > 0 ? DenseGenerated / DenseSeconds : null;
    }

    private sealed record Machine(double CompileSeconds, double CreateSeconds, long Weights, long Nonzero);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("bench", "Measure tokens a second, dense and fast, by length of program and of run; weights touched per token");
        command.SetAction(parse => Run(parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(bool json)
    {
        using var interrupt = new Interrupt();
        Machine machine = MeasureMachine();
        if (!json)
        {
            Output.Field("weights", $"{Output.Count(machine.Weights, "number")}, {machine.Nonzero.ToString("N0", CultureInfo.InvariantCulture)} of them not 0");
            Output.Field("create", string.Create(CultureInfo.InvariantCulture,
                $"weights compiled in {1e3 * machine.CompileSeconds:F2} ms, once; a machine made of them in {1e3 * machine.CreateSeconds:F2} ms"));
            Output.Line($"{"program",-16}{"instructions",13}{"prompt ms",11}{"tokens",10}{"fast tokens/s",15}{"dense tokens/s",15}{"state bytes",13}{"touched/token",15}");
        }
        var rows = new List<Row>();
        foreach ((string name, CompactInstruction[] program, long tokens) in Programs())
        {
            Row? row = Measure(name, program, tokens, interrupt.Cancel);
            if (row is null)
            {
                break;
            }
            rows.Add(row);
            if (!json)
            {
                Print(row);
            }
        }
        if (json)
        {
            Output.Json(o => Write(o, machine, rows, interrupt.Cancel.IsSet));
        }
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: the table is not complete");
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static IEnumerable<(string Name, CompactInstruction[] Program, long Tokens)> Programs()
    {
        foreach (int length in (int[])[16, 256, InstructionSet.ProgramLimit])
        {
            yield return ($"straight {length}", Straight(length), length);
        }
        foreach (long tokens in (long[])[1_000, 10_000, 100_000, 1_000_000])
        {
            yield return (string.Create(CultureInfo.InvariantCulture, $"loop {tokens:N0}"), Loops(), tokens);
        }
    }

    /// <summary>A program without a way back: constants, locals, memory and arithmetic in turn.</summary>
    private static CompactInstruction[] Straight(int length)
    {
        CompactInstruction[] turn =
        [
            new((int)Opcode.Const, 7), new((int)Opcode.LocalGet, 1), new((int)Opcode.Mul), new((int)Opcode.LocalTee, 1),
            new((int)Opcode.Const, 9), new((int)Opcode.Add), new((int)Opcode.LocalSet, 2),
            new((int)Opcode.Const, 3), new((int)Opcode.LocalGet, 2), new((int)Opcode.Store, 0),
        ];
        int turns = (length - 1) / turn.Length;
        IEnumerable<CompactInstruction> fill = Enumerable.Repeat(new CompactInstruction((int)Opcode.Const, 1), length - 1 - (turns * turn.Length));
        return [.. Enumerable.Repeat(turn, turns).SelectMany(each => each), .. fill, new((int)Opcode.Halt)];
    }

    /// <summary>Three loops inside each other, 256 times each: more than any of the runs takes.</summary>
    private static CompactInstruction[] Loops()
    {
        CompactInstruction[] body =
        [
            new((int)Opcode.LocalGet, 9), new((int)Opcode.Const, 5), new((int)Opcode.Mul), new((int)Opcode.Const, 1), new((int)Opcode.Add), new((int)Opcode.LocalSet, 9),
            new((int)Opcode.LocalGet, 9), new((int)Opcode.LocalGet, 9), new((int)Opcode.Store, 0), new((int)Opcode.LocalGet, 0), new((int)Opcode.Load, 0), new((int)Opcode.LocalSet, 8),
        ];
        for (int loop = 0; loop < 3; loop++)
        {
            body =
            [
                new((int)Opcode.Loop), .. body,
                new((int)Opcode.LocalGet, loop), new((int)Opcode.Const, 1), new((int)Opcode.Add), new((int)Opcode.LocalTee, loop),
                new((int)Opcode.Const, 0), new((int)Opcode.Ne), new((int)Opcode.BrIf, 0), new((int)Opcode.EndLoop),
            ];
        }
        return [.. body, new((int)Opcode.Halt)];
    }

    private static Machine MeasureMachine()
    {
        TransformerWeights weights = CompactMachine.Weights;
        double compile = Best(Runs, () => CompactInterpreter.Compile());
        double create = Best(Runs, () => _ = new CompactMachine());
        long nonzero = weights.Tensors().Sum(tensor => (long)tensor.Values.Length - tensor.Values.AsSpan().Count(0.0));
        return new Machine(compile, create, weights.Config.Parameters, nonzero);
    }

    private static Row? Measure(string name, CompactInstruction[] instructions, long tokens, Cancel cancel)
    {
        Prompt prompt = new CompactProgram(instructions).Prompt([]);
        var fast = new FastEngine(CompactMachine.Weights);
        double seconds = double.PositiveInfinity, promptSeconds = double.PositiveInfinity;
        for (int run = 0; run < (tokens <= ShortTokens ? ShortRuns : Runs) && !cancel.IsSet; run++)
        {
            (double fed, double generated) = Time(fast, prompt, tokens, cancel);
            (promptSeconds, seconds) = (Math.Min(promptSeconds, fed), Math.Min(seconds, generated));
        }
        long state = fast.StateBytes;
        long denseTokens = prompt.Tokens.Length <= DensePrompt ? Math.Min(tokens, DenseTokens) : 0;
        double denseSeconds = double.PositiveInfinity;
        for (int run = 0; run < Runs && denseTokens > 0 && !cancel.IsSet; run++)
        {
            denseSeconds = Math.Min(denseSeconds, Time(new DenseEngine(CompactMachine.Weights), prompt, denseTokens, cancel).Generated);
        }
        double touched = CountTouched(prompt, Math.Min(tokens, 10_000), cancel);
        return cancel.IsSet ? null
            : new Row(name, instructions.Length, prompt.Tokens.Length, tokens, seconds, promptSeconds, denseTokens, denseSeconds, state, touched);
    }

    private static (double Fed, double Generated) Time(Engine engine, Prompt prompt, long tokens, Cancel cancel)
    {
        var clock = Stopwatch.StartNew();
        var generator = new Generator(engine, prompt);
        generator.Run(0, null, cancel);
        double fed = clock.Elapsed.TotalSeconds;
        clock.Restart();
        generator.Run(tokens, null, cancel);
        return (fed, clock.Elapsed.TotalSeconds);
    }

    /// <summary>Nonzero weights that the fast engine reads for a generated token, on average.</summary>
    private static double CountTouched(Prompt prompt, long tokens, Cancel cancel)
    {
        var engine = new FastEngine(CompactMachine.Weights) { Probe = new StepProbe(CompactMachine.Weights.Config) };
        int given = prompt.Tokens[^1];
        long touched = 0, steps = 0;
        new Generator(engine, prompt).Run(tokens, generated =>
        {
            touched += engine.CountTouched(given, engine.Probe);
            given = generated.Token;
            steps++;
            return true;
        }, cancel);
        return (double)touched / Math.Max(1, steps);
    }

    private static double Best(int runs, Action work)
    {
        double best = double.PositiveInfinity;
        for (int i = 0; i < runs; i++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private static void Print(Row row)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Output.Line(string.Create(culture, $"{row.Program,-16}{row.Instructions,13:N0}{1e3 * row.PromptSeconds,11:F3}{row.Tokens,10:N0}{row.FastRate,15:N0}") +
            $"{row.DenseRate?.ToString("N0", culture) ?? "-",15}" + string.Create(culture, $"{row.StateBytes,13:N0}{row.TouchedPerToken,15:F0}"));
    }

    private static void Write(Utf8JsonWriter json, Machine machine, List<Row> rows, bool cancelled)
    {
        json.Number("compile_seconds", machine.CompileSeconds);
        json.Number("create_seconds", machine.CreateSeconds);
        json.WriteNumber("weights", machine.Weights);
        json.WriteNumber("nonzero_weights", machine.Nonzero);
        json.WriteNumber("runs", Runs);
        json.WriteBoolean("cancelled", cancelled);
        json.WriteStartArray("rows");
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteString("program", row.Program);
            json.WriteNumber("instructions", row.Instructions);
            json.WriteNumber("prompt_tokens", row.PromptTokens);
            json.Number("prompt_seconds", row.PromptSeconds);
            json.WriteNumber("tokens", row.Tokens);
            json.Number("fast_seconds", row.FastSeconds);
            json.Number("fast_tokens_per_second", row.FastRate);
            json.WriteNumber("dense_tokens", row.DenseGenerated);
            json.Number("dense_tokens_per_second", row.DenseRate ?? double.NaN);
            json.WriteNumber("state_bytes", row.StateBytes);
            json.Number("touched_weights_per_token", row.TouchedPerToken);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
