using Eml.Numerics;

namespace Eml.Machine.Transformer;

/// <summary>The shape of a transformer and the meaning of its parts; everything but the numbers.</summary>
public sealed record TransformerConfig
{
    /// <summary>Components of a head's query, key and value (d_head).</summary>
    public int HeadWidth { get; init; } = 2;

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

    /// <summary>For each number of a positional encoding: the integers that it can be; empty if nothing is known.</summary>
    public (double Min, double Max)[] PositionRanges { get; init; } = [];

    /// <summary>For a transformer whose tokens are tuples of numbers: the channel that each number of the next token is read from; its
    /// numbers take the first position channels. Empty if tokens are chosen by the unembedding.</summary>
    public int[] ResultChannels { get; init; } = [];

    /// <summary>Constant stores that table heads read; they are weights.</summary>
    public TableConfig[] Tables { get; init; } = [];

    /// <summary>Number of external stores that cross heads read.</summary>
    public required int Stores { get; init; }

    /// <summary>Per layer: its heads.</summary>
    public required HeadConfig[][] Heads { get; init; }

    /// <summary>Number of layers.</summary>
    public int Layers => Heads.Length;

    /// <summary>Number of weights if every matrix is written out.</summary>
    public long Parameters => (2L * Vocabulary * ModelWidth) + (3L * Layers * ModelWidth * HiddenWidth)
        + (4L * Heads.Sum(layer => layer.Length) * HeadWidth * ModelWidth) + Tables.Sum(table => (long)table.Entries * table.Columns);

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
        for (int i = 0; i < ResultChannels.Length; i++)
        {
            InStream($"result channel {i}", ResultChannels[i]);
        }
        CheckTuples();
        for (int layer = 0; layer < Layers; layer++)
        {
            foreach (HeadConfig head in Heads[layer])
            {
                bool fits = head.Mode switch
                {
                    HeadMode.Cross => (uint)head.Store < (uint)Stores,
                    HeadMode.Table => (uint)head.Store < (uint)Tables.Length,
                    HeadMode.HardMax => head.Store == -1 || ((uint)head.Store < (uint)Tables.Length && Tables[head.Store].Columns == 2 * HeadWidth),
                    _ => head.Store == -1,
                };
                if (!fits)
                {
                    throw new EmlException(ErrorCode.Argument,
                        $"transformer: head '{head.Name}' of layer {layer} reads store {head.Store}; a cross head reads one of 0 to {Stores - 1}, a table head a table of 0 to {Tables.Length - 1}, a hard-max head none (-1) or a table of {2 * HeadWidth} columns, any other none");
                }
            }
        }
    }

    private void CheckTuples()
    {
        if (HeadWidth is not (2 or 4))
        {
            throw new EmlException(ErrorCode.Argument, $"transformer: d_head is {HeadWidth}; it must be 2 or 4");
        }
        if (ResultChannels.Length > PositionChannels.Length)
        {
            throw new EmlException(ErrorCode.Argument,
                $"transformer: a token has {ResultChannels.Length} numbers and an encoding only {PositionChannels.Length}; it must have as many");
        }
        if (PositionRanges.Length != 0 && PositionRanges.Length != PositionChannels.Length)
        {
            throw new EmlException(ErrorCode.Argument,
                $"transformer: {PositionRanges.Length} ranges for {PositionChannels.Length} position channels; give one for each or none");
        }
        foreach (TableConfig table in Tables)
        {
            AtLeastOne($"the number of entries of table '{table.Name}'", table.Entries);
            AtLeastOne($"the number of columns of table '{table.Name}'", table.Columns);
            if (table.Columns > ModelWidth)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"transformer: table '{table.Name}' has {table.Columns} columns; a row must fit the residual stream of {ModelWidth}");
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

/// <summary>One head: how it chooses, which external store or table it reads (-1: the sequence itself), and what it is for.</summary>
/// <param name="Mode">How it chooses.</param>
/// <param name="Store">External store or table, or -1. For a hard-max head, the table with the keys and values that stand before those of the
/// sequence: columns 0 to d_head - 1 are the key, the others the value.</param>
/// <param name="Name">What it is for.</param>
/// <param name="Sink">The score of a key that is always there and whose values are zeros (an attention sink), or null.</param>
public sealed record HeadConfig(HeadMode Mode, int Store, string Name, double? Sink = null);

/// <summary>A constant store: each entry is a row that stands in the first columns of the stream where keys and values are read from it.</summary>
public sealed record TableConfig(string Name, int Entries, int Columns);
