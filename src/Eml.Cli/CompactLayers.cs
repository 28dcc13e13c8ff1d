using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Cli;

/// <summary>One layer of a recorded step: what its heads read, which units were active, what changed in the residual stream.</summary>
internal sealed record CompactLayer(List<CompactLayer.Head> Heads, List<CompactLayer.Change> ByHeads, List<CompactLayer.Unit> Units,
    List<CompactLayer.Change> ByUnits)
{
    /// <summary>What a head read: its winner (a position or an entry) in numbers and in words, and the two values there.</summary>
    public readonly record struct Head(string Name, HeadMode Mode, long Winner, string From, double First, double Second);

    /// <summary>A unit that gave something.</summary>
    public readonly record struct Unit(string Name, double Value);

    /// <summary>A channel of the residual stream before and after.</summary>
    public readonly record struct Change(int Channel, string Name, double Before, double After);

    /// <summary>Layer <paramref name="index"/> of the step that <paramref name="view"/> shows.</summary>
    public static CompactLayer Of(CompactView view, int index)
    {
        TransformerWeights weights = CompactMachine.Weights;
        StepProbe probe = view.Probe;
        var heads = new List<Head>();
        HeadConfig[] configs = weights.Config.Heads[index];
        for (int h = 0; h < configs.Length; h++)
        {
            int at = h * weights.Config.HeadWidth;
            long winner = probe.Winners[index][h];
            heads.Add(new Head(configs[h].Name, configs[h].Mode, winner, view.At(configs[h], winner), probe.HeadValues[index][at], probe.HeadValues[index][at + 1]));
        }
        var units = new List<Unit>();
        string[] names = weights.Names.Units[index];
        for (int u = 0; u < names.Length; u++)
        {
            double value = probe.Units[(index * weights.Config.HiddenWidth) + u];
            if (value != 0.0)
            {
                units.Add(new Unit(names[u], value));
            }
        }
        return new CompactLayer(heads, Changes(probe, 2 * index), units, Changes(probe, (2 * index) + 1));
    }

    /// <summary>What the embedding and the position brought.</summary>
    public static List<Change> Embedding(CompactView view) => Changes(view.Probe, -1);

    /// <summary>What changed at a time: attention of layer L is 2L, its units 2L + 1, the embedding -1.</summary>
    private static List<Change> Changes(StepProbe probe, int time)
    {
        int width = CompactMachine.Weights.Config.ModelWidth;
        var changes = new List<Change>();
        for (int c = 0; c < width; c++)
        {
            double before = time < 0 ? 0.0 : probe.Stream[(time * width) + c];
            double after = probe.Stream[((time + 1) * width) + c];
            if (before != after)
            {
                changes.Add(new Change(c, NameOf(c, time), before, after));
            }
        }
        return changes;
    }

    /// <summary>The value that lives in a channel at a time: the last that began to be written by then.</summary>
    private static string NameOf(int channel, int time)
    {
        string name = "";
        int latest = int.MinValue;
        foreach ((int each, string candidate, int from, _) in CompactMachine.Weights.Names.Channels)
        {
            if (each == channel && from <= time && from >= latest)
            {
                (name, latest) = (candidate, from);
            }
        }
        return name;
    }
}
