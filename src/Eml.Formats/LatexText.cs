using System.Text;
using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>Formulas in LaTeX (amsmath): an aligned environment, one definition a line.</summary>
internal sealed class LatexText : ReadableLines
{
    private LatexText(Formula formula) : base(formula, "\\left(", "\\right)")
    {
    }

    public static string Write(Formula formula)
    {
        var writer = new LatexText(formula);
        StringBuilder text = writer.Text;
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
            writer.Line(Variable(writer.Names.Output(i), writer.Names.HasOutputs), formula.Outputs[i]);
            text.Append(i + 1 < formula.Outputs.Count ? " \\\\\n" : "\n");
        }

        return text.Append("\\end{aligned}\n").ToString();
    }

    private void Line(string name, Expression body)
    {
        Text.Append(name).Append(" &= ");
        Put(body, 0);
    }

    protected override string Input(int index) => Variable(Names.Input(index), Names.HasInputs);

    protected override string Definition(int index) => Variable(Names.Definition(index), isName: false);

    protected override string Times(Expression right) => right.IsConstant ? " \\cdot " : "\\,";

    protected override void Other(Expression e)
    {
        switch (e.Operation)
        {
            case Operation.Divide:
                Text.Append("\\frac{");
                Pair(e, "}{", 0, 0);
                Text.Append('}');
                break;
            case Operation.Square:
                Put(e.Left!, Binding.Atom);
                Text.Append("^{2}");
                break;
            case Operation.Above:
                Text.Append("\\begin{cases} ");
                Put(e.Right!, 0);
                Text.Append(" & \\text{if } ");
                Put(e.Left!, 0);
                Text.Append($" > {Number(e.Value)} \\\\ ");
                Put(e.Otherwise!, 0);
                Text.Append(" & \\text{otherwise} \\end{cases}");
                break;
            default:
                Call(e);
                break;
        }
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
        Text.Append(open);
        Put(e.Left!, 0);
        if (e.Right is not null)
        {
            Text.Append(", ");
            Put(e.Right, 0);
        }

        Text.Append(close);
    }

    // x0 → x_{0}; a user's name is set upright.
    private static string Variable(string name, bool isName) => isName
        ? name.Length == 1 ? name : $"\\mathrm{{{name.Replace("_", "\\_", StringComparison.Ordinal)}}}"
        : name.Length == 1 ? name : $"{name[0]}_{{{name[1..].Replace('_', ',')}}}";

    protected override string Number(double value)
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

    protected override int BindingOf(Expression e) => e.Operation switch
    {
        Operation.Add or Operation.Subtract => Binding.Sum,
        Operation.Multiply or Operation.Divide => Binding.Product,
        Operation.Constant when double.IsNegative(e.Value) || FormulaText.Number(e.Value).Contains('e') => Binding.Product,
        Operation.Square => Binding.Power,
        _ => Binding.Atom,
    };
}
