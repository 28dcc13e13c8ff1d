namespace Eml.Functions;

/// <summary>How the three coefficients of one side of a node come from the parameters P.</summary>
internal enum MixKind
{
    /// <summary>softmax3(P0, P1, P2).</summary>
    Softmax,

    /// <summary>softmax3(P0 + 0.5, P1 − 0.5, P2).</summary>
    ShiftedSoftmax,

    /// <summary>P0, P1, 1 − P0 − P1.</summary>
    Affine,

    /// <summary>0, P0, 1 − P0.</summary>
    Blend,

    /// <summary>0, P0, 0.</summary>
    Single,
}

/// <summary>
/// One side of a node: clamp(c0 + c1·u + c2·v, low, high), where u and v are values (inputs first, then nodes). A right side
/// that is not positive, or NaN, counts as <paramref name="Floor"/>.
/// </summary>
internal readonly record struct MixSide(MixKind Kind, int Base, int U, int V, double Low, double High,
    double Floor = Operator.MinPositive);

/// <summary>A node: exp(left) − ln(right).</summary>
internal readonly record struct MixNode(MixSide Left, MixSide Right);

/// <summary>
/// What <see cref="EmlModel"/> (profile eml-core-0.1) and <see cref="EmlTree"/> have in common: a list of eml nodes whose
/// two sides are clamped mixtures of two earlier values. Values are numbered inputs first, then nodes; of the inputs only
/// those that some node reads are loaded. The heads are the nodes at the end; their output is max(value, 0).
/// </summary>
internal sealed class MixLayout
{
    private const double Limit = 10;
    private const double RightLow = 0.01;

    private readonly List<MixNode> _nodes = [];
    private readonly int _inputs;

    private MixLayout(int inputs)
    {
        _inputs = inputs;
    }

    /// <summary>Parameters, the ones never read included.</summary>
    public int ParameterCount { get; private set; }

    /// <summary>Nodes before the heads; those that no head depends on are left out.</summary>
    public int TrunkCount { get; private set; }

    public int Heads { get; private set; }

    /// <summary>Trunk nodes, then one node a head.</summary>
    public MixNode[] Nodes { get; private set; } = [];

    /// <summary>Columns[i] is the input that value i holds.</summary>
    public int[] Columns { get; private set; } = [];

    /// <summary>EmlModel of eml-core 0.1.0: 8 leaves in 4 nodes, then mixing levels by depth, then a node a head.</summary>
    public static MixLayout Model(int depth, int inputs, int heads)
    {
        var layout = new MixLayout(inputs);
        int[] b = layout.AddLeaves(width: 8, rightLow: -Limit, rightFloor: Operator.MinPositive);
        int p = 24;
        int[] trunk = b;
        if (depth == 3)
        {
            trunk = [layout.AddAffine(ref p, b[0], b[1], b[2], b[3]), layout.AddAffine(ref p, b[0], b[1], b[2], b[3])];
        }
        else if (depth >= 4)
        {
            int[] c =
            [
                layout.AddSoft(ref p, b[0], b[1], b[2], b[3]), layout.AddSoft(ref p, b[0], b[1], b[2], b[3]),
                layout.AddSoft(ref p, b[0], b[2], b[1], b[3]), layout.AddSoft(ref p, b[1], b[3], b[0], b[2]),
            ];
            if (depth == 4)
            {
                trunk = [layout.AddAffine(ref p, c[0], c[1], c[2], c[3]), layout.AddAffine(ref p, c[0], c[2], c[1], c[3])];
            }
            else
            {
                int[] e =
                [
                    layout.AddSoft(ref p, c[0], c[1], c[2], c[3]), layout.AddSoft(ref p, c[0], c[2], c[1], c[3]),
                    layout.AddSoft(ref p, c[1], c[3], c[0], c[2]), layout.AddSoft(ref p, c[0], c[3], c[1], c[2]),
                ];
                trunk = [layout.AddAffine(ref p, e[0], e[1], e[2], e[3]), layout.AddAffine(ref p, e[2], e[3], e[0], e[1])];
            }
        }

        layout.ParameterCount = checked(p + 2 * heads);
        layout.Finish(heads, p, trunk);
        return layout;
    }

    /// <summary>EmlTree of eml-core 0.1.0: 2^(depth−1) leaves, levels that halve, one output.</summary>
    public static MixLayout Tree(int depth, int inputs)
    {
        var layout = new MixLayout(inputs);
        int width = 1 << (depth - 1);
        int[] level = layout.AddLeaves(width, RightLow, rightFloor: RightLow);
        int p = 3 * width;
        for (int i = 2; i < depth; i++)
        {
            int[] next = new int[(level.Length + 1) / 2];
            for (int j = 0; j < next.Length; j++)
            {
                int l = level[2 * j], r = level[Math.Min(2 * j + 1, level.Length - 1)];
                next[j] = i == depth - 1 ? layout.AddBlend(ref p, l, r) : layout.AddSoft(ref p, l, r, r, l);
            }

            level = next;
        }

        layout.ParameterCount = TreeParameterCount(depth);
        layout.Finish(1, p, level);
        return layout;
    }

    /// <summary>What eml-core counts, which is more than it reads: levels do not get narrower than their count assumes.</summary>
    public static int TreeParameterCount(int depth)
    {
        int width = 1 << (depth - 1);
        int total = 3 * width + 2;
        for (int level = 2, w = width / 2; level < depth; level++, w = Math.Max(1, w / 2))
        {
            total += w * (level < depth - 1 ? 3 : 2);
        }

        return total;
    }

    private int[] AddLeaves(int width, double rightLow, double rightFloor)
    {
        int[] values = new int[width / 2];
        var nodes = new MixNode[width / 2];
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i] = new MixNode(
                Leaf(2 * i, -Limit, Operator.MinPositive), Leaf(2 * i + 1, rightLow, rightFloor));
            values[i] = ~i; // node numbers are held as their complement, so that they differ from inputs
        }

        _nodes.AddRange(nodes);
        return values;

        MixSide Leaf(int leaf, double low, double floor) => new(MixKind.Softmax, 3 * leaf,
            (int)(2L * leaf % _inputs), (int)((2L * leaf + 1) % _inputs), low, Limit, floor);
    }

    private int AddSoft(ref int p, int l, int l2, int r, int r2)
    {
        var node = new MixNode(
            new MixSide(MixKind.Softmax, p, l, l2, -Limit, Limit),
            new MixSide(MixKind.ShiftedSoftmax, p, r, r2, RightLow, Limit));
        p += 3;
        return Add(node);
    }

    private int AddAffine(ref int p, int l, int l2, int r, int r2)
    {
        var node = new MixNode(
            new MixSide(MixKind.Affine, p, l, l2, -Limit, Limit),
            new MixSide(MixKind.Affine, p + 2, r, r2, RightLow, Limit));
        p += 4;
        return Add(node);
    }

    private int AddBlend(ref int p, int l, int r)
    {
        MixNode node = Blend(MixKind.Blend, p, l, r);
        p += 2;
        return Add(node);
    }

    private static MixNode Blend(MixKind kind, int p, int l, int r) => new(
        new MixSide(kind, p, l, r, -Limit, Limit), new MixSide(kind, p + 1, l, r, RightLow, Limit));

    private int Add(MixNode node)
    {
        _nodes.Add(node);
        return ~(_nodes.Count - 1);
    }

    private void Finish(int heads, int p, int[] trunk)
    {
        int trunkCount = _nodes.Count;
        Heads = heads;
        for (int h = 0; h < heads; h++)
        {
            _nodes.Add(trunk.Length > 1
                ? Blend(MixKind.Blend, p + 2 * h, trunk[0], trunk[1])
                : Blend(MixKind.Single, p, trunk[0], trunk[0]));
        }

        bool[] live = LiveNodes(trunkCount);
        MixNode[] nodes = [.. _nodes.Where((_, n) => live[n])];
        TrunkCount = nodes.Length - heads;

        // Now that the inputs in use are known, inputs and node numbers (held as their complement) become value numbers.
        List<int> columns = [.. nodes.SelectMany(Reads).Where(value => value >= 0).Distinct()];
        int[] place = new int[live.Length];
        for (int n = 1; n < place.Length; n++)
        {
            place[n] = place[n - 1] + (live[n - 1] ? 1 : 0);
        }

        Columns = [.. columns];
        Nodes = [.. nodes.Select(n => new MixNode(Resolve(n.Left), Resolve(n.Right)))];

        MixSide Resolve(MixSide side) => side with { U = Value(side.U), V = Value(side.V) };
        int Value(int number) => number < 0 ? columns.Count + place[~number] : columns.IndexOf(number);
    }

    /// <summary>Which nodes some head depends on: the others need not be computed.</summary>
    private bool[] LiveNodes(int trunkCount)
    {
        bool[] live = new bool[_nodes.Count];
        for (int n = live.Length - 1; n >= 0; n--)
        {
            live[n] |= n >= trunkCount;
            foreach (int value in Reads(_nodes[n]).Where(value => live[n] && value < 0))
            {
                live[~value] = true;
            }
        }

        return live;
    }

    private static int[] Reads(MixNode node) => [node.Left.U, node.Left.V, node.Right.U, node.Right.V];

    /// <summary>The coefficients of one side, computed as eml-core does at every evaluation.</summary>
    public static (double C0, double C1, double C2) Coefficients(MixSide side, ReadOnlySpan<double> parameters)
    {
        ReadOnlySpan<double> p = parameters[side.Base..];
        return side.Kind switch
        {
            MixKind.Softmax => Operator.Softmax3(p[0], p[1], p[2]),
            MixKind.ShiftedSoftmax => Operator.Softmax3(p[0] + 0.5, p[1] - 0.5, p[2]),
            MixKind.Affine => (p[0], p[1], 1 - p[0] - p[1]),
            MixKind.Blend => (0, p[0], 1 - p[0]),
            _ => (0, p[0], 0),
        };
    }
}
