using System.Text.Json;
using Eml.Functions;
using Eml.Functions.Expressions;

namespace Eml.Tests.Functions;

/// <summary>Learned functions of every kind with rows to compute: what they answer is what their formulas must answer.</summary>
internal sealed record FormulaCase(string Name, Formula Formula, int Inputs, int Heads, double[] X, double[] Y)
{
    private const int Rows = 60;

    public int Count => X.Length / Math.Max(Inputs, 1);

    public static List<FormulaCase> All()
    {
        var cases = new List<FormulaCase>();
        var random = new Random(20260101);
        foreach (Profile profile in (Profile[])[Profile.EmlCore01, Profile.Default])
        {
            for (int depth = 2; depth <= 5; depth++)
            {
                foreach ((int inputs, int heads) in ((int, int)[])[(1, 1), (2, 3), (11, 2)])
                {
                    var model = new EmlModel(depth, inputs, heads, profile);
                    model.SetParameters(Numbers(random, model.ParameterCount, 1.5));
                    cases.Add(Of(model, $"{profile} {depth}x{inputs}x{heads}", random));
                    model.Scaling = new Scaling(Numbers(random, inputs, 3), Numbers(random, inputs, 2),
                        Numbers(random, heads, 10), Numbers(random, heads, 2));
                    double[] sparse = Numbers(random, model.ParameterCount, 1);
                    for (int i = 0; i < sparse.Length; i++)
                    {
                        sparse[i] = random.Next(6) switch { 0 or 1 => 0, 2 => 1, 3 => -0.0, _ => sparse[i] };
                    }

                    model.SetParameters(sparse);
                    cases.Add(Of(model, $"{profile} {depth}x{inputs}x{heads} scaled, sparse", random));
                }
            }
        }

        // Trained by the crate itself: its parameters, its answers.
        foreach (JsonElement c in Golden.EmlCore("model_training.json").Array("cases"))
        {
            JsonElement[] steps = [.. c.Array("steps").Where(s => s.At("sample_count_after").GetInt32() >= 50)];
            double[][] x = c.Matrix("inputs"), y = c.Matrix("outputs");
            if (steps.Length > 0 && x.Concat(y).All(row => row.All(double.IsFinite)))
            {
                var model = new EmlModel(c.Int("depth"), c.Int("input_count"), c.Int("head_count"), Profile.EmlCore01);
                model.SetParameters(JsonDocument.Parse(steps[^1].At("json").GetString()!).RootElement.Doubles("params"));
                cases.Add(new FormulaCase($"golden training {c.At("name").GetString()}", model.ToFormula(), model.Inputs,
                    model.Heads, [.. x.SelectMany(r => r)], [.. y.SelectMany(r => r)]));
            }
        }

        cases.Add(Of(Trained(Profile.Default), "trained default", random));
        for (int depth = 2; depth <= 5; depth++)
        {
            var tree = new EmlTree(depth, 1 + depth);
            double[] parameters = Numbers(random, tree.ParameterCount, 2);
            cases.Add(Of($"EmlTree {depth}", tree.ToFormula(parameters), tree.Inputs, 1, random,
                (x, rows, y) => tree.Evaluate(parameters, x, rows, y)));
        }

        foreach ((int depth, int inputs, int heads) in ((int, int, int)[])[(0, 3, 2), (1, 1, 1), (3, 4, 1), (5, 2, 17), (40, 3, 1)])
        {
            var tree = new SafeTree(depth, inputs, heads);
            tree.SetParameters(Numbers(random, tree.ParameterCount, 1));
            cases.Add(Of($"SafeTree {depth}x{inputs}x{heads}", tree.ToFormula(), inputs, heads, random,
                (x, rows, y) => tree.Forward(x, rows, y)));
        }

        return cases;
    }

    public static EmlModel Trained(Profile profile)
    {
        var model = new EmlModel(4, 2, 1, profile);
        var random = new Random(7);
        double[] x = Numbers(random, 2 * 80, 2);
        double[] y = [.. Enumerable.Range(0, 80).Select(i => Math.Sin(x[2 * i]) + x[2 * i] * x[2 * i + 1])];
        model.Record(x, y, [], 80);
        model.FitScaling();
        model.Train(new TrainOptions { MaxSweeps = 5 });
        return model;
    }

    public static double[] Numbers(Random random, int count, double range)
    {
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = range * (2 * random.NextDouble() - 1);
        }

        return values;
    }

    private static FormulaCase Of(EmlModel model, string name, Random random) => Of(name, model.ToFormula(), model.Inputs,
        model.Heads, random, (x, rows, y) => model.Forward(x, rows, y));

    private static FormulaCase Of(string name, Formula formula, int inputs, int heads, Random random,
        Action<double[], int, double[]> forward)
    {
        double[] x = Numbers(random, Rows * inputs, 2);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = random.Next(12) switch { 0 => 0, 1 => -0.0, 2 => 1000 * x[i], 3 => Math.Round(x[i]), _ => x[i] };
        }

        double[] y = new double[Rows * heads];
        forward(x, Rows, y);
        return new FormulaCase(name, formula, inputs, heads, x, y);
    }
}
