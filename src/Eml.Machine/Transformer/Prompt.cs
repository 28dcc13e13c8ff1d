namespace Eml.Machine.Transformer;

/// <summary>All that a transformer is given: a prefix of tokens with their encodings, the schedule of what follows, and the contents
/// of the external stores.</summary>
public sealed class Prompt
{
    /// <summary>The prefix; its last token is the first that a token is generated for.</summary>
    public required int[] Tokens { get; init; }

    /// <summary>Encodings of all tokens of the prefix but the last: (tokens - 1, width).</summary>
    public required double[] Encodings { get; init; }

    /// <summary>What follows; row 0 is the encoding of the prefix's last token.</summary>
    public required Schedule Schedule { get; init; }

    /// <summary>Tokens of each external store at the start.</summary>
    public required int[][] Stores { get; init; }
}
