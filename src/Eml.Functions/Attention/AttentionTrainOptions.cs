using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What a caller may say about an attention block's training.</summary>
public sealed class AttentionTrainOptions
{
    /// <summary>What eml-core spends in 3 rounds of 5,000 trials on 16 samples.</summary>
    public const long DefaultEvaluations = 240_000;

    /// <summary>Most forward evaluations of one sample; 0: <see cref="DefaultEvaluations"/>.</summary>
    public long MaxEvaluations { get; init; }

    /// <summary>Seed of the search's random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Stop once the cross-validated error is no larger; 0: once it is of the size of rounding errors.</summary>
    public double TargetLoss { get; init; }

    /// <summary>Stops the training; the best parameters so far are kept.</summary>
    public Cancel? Cancel { get; init; }

    /// <summary>Called every 10 ms or so of work; anything but 0 stops the training.</summary>
    public Func<TrainProgress, int>? Progress { get; init; }

    /// <summary>Hears of every change that is kept; its losses are cross-validated errors.</summary>
    public MoveListener? Moves { get; init; }
}
