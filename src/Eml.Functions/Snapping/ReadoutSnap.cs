using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Snapping in the default profile. The function is closed under affine maps of its inputs and answers, so a scaling is
/// first worked into the parameters: constants are simple in the user's units or not at all. Zeros come first, because they
/// take terms and nodes away; after every change the heads are solved again; they themselves snap last.
/// </summary>
internal static class ReadoutSnap
{
    /// <summary>More features than this are not solved again: a trial would cost their third power.</summary>
    private const int MostFeatures = 64;

    public static SnapResult Run(ReadoutLayout layout, double[] parameters, Samples samples, ref Scaling? scaling,
        SnapOptions options, TrainMonitor monitor)
    {
        double[] weights = new double[layout.Heads];
        weights.AsSpan().Fill(1);
        double total = samples.Present.Count((byte)1);
        var loss = new SampleLoss(samples, layout.Inputs, scaling, weights, total, monitor);
        double before = loss.Of(new ReadoutEvaluator(layout, parameters), double.PositiveInfinity);
        double allowed = MixSnap.Bound(options, before, loss);

        double[] current = [.. parameters];
        Scaling? left = scaling;
        if (scaling is not null)
        {
            // A squared error in the user's units, times the square of the factor, is one in the model's.
            double[] inModelsUnits = [.. scaling.TargetFactor.Select(f => f * f)];
            var unscaledLoss = new SampleLoss(samples, layout.Inputs, null, inModelsUnits, total, monitor);
            double[] unscaled = Unscale(layout, parameters, scaling);
            if (unscaledLoss.Of(new ReadoutEvaluator(layout, unscaled), allowed) <= allowed)
            {
                (current, loss, left) = (unscaled, unscaledLoss, null);
            }
        }

        double start = loss.Of(new ReadoutEvaluator(layout, current), double.PositiveInfinity);
        var snapper = new Snapper(current, (p, bound) => loss.Of(new ReadoutEvaluator(layout, p), bound), start, allowed, monitor)
        {
            Original = parameters,
            Refit = layout.Features > MostFeatures ? null
                : Lanes8.IsSupported ? new ReadoutRefit<Lanes8>(layout, samples, left, monitor).Solve
                : Lanes4.IsSupported ? new ReadoutRefit<Lanes4>(layout, samples, left, monitor).Solve
                : Lanes2.IsSupported ? new ReadoutRefit<Lanes2>(layout, samples, left, monitor).Solve
                : new ReadoutRefit<Lanes1>(layout, samples, left, monitor).Solve,
        };
        int[] nonlinear = [.. Enumerable.Range(0, layout.NonlinearCount)];
        int[] heads = [.. Enumerable.Range(layout.NonlinearCount, parameters.Length - layout.NonlinearCount)];
        snapper.Run(heads, i => IsNodeWeight(i) && snapper.Refit is not null ? [new SnapMove(i, [0])] : Zero(i));
        snapper.Run(nonlinear, Zero);
        snapper.Run(nonlinear, Constants);
        snapper.Run(heads, Constants);
        monitor.Report();

        bool changed = snapper.Snapped.Count > 0;
        bool isUnscaled = changed && left is null && scaling is not null;
        if (changed)
        {
            current.CopyTo(parameters, 0);
            scaling = left;
        }

        return new SnapResult(monitor.Stopped ? TrainStatus.Cancelled : TrainStatus.Done, monitor.StopValue, snapper.Snapped,
            before, changed ? snapper.Loss : before, allowed, monitor.Evaluations, isUnscaled);

        // A node that the other terms can stand in for goes, however large its weight was.
        bool IsNodeWeight(int i) => (i - layout.NonlinearCount) % layout.Features > layout.Inputs;
        IEnumerable<SnapMove> Zero(int i) => Math.Abs(current[i]) <= options.Tolerance ? [new SnapMove(i, [0])] : [];
        IEnumerable<SnapMove> Constants(int i) =>
            SimpleNumbers.Near(current[i], options.Tolerance).Select(c => new SnapMove(i, [c]));
    }

    /// <summary>The same function of the user's units: x' = (x − offset)·factor and y = offset + y'/factor multiplied out.</summary>
    private static double[] Unscale(ReadoutLayout layout, double[] parameters, Scaling scaling)
    {
        double[] result = [.. parameters];
        for (int leaf = 0; leaf < layout.Leaves; leaf++)
        {
            Affine(result.AsSpan(layout.LeafBase(leaf), 1 + layout.Inputs));
        }

        for (int h = 0; h < layout.Heads; h++)
        {
            Span<double> head = result.AsSpan(layout.HeadBase(h), layout.Features);
            Affine(head[..(1 + layout.Inputs)]);
            foreach (ref double weight in head)
            {
                weight /= scaling.TargetFactor[h];
            }

            head[0] += scaling.TargetOffset[h];
        }

        return result;

        void Affine(Span<double> p)
        {
            for (int j = 0; j < layout.Inputs; j++)
            {
                p[j + 1] *= scaling.InputFactor[j];
                p[0] -= p[j + 1] * scaling.InputOffset[j];
            }
        }
    }
}
