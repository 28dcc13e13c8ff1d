using Eml.Numerics;

namespace Eml.Machine.Graph;

/// <summary>Which value lives in which channel of the residual stream. Values come in the order of their first write; each takes
/// the first channel that is free, or whose value is read no more and can be cleared in between by a unit
/// max(0, 1) * (-x).</summary>
internal sealed class ChannelPlan
{
    private ChannelPlan(int layers) => Cleared = [.. Enumerable.Range(0, layers).Select(_ => new List<int>())];

    /// <summary>Per layer: channels that its units clear.</summary>
    public List<int>[] Cleared { get; }

    /// <summary>The values, each with its channel in <see cref="Node.Slot"/>.</summary>
    public List<Node> Tenants { get; } = [];

    public static ChannelPlan Of(LayerPlan plan, MachineGraph graph, MachineShape shape)
    {
        var channels = new ChannelPlan(plan.Units.Count);
        var last = new List<Node>();
        foreach (Node node in plan.Placed.OrderBy(node => node == graph.One ? 0 : 1))
        {
            int slot = last.FindIndex(tenant => channels.TryClear(tenant, node, plan, shape));
            if (slot < 0)
            {
                slot = last.Count;
                last.Add(node);
            }
            if (slot >= shape.ModelWidth)
            {
                throw new EmlException(ErrorCode.Limit,
                    $"graph: no channel is left for '{node.Name}'; the residual stream has {shape.ModelWidth}");
            }
            last[slot] = node;
            node.Slot = slot;
            channels.Tenants.Add(node);
        }
        return channels;
    }

    /// <summary>A unit layer at or after the last read and at or before the first write of the next value: units read the stream
    /// before any of them writes.</summary>
    private bool TryClear(Node tenant, Node next, LayerPlan plan, MachineShape shape)
    {
        for (int time = tenant.LastRead | 1; time <= next.FirstWrite; time += 2)
        {
            int layer = time / 2;
            if (tenant.LastRead >= 0 && tenant.Time < time && plan.Units[layer].Count + Cleared[layer].Count < shape.HiddenWidth)
            {
                Cleared[layer].Add(tenant.Slot);
                return true;
            }
        }
        return false;
    }
}
