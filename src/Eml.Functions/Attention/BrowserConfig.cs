using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// What the browser trainer of eml-core asks for: the shape of an attention block, the training data's size and the seed.
/// The defaults are its page's.
/// </summary>
public sealed record BrowserConfig
{
    /// <summary>Most positions, as in eml-core.</summary>
    public const int SeqLenLimit = 8;

    /// <summary>Most numbers in a position, as in eml-core.</summary>
    public const int DModelLimit = 32;

    /// <summary>Fewest levels, as in eml-core.</summary>
    public const int LeastDepth = 3;

    /// <summary>Most levels, as in eml-core.</summary>
    public const int MostDepth = 5;

    /// <summary>The trainer learns nothing from fewer samples.</summary>
    public const int LeastSamples = 4;

    /// <summary>More samples are refused; a training looks at 16.</summary>
    public const int MostSamples = 4096;

    /// <summary>More rounds are refused: their steps would be far below the last digit.</summary>
    public const int MostRounds = 1000;

    /// <summary>Positions S, 1 to 8.</summary>
    public int SeqLen { get; init; } = 4;

    /// <summary>Numbers D in a position, 1 to 32.</summary>
    public int DModel { get; init; } = 8;

    /// <summary>Numbers K in a query, key or value, 1 to D.</summary>
    public int DK { get; init; } = 4;

    /// <summary>Levels of eml nodes in each model, 3 to 5.</summary>
    public int Depth { get; init; } = 3;

    /// <summary>The seed; samples and trials use seed + 1, the stability probe seed + 9001 (mod 2^32).</summary>
    public uint Seed { get; init; } = 42;

    /// <summary>Rounds of a training, 1 to 1000.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>Samples that are generated, 4 to 4096.</summary>
    public int Samples { get; init; } = 64;

    /// <summary>Refuses what is out of range.</summary>
    public void Check()
    {
        CheckShape(SeqLen, DModel, DK);
        Range("depth", Depth, LeastDepth, MostDepth);
        Range("rounds", Rounds, 1, MostRounds);
        Range("samples", Samples, LeastSamples, MostSamples);
    }

    internal static void CheckShape(int seqLen, int dModel, int dK)
    {
        Range("seq_len", seqLen, 1, SeqLenLimit);
        Range("d_model", dModel, 1, DModelLimit);
        if (dK < 1 || dK > dModel)
        {
            throw new EmlException(ErrorCode.Argument, $"d_k must be in 1..={dModel}, which is d_model, got {dK}");
        }
    }

    internal static void Range(string what, int value, int least, int most)
    {
        if (value < least || value > most)
        {
            throw new EmlException(ErrorCode.Argument, $"{what} must be in {least}..={most}, got {value}");
        }
    }
}
