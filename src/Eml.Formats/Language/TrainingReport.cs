using System.Globalization;
using System.Net;
using System.Text;

namespace Eml.Formats.Language;

/// <summary>A point of a curve.</summary>
/// <param name="Step">The step.</param>
/// <param name="Value">What was measured there.</param>
public readonly record struct TrainingPoint(double Step, double Value);

/// <summary>What is told of a training.</summary>
/// <param name="Title">Heading.</param>
/// <param name="Facts">Names and values for the table: configuration, results, hashes.</param>
/// <param name="Loss">Training loss, nats a token.</param>
/// <param name="Validation">Bits per byte on held-out text.</param>
/// <param name="K">Per layer: its k.</param>
/// <param name="Samples">Step and text.</param>
public sealed record TrainingStory(string Title, IReadOnlyList<(string Name, string Value)> Facts, IReadOnlyList<TrainingPoint> Loss,
    IReadOnlyList<TrainingPoint> Validation, IReadOnlyList<IReadOnlyList<TrainingPoint>> K, IReadOnlyList<(long Step, string Text)> Samples);

/// <summary>A training as one page of HTML that needs nothing else.</summary>
public static class TrainingReport
{
    private const int Width = 720, Height = 260, Left = 56, Bottom = 28, Top = 12, Right = 12;

    private static readonly string[] s_colours = ["#1f5fa8", "#b4451f", "#3c7d3c", "#7a4aa0", "#a07a1f", "#1f8f8f", "#8f1f5f", "#5f5f5f"];

    /// <summary>The page.</summary>
    public static string Html(TrainingStory story)
    {
        ArgumentNullException.ThrowIfNull(story);
        var html = new StringBuilder();
        html.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>").Append(Text(story.Title)).Append("</title>\n<style>\n")
            .Append("body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222;background:#fff}\n")
            .Append("table{border-collapse:collapse}td{padding:2px 14px 2px 0;vertical-align:top}td:first-child{color:#666}\n")
            .Append("pre{white-space:pre-wrap;background:#f4f4f2;padding:.8em;border-radius:4px}svg{width:100%;height:auto}text{font:11px system-ui,sans-serif;fill:#555}\n")
            .Append("</style></head><body>\n<h1>").Append(Text(story.Title)).Append("</h1>\n<table>\n");
        foreach ((string name, string value) in story.Facts)
        {
            html.Append("<tr><td>").Append(Text(name)).Append("</td><td>").Append(Text(value)).Append("</td></tr>\n");
        }
        html.Append("</table>\n");
        Chart(html, "Training loss, nats a token", [story.Loss], []);
        Chart(html, "Bits per byte on held-out text", [story.Validation], []);
        Chart(html, "k of each layer", story.K, [.. story.K.Select((_, i) => $"layer {i}")]);
        if (story.Samples.Count > 0)
        {
            html.Append("<h2>Samples</h2>\n");
            foreach ((long step, string text) in story.Samples)
            {
                html.Append("<p>After step ").Append(step.ToString(CultureInfo.InvariantCulture)).Append("</p>\n<pre>").Append(Text(text)).Append("</pre>\n");
            }
        }
        return html.Append("</body></html>\n").ToString();
    }

    private static void Chart(StringBuilder html, string title, IReadOnlyList<IReadOnlyList<TrainingPoint>> curves, string[] names)
    {
        TrainingPoint[] points = [.. curves.SelectMany(curve => curve).Where(point => double.IsFinite(point.Value))];
        if (points.Length == 0)
        {
            return;
        }
        (double low, double high) = (points.Min(point => point.Value), points.Max(point => point.Value));
        (low, high) = high > low ? (low, high) : (low - 0.5, high + 0.5);
        (double first, double last) = (points.Min(point => point.Step), Math.Max(points.Max(point => point.Step), points.Min(point => point.Step) + 1));
        double X(double step) => Left + ((step - first) / (last - first) * (Width - Left - Right));
        double Y(double value) => Top + ((high - value) / (high - low) * (Height - Top - Bottom));
        html.Append("<h2>").Append(Text(title)).Append("</h2>\n<svg viewBox=\"0 0 ").Append(Width).Append(' ').Append(Height).Append("\" role=\"img\">\n");
        for (int i = 0; i <= 4; i++)
        {
            double value = low + ((high - low) * i / 4), step = first + ((last - first) * i / 4);
            html.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(value):F1}\" y2=\"{Y(value):F1}\" stroke=\"#ddd\"/>")
                .Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 6}\" y=\"{Y(value) + 4:F1}\" text-anchor=\"end\">{value:G4}</text>")
                .Append(CultureInfo.InvariantCulture, $"<text x=\"{X(step):F1}\" y=\"{Height - 8}\" text-anchor=\"middle\">{step:F0}</text>\n");
        }
        for (int c = 0; c < curves.Count; c++)
        {
            string colour = s_colours[c % s_colours.Length];
            html.Append("<polyline fill=\"none\" stroke=\"").Append(colour).Append("\" stroke-width=\"1.5\" points=\"");
            foreach (TrainingPoint point in curves[c].Where(point => double.IsFinite(point.Value)))
            {
                html.Append(CultureInfo.InvariantCulture, $"{X(point.Step):F1},{Y(point.Value):F1} ");
            }
            html.Append("\"/>\n");
            if (c < names.Length)
            {
                html.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left + 8 + (70 * c)}\" y=\"{Top + 12}\" style=\"fill:{colour}\">{Text(names[c])}</text>\n");
            }
        }
        html.Append("</svg>\n");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
