using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Eml.Language;

namespace Eml.Cli;

/// <summary><c>eml lm generate</c>: continues a text.</summary>
internal static class LmGenerate
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var open = new LmModel.Options();
        var sampling = new LmSampling(256);
        var prompt = new Argument<string?>("PROMPT")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "The text to continue, with the token that begins a text (BOS) before it [default: BOS alone]",
        };
        Option<int[]?> tokens = Lm.TokensOption("The tokens to continue, exactly these; a model without tokenizer prints ids");
        Command command = open.Verb("generate", "Continue a text, token by token as they come");
        command.Add(prompt);
        command.Add(tokens);
        sampling.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(prompt) is not null && result.GetResult(tokens) is not null)
                result.AddError("give either PROMPT or --tokens");
        });
        command.SetAction(parse =>
        {
            LmModel model = open.Load(parse);
            GenerationOptions options = sampling.Read(parse, model.Tokenizer?.BosId);
            int[] ids = parse.GetResult(tokens) is not null ? parse.GetValue(tokens)! : model.Prompt(parse.GetValue(prompt) ?? "");
            return Run(model, ids, options, open.Threads(parse), parse.GetValue(Arguments.Json));
        });
        return command;
    }

    private static int Run(LmModel model, int[] prompt, GenerationOptions options, int threads, bool json)
    {
        using var session = new LanguageSession(model.Weights, threads);
        using var interrupt = new Interrupt();
        var clock = Stopwatch.StartNew();
        double first = 0;
        int count = 0, shown = 0;
        Generation made = TextGenerator.Run(session, model.Tokenizer, prompt, options, token =>
        {
            first = count++ == 0 ? clock.Elapsed.TotalSeconds : first;
            if (!json)
            {
                Output.Text(model.Tokenizer is null ? string.Create(CultureInfo.InvariantCulture, $"{(count > 1 ? " " : "")}{token.Id}") : token.Text);
                shown += token.Text.Length;
            }
            return true;
        }, interrupt.Cancel);
        double seconds = clock.Elapsed.TotalSeconds;
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("text", made.Text);
                o.WriteStartArray("tokens");
                foreach (int id in made.Tokens)
                    o.WriteNumberValue(id);
                o.WriteEndArray();
                o.Number("log_probability", made.LogProbability);
                o.WriteString("end", LmSampling.Name(made.End));
                o.WriteNumber("prompt_tokens", prompt.Length);
                o.WriteStartObject("tokens_per_second");
                o.Number("prefill", count > 0 ? prompt.Length / first : double.NaN);
                // The first token comes with the prompt.
                o.Number("decode", count > 1 ? (count - 1) / (seconds - first) : double.NaN);
                o.WriteEndObject();
                o.WriteNumber("seed", options.Sampler.Seed);
            });
        }
        else
        {
            // What was held back because it could have become a stop text, and half characters.
            Output.Text((model.Tokenizer is null ? "" : made.Text[shown..]) + "\n");
        }
        return made.End == GenerationEnd.Cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }
}
