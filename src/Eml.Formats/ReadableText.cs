using System.Text;
using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>Formulas in plain text, one definition a line.</summary>
internal sealed class ReadableText
{
    private readonly StringBuilder _text = new();
    private readonly FormulaNames _names;
    private bool _clamps;
    private bool _stands;

    private ReadableText(Formula formula)
    {
        _names = new FormulaNames(formula);
    }

    public static string Write(Formula formula)
    {
        var writer = new ReadableText(formula);
        for (int i = 0; i < formula.Definitions.Count; i++)
        {
            writer.Line(writer._names.Definition(i), formula.Definitions[i].Body);
        }

        for (int i = 0; i < formula.Outputs.Count; i++)
        {
            writer.Line(writer._names.Output(i), formula.Outputs[i]);
        }

        writer.Legend(formula);
        return writer._text.ToString();
    }

    private void Line(string name, Expression body)
    {
        _text.Append(name).Append(" = ");
        Put(body, 0);
        _text.Append('\n');
    }

    private void Legend(Formula formula)
    {
        if (_clamps)
        {
            _text.Append("# clamp(a, low, high): a, but at least low and at most high\n");
        }

        if (_stands)
        {
            _text.Append("# positive_or(a, b): a if a > 0, else b\n");
        }

        for (int i = 0; i < formula.Inputs && formula.InputNames is not null && !_names.HasInputs; i++)
        {
            _text.Append($"# x{i}: {FormulaNames.Comment(formula.InputNames[i])}\n");
        }

        for (int i = 0; i < formula.Outputs.Count && formula.OutputNames is not null && !_names.HasOutputs; i++)
        {
            _text.Append($"# {_names.Output(i)}: {FormulaNames.Comment(formula.OutputNames[i])}\n");
        }

        foreach (string note in formula.Notes)
        {
            _text.Append("# ").Append(note).Append('\n');
        }
    }

    private void Put(Expression e, int binding)
    {
        int own = BindingOf(e);
        if (own < binding)
        {
            _text.Append('(');
        }

        switch (e.Operation)
        {
            case Operation.Constant:
                _text.Append(FormulaText.Fraction(e.Value) is { } f ? $"{f.P}/{f.Q}" : FormulaText.Number(e.Value));
                break;
            case Operation.Input:
                _text.Append(_names.Input(e.Index));
                break;
            case Operation.Definition:
                _text.Append(_names.Definition(e.Index));
                break;
            case Operation.Add:
                Pair(e, " + ", Binding.Sum, Binding.Sum);
                break;
            case Operation.Subtract:
                Pair(e, " - ", Binding.Sum, Binding.Product);
                break;
            case Operation.Multiply when e.Left is { IsConstant: true, Value: -1 }:
                _text.Append('-');
                Put(e.Right!, Binding.Power);
                break;
            case Operation.Multiply:
                Pair(e, "*", Binding.Product, Binding.Product);
                break;
            case Operation.Divide:
                Pair(e, "/", Binding.Product, Binding.Power);
                break;
            case Operation.Square:
                Put(e.Left!, Binding.Atom);
                _text.Append("^2");
                break;
            default:
                Call(e);
                break;
        }

        if (own < binding)
        {
            _text.Append(')');
        }
    }

    private void Pair(Expression e, string sign, int left, int right)
    {
        Put(e.Left!, left);
        _text.Append(sign);
        Put(e.Right!, right);
    }

    private void Call(Expression e)
    {
        _clamps |= e.Operation == Operation.Clamp;
        _stands |= e is { Operation: Operation.PositiveOr, Value: not 0 };
        _text.Append(e.Operation switch
        {
            Operation.Exp => "exp(",
            Operation.Ln => "ln(",
            Operation.Absolute => "abs(",
            Operation.Minimum => "min(",
            Operation.Clamp => "clamp(",
            Operation.PositiveOr when e.Value != 0 => "positive_or(",
            _ => "max(",
        });
        Put(e.Left!, 0);
        if (e.Right is not null)
        {
            _text.Append(", ");
            Put(e.Right, 0);
        }

        if (e.Operation == Operation.Clamp)
        {
            _text.Append($", {FormulaText.Number(e.Low)}, {FormulaText.Number(e.High)}");
        }
        else if (e.Operation == Operation.PositiveOr)
        {
            _text.Append($", {FormulaText.Number(e.Value)}");
        }

        _text.Append(')');
    }

    private static int BindingOf(Expression e) => e.Operation switch
    {
        Operation.Add or Operation.Subtract => Binding.Sum,
        Operation.Multiply or Operation.Divide => Binding.Product,
        Operation.Constant when FormulaText.Fraction(e.Value) is not null => Binding.Product,
        Operation.Constant when double.IsNegative(e.Value) => Binding.Product,
        Operation.Square => Binding.Power,
        _ => Binding.Atom,
    };
}
