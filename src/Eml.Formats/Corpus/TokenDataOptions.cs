using Eml.Language;

namespace Eml.Formats.Language;

/// <summary>What a folder of training data is made of.</summary>
public sealed record TokenDataOptions
{
    /// <summary>Texts: .txt, .jsonl, .jsonl.gz, and folders of them.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>A text or folder for validation; without one <see cref="TokenData.SplitRule"/> chooses documents.</summary>
    public string? Validation { get; init; }

    /// <summary>Tokens of the vocabulary that is trained, the four reserved ones among them; fewer if the text has too few pairs.</summary>
    public int VocabularySize { get; init; } = 8192;

    /// <summary>A tokenizer to use; none is trained then.</summary>
    public Tokenizer? Tokenizer { get; init; }

    /// <summary>Bytes of the tokens of a shard.</summary>
    internal int ShardBytes { get; init; } = TokenShardWriter.DefaultBytes;
}

/// <summary>What is being done.</summary>
public enum TokenDataPhase
{
    /// <summary>Documents are read and the pieces of their words counted.</summary>
    Count,
    /// <summary>Pairs are merged into tokens.</summary>
    Merge,
    /// <summary>Documents are read and cut into tokens.</summary>
    Encode,
}

/// <summary>How far it is.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Documents">Documents so far.</param>
/// <param name="Bytes">Bytes of the files that were read so far, compressed as they are.</param>
/// <param name="TotalBytes">Bytes of all files.</param>
/// <param name="Merges">Merges so far.</param>
/// <param name="TotalMerges">Merges that were asked for.</param>
public readonly record struct TokenDataProgress(TokenDataPhase Phase, long Documents, long Bytes, long TotalBytes, int Merges, int TotalMerges);

/// <summary>Documents for one purpose.</summary>
/// <param name="Documents">How many.</param>
/// <param name="Tokens">Their tokens, without those that begin documents.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Shards">Files that they are in.</param>
public readonly record struct TokenDataPart(long Documents, long Tokens, long Bytes, int Shards);

/// <summary>What was made.</summary>
/// <param name="Tokenizer">The tokenizer, trained or given.</param>
/// <param name="Train">Documents to train on.</param>
/// <param name="Validation">Documents to measure by.</param>
/// <param name="BadLineCount">Lines that were left out.</param>
/// <param name="BadLines">The first of them.</param>
public sealed record TokenDataSummary(Tokenizer Tokenizer, TokenDataPart Train, TokenDataPart Validation, long BadLineCount, IReadOnlyList<BadLine> BadLines);
