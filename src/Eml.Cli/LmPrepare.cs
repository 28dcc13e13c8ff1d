using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Eml.Formats.Language;
using Eml.Language;

namespace Eml.Cli;

/// <summary><c>eml lm prepare</c>: texts to a folder of training data.</summary>
internal static class LmPrepare
{
    private const string FilesHelp = $"""
        Texts, and folders of them, which are searched through. .txt: UTF-8, cut into documents at form feeds and, where one would be longer
        than 10,000 characters, at empty lines or line ends. .jsonl, .jsonl.gz: a document in the field "text" of each line. Lines that cannot be
        used are left out, counted and named. Parquet is not read; Python makes .jsonl of its column "text" (python3 -m pip install pyarrow):
        python3 -c "{TokenDataBuilder.ParquetConverter}" FILE.parquet > FILE.jsonl
        """;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var files = new Argument<string[]>("FILES")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = FilesHelp,
        };
        var validation = new Option<string?>("--val")
        {
            HelpName = "F",
            Description = "Text or folder for validation [default: one document in 100, chosen by its SHA-256]",
        };
        Option<int> vocabulary = Arguments.Integer("--vocab", TokenDataBuilder.MinVocabulary, Tokenizer.MaxTokens,
            "Tokens of the vocabulary to train, four reserved ones among them");
        vocabulary.DefaultValueFactory = _ => 8192;
        var tokenizer = new Option<string?>("--tokenizer") { HelpName = "FILE", Description = "Use this tokenizer, a tokenizer.json or .tiktoken, and train none" };
        var output = new Option<string>("--out") { HelpName = "DIR", Required = true, Description = "Folder to make; it must not be there yet, or be empty" };
        var command = new Command("prepare", "Make training data of texts: tokenizer, documents as tokens, a part put aside for validation") { files, validation, vocabulary, tokenizer, output };
        command.Validators.Add(result =>
        {
            if (result.GetResult(vocabulary) is { Implicit: false } && result.GetResult(tokenizer) is { Implicit: false })
                result.AddError("--vocab has no effect with --tokenizer, which has its own; leave one out");
        });
        command.SetAction(parse =>
        {
            var options = new TokenDataOptions
            {
                Files = parse.GetRequiredValue(files),
                Validation = parse.GetValue(validation),
                VocabularySize = parse.GetValue(vocabulary),
                Tokenizer = parse.GetValue(tokenizer) is { } path ? LmTokenize.Load(path) : null,
            };
            return Run(parse.GetRequiredValue(output), options, parse.GetValue(Arguments.Json));
        });
        return command;
    }

    private static int Run(string folder, TokenDataOptions options, bool json)
    {
        var clock = Stopwatch.StartNew();
        TokenDataSummary? made;
        using (var interrupt = new Interrupt())
        using (var progress = new PrepareProgress())
        {
            made = TokenDataBuilder.Build(folder, options, progress.Report, interrupt.Cancel);
        }
        if (made is null)
        {
            Output.Error.WriteLine("interrupted: nothing was written");
            return ExitCode.Interrupted;
        }

        double seconds = clock.Elapsed.TotalSeconds;
        int wanted = options.Tokenizer?.VocabularySize ?? options.VocabularySize;
        if (json)
        {
            WriteJson(folder, made, seconds);
            return ExitCode.Ok;
        }
        Output.Field("saved", string.Create(CultureInfo.InvariantCulture, $"{folder}: {made.Tokenizer.VocabularySize:N0} tokens in the vocabulary, {seconds:F1} s"));
        Output.Field("train", Text(made.Train));
        Output.Field("validation", Text(made.Validation));
        foreach (BadLine line in made.BadLines)
        {
            Output.Warn(string.Create(CultureInfo.InvariantCulture, $"{line.Path}, line {line.Line}: left out: {line.Reason}"));
        }
        if (made.BadLineCount > made.BadLines.Count)
        {
            Output.Warn(string.Create(CultureInfo.InvariantCulture, $"{Output.Count(made.BadLineCount, "line")} left out in all"));
        }
        if (made.Tokenizer.VocabularySize < wanted)
        {
            Output.Warn(string.Create(CultureInfo.InvariantCulture,
                $"the texts have too few pairs for {wanted:N0} tokens: the vocabulary has {made.Tokenizer.VocabularySize:N0}; give more text or a smaller --vocab"));
        }
        if (made.Validation.Documents == 0)
        {
            Output.Warn("no document was put aside for validation; give more text, or name one with --val");
        }
        return ExitCode.Ok;
    }

    private static string Text(TokenDataPart part) => string.Create(CultureInfo.InvariantCulture,
        $"{Output.Count(part.Documents, "document")}, {part.Bytes / 1e6:F1} MB, {part.Tokens:N0} tokens{(part.Tokens > 0 ? $", {(double)part.Bytes / part.Tokens:F2} bytes each" : "")}");

    private static void WriteJson(string folder, TokenDataSummary made, double seconds) => Output.Json(o =>
    {
        o.WriteString("out", folder);
        o.WriteNumber("vocabulary", made.Tokenizer.VocabularySize);
        foreach ((string name, TokenDataPart part) in (ReadOnlySpan<(string, TokenDataPart)>)[("train", made.Train), ("validation", made.Validation)])
        {
            o.WriteStartObject(name);
            o.WriteNumber("documents", part.Documents);
            o.WriteNumber("tokens", part.Tokens);
            o.WriteNumber("bytes", part.Bytes);
            o.WriteNumber("shards", part.Shards);
            o.WriteEndObject();
        }
        o.WriteNumber("bad_lines", made.BadLineCount);
        o.WriteStartArray("bad");
        foreach (BadLine line in made.BadLines)
        {
            o.WriteStartObject();
            o.WriteString("file", line.Path);
            o.WriteNumber("line", line.Line);
            o.WriteString("reason", line.Reason);
            o.WriteEndObject();
        }
        o.WriteEndArray();
        o.Number("seconds", seconds);
    });

    /// <summary>Shows on standard error how far it is, ten times a second on a terminal, elsewhere once and at the beginning of each phase.</summary>
    private sealed class PrepareProgress : IDisposable
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private TokenDataPhase? _phase;
        private double _phaseStart;
        private double _shown;
        private bool _open;

        public void Report(TokenDataProgress progress)
        {
            double now = _clock.Elapsed.TotalSeconds;
            if (progress.Phase == _phase && now - _shown < (Output.ErrorIsTerminal ? 0.1 : 1))
            {
                return;
            }
            if (progress.Phase != _phase)
            {
                (_phase, _phaseStart) = (progress.Phase, now);
            }
            _shown = now;
            double rate = now > _phaseStart ? progress.Bytes / 1e6 / (now - _phaseStart) : 0;
            string read = string.Create(CultureInfo.InvariantCulture,
                $"{Output.Count(progress.Documents, "document")}, {progress.Bytes / 1e6:F1} of {progress.TotalBytes / 1e6:F1} MB, {rate:F1} MB/s");
            string text = progress.Phase switch
            {
                TokenDataPhase.Count => "counting " + read,
                TokenDataPhase.Merge => string.Create(CultureInfo.InvariantCulture, $"merging {progress.Merges:N0}/{progress.TotalMerges:N0}"),
                _ => "encoding " + read,
            };
            if (Output.ErrorIsTerminal)
            {
                Output.Error.Write($"\r{text}\e[K");
                _open = true;
            }
            else
            {
                Output.Error.WriteLine(text);
            }
        }

        public void Dispose()
        {
            if (_open)
            {
                Output.Error.Write("\r\e[K");
            }
        }
    }
}
