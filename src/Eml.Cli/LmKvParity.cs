using System.CommandLine;
using System.Globalization;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm kv-parity</c>: the cache changes nothing. Tokens that come alone, in groups, together, or again from the start give the
/// same bits.</summary>
internal static class LmKvParity
{
    /// <summary>Numbers of the table that all ways are compared with.</summary>
    private const long MaxLogits = 1L << 28;

    /// <summary>Prefixes that are read again from the start.</summary>
    private const int Prefixes = 64;

    private const int LongestGroup = 7;

    /// <summary>How a way differs from the first, which reads token by token.</summary>
    /// <param name="Way">What it is called.</param>
    /// <param name="Positions">Positions compared.</param>
    /// <param name="Largest">Of the differences; infinite where one of the two is no number.</param>
    /// <param name="FirstDifference">The first position whose bits differ, or null.</param>
    /// <param name="LargestAt">Where the largest is, or null.</param>
    private sealed record Difference(string Way, int Positions, double Largest, int? FirstDifference, int? LargestAt);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var open = new LmModel.Options();
        var tokens = new Option<string?>("--tokens")
        {
            HelpName = "N|\"ID ID …\"",
            Description = "So many tokens by chance, or these [default: twice the context, at most 200]",
        };
        Option<ulong> seed = Arguments.Seed();
        seed.Description = "Start of the random numbers that choose tokens and groups [default: 0]";
        Command command = open.Verb("kv-parity", "Compare reading with the cache, token by token, in groups and at once, and without it", text: false);
        command.Add(tokens);
        command.Add(seed);
        command.Validators.Add(result =>
        {
            if (result.GetValue(tokens) is { } text && (!Lm.TryIds(text, out int[] ids) || ids.Length == 0 || (ids.Length == 1 && ids[0] == 0)))
                result.AddError($"--tokens {text}: must be a count from 1 on, or several ids separated by spaces in one argument");
        });
        command.SetAction(parse =>
        {
            LmModel model = open.Load(parse);
            var chance = new Random(unchecked((int)parse.GetValue(seed)));
            LanguageConfig config = model.Weights.Config;
            int[] given = parse.GetValue(tokens) is { } text && Lm.TryIds(text, out int[] ids) ? ids : [Math.Min(2 * config.SequenceLength, 200)];
            int count = given.Length == 1 ? given[0] : given.Length;
            if ((long)count * config.VocabularySize > MaxLogits)
            {
                throw new EmlException(ErrorCode.Limit, string.Create(CultureInfo.InvariantCulture,
                    $"--tokens: {count} tokens of a vocabulary of {config.VocabularySize}; the limit is {MaxLogits / config.VocabularySize} tokens; use fewer"));
            }
            int[] read = given.Length > 1 ? given : [.. Enumerable.Range(0, count).Select(_ => chance.Next(config.VocabularySize))];
            return Run(model, read, chance, open.Threads(parse), parse.GetValue(Arguments.Json));
        });
        return command;
    }

    private static int Run(LmModel model, int[] tokens, Random chance, int threads, bool json)
    {
        using var session = new LanguageSession(model.Weights, threads);
        using var interrupt = new Interrupt();
        int vocabulary = model.Weights.Config.VocabularySize;
        float[] one = new float[tokens.Length * vocabulary];
        for (int i = 0; i < tokens.Length; i++)
        {
            session.Read(tokens.AsSpan(i, 1), one.AsSpan(i * vocabulary, vocabulary), interrupt.Cancel);
        }
        Difference[] differences = [Groups(session, tokens, one, chance, interrupt.Cancel), Together(session, tokens, one, interrupt.Cancel), Stateless(session, tokens, one, interrupt.Cancel)];
        if (interrupt.Cancel.IsSet)
        {
            Output.Warn("interrupted: nothing was compared to its end");
            return ExitCode.Interrupted;
        }
        bool isSame = differences.All(difference => difference.FirstDifference is null);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("tokens", tokens.Length);
                o.WriteBoolean("same_bits", isSame);
                o.WriteStartArray("ways");
                foreach (Difference difference in differences)
                {
                    o.WriteStartObject();
                    o.WriteString("way", difference.Way);
                    o.WriteNumber("positions", difference.Positions);
                    o.Number("max_abs_difference", difference.Largest);
                    Position(o, "max_position", difference.LargestAt);
                    Position(o, "first_position", difference.FirstDifference);
                    o.WriteEndObject();
                }
                o.WriteEndArray();
            });
        }
        else
        {
            Output.Field("tokens", $"{Output.Count(tokens.Length, "token")}, read one by one with the cache; the same bits:");
            foreach (Difference d in differences)
            {
                Output.Field(d.Way, d.FirstDifference is null
                    ? $"yes, at {Output.Count(d.Positions, "position")}: max |Δ| = 0"
                    : $"NO: max |Δ| = {Output.Short(d.Largest)} at position {d.LargestAt}, the first difference at position {d.FirstDifference}");
            }
        }
        return isSame ? ExitCode.Ok : ExitCode.Failure;
    }

    private static Difference Groups(LanguageSession session, int[] tokens, float[] expected, Random chance, Cancel cancel)
    {
        int vocabulary = session.Weights.Config.VocabularySize;
        float[] logits = new float[expected.Length];
        session.Reset();
        for (int start = 0; start < tokens.Length;)
        {
            int count = Math.Min(chance.Next(1, LongestGroup + 1), tokens.Length - start);
            session.ReadAll(tokens.AsSpan(start, count), logits.AsSpan(start * vocabulary, count * vocabulary), cancel);
            start += count;
        }
        return Compare("groups", expected, logits, vocabulary, [.. Enumerable.Range(0, tokens.Length)]);
    }

    private static Difference Together(LanguageSession session, int[] tokens, float[] expected, Cancel cancel)
    {
        float[] logits = new float[expected.Length];
        session.Reset();
        session.ReadAll(tokens, logits, cancel);
        return Compare("at once", expected, logits, session.Weights.Config.VocabularySize, [.. Enumerable.Range(0, tokens.Length)]);
    }

    /// <summary>Each position's logits from an empty cache, in one reading of all tokens up to it.</summary>
    private static Difference Stateless(LanguageSession session, int[] tokens, float[] expected, Cancel cancel)
    {
        int vocabulary = session.Weights.Config.VocabularySize;
        int count = Math.Min(Prefixes, tokens.Length);
        // Spread over all positions, the last among them.
        int[] positions = [.. Enumerable.Range(1, count).Select(i => (int)((long)tokens.Length * i / count) - 1)];
        float[] logits = new float[expected.Length];
        foreach (int position in positions)
        {
            session.Reset();
            session.Read(tokens.AsSpan(0, position + 1), logits.AsSpan(position * vocabulary, vocabulary), cancel);
        }
        return Compare("stateless", expected, logits, vocabulary, positions);
    }

    private static Difference Compare(string way, float[] expected, float[] actual, int vocabulary, int[] positions)
    {
        double largest = 0.0;
        int? first = null, at = null;
        foreach (int position in positions)
        {
            for (int i = position * vocabulary; i < (position + 1) * vocabulary; i++)
            {
                if (BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]))
                {
                    continue;
                }
                first ??= position;
                double difference = Math.Abs((double)expected[i] - actual[i]);
                difference = double.IsNaN(difference) ? double.PositiveInfinity : difference;
                if (at is null || difference > largest)
                {
                    (largest, at) = (difference, position);
                }
            }
        }
        return new Difference(way, positions.Length, largest, first, at);
    }

    private static void Position(System.Text.Json.Utf8JsonWriter json, string name, int? position)
    {
        if (position is { } number)
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }
}
