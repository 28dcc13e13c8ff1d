using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm tokenize-bench</c>: how fast a tokenizer is on one core.</summary>
internal sealed class TokenizerBench
{
    /// <summary>The best of so many runs counts: others measure what else the machine does.</summary>
    private const int MinRuns = 5;
    private const int MaxRuns = 200;
    private const double Seconds = 2;

    private sealed record Row(string File, int Bytes, int Tokens, double EncodeSeconds, double DecodeSeconds)
    {
        public double EncodeRate => Bytes / EncodeSeconds / 1e6;

        public double DecodeRate => Bytes / DecodeSeconds / 1e6;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Option<string> tokenizer = Lm.TokenizerOption();
        var files = new Argument<string[]>("FILE") { Arity = ArgumentArity.OneOrMore, Description = "Texts in UTF-8, each measured for itself" };
        var command = new Command("tokenize-bench", "Measure megabytes a second of encoding and decoding, the best of several runs on one core") { tokenizer, files };
        command.SetAction(parse => Run(LmTokenize.Load(parse.GetRequiredValue(tokenizer)), parse.GetRequiredValue(files), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(Tokenizer tokenizer, string[] files, bool json)
    {
        // Read at once, so that a wrong name is told before anything is measured.
        (string File, byte[] Text)[] texts = [.. files.Select(file => (file, Store.ReadBytes(file)))];
        if (!json)
        {
            Output.Line($"{"bytes",12}{"tokens",12}{"bytes each",12}{"encode MB/s",13}{"decode MB/s",13}  file");
        }
        var rows = new List<Row>();
        foreach ((string file, byte[] text) in texts)
        {
            Row row = Measure(tokenizer, file, text);
            rows.Add(row);
            if (!json)
            {
                Output.Line(string.Create(CultureInfo.InvariantCulture,
                    $"{row.Bytes,12:N0}{row.Tokens,12:N0}{(double)row.Bytes / Math.Max(1, row.Tokens),12:F2}{row.EncodeRate,13:F1}{row.DecodeRate,13:F1}  {row.File}"));
            }
        }
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteStartArray("rows");
                foreach (Row row in rows)
                {
                    o.WriteStartObject();
                    o.WriteString("file", row.File);
                    o.WriteNumber("bytes", row.Bytes);
                    o.WriteNumber("tokens", row.Tokens);
                    o.Number("encode_seconds", row.EncodeSeconds);
                    o.Number("decode_seconds", row.DecodeSeconds);
                    o.Number("encode_mb_per_second", row.EncodeRate);
                    o.Number("decode_mb_per_second", row.DecodeRate);
                    o.WriteEndObject();
                }
                o.WriteEndArray();
            });
        }
        return ExitCode.Ok;
    }

    private static Row Measure(Tokenizer tokenizer, string file, byte[] text)
    {
        var ids = new List<int>();
        int[] copy;
        double encode = double.PositiveInfinity, decode = double.PositiveInfinity;
        var clock = Stopwatch.StartNew();
        int run = 0;
        do
        {
            ids.Clear();
            long start = Stopwatch.GetTimestamp();
            try
            {
                tokenizer.Encode(text, ids);
            }
            catch (EmlException e)
            {
                throw Store.Named(file, e);
            }
            encode = Math.Min(encode, Stopwatch.GetElapsedTime(start).TotalSeconds);
            copy = [.. ids];
            start = Stopwatch.GetTimestamp();
            byte[] back = tokenizer.DecodeBytes(copy);
            decode = Math.Min(decode, Stopwatch.GetElapsedTime(start).TotalSeconds);
            if (!back.AsSpan().SequenceEqual(text))
            {
                throw new EmlException(ErrorCode.Internal, $"{file}: its tokens do not decode to the same bytes; please report this");
            }
        }
        while (++run < MinRuns || (run < MaxRuns && clock.Elapsed.TotalSeconds < Seconds));
        return new Row(file, text.Length, copy.Length, encode, decode);
    }
}
