namespace Eml.Functions;

/// <summary>eml-core's BaselineAttention of profile eml-core-0.1: the same block with affine maps, to compare with.</summary>
public sealed class BaselineAttention : AttentionBlock
{
    private const ulong InitialSeed = 0x426C696E65537465;

    /// <summary>d_model 1…32, d_k 1…d_model, seq_len 1…8; small parameters from eml-core's generator.</summary>
    public BaselineAttention(string name, int dModel, int dK, int seqLen)
        : base(name, AttentionLayout.OfAffineMaps(dModel, dK, seqLen), InitialSeed)
    {
    }

    private BaselineAttention(BaselineAttention other) : base(other)
    {
    }

    /// <summary>Parameters of a block of this shape; refuses shapes that no block has.</summary>
    public static int CountParameters(int dModel, int dK, int seqLen) =>
        AttentionLayout.OfAffineMaps(dModel, dK, seqLen).ParameterCount;

    /// <summary>A copy with parameters, name, state and samples.</summary>
    public BaselineAttention Clone() => new(this);

    private protected override bool UsesLearnedSoftmax => false;

    private protected override void OnTrained(int samples, double before, double after)
    {
    }
}
