namespace Eml.Functions;

/// <summary>
/// The default profile's attention block. For a sample of S tokens x_i of D numbers, with E nodes, H heads and keys of K:
/// <code>
/// token node m:  n_im = exp(clamp(l, −20, 10)) − ln(1 + clamp(r, ±10⁶)²),  l and r affine in x_i
/// token:         f_i  = (x_i, n_i)                                           (F = D + E)
/// head h:        q_i  = b + Wq·f_i + Pq_i,  k_j = Wk·f_j + Pk_j,  a_ij = softmax_j(q_i·k_j / √K),  c_ih = Σ_j a_ij·f_j
/// base:          g_i  = (1, f_i if residual, c_i1 … c_iH)                    (G)
/// out node m:    o_im = the same node function of l and r linear in g_i
/// answer:        y_i  = Rᵀ·(g_i, o_i)                                        (P = G + E features)
/// </code>
/// Weights are shared by all positions, so that what is learned holds for tokens anywhere. The value and the output
/// projection enter only as their product: it is kept as one matrix, which makes y linear in everything behind the
/// attention pattern and the nodes, so that training solves it exactly. Without nodes all maps are affine.
/// Parameters in order: token leaves (2E, 1 + D), left and right of each node in turn, bias first; per head Wq (K, 1 + F)
/// with the bias first, Wk (K, F), and, if positional, Pq (S, K), Pk (S, K); out leaves (2E, G); R (P, D).
/// </summary>
internal sealed class BlockLayout(AttentionConfig config)
{
    public AttentionConfig Config { get; } = config;

    public int D { get; } = config.DModel;

    public int K { get; } = config.DKey;

    public int S { get; } = config.SeqLen;

    public int H { get; } = config.Heads;

    public int E { get; } = config.Nodes;

    public bool Positional { get; } = config.Positional;

    /// <summary>Keys that are looked at together.</summary>
    public int Chunk { get; } = config.Chunk == 0 ? Pad(config.SeqLen) : Math.Min(config.Chunk, Pad(config.SeqLen));

    /// <summary>Width of a token with its nodes.</summary>
    public int F => D + E;

    /// <summary>Where the first head's context stands among the features.</summary>
    public int FirstContext { get; } = config.Residual ? 1 + config.DModel + config.Nodes : 1;

    /// <summary>Features in front of the out nodes.</summary>
    public int G => FirstContext + H * F;

    /// <summary>All features.</summary>
    public int P => G + E;

    public int TokenLeafCount => 2 * E * (1 + D);

    public int QueryCount => K * (1 + F);

    public int KeyCount => K * F;

    public int HeadCount => QueryCount + KeyCount + (Positional ? 2 * S * K : 0);

    public int OutLeafBase => HeadBase(H);

    /// <summary>Parameters in front of the readout.</summary>
    public int NonlinearCount => OutLeafBase + 2 * E * G;

    public int Count => NonlinearCount + P * D;

    public int HeadBase(int head) => TokenLeafCount + head * HeadCount;

    public int KeyBase(int head) => HeadBase(head) + QueryCount;

    public int QueryPositionBase(int head) => KeyBase(head) + KeyCount;

    public int KeyPositionBase(int head) => QueryPositionBase(head) + S * K;

    public int ContextBase(int head) => FirstContext + head * F;

    /// <summary>The next multiple of the widest vector.</summary>
    public static int Pad(int count) => (count + 7) & ~7;

    /// <summary>
    /// Where training starts: every node reads one input on both sides, no head distinguishes keys, the readout is 0.
    /// </summary>
    public double[] Start()
    {
        double[] parameters = new double[Count];
        for (int m = 0; m < E; m++)
        {
            StartNode(parameters.AsSpan(2 * m * (1 + D), 2 * (1 + D)), 1 + m % D);
            // The inputs that come after those of the token nodes, or whatever else the readout sees.
            int inputs = FirstContext > 1 ? D : G - 1;
            StartNode(parameters.AsSpan(OutLeafBase + 2 * m * G, 2 * G), 1 + (E + m) % inputs);
        }

        return parameters;
    }

    /// <summary>exp(x − 1) − ln(1 + 4x²)</summary>
    private static void StartNode(Span<double> leaves, int input)
    {
        leaves[0] = -1;
        leaves[input] = 1;
        leaves[leaves.Length / 2 + input] = 2;
    }
}
