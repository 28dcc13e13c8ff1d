using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// What eml-core's two experimental attention blocks have in common: one head over seq_len rows of d_model numbers, given
/// flat, row by row; softmax(Q·Kᵀ / √d_k)·V and an output map, trained without gradients. Forward may run on any number of
/// threads while nothing else runs; everything else wants one thread at a time.
/// </summary>
public abstract class AttentionBlock
{
    /// <summary>Most rows in a sequence.</summary>
    public const int MaxSeqLen = 8;

    /// <summary>Most numbers in a row.</summary>
    public const int MaxDModel = 32;

    /// <summary>Recorded samples; a further one takes the oldest one's place.</summary>
    public const int BufferLimit = 256;

    /// <summary>Fewer samples than this are not trained on.</summary>
    private const int MinSamples = 4;

    private const double LeastGain = 1e-12;
    private const ulong RoundStride = 0x9E3779B97F4A7C15;
    private const double InitialSize = 0.05;

    private readonly AttentionLayout _layout;
    private readonly List<double[]> _inputs = [];
    private readonly List<double[]> _targets = [];
    private double[] _parameters;
    private double _scale;
    private bool _trained;
    private Compiled _compiled;

    private protected AttentionBlock(string name, AttentionLayout layout, ulong seed)
    {
        Name = name;
        _layout = layout;
        _parameters = new double[layout.ParameterCount];
        var random = new Lcg64(seed ^ (ulong)layout.DModel);
        foreach (ref double p in _parameters.AsSpan())
        {
            p = random.AttentionSigned() * InitialSize;
        }

        _scale = 1.0 / Math.Sqrt(layout.DK);
        _compiled = new Compiled(layout, _parameters, _scale, false);
    }

    private protected AttentionBlock(AttentionBlock other)
    {
        Name = other.Name;
        TrainingRounds = other.TrainingRounds;
        LastAccepts = other.LastAccepts;
        _layout = other._layout;
        _inputs.AddRange(other._inputs);
        _targets.AddRange(other._targets);
        _parameters = other._parameters;
        _scale = other._scale;
        _trained = other._trained;
        _compiled = other._compiled;
    }

    /// <summary>The name that events and files carry.</summary>
    public string Name { get; set; }

    /// <summary>Numbers in a row of the sequence.</summary>
    public int DModel => _layout.DModel;

    /// <summary>Numbers in a query, key or value.</summary>
    public int DK => _layout.DK;

    /// <summary>Rows in the sequence.</summary>
    public int SeqLen => _layout.SeqLen;

    /// <summary>seq_len·d_model: numbers in a sample.</summary>
    public int Width => _layout.Width;

    /// <summary>Whether a training reached its limit, or the caller said so.</summary>
    public bool Trained
    {
        get => _trained;
        set
        {
            _trained = value;
            Publish();
        }
    }

    /// <summary>Trainings so far, those without enough samples included.</summary>
    public ulong TrainingRounds { get; set; }

    /// <summary>Moves that the last training kept.</summary>
    public long LastAccepts { get; private set; }

    /// <summary>Recorded samples.</summary>
    public int BufferLength => _inputs.Count;

    /// <summary>The maps inside, in the order of their parameters.</summary>
    public IReadOnlyList<AttentionPart> Parts => _layout.Parts;

    /// <summary>Parameters of all parts.</summary>
    public int ParameterCount => _parameters.Length;

    /// <summary>(<see cref="ParameterCount"/>), part after part.</summary>
    public ReadOnlySpan<double> Parameters => _parameters;

    /// <summary>What the scores are multiplied by: 1/√d_k at first. Files store it.</summary>
    public double Scale
    {
        get => _scale;
        set
        {
            if (!double.IsFinite(value))
            {
                throw new EmlException(ErrorCode.NonFinite, $"scale is {value}; give a finite number");
            }

            _scale = value;
            Publish();
        }
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

    /// <summary>x (rows, <see cref="Width"/>) → y (rows, <see cref="Width"/>).</summary>
    public void Forward(ReadOnlySpan<double> x, int rows, Span<double> y, bool allowNonFinite = false)
    {
        CheckSamples("x", x, rows, allowNonFinite);
        Check.Length("y", y.Length, rows, Width);
        Compiled compiled = Volatile.Read(ref _compiled);
        AttentionEvaluator evaluator = compiled.Evaluator;
        for (int i = 0; i < rows; i++)
        {
            evaluator.Row(x.Slice(i * Width, Width), y.Slice(i * Width, Width), compiled.Learned);
        }
    }

    /// <summary>Records x (rows, <see cref="Width"/>) with targets of the same shape; the last <see cref="BufferLimit"/> stay.</summary>
    public void Record(ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int rows = 1, bool allowNonFinite = false)
    {
        CheckSamples("x", x, rows, allowNonFinite);
        CheckSamples("targets", targets, rows, allowNonFinite);
        for (int i = 0; i < rows; i++)
        {
            if (_inputs.Count == BufferLimit)
            {
                _inputs.RemoveAt(0);
                _targets.RemoveAt(0);
            }

            _inputs.Add(x.Slice(i * Width, Width).ToArray());
            _targets.Add(targets.Slice(i * Width, Width).ToArray());
        }
    }

    /// <summary>Forgets the recorded samples.</summary>
    public void ClearSamples()
    {
        _inputs.Clear();
        _targets.Clear();
    }

    /// <summary>The mean squared error over the recorded samples; the largest double if there are none.</summary>
    public double Loss()
    {
        var error = new MeanSquare();
        double[] y = new double[Width];
        for (int i = 0; i < _inputs.Count; i++)
        {
            Forward(_inputs[i], 1, y, allowNonFinite: true);
            error.Add(y, _targets[i]);
        }

        return _inputs.Count == 0 ? double.MaxValue : error.Value;
    }

    /// <summary>(<see cref="Width"/>), the input of a recorded sample, counted from the oldest.</summary>
    public ReadOnlySpan<double> SampleInput(int sample) => _inputs[sample];

    /// <summary>(<see cref="Width"/>), the target of the same sample.</summary>
    public ReadOnlySpan<double> SampleTarget(int sample) => _targets[sample];

    /// <summary>Refuses what <see cref="TrainEndToEnd"/> would refuse.</summary>
    public static void CheckTraining(EndToEndTrainConfig config, TrainOptions? options)
    {
        config.Check();
        if (options is not null && (options.MaxSweeps != 0 || options.Seed != 0 || options.TargetLoss != 0))
        {
            throw new EmlException(ErrorCode.Argument,
                "an attention block's trials, seed and limit are those of its configuration; leave sweeps, seed and target loss 0");
        }
    }

    /// <summary>
    /// eml-core's joint training: each trial moves one parameter, picked at random over all parts, and keeps the move if the
    /// mean squared error on the subset falls by more than 1e-12. (The crate's generator yields the first half of the
    /// parameters and downward moves only.) Progress reports carry the number of the training as their phase.
    /// </summary>
    public EndToEndTrainResult TrainEndToEnd(EndToEndTrainConfig config, TrainOptions? options = null)
    {
        CheckTraining(config, options);
        ulong round = unchecked(TrainingRounds + 1);
        int used = (int)Math.Min(config.MaxSamples, BufferLength);
        if (used < MinSamples)
        {
            var none = new EndToEndTrainResult(TrainStatus.Done, 0, double.PositiveInfinity, double.PositiveInfinity, false, used, 0, 0, 0);
            End(options, none, 0, _parameters);
            TrainingRounds = round;
            return none;
        }

        int wanted = (int)Math.Min(config.EvalSubset, used), stride = used / wanted;
        int[] subset = [.. Enumerable.Range(0, used).Where(i => i % stride == 0).Take(wanted)];
        double[][] x = [.. subset.Select(i => _inputs[i])], targets = [.. subset.Select(i => _targets[i])];
        double[] parameters = [.. _parameters];
        var monitor = new TrainMonitor(options) { Phase = (int)Math.Min(round, int.MaxValue), Total = config.Trials };
        double before = Lanes8.IsSupported ? Train<Lanes8>(parameters, x, targets, config, round, monitor)
            : Lanes4.IsSupported ? Train<Lanes4>(parameters, x, targets, config, round, monitor)
            : Lanes2.IsSupported ? Train<Lanes2>(parameters, x, targets, config, round, monitor)
            : Train<Lanes1>(parameters, x, targets, config, round, monitor);

        var result = new EndToEndTrainResult(monitor.Stopped ? TrainStatus.Cancelled : TrainStatus.Done, monitor.StopValue,
            monitor.Loss, before, monitor.Loss < config.ConvergenceMse, used, subset.Length, monitor.Evaluations, monitor.Accepted);
        End(options, result, monitor.Trials, parameters);
        _parameters = parameters;
        Publish();
        TrainingRounds = round;
        LastAccepts = monitor.Accepted;
        if (result.Converged)
        {
            Trained = true;
            OnTrained(used, before, monitor.Loss);
        }

        return result;
    }

    /// <summary>
    /// Replaces parameters that are close to 0 or to a fraction p/q with p, q ≤ 12 by these constants, as long as the mean
    /// squared error on the recorded samples stays within the bound of the options.
    /// </summary>
    public SnapResult Snap(SnapOptions? options = null)
    {
        double[] parameters = [.. _parameters];
        double[][] x = [.. _inputs];
        bool learned = UsesLearnedSoftmax;
        SnapResult result = AttentionSnap.Run(parameters, [.. _targets], p =>
        {
            var evaluator = new AttentionEvaluator(_layout, p, _scale);
            return (n, y) => evaluator.Row(x[n], y, learned);
        }, ParameterCount * (1 + TrainMonitor.NodeCost / 3L), options); // at most: all parameters in nodes, three each
        _parameters = parameters;
        Publish();
        return result;
    }

    /// <summary>
    /// The function written out, from the flat input to the flat answer; by the softmax tree if that is what is used now. See
    /// <see cref="Formula"/>.
    /// </summary>
    public Formula ToFormula()
    {
        FormulaBuilder.CheckSize("the block", ParameterCount);
        return AttentionFormula.Write(Name, _layout, _parameters, _scale, UsesLearnedSoftmax);
    }

    private static void End(TrainOptions? options, EndToEndTrainResult result, long trials, ReadOnlySpan<double> parameters) =>
        options?.OnEnd?.Invoke(new TrainResult(result.Status, result.StopValue, result.Converged, result.SamplesUsed, result.MseBefore,
            result.Mse, result.Trials, result.Accepts, 0, trials), parameters);

    /// <summary>A training reached its limit.</summary>
    private protected abstract void OnTrained(int samples, double before, double after);

    /// <summary>Whether rows of scores go through the softmax tree.</summary>
    private protected abstract bool UsesLearnedSoftmax { get; }

    private double Train<T>(double[] parameters, double[][] x, double[][] targets, EndToEndTrainConfig config, ulong round,
        TrainMonitor monitor) where T : struct, ILanes<T>
    {
        var trainer = new AttentionTrainer<T>(_layout, parameters, _scale, UsesLearnedSoftmax, x, targets);
        double before = trainer.Evaluate(), best = before;
        monitor.Begin(best);
        var random = new Lcg64(unchecked(config.Seed + round * RoundStride));
        var steps = new AttentionSteps(config);
        long work = trainer.WorkPerTrial;
        monitor.Look(); // a short training may be over before the next look
        for (long trial = 0; trial < config.Trials && !monitor.Stopped; trial++)
        {
            double step = steps.At(trial);
            int index = Math.Min((int)(random.AttentionUnit() * parameters.Length), parameters.Length - 1);
            double old = parameters[index], delta = random.AttentionSigned() * step;
            monitor.Step = trial + 1;
            bool better = trainer.TryMove(index, old + delta, best, LeastGain, out double loss);
            monitor.EndTrial();
            if (better)
            {
                best = loss;
                monitor.Keep(index, old, parameters[index], best);
            }

            monitor.Work(work);
        }

        monitor.Report();
        return before;
    }

    // eml-core's text, which speaks of one sample.
    private void CheckSamples(string what, ReadOnlySpan<double> values, int rows, bool allowNonFinite)
    {
        if (values.Length != (long)rows * Width)
        {
            throw new EmlException(ErrorCode.Shape, $"shape mismatch: expected {(long)rows * Width}, got {values.Length}");
        }

        Check.Matrix(what, values, rows, Width, allowNonFinite);
    }

    // Readers hold on to what they found, so that it can be replaced at any time.
    private void Publish() => Volatile.Write(ref _compiled, new Compiled(_layout, _parameters, _scale, UsesLearnedSoftmax));

    /// <summary>One state of the block; its evaluator is made when it is first asked for, by several threads at once maybe.</summary>
    private sealed class Compiled(AttentionLayout layout, double[] parameters, double scale, bool learned)
    {
        private AttentionEvaluator? _evaluator;

        public bool Learned => learned;

        public AttentionEvaluator Evaluator => Volatile.Read(ref _evaluator) ?? Make();

        private AttentionEvaluator Make()
        {
            var evaluator = new AttentionEvaluator(layout, parameters, scale);
            Volatile.Write(ref _evaluator, evaluator);
            return evaluator;
        }
    }
}
