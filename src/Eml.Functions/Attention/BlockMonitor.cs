using System.Diagnostics;

namespace Eml.Functions;

/// <summary>Counts a block's training, reports its progress and its moves, and notices that it has to stop.</summary>
internal sealed class BlockMonitor(AttentionTrainOptions options)
{
    public const int Alignment = 1;
    public const int Refinement = 2;

    private static readonly long s_reportInterval = Stopwatch.Frequency / 100;

    private long _lastReport = Stopwatch.GetTimestamp();
    private long _lastStep;

    public long Budget { get; } = options.MaxEvaluations == 0 ? AttentionTrainOptions.DefaultEvaluations : options.MaxEvaluations;

    public bool Stopped { get; private set; } = options.StopAfter == 0;

    public int StopValue { get; private set; }

    public int Phase { get; set; } = Alignment;

    public long Evaluations { get; private set; }

    public long Trials { get; private set; }

    public long Accepted { get; private set; }

    public double Loss { get; set; }

    /// <summary>A trial has evaluated so many samples.</summary>
    public void EndTrial(int samples)
    {
        Evaluations += samples;
        if (!Stopped)
        {
            Trials++;
        }

        if (options.Cancel?.IsSet == true || Trials == options.StopAfter)
        {
            Stopped = true;
        }
        else if (options.Progress is not null && Stopwatch.GetTimestamp() - _lastReport >= s_reportInterval)
        {
            Report();
        }
    }

    /// <summary>Samples were evaluated to measure a loss.</summary>
    public void Measure(int samples) => Evaluations += samples;

    /// <summary>Reports now: a phase has ended.</summary>
    public void Report()
    {
        _lastReport = Stopwatch.GetTimestamp();
        if (options.Progress is { } progress && !Stopped)
        {
            StopValue = progress(new TrainProgress(Phase, Evaluations, Budget, Loss, Evaluations, Accepted));
            Stopped = StopValue != 0;
        }
    }

    /// <summary>Takes over what differs, to the bit, and tells of it.</summary>
    public void Keep(double[] kept, ReadOnlySpan<double> changed, double loss)
    {
        int count = 0;
        for (int i = 0; i < kept.Length; i++)
        {
            count += Differs(kept[i], changed[i]) ? 1 : 0;
        }

        if (count == 0)
        {
            return;
        }

        int[] indices = new int[count];
        double[] before = new double[count], after = new double[count];
        for (int i = 0, k = 0; k < count; i++)
        {
            if (Differs(kept[i], changed[i]))
            {
                (indices[k], before[k], after[k]) = (i, kept[i], changed[i]);
                kept[i] = changed[i];
                k++;
            }
        }

        Accepted++;
        Loss = loss;
        _lastStep = Math.Max(Trials, _lastStep + 1); // what follows the last trial comes after its move
        options.OnMove?.Invoke(new AcceptedMove(_lastStep, indices, before, after, loss));
    }

    private static bool Differs(double a, double b) => BitConverter.DoubleToInt64Bits(a) != BitConverter.DoubleToInt64Bits(b);
}
