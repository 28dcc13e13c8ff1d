using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What a caller may say about the training of an <see cref="EmlAttention"/>.</summary>
public sealed class AttentionTrainOptions
{
    /// <summary>What eml-core spends in 3 rounds of 5,000 trials on 16 samples.</summary>
    public const long DefaultEvaluations = 240_000;

    /// <summary>
    /// Most forward evaluations of one sample, but four for each sample are always spent; 0: <see cref="DefaultEvaluations"/>.
    /// </summary>
    public long MaxEvaluations { get; init; }

    /// <summary>Seed of the search's random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Stop once the cross-validated error is no larger; 0: once it is of the size of rounding errors.</summary>
    public double TargetLoss { get; init; }

    /// <summary>Stops the training; the best parameters so far are kept.</summary>
    public Cancel? Cancel { get; init; }

    /// <summary>
    /// Called every 10 ms or so of work; anything but 0 stops the training. Phase 1 aligns heads, phase 2 refines; steps are
    /// evaluations.
    /// </summary>
    public Func<TrainProgress, int>? Progress { get; init; }

    /// <summary>Called with every change that is kept; its losses are cross-validated errors.</summary>
    public MoveListener? OnMove { get; init; }

    /// <summary>
    /// Called with the result and the new parameters before the block takes them over. What it throws leaves the block as it
    /// was.
    /// </summary>
    public AttentionTrainEndListener? OnEnd { get; init; }

    /// <summary>
    /// Stops, as the cancel token would, once this many trials are done; null: never. With the
    /// <see cref="AttentionTrainResult.Trials"/> of a cancelled training, the same training ends in the same state again.
    /// </summary>
    public long? StopAfter { get; init; }
}

/// <summary>Hears of the end of a training.</summary>
public delegate void AttentionTrainEndListener(AttentionTrainResult result, ReadOnlySpan<double> parameters);

/// <summary>What the training of an <see cref="EmlAttention"/> did.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="StopValue">What the progress callback returned.</param>
/// <param name="Converged">Whether the loss afterwards is under 0.01, eml-core's bound for attention too.</param>
/// <param name="SamplesUsed">Samples.</param>
/// <param name="LossBefore">Mean squared error of the parameters before, over the samples.</param>
/// <param name="LossAfter">The same of the parameters after.</param>
/// <param name="CrossLoss">The cross-validated error of the parameters after, which is what was compared.</param>
/// <param name="Evaluations">Forward evaluations of one sample, counted in full even where a trial recomputed a part.</param>
/// <param name="Trials">Parameter sets that were compared, and least-squares solutions; those after a stop do not count.</param>
/// <param name="Accepted">Changes kept.</param>
/// <param name="Rounds">Rounds of alignment and refinement.</param>
public readonly record struct AttentionTrainResult(TrainStatus Status, int StopValue, bool Converged, long SamplesUsed,
    double LossBefore, double LossAfter, double CrossLoss, long Evaluations, long Trials, long Accepted, long Rounds);
