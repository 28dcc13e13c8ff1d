using Eml.Formats;
using Eml.Functions;
using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Formulas against the evaluators: the same bits as written, the same numbers when simplified.</summary>
public class FormulaTests
{
    [Fact]
    [Trait("Category", "Paths")]
    public void A_formula_gives_the_functions_bits()
    {
        foreach (FormulaCase c in FormulaCase.All())
        {
            Golden.AssertBits(c.Y, Evaluate(c, c.Formula), c.Name);
        }
    }

    [Fact]
    public void A_simplified_formula_gives_the_functions_numbers()
    {
        foreach (FormulaCase c in FormulaCase.All())
        {
            var ranges = new Interval[c.Inputs];
            for (int j = 0; j < c.Inputs; j++)
            {
                double[] column = [.. Enumerable.Range(0, c.Count).Select(i => c.X[i * c.Inputs + j])];
                ranges[j] = new Interval(column.Min(), column.Max());
            }

            foreach (Formula simple in (Formula[])[c.Formula.Simplify(), c.Formula.Simplify(ranges)])
            {
                double[] y = Evaluate(c, simple);
                for (int i = 0; i < y.Length; i++)
                {
                    // Near a clamp's edge and under exp, rounding is multiplied by at most some ten thousands.
                    double scale = 1 + Math.Abs(c.Y[i]) + c.Y.Max(Math.Abs);
                    Assert.True(Math.Abs(y[i] - c.Y[i]) <= 1e-8 * scale, $"{c.Name}, y[{i}]: {c.Y[i]:r} but simplified {y[i]:r}");
                }
            }
        }
    }

    [Fact]
    public void What_is_zero_or_one_disappears_and_scalings_merge()
    {
        var model = new EmlModel(2, 2, 1, Profile.Default);
        double[] p = new double[model.ParameterCount];
        p[6] = 3;    // the head: c, s0, s1, o
        p[7] = 1;
        p[8] = -0.5;
        model.SetParameters(p);
        model.Scaling = new Scaling([1, 0], [0.5, 2], [10], [4]);

        // 10 + (3 + (x0 − 1)·0.5 − 0.5·2·x1)/4
        Formula simple = model.ToFormula().Simplify();
        Assert.Empty(simple.Definitions);
        Assert.Equal("y = 10.625 + 0.125*x0 - 0.25*x1\n", FormulaText.Write(model.ToFormula(), FormulaFormat.Text));
        Assert.Equal(4, Operations(simple.Outputs[0]));
    }

    [Fact]
    public void Limits_that_the_samples_never_meet_go_only_when_asked_and_are_noted()
    {
        var model = new EmlModel(2, 1, 1, Profile.Default);
        model.SetParameters([0, 1, 0, 1, 0, 0, 1]); // exp(clamp(x)) − ln(1 + clamp(x)²)
        Formula formula = model.ToFormula();
        Formula wide = formula.Simplify();
        Assert.Empty(wide.Notes);
        Assert.Contains("clamp", FormulaText.Write(formula, FormulaFormat.Text), StringComparison.Ordinal);

        Formula narrow = formula.Simplify([new Interval(-1, 2)]);
        Assert.Single(narrow.Notes);
        string text = FormulaText.Write(formula, FormulaFormat.Text, [new Interval(-1, 2)]);
        Assert.StartsWith("y = exp(x0) - ln(1 + x0^2)\n# ", text, StringComparison.Ordinal);
        Assert.Single(formula.Simplify([new Interval(-1, 11)]).Notes); // the exponent's limit of 10 stays
        Assert.Contains("clamp(x0, -20, 10)", FormulaText.Write(formula, FormulaFormat.Text, [new Interval(-1, 11)]),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Ranges_are_those_of_the_finite_values_of_each_column()
    {
        double[] rows = [1, double.NaN, -2, 3, double.PositiveInfinity, -5, -1, double.NaN, -2];
        Assert.Equal([new Interval(-1, 3), Interval.Everything, new Interval(-5, -2)],
            Interval.OfColumns(3, 3, n => rows.AsSpan(3 * n, 3)));
        Assert.Equal([Interval.Everything, Interval.Everything], Interval.OfColumns(2, 0, _ => []));
    }

    [Fact]
    public void Constants_are_folded_with_the_librarys_own_exp_and_ln()
    {
        Expression e = Expression.Exp(Expression.Constant(0.3)) - Expression.Ln(Expression.Constant(7));
        Assert.True(e.IsConstant);
        Assert.Equal(Operator.Eml(0.3, 7), e.Value);
    }

    [Fact]
    public void Long_sums_are_cut_into_definitions_so_that_no_compiler_runs_out_of_stack()
    {
        var model = new EmlModel(2, 20000, 1, Profile.Default);
        model.SetParameters(FormulaCase.Numbers(new Random(3), model.ParameterCount, 0.01));
        Formula formula = model.ToFormula();
        Assert.All(formula.Definitions, d => Assert.True(Operations(d.Body) < 100));
        Assert.All(formula.Simplify().Definitions, d => Assert.True(Operations(d.Body) < 400));
    }

    [Fact]
    public void An_attention_block_reads_as_softmax_of_scores()
    {
        var block = new BaselineAttention("copy", 1, 1, 2);
        block.SetParameters([1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0]); // q, k, v, out: the input
        Assert.Equal("""
            m0 = max(x0*x1, x0*x0)
            e0_0 = exp(x0*x0 - m0)
            e0_1 = exp(x0*x1 - m0)
            z0 = e0_0 + e0_1
            m1 = max(x1*x1, x1*x0)
            e1_0 = exp(x1*x0 - m1)
            e1_1 = exp(x1*x1 - m1)
            z1 = e1_0 + e1_1
            y0 = e0_0/z0*x0 + e0_1/z0*x1
            y1 = e1_0/z1*x0 + e1_1/z1*x1

            """, FormulaText.Write(block.ToFormula(), FormulaFormat.Text));
        string latex = FormulaText.Write(block.ToFormula(), FormulaFormat.Latex);
        Assert.Contains("m_{0} &= \\max\\left(x_{0}\\,x_{1}, x_{0}\\,x_{0}\\right)", latex, StringComparison.Ordinal);
    }

    [Fact]
    public void The_softmax_tree_and_what_stands_in_for_it_are_a_choice()
    {
        var block = new ToyEmlAttention("toy", 1, 1, 2, 3);
        block.SetParameters(FormulaCase.Numbers(new Random(5), block.ParameterCount, 0.5));
        Assert.DoesNotContain(" if ", FormulaText.Write(block.ToFormula(), FormulaFormat.Text), StringComparison.Ordinal);
        block.Trained = true;
        Formula formula = block.ToFormula();
        Assert.Contains("p0_0/u0 if u0 > 1e-12 else e0_0/z0", FormulaText.Write(formula, FormulaFormat.Text), StringComparison.Ordinal);
        Assert.Contains("\\begin{cases} \\frac{p_{0,0}}{u_{0}} & \\text{if } u_{0} > 1 \\cdot 10^{-12} \\\\ \\frac{e_{0,0}}{z_{0}} & \\text{otherwise} \\end{cases}",
            FormulaText.Write(formula, FormulaFormat.Latex), StringComparison.Ordinal);
        Assert.Contains("w0_0 = u0 > 1e-12 ? p0_0 / u0 : e0_0 / z0;\n", FormulaText.Write(formula, FormulaFormat.C), StringComparison.Ordinal);
        Assert.Contains("w0_0 = if u0 > 1e-12 { p0_0 / u0 } else { e0_0 / z0 };\n", FormulaText.Write(formula, FormulaFormat.Rust), StringComparison.Ordinal);
        Assert.Contains("w0_0 = p0_0 / u0 if u0 > 1e-12 else e0_0 / z0\n", FormulaText.Write(formula, FormulaFormat.Python), StringComparison.Ordinal);
    }

    [Fact]
    public void Largest_smallest_and_choices_keep_their_meaning_in_every_notation_and_inside_of_each_other()
    {
        Expression x = Expression.Input(0), y = Expression.Input(1), three = Expression.Constant(3);
        Expression choice = Expression.Above(x, 2, y, Expression.Maximum(x, y));
        var formula = new Formula("nested", 2, [], [three * choice, Expression.Above(choice, 0, Expression.Minimum(x, three), choice)]);
        Assert.Equal("y0 = 3*(x1 if x0 > 2 else max(x0, x1))\n" +
            "y1 = min(x0, 3) if (x1 if x0 > 2 else max(x0, x1)) > 0 else (x1 if x0 > 2 else max(x0, x1))\n", FormulaText.Write(formula, FormulaFormat.Text));
        double[] result = new double[2];
        foreach ((double[] at, double[] expected) in ((double[], double[])[])
            [([1, 5], [15, 1]), ([7, 5], [15, 3]), ([-1, -2], [-3, -1]), ([7, -2], [-6, -2])])
        {
            formula.Evaluate(at, result);
            Assert.Equal(expected, result);
            formula.Simplify().Evaluate(at, result);
            Assert.Equal(expected, result);
            formula.Simplify([new(at[0], at[0]), new(at[1], at[1])]).Evaluate(at, result);
            Assert.Equal(expected, result);
        }

        Formula decided = formula.Simplify([new(-1, 1), new(0, 1)]);
        Assert.StartsWith("y0 = 3*max(x0, x1)\n", FormulaText.Write(decided, FormulaFormat.Text), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_written_out_is_refused()
    {
        var wide = new EmlAttention(new AttentionConfig { DModel = 128, DKey = 64, SeqLen = 64, Nodes = 8 });
        EmlException tooLarge = Assert.Throws<EmlException>(() => wide.ToFormula());
        Assert.Equal(ErrorCode.Limit, tooLarge.Code);
        Assert.Contains("products when it is written out", tooLarge.Message, StringComparison.Ordinal);
        var none = new EmlModel(2, 0, 1, Profile.EmlCore01);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => none.ToFormula()).Code);
        var large = new SafeTree(1, 1 << 20, 1);
        Assert.Equal(ErrorCode.Limit, Assert.Throws<EmlException>(() => large.ToFormula()).Code);
        var tree = new EmlTree(2, 1);
        Assert.Equal(ErrorCode.Shape, Assert.Throws<EmlException>(() => tree.ToFormula([1, 2])).Code);
        Formula formula = new EmlModel(2, 1, 1, Profile.Default).ToFormula();
        Assert.Equal(ErrorCode.Shape, Assert.Throws<EmlException>(() => formula.WithNames(["a", "b"], null)).Code);
        Assert.Equal(ErrorCode.Shape, Assert.Throws<EmlException>(() => formula.Simplify([])).Code);
    }

    private static double[] Evaluate(FormulaCase c, Formula formula)
    {
        double[] y = new double[c.Y.Length];
        for (int i = 0; i < c.Count; i++)
        {
            formula.Evaluate(c.X.AsSpan(i * c.Inputs, c.Inputs), y.AsSpan(i * c.Heads, c.Heads));
        }

        return y;
    }

    private static int Operations(Expression? e) => e is null ? 0 : e.Left is null ? 0 : 1 + Operations(e.Left) + Operations(e.Right);
}
