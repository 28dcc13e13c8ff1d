using System.Diagnostics;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>How long a training runs, and what it looks at on the way.</summary>
public sealed record TrainingPlan
{
    /// <summary>Steps in all; null if time is the budget.</summary>
    public long? Steps { get; init; }

    /// <summary>Seconds in all, of all runs together; null if steps are the budget. A run by time does not give the same bits twice.</summary>
    public double? Seconds { get; init; }

    /// <summary>Tokens of a step; rounded down to whole sequences.</summary>
    public int BatchTokens { get; init; } = 16384;

    /// <summary>The learning rates' course.</summary>
    public TrainingSchedule Schedule { get; init; } = new();

    /// <summary>Validation after each so many steps, and at the end; 0 for the end alone.</summary>
    public int ValidationEvery { get; init; } = 100;

    /// <summary>Tokens of the validation text that are predicted.</summary>
    public int ValidationTokens { get; init; } = 65536;

    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: the message says what.</exception>
    public void Check(int sequenceLength)
    {
        if (Steps is null == Seconds is null || Steps < 0 || Seconds is < 0.0 or double.NaN)
        {
            throw new EmlException(ErrorCode.Argument, "training: give a number of steps or of minutes, one of them and not below 0");
        }
        if (BatchTokens < sequenceLength || BatchTokens > 1 << 24)
        {
            throw new EmlException(ErrorCode.Argument, $"training: {BatchTokens} tokens of a step; give at least a sequence, {sequenceLength}, and at most {1 << 24}");
        }
        if (ValidationEvery < 0 || ValidationTokens < 1)
        {
            throw new EmlException(ErrorCode.Argument, $"training: validation every {ValidationEvery} steps on {ValidationTokens} tokens; give 0 or more steps, and 1 or more tokens");
        }
    }
}

/// <summary>What a step was.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="Loss">Mean loss of its tokens before it, nats.</param>
/// <param name="Multiplier">Of the learning rates.</param>
/// <param name="Tokens">Tokens so far.</param>
/// <param name="Seconds">Seconds of training so far, validation not included.</param>
/// <param name="Rate">Tokens a second of this step.</param>
/// <param name="Progress">Share of the budget, 0 to 1.</param>
/// <param name="Epoch">How often the text was begun.</param>
/// <param name="BitsPerByte">On the validation text, if it was looked at after this step.</param>
public sealed record TrainingStep(long Step, double Loss, double Multiplier, long Tokens, double Seconds, double Rate, double Progress, int Epoch, double? BitsPerByte);

/// <summary>A training from rows of tokens to the end of its budget.</summary>
public sealed class TrainingRun
{
    private readonly LanguageTrainer _trainer;
    private readonly BestFitPacker _packer;
    private readonly Func<BestFitPacker>? _validation;
    private readonly int[] _tokenBytes;
    private readonly TrainingPlan _plan;
    private readonly int[] _inputs;
    private readonly int[] _targets;

    /// <summary>A run that begins, or goes on after a restored trainer and packer.</summary>
    /// <param name="trainer">What is trained.</param>
    /// <param name="packer">Gives the rows.</param>
    /// <param name="validation">Gives the rows of the validation text from its beginning; null for none.</param>
    /// <param name="tokenBytes">Bytes that a token counts, by token.</param>
    /// <param name="plan">How long.</param>
    /// <param name="seconds">Seconds that runs before it took.</param>
    /// <exception cref="EmlException"><see cref="TrainingPlan.Check"/>.</exception>
    public TrainingRun(LanguageTrainer trainer, BestFitPacker packer, Func<BestFitPacker>? validation, ReadOnlySpan<int> tokenBytes, TrainingPlan plan, double seconds = 0.0)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentNullException.ThrowIfNull(packer);
        ArgumentNullException.ThrowIfNull(plan);
        int length = trainer.Options.SequenceLength;
        plan.Check(length);
        (_trainer, _packer, _validation, _plan, Seconds) = (trainer, packer, validation, plan, seconds);
        _tokenBytes = tokenBytes.ToArray();
        int tokens = plan.BatchTokens / length * length;
        (_inputs, _targets) = (new int[tokens], new int[tokens]);
        PackerState = packer.State;
    }

    /// <summary>Seconds of training so far.</summary>
    public double Seconds { get; private set; }

    /// <summary>Where the packer was after the last whole step.</summary>
    public long[] PackerState { get; private set; }

    /// <summary>Whether the budget is used up.</summary>
    public bool IsDone => Progress() >= 1.0;

    /// <summary>Trains until the budget is used up.</summary>
    /// <param name="listener">Is told of each step, and stops the run by returning false.</param>
    /// <param name="cancel">Looked at within steps; an unfinished step leaves no trace.</param>
    /// <returns>Whether the budget is used up.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.NonFinite"/>: the loss is no number; everything is as after the last step.</exception>
    public bool Run(Func<TrainingStep, bool>? listener = null, Cancel? cancel = null)
    {
        while (!IsDone)
        {
            long start = Stopwatch.GetTimestamp();
            double progress = Progress();
            double multiplier = _plan.Schedule.At(progress);
            _packer.Next(_inputs, _targets);
            if (_trainer.Step(_inputs, _targets, multiplier, cancel) is not double loss)
            {
                return false;
            }
            PackerState = _packer.State;
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Seconds += seconds;
            bool isLast = IsDone;
            bool looks = _validation is not null && (isLast || (_plan.ValidationEvery > 0 && _trainer.Steps % _plan.ValidationEvery == 0));
            double? bits = looks ? Validate(cancel)?.BitsPerByte : null;
            var step = new TrainingStep(_trainer.Steps, loss, multiplier, _trainer.Steps * _inputs.Length, Seconds, _inputs.Length / seconds, Progress(), _packer.Epoch, bits);
            if (listener is not null && !listener(step) && !isLast)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Bits per byte on the validation text; null if cancelled.</summary>
    public TextScore? Validate(Cancel? cancel = null)
    {
        BestFitPacker packer = _validation?.Invoke() ?? throw new EmlException(ErrorCode.State, "training: there is no validation text");
        int length = _trainer.Options.SequenceLength;
        int group = _trainer.Options.GroupTokens / length * length;
        int[] inputs = new int[group];
        int[] targets = new int[group];
        (double nats, double all, long bytes, long count) = (0.0, 0.0, 0, 0);
        for (long done = 0; done < _plan.ValidationTokens; done += group)
        {
            if (cancel is { IsSet: true })
            {
                return null;
            }
            packer.Next(inputs, targets);
            ReadOnlySpan<double> losses = _trainer.Losses(inputs, targets);
            for (int i = 0; i < group; i++)
            {
                int size = targets[i] < 0 ? 0 : _tokenBytes[targets[i]];
                nats += size > 0 ? losses[i] : 0.0;
                bytes += size;
                all += losses[i];
                count++;
            }
        }
        return new TextScore(nats, bytes, count, all / Math.Max(1, count));
    }

    private double Progress() => _plan.Steps is long steps
        ? steps == 0 ? 1.0 : Math.Min(1.0, (double)_trainer.Steps / steps)
        : Math.Min(1.0, _plan.Seconds!.Value == 0.0 ? 1.0 : Seconds / _plan.Seconds.Value);
}
