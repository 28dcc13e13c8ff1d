namespace Eml.Functions;

/// <summary>
/// eml-core's ToyEmlAttention of profile eml-core-0.1: SafeTrees for q, k, v and out, and one that takes the softmax's place
/// once the block is trained.
/// </summary>
public sealed class ToyEmlAttention : AttentionBlock
{
    /// <summary>Fewest levels.</summary>
    public const int MinDepth = 3;

    /// <summary>Most levels.</summary>
    public const int MaxDepth = 5;

    /// <summary>Most levels of the softmax tree.</summary>
    internal const int MaxSoftmaxDepth = 4;

    private const ulong InitialSeed = 0x6D6174746861777F;

    /// <summary>d_model 1…32, d_k 1…d_model, seq_len 1…8, depth 3…5; small parameters from eml-core's generator.</summary>
    public ToyEmlAttention(string name, int dModel, int dK, int seqLen, int depth)
        : base(name, AttentionLayout.OfTrees(dModel, dK, seqLen, depth), InitialSeed)
    {
        Depth = depth;
    }

    private ToyEmlAttention(ToyEmlAttention other) : base(other)
    {
        Depth = other.Depth;
        foreach (EmlEvent item in other.Events)
        {
            Events.Add(item);
        }
    }

    /// <summary>Levels of eml nodes; the softmax tree has at most 4.</summary>
    public int Depth { get; }

    /// <summary>What happened and was not taken yet.</summary>
    public EmlEventLog Events { get; } = new();

    /// <summary>Parameters of a block of this shape; refuses shapes that no block has.</summary>
    public static int CountParameters(int dModel, int dK, int seqLen, int depth) =>
        AttentionLayout.OfTrees(dModel, dK, seqLen, depth).ParameterCount;

    /// <summary>A copy with parameters, name, state, samples and events.</summary>
    public ToyEmlAttention Clone() => new(this);

    private protected override bool UsesLearnedSoftmax => Trained;

    private protected override void OnTrained(int samples, double before, double after) =>
        Events.Add(new EmlEvent.Trained(Name, (ulong)samples, before, after, true, (ulong)ParameterCount));
}
