using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm report</c>: a training as a page of HTML.</summary>
internal static class LmReport
{
    /// <summary>Points of a curve that a page needs at most.</summary>
    private const int MaxPoints = 1500;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var folder = new Argument<string>("RUN") { Description = "The folder of a training" };
        var output = new Option<string?>("--out") { HelpName = "F.html", Description = "Where to write the page [default: RUN/report.html]" };
        var command = new Command("report", "Write one page of HTML about a training: curves, k of each layer, samples, configuration, hashes") { folder, output };
        command.SetAction(parse =>
        {
            string run = parse.GetRequiredValue(folder);
            string path = parse.GetValue(output) ?? Path.Join(run, "report.html");
            AtomicFile.Write(path, Encoding.UTF8.GetBytes(TrainingReport.Html(Read(run))));
            if (parse.GetValue(Arguments.Json))
            {
                Output.Json(json => json.WriteString("saved", path));
            }
            else
            {
                Output.Field("saved", path);
            }
            return ExitCode.Ok;
        });
        return command;
    }

    private static TrainingStory Read(string run)
    {
        string path = Path.Join(run, LmTraining.LogFile);
        string[] lines = Encoding.UTF8.GetString(Store.ReadBytes(path)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var facts = new List<(string, string)>();
        var loss = new List<TrainingPoint>();
        var validation = new List<TrainingPoint>();
        var k = new List<List<TrainingPoint>>();
        var samples = new List<(long, string)>();
        double seconds = 0.0;
        long tokens = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            using JsonDocument line = Parse(lines[i], path, i);
            JsonElement root = line.RootElement;
            if (root.TryGetProperty("loss", out JsonElement value))
            {
                double step = root.GetProperty("step").GetDouble();
                loss.Add(new TrainingPoint(step, value.GetDouble()));
                (seconds, tokens) = (root.GetProperty("seconds").GetDouble(), root.GetProperty("tokens").GetInt64());
                int layer = 0;
                foreach (JsonElement each in root.GetProperty("k").EnumerateArray())
                {
                    if (layer == k.Count)
                    {
                        k.Add([]);
                    }
                    k[layer++].Add(new TrainingPoint(step, each.GetDouble()));
                }
            }
            else if (root.TryGetProperty("val_bpb", out value))
            {
                validation.Add(new TrainingPoint(root.GetProperty("step").GetDouble(), value.GetDouble()));
                samples.Add((root.GetProperty("step").GetInt64(), root.GetProperty("sample").GetString()!));
            }
            else if (root.TryGetProperty("config", out value))
            {
                facts.AddRange(value.EnumerateObject().Select(property => (property.Name, property.Value.ToString())));
                facts.AddRange(root.EnumerateObject().Where(property => property.Name != "config").Select(property => (property.Name, property.Value.ToString())));
            }
        }
        facts.Add(("steps", loss.Count == 0 ? "0" : loss[^1].Step.ToString("N0", CultureInfo.InvariantCulture)));
        facts.Add(("tokens", tokens.ToString("N0", CultureInfo.InvariantCulture)));
        facts.Add(("seconds", seconds.ToString("N1", CultureInfo.InvariantCulture)));
        facts.Add(("tokens a second", (seconds > 0 ? tokens / seconds : 0).ToString("N0", CultureInfo.InvariantCulture)));
        if (validation.Count > 0)
        {
            facts.Add(("bits per byte", validation[^1].Value.ToString("F4", CultureInfo.InvariantCulture)));
        }
        string model = Path.Join(run, LmTraining.ModelFile);
        if (File.Exists(model))
        {
            facts.Add(("SHA-256 of model.safetensors", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Store.ReadBytes(model)))));
        }
        return new TrainingStory($"Training of {Path.GetFileName(Path.GetFullPath(run))}", facts, Thin(loss), validation, [.. k.Select(Thin)], [.. samples.TakeLast(8)]);
    }

    private static JsonDocument Parse(string line, string path, int i)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException)
        {
            throw new EmlException(ErrorCode.Argument, $"{path}: line {i + 1} is no JSON; this is not the log of a training");
        }
    }

    private static List<TrainingPoint> Thin(List<TrainingPoint> points) => points.Count <= MaxPoints
        ? points : [.. Enumerable.Range(0, MaxPoints).Select(i => points[(int)((long)i * (points.Count - 1) / (MaxPoints - 1))])];
}
