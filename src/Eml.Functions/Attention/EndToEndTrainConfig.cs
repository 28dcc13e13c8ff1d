using Eml.Numerics;

namespace Eml.Functions;

/// <summary>How <see cref="AttentionBlock.TrainEndToEnd"/> searches; the defaults are eml-core's.</summary>
public sealed record EndToEndTrainConfig
{
    /// <summary>Moves that are tried.</summary>
    public long Trials { get; init; } = 2000;

    /// <summary>Largest move at the beginning; 0 makes every move after the first NaN, as in eml-core.</summary>
    public double StepInit { get; init; } = 0.5;

    /// <summary>Largest move at the end; in between it falls geometrically.</summary>
    public double StepFinal { get; init; } = 0.02;

    /// <summary>How many recorded samples are used, from the oldest on.</summary>
    public long MaxSamples { get; init; } = 96;

    /// <summary>Most samples that a move is measured on, spread evenly over those used.</summary>
    public long EvalSubset { get; init; } = 16;

    /// <summary>Below this mean squared error the block counts as trained.</summary>
    public double ConvergenceMse { get; init; } = 1e-2;

    /// <summary>Seed of the generator; the number of the training is mixed in.</summary>
    public ulong Seed { get; init; } = 0xDEADBEEF;

    internal void Check()
    {
        NotNegative("trials", Trials);
        NotNegative("max_samples", MaxSamples);
        NotNegative("eval_subset", EvalSubset);
        if (EvalSubset == 0)
        {
            throw new EmlException(ErrorCode.Argument,
                "eval_subset must be >= 1, got 0; give the number of samples that a move is measured on");
        }

        if (!double.IsFinite(StepInit) || !double.IsFinite(StepFinal) || double.IsNaN(ConvergenceMse))
        {
            throw new EmlException(ErrorCode.NonFinite,
                $"steps must be finite and the convergence limit a number, got {StepInit}, {StepFinal} and {ConvergenceMse}");
        }
    }

    private static void NotNegative(string name, long value)
    {
        if (value < 0)
        {
            throw new EmlException(ErrorCode.Argument, $"{name} must be >= 0, got {value}");
        }
    }
}

/// <summary>
/// What a joint training did. Mse is the error of the best parameters, +∞ (and MseBefore too) if there were fewer than 4
/// samples; StopValue is what the progress callback returned.
/// </summary>
public readonly record struct EndToEndTrainResult(TrainStatus Status, int StopValue, double Mse, double MseBefore, bool Converged,
    long SamplesUsed, long SubsetSize, long Trials, long Accepts);
