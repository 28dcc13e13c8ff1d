namespace Eml.Functions;

/// <summary>A change on trial: neighbouring parameters get these values. Final: nothing simpler is left to try.</summary>
internal readonly record struct SnapMove(int First, double[] Values, bool IsFinal = true);

/// <summary>
/// Snaps parameters as long as the loss stays within its bound: of every group the simplest admissible candidate is
/// tried alone, then all of them are applied in the order of the loss that they lead to, each on top of the others.
/// </summary>
internal sealed class Snapper
{
    private readonly double[] _parameters;
    private readonly double[] _trial;
    private readonly bool[] _isFixed;
    private readonly Func<double[], double, double> _lossOf; // parameters, bound → loss, or NaN if it is over the bound
    private readonly TrainMonitor _monitor;
    private readonly List<SnappedParameter> _snapped = [];
    private bool _told;

    public Snapper(double[] parameters, Func<double[], double, double> lossOf, double loss, double allowed,
        TrainMonitor monitor)
    {
        (_parameters, _lossOf, Loss, Allowed, _monitor) = (parameters, lossOf, loss, allowed, monitor);
        _trial = [.. parameters];
        _isFixed = new bool[parameters.Length];
        monitor.Loss = loss;
        monitor.Phase = TrainMonitor.Snapping;
    }

    public double Loss { get; private set; }

    public double Allowed { get; }

    /// <summary>In the order in which it happened.</summary>
    public IReadOnlyList<SnappedParameter> Snapped => _snapped;

    /// <summary>What the listener knows, if the search starts from others: it hears of the change with the first move.</summary>
    public double[]? Original { get; init; }

    /// <summary>Adapts the parameters that are not fixed to those that are; null: they stay.</summary>
    public Action<double[], bool[]>? Refit { get; init; }

    /// <summary>Rounds until no group accepts another candidate. Groups that come to a final move are done for good.</summary>
    public void Run(IEnumerable<int> groups, Func<int, IEnumerable<SnapMove>> candidates)
    {
        List<int> open = [.. groups.Where(g => !_isFixed[g])];
        bool improved = true;
        while (improved && open.Count > 0 && !_monitor.Stopped)
        {
            improved = false;
            var moves = new List<(double Loss, int Group, SnapMove Move)>();
            (_monitor.Step, _monitor.Total) = (0, 2 * open.Count);
            foreach (int group in open)
            {
                foreach (SnapMove move in candidates(group))
                {
                    double loss = Try(move);
                    if (loss <= Allowed)
                    {
                        moves.Add((loss, group, move));
                        break;
                    }

                    if (_monitor.Stopped)
                    {
                        return;
                    }
                }

                _monitor.Step++;
            }

            foreach ((_, int group, SnapMove move) in moves.OrderBy(m => m.Loss).ThenBy(m => m.Group))
            {
                double loss = Try(move);
                if (loss <= Allowed)
                {
                    Keep(move, loss);
                    improved = true;
                }

                _monitor.Step++;
            }

            open.RemoveAll(g => _isFixed[g]);
        }
    }

    private double Try(SnapMove move)
    {
        _monitor.Look(); // with few samples the loss alone would hardly ever look
        if (_monitor.Stopped)
        {
            return double.NaN;
        }

        _parameters.CopyTo(_trial, 0);
        move.Values.CopyTo(_trial, move.First);
        if (Refit is not null)
        {
            bool[] isFixed = [.. _isFixed];
            isFixed.AsSpan(move.First, move.Values.Length).Fill(true);
            Refit(_trial, isFixed);
        }

        return _lossOf(_trial, Allowed);
    }

    private void Keep(SnapMove move, double loss)
    {
        for (int i = move.First; i < move.First + move.Values.Length; i++)
        {
            _isFixed[i] |= move.IsFinal;
            if (_parameters[i] != _trial[i])
            {
                _snapped.Add(new SnappedParameter(i, _parameters[i], _trial[i]));
            }
        }

        if (!_told && Original is not null)
        {
            _monitor.Tell(1, Original, _parameters, Loss);
        }

        _told = true;
        Loss = loss;
        _monitor.Keep(_parameters, _trial, loss);
        _trial.CopyTo(_parameters, 0);
    }
}
