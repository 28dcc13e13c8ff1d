using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Snapping in the profile eml-core-0.1. Three logits matter only by their softmax: what snaps is the mixture, to one of
/// its components, to two of them, or to shares with small denominators. Logits far apart give exact zeros and ones.
/// </summary>
internal static class MixSnap
{
    /// <summary>exp of less is 0 in doubles, also when a node shifts the logits by ½.</summary>
    private const double NoShare = -1000;

    private const int UlpsTried = 3;

    public static SnapResult Run(MixLayout layout, int inputs, double[] parameters, Samples samples, Scaling? scaling,
        SnapOptions options, TrainMonitor monitor)
    {
        double[] weights = [.. Enumerable.Range(0, layout.Heads).Select(MixTrainer<Lanes1>.HeadWeight)];
        double total = 0;
        for (int i = 0; i < samples.Present.Length; i++)
        {
            total += samples.Present[i] != 0 ? weights[i % weights.Length] : 0;
        }

        var loss = new SampleLoss(samples, inputs, scaling, weights, total, monitor);
        double before = loss.Of(new MixEvaluator(layout, parameters), double.PositiveInfinity);
        double allowed = Bound(options, before, loss);
        var snapper = new Snapper(parameters, (p, bound) => loss.Of(new MixEvaluator(layout, p), bound), before, allowed,
            monitor);

        var sides = layout.Nodes.SelectMany(n => (MixSide[])[n.Left, n.Right]).ToList();
        ILookup<int, MixKind> logits = sides.Where(s => IsSoftmax(s.Kind)).ToLookup(s => s.Base, s => s.Kind);
        snapper.Run(logits.Select(g => g.Key).Order(),
            first => Mixtures(first, parameters.AsSpan(first, 3).ToArray(), [.. logits[first].Distinct()], options.Tolerance));

        int[] others = [.. sides.Where(s => !IsSoftmax(s.Kind))
            .SelectMany(s => Enumerable.Range(s.Base, s.Kind == MixKind.Affine ? 2 : 1)).Distinct().Order()];
        snapper.Run(others, i => SimpleNumbers.Near(parameters[i], options.Tolerance).Select(c => new SnapMove(i, [c])));
        monitor.Report();
        return new SnapResult(monitor.Stopped ? TrainStatus.Cancelled : TrainStatus.Done, monitor.StopValue, snapper.Snapped,
            before, snapper.Loss, allowed, monitor.Evaluations, Unscaled: false);
    }

    /// <summary>The loss that snapping may reach.</summary>
    public static double Bound(SnapOptions options, double before, SampleLoss loss)
    {
        const double smallShare = 1e-9;
        double enough = options.MaxLoss > 0 ? options.MaxLoss : smallShare * loss.OfMeans();
        return Math.Max(before * (1 + options.MaxLossIncrease), enough);
    }

    private static bool IsSoftmax(MixKind kind) => kind is MixKind.Softmax or MixKind.ShiftedSoftmax;

    private static IEnumerable<SnapMove> Mixtures(int first, double[] now, MixKind[] kinds, double tolerance)
    {
        // One component alone; then without one; then shares, which only a side without shift can hold exactly.
        for (int i = 0; i < 3; i++)
        {
            double[] logits = [NoShare, NoShare, NoShare];
            logits[i] = 0;
            if (Distance(now, logits, kinds) <= tolerance)
            {
                yield return new SnapMove(first, logits);
            }
        }

        for (int i = 0; i < 3; i++)
        {
            double[] logits = [.. now];
            logits[i] = NoShare + Math.Max(now[(i + 1) % 3], now[(i + 2) % 3]);
            double distance = Distance(now, logits, kinds);
            if (distance > 0 && distance <= tolerance)
            {
                yield return new SnapMove(first, logits, IsFinal: false);
            }
        }

        if (!kinds.Contains(MixKind.ShiftedSoftmax))
        {
            foreach ((double a, double b, double c) in SimpleNumbers.Shares())
            {
                double[] shares = [a, b, c];
                if (Farthest(Mixture(now, MixKind.Softmax), shares) <= tolerance)
                {
                    yield return new SnapMove(first, Logits(shares));
                }
            }
        }
    }

    private static double Distance(double[] from, double[] to, MixKind[] kinds) =>
        kinds.Max(k => Farthest(Mixture(from, k), Mixture(to, k)));

    private static double Farthest(double[] a, double[] b) => a.Zip(b).Max(p => Math.Abs(p.First - p.Second));

    private static double[] Mixture(double[] logits, MixKind kind)
    {
        (double a, double b, double c) = MixLayout.Coefficients(new MixSide(kind, 0, 0, 0, 0, 0), logits);
        return [a, b, c];
    }

    /// <summary>Logits whose softmax is exactly these shares where a few ulps around the logarithms hold such.</summary>
    private static double[] Logits(double[] shares)
    {
        double largest = shares.Max();
        double[] logits = [.. shares.Select(s => s == 0 ? NoShare : Ln.Of(s / largest))];
        double[] best = [.. logits];
        for (int i = -UlpsTried; i <= UlpsTried; i++)
        {
            double[] shifted = [.. logits.Select(l => l is 0 or NoShare ? l : Ulps(l, i))];
            if (Farthest(Mixture(shifted, MixKind.Softmax), shares) < Farthest(Mixture(best, MixKind.Softmax), shares))
            {
                best = shifted;
            }
        }

        return best;
    }

    private static double Ulps(double value, int count)
    {
        for (; count > 0; count--)
        {
            value = Math.BitIncrement(value);
        }

        for (; count < 0; count++)
        {
            value = Math.BitDecrement(value);
        }

        return value;
    }
}
