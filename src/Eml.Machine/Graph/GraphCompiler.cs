using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Machine.Graph;

/// <summary>The shape that a graph must fit.</summary>
/// <param name="ModelWidth">Width of the residual stream.</param>
/// <param name="HiddenWidth">Gated units per layer.</param>
/// <param name="Vocabulary">Number of tokens.</param>
/// <param name="HeadsPerLayer">Heads of each layer.</param>
public sealed record MachineShape(int ModelWidth, int HiddenWidth, int Vocabulary, int[] HeadsPerLayer)
{
    /// <summary>No heads per layer: as many layers and heads as the graph needs, each as early as what it reads allows.</summary>
    public bool IsFree => HeadsPerLayer.Length == 0;
}

/// <summary>Turns a <see cref="MachineGraph"/> into the weights of a transformer: assigns units to layers (each as early as what it
/// reads allows), values to channels of the residual stream (a channel whose value is read no more is cleared and used again), and
/// writes the matrices.</summary>
public static class GraphCompiler
{
    /// <summary>Compiles <paramref name="graph"/>, whose result is the token nearest to <paramref name="result"/>.</summary>
    /// <exception cref="EmlException">The graph does not fit the shape; the message says what is too large.</exception>
    public static TransformerWeights Compile(MachineGraph graph, MachineShape shape, Linear result)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(result);
        TransformerWeights weights = Write(graph, shape, [result]);
        // Quadratic unembedding: 2 t R - t^2 is largest for the t nearest to R.
        for (int token = 0; token < shape.Vocabulary; token++)
        {
            Span<double> row = weights.Unembedding.AsSpan(token * shape.ModelWidth, shape.ModelWidth);
            Read(2.0 * token * result, graph, row);
            row[graph.One.Slot] -= (double)token * token;
        }
        return weights;
    }

    /// <summary>Compiles <paramref name="graph"/> for tokens that are tuples of numbers: the next token's are <paramref name="results"/>,
    /// values with a place of their own, in the order of the first position channels.</summary>
    /// <exception cref="EmlException">The graph does not fit the shape; the message says what is too large.</exception>
    public static TransformerWeights Compile(MachineGraph graph, MachineShape shape, Linear[] results)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(results);
        return Write(graph, shape, results);
    }

    private static TransformerWeights Write(MachineGraph graph, MachineShape shape, Linear[] results)
    {
        LayerPlan plan = LayerPlan.Of(graph, shape, results);
        ChannelPlan channels = ChannelPlan.Of(plan, graph, shape);
        int width = shape.ModelWidth;
        InputNode[] positions = [.. graph.Nodes.OfType<InputNode>().Where(node => node.OfToken is null)];
        var weights = new TransformerWeights(new TransformerConfig
        {
            ModelWidth = width,
            HiddenWidth = shape.HiddenWidth,
            Vocabulary = shape.Vocabulary,
            ConstantChannel = graph.One.Slot,
            PositionChannels = [.. positions.Select(node => node.Slot)],
            HeadWidth = graph.HeadWidth,
            PositionRanges = positions.All(node => double.IsFinite(node.Range.Min)) ? [.. positions.Select(node => node.Range)] : [],
            ResultChannels = shape.IsFree ? [.. results.Select(result => result.Terms.Single().Node.Slot)] : [],
            Tables = [.. graph.Tables.Select(table => new TableConfig(table.Name, table.Rows.Length, table.Rows[0].Length))],
            Stores = 1 + plan.Heads.SelectMany(heads => heads).Where(head => head.Mode != HeadMode.Table).Max(head => head.Store),
            Heads = [.. plan.Heads.Select(heads => heads.Select(head => new HeadConfig(head.Mode, head.Store, head.Name, head.Sink)).ToArray())],
        });
        for (int t = 0; t < graph.Tables.Count; t++)
        {
            graph.Tables[t].Rows.SelectMany(row => row).ToArray().CopyTo(weights.Tables[t], 0);
        }

        foreach (InputNode input in graph.Nodes.OfType<InputNode>().Where(node => node.OfToken is not null && node.Slot >= 0))
        {
            for (int token = 0; token < shape.Vocabulary; token++)
            {
                weights.TokenEmbedding[(token * width) + input.Slot] = input.OfToken!(token);
            }
        }
        for (int layer = 0; layer < weights.Layers.Length; layer++)
        {
            WriteHeads(weights.Layers[layer], plan.Heads[layer], plan, graph, width);
            WriteUnits(weights.Layers[layer], plan, layer, graph, shape);
            ClearChannels(weights.Layers[layer], channels.Cleared[layer], plan.Units[layer].Count, graph.One.Slot, shape);
        }
        weights.Names = new TransformerNames(
            [.. channels.Tenants.Select(node => (node.Slot, node.Name, node.FirstWrite, node.LastRead))],
            [.. plan.Units.Select((units, layer) => units.Select(unit => unit.Name)
                .Concat(channels.Cleared[layer].Select(channel => $"clear channel {channel}")).ToArray())]);
        return weights;
    }

    private static void WriteHeads(LayerWeights layer, List<HeadNode> heads, LayerPlan plan, MachineGraph graph, int width)
    {
        int rows = graph.HeadWidth;
        for (int h = 0; h < heads.Count; h++)
        {
            for (int row = 0; row < rows; row++)
            {
                int at = ((h * rows) + row) * width;
                Read(heads[h].Query[row], graph, layer.Query.AsSpan(at, width));
                Read(heads[h].Key[row], graph, layer.Key.AsSpan(at, width));
                Read(heads[h].Value[row], graph, layer.Value.AsSpan(at, width));
            }
            foreach (HeadValueNode value in plan.HeadValues.Where(value => value.Head == heads[h]))
            {
                foreach ((int channel, double weight) in plan.Destinations(value))
                {
                    layer.Output[(((h * width) + channel) * rows) + value.Component] += weight;
                }
            }
        }
    }

    private static void WriteUnits(LayerWeights layer, LayerPlan plan, int index, MachineGraph graph, MachineShape shape)
    {
        List<UnitNode> units = plan.Units[index];
        for (int u = 0; u < units.Count; u++)
        {
            Read(units[u].Gate, graph, layer.UnitGate.AsSpan(u * shape.ModelWidth, shape.ModelWidth));
            Read(units[u].Value, graph, layer.UnitValue.AsSpan(u * shape.ModelWidth, shape.ModelWidth));
            foreach ((int channel, double weight) in plan.Destinations(units[u]))
            {
                layer.UnitOutput[(channel * shape.HiddenWidth) + u] += weight;
            }
        }
    }

    private static void ClearChannels(LayerWeights layer, List<int> channels, int firstUnit, int constantChannel, MachineShape shape)
    {
        for (int i = 0; i < channels.Count; i++)
        {
            int unit = firstUnit + i;
            layer.UnitGate[(unit * shape.ModelWidth) + constantChannel] = 1.0;
            layer.UnitValue[(unit * shape.ModelWidth) + channels[i]] = -1.0;
            layer.UnitOutput[(channels[i] * shape.HiddenWidth) + unit] = 1.0;
        }
    }

    private static void Read(Linear sum, MachineGraph graph, Span<double> row)
    {
        foreach ((Node node, double weight) in sum.Terms)
        {
            row[node.Slot] += weight;
        }
        row[graph.One.Slot] += sum.Constant;
    }
}
