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
    private readonly int[] _live;       // features that are not 0 everywhere; the others weigh nothing
    private readonly double[] _factor;  // (live, stride): the Cholesky factor, upper, and behind it the reduced right-hand sides
    private readonly double[] _row;
    private readonly double[] _product;
    private readonly double[] _solution; // (live, padded D)
    private int _count, _stride;

    public BlockSolver(BlockLayout layout, BlockDesign<T> design)
    {
        _layout = layout;
        _design = design;
        _out = BlockLayout.Pad(layout.D);
        _live = new int[layout.P];
        _factor = new double[layout.P * design.Width];
        _row = new double[layout.P];
        _product = new double[_out];
        _solution = new double[layout.P * _out];
        Readout = new double[layout.P * _out];
    }

    /// <summary>The solution for all samples that was found last: (P, padded D).</summary>
    public double[] Readout { get; }

    /// <summary>The mean squared cross-validated error; infinite if it cannot be had.</summary>
    public double CrossError(double ridge)
    {
        double total = 0;
        for (int half = 0; half < 2; half++)
        {
            int samples = half == 0 ? _design.FirstHalf : _design.Count - _design.FirstHalf;
            Gather(_design.Products(half), []);
            if (!Solve(ridge * samples * _layout.S))
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
        Gather(_design.Products(0), _design.Products(1));
        if (!Solve(ridge * _design.Rows) || Finite.IndexOfOther(_solution.AsSpan(0, _count * _out)) >= 0)
        {
            return false;
        }

        Readout.AsSpan().Clear();
        for (int k = 0; k < _count; k++)
        {
            _solution.AsSpan(k * _out, _out).CopyTo(Readout.AsSpan(_live[k] * _out));
        }

        return true;
    }

    /// <summary>The products of the live features with each other and with the targets, summed over one or both halves.</summary>
    private void Gather(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        int width = _design.Width;
        _count = 0;
        for (int p = 0; p < _layout.P; p++)
        {
            int at = p * (width + 1);
            if (first[at] != 0 || (!second.IsEmpty && second[at] != 0))
            {
                _live[_count++] = p;
            }
        }

        int padded = BlockLayout.Pad(_count);
        _stride = padded + _out;
        for (int k = 0; k < _count; k++)
        {
            int at = _live[k] * width;
            Span<double> row = _factor.AsSpan(k * _stride, _stride);
            for (int l = 0; l < _count; l++)
            {
                row[l] = first[at + _live[l]] + (second.IsEmpty ? 0 : second[at + _live[l]]);
            }

            row[_count..padded].Clear();
            for (int o = 0; o < _out; o++)
            {
                int target = at + _design.TargetBase + o;
                row[padded + o] = first[target] + (second.IsEmpty ? 0 : second[target]);
            }
        }
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

        for (int k = 0; k < _count; k++)
        {
            // rᵀ·G·r − 2·rᵀ·c, one feature at a time
            ReadOnlySpan<double> row = products.Slice(_live[k] * width, width);
            for (int l = 0; l < _count; l++)
            {
                _row[l] = row[_live[l]];
            }

            for (int o = 0; o < _out; o++)
            {
                _product[o] = -2 * row[target + o];
            }

            BlockKernels.AddProduct<T>(_row.AsSpan(0, _count), _solution, _out, 0, _out, _product);
            total += Reduction.Dot<T>(_solution.AsSpan(k * _out, _out), _product);
        }

        return total;
    }

    /// <summary>Cholesky row by row, the right-hand sides with it; then back substitution.</summary>
    private bool Solve(double ridge)
    {
        for (int i = 0; i < _count; i++)
        {
            Span<double> row = _factor.AsSpan(i * _stride, _stride);
            row[i] += _live[i] == 0 ? 0 : ridge;
            for (int k = 0; k < i; k++)
            {
                _row[k] = -_factor[k * _stride + i];
            }

            BlockKernels.AddProduct<T>(_row.AsSpan(0, i), _factor, _stride, i & -8, _stride, row);
            double pivot = row[i];
            if (!(pivot > 0) || !double.IsFinite(pivot))
            {
                return false;
            }

            double root = Math.Sqrt(pivot);
            for (int j = i; j < _stride; j++)
            {
                row[j] /= root;
            }
        }

        for (int i = _count - 1; i >= 0; i--)
        {
            ReadOnlySpan<double> row = _factor.AsSpan(i * _stride, _stride);
            Span<double> result = _solution.AsSpan(i * _out, _out);
            row[^_out..].CopyTo(result);
            int below = _count - i - 1;
            for (int k = 0; k < below; k++)
            {
                _row[k] = -row[i + 1 + k];
            }

            BlockKernels.AddProduct<T>(_row.AsSpan(0, below), _solution.AsSpan((i + 1) * _out), _out, 0, _out, result);
            double pivot = row[i];
            foreach (ref double value in result)
            {
                value /= pivot;
            }
        }

        return true;
    }
}
