using System.Runtime.InteropServices;
using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Trains a language model: gradients of all its weights, and AdamW. The same weights and tokens give the same bits on any number of
/// threads. For one thread at a time.</summary>
public sealed unsafe class LanguageTrainer : IDisposable
{
    private const string MeanSuffix = ".mean", SquareSuffix = ".square", RawName = "eml_k.raw";

    private readonly TrainableTensors _tensors;
    private readonly TrainingPass _pass;
    private readonly RawK? _raw;
    private readonly FloatBuffers _muonBuffers = new();
    private readonly Muon? _muon;
    private bool _isPacked;

    /// <summary>A trainer that goes on from <paramref name="weights"/>, which must be stored as F32.</summary>
    /// <exception cref="EmlException"><see cref="TrainerOptions.Check"/>; <see cref="ErrorCode.Unsupported"/>: weights of another type.</exception>
    public LanguageTrainer(LanguageWeights weights, TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        Options = options;
        _tensors = new TrainableTensors(weights.Config);
        _tensors.Load(weights);
        foreach (TrainableTensor matrix in _tensors.All.Where(tensor => options.Weights == WeightType.BF16 && tensor.Shape.Length == 2))
        {
            Pointwise.RoundToBFloat16(_tensors.Values + matrix.Start, checked((int)matrix.Count));
        }
        int sequences = options.GroupTokens / options.SequenceLength;
        _pass = new TrainingPass(_tensors, sequences * options.SequenceLength, options.SequenceLength, options.Threads);
        _raw = options.KParameter == KParameter.Softplus ? new RawK(_tensors) : null;
        _muon = options.Optimizer == Optimizer.Muon ? new Muon(_tensors, options.Threads, _muonBuffers) : null;
    }

    /// <summary>What it does.</summary>
    public TrainerOptions Options { get; }

    /// <summary>The model's shape.</summary>
    public LanguageConfig Config => _tensors.Config;

    /// <summary>Steps done.</summary>
    public long Steps { get; private set; }

    /// <summary>Bytes of weights, gradients, moments and activations.</summary>
    public long Bytes => (4L * sizeof(float) * _tensors.Length) + _pass.Bytes + _muonBuffers.Bytes;

    /// <summary>k of each layer.</summary>
    public IReadOnlyList<float> ActivationParameters => Config.Activation == LanguageActivation.Eml
        ? [.. Enumerable.Range(0, Config.Layers).Select(i => *_tensors.Value($"blocks.{i}.mlp.eml_k"))] : [];

    /// <summary>One step: gradients of the mean loss of all rows, then an update.</summary>
    /// <param name="inputs">(rows, sequence length)</param>
    /// <param name="targets">Likewise; -1 counts nothing.</param>
    /// <param name="multiplier">The schedule's.</param>
    /// <param name="cancel">Looked at between groups of rows.</param>
    /// <returns>The mean loss before the step; null if it was cancelled, in which case nothing has changed.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.NonFinite"/>: loss or gradients are no numbers; the weights are those before the step.
    /// <see cref="ErrorCode.Argument"/>, <see cref="ErrorCode.Shape"/>: no such tokens, or not whole rows.</exception>
    public double? Step(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, double multiplier, Cancel? cancel = null)
    {
        Check(inputs, targets);
        int counted = 0;
        foreach (int target in targets)
        {
            counted += target != -1 ? 1 : 0;
        }
        Pack();
        double sum = 0.0;
        int group = Options.GroupTokens / Options.SequenceLength * Options.SequenceLength;
        for (int start = 0; start < inputs.Length; start += group)
        {
            if (cancel is { IsSet: true })
            {
                ClearGradients();
                return null;
            }
            int count = Math.Min(group, inputs.Length - start);
            sum += _pass.Gradients(inputs.Slice(start, count), targets.Slice(start, count), Options.SequenceLength, 1.0f / Math.Max(1, counted));
        }
        double loss = sum / Math.Max(1, counted);
        if (!double.IsFinite(loss) || !AreFinite(_tensors.Gradients))
        {
            ClearGradients();
            throw new EmlException(ErrorCode.NonFinite,
                $"training: step {Steps + 1}: the loss is {loss} and its gradients are not all numbers; the weights are as before: lower the learning rates, or bound k");
        }
        Steps++;
        Update(multiplier * Options.RateFactor);
        return loss;
    }

    /// <summary>Loss of each token, 0 for targets of -1; no step.</summary>
    /// <param name="inputs">(rows, sequence length), at most a group of tokens.</param>
    /// <param name="targets">Likewise.</param>
    /// <returns>Valid until the next call.</returns>
    /// <exception cref="EmlException">As <see cref="Step"/>.</exception>
    public ReadOnlySpan<double> Losses(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets)
    {
        Check(inputs, targets);
        Pack();
        _pass.Loss(inputs, targets, Options.SequenceLength);
        return _pass.Losses;
    }

    /// <summary>The weights themselves. Who changes a matrix of the layers or the head must say so by <see cref="Changed"/>.</summary>
    internal TrainableTensors Tensors => _tensors;

    /// <summary>The weights were changed from outside.</summary>
    internal void Changed() => _isPacked = false;

    /// <summary>The model as it is now.</summary>
    public LanguageWeights Weights() => _tensors.Copy();

    /// <summary>Names and shapes of all that the next step depends on, besides <see cref="Steps"/>: weights and moments, and what is trained in the
    /// place of k.</summary>
    public IEnumerable<(string Name, int[] Shape)> StateTensors()
    {
        foreach (TrainableTensor tensor in _tensors.All)
        {
            yield return (tensor.Name, tensor.Shape);
            yield return (tensor.Name + MeanSuffix, tensor.Shape);
            yield return (tensor.Name + SquareSuffix, tensor.Shape);
        }
        if (_raw is not null)
        {
            yield return (RawName, [3, Config.Layers]);
        }
    }

    /// <summary>The numbers of one of them as they are now; valid until the next step.</summary>
    public ReadOnlySpan<float> StateValues(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name == RawName && _raw is not null ? _raw.State
            : name.EndsWith(MeanSuffix, StringComparison.Ordinal) ? TrainableTensors.Span(_tensors.Means, _tensors[name[..^MeanSuffix.Length]])
            : name.EndsWith(SquareSuffix, StringComparison.Ordinal) ? TrainableTensors.Span(_tensors.Squares, _tensors[name[..^SquareSuffix.Length]])
            : TrainableTensors.Span(_tensors.Values, _tensors[name]);
    }

    /// <summary>A copy of all of them.</summary>
    public IEnumerable<(string Name, int[] Shape, float[] Values)> State() =>
        StateTensors().Select(tensor => (tensor.Name, tensor.Shape, StateValues(tensor.Name).ToArray()));

    /// <summary>Goes on from a state.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Shape"/>: a tensor is missing or of another shape.</exception>
    public void Restore(long steps, IReadOnlyDictionary<string, float[]> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach ((string name, int[] shape) in StateTensors())
        {
            if (!state.TryGetValue(name, out float[]? given) || given.Length != StateValues(name).Length)
            {
                throw new EmlException(ErrorCode.Shape, $"training: the state has no tensor '{name}' [{string.Join(", ", shape)}]; it belongs to another model or other options");
            }
        }
        foreach (TrainableTensor tensor in _tensors.All)
        {
            state[tensor.Name].CopyTo(TrainableTensors.Span(_tensors.Values, tensor));
            state[tensor.Name + MeanSuffix].CopyTo(TrainableTensors.Span(_tensors.Means, tensor));
            state[tensor.Name + SquareSuffix].CopyTo(TrainableTensors.Span(_tensors.Squares, tensor));
        }
        _raw?.Restore(state[RawName]);
        Steps = steps;
        _isPacked = false;
    }

    /// <summary>Frees memory and threads.</summary>
    public void Dispose()
    {
        _pass.Dispose();
        _tensors.Dispose();
        _muonBuffers.Dispose();
    }

    private void Check(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets)
    {
        if (inputs.Length == 0 || inputs.Length % Options.SequenceLength != 0 || targets.Length != inputs.Length)
        {
            throw new EmlException(ErrorCode.Shape,
                $"training: {inputs.Length} inputs and {targets.Length} targets; give whole rows of {Options.SequenceLength}, as many targets as inputs");
        }
    }

    private void Pack()
    {
        if (!_isPacked)
        {
            _pass.Pack();
            _isPacked = true;
        }
    }

    private void Update(double multiplier)
    {
        _raw?.Take();
        _pass.Team.Do(part =>
        {
            AdamW.Update(_tensors, Options, Steps, multiplier, part, _pass.Threads);
            _muon?.Update(multiplier, Options.Weights, part, _pass.Threads);
        });
        _raw?.Update(Steps, multiplier, Options.LargestK);
        ClearGradients();
        _isPacked = false;
    }

    private void ClearGradients() => NativeMemory.Clear(_tensors.Gradients, (nuint)_tensors.Length * sizeof(float));

    private bool AreFinite(float* numbers)
    {
        var sums = System.Runtime.Intrinsics.Vector512<float>.Zero;
        for (long i = 0; i < _tensors.Length; i += Lanes.Width)
        {
            // 0 times an infinity or no number is no number.
            sums += System.Runtime.Intrinsics.Vector512.Load(numbers + i) * System.Runtime.Intrinsics.Vector512<float>.Zero;
        }
        return FloatMath.Sum(sums) == 0.0f;
    }
}
