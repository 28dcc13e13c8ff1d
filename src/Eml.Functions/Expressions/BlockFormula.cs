namespace Eml.Functions.Expressions;

/// <summary>The function of <see cref="BlockPass{T}"/> as a formula: its operations in its order, for any chunk of keys.</summary>
internal sealed class BlockFormula
{
    private const double LowestExponent = -500; // BlockKernels'
    private const int Lanes = 8;                // sums of the softmax that the kernel keeps

    private readonly BlockLayout _layout;
    private readonly BlockWeights _weights;
    private readonly FormulaBuilder _builder;

    private BlockFormula(string title, BlockLayout layout, BlockWeights weights)
    {
        (_layout, _weights) = (layout, weights);
        _builder = new FormulaBuilder(title, layout.S * layout.D);
    }

    public static Formula Write(string title, BlockLayout layout, BlockWeights weights)
    {
        FormulaBuilder.CheckTerms("the block", Terms(layout));
        return new BlockFormula(title, layout, weights).Write();
    }

    /// <summary>Products in all sums: every position has its own.</summary>
    public static long Terms(BlockLayout layout)
    {
        long token = 2L * layout.E * layout.D, keys = 2L * layout.K * layout.F, attention = (long)layout.S * (layout.K + layout.F);
        return layout.S * (token + layout.H * (keys + attention) + 2L * layout.E * layout.G + (long)layout.P * layout.D);
    }

    private Formula Write()
    {
        int s = _layout.S, d = _layout.D, f = _layout.F;
        Expression[][] tokens = [.. Enumerable.Range(0, s).Select(Token)];
        Expression[][] features = new Expression[s][];
        for (int i = 0; i < s; i++)
        {
            features[i] = new Expression[_layout.P];
            features[i][0] = Expression.Constant(1);
            if (_layout.FirstContext > 1)
            {
                tokens[i].CopyTo(features[i], 1);
            }
        }

        for (int h = 0; h < _layout.H; h++)
        {
            Expression[][] keys = [.. Enumerable.Range(0, s).Select(j => Key(h, j, tokens[j]))];
            for (int i = 0; i < s; i++)
            {
                Context(h, i, Query(h, i, tokens[i]), keys, tokens).CopyTo(features[i], _layout.ContextBase(h));
            }
        }

        Expression[] outputs = new Expression[s * d];
        int padded = BlockLayout.Pad(d);
        for (int i = 0; i < s; i++)
        {
            OutNodes(i, features[i]);
            for (int o = 0; o < d; o++)
            {
                outputs[i * d + o] = FromZero(_layout.P, features[i], p => _weights.Readout[p * padded + o]);
            }
        }

        return _builder.Build(outputs);
    }

    /// <summary>The inputs of a position, then its nodes.</summary>
    private Expression[] Token(int position)
    {
        int d = _layout.D, padded = BlockLayout.Pad(_layout.E);
        Expression[] token = new Expression[_layout.F];
        for (int j = 0; j < d; j++)
        {
            token[j] = Expression.Input(position * d + j);
        }

        for (int m = 0; m < _layout.E; m++)
        {
            token[d + m] = _builder.Define($"n{position}_{m}", FormulaOf.Node(Side(m), Side(padded + m)));
        }

        return token;

        Expression Side(int column) => Affine(_weights.TokenLeaves[column], d, j => _weights.TokenLeaves[(1 + j) * 2 * padded + column], j => token[j]);
    }

    private Expression[] Query(int head, int position, Expression[] token)
    {
        BlockWeights.Head weights = _weights.Heads[head];
        int padded = BlockLayout.Pad(_layout.K);
        return [.. Enumerable.Range(0, _layout.K).Select(r => _builder.Define(Name("q", head, position, r), Affine(
            _layout.Positional ? weights.Query[r] + weights.QueryPositions[position * padded + r] : weights.Query[r],
            _layout.F, j => weights.Query[(1 + j) * padded + r], j => token[j])))];
    }

    private Expression[] Key(int head, int position, Expression[] token)
    {
        BlockWeights.Head weights = _weights.Heads[head];
        int padded = BlockLayout.Pad(_layout.K);
        return [.. Enumerable.Range(0, _layout.K).Select(r => _builder.Define(Name("k", head, position, r), Affine(
            _layout.Positional ? weights.KeyPositions[position * padded + r] : 0,
            _layout.F, j => weights.Key[j * padded + r], j => token[j])))];
    }

    private Expression[] Context(int head, int position, Expression[] query, Expression[][] keys, Expression[][] tokens)
    {
        int s = _layout.S;
        Expression[] scores = [.. keys.Select((key, j) => _builder.Define(Name("s", head, position, j),
            _builder.Products(_layout.K, r => query[r], r => key[r])))];
        Expression max = _builder.Largest(Name("m", head, position), scores);
        Expression[] exps = [.. scores.Select((score, j) => _builder.Define(Name("e", head, position, j),
            Expression.Exp(Expression.Maximum(score - max, Expression.Constant(LowestExponent)))))];
        Expression sum = _builder.Define(Name("z", head, position), Total(exps));
        return [.. Enumerable.Range(0, _layout.F).Select(o => _builder.Define(Name("c", head, position, o),
            _builder.Products(s, j => exps[j], j => tokens[j][o]) / sum))];
    }

    /// <summary>The kernel adds every eighth key's into a sum of its own, then these in pairs. What no key adds to is +0.</summary>
    private Expression Total(Expression[] exps)
    {
        Expression?[] sums = new Expression?[Lanes];
        for (int lane = 0; lane < Lanes && lane < exps.Length; lane++)
        {
            int first = lane;
            sums[lane] = _builder.Sum((exps.Length - lane + Lanes - 1) / Lanes, j => exps[first + Lanes * j]);
        }

        return Plus(Plus(Plus(sums[0], sums[4]), Plus(sums[2], sums[6])),
            Plus(Plus(sums[1], sums[5]), Plus(sums[3], sums[7])))!;

        static Expression? Plus(Expression? a, Expression? b) => a is null ? b : b is null ? a : a + b;
    }

    private void OutNodes(int position, Expression[] features)
    {
        int padded = BlockLayout.Pad(_layout.E);
        for (int m = 0; m < _layout.E; m++)
        {
            features[_layout.G + m] = _builder.Define($"o{position}_{m}", FormulaOf.Node(Side(m), Side(padded + m)));
        }

        Expression Side(int column) => FromZero(_layout.G, features, p => _weights.OutLeaves[p * 2 * padded + column]);
    }

    /// <summary>0 + 1·weight + Σ weight·feature.</summary>
    private Expression FromZero(int count, Expression[] features, Func<int, double> weight) =>
        Affine(0 + weight(0), count - 1, p => weight(1 + p), p => features[1 + p]);

    private Expression Affine(double first, int count, Func<int, double> weight, Func<int, Expression> value) =>
        _builder.Sum(first, [.. Enumerable.Range(0, count).Select(weight)], value);

    private string Name(string letter, int head, params ReadOnlySpan<int> numbers) =>
        letter + string.Join('_', _layout.H == 1 ? numbers.ToArray() : [head, .. numbers]);
}
