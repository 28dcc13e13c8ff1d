using System.CommandLine;
using System.Globalization;
using Eml.Formulas;

namespace Eml.Cli;

/// <summary><c>eml formula eval</c>: the value of a form.</summary>
internal static class FormulaEval
{
    private const int Variables = 3;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Argument<string> form = FormulaShow.FormArgument();
        Option<double?>[] values = [.. Enumerable.Range(0, Variables).Select(i => new Option<double?>($"--{EmlForm.VariableNames[i]}")
        {
            HelpName = "VALUE",
            Description = $"Value of {EmlForm.VariableNames[i]}",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
                    result.AddError($"--{EmlForm.VariableNames[i]} {text}: must be a number");
                return value;
            },
        })];
        var command = new Command("eval", "The value of a form over eml for real numbers; ln 0 is -Infinity, and what is not real is NaN") { form };
        foreach (Option<double?> value in values)
            command.Add(value);
        command.SetAction(parse =>
        {
            // Up to the last that is given; the form says if it needs another.
            double?[] given = [.. values.Select(parse.GetValue)];
            int count = Array.FindLastIndex(given, value => value is not null) + 1;
            double found = EmlForm.Parse(parse.GetRequiredValue(form)).Evaluate([.. given.Take(count).Select(value => value ?? double.NaN)]);
            if (parse.GetValue(Arguments.Json))
            {
                Output.Json(o => o.Number("value", found));
            }
            else
            {
                Output.Out.WriteLine(found.ToString("R", CultureInfo.InvariantCulture));
            }
            return ExitCode.Ok;
        });
        return command;
    }
}
