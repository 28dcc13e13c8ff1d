using Eml.Machine.Transformer;

namespace Eml.Machine.Graph;

/// <summary>A computation written in what a transformer can do exactly: linear combinations, gated units, lookups by
/// hard-max attention over parabola keys, running sums, and reads of an external store. <see cref="GraphCompiler"/>
/// turns it into weights.</summary>
public sealed class MachineGraph
{
    private readonly List<Node> _nodes = [];

    private readonly double _off;

    /// <summary>An empty graph whose heads have queries, keys and values of <paramref name="headWidth"/> components (2 or 4), and in
    /// which numbers below <paramref name="off"/> are compared.</summary>
    public MachineGraph(int headWidth = 2, double off = Off)
    {
        HeadWidth = headWidth;
        _off = off;
        One = Input("1", _ => 1.0);
    }

    internal int HeadWidth { get; }

    internal List<(string Name, double[][] Rows)> Tables { get; } = [];

    /// <summary>The constant 1, part of every token's embedding.</summary>
    internal InputNode One { get; }

    internal IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>A channel of the embedding: <paramref name="ofToken"/> gives its value per token.</summary>
    public Linear Token(string name, Func<int, double> ofToken) => Of(Input(name, ofToken));

    /// <summary>A channel of the positional encoding, in the order of these calls.</summary>
    public Linear Position(string name) => Of(Input(name, null));

    /// <summary>A channel of the positional encoding that is an integer from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public Linear Field(string name, double min, double max) => Of(Add(new InputNode(_nodes.Count, name, null, (min, max))));

    /// <summary>A constant store with these <paramref name="rows"/>; returns its number.</summary>
    public int AddTable(string name, double[][] rows)
    {
        Tables.Add((name, rows));
        return Tables.Count - 1;
    }

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
        Linear distance = x - bound - (_off * (1.0 - condition));
        return Unit(name, distance + 1.0, 1.0) - Unit(name, distance, 1.0);
    }

    /// <summary>Where the integers <paramref name="a"/> and <paramref name="b"/> are equal and <paramref name="condition"/> is 1:
    /// <paramref name="value"/>; else 0. The difference must stay below <see cref="Off"/>.</summary>
    public Linear WhereEqual(string name, Linear a, Linear b, Linear condition, Linear value)
    {
        Linear distance = a - b - (_off * (1.0 - condition));
        return Unit(name, distance + 1.0, value) - (2.0 * Unit(name, distance, value)) + Unit(name, distance - 1.0, value);
    }

    /// <summary>What switches a unit off: larger than any integer that a gate or a key compares, and small enough for exact sums
    /// (2^20).</summary>
    public const double Off = 1048576.0;

    /// <summary>Hard-max attention over this and all earlier positions: the two <paramref name="values"/> of the position whose
    /// <paramref name="key"/> scores highest against <paramref name="query"/>; among equals, of the latest.</summary>
    public (Linear First, Linear Second) Lookup(string name, int layer, (Linear, Linear) query, (Linear, Linear) key,
        (Linear, Linear) values) => Pair(name, HeadMode.HardMax, -1, layer, query, key, values);

    /// <summary>The sum of <paramref name="values"/> over this and all earlier positions.</summary>
    public (Linear First, Linear Second) Sum(string name, int layer, (Linear, Linear) values) =>
        Pair(name, HeadMode.Sum, -1, layer, (0.0, 0.0), (0.0, 0.0), values);

    /// <summary>Hard-max attention over the entries of external store <paramref name="store"/>, whose keys and values are read from
    /// the embedded entries.</summary>
    public (Linear First, Linear Second) Cross(string name, int layer, int store, (Linear, Linear) query, (Linear, Linear) key,
        (Linear, Linear) values) => Pair(name, HeadMode.Cross, store, layer, query, key, values);

    /// <summary>Attention to the latest position whose two-part integer key equals the query, or zeros if there is none. The score is
    /// minus the square of the distance, -(q - k)^2, so the sink of score -1/2 wins over every other key.</summary>
    /// <param name="name">What it is for.</param>
    /// <param name="query">The two parts q and q^2 as one number: the sum of the squares of both.</param>
    /// <param name="key">The same of the key.</param>
    /// <param name="isKey">1 where the position has a key, else 0.</param>
    /// <param name="values">What is read; as many heads as they need.</param>
    public Linear[] Find(string name, (Linear High, Linear Low, Linear Squares) query, (Linear High, Linear Low, Linear Squares) key,
        Linear isKey, params Linear[] values) =>
        Heads(name, HeadMode.HardMax, -1, -0.5, [query.High, query.Low, 1.0, -query.Squares],
            [2.0 * key.High, 2.0 * key.Low, isKey - key.Squares - 1.0, 1.0], values);

    /// <summary>The columns of the row of <paramref name="table"/> whose index is nearest to <paramref name="index"/> /
    /// <paramref name="divisor"/>. Columns 0 and 1 of the table are the key (2j, -j^2); the score is 2j index - j^2 divisor.</summary>
    public Linear[] Row(string name, int table, Linear index, Linear divisor, params int[] columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        return Heads(name, HeadMode.Table, table, null, [index, divisor, 0.0, 0.0], [Column(0), Column(1), 0.0, 0.0], [.. columns.Select(Column)]);
    }

    /// <summary>A column of a table's row: as if the row stood in the first channels.</summary>
    private static Linear Column(int column) => Of(new ColumnNode(column));

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

    private Linear[] Heads(string name, HeadMode mode, int store, double? sink, Linear[] query, Linear[] key, Linear[] values)
    {
        var read = new Linear[values.Length];
        for (int at = 0; at < values.Length; at += HeadWidth)
        {
            Linear[] part = [.. Enumerable.Range(at, HeadWidth).Select(i => i < values.Length ? values[i] : 0.0)];
            var head = new HeadNode(name, mode, store, query, key, part) { Sink = sink };
            for (int i = at; i < Math.Min(at + HeadWidth, values.Length); i++)
            {
                read[i] = Of(Add(new HeadValueNode(_nodes.Count, name, head, i - at)));
            }
        }
        return read;
    }

    private (Linear, Linear) Pair(string name, HeadMode mode, int store, int layer, (Linear A, Linear B) query, (Linear A, Linear B) key,
        (Linear A, Linear B) values)
    {
        var head = new HeadNode(name, mode, store, [query.A, query.B], [key.A, key.B], [values.A, values.B]) { Layer = layer };
        return (Of(Add(new HeadValueNode(_nodes.Count, name, head, 0))), Of(Add(new HeadValueNode(_nodes.Count, name, head, 1))));
    }

    private InputNode Input(string name, Func<int, double>? ofToken) => Add(new InputNode(_nodes.Count, name, ofToken, (double.NegativeInfinity, double.PositiveInfinity)));

    private T Add<T>(T node) where T : Node
    {
        _nodes.Add(node);
        return node;
    }

    private static Linear Of(Node node) => new(0.0, (node, 1.0));
}
