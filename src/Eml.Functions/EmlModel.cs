using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// A learned function from <see cref="Inputs"/> numbers to <see cref="Heads"/> numbers. Forward may run on any number of
/// threads while nothing else runs; everything else wants one thread at a time.
/// </summary>
public sealed class EmlModel
{
    /// <summary>Most parameters: 1 GiB of doubles.</summary>
    public const long ParameterLimit = 1L << 27;

    /// <summary>Most inputs, and most heads.</summary>
    public const int WidthLimit = 1 << 20;

    /// <summary>eml-core trains with no fewer.</summary>
    private const int CoreMinSamples = 50;

    private const ulong DistillSeed = 0xCAFEBABE12345678;

    private readonly Network _network;
    private readonly Samples _samples;
    private double[] _parameters;
    private Evaluator? _evaluator;
    private Scaling? _scaling;

    /// <summary>depth 2…5, inputs ≥ 1 (0 is taken in eml-core-0.1, but cannot be evaluated), heads ≥ 1.</summary>
    public EmlModel(int depth, int inputs, int heads, Profile profile)
    {
        long count = CountParameters(depth, inputs, heads, profile);
        if (count > ParameterLimit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"EmlModel with {inputs} inputs and {heads} heads has {count} parameters, more than the limit of {ParameterLimit}; use fewer");
        }

        Depth = depth;
        Inputs = inputs;
        Heads = heads;
        Profile = profile;
        _network = Network.Create(depth, inputs, heads, profile);
        _samples = new Samples(inputs, heads);
        _parameters = new double[count];
        Publish();
    }

    private EmlModel(EmlModel other)
    {
        Depth = other.Depth;
        Inputs = other.Inputs;
        Heads = other.Heads;
        Profile = other.Profile;
        Name = other.Name;
        Trained = other.Trained;
        Metadata = new SortedDictionary<string, string>(other.Metadata, StringComparer.Ordinal);
        _network = other._network;
        _samples = other._samples.Clone();
        _parameters = other._parameters;
        _evaluator = other._evaluator;
        _scaling = other._scaling;
        foreach (EmlEvent item in other.Events)
        {
            Events.Add(item);
        }
    }

    /// <summary>2…5.</summary>
    public int Depth { get; }

    /// <summary>Numbers in a row.</summary>
    public int Inputs { get; }

    /// <summary>Numbers in an answer.</summary>
    public int Heads { get; }

    /// <summary>Which definition holds.</summary>
    public Profile Profile { get; }

    /// <summary>Whether the last training ended with a loss under 0.01, or the caller said so.</summary>
    public bool Trained { get; set; }

    /// <summary>The name that events carry; "" at first.</summary>
    public string Name { get; set; } = "";

    /// <summary>The name, or eml_d{depth}x{inputs}x{heads} if there is none.</summary>
    public string DisplayName => Name.Length > 0 ? Name : $"eml_d{Depth}x{Inputs}x{Heads}";

    /// <summary>Free text that travels with the model.</summary>
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>What happened and was not taken yet.</summary>
    public EmlEventLog Events { get; } = new();

    /// <summary>All parameters, the ones never read included.</summary>
    public int ParameterCount => _parameters.Length;

    /// <summary>(<see cref="ParameterCount"/>)</summary>
    public ReadOnlySpan<double> Parameters => _parameters;

    /// <summary>Recorded rows.</summary>
    public int SampleCount => _samples.Count;

    /// <summary>(<see cref="SampleCount"/>, <see cref="Inputs"/>)</summary>
    public ReadOnlySpan<double> SampleInputs => _samples.X;

    /// <summary>(<see cref="SampleCount"/>, <see cref="Heads"/>); where <see cref="SamplePresent"/> is 0 the value means nothing.</summary>
    public ReadOnlySpan<double> SampleTargets => _samples.Targets;

    /// <summary>(<see cref="SampleCount"/>, <see cref="Heads"/>) of 0 or 1.</summary>
    public ReadOnlySpan<byte> SamplePresent => _samples.Present;

    /// <summary>The user's units; null: the model's own.</summary>
    public Scaling? Scaling
    {
        get => _scaling;
        set
        {
            if (value is not null && (value.InputOffset.Length != Inputs || value.TargetOffset.Length != Heads))
            {
                throw new EmlException(ErrorCode.Shape,
                    $"scaling for {value.InputOffset.Length} inputs and {value.TargetOffset.Length} heads; the model has {Inputs} and {Heads}");
            }

            _scaling = value;
        }
    }

    /// <summary>Parameters of a model of this shape; refuses shapes that no model has.</summary>
    public static long CountParameters(int depth, int inputs, int heads, Profile profile)
    {
        CheckDepth("EmlModel", depth);
        if (profile is not (Profile.EmlCore01 or Profile.Default))
        {
            throw new EmlException(ErrorCode.Argument, $"profile {(int)profile} is unknown; 1 is eml-core-0.1, 2 is default");
        }

        if (heads < 1)
        {
            throw new EmlException(ErrorCode.Argument, $"head_count must be >= 1, got {heads}");
        }

        if (inputs < (profile == Profile.EmlCore01 ? 0 : 1))
        {
            throw new EmlException(ErrorCode.Argument, $"inputs must be >= 1, got {inputs}");
        }

        if (inputs > WidthLimit || heads > WidthLimit)
        {
            throw new EmlException(ErrorCode.Limit, $"{inputs} inputs and {heads} heads; the limit is {WidthLimit} of each");
        }

        return Network.CountParameters(depth, inputs, heads, profile);
    }

    /// <summary>Replaces all parameters.</summary>
    public void SetParameters(ReadOnlySpan<double> parameters, bool allowNonFinite = false)
    {
        if (parameters.Length != ParameterCount)
        {
            throw new EmlException(ErrorCode.Shape, $"expected {ParameterCount} params, got {parameters.Length}");
        }

        if (!allowNonFinite)
        {
            Check.Finite("params", parameters);
        }

        _parameters = parameters.ToArray();
        Publish();
    }

    /// <summary>Sets the scaling that maps each recorded column to [0, 1]; constant columns are only shifted.</summary>
    public void FitScaling()
    {
        if (SampleCount == 0)
        {
            throw new EmlException(ErrorCode.State, "no samples to fit a scaling to; record some first");
        }

        Scaling = ScalingFit.ToUnitRange(_samples, Inputs, Heads);
    }

    /// <summary>
    /// Records x (rows, inputs) with targets (rows, heads); present (rows, heads) of 0 or 1 says which targets are known,
    /// empty: all. Nothing is recorded if anything is refused.
    /// </summary>
    public void Record(ReadOnlySpan<double> x, ReadOnlySpan<double> targets, ReadOnlySpan<byte> present, int rows,
        bool allowNonFinite = false)
    {
        _samples.CheckRoom(rows);
        Check.Matrix("x", x, rows, Inputs, allowNonFinite);
        Check.Length("targets", targets.Length, rows, Heads);
        if (!present.IsEmpty)
        {
            Check.Length("present", present.Length, rows, Heads);
        }

        if (!allowNonFinite)
        {
            for (int i = 0; i < targets.Length; i++)
            {
                if (!double.IsFinite(targets[i]) && (present.IsEmpty || present[i] != 0))
                {
                    throw new EmlException(ErrorCode.NonFinite,
                        $"targets: row {i / Heads}, column {i % Heads} is {targets[i]}; give finite numbers or mark it absent");
                }
            }
        }

        _samples.Add(x, targets, present, rows);
    }

    /// <summary>Forgets the recorded samples.</summary>
    public void ClearSamples() => _samples.Clear();

    /// <summary>x (rows, inputs) → y (rows, heads).</summary>
    public void Forward(ReadOnlySpan<double> x, int rows, Span<double> y, bool allowNonFinite = false)
    {
        Check.Matrix("x", x, rows, Inputs, allowNonFinite);
        Check.Length("y", y.Length, rows, Heads);
        Evaluator evaluator = _evaluator
            ?? throw NoInputs("evaluated");
        evaluator.Rows(x, Inputs, rows, y, _scaling);
    }

    /// <summary>The loss of the current parameters on the samples; the largest double if there is nothing to compare.</summary>
    public double Loss() => SampleCount == 0 || _evaluator is null ? double.MaxValue : _network.Loss(_parameters, _samples, _scaling);

    /// <summary>Refuses what <see cref="Train"/> would refuse.</summary>
    public void CheckTraining(TrainOptions? options)
    {
        int least = Profile == Profile.EmlCore01 ? CoreMinSamples : 2;
        if (SampleCount < least)
        {
            throw new EmlException(ErrorCode.State, $"training needs at least {least} samples, there are {SampleCount}; record more");
        }

        if (_evaluator is null)
        {
            throw NoInputs("trained");
        }

        if (options is not null && Profile == Profile.EmlCore01 && (options.Seed != 0 || options.TargetLoss != 0))
        {
            throw new EmlException(ErrorCode.Argument, "profile eml-core-0.1 has a fixed seed and no target loss; leave both 0");
        }

        if (options is not null && (!double.IsFinite(options.TargetLoss) || options.TargetLoss < 0))
        {
            throw new EmlException(ErrorCode.Argument, $"target loss must be finite and not negative, got {options.TargetLoss}");
        }

    }

    /// <summary>Random restarts and coordinate descent on the recorded samples; logs a Trained event.</summary>
    public TrainResult Train(TrainOptions? options = null)
    {
        CheckTraining(options);
        double[] parameters = [.. _parameters];
        TrainResult result = _network.Train(parameters, _samples, _scaling, options);
        options?.OnEnd?.Invoke(result, parameters);
        _parameters = parameters;
        Publish();
        Trained = result is { Status: TrainStatus.Cancelled, LossBefore: double.MaxValue } ? Trained : result.Converged;
        Events.Add(new EmlEvent.Trained(DisplayName, (ulong)result.SamplesUsed, result.LossBefore, result.LossAfter,
            result.Converged, (ulong)ParameterCount));
        return result;
    }

    /// <summary>
    /// Replaces parameters that are close to 0 or to a fraction p/q with p, q ≤ 12 (mixtures that are close to simple ones)
    /// by these constants, as long as the loss on the recorded samples stays within the bound of the options. In the default
    /// profile a scaling becomes part of the parameters, so that they are simple in the user's units.
    /// </summary>
    public SnapResult Snap(SnapOptions? options = null)
    {
        options ??= new SnapOptions();
        options.Check();
        if (_evaluator is null)
        {
            throw NoInputs("snapped");
        }

        if (!_samples.Present.Contains((byte)1))
        {
            throw new EmlException(ErrorCode.State, "snapping needs samples with known targets to measure the loss; record some first");
        }

        double[] parameters = [.. _parameters];
        Scaling? scaling = _scaling;
        var monitor = new TrainMonitor(new TrainOptions { Cancel = options.Cancel, Progress = options.Progress, OnMove = options.OnMove });
        SnapResult result = _network.Snap(parameters, _samples, ref scaling, options, monitor);
        _parameters = parameters;
        _scaling = scaling;
        Publish();
        return result;
    }

    /// <summary>
    /// A shallower student of the same profile: <see cref="Student"/>, trained. Cancelled before the student has all its
    /// rows, it is untrained and has the rows so far.
    /// </summary>
    public EmlModel Distill(int depth, int samples, TrainOptions? options, out TrainResult result)
    {
        EmlModel student = Student(depth, samples, options, out TrainResult? stopped);
        result = stopped ?? student.Train(options);
        return student;
    }

    /// <summary>
    /// A shallower, untrained model of the same profile that has recorded at least 50 random rows in [0, 1) of the model's
    /// units and this model's answers; or the rows so far and the result, if the options' token or callback stopped it.
    /// </summary>
    public EmlModel Student(int depth, int samples, TrainOptions? options, out TrainResult? stopped)
    {
        if (depth >= Depth)
        {
            throw new EmlException(ErrorCode.Argument, $"student depth ({depth}) must be less than teacher depth ({Depth})");
        }

        var student = new EmlModel(depth, Inputs, Heads, Profile) { Scaling = Scaling };
        int rows = Math.Max(samples, CoreMinSamples);
        student._samples.Reserve(rows);
        var monitor = new TrainMonitor(options);
        var random = new Lcg64(DistillSeed);
        double[] x = new double[Inputs], y = new double[Heads];
        long cost = ParameterCount * (long)TrainMonitor.NodeCost; // a node has four parameters or more
        for (int i = 0; i < rows; i++)
        {
            if (monitor.Work(cost))
            {
                stopped = monitor.Result(i, double.MaxValue, 0);
                return student;
            }

            for (int j = 0; j < x.Length; j++)
            {
                double unit = Profile == Profile.EmlCore01 ? random.Distillation() : random.Unit();
                x[j] = Scaling is null ? unit : Scaling.InputOffset[j] + unit / Scaling.InputFactor[j];
            }

            Forward(x, 1, y, allowNonFinite: true);
            student.Record(x, y, [], 1, allowNonFinite: true);
        }

        stopped = null;
        return student;
    }

    /// <summary>Back to zero parameters, untrained; samples, name and scaling stay. Logs a Reset event.</summary>
    public void Reset(string reason)
    {
        _parameters = new double[ParameterCount];
        Trained = false;
        Publish();
        Events.Add(new EmlEvent.Reset(DisplayName, reason));
    }

    /// <summary>The function written out, between the user's units; see <see cref="Formula"/>.</summary>
    public Formula ToFormula()
    {
        FormulaBuilder.CheckSize("the model", ParameterCount);
        return _evaluator is null ? throw NoInputs("written out") : _network.ToFormula(DisplayName, _parameters, _scaling);
    }

    /// <summary>The least and largest finite value of each input in the recorded samples; everything where there are none.</summary>
    public Interval[] InputRanges() => Interval.OfColumns(Inputs, SampleCount, n => _samples.X.Slice(n * Inputs, Inputs));

    /// <summary>A copy with parameters, name, metadata, scaling, samples and events.</summary>
    public EmlModel Clone() => new(this);

    internal static void CheckDepth(string what, int depth)
    {
        if (depth is < 2 or > 5)
        {
            throw new EmlException(ErrorCode.Argument, $"{what} depth must be 2, 3, 4, or 5, got {depth}");
        }
    }

    private static EmlException NoInputs(string what) => new(ErrorCode.State,
        $"the model has no inputs (inputs = 0) and cannot be {what}; create it with inputs >= 1");

    // Readers hold on to the evaluator they found, so that a new one can be put in its place at any time.
    private void Publish() => Volatile.Write(ref _evaluator, Inputs == 0 ? null : _network.Compile(_parameters));
}
