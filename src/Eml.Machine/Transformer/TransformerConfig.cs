using Eml.Numerics;

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

    /// <summary>Refuses what contradicts itself.</summary>
    internal void Check()
    {
        AtLeastOne("d_model", ModelWidth);
        AtLeastOne("d_ffn", HiddenWidth);
        AtLeastOne("the vocabulary", Vocabulary);
        if (Stores < 0)
        {
            throw new EmlException(ErrorCode.Argument, $"transformer: {Stores} stores; it must be 0 or more");
        }
        InStream("the constant channel", ConstantChannel);
        for (int i = 0; i < PositionChannels.Length; i++)
        {
            InStream($"position channel {i}", PositionChannels[i]);
        }
        for (int layer = 0; layer < Layers; layer++)
        {
            foreach (HeadConfig head in Heads[layer])
            {
                bool fits = head.Mode == HeadMode.Cross ? (uint)head.Store < (uint)Stores : head.Store == -1;
                if (!fits)
                {
                    throw new EmlException(ErrorCode.Argument,
                        $"transformer: head '{head.Name}' of layer {layer} reads store {head.Store}; a cross head reads one of 0 to {Stores - 1}, any other none (-1)");
                }
            }
        }
    }

    private static void AtLeastOne(string what, int value)
    {
        if (value < 1)
        {
            throw new EmlException(ErrorCode.Argument, $"transformer: {what} is {value}; it must be at least 1");
        }
    }

    private void InStream(string what, int channel)
    {
        if ((uint)channel >= (uint)ModelWidth)
        {
            throw new EmlException(ErrorCode.Argument, $"transformer: {what} is {channel}; channels are 0 to {ModelWidth - 1}");
        }
    }
}

/// <summary>One head: how it chooses, which external store it reads (-1: the sequence itself), and what it is for.</summary>
public sealed record HeadConfig(HeadMode Mode, int Store, string Name);
