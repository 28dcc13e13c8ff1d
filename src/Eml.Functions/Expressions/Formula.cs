using Eml.Numerics;

namespace Eml.Functions.Expressions;

/// <summary>A named part of a formula, which later parts refer to: what is used twice is computed once.</summary>
/// <param name="Name">A letter and digits.</param>
/// <param name="Body">Refers to earlier definitions only.</param>
public sealed record Definition(string Name, Expression Body);

/// <summary>
/// A learned function written out: definitions one after the other, then the outputs. Made by the ToFormula of models and
/// trees in the order of operations of their evaluators: <see cref="Evaluate"/> gives their bits for every finite row for
/// which no intermediate result leaves the range of doubles.
/// </summary>
public sealed class Formula
{
    /// <summary>Most parameters of what is written out as a formula.</summary>
    public const int ParameterLimit = 1 << 20;

    internal Formula(string title, int inputs, IReadOnlyList<Definition> definitions, IReadOnlyList<Expression> outputs,
        IReadOnlyList<string>? notes = null)
    {
        Title = title;
        Inputs = inputs;
        Definitions = definitions;
        Outputs = outputs;
        Notes = notes ?? [];
    }

    /// <summary>What it is, for a heading.</summary>
    public string Title { get; }

    /// <summary>Numbers in a row.</summary>
    public int Inputs { get; }

    /// <summary>In the order in which they are computed.</summary>
    public IReadOnlyList<Definition> Definitions { get; }

    /// <summary>One expression an output.</summary>
    public IReadOnlyList<Expression> Outputs { get; }

    /// <summary>Under which conditions it holds, one sentence each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The user's names of the inputs; null: x0, x1, …</summary>
    public IReadOnlyList<string>? InputNames { get; private init; }

    /// <summary>The user's names of the outputs; null: y, or y0, y1, …</summary>
    public IReadOnlyList<string>? OutputNames { get; private init; }

    /// <summary>The same with the user's names of inputs and outputs.</summary>
    public Formula WithNames(IReadOnlyList<string>? inputs, IReadOnlyList<string>? outputs)
    {
        if ((inputs is not null && inputs.Count != Inputs) || (outputs is not null && outputs.Count != Outputs.Count))
        {
            throw new EmlException(ErrorCode.Shape,
                $"{inputs?.Count} input names and {outputs?.Count} output names; the formula has {Inputs} and {Outputs.Count}");
        }

        return new Formula(Title, Inputs, Definitions, Outputs, Notes) { InputNames = inputs, OutputNames = outputs };
    }

    /// <summary>
    /// The same function for people: constants merged, parts used once put in place, clamps that cannot act left out. It
    /// agrees with this one up to rounding. With ranges (one an input) clamps that cannot act inside of them go too, and a
    /// note says so.
    /// </summary>
    public Formula Simplify(IReadOnlyList<Interval>? ranges = null)
    {
        if (ranges is not null && ranges.Count != Inputs)
        {
            throw new EmlException(ErrorCode.Shape, $"{ranges.Count} ranges; the formula has {Inputs} inputs");
        }

        return Simplifier.Run(this, ranges).WithNames(InputNames, OutputNames);
    }

    /// <summary>x (inputs) → y (outputs), operation by operation.</summary>
    public void Evaluate(ReadOnlySpan<double> x, Span<double> y)
    {
        Check.Length("x", x.Length, 1, Inputs);
        Check.Length("y", y.Length, 1, Outputs.Count);
        double[] values = new double[Definitions.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Definitions[i].Body.Evaluate(x, values);
        }

        for (int i = 0; i < y.Length; i++)
        {
            y[i] = Outputs[i].Evaluate(x, values);
        }
    }
}
