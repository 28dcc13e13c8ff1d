namespace Eml.Functions.Expressions;

/// <summary>
/// A formula's part: immutable. One IEEE double operation a node, so that what is printed in a programming language
/// computes the same bits as <see cref="Formula.Evaluate"/>. Operations on constants are done when they are made, by the
/// library's own exp and ln: compilers would do them with others.
/// </summary>
public sealed class Expression
{
    private Expression(Operation operation, Expression? left = null, Expression? right = null)
    {
        Operation = operation;
        Left = left;
        Right = right;
    }

    /// <summary>What is computed.</summary>
    public Operation Operation { get; }

    /// <summary>The first or only operand; null for constants, inputs and definitions.</summary>
    public Expression? Left { get; }

    /// <summary>The second operand, if there is one.</summary>
    public Expression? Right { get; }

    /// <summary>The constant; of <see cref="Operation.PositiveOr"/> what stands in.</summary>
    public double Value { get; private init; }

    /// <summary>Lower limit of a clamp.</summary>
    public double Low { get; private init; }

    /// <summary>Upper limit of a clamp.</summary>
    public double High { get; private init; }

    /// <summary>Number of the input or definition.</summary>
    public int Index { get; private init; }

    /// <summary>Whether it is a constant.</summary>
    public bool IsConstant => Operation == Operation.Constant;

    /// <summary>A number.</summary>
    public static Expression Constant(double value) => new(Operation.Constant) { Value = value };

    /// <summary>x[index].</summary>
    public static Expression Input(int index) => new(Operation.Input) { Index = index };

    /// <summary>An earlier definition of the same formula.</summary>
    public static Expression Definition(int index) => new(Operation.Definition) { Index = index };

    /// <summary>Left + right.</summary>
    public static Expression operator +(Expression left, Expression right) => Fold(new(Operation.Add, left, right));

    /// <summary>Left − right.</summary>
    public static Expression operator -(Expression left, Expression right) => Fold(new(Operation.Subtract, left, right));

    /// <summary>Left · right.</summary>
    public static Expression operator *(Expression left, Expression right) => Fold(new(Operation.Multiply, left, right));

    /// <summary>Left / right.</summary>
    public static Expression operator /(Expression left, Expression right) => Fold(new(Operation.Divide, left, right));

    /// <summary>Left &gt; right ? left : right.</summary>
    public static Expression Maximum(Expression left, Expression right) => Fold(new(Operation.Maximum, left, right));

    /// <summary>Left &lt; right ? left : right.</summary>
    public static Expression Minimum(Expression left, Expression right) => Fold(new(Operation.Minimum, left, right));

    /// <summary>|x|.</summary>
    public static Expression Absolute(Expression x) => Fold(new(Operation.Absolute, x));

    /// <summary>x·x.</summary>
    public static Expression Square(Expression x) => Fold(new(Operation.Square, x));

    /// <summary>e to the x.</summary>
    public static Expression Exp(Expression x) => Fold(new(Operation.Exp, x));

    /// <summary>ln x.</summary>
    public static Expression Ln(Expression x) => Fold(new(Operation.Ln, x));

    /// <summary>x within [low, high], which are not 0; NaN stays NaN.</summary>
    public static Expression Clamp(Expression x, double low, double high) =>
        Fold(new(Operation.Clamp, x) { Low = low, High = high });

    /// <summary>x &gt; 0 ? x : other.</summary>
    public static Expression PositiveOr(Expression x, double other) => Fold(new(Operation.PositiveOr, x) { Value = other });

    /// <summary>The same operation on other operands.</summary>
    internal Expression With(Expression? left, Expression? right) => ReferenceEquals(left, Left) && ReferenceEquals(right, Right)
        ? this
        : Fold(new(Operation, left, right) { Value = Value, Low = Low, High = High, Index = Index });

    /// <summary>The operation on the operands' values.</summary>
    internal double Apply(double left, double right) => Operation switch
    {
        Operation.Add => left + right,
        Operation.Subtract => left - right,
        Operation.Multiply => left * right,
        Operation.Divide => left / right,
        Operation.Maximum => left > right ? left : right,
        Operation.Minimum => left < right ? left : right,
        Operation.Absolute => Math.Abs(left),
        Operation.Square => left * left,
        Operation.Exp => Numerics.Exp.Of(left),
        Operation.Ln => Numerics.Ln.Of(left),
        Operation.Clamp => left < Low ? Low : left > High ? High : left,
        Operation.PositiveOr => left > 0 ? left : Value,
        _ => throw new InvalidOperationException("A constant, input or definition has no operands."),
    };

    internal double Evaluate(ReadOnlySpan<double> x, ReadOnlySpan<double> definitions) => Operation switch
    {
        Operation.Constant => Value,
        Operation.Input => x[Index],
        Operation.Definition => definitions[Index],
        _ => Apply(Left!.Evaluate(x, definitions), Right?.Evaluate(x, definitions) ?? 0),
    };

    private static Expression Fold(Expression e) => e.Left!.IsConstant && e.Right is not { IsConstant: false }
        ? Constant(e.Apply(e.Left.Value, e.Right?.Value ?? 0))
        : e;
}
