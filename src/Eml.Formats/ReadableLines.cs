using System.Text;
using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>Formulas for people, one definition a line: what plain text and LaTeX share. open and close: parentheses.</summary>
internal abstract class ReadableLines(Formula formula, string open, string close)
{
    protected StringBuilder Text { get; } = new();

    protected FormulaNames Names { get; } = new(formula);

    /// <summary>An expression, in parentheses if it binds less than its place needs.</summary>
    protected void Put(Expression e, int binding)
    {
        bool isWrapped = BindingOf(e) < binding;
        if (isWrapped)
        {
            Text.Append(open);
        }

        switch (e.Operation)
        {
            case Operation.Constant:
                Text.Append(Number(e.Value));
                break;
            case Operation.Input:
                Text.Append(Input(e.Index));
                break;
            case Operation.Definition:
                Text.Append(Definition(e.Index));
                break;
            case Operation.Add:
                Pair(e, " + ", Binding.Sum, Binding.Sum);
                break;
            case Operation.Subtract:
                Pair(e, " - ", Binding.Sum, Binding.Product);
                break;
            case Operation.Multiply when e.Left is { IsConstant: true, Value: -1 }:
                Text.Append('-');
                Put(e.Right!, Binding.Power);
                break;
            case Operation.Multiply:
                Pair(e, Times(e.Right!), Binding.Product, Binding.Product);
                break;
            default:
                Other(e);
                break;
        }

        if (isWrapped)
        {
            Text.Append(close);
        }
    }

    /// <summary>Two expressions with something between them.</summary>
    protected void Pair(Expression e, string sign, int left, int right)
    {
        Put(e.Left!, left);
        Text.Append(sign);
        Put(e.Right!, right);
    }

    protected abstract int BindingOf(Expression e);

    protected abstract string Number(double value);

    protected abstract string Input(int index);

    protected abstract string Definition(int index);

    /// <summary>What stands before the right factor of a product.</summary>
    protected abstract string Times(Expression right);

    /// <summary>Quotients, squares, cases and functions.</summary>
    protected abstract void Other(Expression e);
}
