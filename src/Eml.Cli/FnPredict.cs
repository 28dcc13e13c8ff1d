using System.CommandLine;
using System.Text;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml fn predict</c>: a model's answers to the rows of a CSV file, in the user's units.</summary>
internal static class FnPredict
{
    private delegate void Forward(ReadOnlySpan<double> x, int rows, Span<double> y);

    /// <summary>A model of either kind, with the names of its columns where it knows them.</summary>
    private sealed record Predictor(int Inputs, int Heads, string[]? InputNames, string[] TargetNames, Forward Forward);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Model file of any format" };
        var data = new Argument<string>("DATA.csv") { Description = "CSV file with a header; - reads standard input" };
        Option<string?> output = Arguments.Out("F.csv", "Write the predictions to a file instead of standard output");
        var command = new Command("predict", "Compute a learned function for the rows of a CSV file") { model, data, output };
        command.SetAction(parse => Run(parse.GetRequiredValue(model), parse.GetRequiredValue(data), parse.GetValue(output),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string modelPath, string data, string? output, bool json)
    {
        if (output is not null)
            Store.CheckFolder(output);

        Predictor model = Open(modelPath);
        Samples samples;
        // All rows are read before the first answer is written: a bad cell leaves no half of a result.
        using (CsvTable table = CsvTable.Open(data))
            samples = new Samples(table, Columns(model, modelPath, table), []);

        if (output is not null)
        {
            using var bytes = new MemoryStream();
            WriteCsv(bytes, model, samples);
            AtomicFile.Write(output, bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
            if (json)
                WriteJson(modelPath, model, samples, output);
            else
                Output.Field("saved", $"{output}: {Output.Count(samples.Rows, "row")}");
        }
        else if (json)
        {
            WriteJson(modelPath, model, samples, null);
        }
        else
        {
            using Stream stream = Console.OpenStandardOutput();
            WriteCsv(stream, model, samples);
        }

        return ExitCode.Ok;
    }

    private static Predictor Open(string path)
    {
        object content = Store.Load(path);
        if (content is EmlModel model)
        {
            string[] targets = ColumnNames.Find(model, ColumnNames.Targets, model.Heads) ?? Numbered(model.Heads);
            string[]? inputs = ColumnNames.Find(model, ColumnNames.Inputs, model.Inputs);
            return new Predictor(model.Inputs, model.Heads, inputs, targets, (x, rows, y) => model.Forward(x, rows, y));
        }

        if (content is AttentionBlock block)
            return new Predictor(block.Width, block.Width, null, Numbered(block.Width), (x, rows, y) => block.Forward(x, rows, y));

        if (content is EmlAttention attention)
        {
            int width = attention.Config.SampleLength;
            return new Predictor(width, width, null, Numbered(width), (x, rows, y) => attention.Forward(x, rows, y));
        }

        SafeTree tree = Store.Tree(content)!;
        return new Predictor(tree.Inputs, tree.Heads, null, Numbered(tree.Heads), (x, rows, y) => tree.Forward(x, rows, y));
    }

    private static string[] Numbered(int heads) => [.. Enumerable.Range(1, heads).Select(i => heads == 1 ? "y" : $"y{i}")];

    private static int[] Columns(Predictor model, string path, CsvTable table)
    {
        if (model.InputNames is not null)
            return table.Find(model.InputNames, "input");

        return table.Names.Length == model.Inputs
            ? [.. Enumerable.Range(0, model.Inputs)]
            : throw new EmlException(ErrorCode.Argument,
                $"{table.Source}: {Output.Count(table.Names.Length, "column")} ({Output.List(table.Names)}), but {path} takes " +
                $"{Output.Count(model.Inputs, "input")} and does not know their names; give exactly these columns, in order");
    }

    private static void WriteCsv(Stream stream, Predictor model, Samples samples)
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        text.WriteLine(string.Join(',', model.TargetNames.Select(Quote)));
        Answer(model, samples, row =>
        {
            for (int i = 0; i < row.Length; i++)
            {
                if (i > 0)
                    text.Write(',');
                text.Write(Output.Exact(row[i]));
            }

            text.WriteLine();
        });
    }

    private static void WriteJson(string path, Predictor model, Samples samples, string? output) => Output.Json(json =>
    {
        json.WriteString("model", path);
        json.Strings("targets", model.TargetNames);
        json.WriteNumber("rows", samples.Rows);
        if (output is not null)
        {
            json.WriteString("out", output);
            return;
        }

        json.WriteStartArray("predictions");
        Answer(model, samples, row =>
        {
            json.WriteStartArray();
            foreach (double value in row)
                json.Number(value);
            json.WriteEndArray();
            if (json.BytesPending > 1 << 16)
                json.Flush();
        });
        json.WriteEndArray();
    });

    /// <summary>Hands out the answers row by row; they are computed in batches.</summary>
    private static void Answer(Predictor model, Samples samples, Action<ReadOnlySpan<double>> take)
    {
        int batch = samples.BatchRows(model.Heads);
        var answers = new double[batch * model.Heads];
        for (int first = 0; first < samples.Rows; first += batch)
        {
            int rows = Math.Min(batch, samples.Rows - first);
            ReadOnlySpan<double> inputs = samples.Inputs.Slice(first * model.Inputs, rows * model.Inputs);
            model.Forward(inputs, rows, answers.AsSpan(0, rows * model.Heads));
            for (int row = 0; row < rows; row++)
                take(answers.AsSpan(row * model.Heads, model.Heads));
        }
    }

    private static string Quote(string name) =>
        name.AsSpan().IndexOfAny(",\"\r\n") < 0 ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
