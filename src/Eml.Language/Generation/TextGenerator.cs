using System.Text;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Why a generation ended.</summary>
public enum GenerationEnd
{
    /// <summary>It has as many tokens as were asked for.</summary>
    Length,
    /// <summary>A token that ends it, which is not part of the text.</summary>
    StopToken,
    /// <summary>A string that ends it, which is not part of the text.</summary>
    StopText,
    /// <summary>The cancel token.</summary>
    Cancelled,
    /// <summary>The listener did not want more.</summary>
    Listener,
}

/// <summary>What is generated, and until when.</summary>
public sealed record GenerationOptions
{
    /// <summary>At most so many tokens.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>How tokens are chosen.</summary>
    public SamplerOptions Sampler { get; init; } = new();

    /// <summary>Tokens that end the text.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>Strings that end the text.</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];
}

/// <summary>A generated token.</summary>
/// <param name="Id">The token.</param>
/// <param name="Text">What can be shown now: whole characters, and nothing that may yet become a stop.</param>
/// <param name="LogProbability">ln of its probability before sampling options.</param>
public readonly record struct GeneratedToken(int Id, string Text, double LogProbability);

/// <summary>What was generated.</summary>
/// <param name="Tokens">All tokens, one that ends the text not included.</param>
/// <param name="Text">Their text up to a stop.</param>
/// <param name="LogProbability">ln of the probability of all tokens.</param>
/// <param name="End">Why it ended.</param>
public sealed record Generation(IReadOnlyList<int> Tokens, string Text, double LogProbability, GenerationEnd End);

/// <summary>Continues a text.</summary>
public static class TextGenerator
{
    /// <summary>Reads <paramref name="prompt"/> after what the session has read, and generates tokens, the last of which the session has not
    /// read yet.</summary>
    /// <param name="session">The sequence.</param>
    /// <param name="tokenizer">Null: no text, and no stop texts.</param>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">What and until when.</param>
    /// <param name="listener">Sees each token, and stops by returning false.</param>
    /// <param name="cancel">Looked at within tokens.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: an empty prompt, no such token, an option without meaning, or a tokenizer
    /// of another vocabulary.</exception>
    public static Generation Run(LanguageSession session, Tokenizer? tokenizer, ReadOnlySpan<int> prompt, GenerationOptions options,
        Func<GeneratedToken, bool>? listener = null, Cancel? cancel = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(options);
        int vocabulary = session.Weights.Config.VocabularySize;
        Check(tokenizer, prompt, options, session.Weights.Config);
        float[] logits = new float[vocabulary];
        var sampler = new Sampler(vocabulary, options.Sampler);
        var tokens = new List<int>();
        var text = new StringBuilder();
        StreamDecoder? decoder = tokenizer is null ? null : new StreamDecoder(tokenizer);
        var stop = new StopText(options.StopTexts);
        double total = 0.0;
        GenerationEnd end = GenerationEnd.Length;
        sampler.See(prompt);
        bool wasRead = session.Read(prompt, logits, cancel);
        while (tokens.Count < options.MaxTokens)
        {
            if (!wasRead || cancel is { IsSet: true })
            {
                end = GenerationEnd.Cancelled;
                break;
            }
            int next = sampler.Next(logits);
            if (options.StopTokens.Contains(next))
            {
                end = GenerationEnd.StopToken;
                break;
            }
            double probability = LogProbability.Of(logits, next);
            tokens.Add(next);
            total += probability;
            string shown = stop.Push(decoder?.Push(next) ?? "");
            text.Append(shown);
            bool goOn = listener is null || listener(new GeneratedToken(next, shown, probability));
            if (stop.IsFound || !goOn)
            {
                end = stop.IsFound ? GenerationEnd.StopText : GenerationEnd.Listener;
                break;
            }
            wasRead = tokens.Count == options.MaxTokens || session.Read([next], logits, cancel);
        }
        text.Append(stop.Push(decoder?.Flush() ?? "")).Append(stop.Flush());
        return new Generation(tokens, text.ToString(), total, end);
    }

    private static void Check(Tokenizer? tokenizer, ReadOnlySpan<int> prompt, GenerationOptions options, LanguageConfig config)
    {
        if (prompt.IsEmpty)
        {
            throw new EmlException(ErrorCode.Argument, "generation: the prompt has no token; begin with the token that begins a text (BOS)");
        }
        LanguageSession.CheckTokens(prompt, config);
        if (options.MaxTokens < 0)
        {
            throw new EmlException(ErrorCode.Argument, $"generation: {options.MaxTokens} tokens; give 0 or more");
        }
        if (options.StopTexts.Any(string.IsNullOrEmpty))
        {
            throw new EmlException(ErrorCode.Argument, "generation: a stop text is empty; leave it out");
        }
        if (tokenizer is not null && tokenizer.VocabularySize > config.VocabularySize)
        {
            throw new EmlException(ErrorCode.Argument, $"generation: the tokenizer has {tokenizer.VocabularySize} tokens and the model {config.VocabularySize}; they do not belong together");
        }
        if (tokenizer is null && options.StopTexts.Count > 0)
        {
            throw new EmlException(ErrorCode.Argument, "generation: stop texts need a tokenizer");
        }
    }
}
