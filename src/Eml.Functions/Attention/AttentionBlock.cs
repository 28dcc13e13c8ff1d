using Eml.Numerics;

namespace Eml.Functions;

/// <summary>An attention block of the default profile.</summary>
public sealed class AttentionBlock
{
    private readonly AttentionLayout _layout;
    private readonly AttentionSamples _samples;
    private double[] _parameters;
    private AttentionWeights _weights;

    public AttentionBlock(AttentionConfig config)
    {
        config.Check();
        Config = config;
        _layout = new AttentionLayout(config);
        _samples = new AttentionSamples(config.SampleLength);
        _parameters = Initial(_layout);
        _weights = Compile();
    }

    public AttentionConfig Config { get; }

    public ReadOnlySpan<double> Parameters => _parameters;

    public void Record(ReadOnlySpan<double> x, ReadOnlySpan<double> y) => _samples.Add(x, y);

    public void Forward(ReadOnlySpan<double> x, Span<double> y) => new AttentionPass<Lanes4>(_layout).Forward(_weights, x, y);

    public double Loss()
    {
        var pass = new AttentionPass<Lanes4>(_layout);
        double[] y = new double[Config.SampleLength];
        double sum = 0;
        for (int n = 0; n < _samples.Count; n++)
        {
            pass.Forward(_weights, _samples.Input(n), y);
            ReadOnlySpan<double> t = _samples.Target(n);
            for (int i = 0; i < y.Length; i++) sum += (y[i] - t[i]) * (y[i] - t[i]);
        }
        return sum / _samples.Count / Config.SampleLength;
    }

    public long Train(AttentionTrainOptions options)
    {
        var monitor = new TrainMonitor(new TrainOptions { Cancel = options.Cancel, Progress = options.Progress });
        double[] parameters = [.. _parameters];
        var trainer = new AttentionTrainer<Lanes8>(_layout, _samples, options, monitor, parameters);
        trainer.Run();
        trainer.Finish();
        _parameters = parameters;
        _weights = Compile();
        return monitor.Evaluations;
    }

    private AttentionWeights Compile()
    {
        var w = new AttentionWeights(_layout);
        w.SetTokenLeaves(_parameters);
        w.SetOutLeaves(_parameters);
        w.SetReadout(_parameters);
        for (int h = 0; h < _layout.H; h++) w.SetHead(_parameters, h);
        return w;
    }

    private static double[] Initial(AttentionLayout layout)
    {
        double[] p = new double[layout.Count];
        for (int m = 0; m < layout.E; m++)
        {
            int left = 2 * m * (1 + layout.D), right = left + 1 + layout.D;
            p[left] = -1;
            p[left + 1 + m % layout.D] = 1;
            p[right + 1 + m % layout.D] = 2;
            left = layout.OutLeafBase + 2 * m * layout.G;
            right = left + layout.G;
            if (layout.G > 1)
            {
                int at = 1 + (layout.E + m) % (layout.FirstContext > 1 ? layout.D : layout.G - 1);
                p[left] = -1;
                p[left + at] = 1;
                p[right + at] = 2;
            }
        }
        return p;
    }
}
