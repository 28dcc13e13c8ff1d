using System.Diagnostics;
using System.Runtime.InteropServices;
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

    /// <summary>Called with every change that is kept. What it throws ends the training and leaves the model as it was.</summary>
    public MoveListener? OnMove { get; init; }

    /// <summary>
    /// Called with the result and the new parameters before the model takes them over. What it throws leaves the model as it
    /// was.
    /// </summary>
    public TrainEndListener? OnEnd { get; init; }

    /// <summary>
    /// Stops, as the cancel token would, once this many trials are done (0: once the first loss is known, less: at once);
    /// null: never. With the
    /// <see cref="TrainResult.Trials"/> of a cancelled training, the same training ends in the same state again.
    /// </summary>
    public long? StopAfter { get; init; }
}

/// <summary>Hears of the end of a training.</summary>
public delegate void TrainEndListener(TrainResult result, ReadOnlySpan<double> parameters);

/// <summary>
/// How far a training is. Phase 1: restarts, phase 2: sweeps of coordinate descent, phase 3: snapping. Loss is the
/// largest double until the first one is known.
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
/// progress callback returned; Trials are the evaluations that were not cut short. A training cancelled before it knew the
/// first loss says the largest double for both and leaves the model as it was; one of many rows, cancelled later, gives
/// LossAfter on the rows that it searched on.
/// </summary>
public readonly record struct TrainResult(TrainStatus Status, int StopValue, bool Converged, long SamplesUsed,
    double LossBefore, double LossAfter, long Evaluations, long Accepted, long Sweeps, long Trials);

/// <summary>Counts work, reports progress and notices that a training has to stop.</summary>
internal sealed class TrainMonitor(TrainOptions? options)
{
    public const int Restarts = 1;
    public const int Descent = 2;
    public const int Snapping = 3;

    /// <summary>Nanoseconds that a node costs a row at most: exp and ln on a processor without fused multiply-add.</summary>
    public const int NodeCost = 200;

    /// <summary>Work between two looks at the token and the clock.</summary>
    private const long CostBetweenLooks = 2_000_000;

    private long _cost;
    private long _lastReport = Stopwatch.GetTimestamp();

    /// <summary>Clock ticks between two reports within a phase.</summary>
    public long ReportInterval { get; init; } = Stopwatch.Frequency / 100;

    public bool Stopped { get; private set; } = options?.StopAfter < 0;

    /// <summary>Trials done to the end: what was kept depends on nothing later.</summary>
    public long Trials { get; private set; }

    public int StopValue { get; private set; }

    public int Phase { get; set; } = Restarts;

    public long Step { get; set; }

    public long Total { get; set; }

    public double Loss { get; set; } = double.MaxValue;

    public long Evaluations { get; private set; }

    public long Accepted { get; private set; }

    /// <summary>The loss before the first trial is known.</summary>
    public void Begin(double loss)
    {
        Loss = loss;
        Stopped |= options?.StopAfter == 0;
    }

    /// <summary>A trial's loss is known, or it was cut short because the training stops.</summary>
    public void EndTrial()
    {
        Evaluations++;
        if (!Stopped)
        {
            Trials++;
            Stopped = Trials == options?.StopAfter;
        }
    }

    /// <summary>The trial that has just ended is kept; it changed one number.</summary>
    public void Keep(int index, double before, double after, double loss)
    {
        Accepted++;
        Loss = loss;
        options?.OnMove?.Invoke(new AcceptedMove(Trials, [index], [before], [after], loss));
    }

    /// <summary>The trial that has just ended is kept; it changed many parameters.</summary>
    public void Keep(ReadOnlySpan<double> before, ReadOnlySpan<double> after, double loss)
    {
        Accepted++;
        Loss = loss;
        Tell(Trials, before, after, loss);
    }

    /// <summary>Tells the listener which parameters a change that was no trial gave other bits.</summary>
    public void Tell(long step, ReadOnlySpan<double> before, ReadOnlySpan<double> after, double loss)
    {
        if (options?.OnMove is not { } listener)
        {
            return;
        }

        var indices = new List<int>();
        for (int i = 0; i < after.Length; i++)
        {
            if (BitConverter.DoubleToInt64Bits(before[i]) != BitConverter.DoubleToInt64Bits(after[i]))
            {
                indices.Add(i);
            }
        }

        if (indices.Count > 0)
        {
            double[] old = new double[indices.Count], changed = new double[indices.Count];
            for (int k = 0; k < old.Length; k++)
            {
                old[k] = before[indices[k]];
                changed[k] = after[indices[k]];
            }

            listener(new AcceptedMove(step, CollectionsMarshal.AsSpan(indices), old, changed, loss));
        }
    }

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
        Evaluations, Accepted, sweeps, Trials);

    /// <summary>eml-core calls a model trained below this mean squared error.</summary>
    public const double ConvergedLoss = 0.01;
}
