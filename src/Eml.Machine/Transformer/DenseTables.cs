namespace Eml.Machine.Transformer;

/// <summary>Keys and values that table heads read. They do not change, so heads with the same weights share them.</summary>
internal sealed class DenseTables(TransformerWeights weights)
{
    private readonly List<(int Layer, int Head, DenseMemory Entries)> _known = [];

    public DenseMemory Of(int layer, int head)
    {
        foreach ((int otherLayer, int otherHead, DenseMemory known) in _known)
        {
            if (Config(layer, head).Store == Config(otherLayer, otherHead).Store && Config(layer, head).Sink == Config(otherLayer, otherHead).Sink
                && Rows(weights.Layers[layer].Key, head).SequenceEqual(Rows(weights.Layers[otherLayer].Key, otherHead))
                && Rows(weights.Layers[layer].Value, head).SequenceEqual(Rows(weights.Layers[otherLayer].Value, otherHead)))
            {
                return known;
            }
        }
        DenseMemory entries = Read(layer, head);
        _known.Add((layer, head, entries));
        return entries;
    }

    /// <summary>The memory of a head over the sequence: empty, or with the entries that stand before the sequence.</summary>
    public DenseMemory Sequence(HeadConfig head)
    {
        int width = weights.Config.HeadWidth;
        var entries = new DenseMemory(width, head.Sink);
        ReadOnlySpan<double> rows = head.Mode == HeadMode.HardMax && head.Store >= 0 ? weights.Tables[head.Store] : [];
        for (; rows.Length > 0; rows = rows[(2 * width)..])
        {
            entries.Add(rows[..width], rows[width..(2 * width)]);
        }
        return entries.Keep();
    }

    private HeadConfig Config(int layer, int head) => weights.Config.Heads[layer][head];

    private ReadOnlySpan<double> Rows(double[] matrix, int head)
    {
        int size = weights.Config.HeadWidth * weights.Config.ModelWidth;
        return matrix.AsSpan(head * size, size);
    }

    private DenseMemory Read(int layer, int head)
    {
        int width = weights.Config.HeadWidth;
        HeadConfig config = Config(layer, head);
        (int count, int columns) = (weights.Config.Tables[config.Store].Entries, weights.Config.Tables[config.Store].Columns);
        var entries = new DenseMemory(width, config.Sink);
        double[] key = new double[width];
        double[] value = new double[width];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<double> row = weights.Tables[config.Store].AsSpan(i * columns, columns);
            for (int c = 0; c < width; c++)
            {
                key[c] = DenseEngine.Dot(row, Rows(weights.Layers[layer].Key, head)[(c * weights.Config.ModelWidth)..]);
                value[c] = DenseEngine.Dot(row, Rows(weights.Layers[layer].Value, head)[(c * weights.Config.ModelWidth)..]);
            }
            entries.Add(key, value);
        }
        return entries.Keep();
    }
}
