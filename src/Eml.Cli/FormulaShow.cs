using System.CommandLine;
using Eml.Formulas;
using Eml.Formulas.Notation;

namespace Eml.Cli;

/// <summary><c>eml formula show</c>: a form in the notation that people use.</summary>
internal static class FormulaShow
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Argument<string> form = FormArgument();
        var latex = new Option<bool>("--latex") { Description = "Print LaTeX" };
        var command = new Command("show", "Write a form over eml in ordinary notation") { form, latex };
        command.SetAction(parse =>
        {
            var parsed = EmlForm.Parse(parse.GetRequiredValue(form));
            if (parse.GetValue(Arguments.Json))
            {
                Output.Json(o =>
                {
                    o.WriteString("form", parsed.ToString());
                    o.WriteNumber("k", parsed.Length);
                    o.WriteNumber("depth", parsed.Depth);
                    o.WriteString("text", OrdinaryNotation.Text(parsed));
                    o.WriteString("latex", OrdinaryNotation.Latex(parsed));
                });
            }
            else
            {
                Output.Out.WriteLine(parse.GetValue(latex) ? OrdinaryNotation.Latex(parsed) : OrdinaryNotation.Text(parsed));
            }
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>A form.</summary>
    public static Argument<string> FormArgument() => new("FORM")
    {
        Description = "Reverse Polish over 1, x, y, z, [number] and E for eml: 11xE1EE is ln(x)",
    };
}
