using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A training on a folder that <see cref="TokenDataBuilder"/> wrote: where it is in the text belongs to its state, so that it can be written
/// and go on to the same bits.</summary>
public sealed class FolderTraining(LanguageTrainer trainer)
{
    private string? _data; // hash of the folder's manifest
    private long[]? _packer;

    /// <summary>What is trained.</summary>
    public LanguageTrainer Trainer { get; } = trainer;

    /// <summary>Seconds of training so far.</summary>
    public double Seconds { get; private set; }

    /// <summary>Bits per byte of the last validation.</summary>
    public double? BitsPerByte { get; private set; }

    /// <summary>Trains until the budget is used up; goes on where a run on the same folder stopped.</summary>
    /// <param name="data">The folder.</param>
    /// <param name="plan">The budget, of all runs together.</param>
    /// <param name="listener">Is told of each step, and stops the run by returning false.</param>
    /// <param name="cancel">Looked at within steps; an unfinished step leaves no trace.</param>
    /// <returns>Whether the budget is used up.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.State"/>: the steps so far were on another folder. <see cref="ErrorCode.Argument"/>: a
    /// tokenizer that is not the model's, or without a token that begins documents; a plan without meaning.</exception>
    public bool Run(TokenData data, TrainingPlan plan, Func<TrainingStep, bool>? listener = null, Cancel? cancel = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        int length = Trainer.Options.SequenceLength;
        if (data.Tokenizer.VocabularySize > Trainer.Config.VocabularySize)
        {
            throw new EmlException(ErrorCode.Argument,
                $"training: the folder's tokenizer has {data.Tokenizer.VocabularySize} tokens and the model {Trainer.Config.VocabularySize}; make the model for this tokenizer");
        }
        int bos = data.Tokenizer.BosId ?? throw new EmlException(ErrorCode.Argument, "training: the folder's tokenizer has no token that begins a text (BOS)");
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(data.Manifest)));
        if (_data is not null && _data != hash)
        {
            throw new EmlException(ErrorCode.State, "training: the steps so far were on another folder of tokens; go on with that one, or make a new trainer from the model");
        }
        var packer = new BestFitPacker(data.Train, bos, length);
        if (_packer is not null)
        {
            packer.Restore(_packer);
        }
        Func<BestFitPacker>? validation = data.Validation.Count > 0 ? () => new BestFitPacker(data.Validation, bos, length) : null;
        var run = new TrainingRun(Trainer, packer, validation, data.Tokenizer.ReferenceByteLengths, plan, Seconds);
        _data = hash;
        try
        {
            return run.Run(step =>
            {
                BitsPerByte = step.BitsPerByte ?? BitsPerByte;
                return listener is null || listener(step);
            }, cancel);
        }
        finally
        {
            (_packer, Seconds) = (run.PackerState, run.Seconds);
        }
    }

    /// <summary>Writes all that the training needs to go on, as a whole or not at all.</summary>
    public void Save(string path)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("seconds", Seconds);
            if (_data is not null)
            {
                json.WriteString("data", _data);
                json.WriteStartArray("packer");
                foreach (long number in _packer!)
                {
                    json.WriteNumberValue(number);
                }
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        TrainingStateFile.Save(path, Trainer, Encoding.UTF8.GetString(bytes.ToArray()));
    }

    /// <summary>Goes on from such a file, whose model must have the trainer's shape; it takes files of <c>eml lm train</c> too.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Shape"/>: of another model. <see cref="ErrorCode.Format"/>: no such file.</exception>
    public void Load(string path)
    {
        TrainingState state = TrainingStateFile.Load(path);
        if (state.Config != Trainer.Config)
        {
            throw new EmlException(ErrorCode.Shape, $"{path}: the training is of a model of another shape than the trainer's");
        }
        (double seconds, string? data, long[]? packer) = Progress(path, state.Progress);
        Trainer.Restore(state.Steps, state.Tensors);
        (Seconds, _data, _packer, BitsPerByte) = (seconds, data, packer, null);
    }

    private static (double Seconds, string? Data, long[]? Packer) Progress(string path, string text)
    {
        try
        {
            using var progress = JsonDocument.Parse(text);
            JsonElement root = progress.RootElement;
            double seconds = root.GetProperty("seconds").GetDouble();
            return root.TryGetProperty("data", out JsonElement data)
                ? (seconds, data.GetString(), [.. root.GetProperty("packer").EnumerateArray().Select(number => number.GetInt64())])
                : (seconds, null, null);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EmlException(ErrorCode.Format, $"{path}: its progress is not that of a training on a folder: it needs \"seconds\", and with \"data\" also \"packer\"");
        }
    }
}
