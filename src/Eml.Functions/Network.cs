using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>A shape of learned function: how many parameters, how to evaluate, how to train.</summary>
internal abstract class Network
{
    public static Network Create(int depth, int inputs, int heads, Profile profile) => profile == Profile.EmlCore01
        ? new MixNetwork(depth, inputs, heads)
        : new ReadoutNetwork(depth, inputs, heads);

    public static long CountParameters(int depth, int inputs, int heads, Profile profile) => profile == Profile.EmlCore01
        ? MixNetwork.CountParameters(depth, heads)
        : ReadoutNetwork.CountParameters(depth, inputs, heads);

    public abstract Evaluator Compile(double[] parameters);

    public abstract double Loss(double[] parameters, Samples samples, Scaling? scaling);

    /// <summary>What <see cref="Compile"/>'s evaluator computes, written out.</summary>
    public abstract Formula ToFormula(string title, double[] parameters, Scaling? scaling);

    /// <summary>Trains in place.</summary>
    public abstract TrainResult Train(double[] parameters, Samples samples, Scaling? scaling, TrainOptions? options);

    /// <summary>Snaps in place; the scaling may become part of the parameters.</summary>
    public abstract SnapResult Snap(double[] parameters, Samples samples, ref Scaling? scaling, SnapOptions options, TrainMonitor monitor);
}

/// <summary>EmlModel of eml-core 0.1.0.</summary>
internal sealed class MixNetwork(int depth, int inputs, int heads) : Network
{
    // A model without inputs exists in eml-core, but nothing can be computed with it.
    private readonly MixLayout _layout = MixLayout.Model(depth, Math.Max(inputs, 1), heads);

    public static long CountParameters(int depth, int heads) => depth switch { 2 => 24, 3 => 32, 4 => 44, _ => 56 } + 2L * heads;

    public override Evaluator Compile(double[] parameters) => new MixEvaluator(_layout, parameters);

    public override Formula ToFormula(string title, double[] parameters, Scaling? scaling) =>
        FormulaOf.Mix(title, inputs, _layout, parameters, scaling);

    public override double Loss(double[] parameters, Samples samples, Scaling? scaling) => Lanes8.IsSupported
        ? Trainer<Lanes8>(samples, scaling, null).Loss(parameters)
        : Lanes4.IsSupported ? Trainer<Lanes4>(samples, scaling, null).Loss(parameters)
        : Lanes2.IsSupported ? Trainer<Lanes2>(samples, scaling, null).Loss(parameters)
        : Trainer<Lanes1>(samples, scaling, null).Loss(parameters);

    public override TrainResult Train(double[] parameters, Samples samples, Scaling? scaling, TrainOptions? options)
    {
        int sweeps = options?.MaxSweeps ?? 0;
        return Lanes8.IsSupported
            ? Trainer<Lanes8>(samples, scaling, options).Train(parameters, sweeps)
            : Lanes4.IsSupported ? Trainer<Lanes4>(samples, scaling, options).Train(parameters, sweeps)
            : Lanes2.IsSupported ? Trainer<Lanes2>(samples, scaling, options).Train(parameters, sweeps)
            : Trainer<Lanes1>(samples, scaling, options).Train(parameters, sweeps);
    }

    public override SnapResult Snap(double[] parameters, Samples samples, ref Scaling? scaling, SnapOptions options, TrainMonitor monitor) =>
        MixSnap.Run(_layout, inputs, parameters, samples, scaling, options, monitor);

    private MixTrainer<T> Trainer<T>(Samples samples, Scaling? scaling, TrainOptions? options)
        where T : struct, ILanes<T> => new(_layout, samples, inputs, scaling, new TrainMonitor(options));
}
