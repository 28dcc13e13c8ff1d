using Eml.Numerics;

namespace Eml.Language;

/// <summary>Which numbers of a model to tune, and for how long.</summary>
public sealed record TuningOptions
{
    /// <summary>Names of tensors, whole or what follows the last dot.</summary>
    public IReadOnlyList<string> Tensors { get; init; } = ["eml_k", "resid_lambdas", "x0_lambdas"];

    /// <summary>How often every number is tried.</summary>
    public int Sweeps { get; init; } = 3;

    /// <summary>The first step of a number, as a share of its size (of 0.1 if it is smaller).</summary>
    public double Step { get; init; } = 0.1;
}

/// <summary>What a tuning did.</summary>
/// <param name="Before">Mean loss before, nats a token.</param>
/// <param name="After">Mean loss after.</param>
/// <param name="Evaluations">How often the loss was computed.</param>
/// <param name="Kept">Moves that stayed.</param>
/// <param name="IsDone">Whether all sweeps were made.</param>
public sealed record TuningResult(double Before, double After, int Evaluations, int Kept, bool IsDone);

/// <summary>
/// Tunes a few numbers of a model without gradients, by coordinates as the library's learned functions are trained: each number is tried a step up and a
/// step down, and what lowers the mean loss of the given tokens stays. A step that helped grows by half, one that did not is halved. The same tokens
/// give the same bits on any number of threads.
/// </summary>
public static unsafe class GradientFreeTuner
{
    /// <summary>Numbers that are tuned at most: each costs two passes over the tokens in a sweep.</summary>
    public const int MaxNumbers = 4096;

    /// <summary>Tunes the weights of a trainer.</summary>
    /// <param name="trainer">Its weights change; its moments do not.</param>
    /// <param name="inputs">(rows, sequence length)</param>
    /// <param name="targets">Likewise; -1 counts nothing.</param>
    /// <param name="options">Which numbers, and for how long.</param>
    /// <param name="listener">Is told the number of passes over the tokens and the loss so far.</param>
    /// <param name="cancel">Looked at between passes: the moves that were kept until then stay.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no tensor of a name, too many numbers, sweeps or a step without meaning.
    /// <see cref="ErrorCode.NonFinite"/>: the loss is no number to begin with.</exception>
    public static TuningResult Run(LanguageTrainer trainer, ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, TuningOptions options,
        Action<int, double>? listener = null, Cancel? cancel = null)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentNullException.ThrowIfNull(options);
        List<nint> numbers = Numbers(trainer, options);
        if (options.Sweeps is < 1 or > 1000 || options.Step is not (> 0.0 and <= 1.0))
        {
            throw new EmlException(ErrorCode.Argument, $"tuning: {options.Sweeps} sweeps with a step of {options.Step}; give 1 to 1000 sweeps and a step above 0, at most 1");
        }
        double[] steps = [.. numbers.Select(at => options.Step * Math.Max(0.1, Math.Abs(*(float*)at)))];
        double before = Loss(trainer, inputs, targets);
        if (!double.IsFinite(before))
        {
            throw new EmlException(ErrorCode.NonFinite, $"tuning: the loss is {before} before anything was changed; use a model whose loss is a number");
        }
        (double best, int evaluations, int kept) = (before, 1, 0);
        for (int sweep = 0; sweep < options.Sweeps; sweep++)
        {
            for (int i = 0; i < numbers.Count; i++)
            {
                float* number = (float*)numbers[i];
                float start = *number;
                bool isKept = false;
                for (int sign = 1; sign >= -1 && !isKept; sign -= 2)
                {
                    if (cancel is { IsSet: true })
                    {
                        return new TuningResult(before, best, evaluations, kept, false);
                    }
                    *number = (float)(start + (sign * steps[i]));
                    double loss = Loss(trainer, inputs, targets);
                    evaluations++;
                    isKept = loss < best;
                    best = isKept ? loss : best;
                    *number = isKept ? *number : start;
                    listener?.Invoke(evaluations, best);
                }
                kept += isKept ? 1 : 0;
                steps[i] *= isKept ? 1.5 : 0.5;
            }
        }
        return new TuningResult(before, best, evaluations, kept, true);
    }

    private static List<nint> Numbers(LanguageTrainer trainer, TuningOptions options)
    {
        var numbers = new List<nint>();
        foreach (string name in options.Tensors)
        {
            TrainableTensor[] named = [.. trainer.Tensors.All.Where(tensor => tensor.Name == name || tensor.Name.EndsWith("." + name, StringComparison.Ordinal))];
            if (named.Length == 0)
            {
                throw new EmlException(ErrorCode.Argument, $"tuning: the model has no tensor '{name}'; give names of tensors, such as eml_k, resid_lambdas or x0_lambdas");
            }
            long count = numbers.Count + named.Sum(tensor => tensor.Count);
            if (count > MaxNumbers)
            {
                throw new EmlException(ErrorCode.Argument, $"tuning: with '{name}' there are {count} numbers; at most {MaxNumbers} can be tuned without gradients: name smaller tensors");
            }
            foreach (TrainableTensor tensor in named)
            {
                for (long i = 0; i < tensor.Count; i++)
                {
                    numbers.Add((nint)(trainer.Tensors.Values + tensor.Start + i));
                }
            }
        }
        return numbers;
    }

    private static double Loss(LanguageTrainer trainer, ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets)
    {
        trainer.Changed();
        int group = trainer.Options.GroupTokens / trainer.Options.SequenceLength * trainer.Options.SequenceLength;
        (double sum, int counted) = (0.0, 0);
        for (int start = 0; start < inputs.Length; start += group)
        {
            int count = Math.Min(group, inputs.Length - start);
            foreach (double loss in trainer.Losses(inputs.Slice(start, count), targets.Slice(start, count)))
            {
                sum += loss;
            }
            for (int i = start; i < start + count; i++)
            {
                counted += targets[i] == -1 ? 0 : 1;
            }
        }
        return sum / Math.Max(1, counted);
    }
}
