using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm eval</c>: how well a model predicts texts.</summary>
internal static class LmEval
{
    private sealed record Row(string? File, long TextBytes, TextScore Score, double Seconds)
    {
        public double Rate => Score.Tokens / Seconds;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var open = new LmModel.Options();
        var files = new Argument<string[]>("FILE") { Arity = ArgumentArity.OneOrMore, Description = "Texts in UTF-8, each measured for itself" };
        var raw = new Option<bool>("--raw-bytes")
        {
            Description = "Count the bytes of tokens as they are; otherwise a part of a character counts 3 bytes, as where the model comes from",
        };
        Command command = open.Verb("eval", "Measure bits per byte and the mean loss on texts");
        command.Add(files);
        command.Add(raw);
        command.SetAction(parse => Run(open.Load(parse), parse.GetRequiredValue(files), parse.GetValue(raw), open.Threads(parse), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(LmModel model, string[] files, bool raw, int threads, bool json)
    {
        // Before anything is measured, so that a wrong name or a text that is none is told at once.
        (string File, int Bytes, int[] Ids)[] texts = [.. files.Select(file => Read(model, file))];
        if (!json)
        {
            Output.Line($"{"bits/byte",12}{"mean loss",12}{"tokens",12}{"bytes",12}{"tokens/s",12}  file");
        }
        using var session = new LanguageSession(model.Weights, threads);
        using var interrupt = new Interrupt();
        ReadOnlySpan<int> lengths = raw ? model.Required.RawByteLengths : model.Required.ReferenceByteLengths;
        var rows = new List<Row>();
        foreach ((string file, int bytes, int[] ids) in texts)
        {
            if (interrupt.Cancel.IsSet)
            {
                break;
            }
            var clock = Stopwatch.StartNew();
            TextScore score = TextEvaluation.Measure(session, ids, model.Bos, lengths, Progress(ids.Length), interrupt.Cancel);
            rows.Add(new Row(file, bytes, score, clock.Elapsed.TotalSeconds));
            if (!json)
            {
                Print(rows[^1]);
            }
        }
        Row all = Together(rows);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteStartArray("files");
                foreach (Row row in rows)
                {
                    o.WriteStartObject();
                    Write(o, row);
                    o.WriteEndObject();
                }
                o.WriteEndArray();
                Write(o, all);
                o.WriteString("byte_lengths", raw ? "raw" : "reference");
                o.WriteBoolean("interrupted", interrupt.Cancel.IsSet);
            });
        }
        else if (rows.Count > 1)
        {
            Print(all);
        }
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: the figures are those of what was read");
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static (string File, int Bytes, int[] Ids) Read(LmModel model, string file)
    {
        byte[] text = Store.ReadBytes(file);
        try
        {
            return (file, text.Length, model.Required.Encode(text));
        }
        catch (EmlException e)
        {
            throw Store.Named(file, e);
        }
    }

    /// <summary>A line on standard error each second.</summary>
    private static Action<long> Progress(int tokens)
    {
        var clock = Stopwatch.StartNew();
        double shown = 0;
        return done =>
        {
            if (clock.Elapsed.TotalSeconds - shown >= 1)
            {
                shown = clock.Elapsed.TotalSeconds;
                Output.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"eval {done:N0}/{tokens:N0} tokens  {shown:F0} s"));
            }
        };
    }

    private static Row Together(List<Row> rows)
    {
        long tokens = rows.Sum(row => row.Score.Tokens);
        double loss = rows.Sum(row => row.Score.MeanLoss * row.Score.Tokens) / Math.Max(1, tokens);
        var score = new TextScore(rows.Sum(row => row.Score.Nats), rows.Sum(row => row.Score.Bytes), tokens, loss);
        return new Row(null, rows.Sum(row => row.TextBytes), score, rows.Sum(row => row.Seconds));
    }

    private static void Print(Row row) => Output.Line(string.Create(CultureInfo.InvariantCulture,
        $"{row.Score.BitsPerByte,12:F4}{row.Score.MeanLoss,12:F4}{row.Score.Tokens,12:N0}{row.Score.Bytes,12:N0}{row.Rate,12:N0}  {row.File ?? "all"}"));

    private static void Write(Utf8JsonWriter json, Row row)
    {
        if (row.File is not null)
        {
            json.WriteString("file", row.File);
        }
        json.Number("bits_per_byte", row.Score.BitsPerByte);
        json.Number("mean_loss", row.Score.MeanLoss);
        json.WriteNumber("tokens", row.Score.Tokens);
        json.WriteNumber("bytes", row.Score.Bytes);
        json.WriteNumber("text_bytes", row.TextBytes);
        json.Number("tokens_per_second", row.Rate);
    }
}
