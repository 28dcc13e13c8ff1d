using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// <c>eml attn gate</c>: eml-core's go/no-go criteria of its iterations 0 to 2, measured for its own block and for the default
/// profile's. Where they stand: docs/src/content/docs/weftos/eml-attention.mdx (0), the assessment in
/// .planning/development_notes (1) and crates/eml-core/examples/attention_gate.rs (2) of weave-logic-ai/weftos.
/// </summary>
internal static class AttnGate
{
    private const int DefaultTrials = 15_000; // a round, in eml-core's gate
    private const int Rounds = 3, Subset = 16, Samples = 96, Nodes = 8;
    private const double IdentityLimit = 1e-2, LeastReduction = 0.05, MostGrowth = 16;

    private static readonly (int SeqLen, int DModel)[] s_sweep = [(4, 8), (4, 16), (8, 8), (8, 16)];

    // Found by an experiment: with a generator of whole ranges for moves, data and start, 15,000 trials a round take the mean
    // at the reference shape from 1.5 to 0.027; identity stays at 0.18, and 0.36 on fresh samples.
    private const string Note = "eml-core-0.1 has the bits of eml-core, whose generator yields indices in the first half of the " +
        "parameters and downward moves only. With a sound generator its training learns the mean; identity it does not learn even then";

    private sealed record Shape(int SeqLen, int DModel, int DKey)
    {
        public AttentionConfig Block(bool residual) => new()
        {
            SeqLen = SeqLen,
            DModel = DModel,
            DKey = DKey,
            Nodes = Nodes,
            Positional = true,
            Residual = residual,
        };

        public ToyEmlAttention Toy() => new("gate", DModel, DKey, SeqLen, ToyEmlAttention.MinDepth);

        public override string ToString() => $"seq_len {SeqLen}, d_model {DModel}, d_k {DKey}";
    }

    private static readonly Shape s_reference = new(4, 8, 4), s_small = new(2, 4, 2);

    /// <summary>One gate of one iteration.</summary>
    private sealed record Gate(int Iteration, string Name, Outcome Core, Outcome Default)
    {
        public bool Passed => Default.Passed;
    }

    /// <summary>What was measured.</summary>
    private readonly record struct Outcome(bool Passed, string Text, (string Key, double Value)[] Figures);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Option<int> trials = Arguments.Integer("--trials", 1, 10_000_000,
            "Moves to try in a round of eml-core's training; the default profile's may evaluate as many samples [default: 15000]");
        trials.DefaultValueFactory = _ => DefaultTrials;
        var command = new Command("gate", "Measure eml-core's go/no-go criteria for attention blocks, its own and the default profile's") { trials };
        command.SetAction(parse => Run(parse.GetValue(trials), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(int trials, bool json)
    {
        var gates = new List<Gate>();
        using (var interrupt = new Interrupt())
        {
            foreach (Gate gate in Measure(trials, interrupt.Cancel))
            {
                if (interrupt.Cancel.IsSet)
                    break;
                gates.Add(gate);
                if (!json)
                    Print(gate, gates.Count == 1 || gates[^2].Iteration != gate.Iteration);
            }

            if (interrupt.Cancel.IsSet)
            {
                Output.Warn("interrupted: not all gates were measured");
                if (json)
                    Output.Json(o => Write(o, gates, trials, isCancelled: true));
                return ExitCode.Interrupted;
            }
        }

        bool passed = gates.All(g => g.Passed);
        if (json)
        {
            Output.Json(o => Write(o, gates, trials, isCancelled: false));
        }
        else
        {
            Output.Line("");
            Output.Field("result", $"default profile {Tag(passed)}: {gates.Count(g => g.Passed)} of {gates.Count} gates; eml-core-0.1 " +
                $"{Tag(gates.All(g => g.Core.Passed))}: {gates.Count(g => g.Core.Passed)} of {gates.Count}");
            Output.Field("measured", $"by this program, built for {BuildInfo.Isa}");
            Output.Field("note", Note);
        }

        return passed ? ExitCode.Ok : ExitCode.Failure;
    }

    private static IEnumerable<Gate> Measure(int trials, Cancel cancel)
    {
        long evaluations = (long)Rounds * trials * Subset;
        var options = new TrainOptions { Cancel = cancel };

        // Iteration 0: the page's five criteria.
        (ToyEmlAttention toy, Outcome identity) = CoreIdentity(trials, options);
        AttnTrial trained = AttnTrial.Run(s_reference.Block(residual: false), "identity", Samples, evaluations, cancel);
        AttnTrial plain = AttnTrial.Run(s_reference.Block(residual: true), "identity", Samples, evaluations, cancel);
        yield return new Gate(0, $"G1 identity: MSE < {IdentityLimit} in <= {Rounds} rounds", identity, Identity(trained, plain));
        Outcome coreTime = Latency(AttnData.ForwardOf(toy), toy.Width, 5), ownTime = Latency(trained.Block, 5);
        yield return new Gate(0, $"G2 forward p99 <= 5 µs ({s_reference})", coreTime, ownTime);
        yield return new Gate(0, "G3 1000 forwards without NaN or infinity, untrained and trained",
            Finite([AttnData.ForwardOf(s_reference.Toy()), AttnData.ForwardOf(toy)], toy.Width),
            Finite([new EmlAttention(s_reference.Block(residual: true)).Forward, trained.Block.Forward, plain.Block.Forward], toy.Width));
        Outcome coreTrip = RoundTrip(toy), ownTrip = RoundTrip(trained.Block);
        yield return new Gate(0, "G4 JSON round trip keeps shape and parameters", coreTrip, ownTrip);
        Outcome coreGrowth = CoreGrowth(), ownGrowth = OwnGrowth();
        string growth = $"G5 time and parameters grow polynomially up to seq_len 8, d_model 16: at most {MostGrowth}-fold from shape to shape";
        yield return new Gate(0, growth, coreGrowth, ownGrowth);

        // Iteration 1: the same, with the mean of each row to learn, at the same shape.
        yield return Mean(1, s_reference, trials, evaluations, options, out AttentionBenchmark? benchmark);
        yield return new Gate(1, "G2 forward p99 <= 5 µs", coreTime, ownTime);
        yield return new Gate(1, "G3 timings finite and not 0", Timings(benchmark), Timings(ownTime));
        yield return new Gate(1, "G4 JSON round trip keeps the shape", coreTrip, ownTrip);
        yield return new Gate(1, growth, coreGrowth, ownGrowth);

        // Iteration 2: eml-core's program attention_gate, at a smaller shape.
        yield return Mean(2, s_small, trials, evaluations, options, out benchmark);
        ToyEmlAttention small = s_small.Toy();
        var own = new EmlAttention(s_small.Block(residual: true));
        ownTime = Latency(own, 10);
        yield return new Gate(2, $"G2 forward p99 <= 10 µs ({s_small})", Latency(AttnData.ForwardOf(small), small.Width, 10), ownTime);
        yield return new Gate(2, "G3 timings finite and not 0", Timings(benchmark), Timings(ownTime));
        yield return new Gate(2, "G4 JSON round trip keeps the shape", RoundTrip(small), RoundTrip(own));
        yield return new Gate(2, "G5 polynomial growth (eml-core's sweep has no shape that fits into its own gate's, so its program " +
            "passes without a measurement; this is iteration 0's)", coreGrowth, ownGrowth);
    }

    private static (ToyEmlAttention, Outcome) CoreIdentity(int trials, TrainOptions options)
    {
        ToyEmlAttention block = s_reference.Toy();
        AttentionConfig shape = s_reference.Block(residual: false);
        var data = AttnData.Generate("identity", shape, Samples, 0);
        block.Record(data.X, data.Targets, Samples);
        var config = new EndToEndTrainConfig { Trials = trials, ConvergenceMse = IdentityLimit };
        double mse = double.PositiveInfinity;
        int rounds = 0;
        while (rounds < Rounds && !(mse < IdentityLimit) && options.Cancel?.IsSet != true)
        {
            mse = block.TrainEndToEnd(config, options).Mse;
            rounds++;
        }

        (double heldOut, double zero) = data.HeldOut(shape, AttnData.ForwardOf(block));
        return (block, new Outcome(mse < IdentityLimit,
            $"MSE {Output.Short(mse)} after {Output.Count(rounds, "round")}; held-out {Output.Short(heldOut)}, answering 0 gives {Output.Short(zero)}",
            [("mse", mse), ("rounds", rounds), ("held_out_mse", heldOut), ("zero_mse", zero)]));
    }

    /// <summary>Through the attention alone, as eml-core's block has to, and with the residual, which makes it easy; held-out.</summary>
    private static Outcome Identity(AttnTrial attention, AttnTrial residual)
    {
        double mse = Math.Max(attention.HeldOut, residual.HeldOut);
        long rounds = Math.Max(attention.Result.Rounds, residual.Result.Rounds);
        return new Outcome(mse < IdentityLimit && rounds <= Rounds,
            $"held-out MSE {Output.Short(attention.HeldOut)} after {Output.Count(attention.Result.Rounds, "round")} through the attention alone, " +
            $"{Output.Short(residual.HeldOut)} after {residual.Result.Rounds} with the residual; answering 0 gives {Output.Short(attention.Zero)}",
            [("held_out_mse", attention.HeldOut), ("rounds", attention.Result.Rounds), ("held_out_mse_residual", residual.HeldOut),
                ("rounds_residual", residual.Result.Rounds), ("zero_mse", attention.Zero)]);
    }

    private static Gate Mean(int iteration, Shape shape, int trials, long evaluations, TrainOptions options, out AttentionBenchmark? benchmark)
    {
        benchmark = AttentionBenchmark.Run(shape.DModel, shape.DKey, shape.SeqLen, ToyEmlAttention.MinDepth, trials,
            AttentionReport.SurvivesRoundtrip, options);
        AttnTrial trial = AttnTrial.Run(shape.Block(residual: false), "mean", Samples, evaluations, options.Cancel!);
        double reduction = 1 - trial.HeldOut / trial.Zero;
        return new Gate(iteration, $"G1 mean of each row: MSE falls by >= 5% in <= {Rounds} rounds ({shape})",
            benchmark is null ? default : new Outcome(benchmark.Phase2MseReduction >= LeastReduction && benchmark.Phase2TrainingRounds <= Rounds,
                $"{Percent(benchmark.Phase2MseReduction)}, from {Output.Short(benchmark.Phase2BaselineMse)} to {Output.Short(benchmark.Phase2FinalMse)}, " +
                $"{Output.Count((long)benchmark.Phase2TrainingRounds, "round")} (eml-core's benchmark, measured on other samples before than after)",
                [("reduction", benchmark.Phase2MseReduction), ("mse_before", benchmark.Phase2BaselineMse), ("mse", benchmark.Phase2FinalMse),
                    ("rounds", benchmark.Phase2TrainingRounds)]),
            new Outcome(reduction >= LeastReduction && trial.Result.Rounds <= Rounds,
                $"{Percent(reduction)}, from {Output.Short(trial.Zero)} to {Output.Short(trial.HeldOut)} held-out, " +
                $"{Output.Count(trial.Result.Rounds, "round")}, through the attention alone",
                [("reduction", reduction), ("mse_before", trial.Zero), ("held_out_mse", trial.HeldOut), ("rounds", trial.Result.Rounds)]));
    }

    private static Outcome Latency(EmlAttention block, double limit) => Latency(block.Forward, block.Config.SampleLength, limit);

    private static Outcome Latency(AttnData.Forward forward, int width, double limit)
    {
        AttnLatency latency = AttnLatency.Measure(forward, width);
        return new Outcome(latency.P99 <= 1000 * limit, string.Create(CultureInfo.InvariantCulture,
            $"p99 {latency.P99 / 1000:F2} µs, mean {latency.Mean / 1000:F2} µs (the quietest of 8 runs of 1000 passes)"),
            [("p99_ns", latency.P99), ("mean_ns", latency.Mean)]);
    }

    private static Outcome Finite(AttnData.Forward[] forwards, int width)
    {
        int bad = forwards.Sum(forward => AttnLatency.CountNonFinite(forward, width));
        return new Outcome(bad == 0, $"{bad} of {1000 * forwards.Length} answers are not finite", [("not_finite", bad)]);
    }

    private static Outcome RoundTrip(ToyEmlAttention block)
    {
        ToyEmlAttention back = ModelFile.ReadToyAttention(ModelFile.Write(block, FileFormat.Json), FileFormat.Json);
        return Same((back.SeqLen, back.DModel, back.DK) == (block.SeqLen, block.DModel, block.DK) && back.Depth == block.Depth,
            block.Parameters, back.Parameters);
    }

    private static Outcome RoundTrip(EmlAttention block)
    {
        EmlAttention back = ModelFile.ReadEmlAttention(ModelFile.Write(block, FileFormat.Json), FileFormat.Json);
        return Same(back.Config == block.Config, block.Parameters, back.Parameters);
    }

    private static Outcome Same(bool isSameShape, ReadOnlySpan<double> before, ReadOnlySpan<double> after)
    {
        bool isSame = isSameShape && before.Length == after.Length && !Enumerable.Range(0, before.Length)
            .Zip(before.ToArray().Zip(after.ToArray()), (_, pair) => pair)
            .Any(pair => BitConverter.DoubleToInt64Bits(pair.First) != BitConverter.DoubleToInt64Bits(pair.Second));
        return new Outcome(isSame, $"{Output.Count(before.Length, "parameter")}, {(isSame ? "the same shape and bits" : "not the same")}",
            [("parameters", before.Length)]);
    }

    private static Outcome CoreGrowth() => Growth(shape =>
    {
        ToyEmlAttention block = shape.Toy();
        return (AttnLatency.Measure(AttnData.ForwardOf(block), block.Width).Mean, block.ParameterCount);
    });

    private static Outcome OwnGrowth() => Growth(shape =>
    {
        var block = new EmlAttention(shape.Block(residual: true));
        return (AttnLatency.Measure(block.Forward, block.Config.SampleLength).Mean, block.ParameterCount);
    });

    /// <summary>
    /// Both sides doubled at most multiply by 16 what is of degree 4 in all, seq_len²·d_model². The exponent is that of doubling
    /// seq_len and d_model together: log2 of last over first.
    /// </summary>
    private static Outcome Growth(Func<Shape, (double Time, int Parameters)> measure)
    {
        (double Time, int Parameters)[] points = [.. s_sweep.Select(p => measure(new Shape(p.SeqLen, p.DModel, s_reference.DKey)))];
        double worst = Enumerable.Range(1, points.Length - 1).Max(i =>
            Math.Max(points[i].Time / points[i - 1].Time, (double)points[i].Parameters / points[i - 1].Parameters));
        double time = Math.Log2(points[^1].Time / points[0].Time), parameters = Math.Log2((double)points[^1].Parameters / points[0].Parameters);
        string list = string.Join(", ", points.Select((p, i) => string.Create(CultureInfo.InvariantCulture,
            $"{s_sweep[i].SeqLen}×{s_sweep[i].DModel} {p.Time / 1000:F2} µs {p.Parameters}")));
        bool isPolynomial = worst <= MostGrowth && Math.Max(time, parameters) <= Math.Log2(MostGrowth);
        return new Outcome(isPolynomial, string.Create(CultureInfo.InvariantCulture,
            $"{list} parameters; largest step {worst:F2}-fold, exponents {time:F2} and {parameters:F2}"),
            [("largest_step", worst), ("time_exponent", time), ("parameter_exponent", parameters),
                .. points.Select((p, i) => ($"mean_ns_{s_sweep[i].SeqLen}x{s_sweep[i].DModel}", p.Time))]);
    }

    private static Outcome Timings(AttentionBenchmark? benchmark) => benchmark is null ? default : new Outcome(
        benchmark.Phase3InferenceNsP99 > 0 && benchmark.Phase3InferenceNsMean > 0,
        $"mean {benchmark.Phase3InferenceNsMean} ns, p99 {benchmark.Phase3InferenceNsP99} ns (eml-core's benchmark)",
        [("mean_ns", benchmark.Phase3InferenceNsMean), ("p99_ns", benchmark.Phase3InferenceNsP99)]);

    private static Outcome Timings(Outcome latency) =>
        latency with { Passed = latency.Figures.All(f => double.IsFinite(f.Value) && f.Value > 0) };

    private static void Print(Gate gate, bool isFirst)
    {
        if (isFirst && gate.Iteration > 0)
            Output.Line("");
        if (isFirst)
            Output.Line($"Iteration {gate.Iteration}");
        Output.Line($"  {gate.Name}");
        Output.Line($"    {Tag(gate.Default.Passed)}  default       {gate.Default.Text}");
        Output.Line($"    {Tag(gate.Core.Passed)}  eml-core-0.1  {gate.Core.Text}");
    }

    private static void Write(Utf8JsonWriter json, List<Gate> gates, int trials, bool isCancelled)
    {
        json.WriteNumber("trials", trials);
        json.WriteString("isa", BuildInfo.Isa);
        json.WriteBoolean("passed", !isCancelled && gates.All(g => g.Passed));
        json.WriteBoolean("cancelled", isCancelled);
        json.WriteStartArray("gates");
        foreach (Gate gate in gates)
        {
            json.WriteStartObject();
            json.WriteNumber("iteration", gate.Iteration);
            json.WriteString("gate", gate.Name);
            Write(json, "default", gate.Default);
            Write(json, "eml_core", gate.Core);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("note", Note);
    }

    private static void Write(Utf8JsonWriter json, string name, Outcome outcome)
    {
        json.WriteStartObject(name);
        json.WriteBoolean("passed", outcome.Passed);
        foreach ((string key, double value) in outcome.Figures)
            json.Number(key, value);
        json.WriteEndObject();
    }

    private static string Tag(bool passed) => passed ? "PASS" : "FAIL";

    private static string Percent(double share) => share.ToString("P1", CultureInfo.InvariantCulture);
}
