using Eml.Numerics;

namespace Eml.Language;

/// <summary>How the next token is chosen.</summary>
public sealed record SamplerOptions
{
    /// <summary>Logits are divided by it; 0 takes the most probable token, of equals the first.</summary>
    public float Temperature { get; init; } = 1.0f;

    /// <summary>Only so many most probable tokens; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the most probable tokens that together have this probability (Holtzman et al. 2020); 1 for all.</summary>
    public float TopP { get; init; } = 1.0f;

    /// <summary>Only tokens at least this many times as probable as the most probable one; 0 for all.</summary>
    public float MinP { get; init; }

    /// <summary>Logits of tokens that stand in the sequence are divided by it if positive and multiplied if negative (Keskar et al. 2019);
    /// 1 changes nothing.</summary>
    public float RepetitionPenalty { get; init; } = 1.0f;

    /// <summary>Seed of the generator of chance: the same seed, the same tokens.</summary>
    public ulong Seed { get; init; }

    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: the message says which and what it may be.</exception>
    public void Check()
    {
        Require("temperature", Temperature, Temperature is >= 0.0f and <= 100.0f, "0 to 100");
        Require("top-k", TopK, TopK >= 0, "0 or more");
        Require("top-p", TopP, TopP is > 0.0f and <= 1.0f, "above 0, at most 1");
        Require("min-p", MinP, MinP is >= 0.0f and <= 1.0f, "0 to 1");
        Require("repetition penalty", RepetitionPenalty, RepetitionPenalty is > 0.0f and <= 100.0f, "above 0, at most 100");
    }

    private static void Require(string what, float value, bool holds, string wanted)
    {
        if (!holds)
        {
            throw new EmlException(ErrorCode.Argument, $"sampling: {what} is {value}; it must be {wanted}");
        }
    }
}
