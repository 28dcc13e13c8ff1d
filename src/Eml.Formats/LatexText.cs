using System.Text;
using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>Formulas in LaTeX (amsmath): an aligned environment, one definition a line.</summary>
internal sealed class LatexText
{
    private readonly StringBuilder _text = new();
    private readonly FormulaNames _names;

    private LatexText(Formula formula)
    {
        _names = new FormulaNames(formula);
    }

    public static string Write(Formula formula)
    {
        var writer = new LatexText(formula);
        StringBuilder text = writer._text;
        foreach (string note in formula.Notes)
        {
            text.Append("% ").Append(note).Append('\n');
        }

        text.Append("\\begin{aligned}\n");
        for (int i = 0; i < formula.Definitions.Count; i++)
        {
            writer.Line(Variable(formula.Definitions[i].Name, isName: false), formula.Definitions[i].Body);
            text.Append(" \\\\\n");
        }

        for (int i = 0; i < formula.Outputs.Count; i++)
        {
            writer.Line(Variable(writer._names.Output(i), writer._names.HasOutputs), formula.Outputs[i]);
            text.Append(i + 1 < formula.Outputs.Count ? " \\\\\n" : "\n");
        }

        return text.Append("\\end{aligned}\n").ToString();
    }

    private void Line(string name, Expression body)
    {
        _text.Append(name).Append(" &= ");
        Put(body, 0);
    }

    private void Put(Expression e, int binding)
    {
        int own = BindingOf(e);
        if (own < binding)
        {
            _text.Append("\\left(");
        }

        switch (e.Operation)
        {
            case Operation.Constant:
                _text.Append(Number(e.Value));
                break;
            case Operation.Input:
                _text.Append(Variable(_names.Input(e.Index), _names.HasInputs));
                break;
            case Operation.Definition:
                _text.Append(Variable(_names.Definition(e.Index), isName: false));
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
                Pair(e, e.Right!.IsConstant ? " \\cdot " : "\\,", Binding.Product, Binding.Product);
                break;
            case Operation.Divide:
                _text.Append("\\frac{");
                Pair(e, "}{", 0, 0);
                _text.Append('}');
                break;
            case Operation.Square:
                Put(e.Left!, Binding.Atom);
                _text.Append("^{2}");
                break;
            default:
                Call(e);
                break;
        }

        if (own < binding)
        {
            _text.Append("\\right)");
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
        (string open, string close) = e.Operation switch
        {
            Operation.Exp => ("\\exp\\left(", "\\right)"),
            Operation.Ln => ("\\ln\\left(", "\\right)"),
            Operation.Absolute => ("\\left|", "\\right|"),
            Operation.Minimum => ("\\min\\left(", "\\right)"),
            Operation.Maximum => ("\\max\\left(", "\\right)"),
            Operation.Clamp => ($"\\min\\left({Number(e.High)}, \\max\\left({Number(e.Low)}, ", "\\right)\\right)"),
            _ when e.Value == 0 => ("\\max\\left(0, ", "\\right)"),
            _ => ($"\\operatorname{{positive}}_{{{Number(e.Value)}}}\\left(", "\\right)"),
        };
        _text.Append(open);
        Put(e.Left!, 0);
        if (e.Right is not null)
        {
            _text.Append(", ");
            Put(e.Right, 0);
        }

        _text.Append(close);
    }

    // x0 → x_{0}; a user's name is set upright.
    private static string Variable(string name, bool isName) => isName
        ? name.Length == 1 ? name : $"\\mathrm{{{name.Replace("_", "\\_", StringComparison.Ordinal)}}}"
        : name.Length == 1 ? name : $"{name[0]}_{{{name[1..].Replace('_', ',')}}}";

    private static string Number(double value)
    {
        if (double.IsNaN(value))
        {
            return "\\mathrm{NaN}";
        }

        if (double.IsInfinity(value))
        {
            return value < 0 ? "-\\infty" : "\\infty";
        }

        if (FormulaText.Fraction(value) is { } f)
        {
            return $"{(f.P < 0 ? "-" : "")}\\frac{{{Math.Abs(f.P)}}}{{{f.Q}}}";
        }

        string text = FormulaText.Number(value);
        int e = text.IndexOf('e', StringComparison.Ordinal);
        return e < 0 ? text : $"{text[..e]} \\cdot 10^{{{text[(e + 1)..].TrimStart('+')}}}";
    }

    private static int BindingOf(Expression e) => e.Operation switch
    {
        Operation.Add or Operation.Subtract => Binding.Sum,
        Operation.Multiply or Operation.Divide => Binding.Product,
        Operation.Constant when double.IsNegative(e.Value) || FormulaText.Number(e.Value).Contains('e') => Binding.Product,
        Operation.Square => Binding.Power,
        _ => Binding.Atom,
    };
}
