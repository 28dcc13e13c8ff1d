using System.Text;
using Eml.Numerics;

namespace Eml.Formulas;

/// <summary>What a form is made of.</summary>
public enum FormKind
{
    /// <summary>The number 1.</summary>
    One,
    /// <summary>A variable.</summary>
    Variable,
    /// <summary>Any other number.</summary>
    Constant,
    /// <summary>eml(left, right) = exp(left) − ln(right).</summary>
    Node,
}

/// <summary>
/// An expression over 1, variables, constants and eml (Odrzywołek, arXiv 2603.21852): immutable. Its text is reverse Polish: <c>1</c>, <c>x</c>,
/// <c>y</c>, <c>z</c>, … for leaves, a constant in brackets as <c>[2.5]</c>, and <c>E</c> for eml of the two before it. <c>11xE1EE</c> is ln x.
/// </summary>
public sealed class EmlForm
{
    /// <summary>The names of variables, in order.</summary>
    public const string VariableNames = "xyzuvwabcdfghijklmnopqrst";

    /// <summary>Characters of a text at most: deeper trees would not fit the stack.</summary>
    public const int MaxLength = 10_000;

    private EmlForm(FormKind kind, int index = 0, double value = 1.0, EmlForm? left = null, EmlForm? right = null)
    {
        (Kind, Index, Value, Left, Right) = (kind, index, value, left, right);
        Length = 1 + (left?.Length ?? 0) + (right?.Length ?? 0);
        Depth = left is null ? 0 : 1 + Math.Max(left.Depth, right!.Depth);
    }

    /// <summary>1.</summary>
    public static EmlForm One { get; } = new(FormKind.One);

    /// <summary>What it is.</summary>
    public FormKind Kind { get; }

    /// <summary>Number of the variable.</summary>
    public int Index { get; }

    /// <summary>The number that a leaf is.</summary>
    public double Value { get; }

    /// <summary>First operand of a node.</summary>
    public EmlForm? Left { get; }

    /// <summary>Second operand of a node.</summary>
    public EmlForm? Right { get; }

    /// <summary>K: leaves plus nodes.</summary>
    public int Length { get; }

    /// <summary>Nodes on the longest path.</summary>
    public int Depth { get; }

    /// <summary>The variable of a number.</summary>
    public static EmlForm Variable(int index) => index >= 0 && index < VariableNames.Length ? new(FormKind.Variable, index)
        : throw new EmlException(ErrorCode.Limit, $"variable {index}; there are {VariableNames.Length}, from 0 on");

    /// <summary>A number.</summary>
    public static EmlForm Constant(double value) => value == 1.0 ? One : new(FormKind.Constant, 0, value);

    /// <summary>exp(left) − ln(right).</summary>
    public static EmlForm Eml(EmlForm left, EmlForm right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new(FormKind.Node, 0, double.NaN, left, right);
    }

    /// <summary>The form of a text.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: it is none; the message says where and why.
    /// <see cref="ErrorCode.Limit"/>: it is too long.</exception>
    public static EmlForm Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength)
        {
            throw new EmlException(ErrorCode.Limit, $"form: {text.Length} characters; at most {MaxLength} are read");
        }
        var stack = new Stack<EmlForm>();
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == 'E')
            {
                if (stack.Count < 2)
                {
                    throw new EmlException(ErrorCode.Argument, $"form: E at character {i} needs two operands before it and has {stack.Count}");
                }
                EmlForm right = stack.Pop();
                stack.Push(Eml(stack.Pop(), right));
            }
            else if (c == '1')
            {
                stack.Push(One);
            }
            else if (c == '[')
            {
                int end = text.IndexOf(']', i);
                if (end < 0 || !double.TryParse(text.AsSpan(i + 1, end - i - 1), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double value)
                    || !double.IsFinite(value))
                {
                    throw new EmlException(ErrorCode.Argument, $"form: [ at character {i} must begin a finite number and a ]");
                }
                stack.Push(Constant(value));
                i = end;
            }
            else if (VariableNames.Contains(c, StringComparison.Ordinal))
            {
                stack.Push(Variable(VariableNames.IndexOf(c, StringComparison.Ordinal)));
            }
            else if (!char.IsWhiteSpace(c))
            {
                throw new EmlException(ErrorCode.Argument, $"form: character {i}, '{c}', is none of 1, a variable ({VariableNames[..3]}…), [number] and E");
            }
        }
        return stack.Count == 1 ? stack.Pop() : throw new EmlException(ErrorCode.Argument,
            $"form: {stack.Count} expressions are left over; there must be one: each E takes two and leaves one");
    }

    /// <summary>Reverse Polish.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Write(text);
        return text.ToString();
    }

    /// <summary>Its value for real numbers, with ln 0 = −∞ and exp −∞ = 0; NaN where it is not real.</summary>
    /// <param name="x">The variables' values.</param>
    public double Evaluate(ReadOnlySpan<double> x) => Kind switch
    {
        FormKind.Node => Exp.Of(Left!.Evaluate(x)) - Ln.Of(Right!.Evaluate(x)),
        FormKind.Variable => Index < x.Length ? x[Index] : throw new EmlException(ErrorCode.Shape, $"form: it has variable {VariableNames[Index]}; {x.Length} values are given"),
        _ => Value,
    };

    private void Write(StringBuilder text)
    {
        switch (Kind)
        {
            case FormKind.One:
                text.Append('1');
                break;
            case FormKind.Variable:
                text.Append(VariableNames[Index]);
                break;
            case FormKind.Constant:
                text.Append('[').Append(Value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)).Append(']');
                break;
            default:
                Left!.Write(text);
                Right!.Write(text);
                text.Append('E');
                break;
        }
    }
}
