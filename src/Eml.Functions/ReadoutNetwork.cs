using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>The default profile's learned function; see <see cref="ReadoutLayout"/>.</summary>
internal sealed class ReadoutNetwork(int depth, int inputs, int heads) : Network
{
    private readonly ReadoutLayout _layout = new(depth, inputs, heads);

    public static long CountParameters(int depth, int inputs, int heads)
    {
        long leaves = 1L << (depth - 1), nodes = leaves - 1;
        return leaves * (1 + inputs) + (nodes - leaves / 2) * ReadoutLayout.UpperParameters + heads * (1 + inputs + nodes);
    }

    public override Evaluator Compile(double[] parameters) => new ReadoutEvaluator(_layout, parameters);

    public override Formula ToFormula(string title, double[] parameters, Scaling? scaling) =>
        FormulaOf.Readout(title, _layout, parameters, scaling);

    public override double Loss(double[] parameters, Samples samples, Scaling? scaling)
    {
        var monitor = new TrainMonitor(null);
        return Lanes8.IsSupported ? new ReadoutPass<Lanes8>(_layout, samples, scaling, monitor).Loss(parameters)
            : Lanes4.IsSupported ? new ReadoutPass<Lanes4>(_layout, samples, scaling, monitor).Loss(parameters)
            : Lanes2.IsSupported ? new ReadoutPass<Lanes2>(_layout, samples, scaling, monitor).Loss(parameters)
            : new ReadoutPass<Lanes1>(_layout, samples, scaling, monitor).Loss(parameters);
    }

    public override TrainResult Train(double[] parameters, Samples samples, Scaling? scaling, TrainOptions? options)
    {
        var monitor = new TrainMonitor(options);
        return Lanes8.IsSupported ? ReadoutTrainer<Lanes8>.Train(_layout, parameters, samples, scaling, options, monitor)
            : Lanes4.IsSupported ? ReadoutTrainer<Lanes4>.Train(_layout, parameters, samples, scaling, options, monitor)
            : Lanes2.IsSupported ? ReadoutTrainer<Lanes2>.Train(_layout, parameters, samples, scaling, options, monitor)
            : ReadoutTrainer<Lanes1>.Train(_layout, parameters, samples, scaling, options, monitor);
    }

    public override SnapResult Snap(double[] parameters, Samples samples, ref Scaling? scaling, SnapOptions options, TrainMonitor monitor) =>
        ReadoutSnap.Run(_layout, parameters, samples, ref scaling, options, monitor);
}
