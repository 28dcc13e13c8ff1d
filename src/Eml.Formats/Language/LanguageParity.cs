using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A parity sidecar: what a model must answer, to be checked wherever it is loaded.</summary>
/// <remarks>
/// The file is a JSON object: version (1), tokens (the prompt), greedy (the tokens that follow it, each the first of the largest logits; may be
/// empty), logits (of the last token of the prompt, vocab_size numbers, or of all its tokens one after another; may be empty) and tolerance
/// (of a logit; 1e-4 if it is missing).
/// </remarks>
public sealed record LanguageParity
{
    /// <summary>Tolerance of a logit if the sidecar says none.</summary>
    public const double DefaultTolerance = 1e-4;

    /// <summary>Tokens of a prompt, and tokens after it.</summary>
    public const int MaxTokens = 1 << 16;

    /// <summary>Logits of a sidecar that is made.</summary>
    private const int MaxLogits = 1 << 24;

    private const string What = "parity sidecar";
    private const int Version = 1;

    /// <summary>The prompt.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <summary>The tokens that follow it.</summary>
    public IReadOnlyList<int> Greedy { get; init; } = [];

    /// <summary>Logits of the prompt's last token, or of all its tokens.</summary>
    public IReadOnlyList<double> Logits { get; init; } = [];

    /// <summary>How far a logit may be from the expected one.</summary>
    public double Tolerance { get; init; } = DefaultTolerance;

    /// <summary>The sidecar of what a model answers.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="tokens">The prompt.</param>
    /// <param name="count">Tokens to follow it.</param>
    /// <param name="all">Logits of all tokens of the prompt, not of the last only.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no prompt, or no such token or number. <see cref="ErrorCode.Limit"/>: too many
    /// logits.</exception>
    public static LanguageParity Make(LanguageWeights weights, ReadOnlySpan<int> tokens, int count = 16, bool all = false)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (tokens.IsEmpty || tokens.Length > MaxTokens || count is < 0 or > MaxTokens)
        {
            throw new EmlException(ErrorCode.Argument, $"{What}: a prompt of {tokens.Length} tokens and {count} after it; there must be 1 to {MaxTokens} and 0 to {MaxTokens}");
        }
        if (all && (long)weights.Config.VocabularySize * tokens.Length > MaxLogits)
        {
            throw new EmlException(ErrorCode.Limit, $"{What}: the logits of {tokens.Length} tokens are more than {MaxLogits}; give a shorter prompt, or take the last token's only");
        }
        using var session = new LanguageSession(weights);
        float[] logits = Answer(session, tokens, all);
        return new LanguageParity
        {
            Tokens = tokens.ToArray(),
            Logits = [.. logits.Select(logit => (double)logit)],
            Greedy = [.. Follow(session, logits, count)],
        };
    }

    /// <summary>Reads a sidecar.</summary>
    /// <exception cref="EmlException">It is none; the message says where and why.</exception>
    public static LanguageParity Read(ReadOnlySpan<byte> text)
    {
        JsonMembers root = StrictJson.Parse(text, What).Members("the sidecar", FormatError.Kind);
        root.RefuseOthers("version", "tokens", "greedy", "logits", "tolerance");
        if (root.TryGet("version", out JsonValue version) && version.Unsigned("version") != Version)
        {
            throw new EmlException(ErrorCode.Version, version.Offset, $"{What}: version at byte {version.Offset} is {version.Unsigned("version")}; this library knows version {Version}");
        }
        double tolerance = root.TryGet("tolerance", out JsonValue given) ? given.Double("tolerance") : DefaultTolerance;
        if (tolerance < 0.0)
        {
            throw given.Wrong(FormatError.Value, "tolerance", "a number from 0 on");
        }
        int[] tokens = ReadTokens(root["tokens"], "tokens");
        double[] logits = [];
        if (root.TryGet("logits", out JsonValue array))
        {
            logits = array.Doubles("logits", Count(array, "logits"));
        }
        return tokens.Length == 0
            ? throw root["tokens"].Wrong(FormatError.Value, "tokens", "an array of at least one token")
            : new LanguageParity { Tokens = tokens, Greedy = root.TryGet("greedy", out JsonValue greedy) ? ReadTokens(greedy, "greedy") : [], Logits = logits, Tolerance = tolerance };
    }

    /// <summary>The file's bytes.</summary>
    public byte[] Write() => new JsonText().Raw("{\"version\":"u8).Integer(Version)
        .Raw(",\"tolerance\":"u8).Serde(Tolerance)
        .Raw(",\"tokens\":"u8).Integers([.. Tokens])
        .Raw(",\"greedy\":"u8).Integers([.. Greedy])
        .Raw(",\"logits\":"u8).Serde([.. Logits]).Raw("}\n"u8).ToArray();

    /// <summary>Compares a model's answer.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: a token that the model does not have. <see cref="ErrorCode.Shape"/>:
    /// logits for another number of tokens.</exception>
    public LanguageParityResult Check(LanguageWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        int vocabulary = weights.Config.VocabularySize;
        long all = (long)vocabulary * Tokens.Count;
        if (Logits.Count != 0 && Logits.Count != vocabulary && Logits.Count != all)
        {
            throw new EmlException(ErrorCode.Shape, $"{What}: {Logits.Count} logits; the model has {vocabulary} for the last token and {all} for all {Tokens.Count} tokens");
        }
        using var session = new LanguageSession(weights);
        float[] logits = Answer(session, [.. Tokens], Logits.Count == all);
        double largest = 0.0;
        for (int i = 0; i < Logits.Count; i++)
        {
            largest = Math.Max(largest, Math.Abs(logits[i] - Logits[i]));
        }
        int differing = 0;
        foreach (int token in Follow(session, logits, Greedy.Count))
        {
            if (token != Greedy[differing])
            {
                return new LanguageParityResult(largest, differing, token, false);
            }
            differing++;
        }
        return new LanguageParityResult(largest, null, null, largest <= Tolerance);
    }

    /// <summary>Logits of all tokens, or of the last.</summary>
    private static float[] Answer(LanguageSession session, ReadOnlySpan<int> tokens, bool all)
    {
        float[] logits = new float[session.Weights.Config.VocabularySize * (all ? tokens.Length : 1)];
        _ = all ? session.ReadAll(tokens, logits) : session.Read(tokens, logits);
        return logits;
    }

    /// <summary>The tokens that follow, the first of the largest logits each time.</summary>
    private static IEnumerable<int> Follow(LanguageSession session, float[] answer, int count)
    {
        float[] logits = answer[^session.Weights.Config.VocabularySize..];
        for (int i = 0; i < count; i++)
        {
            if (i > 0)
            {
                session.Read([Largest(logits)], logits);
            }
            yield return Largest(logits);
        }
    }

    private static int Largest(ReadOnlySpan<float> logits)
    {
        int largest = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[largest])
            {
                largest = i;
            }
        }
        return largest;
    }

    private static int[] ReadTokens(JsonValue array, string name)
    {
        var tokens = new List<int>();
        for (JsonItems items = array.IsArray ? array.Items() : throw array.Wrong(FormatError.Value, name, "an array of tokens"); items.Next();)
        {
            ulong token = items.Value.Unsigned(name);
            if (token > int.MaxValue || tokens.Count == MaxTokens)
            {
                throw new EmlException(FormatError.Value, items.Value.Offset, $"{What}: {name}[{tokens.Count}] at byte {items.Value.Offset} is {token}; there are at most {MaxTokens} tokens, below 2^31");
            }
            tokens.Add((int)token);
        }
        return [.. tokens];
    }

    private static long Count(JsonValue array, string name)
    {
        long count = 0;
        for (JsonItems items = array.IsArray ? array.Items() : throw array.Wrong(FormatError.BadNumber, name, "an array of numbers"); items.Next();)
        {
            count++;
        }
        return count;
    }
}

/// <summary>How far a model's answer is from what its sidecar expects.</summary>
/// <param name="LargestDeviation">Of a logit of the prompt.</param>
/// <param name="DifferingIndex">Place of the first token after the prompt that is another; null if there is none.</param>
/// <param name="DifferingToken">The token that the model gives there.</param>
/// <param name="IsRight">True if all tokens are right and no logit deviates by more than the tolerance.</param>
public sealed record LanguageParityResult(double LargestDeviation, int? DifferingIndex, int? DifferingToken, bool IsRight);
