namespace Eml.Functions.Expressions;

/// <summary>The function of <see cref="AttentionEvaluator"/> as a formula: its operations in its order.</summary>
internal sealed class AttentionFormula
{
    private const double LeastLearnedSum = 1e-12; // AttentionKernels'

    private readonly AttentionLayout _layout;
    private readonly double[] _parameters;
    private readonly FormulaBuilder _builder;

    private AttentionFormula(string title, AttentionLayout layout, double[] parameters)
    {
        (_layout, _parameters) = (layout, parameters);
        _builder = new FormulaBuilder(title, layout.Width);
    }

    /// <summary>learned: by the softmax tree.</summary>
    public static Formula Write(string title, AttentionLayout layout, double[] parameters, double scale, bool learned) =>
        new AttentionFormula(title, layout, parameters).Write(scale, learned);

    private Formula Write(double scale, bool learned)
    {
        int n = _layout.SeqLen, dK = _layout.DK;
        Expression[] queries = Heads(AttentionLayout.Query, "q", dK, Expression.Input);
        Expression[] keys = Heads(AttentionLayout.Key, "k", dK, Expression.Input);
        Expression[] values = Heads(AttentionLayout.Value, "v", dK, Expression.Input);
        Expression[] context = new Expression[_layout.Inner];
        for (int i = 0; i < n; i++)
        {
            Expression[] scores = new Expression[n];
            for (int j = 0; j < n; j++)
            {
                scores[j] = _builder.Define($"s{i}_{j}",
                    _builder.Products(dK, r => queries[i * dK + r], r => keys[j * dK + r]) * Expression.Constant(scale));
            }

            Expression[] weights = Softmax(i, scores);
            if (learned)
            {
                weights = LearnedSoftmax(i, scores, weights);
            }

            for (int j = 0; j < n; j++)
            {
                weights[j] = _builder.Define($"w{i}_{j}", weights[j]);
            }

            for (int r = 0; r < dK; r++)
            {
                context[i * dK + r] = _builder.Define($"c{i}_{r}", _builder.Products(n, j => weights[j], j => values[j * dK + r]));
            }
        }

        return _builder.Build(Heads(_layout.Out, "o", _layout.DModel, i => context[i]));
    }

    /// <summary>The heads of a part, numbered in rows.</summary>
    private Expression[] Heads(int part, string name, int width, Func<int, Expression> input)
    {
        AttentionPart p = _layout.Parts[part];
        Expression[] heads = new Expression[p.Heads];
        for (int h = 0; h < heads.Length; h++)
        {
            heads[h] = Head(p, h, $"{name}{h / width}_{h % width}", input);
        }

        return heads;
    }

    private Expression Head(AttentionPart part, int head, string name, Func<int, Expression> input)
    {
        Expression v = _builder.Sum(_parameters[part.Bias(head)], _parameters.AsSpan(part.Weights(head), part.Inputs), input);
        for (int d = 0; d < part.Depth; d++)
        {
            v = FormulaOf.Level(_builder.Define($"{name}_{d}", v), _parameters.AsSpan(part.Constants(head) + 3 * d, 3));
        }

        return _builder.Define(name, v);
    }

    private Expression[] Softmax(int row, Expression[] scores)
    {
        Expression max = _builder.Largest($"m{row}", scores);
        Expression[] exps = [.. scores.Select((s, j) => _builder.Define($"e{row}_{j}", Expression.Exp(s - max)))];
        Expression sum = _builder.Define($"z{row}", _builder.Sum(exps.Length, j => exps[j]));
        return [.. exps.Select(e => e / sum)];
    }

    private Expression[] LearnedSoftmax(int row, Expression[] scores, Expression[] numerical)
    {
        AttentionPart tree = _layout.Parts[_layout.Softmax];
        Expression[] learned = new Expression[tree.Heads];
        for (int h = 0; h < learned.Length; h++)
        {
            learned[h] = _builder.Define($"p{row}_{h}", Expression.PositiveOr(Head(tree, h, $"l{row}_{h}", j => scores[j]), 0));
        }

        Expression sum = _builder.Define($"u{row}", _builder.Sum(learned.Length, h => learned[h]));
        return [.. learned.Select((l, h) => Expression.Above(sum, LeastLearnedSum, l / sum, numerical[h]))];
    }
}
