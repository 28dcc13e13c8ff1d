using System.CommandLine;
using System.Globalization;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>A language model that a verb works with, and its tokenizer.</summary>
internal sealed record LmModel(string Path, LanguageWeights Weights, Tokenizer? Tokenizer)
{
    /// <summary>What verbs need to open a model.</summary>
    public sealed class Options
    {
        private readonly Argument<string> _checkpoint = new("CHECKPOINT") { Description = "The model's file" };
        private readonly Option<string?> _config = LanguageStore.ConfigOption();
        private readonly Option<string?> _tokenizer = new("--tokenizer")
        {
            HelpName = "FILE",
            Description = "A tokenizer.json or .tiktoken file [default: the tokenizer in the checkpoint]",
        };
        private readonly Option<int> _threads = ThreadsOption();

        /// <summary>A verb that opens a model.</summary>
        public Command Verb(string name, string description, bool text = true)
        {
            var command = new Command(name, description) { _checkpoint, _config, _threads };
            if (text)
                command.Add(_tokenizer);
            return command;
        }

        /// <summary>The model.</summary>
        public LmModel Load(ParseResult parse) =>
            LmModel.Load(parse.GetRequiredValue(_checkpoint), parse.GetValue(_config), parse.GetResult(_tokenizer) is null ? null : parse.GetValue(_tokenizer));

        /// <summary>How many threads.</summary>
        public int Threads(ParseResult parse) => parse.GetValue(_threads);
    }

    /// <summary>Threads that compute together.</summary>
    public static Option<int> ThreadsOption()
    {
        Option<int> threads = Arguments.Integer("--threads", 1, 256, "Threads that compute together; any number gives the same bits [default: all cores]");
        threads.DefaultValueFactory = _ => Math.Min(Environment.ProcessorCount, 256);
        return threads;
    }

    /// <summary>The token that begins a text.</summary>
    public int Bos => Required.BosId ?? throw new EmlException(ErrorCode.Argument, $"{Path}: the tokenizer has no token that begins a text (BOS); give another --tokenizer");

    /// <summary>The tokenizer, for verbs that cannot do without.</summary>
    public Tokenizer Required => Tokenizer
        ?? throw new EmlException(ErrorCode.Argument, $"{Path}: there is no tokenizer in this checkpoint; name its file with --tokenizer");

    /// <summary>Opens a checkpoint.</summary>
    public static LmModel Load(string path, string? configPath, string? tokenizerPath)
    {
        (LanguageWeights weights, Tokenizer? tokenizer, _, _) = LanguageStore.Load(path, configPath);
        tokenizer = tokenizerPath is null ? tokenizer : LmTokenize.Load(tokenizerPath);
        if (tokenizer is not null && tokenizer.VocabularySize > weights.Config.VocabularySize)
        {
            throw new EmlException(ErrorCode.Argument, string.Create(CultureInfo.InvariantCulture,
                $"{tokenizerPath}: the tokenizer has {tokenizer.VocabularySize} tokens and the model {weights.Config.VocabularySize}; use the tokenizer that it was trained with"));
        }
        return new LmModel(path, weights, tokenizer);
    }

    /// <summary>BOS and a text's tokens.</summary>
    public int[] Prompt(string text) => [Bos, .. Required.Encode(text)];
}
