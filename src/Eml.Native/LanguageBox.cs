using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>A language model behind a handle; immutable.</summary>
internal sealed class LanguageBox
{
    /// <param name="checkpoint">What the file holds.</param>
    /// <param name="tokenizer">Takes the place of the file's own; null keeps that.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: a tokenizer with more tokens than the model.</exception>
    public LanguageBox(LanguageCheckpoint checkpoint, Tokenizer? tokenizer = null)
    {
        Checkpoint = tokenizer is null ? checkpoint : checkpoint with { Tokenizer = tokenizer };
        if (tokenizer is not null && tokenizer.VocabularySize > Weights.Config.VocabularySize)
        {
            throw new EmlException(ErrorCode.Argument,
                $"the tokenizer has {tokenizer.VocabularySize} tokens and the model {Weights.Config.VocabularySize}; use the tokenizer that it was trained with");
        }
    }

    public LanguageCheckpoint Checkpoint { get; }

    public LanguageWeights Weights => Checkpoint.Weights;

    public Tokenizer? Tokenizer => Checkpoint.Tokenizer;

    /// <summary>The tokenizer, for what needs one.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.State"/>: there is none.</exception>
    public Tokenizer NeedTokenizer() => Tokenizer ?? throw new EmlException(ErrorCode.State,
        "the model has no tokenizer; give one in the options of eml_lm_load");

    public LanguageInfoStruct Info
    {
        get
        {
            LanguageConfig config = Weights.Config;
            return new LanguageInfoStruct
            {
                VocabularySize = (uint)config.VocabularySize,
                Layers = (uint)config.Layers,
                ModelWidth = (uint)config.ModelWidth,
                Heads = (uint)config.Heads,
                KeyValueHeads = (uint)config.KeyValueHeads,
                HeadWidth = (uint)config.HeadWidth,
                HiddenWidth = (uint)config.HiddenWidth,
                SequenceLength = (uint)config.SequenceLength,
                WeightType = (int)Weights.Type + 1,
                Activation = (int)config.Activation + 1,
                HasTokenizer = Tokenizer is null ? 0 : 1,
                Parameters = (ulong)config.Parameters,
                Bytes = (ulong)Weights.Bytes,
            };
        }
    }
}
