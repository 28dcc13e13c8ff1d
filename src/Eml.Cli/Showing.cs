using System.CommandLine;
using Eml.Formats;
using Eml.Functions.Expressions;

namespace Eml.Cli;

/// <summary>What <c>eml fn show</c> and <c>eml attn show</c> share: a function as a formula or as source code.</summary>
internal static class Showing
{
    private static readonly (string Name, FormulaFormat Format)[] s_formats =
    [
        ("text", FormulaFormat.Text), ("latex", FormulaFormat.Latex), ("c", FormulaFormat.C), ("rust", FormulaFormat.Rust),
        ("python", FormulaFormat.Python),
    ];

    /// <summary>The inputs of all rows, (rows, inputs), of the file that --within names.</summary>
    public delegate ReadOnlySpan<double> ReadRows(string data);

    /// <summary>The verb; open reads a model's file.</summary>
    public static Command Create(string description, string modelDescription, Func<string, (Formula Formula, ReadRows Rows)> open)
    {
        var model = new Argument<string>("MODEL") { Description = modelDescription };
        var format = new Option<string>("--format")
        {
            DefaultValueFactory = _ => s_formats[0].Name,
            Description = "text or latex for people; c, rust or python for code that computes the same bits",
        };
        format.AcceptOnlyFromAmong([.. s_formats.Select(f => f.Name)]);
        var within = new Option<string?>("--within")
        {
            HelpName = "DATA.csv",
            Description = "text, latex: leave out limits that no input within the ranges of these rows meets",
        };
        var command = new Command("show", description) { model, format, within };
        command.Validators.Add(result =>
        {
            if (result.GetValue(within) is not null && result.GetValue(format) is "c" or "rust" or "python")
                result.AddError("--within goes with --format text or latex: source code computes everything");
        });
        command.SetAction(parse => Run(open, parse.GetRequiredValue(model), parse.GetRequiredValue(format), parse.GetValue(within),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(Func<string, (Formula Formula, ReadRows Rows)> open, string path, string format, string? within, bool json)
    {
        (Formula formula, ReadRows rows) = open(path);
        Interval[]? ranges = null;
        if (within is not null)
        {
            double[] x = [.. rows(within)];
            int inputs = formula.Inputs;
            ranges = Interval.OfColumns(inputs, x.Length / inputs, n => x.AsSpan(n * inputs, inputs));
        }

        string text = FormulaText.Write(formula, s_formats.First(f => f.Name == format).Format, ranges);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("model", path);
                o.WriteString("format", format);
                o.WriteString("expression", text);
            });
        }
        else
        {
            foreach (string line in text.TrimEnd('\n').Split('\n'))
                Output.Line(line);
        }

        return ExitCode.Ok;
    }
}
