namespace Eml.Functions.Expressions;

/// <summary>
/// Makes a formula readable: sums become linear forms with merged constants, definitions used once (or no longer than
/// their names) go where they are used, and limits that the operand's bounds never meet go away.
/// </summary>
internal sealed class Simplifier
{
    private const int LongestSum = 64;    // terms; a longer one stays a definition
    private const int LargestInlined = 200; // nodes
    private const int MostPasses = 16;

    private readonly Formula _formula;
    private readonly Func<int, Interval> _ranges;
    private readonly Expression?[] _inlined;
    private readonly List<Interval> _always = [];  // bounds of the definitions for all inputs
    private readonly List<Interval> _within = [];  // and for inputs within the ranges
    private bool _usedRanges;

    private Simplifier(Formula formula, IReadOnlyList<Interval>? ranges)
    {
        _formula = formula;
        _ranges = ranges is null ? _ => Interval.Everything : i => ranges[i];
        _inlined = new Expression?[formula.Definitions.Count];
    }

    public static Formula Run(Formula formula, IReadOnlyList<Interval>? ranges)
    {
        bool usedRanges = false;
        for (int pass = 0, size = int.MaxValue; pass < MostPasses; pass++)
        {
            var simplifier = new Simplifier(formula, ranges);
            formula = simplifier.Pass();
            usedRanges |= simplifier._usedRanges;
            int newSize = formula.Definitions.Sum(d => Size(d.Body)) + formula.Outputs.Sum(Size);
            if (newSize >= size)
            {
                break;
            }

            size = newSize;
        }

        return usedRanges
            ? new Formula(formula.Title, formula.Inputs, formula.Definitions, formula.Outputs,
                ["limits that the recorded samples never meet are left out: the formula holds for inputs within their ranges"])
            : formula;
    }

    private Formula Pass()
    {
        int[] uses = new int[_inlined.Length];
        foreach (Expression body in _formula.Definitions.Select(d => d.Body).Concat(_formula.Outputs))
        {
            CountUses(body, uses);
        }

        var definitions = new List<Definition>();
        for (int i = 0; i < _inlined.Length; i++)
        {
            Expression body = Simplify(_formula.Definitions[i].Body);
            bool isShort = body.Left is null || (Linear(body) is { Terms: 1 } form && form.ToExpression() is { } e && Size(e) <= 5);
            if ((isShort || uses[i] == 1) && Size(body) <= LargestInlined)
            {
                _inlined[i] = body;
            }

            definitions.Add(_formula.Definitions[i] with { Body = body });
            _always.Add(Interval.Of(body, _ => Interval.Everything, _always));
            _within.Add(Interval.Of(body, _ranges, _within));
        }

        Expression[] outputs = [.. _formula.Outputs.Select(Simplify)];
        return FormulaBuilder.Prune(_formula.Title, _formula.Inputs, definitions, outputs, null);
    }

    private Expression Simplify(Expression e) => Linear(e).ToExpression();

    private LinearForm Linear(Expression e)
    {
        var form = new LinearForm();
        Collect(e, 1, form);
        return form;
    }

    private void Collect(Expression e, double weight, LinearForm form)
    {
        switch (e.Operation)
        {
            case Operation.Constant:
                form.AddConstant(weight * e.Value);
                break;
            case Operation.Subtract when Math.Abs(weight) != 1 && e is { Left.Operation: Operation.Exp, Right.Operation: Operation.Ln }:
                // weight·eml(a, b) reads better than two products, as long as it is one.
                Expression exp = Simplify(e.Left!), ln = Simplify(e.Right!);
                if (exp.Operation == Operation.Exp && ln.Operation == Operation.Ln)
                {
                    form.Add(weight, e.With(exp, ln));
                }
                else
                {
                    Collect(exp, weight, form);
                    Collect(ln, -weight, form);
                }

                break;
            case Operation.Add or Operation.Subtract:
                Collect(e.Left!, weight, form);
                Collect(e.Right!, e.Operation == Operation.Add ? weight : -weight, form);
                break;
            case Operation.Multiply when e.Left!.IsConstant:
                Collect(e.Right!, weight * e.Left.Value, form);
                break;
            case Operation.Multiply when e.Right!.IsConstant:
                Collect(e.Left!, weight * e.Right.Value, form);
                break;
            case Operation.Divide when e.Right!.IsConstant:
                Collect(e.Left!, weight / e.Right.Value, form);
                break;
            case Operation.Definition when _inlined[e.Index] is { } body && form.Terms < LongestSum:
                Collect(body, weight, form);
                break;
            case Operation.Definition or Operation.Input:
                form.Add(weight, e);
                break;
            default:
                Expression term = Bend(e.With(Simplify(e.Left!), e.Right is null ? null : Simplify(e.Right)));
                if (term.IsConstant)
                {
                    form.AddConstant(weight * term.Value);
                }
                else if (term.Operation is Operation.Add or Operation.Subtract or Operation.Multiply or Operation.Divide
                    && term.Operation != e.Operation)
                {
                    Collect(term, weight, form); // a limit went away, and a sum is left
                }
                else
                {
                    form.Add(weight, term);
                }

                break;
        }
    }

    /// <summary>An operation that is not linear, without what its operand's bounds make superfluous.</summary>
    private Expression Bend(Expression e)
    {
        if (e.Operation is not (Operation.Clamp or Operation.PositiveOr or Operation.Absolute))
        {
            return e;
        }

        Expression operand = e.Left!;
        if (Decide(e, Interval.Of(operand, _ => Interval.Everything, _always)) is { } always)
        {
            return always;
        }

        Expression? within = Decide(e, Interval.Of(operand, _ranges, _within));
        _usedRanges |= within is not null;
        return within ?? e;
    }

    private static Expression? Decide(Expression e, Interval operand) => e.Operation switch
    {
        Operation.Clamp when operand.Low >= e.Low && operand.High <= e.High => e.Left,
        Operation.Clamp when operand.High <= e.Low => Expression.Constant(e.Low),
        Operation.Clamp when operand.Low >= e.High => Expression.Constant(e.High),
        Operation.PositiveOr when operand.Low > 0 || (operand.Low == 0 && e.Value == 0) => e.Left,
        Operation.PositiveOr when operand.High <= 0 => Expression.Constant(e.Value),
        Operation.Absolute when operand.Low >= 0 => e.Left,
        Operation.Absolute when operand.High <= 0 => Expression.Constant(-1) * e.Left!,
        _ => null,
    };

    private static void CountUses(Expression e, int[] uses)
    {
        if (e.Operation == Operation.Definition)
        {
            uses[e.Index]++;
        }
        else if (e.Left is not null)
        {
            CountUses(e.Left, uses);
            if (e.Right is not null)
            {
                CountUses(e.Right, uses);
            }
        }
    }

    private static int Size(Expression e) =>
        1 + (e.Left is null ? 0 : Size(e.Left)) + (e.Right is null ? 0 : Size(e.Right));
}
