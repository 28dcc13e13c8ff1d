using System.CommandLine;
using System.Globalization;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm train</c>: from a folder of tokens to a checkpoint.</summary>
internal static class LmTrain
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var data = new Argument<string>("DIR") { Description = "What eml lm prepare made" };
        var output = new Option<string>("--out") { HelpName = "RUN", Required = true, Description = "Folder for the log, the state and the model; made if it is not there" };
        var resume = new Option<bool>("--resume") { Description = "Go on where the run in this folder stopped, to the same bits as without the stop" };
        var depth = Number("--depth", 4, "Layers; the width is 64 times as many");
        var steps = new Option<long?>("--steps") { HelpName = "N", Description = "Steps in all" };
        var minutes = new Option<double?>("--minutes") { HelpName = "M", Description = "Minutes in all [default: 10, unless --steps is given]" };
        var batch = Number("--batch-tokens", 16384, "Tokens of a step");
        var sequence = Number("--seq", 512, "Tokens of a sequence, which are also what the last layer sees");
        var group = Number("--group-tokens", 2048, "Tokens whose activations are held at a time; memory grows with it");
        var seed = new Option<ulong>("--seed") { HelpName = "N", DefaultValueFactory = _ => 1, Description = "Seed of the weights at the beginning" };
        var threads = Number("--threads", Environment.ProcessorCount, "Threads; any number gives the same bits");
        var pattern = new Option<string>("--window-pattern") { HelpName = "SSSL", DefaultValueFactory = _ => "SSSL", Description = "Per layer, repeated: S sees half of the sequence, L all" };
        var warmdown = Real("--warmdown", 0.2, "Share of the run in which the learning rates fall to 0");
        var rate = Real("--rate", 1.0, "Factor of all learning rates");
        var softplus = new Option<bool>("--softplus-k") { Description = "Train raw in k = 1e-6 + ln(1 + exp(raw)) instead of clamping k" };
        var largestK = Real("--k-max", float.MaxValue, "Largest k; above 1 training is ill-conditioned");
        var optimizer = new Option<string>("--optimizer") { HelpName = "NAME", DefaultValueFactory = _ => "adamw", Description = "adamw, or muon for the matrices of the layers" };
        optimizer.AcceptOnlyFromAmong("adamw", "muon");
        var weights = new Option<string>("--weights") { HelpName = "TYPE", DefaultValueFactory = _ => "f32", Description = "f32, or bf16: matrices are rounded after each step, as in the original" };
        weights.AcceptOnlyFromAmong("f32", "bf16");
        var every = Number("--eval-every", 100, "Validation after each so many steps; 0: at the end alone");
        var tokens = Number("--eval-tokens", 65536, "Tokens of the validation text that are predicted");
        var save = Real("--save-minutes", 5, "Write the state after each so many minutes");
        var activation = new Option<string>("--activation") { HelpName = "NAME", DefaultValueFactory = _ => "eml", Description = "eml or relu2" };
        var command = new Command("train", "Train a language model on the processor")
        {
            data, output, resume, depth, steps, minutes, batch, sequence, group, seed, threads, pattern, warmdown, rate, optimizer, weights, softplus, largestK, every, tokens, save, activation,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(steps) is not null && result.GetValue(minutes) is not null)
                result.AddError("give --steps or --minutes, not both");
            if (result.GetValue(activation) is not (null or "eml" or "relu2"))
                result.AddError("--activation: eml or relu2");
        });
        command.SetAction(parse =>
        {
            int length = parse.GetValue(sequence);
            var options = new TrainerOptions
            {
                SequenceLength = length,
                GroupTokens = Math.Max(length, parse.GetValue(group)),
                Threads = parse.GetValue(threads),
                RateFactor = parse.GetValue(rate),
                Optimizer = parse.GetValue(optimizer) == "muon" ? Optimizer.Muon : Optimizer.AdamW,
                Weights = parse.GetValue(weights) == "bf16" ? WeightType.BF16 : WeightType.F32,
                KParameter = parse.GetValue(softplus) ? KParameter.Softplus : KParameter.Clamp,
                LargestK = (float)Math.Min(float.MaxValue, parse.GetValue(largestK)),
            };
            var plan = new TrainingPlan
            {
                Steps = parse.GetValue(steps),
                Seconds = parse.GetValue(steps) is not null ? null : 60.0 * (parse.GetValue(minutes) ?? 10.0),
                BatchTokens = parse.GetValue(batch),
                Schedule = new TrainingSchedule(Warmdown: parse.GetValue(warmdown)),
                ValidationEvery = parse.GetValue(every),
                ValidationTokens = parse.GetValue(tokens),
            };
            options.Check();
            plan.Check(length);
            string folder = parse.GetRequiredValue(data);
            TokenData corpus = Open(folder);
            LanguageConfig config = Shape(parse.GetValue(depth), length, corpus.Tokenizer.VocabularySize, parse.GetValue(pattern)!,
                parse.GetValue(activation) == "eml" ? LanguageActivation.Eml : LanguageActivation.SquaredRelu);
            var run = new LmTraining(corpus, config, options, plan, parse.GetValue(seed), parse.GetRequiredValue(output), 60.0 * parse.GetValue(save));
            return run.Run(parse.GetValue(resume), parse.GetValue(Arguments.Json));
        });
        return command;
    }

    /// <summary>What eml lm prepare made.</summary>
    public static TokenData Open(string folder)
    {
        try
        {
            return TokenData.Open(folder);
        }
        catch (EmlException e)
        {
            throw Store.Named(folder, e);
        }
    }

    /// <summary>The model of a depth: n_embd 64 times the depth, heads of 128.</summary>
    public static LanguageConfig Shape(int depth, int length, int vocabulary, string pattern, LanguageActivation activation)
    {
        if (depth is < 1 or > 64)
        {
            throw new EmlException(ErrorCode.Argument, $"--depth is {depth}; it must be 1 to 64");
        }
        int width = 64 * depth;
        int heads = Math.Max(1, width / 128);
        while (width % heads != 0)
        {
            heads--;
        }
        var config = new LanguageConfig
        {
            VocabularySize = vocabulary,
            Layers = depth,
            ModelWidth = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadWidth = width / heads,
            HiddenWidth = 4 * width,
            SequenceLength = length,
            WindowPattern = pattern,
            Activation = activation,
        };
        config.Check();
        return config;
    }

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { HelpName = "N", DefaultValueFactory = _ => value, Description = $"{description} [default: {value}]" };

    private static Option<double> Real(string name, double value, string description) => new(name)
    {
        HelpName = "X",
        DefaultValueFactory = _ => value,
        Description = value > 1e30 ? description : string.Create(CultureInfo.InvariantCulture, $"{description} [default: {value}]"),
    };
}
