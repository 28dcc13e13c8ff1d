using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Machine;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml inspect</c>: what a file holds, or why it is refused.</summary>
internal static class Inspect
{
    /// <summary>Characters of a metadata value in the readable form.</summary>
    private const int MostText = 100;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "Model file of any format, or any safetensors file" };
        var command = new Command("inspect", "Show what a file holds, or why it is refused") { file };
        command.SetAction(parse => Run(parse.GetRequiredValue(file), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        byte[] bytes = Store.ReadBytes(path);
        object content;
        FileFormat format = FileFormat.Safetensors;
        try
        {
            content = Store.Parse(path, bytes, out format);
        }
        catch (EmlException e) when (e.Code == ErrorCode.Format && e.SubCode == (int)FormatError.Kind &&
            ModelFile.Detect(bytes) == FileFormat.Safetensors)
        {
            // A sound file of somebody else's.
            content = SafetensorsHeader.Read(bytes, (ulong)bytes.Length);
        }

        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("file", path);
                o.WriteNumber("bytes", bytes.Length);
                o.WriteString("sha256", Sha256.Hex(bytes));
                o.WriteString("format", Describe.Format(format));
                Write(o, content);
            });
        }
        else
        {
            Output.Field("file", $"{path}, {Output.Count(bytes.Length, "byte")}");
            Output.Field("sha-256", Sha256.Hex(bytes));
            Output.Field("format", Describe.Format(format));
            Print(content);
        }

        return ExitCode.Ok;
    }

    private static void Write(Utf8JsonWriter json, object content)
    {
        switch (content)
        {
            case SafetensorsHeader header:
                WriteTensors(json, header);
                break;
            case EmlModel model:
                json.WriteString("kind", Describe.Kind(model));
                json.WriteString("profile", Describe.Profile(model.Profile));
                WriteShape(json, model.Depth, model.Inputs, model.Heads, model.Parameters);
                json.WriteBoolean("trained", model.Trained);
                json.WriteString("name", model.Name);
                WriteMetadata(json, model.Metadata);
                WriteScaling(json, model.Scaling);
                break;
            case AttentionBlock block:
                json.WriteString("kind", Describe.Kind(block));
                if (block is ToyEmlAttention toy)
                    json.WriteNumber("depth", toy.Depth);
                json.WriteNumber("d_model", block.DModel);
                json.WriteNumber("d_k", block.DK);
                json.WriteNumber("seq_len", block.SeqLen);
                json.Number("scale", block.Scale);
                WriteParameters(json, block.Parameters);
                json.WriteBoolean("trained", block.Trained);
                json.WriteNumber("training_rounds", block.TrainingRounds);
                json.WriteString("name", block.Name);
                break;
            case EmlAttention block:
                json.WriteString("kind", Describe.Kind(block));
                json.WriteString("profile", Describe.Profile(Profile.Default));
                AttnShape.Write(json, block.Config);
                WriteParameters(json, block.Parameters);
                json.WriteBoolean("trained", block.Trained);
                json.WriteString("name", block.Name);
                break;
            default:
                SafeTree tree = Store.Tree(content)!;
                json.WriteString("kind", Describe.Kind(tree));
                WriteShape(json, tree.Depth, tree.Inputs, tree.Heads, tree.Parameters);
                if (content is BrowserExport export)
                {
                    json.WriteBoolean("trained", export.Trained);
                    json.WriteString("name", export.ModelName);
                    json.Number("mse", export.Mse);
                    json.Number("timestamp", export.Timestamp);
                }

                break;
        }
    }

    private static void WriteShape(Utf8JsonWriter json, int depth, int inputs, int heads, ReadOnlySpan<double> parameters)
    {
        json.WriteNumber("depth", depth);
        json.WriteNumber("inputs", inputs);
        json.WriteNumber("heads", heads);
        WriteParameters(json, parameters);
    }

    private static void WriteParameters(Utf8JsonWriter json, ReadOnlySpan<double> parameters)
    {
        (double min, double max) = Range(parameters);
        json.WriteNumber("parameters", parameters.Length);
        json.Number("min", min);
        json.Number("max", max);
        json.WriteString("parameters_sha256", Sha256.Hex(MemoryMarshal.AsBytes(parameters)));
    }

    private static void WriteMetadata(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        json.WriteStartObject("metadata");
        foreach ((string key, string value) in metadata)
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteScaling(Utf8JsonWriter json, Scaling? scaling)
    {
        if (scaling is null)
        {
            json.WriteNull("scaling");
            return;
        }

        json.WriteStartObject("scaling");
        WriteColumns("inputs", scaling.InputOffset, scaling.InputFactor);
        WriteColumns("targets", scaling.TargetOffset, scaling.TargetFactor);
        json.WriteEndObject();

        void WriteColumns(string name, double[] offset, double[] factor)
        {
            json.WriteStartArray(name);
            for (int i = 0; i < offset.Length; i++)
            {
                json.WriteStartObject();
                json.Number("offset", offset[i]);
                json.Number("factor", factor[i]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
    }

    private static void WriteTensors(Utf8JsonWriter json, SafetensorsHeader header)
    {
        json.WriteString("kind", "tensors");
        WriteMetadata(json, header.Metadata ?? new Dictionary<string, string>());
        json.WriteStartArray("tensors");
        foreach (TensorEntry tensor in header.Tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteString("dtype", tensor.Dtype.Name());
            json.WriteStartArray("shape");
            foreach (ulong size in tensor.Shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteNumber("bytes", tensor.End - tensor.Begin);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Print(object content)
    {
        switch (content)
        {
            case SafetensorsHeader header:
                bool isMachine = header.Metadata?.GetValueOrDefault("kind") == MachineFolder.Kind;
                Output.Field("kind", $"{Output.Count(header.Tensors.Count, "tensor")}, " +
                    (isMachine ? "the weights of a transformer that eml compact export wrote" : "not a model of libeml's"));
                PrintMetadata(header.Metadata ?? new Dictionary<string, string>());
                PrintTensors(header.Tensors);
                break;
            case EmlModel model:
                Output.Field("kind", Describe.Kind(model));
                Output.Field("profile", Describe.Profile(model.Profile));
                PrintShape(model.Depth, model.Inputs, model.Heads, model.Parameters);
                Output.Field("trained", model.Trained ? "yes" : "no");
                if (model.Name.Length > 0)
                    Output.Field("name", model.Name);
                PrintScaling(model);
                PrintMetadata(model.Metadata);
                break;
            case AttentionBlock block:
                Output.Field("kind", Describe.Kind(block));
                Output.Field("shape", AttnShape.Describe(block));
                PrintParameters(block.Parameters);
                Output.Field("scale", Output.Short(block.Scale));
                Output.Field("trained", $"{(block.Trained ? "yes" : "no")}, {block.TrainingRounds} rounds of training");
                Output.Field("name", block.Name);
                break;
            case EmlAttention block:
                Output.Field("kind", Describe.Kind(block));
                Output.Field("profile", Describe.Profile(Profile.Default));
                Output.Field("shape", AttnShape.Describe(block.Config));
                PrintParameters(block.Parameters);
                Output.Field("trained", block.Trained ? "yes" : "no");
                if (block.Name.Length > 0)
                    Output.Field("name", block.Name);
                break;
            default:
                SafeTree tree = Store.Tree(content)!;
                Output.Field("kind", Describe.Kind(tree));
                PrintShape(tree.Depth, tree.Inputs, tree.Heads, tree.Parameters);
                if (content is BrowserExport export)
                {
                    Output.Field("trained", $"{(export.Trained ? "yes" : "no")}, MSE {Output.Short(export.Mse)}");
                    Output.Field("name", export.ModelName);
                }

                break;
        }
    }

    private static void PrintShape(int depth, int inputs, int heads, ReadOnlySpan<double> parameters)
    {
        Output.Field("shape", $"depth {depth}, {Output.Count(inputs, "input")}, {Output.Count(heads, "head")}");
        PrintParameters(parameters);
    }

    private static void PrintParameters(ReadOnlySpan<double> parameters)
    {
        (double min, double max) = Range(parameters);
        Output.Field("parameters",
            $"{Output.Count(parameters.Length, "parameter")} from {Output.Short(min)} to {Output.Short(max)}");
        Output.Field("", $"sha-256 {Sha256.Hex(MemoryMarshal.AsBytes(parameters))}");
    }

    private static void PrintScaling(EmlModel model)
    {
        if (model.Scaling is not { } scaling)
        {
            Output.Field("scaling", "none");
            return;
        }

        string[] inputs = ColumnNames.Find(model, ColumnNames.Inputs, model.Inputs) ?? [];
        string[] targets = ColumnNames.Find(model, ColumnNames.Targets, model.Heads) ?? [];
        PrintColumns("input", inputs, scaling.InputOffset, scaling.InputFactor);
        PrintColumns("target", targets, scaling.TargetOffset, scaling.TargetFactor);
    }

    private static void PrintColumns(string role, string[] names, double[] offset, double[] factor)
    {
        for (int i = 0; i < offset.Length; i++)
        {
            string name = names.Length > i ? names[i] : (i + 1).ToString(CultureInfo.InvariantCulture);
            Output.Field(role, $"{name}: offset {Output.Short(offset[i])}, factor {Output.Short(factor[i])}");
        }
    }

    private static void PrintMetadata(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        foreach ((string key, string value) in metadata)
            Output.Field("metadata", $"{key} = {(value.Length <= MostText ? value : $"{value.AsSpan(0, MostText)}…")}");
    }

    private static void PrintTensors(IReadOnlyList<TensorEntry> tensors)
    {
        int width = tensors.Select(t => t.Name.Length).DefaultIfEmpty(0).Max();
        foreach (TensorEntry tensor in tensors)
        {
            Output.Line($"  {tensor.Name.PadRight(width)}  {tensor.Dtype.Name(),-11}  [{string.Join(", ", tensor.Shape)}]  " +
                Output.Count((long)(tensor.End - tensor.Begin), "byte"));
        }
    }

    private static (double Min, double Max) Range(ReadOnlySpan<double> values)
    {
        double min = double.PositiveInfinity, max = double.NegativeInfinity;
        foreach (double value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        return (min, max);
    }
}
