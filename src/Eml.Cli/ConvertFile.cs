using System.CommandLine;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml convert</c>: a model file in another format.</summary>
internal static class ConvertFile
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var input = new Argument<string>("IN") { Description = "Model file of any format; its bytes tell which" };
        var output = new Argument<string>("OUT") { Description = "File to write: .json, .browser.json, .safetensors or .pb; of language models also .npz" };
        var command = new Command("convert", "Write a model file in another format") { input, output };
        command.SetAction(parse => Run(
            parse.GetRequiredValue(input), parse.GetRequiredValue(output), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string input, string output, bool json)
    {
        byte[] bytes = Store.ReadBytes(input);
        if (LanguageFile.Recognises(bytes))
            return LmConvert.Run(input, output, config: null, tokenizer: null, json);

        FileFormat format = ModelFile.FromPath(output);
        Store.CheckFolder(output);
        object content = Store.Parse(input, bytes, out _);
        if (Store.Tree(content) is null)
            Store.CheckTarget(output, Describe.Kind(content));

        string[] lost;
        try
        {
            lost = Store.Save(content, output);
        }
        catch (EmlException e)
        {
            throw Store.Named(output, e);
        }

        string kind = Describe.Kind(content);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("in", input);
                o.WriteString("out", output);
                o.WriteString("kind", kind);
                o.WriteString("format", Describe.Format(format));
                o.Strings("lost", lost);
            });
        }
        else
        {
            Output.Field("saved", $"{output}: {kind}, {Describe.Format(format)}");
            Store.WarnOfLoss(output, lost);
        }

        return ExitCode.Ok;
    }
}
