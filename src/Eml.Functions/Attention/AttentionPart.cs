namespace Eml.Functions;

/// <summary>One of the affine maps or SafeTrees inside an attention block, and where its parameters lie in the whole list.</summary>
/// <param name="Name">"q", "k", "v", "softmax" or "out".</param>
/// <param name="Depth">Levels of eml nodes; 0: an affine map.</param>
/// <param name="Inputs">Numbers in.</param>
/// <param name="Heads">Numbers out.</param>
/// <param name="Offset">Its first parameter: weights (heads, inputs), then biases (heads), then constants (heads, depth, 3).</param>
public sealed record AttentionPart(string Name, int Depth, int Inputs, int Heads, int Offset)
{
    /// <summary>heads·(inputs + 1 + 3·depth)</summary>
    public int Count => Heads * (Inputs + 1 + 3 * Depth);

    internal int Weights(int head) => Offset + head * Inputs;

    internal int Bias(int head) => Offset + Heads * Inputs + head;

    internal int Constants(int head) => Offset + Heads * (Inputs + 1) + head * 3 * Depth;

    /// <summary>The head that a parameter, counted from the part's first, belongs to; affine: it is a weight or a bias.</summary>
    internal int HeadOf(int parameter, out bool affine)
    {
        int biases = Heads * Inputs, constants = biases + Heads;
        affine = parameter < constants;
        return parameter < biases ? parameter / Inputs
            : affine ? parameter - biases
            : (parameter - constants) / (3 * Depth);
    }
}
