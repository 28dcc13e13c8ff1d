using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Passes over all samples of the default profile: what they sum, and that blocks and widths leave no trace.</summary>
[Trait("Category", "Paths")]
public class ReadoutPassTests
{
    private const double Ridge = 1e-9;

    [Theory]
    [InlineData(3, 1, 1, 1)]
    [InlineData(4, 2, 3, 1023)]
    [InlineData(5, 300, 2, 400)] // narrow blocks
    public void Loss_is_that_of_the_predictions(int depth, int inputs, int heads, int rows)
    {
        (ReadoutLayout layout, Samples samples, Scaling scaling, double[] parameters) = Problem(depth, inputs, heads, rows);
        var evaluator = new ReadoutEvaluator(layout, parameters);
        double[] x = new double[inputs], y = new double[heads], totals = new double[heads];
        int known = 0;
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < inputs; j++)
            {
                x[j] = (samples.X[i * inputs + j] - scaling.InputOffset[j]) * scaling.InputFactor[j];
            }

            evaluator.Row(x, y);
            for (int h = 0; h < heads; h++)
            {
                if (samples.Present[i * heads + h] != 0)
                {
                    double error = y[h] - (samples.Targets[i * heads + h] - scaling.TargetOffset[h]) * scaling.TargetFactor[h];
                    totals[h] += error * error;
                    known++;
                }
            }
        }

        double expected = totals.Aggregate(0.0, (sum, total) => sum + total) / known;
        Golden.AssertBits([expected, expected, expected, expected], EveryWidth<double>(
            () => new ReadoutPass<Lanes1>(layout, samples, scaling, new TrainMonitor(null)).Loss(parameters),
            () => new ReadoutPass<Lanes2>(layout, samples, scaling, new TrainMonitor(null)).Loss(parameters),
            () => new ReadoutPass<Lanes4>(layout, samples, scaling, new TrainMonitor(null)).Loss(parameters),
            () => new ReadoutPass<Lanes8>(layout, samples, scaling, new TrainMonitor(null)).Loss(parameters)), "loss");
    }

    [Theory]
    [InlineData(3, 1, 1, 40)]
    [InlineData(4, 2, 3, 1023)]
    [InlineData(2, 100, 2, 400)]
    public void Heads_are_where_the_loss_is_least(int depth, int inputs, int heads, int rows)
    {
        (ReadoutLayout layout, Samples samples, Scaling scaling, double[] parameters) = Problem(depth, inputs, heads, rows);
        double[][] solved = EveryWidth<double[]>(
            () => Solve(new ReadoutPass<Lanes1>(layout, samples, scaling, new TrainMonitor(null)).SolveHeads),
            () => Solve(new ReadoutPass<Lanes2>(layout, samples, scaling, new TrainMonitor(null)).SolveHeads),
            () => Solve(new ReadoutPass<Lanes4>(layout, samples, scaling, new TrainMonitor(null)).SolveHeads),
            () => Solve(new ReadoutPass<Lanes8>(layout, samples, scaling, new TrainMonitor(null)).SolveHeads));
        Assert.All(solved, one => Golden.AssertBits(solved[0], one, "parameters"));
        Assert.Equal(parameters[..layout.NonlinearCount], solved[0][..layout.NonlinearCount]);

        var pass = new ReadoutPass<Lanes1>(layout, samples, scaling, new TrainMonitor(null));
        double least = pass.Loss(solved[0]);
        for (int i = layout.NonlinearCount; i < parameters.Length; i++)
        {
            foreach (double step in (double[])[-1e-3, 1e-3])
            {
                double old = solved[0][i];
                solved[0][i] = old + step;
                Assert.True(pass.Loss(solved[0]) > least, $"parameter {i}, step {step}");
                solved[0][i] = old;
            }
        }

        double[] Solve(Solution solve)
        {
            double[] result = [.. parameters];
            solve(result, Ridge);
            return result;
        }
    }

    private delegate void Solution(Span<double> parameters, double ridge);

    /// <summary>The results of all widths; where the processor lacks one, that of one lane takes its place.</summary>
    private static T[] EveryWidth<T>(Func<T> one, Func<T> two, Func<T> four, Func<T> eight) =>
        [one(), Lanes2.IsSupported ? two() : one(), Lanes4.IsSupported ? four() : one(), Lanes8.IsSupported ? eight() : one()];

    private static (ReadoutLayout, Samples, Scaling, double[]) Problem(int depth, int inputs, int heads, int rows)
    {
        var layout = new ReadoutLayout(depth, inputs, heads);
        var random = new Lcg64(9);
        double[] x = Numbers(rows * inputs, ref random), targets = Numbers(rows * heads, ref random);
        byte[] present = new byte[rows * heads];
        for (int i = 0; i < present.Length; i++)
        {
            present[i] = (byte)(i % heads == 1 && i % 5 == 0 ? 0 : 1); // the second head lacks some targets
        }

        var samples = new Samples(inputs, heads);
        samples.Add(x, targets, present, rows);
        var scaling = new Scaling(Numbers(inputs, ref random), Filled(inputs, 1.5), Numbers(heads, ref random), Filled(heads, 0.75));
        return (layout, samples, scaling, Numbers(layout.NonlinearCount + heads * layout.Features, ref random));
    }

    private static double[] Filled(int count, double value) => [.. Enumerable.Repeat(value, count)];

    private static double[] Numbers(int count, ref Lcg64 random)
    {
        double[] numbers = new double[count];
        foreach (ref double number in numbers.AsSpan())
        {
            number = random.Signed();
        }

        return numbers;
    }
}
