using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What a caller may say about snapping.</summary>
public sealed class SnapOptions
{
    /// <summary>How far a parameter (or a coefficient of a mixture) may be from the constant it becomes.</summary>
    public double Tolerance { get; init; } = 0.05;

    /// <summary>By what share of itself the loss may grow altogether; 0.05: five per cent.</summary>
    public double MaxLossIncrease { get; init; } = 0.05;

    /// <summary>
    /// A loss that is always good enough, in the model's (scaled) units; 0: 1e-9 times the mean square of the targets about
    /// their means, so that R² stays 1 to nine digits.
    /// </summary>
    public double MaxLoss { get; init; }

    /// <summary>Stops the work; what was snapped so far is kept.</summary>
    public Cancel? Cancel { get; init; }

    /// <summary>Called every 10 ms or so of work with phase 3; anything but 0 stops it.</summary>
    public Func<TrainProgress, int>? Progress { get; init; }

    /// <summary>Hears of every change that is kept.</summary>
    public MoveListener? OnMove { get; init; }

    internal void Check()
    {
        foreach ((string what, double value) in ((string, double)[])
            [("tolerance", Tolerance), ("largest increase of the loss", MaxLossIncrease), ("largest loss", MaxLoss)])
        {
            if (!double.IsFinite(value) || value < 0)
            {
                throw new EmlException(ErrorCode.Argument, $"the {what} must be finite and not negative, got {value}");
            }
        }
    }
}

/// <summary>A parameter that became a simple constant.</summary>
/// <param name="Index">In the model's parameter list.</param>
/// <param name="Before">Its value just before.</param>
/// <param name="After">The constant.</param>
public readonly record struct SnappedParameter(int Index, double Before, double After);

/// <summary>
/// What snapping did. Losses are weighted mean squared errors in the units that the model had before, also if its scaling
/// was worked into the parameters (<see cref="Unscaled"/>).
/// </summary>
/// <param name="Status">Whether it ended by itself.</param>
/// <param name="StopValue">What the progress callback returned.</param>
/// <param name="Snapped">In the order in which it happened.</param>
/// <param name="LossBefore">Of the parameters as they were.</param>
/// <param name="LossAfter">Of the parameters as they are; at most <paramref name="LossAllowed"/>.</param>
/// <param name="LossAllowed">The bound that the options gave.</param>
/// <param name="Evaluations">Of the loss.</param>
/// <param name="Unscaled">The scaling became part of the parameters: they are in the user's units now.</param>
public sealed record SnapResult(TrainStatus Status, int StopValue, IReadOnlyList<SnappedParameter> Snapped,
    double LossBefore, double LossAfter, double LossAllowed, long Evaluations, bool Unscaled);
