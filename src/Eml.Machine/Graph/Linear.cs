namespace Eml.Machine.Graph;

/// <summary>A linear combination of the graph's values and a constant: what queries, keys, gates and outputs read.
/// It costs nothing by itself; only <see cref="MachineGraph.Keep"/> gives it a place in the residual stream.</summary>
public sealed class Linear
{
    internal Linear(double constant, params (Node Node, double Weight)[] terms)
    {
        Constant = constant;
        Terms = terms;
    }

    internal double Constant { get; }

    internal (Node Node, double Weight)[] Terms { get; }

    internal bool IsZero => Constant == 0.0 && Terms.Length == 0;

    /// <summary>The constant <paramref name="value"/>.</summary>
    public static implicit operator Linear(double value) => new(value);

    /// <summary>The constant <paramref name="value"/>.</summary>
    public static Linear FromDouble(double value) => new(value);

    /// <summary>The sum.</summary>
    public static Linear operator +(Linear a, Linear b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        var weights = new Dictionary<Node, double>(a.Terms.Length + b.Terms.Length);
        foreach ((Node node, double weight) in a.Terms.Concat(b.Terms))
        {
            weights[node] = weights.GetValueOrDefault(node) + weight;
        }
        return new Linear(a.Constant + b.Constant,
            [.. weights.Where(term => term.Value != 0.0).OrderBy(term => term.Key.Index).Select(term => (term.Key, term.Value))]);
    }

    /// <summary>The sum.</summary>
    public static Linear Add(Linear left, Linear right) => left + right;

    /// <summary>The negative.</summary>
    public static Linear operator -(Linear a) => -1.0 * a;

    /// <summary>The negative.</summary>
    public static Linear Negate(Linear item) => -item;

    /// <summary>The difference.</summary>
    public static Linear operator -(Linear a, Linear b) => a + (-1.0 * b);

    /// <summary>The difference.</summary>
    public static Linear Subtract(Linear left, Linear right) => left - right;

    /// <summary>The multiple.</summary>
    public static Linear operator *(double factor, Linear a)
    {
        ArgumentNullException.ThrowIfNull(a);
        return factor == 0.0
            ? new Linear(0.0)
            : new Linear(factor * a.Constant, [.. a.Terms.Select(term => (term.Node, factor * term.Weight))]);
    }

    /// <summary>The multiple.</summary>
    public static Linear Multiply(double left, Linear right) => left * right;
}
