using System.CommandLine;
using System.Globalization;
using System.Text;
using Eml.Formats;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm tokenize</c>: text to ids, or ids to text.</summary>
internal static class LmTokenize
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Option<string> tokenizer = Lm.TokenizerOption();
        var text = new Argument<string?>("TEXT") { Arity = ArgumentArity.ZeroOrOne, Description = "The text [default: standard input]" };
        var file = new Option<string?>("--file") { HelpName = "F", Description = "Read the text, or with --decode the ids, from this file" };
        var decode = new Option<string[]?>("--decode")
        {
            HelpName = "ID",
            Arity = ArgumentArity.ZeroOrMore,
            AllowMultipleArgumentsPerToken = true,
            Description = "Print the text of these ids, or of those that are read, separated by white space",
        };
        var special = new Option<bool>("--special") { Description = "Names of special tokens in the text stand for these tokens" };
        var count = new Option<bool>("--count") { Description = "Print how many tokens and bytes there are, not the ids or the text" };
        var command = new Command("tokenize", "Cut text into tokens and print their ids, or join them again") { text, tokenizer, file, decode, special, count };
        command.Validators.Add(result =>
        {
            bool decodes = result.GetResult(decode) is not null;
            if (result.GetValue(file) is not null && (result.GetValue(text) is not null || result.GetValue(decode) is { Length: > 0 }))
                result.AddError("give either --file or what to work on");
            if (decodes && result.GetValue(text) is not null)
                result.AddError("--decode takes ids and no text; put them behind it");
            if (decodes && result.GetValue(special))
                result.AddError("--special has no effect with --decode, which knows all ids; leave it out");
        });
        command.SetAction(parse =>
        {
            Tokenizer with = Load(parse.GetRequiredValue(tokenizer));
            string? path = parse.GetValue(file);
            bool json = parse.GetValue(Arguments.Json), countOnly = parse.GetValue(count);
            if (parse.GetResult(decode) is not null)
            {
                string[] ids = parse.GetValue(decode) is { Length: > 0 } given
                    ? given
                    : Encoding.UTF8.GetString(Input(path)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                return Decode(with, ids, countOnly, json);
            }
            byte[] bytes = parse.GetValue(text) is { } words ? Encoding.UTF8.GetBytes(words) : Input(path);
            return Encode(with, bytes, path, parse.GetValue(special), countOnly, json);
        });
        return command;
    }

    /// <summary>The tokenizer in a file.</summary>
    public static Tokenizer Load(string path)
    {
        try
        {
            return TokenizerFile.Load(path);
        }
        catch (EmlException e)
        {
            throw Store.Named(path, e);
        }
    }

    private static int Encode(Tokenizer tokenizer, byte[] text, string? path, bool special, bool countOnly, bool json)
    {
        int[] ids;
        try
        {
            ids = tokenizer.Encode(text, special);
        }
        catch (EmlException e) when (path is not null)
        {
            throw Store.Named(path, e);
        }

        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("tokens", ids.Length);
                o.WriteNumber("bytes", text.Length);
                if (countOnly)
                    return;
                o.WriteStartArray("ids");
                foreach (int id in ids)
                    o.WriteNumberValue(id);
                o.WriteEndArray();
            });
        }
        else if (countOnly)
        {
            PrintCount(ids.Length, text.Length);
        }
        else
        {
            Output.Line(string.Join(' ', ids));
        }
        return ExitCode.Ok;
    }

    private static int Decode(Tokenizer tokenizer, string[] words, bool countOnly, bool json)
    {
        int[] ids = [.. words.Select(Id)];
        byte[] bytes = tokenizer.DecodeBytes(ids);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("tokens", ids.Length);
                o.WriteNumber("bytes", bytes.Length);
                if (!countOnly)
                    o.WriteString("text", Encoding.UTF8.GetString(bytes));
            });
        }
        else if (countOnly)
        {
            PrintCount(ids.Length, bytes.Length);
        }
        else
        {
            // As it is, like cat: also line ends, and no line end more, so that a file comes back byte for byte.
            using Stream stream = Console.OpenStandardOutput();
            stream.Write(bytes);
        }
        return ExitCode.Ok;
    }

    private static int Id(string word) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
        ? id
        : throw new EmlException(ErrorCode.Argument, $"--decode: {word} is no id; give whole numbers from 0 on, separated by white space");

    private static void PrintCount(int tokens, int bytes)
    {
        Output.Field("tokens", tokens.ToString("N0", CultureInfo.InvariantCulture));
        Output.Field("bytes", string.Create(CultureInfo.InvariantCulture, $"{bytes:N0}{(tokens > 0 ? $", {(double)bytes / tokens:F2} a token" : "")}"));
    }

    private static byte[] Input(string? path)
    {
        if (path is not null)
        {
            return Store.ReadBytes(path);
        }
        using Stream stream = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
