using Eml.Numerics;

namespace Eml.Functions;

/// <summary>How the attention that would have answered a sample is estimated.</summary>
internal enum AlignmentKind
{
    /// <summary>One pattern for all samples: least squares over all of them. Needs positions.</summary>
    Pattern,

    /// <summary>A mixture per query: least squares over the answer's elements, drawn towards the present attention.</summary>
    Mixture,

    /// <summary>One key per query: its posterior probability under Gaussian noise.</summary>
    Choice,
}

/// <summary>How weights become queries and keys.</summary>
internal enum AlignmentMethod
{
    /// <summary>Regression of their logarithms.</summary>
    Full,

    /// <summary>The same, from a fresh start and without what chance alone may have given.</summary>
    Certain,

    /// <summary>
    /// A step from the present scores: regression of the difference in weights, each pair counted as it is attended to, as
    /// in iteratively reweighted least squares (Green 1984).
    /// </summary>
    Reweighted,
}

/// <summary>
/// Proposes all of a head's query and key parameters at once, without derivatives: the expectation step of expectation
/// maximisation over alignments (Dempster, Laird and Rubin 1977) says which keys each query should have attended to, given
/// the present readout; the maximisation step is a regression of these weights, see <see cref="BlockRegression{T}"/>.
/// </summary>
internal sealed class BlockAlignment<T> where T : struct, ILanes<T>
{
    private const double Floor = 0.02;       // of the uniform weight: what a key that should not be seen keeps
    private const double MixtureRidge = 0.05; // of the mean squared length of a value
    private const double LeastWeight = 1e-200;

    private readonly BlockLayout _layout;
    private readonly BlockDesign<T> _design;
    private readonly BlockSolver<T> _solver;
    private readonly BlockRegression<T> _regression;
    private readonly int _out;
    private readonly double[] _values, _residual, _attention, _target, _length, _gram;
    private readonly double[] _product;

    public BlockAlignment(BlockLayout layout, BlockDesign<T> design, BlockSolver<T> solver)
    {
        _layout = layout;
        _design = design;
        _solver = solver;
        _regression = new BlockRegression<T>(layout, design);
        _out = BlockLayout.Pad(layout.D);
        _values = new double[layout.S * _out];
        _residual = new double[layout.S * _out];
        _attention = new double[layout.S * layout.S];
        _target = new double[layout.S * layout.S];
        _length = new double[layout.S];
        _gram = new double[layout.S * layout.S];
        _product = new double[_out];
    }

    /// <summary>
    /// Fills the head's parameters; the solver must hold the readout of all samples and the weights the head's parameters.
    /// False: no proposal.
    /// </summary>
    /// <param name="head">Whose.</param>
    /// <param name="kind">What is taken for the right attention.</param>
    /// <param name="method">What is done with it.</param>
    /// <param name="share">How far to go from the present attention (0) to that one (1), in logarithms.</param>
    /// <param name="noise">Variance of an element of the answer.</param>
    /// <param name="parameters">All.</param>
    public bool Propose(int head, AlignmentKind kind, AlignmentMethod method, double share, double noise, Span<double> parameters)
    {
        if (kind == AlignmentKind.Pattern && !_layout.Positional)
        {
            return false;
        }

        bool pattern = kind == AlignmentKind.Pattern, fresh = method == AlignmentMethod.Certain;
        bool step = method == AlignmentMethod.Reweighted;
        _regression.Clear();
        double spread = 0;
        if (pattern && !CommonPattern(head))
        {
            return false;
        }

        for (int n = 0; n < _design.Count; n++)
        {
            if (!pattern)
            {
                Explain(head, n);
                if (kind == AlignmentKind.Mixture ? !Mixture(fresh) : !Choice(noise, fresh))
                {
                    return false;
                }
            }
            else if (step || share < 1)
            {
                _design.Attention(head, n, _attention);
            }

            if (step)
            {
                _regression.AddDifferences(n, _target, _attention);
            }
            else
            {
                spread += LogOdds(share);
                _regression.Add(n, _attention, contentToo: !pattern || share < 1);
            }
        }

        if (step)
        {
            return _regression.Step(head, share, parameters);
        }

        double pairs = (double)_design.Rows * _layout.S;
        double chance = Math.Sqrt(spread / pairs / pairs); // a moment's deviation if nothing depended on anything
        return _regression.Solve(head, method == AlignmentMethod.Certain ? chance : 0, parameters);
    }

    /// <summary>The head's values of a sample, and what the rest of the block leaves for it to answer.</summary>
    private void Explain(int head, int n)
    {
        int tokenStride = BlockLayout.Pad(_layout.F);
        ReadOnlySpan<double> tokens = _design.Tokens(n);
        ReadOnlySpan<double> readout = _solver.Readout, own = readout.Slice(_layout.ContextBase(head) * _out, _layout.F * _out);
        Clear(_values);
        for (int j = 0; j < _layout.S; j++)
        {
            ReadOnlySpan<double> token = tokens.Slice(j * tokenStride, _layout.F);
            BlockKernels.AddProduct<T>(token, own, _out, 0, _out, _values.AsSpan(j * _out, _out));
        }

        _design.Attention(head, n, _attention);
        for (int i = 0; i < _layout.S; i++)
        {
            ReadOnlySpan<double> row = _design.Row(n * _layout.S + i);
            Clear(_product);
            BlockKernels.AddProduct<T>(row[.._layout.P], readout, _out, 0, _out, _product);
            Span<double> left = _residual.AsSpan(i * _out, _out);
            row.Slice(_design.TargetBase, _out).CopyTo(left);
            for (int o = 0; o < _out; o++)
            {
                left[o] -= _product[o];
            }

            BlockKernels.AddProduct<T>(_attention.AsSpan(i * _layout.S, _layout.S), _values, _out, 0, _out, left);
        }
    }

    private bool CommonPattern(int head)
    {
        int s = _layout.S;
        Clear(_gram);
        Clear(_target);
        for (int n = 0; n < _design.Count; n++)
        {
            Explain(head, n);
            for (int i = 0; i < s; i++)
            {
                for (int j = 0; j < s; j++)
                {
                    _target[i * s + j] += Reduction.Dot<T>(_residual.AsSpan(i * _out, _out), _values.AsSpan(j * _out, _out));
                    _gram[i * s + j] += Reduction.Dot<T>(_values.AsSpan(i * _out, _out), _values.AsSpan(j * _out, _out));
                }
            }
        }

        return SolveRows(0);
    }

    private bool Mixture(bool fresh)
    {
        int s = _layout.S;
        double trace = 0;
        for (int j = 0; j < s; j++)
        {
            for (int k = 0; k < s; k++)
            {
                _gram[j * s + k] = Reduction.Dot<T>(_values.AsSpan(j * _out, _out), _values.AsSpan(k * _out, _out));
            }

            trace += _gram[j * s + j];
        }

        double ridge = MixtureRidge * trace / s;
        for (int i = 0; i < s; i++)
        {
            for (int j = 0; j < s; j++)
            {
                _target[i * s + j] = Reduction.Dot<T>(_residual.AsSpan(i * _out, _out), _values.AsSpan(j * _out, _out))
                    + ridge * (fresh ? 1.0 / s : _attention[i * s + j]);
            }
        }

        return SolveRows(ridge);
    }

    /// <summary>Solves (gram + ridge)·t = target for every row of targets, in place.</summary>
    private bool SolveRows(double ridge)
    {
        int s = _layout.S;
        double trace = 0;
        for (int j = 0; j < s; j++)
        {
            trace += _gram[j * s + j];
        }

        for (int j = 0; j < s; j++)
        {
            _gram[j * s + j] += ridge + 1e-9 * trace / s;
        }

        if (!Dense.Cholesky(_gram, s))
        {
            return false;
        }

        for (int i = 0; i < s; i++)
        {
            Span<double> row = _target.AsSpan(i * s, s);
            Dense.SolveLower(_gram, s, row);
            Dense.SolveUpper(_gram, s, row);
        }

        return true;
    }

    private bool Choice(double noise, bool fresh)
    {
        int s = _layout.S;
        if (!(noise > 0))
        {
            return false;
        }

        for (int i = 0; i < s; i++)
        {
            double least = double.PositiveInfinity;
            for (int j = 0; j < s; j++)
            {
                double distance = 0;
                for (int o = 0; o < _layout.D; o++)
                {
                    double difference = _residual[i * _out + o] - _values[j * _out + o];
                    distance += difference * difference;
                }

                _length[j] = distance;
                least = Math.Min(least, distance);
            }

            double sum = 0;
            for (int j = 0; j < s; j++)
            {
                double weight = (fresh ? 1 : _attention[i * s + j]) * Exp.Of((least - _length[j]) / (2 * noise));
                _target[i * s + j] = weight;
                sum += weight;
            }

            for (int j = 0; j < s; j++)
            {
                _target[i * s + j] /= sum;
            }
        }

        return true;
    }

    /// <summary>
    /// Turns the attention's room into the centred logarithms to be regressed; returns the sum of their squares.
    /// </summary>
    private double LogOdds(double share)
    {
        int s = _layout.S;
        double squares = 0;
        for (int i = 0; i < s; i++)
        {
            double mean = 0;
            for (int j = 0; j < s; j++)
            {
                ref double value = ref _attention[i * s + j];
                double now = Math.Max(value, LeastWeight);
                // A key that neither attends to now nor should is left as it is.
                double floor = share < 1 ? Math.Min(Floor / s, now) : Floor / s;
                double target = Ln.Of(Math.Clamp(_target[i * s + j], floor, 1));
                value = share < 1 ? (1 - share) * Ln.Of(now) + share * target : target;
                mean += value;
            }

            mean /= s;
            for (int j = 0; j < s; j++)
            {
                _attention[i * s + j] -= mean;
                squares += _attention[i * s + j] * _attention[i * s + j];
            }
        }

        return squares;
    }

    private static void Clear(Span<double> values) => values.Clear();
}
