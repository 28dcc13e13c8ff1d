using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Snapping of attention blocks: first what can be 0, then what can be another simple number, each as long as the mean
/// squared error on the recorded samples allows it.
/// </summary>
internal static class AttentionSnap
{
    /// <summary>
    /// Changes the parameters. targets (samples, outputs); forward makes of parameters what fills the answer to a sample,
    /// which costs so many nanoseconds at most.
    /// </summary>
    public static SnapResult Run(double[] parameters, double[][] targets, Func<double[], Action<int, double[]>> forward, long cost,
        SnapOptions? options)
    {
        options ??= new SnapOptions();
        options.Check();
        if (targets.Length == 0)
        {
            throw new EmlException(ErrorCode.State, "snapping needs samples to measure the loss; record some first");
        }

        var monitor = new TrainMonitor(new TrainOptions { Cancel = options.Cancel, Progress = options.Progress, OnMove = options.OnMove });
        double[] y = new double[targets[0].Length];
        double total = (double)targets.Length * y.Length;
        double before = Loss(parameters, double.PositiveInfinity);
        double allowed = options.Bound(before, Squares(targets) / total);
        var snapper = new Snapper(parameters, Loss, before, allowed, monitor);
        IEnumerable<int> all = Enumerable.Range(0, parameters.Length);
        snapper.Run(all, i => Math.Abs(parameters[i]) <= options.Tolerance ? [new SnapMove(i, [0])] : []);
        snapper.Run(all, i => SimpleNumbers.Near(parameters[i], options.Tolerance).Select(c => new SnapMove(i, [c])));
        monitor.Report();
        return new SnapResult(monitor.Stopped ? TrainStatus.Cancelled : TrainStatus.Done, monitor.StopValue, snapper.Snapped,
            before, snapper.Loss, allowed, monitor.Evaluations, Unscaled: false);

        double Loss(double[] p, double bound)
        {
            double loss = Sum(forward(p), bound * total) / total;
            monitor.EndTrial();
            return loss;
        }

        // NaN as soon as it is over the bound or the work has to stop.
        double Sum(Action<int, double[]> run, double bound)
        {
            double sum = 0;
            for (int n = 0; n < targets.Length; n++)
            {
                run(n, y);
                double[] t = targets[n];
                for (int i = 0; i < y.Length; i++)
                {
                    double error = y[i] - t[i];
                    sum += error * error;
                }

                if (monitor.Work(cost) || sum > bound)
                {
                    return double.NaN;
                }
            }

            return sum;
        }
    }

    /// <summary>Σ (t − mean)², the mean being that of the answer's number.</summary>
    private static double Squares(double[][] targets)
    {
        double sum = 0;
        for (int i = 0; i < targets[0].Length; i++)
        {
            double mean = 0, squares = 0;
            for (int n = 0; n < targets.Length; n++)
            {
                double t = targets[n][i], distance = t - mean;
                mean += distance / (n + 1);
                squares += distance * (t - mean);
            }

            sum += squares;
        }

        return sum;
    }
}
