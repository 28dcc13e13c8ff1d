using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Least squares for the head weights that are free, the others being fixed. Along directions that the samples hardly
/// determine the weights stay where they are: min |t − Φw|² + damping·|w − w₀|² in columns of equal norm.
/// </summary>
internal sealed class ReadoutRefit<T> where T : struct, ILanes<T>
{
    private const int MostRows = 4096; // more are thinned out: the loss is measured on all of them afterwards
    private const double Damping = 1e-12;

    private readonly ReadoutLayout _layout;
    private readonly ReadoutData _data;
    private readonly TrainMonitor _monitor;
    private readonly double[] _columns;   // (features, stride)
    private readonly double[] _nonlinear; // the parameters that the columns belong to
    private readonly double[]?[] _gram;   // of each head that misses targets; the first that misses none stands for all such
    private readonly double[] _residual;
    private bool _isFilled;

    public ReadoutRefit(ReadoutLayout layout, Samples samples, Scaling? scaling, TrainMonitor monitor)
    {
        (_layout, _monitor) = (layout, monitor);
        _data = new ReadoutData(layout, samples, scaling, (samples.Count + MostRows - 1) / MostRows, monitor);
        _columns = new double[layout.Features * _data.Stride];
        _nonlinear = new double[layout.NonlinearCount];
        _gram = new double[layout.Heads][];
        _residual = new double[_data.Stride];
        var columns = new ColumnSource(_columns, _data.Stride);
        columns[0][.._data.Rows].Fill(1);
        for (int j = 0; j < layout.Inputs && !monitor.Stopped; j++)
        {
            _data.Inputs[j].CopyTo(columns[1 + j]);
        }
    }

    /// <summary>Changes the free head weights of the parameters.</summary>
    public void Solve(double[] parameters, bool[] isFixed)
    {
        if (_monitor.Stopped)
        {
            return; // the data may be incomplete
        }

        Fill(parameters);
        for (int h = 0; h < _layout.Heads && !_monitor.Stopped; h++)
        {
            int first = _layout.HeadBase(h);
            int[] free = [.. Enumerable.Range(0, _layout.Features).Where(k => !isFixed[first + k])];
            if (free.Length > 0)
            {
                Solve(h, parameters.AsSpan(first, _layout.Features), free);
            }

            _monitor.Work(_data.Rows * (long)_layout.Nodes * TrainMonitor.NodeCost);
        }
    }

    private void Fill(double[] parameters)
    {
        ReadOnlySpan<double> nonlinear = parameters.AsSpan(0, _nonlinear.Length);
        if (_isFilled && nonlinear.SequenceEqual(_nonlinear))
        {
            return;
        }

        nonlinear.CopyTo(_nonlinear);
        _isFilled = true;
        Array.Clear(_gram);
        var inputs = new ColumnSource(_columns.AsSpan(_data.Stride), _data.Stride);
        var nodes = new ColumnSource(_columns.AsSpan((1 + _layout.Inputs) * _data.Stride), _data.Stride);
        for (int n = 0; n < _layout.Nodes; n++)
        {
            ReadoutNode.Fill<T>(_layout, n, parameters, inputs, nodes, 0, _data.Rows, nodes[n]);
            nodes[n][_data.Rows..].Clear();
        }
    }

    private void Solve(int head, Span<double> weights, int[] free)
    {
        double[] gram = Gram(head);
        Residual(head, weights);
        double[] norms = new double[free.Length], step = new double[free.Length];
        double[] matrix = new double[free.Length * free.Length];
        for (int a = 0; a < free.Length; a++)
        {
            double norm = Math.Sqrt(gram[free[a] * _layout.Features + free[a]]);
            norms[a] = norm > 0 && double.IsFinite(norm) ? norm : 1;
            step[a] = Reduction.Dot(Column(free[a]), _residual) / norms[a];
            for (int b = 0; b <= a; b++)
            {
                matrix[a * free.Length + b] = gram[free[a] * _layout.Features + free[b]] / (norms[a] * norms[b]);
            }

            matrix[a * free.Length + a] += Damping;
        }

        // Columns that depend on each other: the weights stay.
        var fit = new RidgeFit(free.Length, _monitor);
        if (fit.Factorise(matrix, Damping, 1))
        {
            fit.Solve(step);
            for (int a = 0; a < free.Length; a++)
            {
                weights[free[a]] += step[a] / norms[a];
            }
        }
    }

    /// <summary>(t − Φw) where the target is known, else 0.</summary>
    private void Residual(int head, ReadOnlySpan<double> weights)
    {
        _data.Targets[head].CopyTo(_residual, 0);
        for (int k = 0; k < weights.Length; k++)
        {
            ReadOnlySpan<double> column = Column(k);
            double weight = weights[k];
            for (int i = 0; i < _residual.Length && weight != 0; i++)
            {
                _residual[i] -= weight * column[i];
            }
        }

        for (int i = 0; i < _residual.Length; i++)
        {
            _residual[i] *= _data.Known[head][i];
        }
    }

    /// <summary>Scalar products of the columns over the rows that the head knows, (features, features), lower triangle.</summary>
    private double[] Gram(int head)
    {
        int place = _data.IsComplete[head] ? Array.IndexOf(_data.IsComplete, true) : head;
        if (_gram[place] is { } known)
        {
            return known;
        }

        int features = _layout.Features;
        double[] gram = new double[features * features];
        for (int a = 0; a < features; a++)
        {
            ReadOnlySpan<double> column = _data.Mask(Column(a), head);
            for (int b = 0; b <= a; b++)
            {
                gram[a * features + b] = Reduction.Dot(column, Column(b));
            }
        }

        _gram[place] = gram;
        return gram;
    }

    private ReadOnlySpan<double> Column(int feature) => _columns.AsSpan(feature * _data.Stride, _data.Stride);
}
