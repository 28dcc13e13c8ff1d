using System.CommandLine;
using Eml.Formats;
using Eml.Functions;
using Eml.Functions.Expressions;

namespace Eml.Cli;

/// <summary><c>eml fn show</c>: a learned function as a formula or as source code.</summary>
internal static class FnShow
{
    private static readonly (string Name, FormulaFormat Format)[] s_formats =
    [
        ("text", FormulaFormat.Text), ("latex", FormulaFormat.Latex), ("c", FormulaFormat.C), ("rust", FormulaFormat.Rust),
        ("python", FormulaFormat.Python),
    ];

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Model file of any format" };
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
        var command = new Command("show", "Write a learned function as a formula or as source code") { model, format, within };
        command.Validators.Add(result =>
        {
            if (result.GetValue(within) is not null && result.GetValue(format) is "c" or "rust" or "python")
                result.AddError("--within goes with --format text or latex: source code computes everything");
        });
        command.SetAction(parse => Run(parse.GetRequiredValue(model), parse.GetRequiredValue(format), parse.GetValue(within),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    /// <summary>A model's function with the names of its columns.</summary>
    public static Formula FormulaOf(EmlModel model) => model.ToFormula().WithNames(
        ColumnNames.Find(model, ColumnNames.Inputs, model.Inputs), ColumnNames.Find(model, ColumnNames.Targets, model.Heads));

    private static int Run(string path, string formatName, string? within, bool json)
    {
        FormulaFormat format = s_formats.First(f => f.Name == formatName).Format;
        object content = Store.Load(path);
        Formula formula = content is EmlModel model ? FormulaOf(model) : Store.Tree(content)!.ToFormula();
        Interval[]? ranges = within is null ? null : Ranges(formula, content, path, within);
        string text = FormulaText.Write(formula, format, ranges);
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("model", path);
                o.WriteString("format", formatName);
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

    private static Interval[] Ranges(Formula formula, object content, string path, string data)
    {
        Samples samples;
        using (CsvTable table = CsvTable.Open(data))
        {
            string[]? names = content is EmlModel model ? ColumnNames.Find(model, ColumnNames.Inputs, model.Inputs) : null;
            samples = new Samples(table, FnPredict.Columns(names, formula.Inputs, path, table), []);
        }

        var ranges = new Interval[formula.Inputs];
        for (int j = 0; j < ranges.Length; j++)
        {
            double low = samples.Inputs[j], high = low;
            for (int i = j; i < samples.Inputs.Length; i += ranges.Length)
            {
                low = Math.Min(low, samples.Inputs[i]);
                high = Math.Max(high, samples.Inputs[i]);
            }

            ranges[j] = new Interval(low, high);
        }

        return ranges;
    }
}
