namespace Eml.Functions.Expressions;

/// <summary>
/// Learned functions as formulas: the operations of their evaluators in the same order, one for one. What the evaluators
/// work out from the parameters alone (the coefficients of the mixtures) is worked out here by the same code.
/// </summary>
internal static class FormulaOf
{
    /// <summary>The function of <see cref="MixEvaluator"/>, between the user's units if there is a scaling.</summary>
    public static Formula Mix(string title, int inputs, MixLayout layout, ReadOnlySpan<double> parameters, Scaling? scaling)
    {
        var builder = new FormulaBuilder(title, inputs);
        Expression[] values = new Expression[layout.Columns.Length + layout.Nodes.Length];
        for (int c = 0; c < layout.Columns.Length; c++)
        {
            values[c] = Scaled(builder, layout.Columns[c], scaling);
        }

        Expression[] outputs = new Expression[layout.Heads];
        for (int n = 0; n < layout.Nodes.Length; n++)
        {
            MixNode node = layout.Nodes[n];
            Expression right = Expression.PositiveOr(Side(node.Right, parameters, values), node.Right.Floor);
            Expression value = Expression.Exp(Side(node.Left, parameters, values)) - Expression.Ln(right);
            int head = n - layout.TrunkCount;
            if (head < 0)
            {
                values[layout.Columns.Length + n] = builder.Define($"v{n}", value);
            }
            else
            {
                outputs[head] = Unscaled(Expression.PositiveOr(value, 0), head, scaling);
            }
        }

        return builder.Build(outputs);
    }

    /// <summary>The function of <see cref="ReadoutEvaluator"/>, between the user's units if there is a scaling.</summary>
    public static Formula Readout(string title, ReadoutLayout layout, ReadOnlySpan<double> parameters, Scaling? scaling)
    {
        var builder = new FormulaBuilder(title, layout.Inputs);
        Expression[] features = new Expression[layout.Inputs + layout.Nodes];
        for (int j = 0; j < layout.Inputs; j++)
        {
            features[j] = Scaled(builder, j, scaling);
        }

        for (int n = 0; n < layout.Nodes; n++)
        {
            Expression left, right;
            if (n < layout.FirstLevel)
            {
                left = Affine(parameters.Slice(layout.LeafBase(2 * n), 1 + layout.Inputs));
                right = Affine(parameters.Slice(layout.LeafBase(2 * n + 1), 1 + layout.Inputs));
            }
            else
            {
                ReadOnlySpan<double> p = parameters.Slice(layout.UpperBase(n), ReadoutLayout.UpperParameters);
                int child = layout.Inputs + layout.LeftChild(n);
                left = FormulaBuilder.AddTerm(Expression.Constant(p[0]), p[1], features[child]);
                right = FormulaBuilder.AddTerm(Expression.Constant(p[2]), p[3], features[child + 1]);
            }

            left = Expression.Clamp(left, ReadoutLayout.LeftLow, ReadoutLayout.LeftHigh);
            right = Expression.Clamp(right, -ReadoutLayout.RightLimit, ReadoutLayout.RightLimit);
            features[layout.Inputs + n] = builder.Define($"v{n}",
                Expression.Exp(left) - Expression.Ln(Expression.Constant(1) + Expression.Square(right)));
        }

        Expression[] outputs = new Expression[layout.Heads];
        for (int h = 0; h < outputs.Length; h++)
        {
            outputs[h] = Unscaled(Affine(parameters.Slice(layout.HeadBase(h), layout.Features)), h, scaling);
        }

        return builder.Build(outputs);

        Expression Affine(ReadOnlySpan<double> p) => builder.Sum(p[0], p[1..], i => features[i]);
    }

    /// <summary>The function of <see cref="SafeTree"/>.</summary>
    public static Formula Safe(string title, int depth, int inputs, int heads, ReadOnlySpan<double> parameters)
    {
        const double limit = 20; // of eml_safe's exponent
        var builder = new FormulaBuilder(title, inputs);
        Expression[] outputs = new Expression[heads];
        for (int h = 0; h < heads; h++)
        {
            string name = heads == 1 ? "v" : $"v{h}_";
            Expression v = builder.Define($"{name}0", builder.Sum(parameters[heads * inputs + h],
                parameters.Slice(h * inputs, inputs), Expression.Input));
            for (int d = 0; d < depth; d++)
            {
                ReadOnlySpan<double> c = parameters.Slice(heads * (inputs + 1) + (h * depth + d) * 3, 3);
                Expression left = v * Expression.Constant(c[0]) + Expression.Constant(c[1]);
                Expression right = Expression.Absolute(v) + Expression.Constant(c[2]) + Expression.Constant(1);
                v = builder.Define($"{name}{d + 1}", Expression.Exp(Expression.Clamp(left, -limit, limit))
                    - Expression.Ln(Expression.PositiveOr(right, Operator.MinPositive)));
            }

            outputs[h] = v;
        }

        return builder.Build(outputs);
    }

    // Whether the sum is 0 or −0 makes no difference here: exp gives 1 for both, and neither is a positive argument of ln.
    private static Expression Side(MixSide side, ReadOnlySpan<double> parameters, Expression[] values)
    {
        (double c0, double c1, double c2) = MixLayout.Coefficients(side, parameters);
        Expression sum = FormulaBuilder.AddTerm(Expression.Constant(c0), c1, values[side.U]);
        return Expression.Clamp(FormulaBuilder.AddTerm(sum, c2, values[side.V]), side.Low, side.High);
    }

    private static Expression Scaled(FormulaBuilder builder, int input, Scaling? scaling) => scaling is null
        ? Expression.Input(input)
        : builder.Define($"s{input}", (Expression.Input(input) - Expression.Constant(scaling.InputOffset[input]))
            * Expression.Constant(scaling.InputFactor[input]));

    private static Expression Unscaled(Expression y, int head, Scaling? scaling) => scaling is null
        ? y
        : Expression.Constant(scaling.TargetOffset[head]) + y / Expression.Constant(scaling.TargetFactor[head]);
}
