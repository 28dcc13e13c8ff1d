using Eml.Numerics;

namespace Eml.Functions;

/// <summary>How a training by the browser trainer went.</summary>
/// <param name="Result">Losses are mean squared errors over at most 16 samples; Sweeps counts rounds that were finished.</param>
/// <param name="Curve">(rounds finished) the loss after each round.</param>
/// <param name="Parameters">How many parameters were trained.</param>
/// <param name="TrialsPerRound">Moves tried in a round.</param>
public sealed record BrowserTraining(TrainResult Result, double[] Curve, int Parameters, int TrialsPerRound)
{
    internal const int SubsetSize = 16;

    /// <summary>The trainer's iter0: the output map alone learns from what the other three, left as they are, give it.</summary>
    /// <param name="block">Changed in place.</param>
    /// <param name="x">(samples, S·D)</param>
    /// <param name="targets">(samples, S·D)</param>
    /// <param name="samples">At least 4.</param>
    /// <param name="rounds">1 to 1000.</param>
    /// <param name="seed">Of the trials; the trainer uses its own seed + 1.</param>
    /// <param name="options">Only Cancel and Progress have a meaning here.</param>
    /// <param name="onMove">Hears of every move that is kept; indices are those of the whole block.</param>
    public static BrowserTraining Output(BrowserBlock block, ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int samples,
        int rounds, uint seed, TrainOptions? options = null, MoveListener? onMove = null)
    {
        Check(block, x, targets, samples, rounds, options);
        int parameters = block.Output.ParameterCount;
        double decay = Pow.Of(0.1, 1.0 / rounds);
        (double, double) Steps(int round)
        {
            double first = 0.5 * Pow.Of(decay, round);
            return (first, first * 0.1);
        }

        var plan = new BrowserPlan(block.ParameterCount - parameters, parameters, Math.Max(400, 8 * parameters), rounds, Steps);
        int[] subset = [.. Enumerable.Range(0, Math.Min(SubsetSize, samples)).Select(i => i * samples / Math.Min(SubsetSize, samples))];
        BrowserTraining training = Run(block, x, targets, subset, plan, seed, options, onMove);
        block.OutputLoss = training.Result.LossAfter;
        return training;
    }

    /// <summary>The trainer's iter1 and its training of the baseline: all four maps learn together from the first 16 samples.</summary>
    /// <inheritdoc cref="Output"/>
    public static BrowserTraining Joint(BrowserBlock block, ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int samples,
        int rounds, uint seed, TrainOptions? options = null, MoveListener? onMove = null)
    {
        Check(block, x, targets, samples, rounds, options);
        int parameters = block.ParameterCount;
        static (double, double) Steps(int round) => (0.4 * Pow.Of(0.5, round), 0.02 * Pow.Of(0.5, round));
        var plan = new BrowserPlan(0, parameters, Math.Max(600, 4 * parameters), rounds, Steps);
        int[] subset = [.. Enumerable.Range(0, Math.Min(SubsetSize, samples))];
        return Run(block, x, targets, subset, plan, seed, options, onMove);
    }

    private static BrowserTraining Run(BrowserBlock block, ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int[] subset,
        BrowserPlan plan, uint seed, TrainOptions? options, MoveListener? onMove)
    {
        if (Lanes8.IsSupported)
        {
            return new BrowserTrainer<Lanes8>(block, x, targets, subset, options).Train(plan, seed, onMove);
        }

        if (Lanes4.IsSupported)
        {
            return new BrowserTrainer<Lanes4>(block, x, targets, subset, options).Train(plan, seed, onMove);
        }

        return Lanes2.IsSupported
            ? new BrowserTrainer<Lanes2>(block, x, targets, subset, options).Train(plan, seed, onMove)
            : new BrowserTrainer<Lanes1>(block, x, targets, subset, options).Train(plan, seed, onMove);
    }

    private static void Check(BrowserBlock block, ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int samples, int rounds,
        TrainOptions? options)
    {
        if (options is { MaxSweeps: not 0 } or { Seed: not 0 } or { TargetLoss: not 0 })
        {
            throw new EmlException(ErrorCode.Argument,
                "the browser trainer has its own rounds and seed and no target loss; leave MaxSweeps, Seed and TargetLoss at 0");
        }

        BrowserConfig.Range("samples", samples, BrowserConfig.LeastSamples, int.MaxValue / SubsetSize);
        BrowserConfig.Range("rounds", rounds, 1, BrowserConfig.MostRounds);
        int wide = block.SeqLen * block.DModel;
        Functions.Check.Matrix("x", x, samples, wide, allowNonFinite: false);
        Functions.Check.Matrix("targets", targets, samples, wide, allowNonFinite: false);
    }
}

/// <summary>
/// What a training tries: parameters first … first + count − 1 of the whole list, trials a round, and for each round the
/// largest and the smallest step.
/// </summary>
internal sealed record BrowserPlan(int First, int Count, int Trials, int Rounds, Func<int, (double First, double Last)> Steps);
