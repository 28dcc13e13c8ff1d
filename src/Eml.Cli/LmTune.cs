using System.CommandLine;
using System.Globalization;
using Eml.Formats.Language;
using Eml.Language;

namespace Eml.Cli;

/// <summary><c>eml lm tune</c>: an experiment, some numbers of a trained model moved without gradients.</summary>
internal static class LmTune
{
    private const int ValidationTokens = 65536;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var model = new Argument<string>("CHECKPOINT") { Description = "Model whose matrices are stored as f32" };
        var data = new Argument<string>("DIR") { Description = "What eml lm prepare made, with the model's tokenizer" };
        var output = new Option<string>("--out") { HelpName = "FILE", Required = true, Description = "File to write: .safetensors, .json, .npz or .pb" };
        var tensors = new Option<string[]>("--tensors") { HelpName = "NAME", AllowMultipleArgumentsPerToken = true, Description = "Tensors, by whole names or their last part [default: eml_k resid_lambdas x0_lambdas]" };
        var sweeps = new Option<int>("--sweeps") { HelpName = "N", DefaultValueFactory = _ => 3, Description = "How often every number is tried" };
        var tokens = new Option<int>("--tokens") { HelpName = "N", DefaultValueFactory = _ => 16384, Description = "Tokens of the training text whose loss is lowered" };
        var threads = new Option<int>("--threads") { HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount, Description = "Threads; any number gives the same bits" };
        var command = new Command("tune", "An experiment: move some numbers of a model without gradients, and see whether it predicts better") { model, data, output, tensors, sweeps, tokens, threads };
        command.SetAction(parse =>
        {
            string source = parse.GetRequiredValue(model), target = parse.GetRequiredValue(output);
            _ = LanguageFile.FromPath(target);
            Store.CheckFolder(target);
            var options = new TuningOptions { Sweeps = parse.GetValue(sweeps) };
            return Run(source, parse.GetRequiredValue(data), target, parse.GetValue(tensors) is { Length: > 0 } names ? options with { Tensors = names } : options,
                parse.GetValue(tokens), parse.GetValue(threads), parse.GetValue(Arguments.Json));
        });
        return command;
    }

    private static int Run(string source, string folder, string target, TuningOptions options, int tokens, int threads, bool json)
    {
        LanguageCheckpoint checkpoint = LanguageStore.Load(source, null);
        TokenData data = LmTrain.Open(folder);
        int length = checkpoint.Weights.Config.SequenceLength;
        int count = Math.Max(1, tokens / length) * length;
        using var trainer = new LanguageTrainer(checkpoint.Weights, new TrainerOptions { SequenceLength = length, GroupTokens = Math.Max(length, 2048), Threads = threads });
        int bos = data.Tokenizer.BosId!.Value;
        var packer = new BestFitPacker(data.Train, bos, length);
        int[] inputs = new int[count], targets = new int[count];
        packer.Next(inputs, targets);
        var plan = new TrainingPlan { Steps = 0, BatchTokens = length, ValidationTokens = ValidationTokens };
        var run = new TrainingRun(trainer, packer, data.Validation.Count > 0 ? () => new BestFitPacker(data.Validation, bos, length) : null, data.Tokenizer.ReferenceByteLengths, plan);
        double? before = data.Validation.Count > 0 ? run.Validate()?.BitsPerByte : null;
        using var interrupt = new Interrupt();
        TuningResult result = GradientFreeTuner.Run(trainer, inputs, targets, options,
            (passes, loss) => Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\rpass {passes}: loss {loss:F5} ")), interrupt.Cancel);
        Console.Error.WriteLine();
        double? after = data.Validation.Count > 0 ? run.Validate()?.BitsPerByte : null;
        LanguageFile.Save(target, checkpoint with { Weights = trainer.Weights() });
        if (json)
        {
            Output.Json(o =>
            {
                o.Number("loss_before", result.Before);
                o.Number("loss_after", result.After);
                if (before is double bitsBefore && after is double bitsAfter)
                {
                    o.Number("val_bpb_before", bitsBefore);
                    o.Number("val_bpb_after", bitsAfter);
                }
                o.WriteNumber("passes", result.Evaluations);
                o.WriteNumber("kept", result.Kept);
                o.WriteNumber("tokens", count);
                o.WriteBoolean("done", result.IsDone);
                o.WriteString("model", target);
            });
        }
        else
        {
            Output.Field("loss", string.Create(CultureInfo.InvariantCulture, $"{result.Before:F5} to {result.After:F5} nats a token, on {count:N0} tokens, {result.Kept} of {result.Evaluations - 1} moves kept"));
            Output.Field("bits/byte", before is null ? "no validation text" : string.Create(CultureInfo.InvariantCulture, $"{before:F4} to {after:F4} on the validation text"));
            Output.Field("saved", target);
        }
        return result.IsDone ? ExitCode.Ok : ExitCode.Interrupted;
    }
}
