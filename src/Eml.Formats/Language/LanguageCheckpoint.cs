using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>What a language model's file holds.</summary>
/// <param name="Weights">The model.</param>
/// <param name="Tokenizer">Its tokenizer, if the file has one.</param>
/// <param name="Training">How it was trained: JSON that this library does not read, or null.</param>
/// <param name="Version">Version of the file's layout; there is one.</param>
public sealed record LanguageCheckpoint(LanguageWeights Weights, Tokenizer? Tokenizer = null, string? Training = null, int Version = LanguageCheckpoint.CurrentVersion)
{
    /// <summary>The version that is read and written.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Refuses what could not be read back.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: a tokenizer with more tokens than the model, training metadata that
    /// are not JSON, or another version.</exception>
    internal void Check()
    {
        if (Version != CurrentVersion)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: version {Version}; this library writes version {CurrentVersion}");
        }
        if (Tokenizer is { } tokenizer && tokenizer.VocabularySize > Weights.Config.VocabularySize)
        {
            throw new EmlException(ErrorCode.Argument,
                $"language model: the tokenizer has {tokenizer.VocabularySize} tokens and the model {Weights.Config.VocabularySize}; use the tokenizer that it was trained with");
        }
        if (Training is { } training)
        {
            UnicodeText.Check(training);
            try
            {
                StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(training), "training metadata");
            }
            catch (EmlException e) when (e.Code == ErrorCode.Format)
            {
                throw new EmlException(ErrorCode.Argument, $"language model: {e.Message}");
            }
        }
    }
}
