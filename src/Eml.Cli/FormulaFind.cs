using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Eml.Formulas;
using Eml.Formulas.Notation;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml formula find</c>: the shortest form that computes a column of a CSV file from the others.</summary>
internal static class FormulaFind
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var data = new Argument<string>("DATA.csv") { Description = "CSV file with a header; - reads standard input" };
        var target = new Option<string>("--target") { Required = true, HelpName = "COL", Description = "Column to explain" };
        var inputs = new Option<string?>("--inputs") { HelpName = "A,B", Description = "Columns to explain it by [default: all others]" };
        Option<int> length = Arguments.Integer("--max-k", 1, 99, "Length of forms at most: leaves and nodes [default: 31]");
        length.DefaultValueFactory = _ => 31;
        Option<int> functions = Arguments.Integer("--functions", 100, 200_000_000, "Distinct functions that are kept at most, about 130 bytes each [default: 2000000]");
        functions.DefaultValueFactory = _ => 2_000_000;
        var seconds = new Option<double>("--seconds")
        {
            HelpName = "S",
            DefaultValueFactory = _ => 60.0,
            Description = "Time at most [default: 60]",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(value is > 0 and <= 1e6))
                    result.AddError($"--seconds {text}: must be a number above 0, at most 1000000");
                return value;
            },
        };
        var command = new Command("find", "Find the shortest form over eml that computes a column exactly") { data, target, inputs, length, functions, seconds };
        command.SetAction(parse => Run(parse.GetRequiredValue(data), parse.GetRequiredValue(target), parse.GetValue(inputs),
            new SearchOptions { MaxLength = parse.GetValue(length), MaxFunctions = parse.GetValue(functions) }, parse.GetValue(seconds), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string path, string target, string? inputs, SearchOptions options, double seconds, bool json)
    {
        string[] names;
        Samples samples;
        using (CsvTable table = CsvTable.Open(path))
        {
            int[] targets = table.Find([target], "target");
            int[] columns = inputs is null
                ? [.. Enumerable.Range(0, table.Names.Length).Except(targets)]
                : table.Find(CsvTable.SplitNames(inputs, "--inputs"), "input");
            names = [.. columns.Select(column => table.Names[column])];
            samples = new Samples(table, columns, targets);
        }
        (double[][] held, double[] y) = Columns(samples, names.Length);
        using var interrupt = new Interrupt();
        var cancel = new Cancel(interrupt.Cancel);
        using var timer = new Timer(_ => cancel.Set(), null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);
        long start = Stopwatch.GetTimestamp();
        SearchResult found = FormulaSearch.Find(held, y, options,
            (length, functions) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"K = {length}, {functions:N0} functions")), cancel);
        double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (json)
        {
            Output.Json(o =>
            {
                if (found.Form is { } form)
                {
                    o.WriteString("form", form.ToString());
                    o.WriteNumber("k", form.Length);
                    o.WriteString("text", OrdinaryNotation.Text(form, names));
                    o.WriteString("latex", OrdinaryNotation.Latex(form, names));
                    o.Number("error", Error(form, held, y));
                }
                else
                {
                    o.WriteNull("form");
                }
                o.WriteNumber("exhausted_k", found.Exhausted);
                o.WriteNumber("functions", found.Functions);
                o.WriteNumber("table_k", found.TableLength);
                o.WriteNumber("candidates", found.Candidates);
                o.WriteNumber("rows", y.Length);
                o.Number("seconds", took);
                o.WriteBoolean("interrupted", interrupt.Cancel.IsSet);
            });
        }
        else
        {
            if (found.Form is { } form)
            {
                Output.Field("formula", $"{target} = {OrdinaryNotation.Text(form, names)}");
                Output.Field("form", $"{form}, K = {form.Length}");
                Output.Field("error", string.Create(CultureInfo.InvariantCulture, $"{Error(form, held, y):G2} of |{target}| + 1 at most, on {y.Length} rows"));
            }
            else
            {
                Output.Field("formula", "none");
            }
            Output.Field("searched", string.Create(CultureInfo.InvariantCulture,
                $"no shorter form over real numbers through K = {found.Exhausted} on these rows; {found.Functions:N0} functions, {found.Candidates:N0} sides, {took:F1} s"));
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static double Error(EmlForm form, double[][] columns, double[] y)
    {
        double largest = 0.0;
        for (int row = 0; row < y.Length; row++)
        {
            double value = form.Evaluate([.. columns.Select(column => column[row])]);
            largest = Math.Max(largest, Math.Abs(value - y[row]) / (Math.Abs(y[row]) + 1.0));
        }
        return largest;
    }

    private static (double[][] Columns, double[] Y) Columns(Samples samples, int inputs)
    {
        double[][] columns = [.. Enumerable.Range(0, inputs).Select(_ => new double[samples.Rows])];
        double[] y = samples.Targets.ToArray();
        for (int row = 0; row < samples.Rows; row++)
        {
            if (samples.Present[row] == 0)
            {
                throw new EmlException(ErrorCode.Argument, $"row {row + 1} of the data has no target; leave such rows out");
            }
            for (int i = 0; i < inputs; i++)
                columns[i][row] = samples.Inputs[(row * inputs) + i];
        }
        return (columns, y);
    }
}
