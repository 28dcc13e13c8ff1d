using System.CommandLine;
using System.Globalization;
using Eml.Language;

namespace Eml.Cli;

/// <summary>Options of verbs that generate text.</summary>
internal sealed class LmSampling
{
    private readonly Option<int> _maxTokens;
    private readonly Option<float> _temperature = Number("--temperature", "T", 0, 100, "Logits are divided by it; 0 takes the most probable token", 1);
    private readonly Option<int> _topK = Arguments.Integer("--top-k", 0, int.MaxValue, "Only the N most probable tokens; 0 for all [default: 0]");
    private readonly Option<float> _topP = Number("--top-p", "P", 0, 1, "Only the most probable tokens that together have this probability", 1);
    private readonly Option<float> _minP = Number("--min-p", "P", 0, 1, "Only tokens at least so many times as probable as the most probable one", 0);
    private readonly Option<float> _penalty = Number("--repetition-penalty", "R", 0, 100, "Makes tokens of the text less probable; 1 changes nothing", 1);
    private readonly Option<bool> _greedy = new("--greedy") { Description = "Always the most probable token: the same as --temperature 0" };
    private readonly Option<ulong> _seed = Arguments.Seed();
    private readonly Option<string[]?> _stop = new("--stop")
    {
        HelpName = "TEXT",
        AllowMultipleArgumentsPerToken = false,
        Description = "End before this text; may be given several times",
    };

    /// <summary>The options, with so many tokens unless others are asked for.</summary>
    public LmSampling(int maxTokens)
    {
        _maxTokens = Arguments.Integer("--max-tokens", 0, int.MaxValue, "Generate at most so many tokens");
        _maxTokens.DefaultValueFactory = _ => maxTokens;
        _seed.Description = "Start of the random numbers: the same seed gives the same text [default: 0]";
    }

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _maxTokens, _temperature, _topK, _topP, _minP, _penalty, _greedy, _seed, _stop })
            command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_greedy) && result.GetResult(_temperature) is { Implicit: false })
                result.AddError("give either --greedy or --temperature");
        });
    }

    /// <summary>What was asked for.</summary>
    public GenerationOptions Read(ParseResult parse, int? bos)
    {
        var options = new GenerationOptions
        {
            MaxTokens = parse.GetValue(_maxTokens),
            Sampler = new SamplerOptions
            {
                Temperature = parse.GetValue(_greedy) ? 0 : parse.GetValue(_temperature),
                TopK = parse.GetValue(_topK),
                TopP = parse.GetValue(_topP),
                MinP = parse.GetValue(_minP),
                RepetitionPenalty = parse.GetValue(_penalty),
                Seed = parse.GetValue(_seed),
            },
            // The token that begins the next text ends this one.
            StopTokens = bos is { } id ? [id] : [],
            StopTexts = parse.GetValue(_stop) ?? [],
        };
        options.Sampler.Check();
        return options;
    }

    /// <summary>A reason's name in JSON.</summary>
    public static string Name(GenerationEnd end) => end switch
    {
        GenerationEnd.Length => "length",
        GenerationEnd.StopToken => "stop_token",
        GenerationEnd.StopText => "stop_text",
        GenerationEnd.Cancelled => "cancelled",
        _ => "listener",
    };

    private static Option<float> Number(string name, string helpName, float min, float max, string description, float otherwise) => new(name)
    {
        HelpName = helpName,
        Description = description,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            bool isNumber = float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value);
            if (!isNumber || !(value >= min && value <= max))
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: must be a number from {min} to {max}"));
            return value;
        },
    };
}
