using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Eml.Formats;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm layer-dump</c>: what a model computes, part by part, and the first part that differs from another implementation's.</summary>
internal static class LmLayerDump
{
    private const double DefaultTolerance = 1e-4;

    /// <summary>Numbers after a part of the model: (tokens, columns).</summary>
    private sealed record Part(string Name, int Columns, List<float> Values);

    /// <summary>How far a part is from what is expected.</summary>
    /// <param name="Part">Which.</param>
    /// <param name="Name">The tensor that it was compared with; null: there is none.</param>
    /// <param name="Absolute">Largest |Δ|.</param>
    /// <param name="Relative">Largest |Δ| / max(1, |expected|).</param>
    /// <param name="Row">Token of the largest relative one.</param>
    /// <param name="Column">Its place.</param>
    private sealed record Difference(Part Part, string? Name, double Absolute, double Relative, int Row, int Column);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var open = new LmModel.Options();
        Option<int[]?> tokens = Lm.TokensOption("The tokens to read");
        tokens.Required = true;
        Option<string?> target = Arguments.Out("F.safetensors", "Write all parts as tensors of F32");
        var against = new Option<string?>("--against")
        {
            HelpName = "F.safetensors",
            Description = "Compare with the tensors in this file, called embed_norm, blocks.0.after_attn, …, logits or as --variant says",
        };
        var variant = new Option<string>("--variant")
        {
            HelpName = "V",
            DefaultValueFactory = _ => "f32",
            Description = "The tensors of --against may also be called V.dump.embed_norm, …, V.logits",
        };
        var tolerance = new Option<double>("--tolerance")
        {
            HelpName = "X",
            DefaultValueFactory = _ => DefaultTolerance,
            Description = "Largest |Δ| / max(1, |expected|) that is no divergence",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(value >= 0))
                    result.AddError($"--tolerance {text}: must be a number from 0 on");
                return value;
            },
        };
        Command command = open.Verb("layer-dump", "Show what a model computes part by part, and where it first differs from a dump", text: false);
        foreach (Option option in new Option[] { tokens, target, against, variant, tolerance })
            command.Add(option);
        command.SetAction(parse =>
        {
            if (parse.GetValue(target) is { } path)
            {
                Store.CheckFolder(path);
            }
            byte[]? expected = parse.GetValue(against) is { } file ? Store.ReadBytes(file) : null;
            List<Part> parts = Compute(open.Load(parse), parse.GetValue(tokens)!, open.Threads(parse));
            if (parse.GetValue(target) is { } written)
            {
                Save(parts, written);
            }
            return expected is null
                ? Show(parts, parse.GetValue(Arguments.Json))
                : Compare(parts, expected, parse.GetValue(against)!, parse.GetValue(variant)!, parse.GetValue(tolerance), parse.GetValue(Arguments.Json));
        });
        return command;
    }

    private static List<Part> Compute(LmModel model, int[] tokens, int threads)
    {
        LanguageConfig config = model.Weights.Config;
        float[] logits = new float[(long)tokens.Length * config.VocabularySize];
        var parts = new List<Part>();
        using var session = new LanguageSession(model.Weights, threads);
        session.Listener = (name, rows) =>
        {
            // Long texts are read in groups, and each part comes once a group.
            if (parts.Find(part => part.Name == name) is not { } part)
            {
                parts.Add(part = new Part(name, config.ModelWidth, []));
            }
            part.Values.AddRange(rows);
        };
        session.ReadAll(tokens, logits);
        parts.Add(new Part("logits", config.VocabularySize, [.. logits]));
        return parts;
    }

    private static void Save(List<Part> parts, string path) => AtomicFile.Write(path, SafetensorsWriter.Write(parts.Select(part =>
        new TensorData(part.Name, Dtype.F32, [(ulong)(part.Values.Count / part.Columns), (ulong)part.Columns],
            MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(part.Values)).ToArray()))));

    private static int Show(List<Part> parts, bool json)
    {
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteStartArray("parts");
                foreach (Part part in parts)
                {
                    o.WriteStartObject();
                    Write(o, part);
                    o.WriteEndObject();
                }
                o.WriteEndArray();
            });
            return ExitCode.Ok;
        }
        Output.Line($"{"part",-24}{"rms",13}{"largest |x|",13}");
        foreach (Part part in parts)
        {
            Output.Line($"{part.Name,-24}{Output.Short(Rms(part)),13}{Output.Short(part.Values.Max(Math.Abs)),13}");
        }
        return ExitCode.Ok;
    }

    private static int Compare(List<Part> parts, byte[] expected, string path, string variant, double tolerance, bool json)
    {
        Difference[] differences;
        try
        {
            var reader = new SafetensorsReader(expected);
            differences = new Difference[parts.Count];
            for (int i = 0; i < parts.Count; i++)
            {
                differences[i] = Measure(parts[i], reader, variant);
            }
        }
        catch (EmlException e)
        {
            throw Store.Named(path, e);
        }
        if (differences.All(difference => difference.Name is null))
        {
            throw new EmlException(ErrorCode.Argument,
                $"{path}: it has no tensor logits, {variant}.logits, embed_norm or {variant}.dump.embed_norm, …; --variant says how they are called");
        }
        Difference? first = differences.FirstOrDefault(difference => difference.Name is not null && !(difference.Relative <= tolerance));
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteNumber("tolerance", tolerance);
                o.WriteStartArray("parts");
                foreach (Difference difference in differences)
                {
                    o.WriteStartObject();
                    Write(o, difference.Part);
                    o.WriteString("against", difference.Name);
                    if (difference.Name is not null)
                    {
                        o.Number("max_abs_difference", difference.Absolute);
                        o.Number("max_relative_difference", difference.Relative);
                        o.WriteNumber("row", difference.Row);
                        o.WriteNumber("column", difference.Column);
                    }
                    o.WriteEndObject();
                }
                o.WriteEndArray();
                o.WriteString("diverges_at", first?.Part.Name);
            });
        }
        else
        {
            Output.Line($"{"part",-24}{"max |Δ|",13}{"relative",13}  at token, column");
            foreach (Difference d in differences)
            {
                Output.Line(d.Name is null ? $"{d.Part.Name,-24}{"-",13}{"-",13}  not in the file" : $"{d.Part.Name,-24}{Output.Short(d.Absolute),13}{Output.Short(d.Relative),13}  {d.Row}, {d.Column}");
            }
            Output.Line(first is null
                ? $"no part differs by more than {Output.Short(tolerance)}"
                : $"the first part that differs by more than {Output.Short(tolerance)}: {first.Part.Name} (token {first.Row}, column {first.Column})");
        }
        return first is null ? ExitCode.Ok : ExitCode.Failure;
    }

    private static Difference Measure(Part part, SafetensorsReader reader, string variant)
    {
        string[] names = [part.Name, $"{variant}.dump.{part.Name}", $"{variant}.{part.Name}"];
        TensorEntry? entry = reader.Header.Tensors.FirstOrDefault(tensor => names.Contains(tensor.Name));
        if (entry is null)
        {
            return new Difference(part, null, 0, 0, 0, 0);
        }
        int rows = part.Values.Count / part.Columns;
        if (!entry.Shape.AsSpan().SequenceEqual([(ulong)rows, (ulong)part.Columns]))
        {
            throw new EmlException(ErrorCode.Shape,
                $"tensor {entry.Name} has the shape [{string.Join(", ", entry.Shape)}]; these tokens and this model give [{rows}, {part.Columns}]");
        }
        double[] expected = reader.Doubles(entry);
        (double absolute, double relative, int at) = (0.0, 0.0, 0);
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs(part.Values[i] - expected[i]);
            // No number is as far away as can be.
            difference = double.IsNaN(difference) ? double.PositiveInfinity : difference;
            absolute = Math.Max(absolute, difference);
            double ratio = double.IsFinite(difference) ? difference / Math.Max(1.0, Math.Abs(expected[i])) : difference;
            (relative, at) = ratio > relative ? (ratio, i) : (relative, at);
        }
        return new Difference(part, entry.Name, absolute, relative, at / part.Columns, at % part.Columns);
    }

    private static double Rms(Part part)
    {
        double sum = 0.0;
        foreach (float value in part.Values)
            sum += (double)value * value;
        return Math.Sqrt(sum / part.Values.Count);
    }

    private static void Write(Utf8JsonWriter json, Part part)
    {
        json.WriteString("part", part.Name);
        json.WriteNumber("rows", part.Values.Count / part.Columns);
        json.WriteNumber("columns", part.Columns);
        json.Number("rms", Rms(part));
        json.Number("max_abs", part.Values.Max(Math.Abs));
    }
}
