namespace Eml.Machine.Transformer;

/// <summary>The shape of a transformer and the meaning of its parts; everything but the numbers.</summary>
public sealed record TransformerConfig
{
    /// <summary>Components of a head's query, key and value.</summary>
    public const int HeadWidth = 2;

    /// <summary>Width of the residual stream (d_model).</summary>
    public required int ModelWidth { get; init; }

    /// <summary>Gated units of a layer (d_ffn).</summary>
    public required int HiddenWidth { get; init; }

    /// <summary>Number of tokens.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>The channel of the residual stream that is 1 in every token's embedding and that no layer changes.</summary>
    public required int ConstantChannel { get; init; }

    /// <summary>Channel of the residual stream to which each number of a positional encoding is added.</summary>
    public required int[] PositionChannels { get; init; }

    /// <summary>Number of external stores that cross heads read.</summary>
    public required int Stores { get; init; }

    /// <summary>Per layer: its heads.</summary>
    public required HeadConfig[][] Heads { get; init; }

    /// <summary>Number of layers.</summary>
    public int Layers => Heads.Length;

    /// <summary>Number of weights if every matrix is written out.</summary>
    public long Parameters => (2L * Vocabulary * ModelWidth) + (3L * Layers * ModelWidth * HiddenWidth)
        + (4L * Heads.Sum(layer => layer.Length) * HeadWidth * ModelWidth);
}

/// <summary>One head: how it chooses, which external store it reads (-1: the sequence itself), and what it is for.</summary>
public sealed record HeadConfig(HeadMode Mode, int Store, string Name);
