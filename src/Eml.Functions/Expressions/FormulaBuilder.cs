using Eml.Numerics;

namespace Eml.Functions.Expressions;

/// <summary>Collects the definitions of a formula.</summary>
internal sealed class FormulaBuilder(string title, int inputs)
{
    /// <summary>Longer sums are cut into definitions: compilers and readers do not like thousands of terms in one.</summary>
    private const int SumTerms = 16;

    private readonly List<Definition> _definitions = [];
    private int _sums;

    /// <summary>Refuses what would print as a book.</summary>
    public static void CheckSize(string what, long parameters)
    {
        if (parameters > Formula.ParameterLimit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"{what} has {parameters} parameters; expressions are written for at most {Formula.ParameterLimit}");
        }
    }

    /// <summary>A definition; constants, inputs and definitions stay what they are.</summary>
    public Expression Define(string name, Expression body)
    {
        if (body.Left is null)
        {
            return body;
        }

        _definitions.Add(new Definition(name, body));
        return Expression.Definition(_definitions.Count - 1);
    }

    /// <summary>
    /// sum + weight·value, in this order. A weight of 0 is left out: it would add ±0, which changes no sum but −0. A weight
    /// of 1 changes nothing in a product.
    /// </summary>
    public static Expression AddTerm(Expression sum, double weight, Expression value) => weight switch
    {
        0 => sum,
        1 => sum + value,
        _ => sum + Expression.Constant(weight) * value,
    };

    /// <summary>first + Σ weight·value, from left to right.</summary>
    public Expression Sum(double first, ReadOnlySpan<double> weights, Func<int, Expression> value)
    {
        // A sum that starts with anything but −0 is never −0: x − x is +0, and so is +0 − 0.
        bool canBeMinusZero = first == 0 && double.IsNegative(first);
        Expression sum = Expression.Constant(first);
        int terms = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            Expression longer = canBeMinusZero
                ? sum + Expression.Constant(weights[i]) * value(i)
                : AddTerm(sum, weights[i], value(i));
            if (ReferenceEquals(longer, sum))
            {
                continue;
            }

            sum = longer;
            if (++terms % SumTerms == 0 && i + 1 < weights.Length)
            {
                sum = Define($"t{_sums++}", sum);
            }
        }

        return sum;
    }

    /// <summary>The formula, without definitions that nothing refers to.</summary>
    public Formula Build(IReadOnlyList<Expression> outputs) => Prune(title, inputs, _definitions, outputs, null);

    /// <summary>Drops definitions that nothing refers to.</summary>
    public static Formula Prune(string title, int inputs, IReadOnlyList<Definition> definitions,
        IReadOnlyList<Expression> outputs, IReadOnlyList<string>? notes)
    {
        bool[] used = new bool[definitions.Count];
        foreach (Expression output in outputs)
        {
            Mark(output, used);
        }

        for (int i = used.Length - 1; i >= 0; i--)
        {
            if (used[i])
            {
                Mark(definitions[i].Body, used);
            }
        }

        int[] place = new int[used.Length];
        var kept = new List<Definition>();
        for (int i = 0; i < used.Length; i++)
        {
            place[i] = kept.Count;
            if (used[i])
            {
                kept.Add(definitions[i] with { Body = Renumber(definitions[i].Body, place) });
            }
        }

        return new Formula(title, inputs, kept, [.. outputs.Select(o => Renumber(o, place))], notes);
    }

    private static void Mark(Expression? e, bool[] used)
    {
        if (e is null)
        {
            return;
        }

        if (e.Operation == Operation.Definition)
        {
            used[e.Index] = true;
        }

        Mark(e.Left, used);
        Mark(e.Right, used);
    }

    private static Expression Renumber(Expression e, int[] place)
    {
        if (e.Operation == Operation.Definition)
        {
            return place[e.Index] == e.Index ? e : Expression.Definition(place[e.Index]);
        }

        return e.Left is null ? e : e.With(Renumber(e.Left, place), e.Right is null ? null : Renumber(e.Right, place));
    }
}
