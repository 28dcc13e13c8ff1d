using System.CommandLine;
using System.Globalization;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm parity</c>: whether a language model answers as its sidecar expects.</summary>
internal static class LmParity
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var checkpoint = new Argument<string>("CHECKPOINT") { Description = "Checkpoint of any format" };
        var sidecar = new Argument<string>("SIDECAR") { Description = "JSON: tokens of a prompt, the tokens that follow (greedy), logits, tolerance" };
        Option<string?> config = LanguageStore.ConfigOption();
        var write = new Option<bool>("--write") { Description = "Write the sidecar from what the model answers, instead of checking it" };
        var prompt = new Option<string?>("--prompt") { HelpName = "TEXT", Description = "With --write: the prompt; the checkpoint must have a tokenizer" };
        var tokens = new Option<int[]?>("--tokens") { HelpName = "ID", AllowMultipleArgumentsPerToken = true, Description = "With --write: the prompt's tokens" };
        Option<int> count = Arguments.Integer("--count", 0, LanguageParity.MaxTokens, "With --write: tokens after the prompt [default: 16]");
        var all = new Option<bool>("--all") { Description = "With --write: logits of all tokens of the prompt, not of the last only" };
        var command = new Command("parity", "Check that a language model answers as its sidecar expects; exit code 1 if not") { checkpoint, sidecar, config, write, prompt, tokens, count, all };
        command.Validators.Add(result =>
        {
            bool writes = result.GetValue(write), hasPrompt = result.GetResult(prompt) is not null, hasTokens = result.GetResult(tokens) is not null;
            if (writes && hasPrompt == hasTokens)
                result.AddError("--write needs a prompt: give either --prompt or --tokens");
            if (!writes && (hasPrompt || hasTokens || result.GetResult(count) is not null || result.GetValue(all)))
                result.AddError("--prompt, --tokens, --count and --all need --write");
        });
        command.SetAction(parse =>
        {
            LanguageCheckpoint model = LanguageStore.Load(parse.GetRequiredValue(checkpoint), parse.GetValue(config));
            string path = parse.GetRequiredValue(sidecar);
            bool json = parse.GetValue(Arguments.Json);
            if (!parse.GetValue(write))
                return Check(model, path, json);
            int[] ids = parse.GetResult(prompt) is null ? parse.GetValue(tokens)! : Encode(model, parse.GetValue(prompt)!);
            return Write(model, path, ids, parse.GetResult(count) is null ? 16 : parse.GetValue(count), parse.GetValue(all), json);
        });
        return command;
    }

    private static int[] Encode(LanguageCheckpoint model, string prompt) => model.Tokenizer?.Encode(prompt)
        ?? throw new EmlException(ErrorCode.Argument, "--prompt: the checkpoint has no tokenizer; add one with eml lm convert --tokenizer, or give --tokens");

    private static int Write(LanguageCheckpoint model, string path, int[] ids, int count, bool all, bool json)
    {
        Store.CheckFolder(path);
        LanguageParity parity = LanguageParity.Make(model.Weights, ids, count, all);
        AtomicFile.Write(path, parity.Write());
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("out", path);
                o.WriteNumber("tokens", parity.Tokens.Count);
                o.WriteNumber("greedy", parity.Greedy.Count);
                o.WriteNumber("logits", parity.Logits.Count);
            });
        }
        else
        {
            Output.Field("saved", $"{path}: {Output.Count(parity.Tokens.Count, "token")}, {parity.Greedy.Count} after them, {Output.Count(parity.Logits.Count, "logit")}");
        }
        return ExitCode.Ok;
    }

    private static int Check(LanguageCheckpoint model, string path, bool json)
    {
        LanguageParity parity;
        LanguageParityResult result;
        try
        {
            parity = LanguageParity.Read(Store.ReadBytes(path));
            result = parity.Check(model.Weights);
        }
        catch (EmlException e)
        {
            throw Store.Named(path, e);
        }
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteBoolean("right", result.IsRight);
                o.WriteNumber("logits", parity.Logits.Count);
                o.Number("max_deviation", result.LargestDeviation);
                o.Number("tolerance", parity.Tolerance);
                o.WriteNumber("greedy", parity.Greedy.Count);
                WriteOrNull(o, "differing_index", result.DifferingIndex);
                WriteOrNull(o, "differing_token", result.DifferingToken);
            });
        }
        else
        {
            Output.Field("logits", string.Create(CultureInfo.InvariantCulture,
                $"{parity.Logits.Count:N0}, max |Δ| {Output.Short(result.LargestDeviation)}, tolerance {Output.Short(parity.Tolerance)}"));
            Output.Field("tokens", result.DifferingIndex is { } index
                ? $"token {index} after the prompt is {result.DifferingToken}, not {parity.Greedy[index]}" : $"all {parity.Greedy.Count} as expected");
            Output.Field("parity", result.IsRight ? "yes" : "no");
        }
        return result.IsRight ? ExitCode.Ok : ExitCode.Failure;
    }

    private static void WriteOrNull(System.Text.Json.Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }
}
