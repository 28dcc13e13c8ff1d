using System.Globalization;
using Eml.Formats.Audit;

namespace Eml.Cli;

/// <summary>How a loss fell.</summary>
internal static class LossCurve
{
    private const int Lines = 16;
    private const int Width = 40;

    /// <summary>The loss after some of the changes; the bars are on a logarithmic scale.</summary>
    public static void Print(IReadOnlyList<AuditPoint> moves)
    {
        AuditPoint[] shown = [.. Enumerable.Range(0, Math.Min(Lines, moves.Count))
            .Select(i => moves[(int)((long)i * (moves.Count - 1) / Math.Max(1, Math.Min(Lines, moves.Count) - 1))])];
        double least = shown.Select(m => m.Loss).Where(loss => loss > 0).DefaultIfEmpty(1).Min(); // 0 has no logarithm
        double[] heights = [.. shown.Select(m => Math.Log(Math.Max(m.Loss, least)))];
        double low = heights.DefaultIfEmpty().Min(), high = heights.DefaultIfEmpty().Max();
        for (int i = 0; i < shown.Length; i++)
        {
            double part = high > low && double.IsFinite(high) ? (heights[i] - low) / (high - low) : 1;
            int bar = 1 + (int)(Math.Clamp(part, 0, 1) * (Width - 1));
            Output.Field(i == 0 ? "loss" : "", string.Create(CultureInfo.InvariantCulture,
                $"trial {shown[i].Step,9:N0}  {Output.Short(shown[i].Loss),-12} {new string('#', bar)}"));
        }
    }
}
