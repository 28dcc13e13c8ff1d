namespace Eml.Machine.Transformer;

/// <summary>The token with the highest logit. If every row t of the unembedding is 2 t r - t^2 with one r, the highest
/// logit is that of the integer nearest to r . x, and no logit is computed.</summary>
internal sealed class FastUnembedding
{
    private readonly SparseMatrix _rows;
    private readonly SparseMatrix? _result;
    private readonly int _vocabulary;

    public FastUnembedding(TransformerWeights weights)
    {
        TransformerConfig config = weights.Config;
        int width = config.ModelWidth;
        _vocabulary = config.Vocabulary;
        _rows = new SparseMatrix(weights.Unembedding, width);
        if (_vocabulary < 2)
        {
            return;
        }
        double[] result = [.. weights.Unembedding.AsSpan(width, width)];
        result[config.ConstantChannel] += 1.0;
        for (int c = 0; c < width; c++)
        {
            result[c] *= 0.5;
        }
        for (int t = 0; t < _vocabulary; t++)
        {
            for (int c = 0; c < width; c++)
            {
                double square = c == config.ConstantChannel ? (double)t * t : 0.0;
                if (weights.Unembedding[(t * width) + c] != (2.0 * t * result[c]) - square)
                {
                    return;
                }
            }
        }
        _result = new SparseMatrix(result, width);
    }

    /// <summary>Nonzero weights that a token is found with.</summary>
    public int Nonzeros => (_result ?? _rows).Nonzeros;

    /// <summary>The generated token; the lowest of equals.</summary>
    public int Best(double[] stream)
    {
        if (_result is not null)
        {
            // Ceil(r - 1/2) is the lower of two nearest integers.
            return (int)Math.Clamp(Math.Ceiling(_result.Dot(0, stream) - 0.5), 0.0, _vocabulary - 1.0);
        }
        int best = 0;
        double bestLogit = _rows.Dot(0, stream);
        for (int t = 1; t < _vocabulary; t++)
        {
            double logit = _rows.Dot(t, stream);
            if (logit > bestLogit)
            {
                (best, bestLogit) = (t, logit);
            }
        }
        return best;
    }
}
