using System.CommandLine;
using System.CommandLine.Help;

namespace Eml.Cli;

/// <summary>The verbs <c>eml lm …</c>.</summary>
internal static class Lm
{
    /// <summary>The group.</summary>
    public static Command Create()
    {
        var command = new Command("lm", "Language models: prepare, convert, quantize, parity, tokenize, tokenize-bench")
        {
            LmPrepare.Create(), LmConvert.Create(), LmQuantize.Create(), LmParity.Create(), LmTokenize.Create(), TokenizerBench.Create(),
        };
        command.SetAction(parse => new HelpAction().Invoke(parse));
        return command;
    }

    /// <summary>Which tokenizer to use.</summary>
    public static Option<string> TokenizerOption() => new("--tokenizer")
    {
        HelpName = "FILE",
        Required = true,
        Description = "The tokenizer: a tokenizer.json with base64 tokens, or a .tiktoken file",
    };
}
