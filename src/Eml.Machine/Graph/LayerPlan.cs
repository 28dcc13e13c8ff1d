using Eml.Numerics;

namespace Eml.Machine.Graph;

/// <summary>Which head and which unit is in which layer, and when each value is complete and last read.</summary>
internal sealed class LayerPlan
{
    /// <summary>The time of the unembedding, after every layer.</summary>
    public int End => 2 * Math.Max(Heads.Count, 1);

    public List<List<HeadNode>> Heads { get; } = [];

    public List<List<UnitNode>> Units { get; } = [];

    public List<HeadValueNode> HeadValues { get; } = [];

    private readonly HashSet<Node> _needed = [];
    private readonly HashSet<Node> _placed = [];
    private readonly Dictionary<Node, List<(KeptNode Place, double Weight)>> _flows = [];

    private LayerPlan(int layers) => AddLayers(layers);

    private void AddLayers(int layers)
    {
        while (Heads.Count < layers)
        {
            Heads.Add([]);
            Units.Add([]);
        }
    }

    /// <summary>Values that have a place of their own in the residual stream.</summary>
    public IEnumerable<Node> Placed => _placed.OrderBy(node => node.FirstWrite).ThenBy(node => node.Index);

    /// <summary>Channels into which a head value or a unit flows.</summary>
    public IEnumerable<(int Channel, double Weight)> Destinations(Node node)
    {
        if (_placed.Contains(node))
        {
            yield return (node.Slot, 1.0);
        }
        foreach ((KeptNode place, double weight) in _flows.GetValueOrDefault(node) ?? [])
        {
            yield return (place.Slot, weight);
        }
    }

    public static LayerPlan Of(MachineGraph graph, MachineShape shape, Linear[] results)
    {
        var plan = new LayerPlan(shape.HeadsPerLayer.Length);
        foreach (Linear result in results)
        {
            plan.Need(result);
        }
        plan._placed.Add(graph.One);
        foreach (Node node in graph.Nodes.Where(node => node is InputNode { OfToken: null }))
        {
            plan._placed.Add(node);
        }
        foreach (Node node in graph.Nodes.Where(plan._needed.Contains))
        {
            plan.Schedule(node, shape);
        }
        foreach (Node node in graph.Nodes.Where(plan._needed.Contains))
        {
            plan.Reads(node);
        }
        foreach (Linear result in results)
        {
            plan.ReadAt(plan.End, result);
        }
        graph.One.LastRead = plan.End;
        plan.CheckHeads(shape);
        return plan;
    }

    private void Need(Linear sum)
    {
        foreach ((Node node, _) in sum.Terms)
        {
            if (node is not ColumnNode)
            {
                _placed.Add(node);
                Need(node);
            }
        }
    }

    private void Need(Node node)
    {
        if (!_needed.Add(node))
        {
            return;
        }
        switch (node)
        {
            case UnitNode unit:
                Need(unit.Gate);
                Need(unit.Value);
                break;
            case HeadValueNode value:
                foreach (Linear sum in value.Head.Query.Concat(value.Head.Key).Concat(value.Head.Value))
                {
                    Need(sum);
                }
                break;
            case KeptNode kept:
                foreach ((Node term, double weight) in kept.Terms)
                {
                    if (!_flows.TryGetValue(term, out List<(KeptNode, double)>? places))
                    {
                        _flows[term] = places = [];
                    }
                    places.Add((kept, weight));
                    Need(term);
                }
                break;
        }
    }

    private void Schedule(Node node, MachineShape shape)
    {
        switch (node)
        {
            case HeadValueNode value:
                int ready = value.Head.Query.Concat(value.Head.Key).Concat(value.Head.Value).Max(Complete);
                if (value.Head.Layer < 0)
                {
                    value.Head.Layer = (ready / 2) + (ready < 0 ? 0 : 1);
                }
                AddLayers(shape.IsFree ? value.Head.Layer + 1 : 0);
                node.Time = 2 * value.Head.Layer;
                if (ready >= node.Time)
                {
                    throw new EmlException(ErrorCode.Argument,
                        $"graph: head '{node.Name}' of layer {value.Head.Layer} reads a value that is complete only in layer {ready / 2}; move it to a later layer");
                }
                HeadValues.Add(value);
                if (!Heads[value.Head.Layer].Contains(value.Head))
                {
                    Heads[value.Head.Layer].Add(value.Head);
                }
                break;
            case UnitNode unit:
                int layer = Math.Max(Complete(unit.Gate), Complete(unit.Value)) switch { int time => (time + 1) / 2 };
                AddLayers(shape.IsFree ? layer + 1 : 0);
                while (layer < Units.Count && Units[layer].Count >= shape.HiddenWidth)
                {
                    layer++;
                    AddLayers(shape.IsFree ? layer + 1 : 0);
                }
                if (layer >= Units.Count)
                {
                    throw new EmlException(ErrorCode.Limit,
                        $"graph: no layer is left for unit '{unit.Name}'; {Units.Count} layers of {shape.HiddenWidth} units are allowed");
                }
                Units[layer].Add(unit);
                unit.Time = (2 * layer) + 1;
                break;
            case KeptNode kept:
                kept.Time = kept.Terms.Max(term => term.Node.Time);
                break;
        }
    }

    private static int Complete(Linear sum) => sum.Terms.Length == 0 ? -1 : sum.Terms.Max(term => term.Node.Time);

    private static void Reads(LayerPlan plan, Node reader, IEnumerable<Linear> sums)
    {
        foreach (Linear sum in sums)
        {
            plan.ReadAt(reader.Time, sum);
        }
    }

    private void Reads(Node node)
    {
        switch (node)
        {
            case UnitNode unit:
                Reads(this, unit, [unit.Gate, unit.Value]);
                break;
            case HeadValueNode value:
                Reads(this, value, value.Head.Query.Concat(value.Head.Key).Concat(value.Head.Value));
                break;
        }
    }

    private void ReadAt(int time, Linear sum)
    {
        foreach ((Node node, _) in sum.Terms)
        {
            node.LastRead = Math.Max(node.LastRead, time);
        }
    }

    private void CheckHeads(MachineShape shape)
    {
        for (int layer = 0; layer < Heads.Count && !shape.IsFree; layer++)
        {
            if (Heads[layer].Count != shape.HeadsPerLayer[layer])
            {
                throw new EmlException(ErrorCode.Limit,
                    $"graph: layer {layer} has {Heads[layer].Count} heads; the shape says {shape.HeadsPerLayer[layer]}");
            }
        }
    }
}
