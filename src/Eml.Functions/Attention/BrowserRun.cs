using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What the browser trainer trains.</summary>
public enum BrowserMode
{
    /// <summary>iter0: the output map alone.</summary>
    Output,

    /// <summary>iter1: all four maps together.</summary>
    Joint,

    /// <summary>The affine baseline.</summary>
    Baseline,

    /// <summary>iter1, then the baseline with the same data and trials.</summary>
    Compare,
}

/// <summary>A block after a run, what its training did, and its stability.</summary>
public sealed record BrowserOutcome(BrowserBlock Block, BrowserTraining Training, BrowserStability Stability);

/// <summary>What a run of the browser trainer gives; null for what the mode does not train or a stop has prevented.</summary>
public sealed record BrowserRun(BrowserConfig Config, BrowserMode Mode, BrowserOutcome? Eml, BrowserOutcome? Affine)
{
    private const uint ProbeSeed = 9001; // added to the seed

    /// <summary>Whether it was stopped.</summary>
    public bool Cancelled => (Affine ?? Eml)?.Training.Result.Status == TrainStatus.Cancelled;

    /// <summary>One press of the page's button: samples, training, probe.</summary>
    public static BrowserRun Start(BrowserConfig config, BrowserMode mode, TrainOptions? options = null,
        MoveListener? onEmlMove = null, MoveListener? onAffineMove = null)
    {
        var data = new BrowserSamples(config);
        uint seed = unchecked(config.Seed + 1);
        BrowserBlock? eml = mode == BrowserMode.Baseline ? null : BrowserBlock.Eml(config);
        BrowserTraining? emlTraining = eml is null ? null
            : mode == BrowserMode.Output
            ? BrowserTraining.Output(eml, data.X, data.Targets, data.Count, config.Rounds, seed, options, onEmlMove)
            : BrowserTraining.Joint(eml, data.X, data.Targets, data.Count, config.Rounds, seed, options, onEmlMove);

        bool withAffine = mode is BrowserMode.Baseline or BrowserMode.Compare
            && emlTraining?.Result.Status != TrainStatus.Cancelled;
        BrowserBlock? affine = withAffine ? BrowserBlock.Affine(config) : null;
        BrowserTraining? affineTraining = affine is null ? null
            : BrowserTraining.Joint(affine, data.X, data.Targets, data.Count, config.Rounds, seed, options, onAffineMove);

        var probe = new Lcg32(unchecked(config.Seed + ProbeSeed));
        return new BrowserRun(config, mode, Outcome(eml, emlTraining, ref probe), Outcome(affine, affineTraining, ref probe));
    }

    private static BrowserOutcome? Outcome(BrowserBlock? block, BrowserTraining? training, ref Lcg32 probe) =>
        block is null ? null : new BrowserOutcome(block, training!, BrowserStability.Probe(block, ref probe));
}
