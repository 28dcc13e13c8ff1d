using Eml.Formats.Language;
using Eml.Language;

namespace Eml.Native;

/// <summary>A trainer behind a handle, with the tokenizer of the model that it began with.</summary>
internal sealed class LanguageTrainerBox(LanguageBox model, TrainerOptions options) : IDisposable
{
    public FolderTraining Training { get; } = new(new LanguageTrainer(model.Weights, options));

    public LanguageTrainer Trainer => Training.Trainer;

    public LanguageBox Model() => new(new LanguageCheckpoint(Trainer.Weights(), model.Tokenizer));

    public void Dispose() => Trainer.Dispose();
}
