using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// An attention block of the default profile: softmax attention of up to four heads between affine maps and EML nodes,
/// trained without derivatives; see <see cref="AttentionConfig"/>, and the formulas in the layout of its parameters.
/// Forward may run on any number of threads while nothing else runs; everything else wants one thread at a time.
/// </summary>
public sealed class EmlAttention
{
    /// <summary>Recorded samples that are kept; a further one takes the oldest one's place.</summary>
    public const int SampleLimit = 1024;

    /// <summary>Training needs no fewer: two halves of two.</summary>
    private const int LeastSamples = 4;

    private const double ConvergedLoss = 0.01;

    private readonly BlockLayout _layout;
    private readonly BlockSamples _samples;
    private double[] _parameters;
    private BlockWeights _weights;
    private BlockForward? _spare; // the room of the last forward pass, for the next

    /// <summary>A block that answers 0 to everything.</summary>
    public EmlAttention(AttentionConfig config)
    {
        config.Check();
        Config = config;
        _layout = new BlockLayout(config);
        _samples = new BlockSamples(config.SampleLength, SampleLimit);
        _parameters = _layout.Start();
        _weights = new BlockWeights(_layout, _parameters);
    }

    /// <summary>The shape.</summary>
    public AttentionConfig Config { get; }

    /// <summary>The name that events carry; "" at first.</summary>
    public string Name { get; set; } = "";

    /// <summary>The name, or one made of the shape.</summary>
    public string DisplayName => Name.Length > 0 ? Name : $"eml_attn_s{Config.SeqLen}d{Config.DModel}h{Config.Heads}";

    /// <summary>Whether the last training converged, or the caller said so.</summary>
    public bool Trained { get; set; }

    /// <summary>What happened and was not taken yet.</summary>
    public EmlEventLog Events { get; } = new();

    /// <summary>All parameters.</summary>
    public int ParameterCount => _parameters.Length;

    /// <summary>
    /// (<see cref="ParameterCount"/>): with S tokens of D numbers, keys of K, H heads, E nodes, F = D + E, G = 1 + F·H (+ F if
    /// residual), P = G + E: token leaves (2E, 1 + D), left and right of each node in turn, bias first; per head the queries'
    /// weights (K, 1 + F), bias first, the keys' (K, F), and, if positional, the queries' and the keys' encodings (S, K) each;
    /// out leaves (2E, G); readout (P, D).
    /// </summary>
    public ReadOnlySpan<double> Parameters => _parameters;

    /// <summary>Recorded samples.</summary>
    public int SampleCount => _samples.Count;

    /// <summary>A copy with parameters, name, state, samples and events.</summary>
    public EmlAttention Clone()
    {
        var copy = new EmlAttention(Config) { Name = Name, Trained = Trained };
        copy.Publish(_parameters);
        copy._samples.AddAll(_samples);
        foreach (EmlEvent item in Events)
        {
            copy.Events.Add(item);
        }

        return copy;
    }

    /// <summary>Parameters of a block of this shape; refuses shapes that no block has.</summary>
    public static int CountParameters(AttentionConfig config)
    {
        config.Check();
        return new BlockLayout(config).Count;
    }

    /// <summary>Replaces all parameters.</summary>
    public void SetParameters(ReadOnlySpan<double> parameters)
    {
        if (parameters.Length != ParameterCount)
        {
            throw new EmlException(ErrorCode.Shape, $"expected {ParameterCount} params, got {parameters.Length}");
        }

        Check.Finite("params", parameters);
        Publish(parameters.ToArray());
    }

    /// <summary>Records samples x with targets, (samples, S, D) both. Nothing is recorded if anything is refused.</summary>
    public void Record(ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int samples)
    {
        int length = Config.SampleLength;
        Check.Matrix("x", x, samples, length, allowNonFinite: false);
        Check.Matrix("targets", targets, samples, length, allowNonFinite: false);
        for (int n = 0; n < samples; n++)
        {
            _samples.Add(x.Slice(n * length, length), targets.Slice(n * length, length));
        }
    }

    /// <summary>Forgets the recorded samples.</summary>
    public void ClearSamples() => _samples.Clear();

    /// <summary>(S, D) of a recorded sample; which number it has is of no meaning.</summary>
    public ReadOnlySpan<double> SampleInput(int sample) => _samples.Input(sample);

    /// <summary>(S, D), the target of the same sample.</summary>
    public ReadOnlySpan<double> SampleTarget(int sample) => _samples.Target(sample);

    /// <summary>x → y, (samples, S, D) both.</summary>
    public void Forward(ReadOnlySpan<double> x, int samples, Span<double> y)
    {
        int length = Config.SampleLength;
        Check.Matrix("x", x, samples, length, allowNonFinite: false);
        Check.Length("y", y.Length, samples, length);
        BlockWeights weights = Volatile.Read(ref _weights);
        BlockForward pass = Interlocked.Exchange(ref _spare, null) ?? BlockForward.Create(_layout);
        for (int n = 0; n < samples; n++)
        {
            pass.Forward(weights, x.Slice(n * length, length), y.Slice(n * length, length));
        }

        Volatile.Write(ref _spare, pass);
    }

    /// <summary>The mean squared error over the recorded samples; the largest double if there are none.</summary>
    public double Loss() => SampleCount == 0 ? double.MaxValue : Loss(_weights);

    /// <summary>Refuses what <see cref="Train"/> would refuse.</summary>
    public void CheckTraining(AttentionTrainOptions options)
    {
        if (SampleCount < LeastSamples)
        {
            throw new EmlException(ErrorCode.State,
                $"training needs at least {LeastSamples} samples, there are {SampleCount}; record more");
        }

        if (options.MaxEvaluations < 0)
        {
            throw new EmlException(ErrorCode.Argument, $"most evaluations must be >= 0, got {options.MaxEvaluations}");
        }

        if (!double.IsFinite(options.TargetLoss) || options.TargetLoss < 0)
        {
            throw new EmlException(ErrorCode.Argument, $"target loss must be finite and not negative, got {options.TargetLoss}");
        }
    }

    /// <summary>
    /// Trains on the recorded samples; logs a Trained event. The same samples, parameters and options give the same bits on
    /// any processor.
    /// </summary>
    public AttentionTrainResult Train(AttentionTrainOptions? options = null)
    {
        options ??= new AttentionTrainOptions();
        CheckTraining(options);
        double before = Loss();
        double[] parameters = [.. _parameters];
        var monitor = new BlockMonitor(options);
        monitor.Measure(2 * SampleCount); // this loss and the one afterwards
        BlockTraining training = Lanes8.IsSupported ? BlockTrainer<Lanes8>.Train(_layout, _samples, options, monitor, parameters)
            : Lanes4.IsSupported ? BlockTrainer<Lanes4>.Train(_layout, _samples, options, monitor, parameters)
            : Lanes2.IsSupported ? BlockTrainer<Lanes2>.Train(_layout, _samples, options, monitor, parameters)
            : BlockTrainer<Lanes1>.Train(_layout, _samples, options, monitor, parameters);
        double after = Loss(new BlockWeights(_layout, parameters));
        if (!(after < before))
        {
            monitor.Keep(parameters, _parameters, before);
            after = before;
        }

        var result = new AttentionTrainResult(monitor.Stopped ? TrainStatus.Cancelled : TrainStatus.Done, monitor.StopValue,
            after < ConvergedLoss, SampleCount, before, after, training.CrossLoss, monitor.Evaluations, monitor.Trials, monitor.Accepted,
            training.Rounds);
        options.OnEnd?.Invoke(result, parameters);
        Publish(parameters);
        Trained = result.Converged;
        Events.Add(new EmlEvent.Trained(DisplayName, (ulong)SampleCount, before, after, Trained, (ulong)ParameterCount));
        return result;
    }

    /// <summary>
    /// Replaces parameters that are close to 0 or to a fraction p/q with p, q ≤ 12 by these constants, as long as the mean
    /// squared error on the recorded samples stays within the bound of the options.
    /// </summary>
    public SnapResult Snap(SnapOptions? options = null)
    {
        double[] parameters = [.. _parameters];
        double[][] targets = [.. Enumerable.Range(0, SampleCount).Select(n => _samples.Target(n).ToArray())];
        BlockForward pass = BlockForward.Create(_layout);
        SnapResult result = AttentionSnap.Run(parameters, targets, p =>
        {
            var weights = new BlockWeights(_layout, p);
            return (n, y) => pass.Forward(weights, _samples.Input(n), y);
        }, BlockFormula.Terms(_layout) + 2L * Config.Nodes * Config.SeqLen * TrainMonitor.NodeCost, options);
        Publish(parameters);
        return result;
    }

    /// <summary>The function written out, from the flat input to the flat answer; see <see cref="Formula"/>.</summary>
    public Formula ToFormula() => BlockFormula.Write(DisplayName, _layout, _weights);

    private double Loss(BlockWeights weights)
    {
        BlockForward pass = BlockForward.Create(_layout);
        double[] y = new double[Config.SampleLength];
        double sum = 0;
        for (int n = 0; n < SampleCount; n++)
        {
            pass.Forward(weights, _samples.Input(n), y);
            ReadOnlySpan<double> target = _samples.Target(n);
            for (int i = 0; i < y.Length; i++)
            {
                double error = y[i] - target[i];
                sum += error * error;
            }
        }

        return sum / ((double)SampleCount * y.Length);
    }

    private void Publish(double[] parameters)
    {
        _parameters = parameters;
        Volatile.Write(ref _weights, new BlockWeights(_layout, parameters));
    }
}
