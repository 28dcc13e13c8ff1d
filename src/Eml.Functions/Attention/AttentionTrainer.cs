using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What a caller may say about an attention block's training.</summary>
public sealed class AttentionTrainOptions
{
    /// <summary>Most forward evaluations of one sample; 0: 240,000, what eml-core spends in 3 rounds of 5,000 trials on 16 samples.</summary>
    public long MaxEvaluations { get; init; }

    /// <summary>Seed of the search's random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Stop once the cross-validated error is no larger; 0: once it is of the size of rounding errors.</summary>
    public double TargetLoss { get; init; }

    /// <summary>Stops the training; the best parameters so far are kept.</summary>
    public Cancel? Cancel { get; init; }

    /// <summary>Called every 10 ms or so of work; anything but 0 stops the training.</summary>
    public Func<TrainProgress, int>? Progress { get; init; }

    /// <summary>Hears of every change that is kept.</summary>
    public MoveListener? Moves { get; init; }
}

/// <summary>
/// Training of an attention block without derivatives. The readout is solved exactly for every trial (variable projection,
/// Golub and Pereyra 1973), and what is compared is the two-fold cross-validated error, so that a block does not memorise.
/// Queries and keys are found by <see cref="AttentionAlignment{T}"/> and a search along their scale, then refined together
/// with the nodes' leaves by moves in random directions whose lengths grow on success and shrink on failure. Heads join one
/// by one, when those before have done what they can.
/// </summary>
internal sealed class AttentionTrainer<T> where T : struct, ILanes<T>
{
    private const long DefaultEvaluations = 240_000;
    private const int MostSamples = 512; // more are thinned out for the search
    private const double RelativeFloor = 1e-12;
    private const double FirstRidge = 1e-7, LeastRidge = 1e-11, LargestRidge = 1, RidgeFactor = 10;

    private readonly AttentionLayout _layout;
    private readonly AttentionDesign<T> _design;
    private readonly AttentionSolver<T> _solver;
    private readonly AttentionAlignment<T> _alignment;
    private readonly TrainMonitor _monitor;
    private readonly MoveListener? _moves;
    private readonly double[] _kept;
    private readonly double[] _trial;
    private readonly long _budget;
    private readonly double _floor;
    private double _best;
    private double _ridge = FirstRidge;
    private long _step;
    private Lcg64 _random;

    public static Action<string>? Debug;

    public AttentionTrainer(AttentionLayout layout, AttentionSamples samples, AttentionTrainOptions options, TrainMonitor monitor, double[] parameters)
    {
        _layout = layout;
        _design = new AttentionDesign<T>(layout, samples, MostSamples);
        _solver = new AttentionSolver<T>(layout, _design);
        _alignment = new AttentionAlignment<T>(layout, _design, _solver);
        _monitor = monitor;
        _moves = options.Moves;
        _kept = parameters;
        _trial = [.. parameters];
        _budget = options.MaxEvaluations == 0 ? DefaultEvaluations : options.MaxEvaluations;
        _monitor.Total = _budget;
        _random = new Lcg64(options.Seed ^ 0x9E3779B97F4A7C15);
        double zero = 0;
        for (int o = 0; o < layout.D; o++)
        {
            int at = (_design.TargetBase + o) * (_design.Width + 1);
            zero += _design.Products(0)[at] + _design.Products(1)[at];
        }

        _floor = Math.Max(options.TargetLoss, RelativeFloor * zero / (_design.Rows * (double)layout.D));
    }

    private bool Done => _monitor.Stopped || _best <= _floor || _monitor.Evaluations >= _budget;

    public void Run()
    {
        _design.Activate(0, true);
        _design.Refresh(_trial, tokens: true, heads: -1, outNode: -1);
        _best = _solver.CrossError(_ridge);
        Count();
        Debug?.Invoke($"start {_best:g4} evals {_monitor.Evaluations}");
        int active = 1;
        SearchRidge();
        for (int round = 0; !Done; round++)
        {
            double before = _best;
            for (int h = 0; h < active && !Done; h++)
            {
                Align(h);
            }

            Debug?.Invoke($"round {round} align {_best:g4} evals {_monitor.Evaluations}");
            Refine(active);
            Debug?.Invoke($"round {round} refine {_best:g4} evals {_monitor.Evaluations}");
            SearchRidge();
            if (_best > 0.95 * before && active < _layout.H)
            {
                _design.Activate(active, true);
                if (!Try(tokens: false, heads: 1 << active, outNode: -1, always: true))
                {
                }

                active++;
                Debug?.Invoke($"activate {active}: {_best:g4}");
            }
        }
    }

    /// <summary>Solves the readout of what was kept; false if it cannot be solved.</summary>
    public bool Finish()
    {
        if (!_solver.SolveAll(_ridge))
        {
            return false;
        }

        int padded = AttentionLayout.Pad(_layout.D);
        for (int p = 0; p < _layout.P; p++)
        {
            _solver.Readout.AsSpan(p * padded, _layout.D).CopyTo(_trial.AsSpan(_layout.NonlinearCount + p * _layout.D));
        }

        Keep(_best);
        return true;
    }

    private void Align(int head)
    {
        for (int kind = 0; kind < 3; kind++)
        {
            for (int sparse = 0; sparse < 2 && !Done; sparse++)
            {
                if (!_solver.SolveAll(_ridge))
                {
                    return;
                }

                _design.Weights.SetHead(_kept, head);
                _monitor.Evaluations += _design.Count;
                if (_alignment.Propose(head, (AlignmentKind)kind, sparse == 1, _best, _trial))
                {
                    double was = _best;
                    LineSearch(head);
                    Debug?.Invoke($"   head {head} {(AlignmentKind)kind} {sparse}: {was:g4} -> {_best:g4}");
                }

                _kept.CopyTo(_trial.AsSpan());
            }
        }
    }

    /// <summary>Tries the proposal in _trial at several scales of its queries.</summary>
    private void LineSearch(int head)
    {
        double[] proposal = [.. _trial];
        double scale = 1;
        double at = Scaled(head, proposal, scale);
        for (double factor = 2; factor > 0.4; factor -= 1.5)
        {
            double s = scale;
            while (!Done)
            {
                double next = Scaled(head, proposal, s * factor);
                if (!(next < at))
                {
                    break;
                }

                at = next;
                s *= factor;
            }
        }
    }

    private double Scaled(int head, double[] proposal, double scale)
    {
        proposal.CopyTo(_trial.AsSpan());
        ScaleQueries(_trial, head, scale);
        return TryScore(tokens: false, heads: 1 << head, outNode: -1);
    }

    private void ScaleQueries(Span<double> parameters, int head, double factor)
    {
        foreach (ref double value in parameters.Slice(_layout.HeadBase(head), _layout.QueryCount))
        {
            value *= factor;
        }

        if (_layout.Positional)
        {
            foreach (ref double value in parameters.Slice(_layout.QueryPositionBase(head), _layout.S * _layout.K))
            {
                value *= factor;
            }
        }
    }

    private void Refine(int active)
    {
        for (int h = 0; h < active && !Done; h++)
        {
            double factor = 1.25;
            for (int t = 0; t < 8 && !Done; t++)
            {
                ScaleQueries(_trial, h, factor);
                if (!Try(false, 1 << h, -1))
                {
                    factor = factor > 1 ? 1 / factor : Math.Sqrt(1 / factor);
                }
            }
        }
    }

    private void SearchRidge()
    {
        foreach (double factor in (ReadOnlySpan<double>)[RidgeFactor, 1 / RidgeFactor])
        {
            while (!Done)
            {
                double ridge = Math.Clamp(_ridge * factor, LeastRidge, LargestRidge);
                double score = _solver.CrossError(ridge);
                Count();
                if (!(score < _best))
                {
                    break;
                }

                _best = score;
                _ridge = ridge;
            }
        }

        Debug?.Invoke($"ridge {_ridge}: {_best}");
    }

    private bool Try(bool tokens, int heads, int outNode, bool always = false)
    {
        double before = _best;
        double score = TryScore(tokens, heads, outNode, always);
        return score < before;
    }

    private double TryScore(bool tokens, int heads, int outNode, bool always = false)
    {
        _design.Refresh(_trial, tokens, heads, outNode);
        double score = _solver.CrossError(_ridge);
        Count();
        if (score < _best || always)
        {
            _best = score;
            Keep(score);
        }
        else
        {
            _design.Revert();
            _kept.CopyTo(_trial.AsSpan());
        }

        return score;
    }

    private void Keep(double score)
    {
        List<int> indices = [];
        for (int i = 0; i < _kept.Length; i++)
        {
            if (BitConverter.DoubleToInt64Bits(_kept[i]) != BitConverter.DoubleToInt64Bits(_trial[i]))
            {
                indices.Add(i);
            }
        }

        double[] before = [.. indices.Select(i => _kept[i])], after = [.. indices.Select(i => _trial[i])];
        _trial.CopyTo(_kept.AsSpan());
        _monitor.Accepted++;
        _monitor.Loss = score;
        if (indices.Count > 0)
        {
            _moves?.Invoke(new AcceptedMove(_step, [.. indices], before, after, score));
        }
    }

    private void Count()
    {
        _step++;
        _monitor.Evaluations += _design.Count;
        _monitor.Step = _monitor.Evaluations;
        _monitor.Look();
    }
}
