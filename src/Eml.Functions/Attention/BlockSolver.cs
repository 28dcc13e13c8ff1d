using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The readout by ridge least squares over the features of a design, and its two-fold cross-validated error: each half of
/// the samples is predicted by the readout of the other. Both come from the scalar products alone. Column 0, the constant,
/// is not ridged.
/// </summary>
internal sealed class BlockSolver<T> where T : struct, ILanes<T>
{
    private readonly BlockLayout _layout;
    private readonly BlockDesign<T> _design;
    private readonly int _out;
    private readonly double[] _factor;  // (P, Width): the Cholesky factor, upper, and behind it the reduced right-hand sides
    private readonly double[] _negative;
    private readonly double[] _product;

    public BlockSolver(BlockLayout layout, BlockDesign<T> design)
    {
        _layout = layout;
        _design = design;
        _out = BlockLayout.Pad(layout.D);
        _factor = new double[layout.P * design.Width];
        _negative = new double[layout.P];
        _product = new double[_out];
        Readout = new double[layout.P * _out];
    }

    /// <summary>The solution found last: (P, padded D).</summary>
    public double[] Readout { get; }

    /// <summary>The mean squared cross-validated error; infinite if it cannot be had.</summary>
    public double CrossError(double ridge)
    {
        if (_design.FirstHalf == _design.Count)
        {
            return double.PositiveInfinity;
        }

        double total = 0;
        for (int half = 0; half < 2; half++)
        {
            ReadOnlySpan<double> own = _design.Products(half);
            for (int p = 0; p < _layout.P; p++)
            {
                own.Slice(p * _design.Width, _design.Width).CopyTo(_factor.AsSpan(p * _design.Width));
            }

            if (!Solve(ridge * (half == 0 ? _design.FirstHalf : _design.Count - _design.FirstHalf) * _layout.S))
            {
                return double.PositiveInfinity;
            }

            total += SquaredError(_design.Products(1 - half));
        }

        double error = Math.Max(total, 0) / ((double)_design.Rows * _layout.D);
        return double.IsFinite(error) ? error : double.PositiveInfinity;
    }

    /// <summary>Solves <see cref="Readout"/> on all samples; false if that is impossible.</summary>
    public bool SolveAll(double ridge)
    {
        ReadOnlySpan<double> first = _design.Products(0), second = _design.Products(1);
        for (int k = 0; k < _factor.Length; k++)
        {
            _factor[k] = first[k] + second[k];
        }

        return Solve(ridge * _design.Rows) && Finite.IndexOfOther(Readout) < 0;
    }

    /// <summary>Σ (y − Rᵀφ)² over the rows that the products are of.</summary>
    private double SquaredError(ReadOnlySpan<double> products)
    {
        int width = _design.Width, target = _design.TargetBase;
        double total = 0;
        for (int o = 0; o < _layout.D; o++)
        {
            total += products[(target + o) * width + target + o];
        }

        for (int p = 0; p < _layout.P; p++)
        {
            // rᵀ·G·r − 2·rᵀ·c, one feature at a time
            ReadOnlySpan<double> row = products.Slice(p * width, width);
            for (int o = 0; o < _out; o++)
            {
                _product[o] = -2 * row[target + o];
            }

            BlockKernels.AddProduct<T>(row[.._layout.P], Readout, _out, 0, _out, _product);
            total += Reduction.Dot<T>(Readout.AsSpan(p * _out, _out), _product);
        }

        return total;
    }

    /// <summary>Cholesky row by row, the right-hand sides with it; then back substitution.</summary>
    private bool Solve(double ridge)
    {
        int width = _design.Width, target = _design.TargetBase;
        for (int i = 0; i < _layout.P; i++)
        {
            Span<double> row = _factor.AsSpan(i * width, width);
            row[i] += i == 0 ? 0 : ridge;
            for (int k = 0; k < i; k++)
            {
                _negative[k] = -_factor[k * width + i];
            }

            BlockKernels.AddProduct<T>(_negative.AsSpan(0, i), _factor, width, i & -8, width, row);
            double pivot = row[i];
            if (!(pivot > 0) || !double.IsFinite(pivot))
            {
                return false;
            }

            double root = Math.Sqrt(pivot);
            for (int j = i; j < width; j++)
            {
                row[j] /= root;
            }
        }

        for (int i = _layout.P - 1; i >= 0; i--)
        {
            ReadOnlySpan<double> row = _factor.AsSpan(i * width, width);
            Span<double> result = Readout.AsSpan(i * _out, _out);
            row.Slice(target, _out).CopyTo(result);
            for (int k = i + 1; k < _layout.P; k++)
            {
                _negative[k] = -row[k];
            }

            int below = _layout.P - i - 1;
            BlockKernels.AddProduct<T>(_negative.AsSpan(i + 1, below), Readout.AsSpan((i + 1) * _out), _out, 0, _out, result);
            double pivot = row[i];
            foreach (ref double value in result)
            {
                value /= pivot;
            }
        }

        return true;
    }
}
