using System.CommandLine;
using System.CommandLine.Help;

namespace Eml.Cli;

/// <summary>The verbs <c>eml lm …</c>.</summary>
internal static class Lm
{
    /// <summary>The group.</summary>
    public static Command Create()
    {
        var command = new Command("lm", "Language models: prepare, train, export, tune, report; generate, chat, eval, embed; convert and quantize; check and measure them; tokenize")
        {
            LmPrepare.Create(), LmTrain.Create(), LmExport.Create(), LmTune.Create(), LmReport.Create(), LmGenerate.Create(), LmChat.Create(), LmEval.Create(), LmEmbed.Create(),
            LmConvert.Create(), LmQuantize.Create(), LmParity.Create(),
            LmLayerDump.Create(), LmKvParity.Create(), LmBench.Create(), LmTokenize.Create(), TokenizerBench.Create(),
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

    /// <summary>Token ids given as text, separated by white space or commas.</summary>
    public static bool TryIds(string text, out int[] ids)
    {
        string[] words = text.Split([' ', '\t', '\r', '\n', ','], StringSplitOptions.RemoveEmptyEntries);
        ids = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (!int.TryParse(words[i], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out ids[i]))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>An option whose value is such ids.</summary>
    public static Option<int[]?> TokensOption(string description) => new("--tokens")
    {
        HelpName = "\"ID ID …\"",
        Description = description,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!TryIds(text, out int[] ids) || ids.Length == 0)
                result.AddError($"--tokens {text}: must be ids, whole numbers from 0 on, separated by spaces in one argument");
            return ids;
        },
    };
}
