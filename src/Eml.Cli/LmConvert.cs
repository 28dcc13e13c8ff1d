using System.CommandLine;
using Eml.Formats.Language;

namespace Eml.Cli;

/// <summary><c>eml lm convert</c>: a language model in another format.</summary>
internal static class LmConvert
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var input = new Argument<string>("IN") { Description = "Checkpoint of any format; its bytes tell which" };
        var output = new Argument<string>("OUT") { Description = "File to write: .safetensors, .json, .npz or .pb" };
        Option<string?> config = LanguageStore.ConfigOption();
        var tokenizer = new Option<string?>("--tokenizer") { HelpName = "FILE", Description = "Put this tokenizer into the checkpoint [default: that of IN, if any]" };
        var command = new Command("convert", "Write a language model in another format") { input, output, config, tokenizer };
        command.SetAction(parse => Run(parse.GetRequiredValue(input), parse.GetRequiredValue(output), parse.GetValue(config), parse.GetValue(tokenizer), parse.GetValue(Arguments.Json)));
        return command;
    }

    /// <summary>Converts.</summary>
    public static int Run(string input, string output, string? config, string? tokenizer, bool json)
    {
        _ = LanguageFile.FromPath(output);
        Store.CheckFolder(output);
        LanguageCheckpoint checkpoint = LanguageStore.Load(input, config);
        checkpoint = tokenizer is null ? checkpoint : checkpoint with { Tokenizer = LmTokenize.Load(tokenizer) };
        return LanguageStore.Save(input, output, checkpoint, json);
    }
}
