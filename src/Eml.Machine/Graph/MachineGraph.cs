using Eml.Machine.Transformer;

namespace Eml.Machine.Graph;

/// <summary>A computation written in what a transformer can do exactly: linear combinations, gated units, lookups by
/// hard-max attention over parabola keys, running sums, and reads of an external store. <see cref="GraphCompiler"/>
/// turns it into weights.</summary>
public sealed class MachineGraph
{
    private readonly List<Node> _nodes = [];

    /// <summary>An empty graph.</summary>
    public MachineGraph() => One = Input("1", _ => 1.0);

    /// <summary>The constant 1, part of every token's embedding.</summary>
    internal InputNode One { get; }

    internal IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>A channel of the embedding: <paramref name="ofToken"/> gives its value per token.</summary>
    public Linear Token(string name, Func<int, double> ofToken) => Of(Input(name, ofToken));

    /// <summary>A channel of the positional encoding, in the order of these calls.</summary>
    public Linear Position(string name) => Of(Input(name, null));

    /// <summary>max(0, <paramref name="gate"/>) * <paramref name="value"/>.</summary>
    public Linear Unit(string name, Linear gate, Linear value)
    {
        ArgumentNullException.ThrowIfNull(gate);
        ArgumentNullException.ThrowIfNull(value);
        return Of(Add(new UnitNode(_nodes.Count, name, gate, value)));
    }

    /// <summary>1 where the integer <paramref name="x"/> is at least <paramref name="bound"/>, else 0: max(0, x - bound + 1) -
    /// max(0, x - bound), in as far as <paramref name="condition"/> is 1; 0 where it is 0 and |x - bound| is below
    /// <see cref="Off"/>.</summary>
    public Linear Step(string name, Linear x, double bound, Linear condition)
    {
        Linear distance = x - bound - (Off * (1.0 - condition));
        return Unit(name, distance + 1.0, 1.0) - Unit(name, distance, 1.0);
    }

    /// <summary>Where the integers <paramref name="a"/> and <paramref name="b"/> are equal and <paramref name="condition"/> is 1:
    /// <paramref name="value"/>; else 0. The difference must stay below <see cref="Off"/>.</summary>
    public Linear WhereEqual(string name, Linear a, Linear b, Linear condition, Linear value)
    {
        Linear distance = a - b - (Off * (1.0 - condition));
        return Unit(name, distance + 1.0, value) - (2.0 * Unit(name, distance, value)) + Unit(name, distance - 1.0, value);
    }

    /// <summary>What switches a unit off: larger than any integer that a gate or a key compares, and small enough for exact sums
    /// (2^20).</summary>
    public const double Off = 1048576.0;

    /// <summary>Hard-max attention over this and all earlier positions: the two <paramref name="values"/> of the position whose
    /// <paramref name="key"/> scores highest against <paramref name="query"/>; among equals, of the latest.</summary>
    public (Linear First, Linear Second) Lookup(string name, int layer, (Linear, Linear) query, (Linear, Linear) key,
        (Linear, Linear) values) => Head(name, HeadMode.HardMax, -1, layer, query, key, values);

    /// <summary>The sum of <paramref name="values"/> over this and all earlier positions.</summary>
    public (Linear First, Linear Second) Sum(string name, int layer, (Linear, Linear) values) =>
        Head(name, HeadMode.Sum, -1, layer, (0.0, 0.0), (0.0, 0.0), values);

    /// <summary>Hard-max attention over the entries of external store <paramref name="store"/>, whose keys and values are read from
    /// the embedded entries.</summary>
    public (Linear First, Linear Second) Cross(string name, int layer, int store, (Linear, Linear) query, (Linear, Linear) key,
        (Linear, Linear) values) => Head(name, HeadMode.Cross, store, layer, query, key, values);

    /// <summary>Gives a combination one place in the residual stream. Head values and units flow there directly; values that already
    /// have a place are copied by one always-open unit.</summary>
    public Linear Keep(string name, Linear sum)
    {
        ArgumentNullException.ThrowIfNull(sum);
        (Node Node, double Weight)[] placed = [.. sum.Terms.Where(term => term.Node is InputNode or KeptNode)];
        Linear flowing = new(0.0, [.. sum.Terms.Where(term => term.Node is not (InputNode or KeptNode))]);
        if (placed.Length > 0 || sum.Constant != 0.0)
        {
            flowing += Unit(name, 1.0, new Linear(sum.Constant, placed));
        }
        return Of(Add(new KeptNode(_nodes.Count, name, flowing.Terms)));
    }

    private (Linear, Linear) Head(string name, HeadMode mode, int store, int layer, (Linear A, Linear B) query, (Linear A, Linear B) key,
        (Linear A, Linear B) values)
    {
        var head = new HeadNode(name, mode, store, layer, [query.A, query.B], [key.A, key.B], [values.A, values.B]);
        return (Of(Add(new HeadValueNode(_nodes.Count, name, head, 0))), Of(Add(new HeadValueNode(_nodes.Count, name, head, 1))));
    }

    private InputNode Input(string name, Func<int, double>? ofToken) => Add(new InputNode(_nodes.Count, name, ofToken));

    private T Add<T>(T node) where T : Node
    {
        _nodes.Add(node);
        return node;
    }

    private static Linear Of(Node node) => new(0.0, (node, 1.0));
}
