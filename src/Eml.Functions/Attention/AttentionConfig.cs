using Eml.Numerics;

namespace Eml.Functions;

/// <summary>The shape of an attention block of the default profile.</summary>
public sealed record AttentionConfig
{
    /// <summary>Largest <see cref="DModel"/>.</summary>
    public const int DModelLimit = 128;

    /// <summary>Largest <see cref="SeqLen"/>.</summary>
    public const int SeqLenLimit = 64;

    /// <summary>Most <see cref="Heads"/>.</summary>
    public const int HeadLimit = 4;

    /// <summary>Most <see cref="Nodes"/>.</summary>
    public const int NodeLimit = 64;

    /// <summary>Numbers in a token, 1…128.</summary>
    public required int DModel { get; init; }

    /// <summary>Numbers in a query or key of one head, 1…<see cref="DModel"/>.</summary>
    public required int DKey { get; init; }

    /// <summary>Tokens in a sample, 1…64.</summary>
    public required int SeqLen { get; init; }

    /// <summary>Attention heads, 1…4.</summary>
    public int Heads { get; init; } = 1;

    /// <summary>EML nodes in front of the attention, and as many behind it, 0…64; 0: the affine baseline.</summary>
    public int Nodes { get; init; }

    /// <summary>Learned positional encodings, added to queries and keys.</summary>
    public bool Positional { get; init; }

    /// <summary>Whether the answer also reads the token at its own position, past the attention.</summary>
    public bool Residual { get; init; } = true;

    /// <summary>Keys that attention looks at together, a multiple of 8; 0: all. The answers are the same, bit for bit.</summary>
    public int Chunk { get; init; }

    /// <summary>Numbers in a sample: SeqLen·DModel.</summary>
    public int SampleLength => SeqLen * DModel;

    /// <summary>Refuses shapes that no block has.</summary>
    internal void Check()
    {
        Between("d_model", DModel, 1, DModelLimit);
        Between("seq_len", SeqLen, 1, SeqLenLimit);
        Between("heads", Heads, 1, HeadLimit);
        Between("nodes", Nodes, 0, NodeLimit);
        if (DKey < 1 || DKey > DModel)
        {
            throw new EmlException(ErrorCode.Argument, $"d_k must be in 1..=d_model ({DModel}), got {DKey}");
        }

        if (Chunk < 0 || Chunk % 8 != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"chunk must be a multiple of 8, or 0 for all keys at once, got {Chunk}");
        }
    }

    private static void Between(string what, int value, int least, int most)
    {
        if (value < least)
        {
            throw new EmlException(ErrorCode.Argument, $"attention {what} must be >= {least}, got {value}");
        }

        if (value > most)
        {
            throw new EmlException(ErrorCode.Limit, $"attention {what} must be <= {most}, got {value}; use a smaller block");
        }
    }
}
