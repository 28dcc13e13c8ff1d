namespace Eml.Functions;

/// <summary>
/// The loss of any evaluator on recorded samples: Σ weight·(ŷ − t)² over what is known, divided by a total; row by row and
/// head by head, as the trainers sum it.
/// </summary>
internal sealed class SampleLoss
{
    private const int BlockRows = 256;

    private readonly TrainMonitor _monitor;
    private readonly int _inputs;
    private readonly int _rows;
    private readonly double[] _x;       // (rows, inputs)
    private readonly double[] _targets; // (rows, heads)
    private readonly byte[] _present;   // (rows, heads)
    private readonly double[] _weights; // (heads)
    private readonly double[] _y;
    private readonly double _total;

    /// <summary>Samples in the units that the scaling leads to; weights and total belong to the profile.</summary>
    public SampleLoss(Samples samples, int inputs, Scaling? scaling, double[] weights, double total, TrainMonitor monitor)
    {
        (_inputs, _rows, _weights, _total, _monitor) = (inputs, samples.Count, weights, total, monitor);
        _x = samples.X.ToArray();
        _targets = samples.Targets.ToArray();
        _present = samples.Present.ToArray();
        _y = new double[BlockRows * weights.Length];
        for (int i = 0; i < _x.Length && scaling is not null; i++)
        {
            _x[i] = (_x[i] - scaling.InputOffset[i % inputs]) * scaling.InputFactor[i % inputs];
        }

        for (int i = 0; i < _targets.Length && scaling is not null; i++)
        {
            int head = i % weights.Length;
            _targets[i] = (_targets[i] - scaling.TargetOffset[head]) * scaling.TargetFactor[head];
        }
    }

    /// <summary>Σ weight·(t − mean)² / total: the loss of the best constants.</summary>
    public double OfMeans()
    {
        double sum = 0;
        for (int h = 0; h < _weights.Length; h++)
        {
            double mean = 0, squares = 0;
            int known = 0;
            for (int i = h; i < _targets.Length; i += _weights.Length)
            {
                if (_present[i] != 0)
                {
                    double distance = _targets[i] - mean;
                    mean += distance / ++known;
                    squares += distance * (_targets[i] - mean);
                }
            }

            sum += _weights[h] * squares;
        }

        return sum / _total;
    }

    /// <summary>The loss; NaN as soon as it is over the bound or the work has to stop.</summary>
    public double Of(Evaluator evaluator, double bound)
    {
        double loss = Sum(evaluator, bound);
        _monitor.EndTrial();
        return loss;
    }

    private double Sum(Evaluator evaluator, double bound)
    {
        double sum = 0;
        int heads = _weights.Length;
        for (int start = 0; start < _rows; start += BlockRows)
        {
            int rows = Math.Min(BlockRows, _rows - start);
            evaluator.Rows(_x.AsSpan(start * _inputs, rows * _inputs), _inputs, rows, _y.AsSpan(0, rows * heads), scaling: null);
            for (int i = 0; i < rows * heads; i++)
            {
                if (_present[start * heads + i] != 0)
                {
                    double error = _y[i] - _targets[start * heads + i];
                    sum += _weights[i % heads] * (error * error);
                }
            }

            if (_monitor.Work((long)rows * evaluator.ScratchColumns * TrainMonitor.NodeCost) || sum / _total > bound)
            {
                return double.NaN;
            }
        }

        return sum / _total;
    }
}
