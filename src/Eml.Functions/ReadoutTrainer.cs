using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Training in the default profile, without gradients: the heads are solved exactly for every trial (variable projection,
/// Golub and Pereyra 1973), and what is searched are the leaves and nodes, by random restarts and then coordinate moves
/// whose step sizes grow on success and shrink on failure. What is minimised is the leave-one-out error, so that a model
/// does not memorise; the ridge is one more coordinate of the search.
/// </summary>
internal sealed class ReadoutTrainer<T> where T : struct, ILanes<T>
{
    private const int Restarts = 96;
    private const int DefaultSweeps = 400;
    private const int SearchRows = 4096; // more rows than this are thinned out for the search, not for the final solution
    private const int MostFeatures = 1 << 14; // their products are held, squared, several times
    private const double FirstStep = 0.5, LastStep = 1e-3, LargestStep = 4;
    private const double Grow = 1.6, Shrink = 0.5;
    private const double FirstRidge = 1e-7, LeastRidge = 1e-11, LargestRidge = 1e-1, RidgeFactor = 4;
    private const int PatienceSweeps = 12;
    private const double PatienceGain = 1e-3;
    private const double LeastSlack = 1e-9;

    private readonly ReadoutLayout _layout;
    private readonly TrainMonitor _monitor;
    private readonly ReadoutData _data;
    private readonly RidgeFit _fit;
    private readonly double[] _columns;  // features, then a second column for every node: (features + nodes, stride)
    private readonly int[] _slots;       // where each feature's current column lies
    private readonly int[] _trialSlots;
    private readonly double[] _slack;
    private readonly double[] _weights;  // of one head: (features)
    private double[] _trialHeads;        // (heads, features), with the loss that they have
    private double[] _heads;
    private double _trialLoss;

    public ReadoutTrainer(ReadoutLayout layout, ReadoutData data, TrainMonitor monitor)
    {
        _layout = layout;
        _monitor = monitor;
        _data = data;
        _fit = new RidgeFit(layout.Features, monitor);
        _columns = GC.AllocateUninitializedArray<double>(checked((layout.Features + layout.Nodes) * data.Stride));
        _slots = [.. Enumerable.Range(0, layout.Features)];
        _trialSlots = [.. _slots];
        _slack = new double[data.Stride];
        _weights = new double[layout.Features];
        _trialHeads = new double[layout.Heads * layout.Features];
        _heads = new double[layout.Heads * layout.Features];
        var columns = new ColumnSource(_columns, data.Stride);
        columns[0][..data.Rows].Fill(1);
        columns[0][data.Rows..].Clear();
        for (int j = 0; j < layout.Inputs && !monitor.Work(data.Rows * ReadoutData.ColumnCost); j++)
        {
            data.Inputs[j].CopyTo(columns[1 + j]);
        }
    }

    /// <summary>The ridge that served best.</summary>
    public double Ridge { get; private set; } = FirstRidge;

    /// <summary>The mean squared error of the best model so far on the rows of the search; infinite as long as there is none.</summary>
    public double Loss { get; private set; } = double.PositiveInfinity;

    /// <summary>Searches; fills the parameters in front of the heads' and returns the sweeps done.</summary>
    public long Search(Span<double> parameters, ulong seed, int maxSweeps, double targetLoss)
    {
        Span<double> best = parameters[.._layout.NonlinearCount];
        double bestScore = Score(best, changedNode: -1);
        _monitor.EndTrial(); // it gives heads that a training cancelled from here on may keep
        Keep(bestScore);
        _monitor.Loss = _monitor.Stopped ? _monitor.Loss : bestScore;
        _monitor.Total = Restarts;
        var random = new Lcg64(seed ^ 0x9E3779B97F4A7C15);
        double[] candidate = new double[best.Length];
        for (int r = 0; r < Restarts && !_monitor.Stopped; r++)
        {
            Randomise(candidate, ref random);
            double score = Score(candidate, changedNode: -1);
            _monitor.EndTrial();
            if (score < bestScore)
            {
                bestScore = score;
                _monitor.Keep(best, candidate, score);
                candidate.CopyTo(best);
                Keep(score);
            }

            _monitor.Step = r + 1;
        }

        _monitor.Report();
        return Descend(best, bestScore, maxSweeps == 0 ? DefaultSweeps : maxSweeps, targetLoss);
    }

    /// <summary>Fills the heads of the best model so far, solved on the rows of the search; those without a target there stay.</summary>
    public void CopyHeads(Span<double> parameters)
    {
        for (int h = 0; h < _layout.Heads; h++)
        {
            if (_data.KnownCount[h] > 0)
            {
                _heads.AsSpan(h * _layout.Features, _layout.Features).CopyTo(parameters[_layout.HeadBase(h)..]);
            }
        }
    }

    private long Descend(Span<double> parameters, double score, int maxSweeps, double targetLoss)
    {
        _monitor.Phase = TrainMonitor.Descent;
        _monitor.Total = maxSweeps;
        _monitor.Step = 0;
        double[] steps = new double[parameters.Length];
        steps.AsSpan().Fill(FirstStep);
        double reference = score;
        while (_monitor.Step < maxSweeps && !_monitor.Stopped && score > targetLoss)
        {
            double largest = 0;
            for (int i = 0; i < parameters.Length && !_monitor.Stopped; i++)
            {
                if (TryMove(parameters, i, steps[i], ref score) || TryMove(parameters, i, -steps[i], ref score))
                {
                    steps[i] = Math.Min(steps[i] * Grow, LargestStep);
                }
                else
                {
                    steps[i] *= Shrink;
                }

                largest = Math.Max(largest, steps[i]);
            }

            TryRidge(parameters, Ridge * RidgeFactor, ref score);
            TryRidge(parameters, Ridge / RidgeFactor, ref score);
            if (_monitor.Stopped)
            {
                break;
            }

            _monitor.Step++;
            if (largest < LastStep)
            {
                break;
            }

            if (_monitor.Step % PatienceSweeps == 0)
            {
                if (!(score < reference * (1 - PatienceGain)))
                {
                    break;
                }

                reference = score;
            }
        }

        long sweeps = _monitor.Step;
        _monitor.Report();
        return sweeps;
    }

    private bool TryMove(Span<double> parameters, int index, double step, ref double score)
    {
        double old = parameters[index];
        parameters[index] = old + step;
        double trial = Score(parameters, _layout.Owner(index));
        _monitor.EndTrial();
        if (trial < score)
        {
            score = trial;
            Keep(score);
            _monitor.Keep(index, old, parameters[index], score);
            return true;
        }

        parameters[index] = old;
        return false;
    }

    private void TryRidge(Span<double> parameters, double ridge, ref double score)
    {
        double old = Ridge;
        Ridge = Math.Clamp(ridge, LeastRidge, LargestRidge);
        double trial = Score(parameters, changedNode: -1);
        _monitor.EndTrial();
        if (trial < score)
        {
            score = trial;
            Keep(score);
            _monitor.Keep(_layout.ParameterCount, old, Ridge, score);
        }
        else
        {
            Ridge = old;
        }
    }

    /// <summary>
    /// The mean squared leave-one-out error with the changed node's column and those above it recomputed (−1: all);
    /// infinite if it cannot be computed or the training stops.
    /// </summary>
    private double Score(ReadOnlySpan<double> parameters, int changedNode)
    {
        Fill(parameters, changedNode);
        double total = 0, count = 0, squares = 0;
        var columns = new ColumnSource(_columns, _data.Stride, _trialSlots);
        long headCost = _data.Rows * (long)_layout.Features * (2 + Math.Min(_layout.Features, RidgeFit.ColumnsAtOnce));
        for (int h = 0; h < _layout.Heads; h++)
        {
            if (_data.KnownCount[h] == 0)
            {
                continue; // nothing is asked of it
            }

            if (_monitor.Work(headCost) || !Solve(h))
            {
                return double.PositiveInfinity;
            }

            // The leverages depend on the rows that count, not on the targets: heads that know all rows share them.
            if (h == 0 || !_data.IsComplete[h] || !_data.IsComplete[h - 1])
            {
                _fit.Slack<T>(columns, _data.Rows, _slack);
            }

            ReadOnlySpan<double> targets = _data.Targets[h], known = _data.Known[h];
            double headSquares = 0;
            int look = 0, atOnce = TrainMonitor.RowsAtOnce(_layout.Features);
            for (int i = 0; i < _data.Rows; i++)
            {
                if (i == look)
                {
                    look += atOnce;
                    if (_monitor.Work(0))
                    {
                        return double.PositiveInfinity;
                    }
                }

                if (known[i] != 0)
                {
                    if (!(_slack[i] > LeastSlack))
                    {
                        return double.PositiveInfinity;
                    }

                    double predicted = 0;
                    for (int k = 0; k < _weights.Length; k++)
                    {
                        predicted += _weights[k] * _columns[_trialSlots[k] * _data.Stride + i];
                    }

                    double residual = targets[i] - predicted, error = residual / _slack[i];
                    total += error * error;
                    headSquares += residual * residual;
                    count++;
                }
            }

            squares += headSquares;
            _weights.CopyTo(_trialHeads, h * _layout.Features);
        }

        _trialLoss = squares / count;
        double score = total / count;
        return double.IsNaN(score) ? double.PositiveInfinity : score;
    }

    private void Fill(ReadOnlySpan<double> parameters, int changedNode)
    {
        _slots.CopyTo(_trialSlots, 0);
        int first = 1 + _layout.Inputs;
        var all = new ColumnSource(_columns, _data.Stride);
        long cost = TrainMonitor.NodeCost + 2L * _layout.Inputs;
        int atOnce = TrainMonitor.RowsAtOnce(cost);
        int node = Math.Max(changedNode, 0);
        while (node >= 0 && node < _layout.Nodes)
        {
            // A node owns two columns, one current and one for trials.
            int spare = _slots[first + node] == first + node ? _layout.Features + node : first + node;
            _trialSlots[first + node] = spare;
            var inputs = new ColumnSource(_columns.AsSpan(_data.Stride), _data.Stride);
            var nodes = new ColumnSource(_columns, _data.Stride, _trialSlots.AsSpan(first));
            for (int start = 0; start < _data.Rows; start += atOnce)
            {
                int rows = Math.Min(atOnce, _data.Rows - start);
                ReadoutNode.Fill<T>(_layout, node, parameters, inputs, nodes, start, rows, all[spare]);
                if (_monitor.Work(rows * cost))
                {
                    return; // and so does everything that would read the columns
                }
            }

            all[spare][_data.Rows..].Clear(); // padding counts for nothing in the sums
            node = changedNode < 0 ? node + 1 : _layout.Parent(node);
        }
    }

    /// <summary>The trial's columns and, if it could be computed, its heads become the current ones.</summary>
    private void Keep(double score)
    {
        _trialSlots.CopyTo(_slots, 0);
        if (double.IsFinite(score))
        {
            (_heads, _trialHeads) = (_trialHeads, _heads);
            Loss = _trialLoss;
        }
    }

    /// <summary>The weights of one head over the trial columns.</summary>
    private bool Solve(int head)
    {
        int features = _layout.Features;
        Span<double> gram = _data.Gram;
        ReadOnlySpan<double> targets = _data.Targets[head];
        bool shared = head > 0 && _data.IsComplete[head] && _data.IsComplete[head - 1];
        for (int a = 0; a < features; a++)
        {
            ReadOnlySpan<double> column = _columns.AsSpan(_trialSlots[a] * _data.Stride, _data.Stride);
            _weights[a] = Reduction.Dot(column, targets);
            if (!shared)
            {
                column = _data.Mask(column, head);
                for (int b = 0; b <= a; b++)
                {
                    gram[a * features + b] = Reduction.Dot(column, _columns.AsSpan(_trialSlots[b] * _data.Stride, _data.Stride));
                    if (b % RidgeFit.ColumnsAtOnce == RidgeFit.ColumnsAtOnce - 1
                        && _monitor.Work((long)RidgeFit.ColumnsAtOnce * _data.Rows))
                    {
                        return false;
                    }
                }
            }
        }

        if (!shared && !_fit.Factorise(gram, Ridge, _data.KnownCount[head]))
        {
            return false;
        }

        _fit.Solve(_weights);
        return !_monitor.Stopped;
    }

    private void Randomise(Span<double> parameters, ref Lcg64 random)
    {
        int stride = 1 + _layout.Inputs, leaves = _layout.Leaves * stride;
        for (int i = 0; i < parameters.Length; i++)
        {
            // Inputs are of order 1: slopes up to 3 reach from nearly linear to strongly bent.
            double range = i < leaves ? (i % stride == 0 ? 1.5 : 3) : 1;
            parameters[i] = range * random.Signed();
        }
    }

    /// <summary>
    /// Searches on some rows and solves on all. Cancelled, it leaves the best that it has: heads solved on the rows of the
    /// search, or the old parameters if those were no worse.
    /// </summary>
    public static TrainResult Train(ReadoutLayout layout, double[] parameters, Samples samples, Scaling? scaling,
        TrainOptions? options, TrainMonitor monitor)
    {
        if (layout.Features > MostFeatures)
        {
            throw new EmlException(ErrorCode.Limit,
                $"training solves for {layout.Features} weights a head (1, the inputs, the nodes); the limit is {MostFeatures}, use fewer inputs");
        }

        var all = new ReadoutPass<T>(layout, samples, scaling, monitor);
        double before = all.Loss(parameters);
        if (monitor.Stopped || all.TotalKnown == 0)
        {
            monitor.Loss = monitor.Stopped ? double.MaxValue : before;
            return monitor.Result(samples.Count, monitor.Loss, 0);
        }

        monitor.Begin(before);
        var some = new ReadoutData(layout, samples, scaling, (samples.Count + SearchRows - 1) / SearchRows, monitor);
        double[] trained = [.. parameters];
        double[] searched = trained;
        double after = double.PositiveInfinity;
        long sweeps = 0;
        if (!monitor.Stopped)
        {
            var search = new ReadoutTrainer<T>(layout, some, monitor);
            sweeps = search.Search(trained, options?.Seed ?? 0, options?.MaxSweeps ?? 0, options?.TargetLoss ?? 0);
            searched = [.. trained];
            if (!monitor.Stopped)
            {
                all.SolveHeads(trained, search.Ridge);
                after = all.Loss(trained);
            }

            if (monitor.Stopped)
            {
                searched.CopyTo(trained, 0);
                search.CopyHeads(trained);
                after = search.Loss < before ? search.Loss : double.PositiveInfinity;
            }
        }

        bool isUsable = double.IsFinite(after);
        monitor.Loss = isUsable ? after : before;
        // One more move, so that the moves in their order lead to the result: the heads' solution, or the way back.
        monitor.Tell(monitor.Trials + 1, searched, isUsable ? trained : parameters, monitor.Loss);
        if (isUsable)
        {
            trained.CopyTo(parameters, 0);
        }

        return monitor.Result(samples.Count, before, sweeps);
    }
}
