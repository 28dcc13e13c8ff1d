using Eml.Numerics;

namespace Eml.Functions;

/// <summary>What a block's training did.</summary>
internal readonly record struct BlockTraining(long Rounds, double CrossLoss);

/// <summary>
/// Training of an attention block without derivatives. The readout is solved exactly for every trial (variable projection,
/// Golub and Pereyra 1973), and what is compared is the two-fold cross-validated error, so that a block does not memorise.
/// Queries and keys are found by <see cref="BlockAlignment{T}"/> and a search along their scale, then refined together
/// with the nodes' leaves by moves in random directions whose lengths grow on success and shrink on failure. Heads join one
/// by one, when those before have done what they can.
/// </summary>
internal sealed class BlockTrainer<T> where T : struct, ILanes<T>
{
    private const double RelativeFloor = 1e-12; // of the targets' mean square: below it, rounding errors are compared
    private const double FirstRidge = 1e-7, LeastRidge = 1e-11, LargestRidge = 1, RidgeFactor = 10;
    private const int Ways = 9;                 // alignments of three kinds by three methods
    private const int Reserve = 4;              // passes over the samples that may follow a look at what is left
    private const int MostSteps = 12;           // reweighted steps in a row, and what each must gain to be followed by more
    private const double StepGain = 0.03, LeastShare = 1e-3, MostShare = 4;
    private const double LargestScale = 100;
    private const double JoinGain = 0.05;       // a round that gains less lets the next head join
    private const double AlignmentGain = 0.3;   // a round of alignments that gains more is followed by another
    private const double PatienceGain = 0.01;
    private const int Patience = 6;             // rounds that may gain less than that in a row

    private readonly BlockLayout _layout;
    private readonly BlockDesign<T> _design;
    private readonly BlockSolver<T> _solver;
    private readonly BlockMoves<T> _refinement;
    private readonly BlockAlignment<T> _alignment;
    private readonly BlockMonitor _monitor;
    private readonly double[] _kept;
    private readonly double[] _shares; // (heads, ways): how far alignments go
    private readonly int[] _failures;  // (heads, ways): how often each failed in a row
    private readonly int[] _pauses;    // (heads, ways): for how many rounds it is not tried
    private readonly double _rounding, _floor; // errors not worth comparing, and not worth going on for
    private double _ridge = FirstRidge;

    private BlockTrainer(BlockLayout layout, BlockSamples samples, AttentionTrainOptions options,
        BlockMonitor monitor, double[] parameters)
    {
        _layout = layout;
        _design = new BlockDesign<T>(layout, samples);
        _solver = new BlockSolver<T>(layout, _design);
        _alignment = new BlockAlignment<T>(layout, _design, _solver);
        _monitor = monitor;
        _kept = parameters;
        Trial = [.. parameters];
        _shares = new double[layout.H * Ways];
        _shares.AsSpan().Fill(1);
        _failures = new int[layout.H * Ways];
        _pauses = new int[layout.H * Ways];
        _refinement = new BlockMoves<T>(layout, this, options.Seed);
        double zero = 0;
        for (int o = 0; o < layout.D; o++)
        {
            int at = (_design.TargetBase + o) * (_design.Width + 1);
            zero += _design.Products(0)[at] + _design.Products(1)[at];
        }

        _rounding = RelativeFloor * zero / (_design.Rows * (double)layout.D);
        _floor = Math.Max(options.TargetLoss, _rounding);
    }

    /// <summary>The cross-validated error of what was kept.</summary>
    public double Best { get; private set; }

    /// <summary>The kept parameters, to be changed for a trial.</summary>
    public double[] Trial { get; }

    /// <summary>Whether to stop: asked to, nothing left to gain, or everything spent.</summary>
    public bool Done => Best <= _floor || Spent;

    private bool Spent => _monitor.Stopped || _monitor.Evaluations + (Reserve * _design.Count) > _monitor.Budget;

    /// <summary>Whether a head's context is read.</summary>
    public bool IsActive(int head) => _design.IsActive(head);

    /// <summary>Trains parameters in place.</summary>
    public static BlockTraining Train(BlockLayout layout, BlockSamples samples, AttentionTrainOptions options,
        BlockMonitor monitor, double[] parameters)
    {
        // Looking at all keys together gives the same bits faster.
        var whole = new BlockLayout(layout.Config with { Chunk = 0 });
        var trainer = new BlockTrainer<T>(whole, samples, options, monitor, parameters);
        long rounds = trainer.Run();
        trainer.Finish();
        return new BlockTraining(rounds, trainer.Best);
    }

    /// <summary>Searches; returns the rounds done.</summary>
    private long Run()
    {
        for (int h = 0; h < _layout.H; h++)
        {
            int first = _layout.NonlinearCount + _layout.ContextBase(h) * _layout.D;
            ReadOnlySpan<double> own = Trial.AsSpan(first, _layout.F * _layout.D);
            _design.Activate(h, h == 0 || own.ContainsAnyExcept(0));
        }

        _design.Refresh(Trial, tokens: true, heads: -1, outNode: -1);
        Best = _solver.CrossError(_ridge);
        _monitor.Loss = Best;
        _monitor.EndTrial(_design.Count);
        SearchRidge();
        int rounds = 0, idle = 0;
        for (; !Done && idle < Patience; rounds++)
        {
            double before = Best;
            _monitor.Phase = BlockMonitor.Alignment;
            for (int h = 0; h < _layout.H && !Done; h++)
            {
                if (_design.IsActive(h))
                {
                    Align(h);
                }
            }

            // Small steps are not worth their price while large ones are to be had.
            if (!(Best < before * (1 - AlignmentGain)))
            {
                _monitor.Phase = BlockMonitor.Refinement;
                _refinement.Round();
            }

            SearchRidge();
            if (!(Best < before * (1 - JoinGain)) && !Done)
            {
                Join();
            }

            idle = Best < before * (1 - PatienceGain) ? 0 : idle + 1;
        }

        for (int h = 0; h < _layout.H && Best <= _rounding; h++)
        {
            if (_design.IsActive(h))
            {
                Simplify(h);
            }
        }

        _monitor.Report();
        return rounds;
    }

    /// <summary>Solves the readout of what was kept, if it can be solved.</summary>
    private void Finish()
    {
        // An error as small as rounding: the ridge would only bias the readout.
        if (Best <= _rounding && !_monitor.Stopped)
        {
            _monitor.EndTrial(_design.Count);
            _ridge = _solver.CrossError(LeastRidge) <= _rounding ? LeastRidge : _ridge;
        }

        if (!_solver.SolveAll(_ridge))
        {
            return;
        }

        _monitor.EndTrial(_design.Count);
        int padded = BlockLayout.Pad(_layout.D);
        for (int p = 0; p < _layout.P; p++)
        {
            _solver.Readout.AsSpan(p * padded, _layout.D).CopyTo(Trial.AsSpan(_layout.NonlinearCount + p * _layout.D));
        }

        _monitor.Keep(_kept, Trial, Best);
    }

    /// <summary>
    /// Evaluates <see cref="Trial"/>, of which the named parts have changed, and keeps it if it is better; otherwise makes it
    /// what was kept again. Returns its error.
    /// </summary>
    public double Try(bool tokens, int heads, int outNode) => Try(tokens, heads, outNode, limit: Best);

    private double Try(bool tokens, int heads, int outNode, double limit)
    {
        _design.Refresh(Trial, tokens, heads, outNode);
        double score = _solver.CrossError(_ridge);
        _monitor.EndTrial(_design.Count);
        if (score < limit)
        {
            Best = score;
            _monitor.Keep(_kept, Trial, score);
        }
        else
        {
            _design.Revert();
            _kept.CopyTo(Trial.AsSpan());
        }

        return score;
    }

    /// <summary>Multiplies a head's queries: its scores.</summary>
    public void ScaleQueries(int head, double factor)
    {
        Scale(Trial.AsSpan(_layout.HeadBase(head), _layout.QueryCount), factor);
        if (_layout.Positional)
        {
            Scale(Trial.AsSpan(_layout.QueryPositionBase(head), _layout.S * _layout.K), factor);
        }
    }

    private void Align(int head)
    {
        for (int way = 0; way < Ways && !Done; way++)
        {
            int at = head * Ways + way;
            if (_pauses[at] > 0)
            {
                _pauses[at]--;
                continue;
            }

            double before = Best;
            var kind = (AlignmentKind)(way / 3);
            var method = (AlignmentMethod)(way % 3);
            if (method == AlignmentMethod.Reweighted)
            {
                Reweight(head, kind, ref _shares[at]);
            }
            else
            {
                if (Propose(head, kind, method, _shares[at]))
                {
                    ScaleSearch(head, _shares[at]);
                }

                if (method == AlignmentMethod.Full)
                {
                    _shares[at] = Best < before ? Math.Min(1, _shares[at] * 2) : _shares[at] * 0.4;
                }
            }

            _failures[at] = Best < before ? 0 : _failures[at] + 1;
            _pauses[at] = Math.Max(0, _failures[at] - 1);
        }
    }

    /// <summary>Reweighted steps one after the other, while they gain.</summary>
    private void Reweight(int head, AlignmentKind kind, ref double share)
    {
        int failures = 0;
        for (int t = 0; t < MostSteps && failures < 2 && !Done; t++)
        {
            if (!Propose(head, kind, AlignmentMethod.Reweighted, share))
            {
                return;
            }

            double before = Best;
            Try(tokens: false, heads: 1 << head, outNode: -1);
            failures = Best < before * (1 - StepGain) ? 0 : failures + 1;
            share = Best < before ? Math.Min(share * 2, MostShare) : Math.Max(share * 0.3, LeastShare);
        }
    }

    /// <summary>
    /// All is learned but for rounding, and several heads would do: takes one that looks at nothing but what certainly
    /// matters, if there is one, because it errs less on fresh samples.
    /// </summary>
    private void Simplify(int head)
    {
        int used = Used(head);
        for (int kind = 0; kind < Ways / 3; kind++)
        {
            if (Spent || !Propose(head, (AlignmentKind)kind, AlignmentMethod.Certain, 1) || Used(head) >= used)
            {
                _kept.CopyTo(Trial.AsSpan());
                continue;
            }

            double[] proposal = [.. Trial];
            for (double scale = 1; scale < LargestScale && !Spent; scale *= 2)
            {
                proposal.CopyTo(Trial.AsSpan());
                ScaleQueries(head, scale);
                if (Try(tokens: false, heads: 1 << head, outNode: -1, _rounding) < _rounding)
                {
                    return;
                }
            }
        }
    }

    /// <summary>Parameters of a head of <see cref="Trial"/> that are not 0.</summary>
    private int Used(int head)
    {
        ReadOnlySpan<double> own = Trial.AsSpan(_layout.HeadBase(head), _layout.HeadCount);
        return own.Length - own.Count(0.0);
    }

    /// <summary>Makes <see cref="Trial"/> what was kept with another head; false and no change if there is no proposal.</summary>
    private bool Propose(int head, AlignmentKind kind, AlignmentMethod method, double share)
    {
        if (!_solver.SolveAll(_ridge))
        {
            return false;
        }

        _design.Weights.SetHead(_kept, head);
        _monitor.EndTrial(_design.Count);
        if (_alignment.Propose(head, kind, method, share, Best, Trial))
        {
            return true;
        }

        _kept.CopyTo(Trial.AsSpan());
        return false;
    }

    /// <summary>Tries the proposal in <see cref="Trial"/>, and larger or smaller queries while they improve it.</summary>
    private void ScaleSearch(int head, double share)
    {
        double[] proposal = [.. Trial];
        double at = Try(tokens: false, heads: 1 << head, outNode: -1);
        double grow = 1 + share;
        foreach (double factor in (ReadOnlySpan<double>)[grow, 1 / grow])
        {
            double scale = factor;
            while (!Done)
            {
                proposal.CopyTo(Trial.AsSpan());
                ScaleQueries(head, scale);
                double next = Try(tokens: false, heads: 1 << head, outNode: -1);
                if (!(next < at))
                {
                    break;
                }

                at = next;
                scale *= factor;
            }
        }
    }

    /// <summary>Lets the next head join if it helps.</summary>
    private void Join()
    {
        int head = 0;
        while (head < _layout.H && _design.IsActive(head))
        {
            head++;
        }

        if (head < _layout.H)
        {
            double before = Best;
            _design.Activate(head, true);
            _design.Refresh(Trial, tokens: false, heads: 1 << head, outNode: -1);
            _monitor.EndTrial(_design.Count);
            _shares.AsSpan(head * Ways, Ways).Fill(1);
            _pauses.AsSpan(head * Ways, Ways).Clear();
            Align(head);
            if (!(Best < before))
            {
                _design.Activate(head, false);
                _design.Refresh(Trial, tokens: false, heads: 1 << head, outNode: -1);
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
                _monitor.EndTrial(_design.Count);
                if (!(score < Best))
                {
                    break;
                }

                Best = score;
                _ridge = ridge;
            }
        }
    }

    private static void Scale(Span<double> values, double factor)
    {
        foreach (ref double value in values)
        {
            value *= factor;
        }
    }
}
