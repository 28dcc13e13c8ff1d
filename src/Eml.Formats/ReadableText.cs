using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>Formulas in plain text, one definition a line.</summary>
internal sealed class ReadableText : ReadableLines
{
    private bool _clamps;
    private bool _stands;

    private ReadableText(Formula formula) : base(formula, "(", ")")
    {
    }

    public static string Write(Formula formula)
    {
        var writer = new ReadableText(formula);
        for (int i = 0; i < formula.Definitions.Count; i++)
        {
            writer.Line(writer.Names.Definition(i), formula.Definitions[i].Body);
        }

        for (int i = 0; i < formula.Outputs.Count; i++)
        {
            writer.Line(writer.Names.Output(i), formula.Outputs[i]);
        }

        writer.Legend(formula);
        return writer.Text.ToString();
    }

    private void Line(string name, Expression body)
    {
        Text.Append(name).Append(" = ");
        Put(body, 0);
        Text.Append('\n');
    }

    private void Legend(Formula formula)
    {
        if (_clamps)
        {
            Text.Append("# clamp(a, low, high): a, but at least low and at most high\n");
        }

        if (_stands)
        {
            Text.Append("# positive_or(a, b): a if a > 0, else b\n");
        }

        for (int i = 0; i < formula.Inputs && formula.InputNames is not null && !Names.HasInputs; i++)
        {
            Text.Append($"# x{i}: {FormulaNames.Comment(formula.InputNames[i])}\n");
        }

        for (int i = 0; i < formula.Outputs.Count && formula.OutputNames is not null && !Names.HasOutputs; i++)
        {
            Text.Append($"# {Names.Output(i)}: {FormulaNames.Comment(formula.OutputNames[i])}\n");
        }

        foreach (string note in formula.Notes)
        {
            Text.Append("# ").Append(note).Append('\n');
        }
    }

    protected override string Number(double value) =>
        FormulaText.Fraction(value) is { } f ? $"{f.P}/{f.Q}" : FormulaText.Number(value);

    protected override string Input(int index) => Names.Input(index);

    protected override string Definition(int index) => Names.Definition(index);

    protected override string Times(Expression right) => "*";

    protected override void Other(Expression e)
    {
        switch (e.Operation)
        {
            case Operation.Divide:
                Pair(e, "/", Binding.Product, Binding.Power);
                break;
            case Operation.Square:
                Put(e.Left!, Binding.Atom);
                Text.Append("^2");
                break;
            case Operation.Above:
                Put(e.Right!, Binding.Sum);
                Text.Append(" if ");
                Put(e.Left!, Binding.Sum);
                Text.Append($" > {FormulaText.Number(e.Value)} else ");
                Put(e.Otherwise!, Binding.Sum);
                break;
            default:
                Call(e);
                break;
        }
    }

    private void Call(Expression e)
    {
        _clamps |= e.Operation == Operation.Clamp;
        _stands |= e is { Operation: Operation.PositiveOr, Value: not 0 };
        Text.Append(e.Operation switch
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
            Text.Append(", ");
            Put(e.Right, 0);
        }

        if (e.Operation == Operation.Clamp)
        {
            Text.Append($", {FormulaText.Number(e.Low)}, {FormulaText.Number(e.High)}");
        }
        else if (e.Operation == Operation.PositiveOr)
        {
            Text.Append($", {FormulaText.Number(e.Value)}");
        }

        Text.Append(')');
    }

    protected override int BindingOf(Expression e) => e.Operation switch
    {
        Operation.Above => 0,
        Operation.Add or Operation.Subtract => Binding.Sum,
        Operation.Multiply or Operation.Divide => Binding.Product,
        Operation.Constant when FormulaText.Fraction(e.Value) is not null => Binding.Product,
        Operation.Constant when double.IsNegative(e.Value) => Binding.Product,
        Operation.Square => Binding.Power,
        _ => Binding.Atom,
    };
}
