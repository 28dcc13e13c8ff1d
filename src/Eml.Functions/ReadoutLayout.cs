namespace Eml.Functions;

/// <summary>
/// The default profile's function. With L = 2^(depth−1) leaves, n inputs, K = L − 1 nodes:
/// <code>
/// leaf i:          z_i = b_i + Σ_j w_ij·x_j
/// node, level 1:   v = exp(clamp(z_2k, −20, 10)) − ln(1 + clamp(z_2k+1, ±10⁶)²)
/// node above:      v = exp(clamp(p0 + p1·left, −20, 10)) − ln(1 + clamp(p2 + p3·right, ±10⁶)²)
/// head h:          y_h = c_h + Σ_j s_hj·x_j + Σ_k o_hk·v_k         (all nodes of all levels)
/// </code>
/// Every node is eml(x, y) with y ≥ 1, so nothing saturates into ln of nothing; every input reaches every leaf and every
/// parameter is read. The heads are linear in what is below them, so that training solves them exactly.
/// Parameters in order: leaves (L, 1 + n) of b, w; upper nodes (L/2 − 1, 4), level by level; heads (H, 1 + n + K).
/// </summary>
internal sealed class ReadoutLayout(int depth, int inputs, int heads)
{
    public const double LeftLow = -20;
    public const double LeftHigh = 10;
    public const double RightLimit = 1e6;
    public const int UpperParameters = 4;

    public int Inputs { get; } = inputs;

    public int Heads { get; } = heads;

    public int Leaves { get; } = 1 << (depth - 1);

    /// <summary>Nodes; the first half (rounded up) are level 1, then come the upper ones, level by level.</summary>
    public int Nodes => Leaves - 1;

    public int FirstLevel => Leaves / 2;

    /// <summary>Parameters in front of the heads'.</summary>
    public int NonlinearCount => Leaves * (1 + Inputs) + (Nodes - FirstLevel) * UpperParameters;

    /// <summary>What a head weighs: 1, the inputs, the nodes.</summary>
    public int Features => 1 + Inputs + Nodes;

    public int ParameterCount => NonlinearCount + Heads * Features;

    public int LeafBase(int leaf) => leaf * (1 + Inputs);

    public int UpperBase(int node) => Leaves * (1 + Inputs) + (node - FirstLevel) * UpperParameters;

    public int HeadBase(int head) => NonlinearCount + head * Features;

    /// <summary>The node whose left child is node 2i of the level below: nodes are numbered so that this is the formula.</summary>
    public int LeftChild(int node) => 2 * (node - FirstLevel);

    /// <summary>The node above, or −1 for the topmost.</summary>
    public int Parent(int node) => node == Nodes - 1 ? -1 : FirstLevel + node / 2;

    /// <summary>The node that a nonlinear parameter belongs to.</summary>
    public int Owner(int parameter)
    {
        int leaves = Leaves * (1 + Inputs);
        return parameter < leaves ? parameter / (1 + Inputs) / 2 : FirstLevel + (parameter - leaves) / UpperParameters;
    }
}
