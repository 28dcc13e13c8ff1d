using Eml.Machine.Transformer;

namespace Eml.Machine.Graph;

/// <summary>A value of the graph. Time counts sublayers: attention of layer L is 2L, its gated units are 2L + 1, the
/// embedding is -1. A value can be read at any time after the one at which it was completed.</summary>
internal abstract class Node(int index, string name)
{
    /// <summary>Order of creation, which is a topological order.</summary>
    public int Index { get; } = index;

    public string Name { get; } = name;

    /// <summary>When the value is complete in the residual stream.</summary>
    public int Time { get; set; } = -1;

    /// <summary>Its place in the residual stream, or -1 if it only flows into others' places.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Last time at which it is read; -1 if never.</summary>
    public int LastRead { get; set; } = -1;

    /// <summary>First time at which something is added to its place.</summary>
    public virtual int FirstWrite => Time;
}

/// <summary>A value that the token's embedding or the positional encoding brings.</summary>
internal sealed class InputNode(int index, string name, Func<int, double>? ofToken, (double Min, double Max) range) : Node(index, name)
{
    /// <summary>What a channel of the positional encoding can be.</summary>
    public (double Min, double Max) Range { get; } = range;

    /// <summary>Value per token, or null for a channel of the positional encoding.</summary>
    public Func<int, double>? OfToken { get; } = ofToken;
}

/// <summary>An attention head.</summary>
internal sealed record HeadNode(string Name, HeadMode Mode, int Store, Linear[] Query, Linear[] Key, Linear[] Value)
{
    /// <summary>The layer; -1 until one is chosen.</summary>
    public int Layer { get; set; } = -1;

    /// <summary>The score of the key that is always there and has zero values, or null.</summary>
    public double? Sink { get; init; }
}

/// <summary>One component of what a head reads.</summary>
internal sealed class HeadValueNode(int index, string name, HeadNode head, int component) : Node(index, name)
{
    public HeadNode Head { get; } = head;
    public int Component { get; } = component;
}

/// <summary>max(0, gate) * value.</summary>
internal sealed class UnitNode(int index, string name, Linear gate, Linear value) : Node(index, name)
{
    public Linear Gate { get; } = gate;
    public Linear Value { get; } = value;
}

/// <summary>A place in the residual stream into which head values and units flow.</summary>
internal sealed class KeptNode(int index, string name, (Node Node, double Weight)[] terms) : Node(index, name)
{
    public (Node Node, double Weight)[] Terms { get; } = terms;
    public override int FirstWrite => Terms.Min(term => term.Node.Time);
}

/// <summary>A column of a constant table's row, which stands in the channel of that number.</summary>
internal sealed class ColumnNode : Node
{
    public ColumnNode(int column) : base(-1 - column, $"column {column}") => Slot = column;
}
