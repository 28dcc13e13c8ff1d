using System.CommandLine;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;

namespace Eml.Cli;

/// <summary><c>eml attn forward</c>: an attention block's answers to the sequences in a CSV file.</summary>
internal static class AttnForward
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "File of an attention block, of any format" };
        var data = new Argument<string>("DATA.csv")
        {
            Description = "CSV file with a header, a sequence a row: seq_len·d_model inputs, perhaps as many targets; - reads standard input",
        };
        Option<string?> output = Arguments.Out("F.csv", "Write the answers to a file instead of standard output");
        var command = new Command("forward", "Compute an attention block for the sequences of a CSV file") { model, data, output };
        command.SetAction(parse => Run(parse.GetRequiredValue(model), parse.GetRequiredValue(data), parse.GetValue(output),
            parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string modelPath, string data, string? output, bool json)
    {
        if (output is not null)
            Store.CheckFolder(output);

        (int width, AttnData.Forward forward) = Open(modelPath);
        (double[] x, double[] targets) = AttnData.Read(data, width, modelPath);

        int rows = x.Length / width;
        double[] y = new double[x.Length];
        forward(x, rows, y);
        double? mse = targets.Length > 0 ? x.Select((_, i) => (y[i] - targets[i]) * (y[i] - targets[i])).Average() : null;
        if (output is not null)
        {
            using var bytes = new MemoryStream();
            WriteCsv(bytes, y, width);
            AtomicFile.Write(output, bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
        }

        if (json)
        {
            Output.Json(o => Write(o, modelPath, output, y, width, mse));
        }
        else if (output is not null)
        {
            Output.Field("saved", $"{output}: {Output.Count(rows, "row")}");
            if (mse is { } error)
                Output.Field("MSE", Output.Short(error));
        }
        else
        {
            using Stream stream = Console.OpenStandardOutput();
            WriteCsv(stream, y, width);
        }

        return ExitCode.Ok;
    }

    private static (int Width, AttnData.Forward Forward) Open(string path)
    {
        object content = Store.LoadAttention(path, "predict");
        if (content is EmlAttention own)
            return (own.Config.SampleLength, own.Forward);

        var block = (AttentionBlock)content;
        return (block.Width, AttnData.ForwardOf(block));
    }

    private static void WriteCsv(Stream stream, double[] y, int width)
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        text.WriteLine(string.Join(',', Enumerable.Range(1, width).Select(i => $"y{i}")));
        for (int i = 0; i < y.Length; i++)
        {
            text.Write(Output.Exact(y[i]));
            text.Write((i + 1) % width == 0 ? '\n' : ',');
        }
    }

    private static void Write(Utf8JsonWriter json, string model, string? output, double[] y, int width, double? mse)
    {
        json.WriteString("model", model);
        json.WriteNumber("rows", y.Length / width);
        if (mse is { } error)
            json.Number("mse", error);
        else
            json.WriteNull("mse");
        json.WriteString("out", output);
        if (output is not null)
            return;

        json.WriteStartArray("answers");
        for (int n = 0; n < y.Length; n += width)
        {
            json.WriteStartArray();
            foreach (double value in y.AsSpan(n, width))
                json.Number(value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }
}
