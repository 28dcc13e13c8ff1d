namespace Eml.Machine.Planned;

/// <summary>What one half of a layer adds to a channel.</summary>
/// <param name="Time">Attention of layer L is 2 L, its units are 2 L + 1.</param>
/// <param name="Terms">Head and component, or unit (component 0), each with its weight.</param>
internal sealed record ChannelWrite(int Time, (int Index, int Component, double Weight)[] Terms)
{
    /// <summary>Per channel: its writes in order.</summary>
    public static ChannelWrite[][] Of(SparseLayer[] layers, int width)
    {
        var all = new List<ChannelWrite>[width];
        for (int channel = 0; channel < width; channel++)
        {
            all[channel] = [];
        }
        for (int i = 0; i < layers.Length; i++)
        {
            SparseLayer layer = layers[i];
            Add(all, 2 * i, layer.Heads.SelectMany((head, h) => head.Output.SelectMany((terms, component) => terms.Select(term => (term.Channel, (h, component, term.Weight))))));
            Add(all, (2 * i) + 1, layer.Units.SelectMany((unit, u) => unit.Output.Select(term => (term.Channel, (u, 0, term.Weight)))));
        }
        return [.. all.Select(writes => writes.ToArray())];
    }

    private static void Add(List<ChannelWrite>[] all, int time, IEnumerable<(int Channel, (int, int, double) Term)> terms)
    {
        foreach (IGrouping<int, (int Channel, (int, int, double) Term)> group in terms.GroupBy(term => term.Channel))
        {
            all[group.Key].Add(new ChannelWrite(time, [.. group.Select(item => item.Term)]));
        }
    }
}
