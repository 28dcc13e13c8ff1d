using Eml.Machine.Transformer;

namespace Eml.Machine.Planned;

/// <summary>Keys and values that stand before those of the sequence: rows of tables that hard-max heads name. Row: d_head numbers of the
/// key, then d_head of the value. The keys are those of lookups by distance, (2 high, 2 low, -high^2 - low^2, 1).</summary>
internal static class ConstantEntries
{
    /// <summary>What component <paramref name="i"/> of the values can be, 0 included, which is what a lookup gives that finds nothing.</summary>
    public static (double Min, double Max) Range(TransformerWeights weights, HeadConfig head, int i)
    {
        int width = weights.Config.HeadWidth;
        ReadOnlySpan<double> rows = Rows(weights, head);
        (double min, double max) = (0.0, 0.0);
        for (int at = width + i; at < rows.Length; at += 2 * width)
        {
            (min, max) = (Math.Min(min, rows[at]), Math.Max(max, rows[at]));
        }
        return (min, max);
    }

    /// <summary>The memory that <paramref name="heads"/> share, with their rows in it.</summary>
    public static KeyedMemory Read(TransformerWeights weights, SparseLayer[] layers, List<(int Layer, int Head)> heads,
        ((double Min, double Max) High, (double Min, double Max) Low) keys)
    {
        int width = weights.Config.HeadWidth;
        var memory = new KeyedMemory(heads.Count * width);
        HeadConfig first = layers[heads[0].Layer].Heads[heads[0].Head].Config;
        int count = Rows(weights, first).Length / (2 * width);
        for (int h = 0; h < heads.Count; h++)
        {
            HeadConfig head = layers[heads[h].Layer].Heads[heads[h].Head].Config;
            ReadOnlySpan<double> rows = Rows(weights, head);
            if (rows.Length != 2 * width * count)
            {
                throw Planner.Refused($"heads '{first.Name}' and '{head.Name}' look up the same keys but have {count} and {rows.Length / (2 * width)} constant entries");
            }
            for (int row = 0; row < count; row++, rows = rows[(2 * width)..])
            {
                (double high, double low) = (0.5 * rows[0], 0.5 * rows[1]);
                bool isKey = width == 4 && IsIn(high, keys.High) && IsIn(low, keys.Low) && rows[2] == -(high * high) - (low * low) && rows[3] == 1.0;
                ReadOnlySpan<double> values = rows[width..(2 * width)];
                if (!isKey || !Rows(weights, first).Slice(2 * width * row, width).SequenceEqual(rows[..width]) || !IsWhole(values))
                {
                    throw Planner.Refused($"constant entry {row} of head '{head.Name}' is not one of integers that is looked up by distance");
                }
                int at = memory.Insert(high, low);
                values.CopyTo(memory.Values.AsSpan(at + (h * width)));
            }
        }
        return memory;
    }

    private static ReadOnlySpan<double> Rows(TransformerWeights weights, HeadConfig head) => head.Store < 0 ? [] : weights.Tables[head.Store];

    private static bool IsIn(double x, (double Min, double Max) range) => x == Math.Floor(x) && x >= range.Min && x <= range.Max;

    private static bool IsWhole(ReadOnlySpan<double> values)
    {
        foreach (double value in values)
        {
            if (value != Math.Floor(value))
            {
                return false;
            }
        }
        return true;
    }
}
