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
/// the present readout; the logarithms of these weights, centred per query, are then regressed on the products of what the
/// query and the key see (least squares with a Kronecker-factored covariance); and the coefficient matrix is cut down to
/// the head's rank by orthogonal iteration.
/// </summary>
internal sealed class BlockAlignment<T> where T : struct, ILanes<T>
{
    private const double Floor = 0.02;       // of the uniform weight: what a key that should not be seen keeps
    private const double MixtureRidge = 0.05; // of the mean squared length of a value
    private const double LeastWeight = 1e-200;
    private const double CovarianceRidge = 1e-4;
    private const int Iterations = 16;

    private readonly BlockLayout _layout;
    private readonly BlockDesign<T> _design;
    private readonly BlockSolver<T> _solver;
    private readonly int _positions, _queryWidth, _keyWidth; // of what a query and a key see, positions one-hot; padded
    private readonly int _out, _sequence;
    private readonly double[] _values, _residual, _attention, _target, _length, _gram;
    private readonly double[] _moments, _queryCovariance, _keyCovariance;
    private readonly double[] _product;

    public BlockAlignment(BlockLayout layout, BlockDesign<T> design, BlockSolver<T> solver)
    {
        _layout = layout;
        _design = design;
        _solver = solver;
        _positions = layout.Positional ? layout.S : 0;
        _queryWidth = BlockLayout.Pad(1 + layout.F + _positions);
        _keyWidth = BlockLayout.Pad(layout.F + _positions);
        _out = BlockLayout.Pad(layout.D);
        _sequence = BlockLayout.Pad(layout.S);
        _values = new double[layout.S * _out];
        _residual = new double[layout.S * _out];
        _attention = new double[layout.S * layout.S];
        _target = new double[layout.S * layout.S];
        _length = new double[layout.S];
        _gram = new double[layout.S * layout.S];
        _moments = new double[_queryWidth * _keyWidth];
        _queryCovariance = new double[_queryWidth * _queryWidth];
        _keyCovariance = new double[_keyWidth * _keyWidth];
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
        if (kind == AlignmentKind.Pattern && _positions == 0)
        {
            return false;
        }

        bool pattern = kind == AlignmentKind.Pattern, fresh = method == AlignmentMethod.Certain;
        bool step = method == AlignmentMethod.Reweighted;
        Clear(_moments);
        Clear(_queryCovariance);
        Clear(_keyCovariance);
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
                AccumulateStep(n);
            }
            else
            {
                spread += LogOdds(share);
                Accumulate(n, contentToo: !pattern || share < 1);
            }
        }

        // Of a step, the moments count queries; otherwise pairs.
        double pairs = (double)_design.Rows * _layout.S;
        Scale(_moments, step ? share / _design.Rows : 1 / pairs);
        Scale(_queryCovariance, 1.0 / _design.Rows);
        Scale(_keyCovariance, 1.0 / _design.Rows);
        if (method == AlignmentMethod.Certain)
        {
            Sparsify(Math.Sqrt(spread / pairs / pairs));
        }

        return Factorise(head, step, parameters);
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
            BlockKernels.AddProduct<T>(tokens.Slice(j * tokenStride, _layout.F), own, _out, 0, _out, _values.AsSpan(j * _out, _out));
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

    private void Accumulate(int n, bool contentToo)
    {
        int s = _layout.S, f = _layout.F, own = f + _positions;
        ReadOnlySpan<double> tokens = _design.Tokens(n);
        Span<double> mean = stackalloc double[_keyWidth], key = stackalloc double[_keyWidth], seen = stackalloc double[_keyWidth];
        Span<double> query = stackalloc double[_queryWidth];
        mean.Clear();
        query.Clear();
        query[0] = 1;
        for (int j = 0; j < s; j++)
        {
            See(tokens, j, key);
            for (int b = 0; b < own; b++)
            {
                mean[b] += key[b] / s;
            }
        }

        for (int i = 0; i < s; i++)
        {
            See(tokens, i, key);
            key[..own].CopyTo(query[1..]);
            for (int b = 0; b < own; b++)
            {
                key[b] -= mean[b];
            }

            Outer(query, query, _queryCovariance);
            Outer(key, key, _keyCovariance);

            // what this query should see, in terms of what its keys show
            ReadOnlySpan<double> weights = _attention.AsSpan(i * s, s);
            seen.Clear();
            if (contentToo)
            {
                BlockKernels.AddProduct<T>(weights, tokens, BlockLayout.Pad(f), 0, BlockLayout.Pad(f), seen);
                seen[f..].Clear();
            }

            weights[.._positions].CopyTo(seen[f..]);
            int first = contentToo ? 0 : 1 + f;
            Outer(query[first..], seen, _moments.AsSpan(first * _keyWidth));
        }
    }

    /// <summary>
    /// Differences between the weights that should be and those that are, by what query and key show; the keys' covariance
    /// as the query attends to them.
    /// </summary>
    private void AccumulateStep(int n)
    {
        int s = _layout.S, f = _layout.F, own = f + _positions;
        ReadOnlySpan<double> tokens = _design.Tokens(n);
        Span<double> key = stackalloc double[_keyWidth], mean = stackalloc double[_keyWidth], seen = stackalloc double[_keyWidth];
        Span<double> query = stackalloc double[_queryWidth], attended = stackalloc double[s];
        attended.Clear();
        query.Clear();
        query[0] = 1;
        for (int i = 0; i < s; i++)
        {
            See(tokens, i, key);
            key[..own].CopyTo(query[1..]);
            Outer(query, query, _queryCovariance);
            mean.Clear();
            seen.Clear();
            double sum = 0;
            for (int j = 0; j < s; j++)
            {
                sum += _target[i * s + j];
            }

            for (int j = 0; j < s; j++)
            {
                double weight = _attention[i * s + j];
                double difference = _target[i * s + j] + (1 - sum) / s - weight;
                See(tokens, j, key);
                BlockKernels.AddProduct<T>([weight], key, _keyWidth, 0, _keyWidth, mean);
                BlockKernels.AddProduct<T>([difference], key, _keyWidth, 0, _keyWidth, seen);
                attended[j] += weight;
            }

            Outer(query, seen, _moments);
            for (int b = 0; b < own; b++)
            {
                key[b] = -mean[b];
            }

            key[own..].Clear();
            Outer(key, mean, _keyCovariance);
        }

        for (int j = 0; j < s; j++)
        {
            See(tokens, j, key);
            for (int b = 0; b < own; b++)
            {
                mean[b] = attended[j] * key[b];
            }

            mean[own..].Clear();
            Outer(mean, key, _keyCovariance);
        }
    }

    private void See(ReadOnlySpan<double> tokens, int position, Span<double> target)
    {
        tokens.Slice(position * BlockLayout.Pad(_layout.F), _layout.F).CopyTo(target);
        target[_layout.F..].Clear();
        if (_positions > 0)
        {
            target[_layout.F + position] = 1;
        }
    }

    /// <summary>Drops moments that chance alone would give, and the nodes', which repeat what the inputs say.</summary>
    private void Sparsify(double noise)
    {
        double threshold = noise * Math.Sqrt(2 * Ln.Of(_queryWidth * (double)_keyWidth));
        for (int a = 0; a < _queryWidth; a++)
        {
            for (int b = 0; b < _keyWidth; b++)
            {
                double deviation = Math.Sqrt(_queryCovariance[a * _queryWidth + a] * _keyCovariance[b * _keyWidth + b]);
                bool node = (a > _layout.D && a <= _layout.F) || (b >= _layout.D && b < _layout.F);
                if (node || !(Math.Abs(_moments[a * _keyWidth + b]) > threshold * deviation))
                {
                    _moments[a * _keyWidth + b] = 0;
                }
            }
        }

        KeepDiagonal(_queryCovariance, _queryWidth);
        KeepDiagonal(_keyCovariance, _keyWidth);
    }

    /// <summary>Regression coefficients of the given rank, as queries and keys.</summary>
    private bool Factorise(int head, bool step, Span<double> parameters)
    {
        if (!Condition(_queryCovariance, _queryWidth) || !Condition(_keyCovariance, _keyWidth))
        {
            return false;
        }

        // W = Lq⁻¹·M·Lk⁻ᵀ: what is cut off is then cut off from the scores.
        int nq = _queryWidth, nk = _keyWidth, rank = _layout.K;
        double[] column = new double[nq];
        for (int b = 0; b < nk; b++)
        {
            for (int a = 0; a < nq; a++)
            {
                column[a] = _moments[a * nk + b];
            }

            Dense.SolveLower(_queryCovariance, nq, column);
            for (int a = 0; a < nq; a++)
            {
                _moments[a * nk + b] = column[a];
            }
        }

        for (int a = 0; a < nq; a++)
        {
            Dense.SolveLower(_keyCovariance, nk, _moments.AsSpan(a * nk, nk));
        }

        if (step)
        {
            AddPresent(head, parameters);
        }

        double[][] left = Dense.Random(rank, nq, seed: 1), right = Dense.Random(rank, nk, seed: 2);
        for (int t = 0; t < Iterations; t++)
        {
            for (int r = 0; r < rank; r++)
            {
                for (int a = 0; a < nq; a++)
                {
                    left[r][a] = Reduction.Dot<T>(_moments.AsSpan(a * nk, nk), right[r]);
                }
            }

            Dense.Orthonormalise(left);
            for (int r = 0; r < rank; r++)
            {
                right[r].AsSpan().Clear();
                BlockKernels.AddProduct<T>(left[r], _moments, nk, 0, nk, right[r]);
            }
        }

        double root = Math.Sqrt(Math.Sqrt(rank));
        for (int r = 0; r < rank; r++)
        {
            double length = Math.Sqrt(Math.Sqrt(Reduction.Dot<T>(right[r], right[r]))); // √σ
            if (length < 1e-9)
            {
                left[r].AsSpan().Clear();
                right[r].AsSpan().Clear();
                length = 1;
            }

            Dense.SolveUpper(_queryCovariance, nq, left[r]);
            Dense.SolveUpper(_keyCovariance, nk, right[r]);
            for (int a = 0; a < 1 + _layout.F + _positions; a++)
            {
                double value = left[r][a] * (length * root);
                int at = a <= _layout.F ? _layout.HeadBase(head) + r * (1 + _layout.F) + a
                    : _layout.QueryPositionBase(head) + (a - 1 - _layout.F) * rank + r;
                parameters[at] = value;
            }

            for (int b = 0; b < _layout.F + _positions; b++)
            {
                double value = right[r][b] * (root / length);
                int at = b < _layout.F ? _layout.KeyBase(head) + r * _layout.F + b
                    : _layout.KeyPositionBase(head) + (b - _layout.F) * rank + r;
                parameters[at] = value;
            }
        }

        return Finite.IndexOfOther(parameters.Slice(_layout.HeadBase(head), _layout.HeadCount)) < 0;
    }

    /// <summary>Adds the head's present coefficients, seen through the factors of the covariances: Lqᵀ·B·Lk.</summary>
    private void AddPresent(int head, ReadOnlySpan<double> parameters)
    {
        int nq = _queryWidth, nk = _keyWidth, rank = _layout.K;
        double[] query = new double[nq], key = new double[nk], column = new double[nq], row = new double[nk];
        double scale = 1 / Math.Sqrt(rank);
        for (int r = 0; r < rank; r++)
        {
            parameters.Slice(_layout.HeadBase(head) + r * (1 + _layout.F), 1 + _layout.F).CopyTo(query);
            parameters.Slice(_layout.KeyBase(head) + r * _layout.F, _layout.F).CopyTo(key);
            for (int i = 0; i < _positions; i++)
            {
                query[1 + _layout.F + i] = parameters[_layout.QueryPositionBase(head) + i * rank + r];
                key[_layout.F + i] = parameters[_layout.KeyPositionBase(head) + i * rank + r];
            }

            TransposedProduct(_queryCovariance, query, column, scale);
            TransposedProduct(_keyCovariance, key, row, 1);
            Outer(column, row, _moments);
        }
    }

    /// <summary>result = scale·Lᵀ·x</summary>
    private static void TransposedProduct(ReadOnlySpan<double> l, ReadOnlySpan<double> x, Span<double> result, double scale)
    {
        int n = x.Length;
        result.Clear();
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k <= i; k++)
            {
                result[k] += scale * x[i] * l[i * n + k];
            }
        }
    }

    private static bool Condition(double[] covariance, int n)
    {
        double trace = 0;
        for (int a = 0; a < n; a++)
        {
            trace += covariance[a * n + a];
        }

        for (int a = 0; a < n; a++)
        {
            covariance[a * n + a] += CovarianceRidge * trace / n;
        }

        return Dense.Cholesky(covariance, n);
    }

    /// <summary>sum += a·bᵀ</summary>
    private static void Outer(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> sum)
    {
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] != 0)
            {
                BlockKernels.AddProduct<T>(a.Slice(i, 1), b, b.Length, 0, b.Length, sum.Slice(i * b.Length, b.Length));
            }
        }
    }

    private static void KeepDiagonal(double[] matrix, int n)
    {
        for (int i = 0; i < n * n; i++)
        {
            matrix[i] = i % (n + 1) == 0 ? matrix[i] : 0;
        }
    }

    private static void Clear(Span<double> values) => values.Clear();

    private static void Scale(Span<double> values, double factor)
    {
        foreach (ref double value in values)
        {
            value *= factor;
        }
    }
}
