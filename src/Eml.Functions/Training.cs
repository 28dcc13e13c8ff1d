using System.Diagnostics;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What a caller may say about a training.</summary>
public sealed class TrainOptions
{
    /// <summary>Most sweeps of coordinate descent; 0: the profile's own (1000 in eml-core-0.1, 400 in default).</summary>
    public int MaxSweeps { get; init; }

    /// <summary>Seed of the default profile's generator; eml-core-0.1 has a fixed one and wants 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Default profile: stop once the loss is no larger; 0: never. eml-core-0.1 wants 0.</summary>
    public double TargetLoss { get; init; }

    /// <summary>Stops the training; the best parameters so far are kept.</summary>
    public Cancel? Cancel { get; init; }

    /// <summary>Called every 10 ms or so of work; anything but 0 stops the training.</summary>
    public Func<TrainProgress, int>? Progress { get; init; }
}

/// <summary>
/// How far a training is. Phase 1: restarts, phase 2: sweeps of coordinate descent. Loss is the largest double until the
/// first one is known.
/// </summary>
public readonly record struct TrainProgress(int Phase, long Step, long Total, double Loss, long Evaluations, long Accepted);

/// <summary>How a training ended.</summary>
public enum TrainStatus
{
    /// <summary>By itself.</summary>
    Done,

    /// <summary>By the cancel token or the progress callback.</summary>
    Cancelled,
}

/// <summary>
/// What a training did. Losses are weighted mean squared errors in the model's (scaled) units; StopValue is what the
/// progress callback returned. A training cancelled before it knew the first loss says the largest double for both and
/// leaves the model as it was; one of many rows, cancelled later, gives LossAfter on the rows that it searched on.
/// </summary>
public readonly record struct TrainResult(TrainStatus Status, int StopValue, bool Converged, long SamplesUsed,
    double LossBefore, double LossAfter, long Evaluations, long Accepted, long Sweeps);

/// <summary>Counts work, reports progress and notices that a training has to stop.</summary>
internal sealed class TrainMonitor(TrainOptions? options)
{
    public const int Restarts = 1;
    public const int Descent = 2;

    /// <summary>Nanoseconds that a node costs a row at most: exp and ln on a processor without fused multiply-add.</summary>
    public const int NodeCost = 200;

    /// <summary>Work between two looks at the token and the clock.</summary>
    private const long CostBetweenLooks = 2_000_000;

    private long _cost;
    private long _lastReport = Stopwatch.GetTimestamp();

    /// <summary>Clock ticks between two reports within a phase.</summary>
    public long ReportInterval { get; init; } = Stopwatch.Frequency / 100;

    public bool Stopped { get; private set; }

    public int StopValue { get; private set; }

    public int Phase { get; set; } = Restarts;

    public long Step { get; set; }

    public long Total { get; set; }

    public double Loss { get; set; } = double.MaxValue;

    public long Evaluations { get; set; }

    public long Accepted { get; set; }

    /// <summary>Rows of this cost that may be worked on between two calls of <see cref="Work"/>: whole vectors.</summary>
    public static int RowsAtOnce(long costPerRow) => (int)Math.Clamp(CostBetweenLooks / 2 / costPerRow, 8, 4096) & ~7;

    /// <summary>Work was done that costs at most so many nanoseconds. True: stop.</summary>
    public bool Work(long cost)
    {
        _cost += cost;
        if (_cost >= CostBetweenLooks)
        {
            _cost = 0;
            Look();
        }

        return Stopped;
    }

    /// <summary>Looks at the token and, if it is time, reports.</summary>
    public void Look()
    {
        if (options?.Cancel?.IsSet == true)
        {
            Stopped = true;
        }
        else if (options?.Progress is not null && Stopwatch.GetTimestamp() - _lastReport >= ReportInterval)
        {
            Report();
        }
    }

    /// <summary>Reports now: a phase has ended.</summary>
    public void Report()
    {
        _lastReport = Stopwatch.GetTimestamp();
        if (options?.Progress is { } progress && !Stopped)
        {
            StopValue = progress(new TrainProgress(Phase, Step, Total, Loss, Evaluations, Accepted));
            Stopped = StopValue != 0;
        }
    }

    public TrainResult Result(int samples, double before, long sweeps) => new(
        Stopped ? TrainStatus.Cancelled : TrainStatus.Done, StopValue, Loss < ConvergedLoss, samples, before, Loss,
        Evaluations, Accepted, sweeps);

    /// <summary>eml-core calls a model trained below this mean squared error.</summary>
    public const double ConvergedLoss = 0.01;
}
