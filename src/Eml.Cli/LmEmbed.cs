using System.CommandLine;
using System.Text.Json;
using Eml.Language;

namespace Eml.Cli;

/// <summary><c>eml lm embed</c>: what a model makes of a text, as vectors.</summary>
internal static class LmEmbed
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var open = new LmModel.Options();
        var text = new Argument<string>("TEXT") { Description = "The text, read after the token that begins one (BOS)" };
        Command command = open.Verb("embed", "Print two vectors of a text as JSON: the mean over its tokens, and that of the last token");
        command.Add(text);
        command.SetAction(parse => Run(open.Load(parse), parse.GetRequiredValue(text), open.Threads(parse), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(LmModel model, string text, int threads, bool json)
    {
        int[] ids = model.Prompt(text);
        int width = model.Weights.Config.ModelWidth;
        float[] rows = new float[(long)ids.Length * width];
        using var session = new LanguageSession(model.Weights, threads);
        using var interrupt = new Interrupt();
        if (!session.Embed(ids, rows, interrupt.Cancel))
        {
            return ExitCode.Interrupted;
        }
        // BOS is no part of the text; of an empty text there is nothing else.
        int first = ids.Length > 1 ? 1 : 0;
        float[] mean = new float[width];
        for (int column = 0; column < width; column++)
        {
            double sum = 0.0;
            for (int row = first; row < ids.Length; row++)
                sum += rows[((long)row * width) + column];
            mean[column] = (float)(sum / (ids.Length - first));
        }
        float[] last = rows[^width..];
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("tokens", ids.Length - first);
                o.WriteNumber("width", width);
                o.WritePropertyName("mean");
                Write(o, mean);
                o.WritePropertyName("last");
                Write(o, last);
            });
            return ExitCode.Ok;
        }
        using Stream stream = Console.OpenStandardOutput();
        using (var array = new Utf8JsonWriter(stream))
        {
            array.WriteStartArray();
            Write(array, mean);
            Write(array, last);
            array.WriteEndArray();
        }
        stream.WriteByte((byte)'\n');
        return ExitCode.Ok;
    }

    private static void Write(Utf8JsonWriter json, float[] vector)
    {
        json.WriteStartArray();
        foreach (float value in vector)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
