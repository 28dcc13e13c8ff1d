using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Least squares of a head's scores, or of changes to them, on the products of what a query and a key see: tokens, and
/// positions one-hot. The covariance of the products is taken for the Kronecker product of the queries' and the keys'; the
/// coefficient matrix is cut down to the head's rank by orthogonal iteration (a truncated singular value decomposition).
/// </summary>
internal sealed class BlockRegression<T> where T : struct, ILanes<T>
{
    private const double CovarianceRidge = 1e-4;
    private const int Iterations = 16;

    private readonly BlockLayout _layout;
    private readonly BlockDesign<T> _design;
    private readonly int _positions, _queryWidth, _keyWidth; // of what a query and a key see; padded
    private readonly double[] _moments, _queryCovariance, _keyCovariance;

    public BlockRegression(BlockLayout layout, BlockDesign<T> design)
    {
        _layout = layout;
        _design = design;
        _positions = layout.Positional ? layout.S : 0;
        _queryWidth = BlockLayout.Pad(1 + layout.F + _positions);
        _keyWidth = BlockLayout.Pad(layout.F + _positions);
        _moments = new double[_queryWidth * _keyWidth];
        _queryCovariance = new double[_queryWidth * _queryWidth];
        _keyCovariance = new double[_keyWidth * _keyWidth];
    }

    /// <summary>Forgets all samples.</summary>
    public void Clear()
    {
        _moments.AsSpan().Clear();
        _queryCovariance.AsSpan().Clear();
        _keyCovariance.AsSpan().Clear();
    }

    /// <summary>Fills the head's parameters from scores; moments below what chance gives, if that is not 0, are dropped.</summary>
    public bool Solve(int head, double chance, Span<double> parameters)
    {
        Average(1 / ((double)_design.Rows * _layout.S));
        if (chance > 0)
        {
            Sparsify(chance);
        }

        return Factorise(head, step: false, parameters);
    }

    /// <summary>Moves the head's parameters along the differences; 1: a full step of the regression.</summary>
    public bool Step(int head, double share, Span<double> parameters)
    {
        Average(share / _design.Rows);
        return Factorise(head, step: true, parameters);
    }

    /// <summary>Adds a sample's scores (S, S), centred per query.</summary>
    public void Add(int n, ReadOnlySpan<double> scores, bool contentToo)
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
            ReadOnlySpan<double> weights = scores.Slice(i * s, s);
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
    /// Adds a sample's differences between the weights that should be and those that are, by what query and key
    /// show; the keys' covariance as the query attends to them.
    /// </summary>
    public void AddDifferences(int n, ReadOnlySpan<double> target, ReadOnlySpan<double> attention)
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
                sum += target[i * s + j];
            }

            for (int j = 0; j < s; j++)
            {
                double weight = attention[i * s + j];
                double difference = target[i * s + j] + (1 - sum) / s - weight;
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

    private void Average(double momentFactor)
    {
        Scale(_moments, momentFactor);
        Scale(_queryCovariance, 1.0 / _design.Rows);
        Scale(_keyCovariance, 1.0 / _design.Rows);
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

    private static void Scale(Span<double> values, double factor)
    {
        foreach (ref double value in values)
        {
            value *= factor;
        }
    }
}
