using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Shape of an attention block with one head: q, k and v read the whole flat input (seq_len·d_model numbers) and give
/// seq_len·d_k numbers each; out reads seq_len·d_k and gives seq_len·d_model.
/// </summary>
internal sealed class AttentionLayout
{
    public const int Query = 0;
    public const int Key = 1;
    public const int Value = 2;

    private AttentionLayout(int dModel, int dK, int seqLen, int depth, bool withSoftmax)
    {
        DModel = dModel;
        DK = dK;
        SeqLen = seqLen;
        Depth = depth;
        Width = seqLen * dModel;
        Inner = seqLen * dK;
        var parts = new List<AttentionPart>();
        Add("q", depth, Width, Inner);
        Add("k", depth, Width, Inner);
        Add("v", depth, Width, Inner);
        if (withSoftmax)
        {
            Softmax = parts.Count;
            Add("softmax", Math.Min(depth, ToyEmlAttention.MaxSoftmaxDepth), seqLen, seqLen);
        }

        Out = parts.Count;
        Add("out", depth, Inner, Width);
        Parts = [.. parts];
        ParameterCount = Parts[^1].Offset + Parts[^1].Count;

        void Add(string name, int levels, int inputs, int heads) => parts.Add(new AttentionPart(name, levels, inputs, heads,
            parts.Count == 0 ? 0 : parts[^1].Offset + parts[^1].Count));
    }

    public int DModel { get; }

    public int DK { get; }

    public int SeqLen { get; }

    public int Depth { get; }

    /// <summary>seq_len·d_model</summary>
    public int Width { get; }

    /// <summary>seq_len·d_k</summary>
    public int Inner { get; }

    /// <summary>Index of the softmax tree among the parts; −1 if there is none.</summary>
    public int Softmax { get; } = -1;

    /// <summary>Index of the output map among the parts.</summary>
    public int Out { get; }

    public AttentionPart[] Parts { get; }

    public int ParameterCount { get; }

    /// <summary>Index of the part that a parameter belongs to.</summary>
    public int PartOf(int parameter)
    {
        int part = Parts.Length - 1;
        while (parameter < Parts[part].Offset)
        {
            part--;
        }

        return part;
    }

    /// <summary>ToyEmlAttention's; its limits are checked in eml-core's order, with its texts.</summary>
    public static AttentionLayout OfTrees(int dModel, int dK, int seqLen, int depth)
    {
        if (depth is < ToyEmlAttention.MinDepth or > ToyEmlAttention.MaxDepth)
        {
            throw new EmlException(ErrorCode.Argument,
                $"EmlModel depth must be in {ToyEmlAttention.MinDepth}..={ToyEmlAttention.MaxDepth}, got {depth}");
        }

        Check(dModel, dK, seqLen);
        return new AttentionLayout(dModel, dK, seqLen, depth, withSoftmax: true);
    }

    /// <summary>BaselineAttention's.</summary>
    public static AttentionLayout OfAffineMaps(int dModel, int dK, int seqLen)
    {
        Check(dModel, dK, seqLen);
        return new AttentionLayout(dModel, dK, seqLen, depth: 0, withSoftmax: false);
    }

    private static void Check(int dModel, int dK, int seqLen)
    {
        if (seqLen is < 1 or > AttentionBlock.MaxSeqLen)
        {
            throw new EmlException(ErrorCode.Argument, $"seq_len must be in 1..={AttentionBlock.MaxSeqLen}, got {seqLen}");
        }

        if (dModel is < 1 or > AttentionBlock.MaxDModel)
        {
            throw new EmlException(ErrorCode.Argument, $"d_model must be in 1..={AttentionBlock.MaxDModel}, got {dModel}");
        }

        if (dK < 1 || dK > dModel)
        {
            throw new EmlException(ErrorCode.Argument, $"d_k must be in 1..=d_model, got {dK}");
        }
    }
}
