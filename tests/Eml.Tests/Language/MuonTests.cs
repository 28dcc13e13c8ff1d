using Eml.Language;
using Eml.Language.Kernels;

namespace Eml.Tests.Language;

/// <summary>Muon against its formulas in binary64 and plain loops.</summary>
public sealed unsafe class MuonTests
{
    private static readonly LanguageConfig s_config = new()
    {
        VocabularySize = 50,
        Layers = 2,
        ModelWidth = 48,
        Heads = 2,
        KeyValueHeads = 1,
        HeadWidth = 24,
        HiddenWidth = 130,
        SequenceLength = 16,
        Activation = LanguageActivation.Eml,
    };

    /// <summary>Matrices with more rows than columns, fewer, and as many; sizes that fill no panel.</summary>
    [Theory]
    [InlineData("blocks.0.attn.c_q.weight")] // (48, 48)
    [InlineData("blocks.0.attn.c_k.weight")] // (24, 48)
    [InlineData("blocks.0.mlp.c_fc.weight")] // (130, 48)
    [InlineData("blocks.1.mlp.c_proj.weight")] // (48, 130)
    public void Three_steps_are_those_of_the_formula(string name)
    {
        using var tensors = new TrainableTensors(s_config);
        tensors.Load(Initialization.Create(s_config, 7));
        using var buffers = new FloatBuffers();
        var muon = new Muon(tensors, 2, buffers);
        TrainableTensor tensor = tensors[name];
        (int rows, int columns) = (tensor.Rows, tensor.Columns);
        double[] value = [.. TrainableTensors.Span(tensors.Values, tensor).ToArray().Select(x => (double)x)];
        double[] momentum = new double[value.Length];
        var random = new Random(3);
        for (int step = 0; step < 3; step++)
        {
            Span<float> gradient = TrainableTensors.Span(tensors.Gradients, tensor);
            double[] update = new double[value.Length];
            for (int i = 0; i < value.Length; i++)
            {
                gradient[i] = (random.NextSingle() - 0.5f) * 1e-3f;
                momentum[i] = (0.95 * momentum[i]) + (0.05 * gradient[i]);
                update[i] = (0.95 * momentum[i]) + (0.05 * gradient[i]);
            }
            Orthogonalize(update, rows, columns);
            for (int i = 0; i < value.Length; i++)
            {
                value[i] = (value[i] * (1.0 - (0.02 * 0.7 * 0.2))) - (0.02 * 0.7 * Math.Sqrt(Math.Max(1.0, (double)rows / columns)) * update[i]);
            }
            muon.Update(0.7, WeightType.F32, 0, 2);
            muon.Update(0.7, WeightType.F32, 1, 2);
        }
        float[] given = TrainableTensors.Span(tensors.Values, tensor).ToArray();
        for (int i = 0; i < value.Length; i++)
        {
            Assert.InRange(given[i], value[i] - 1e-5, value[i] + 1e-5);
        }
    }

    [Fact]
    public void Each_tensor_is_moved_once()
    {
        using var trainer = new LanguageTrainer(Initialization.Create(s_config, 7), new TrainerOptions { SequenceLength = 16, GroupTokens = 16, Optimizer = Optimizer.Muon });
        var before = trainer.State().ToDictionary(tensor => tensor.Name, tensor => tensor.Values);
        int[] row = [.. Enumerable.Range(1, 17)];
        trainer.Step(row.AsSpan(0, 16), row.AsSpan(1, 16), 1.0);
        trainer.Step(row.AsSpan(0, 16), row.AsSpan(1, 16), 1.0);
        foreach ((string name, int[] shape, float[] values) in trainer.State().Where(tensor => !tensor.Name.EndsWith(".mean", StringComparison.Ordinal)))
        {
            if (name.EndsWith(".square", StringComparison.Ordinal))
            {
                bool isMuons = shape.Length == 2 && name.StartsWith("blocks.", StringComparison.Ordinal) && !name.Contains("ve_gate", StringComparison.Ordinal);
                Assert.Equal(isMuons, values.All(x => x == 0.0f));
            }
            else
            {
                Assert.NotEqual(before[name], values);
            }
        }
    }

    private static void Orthogonalize(double[] x, int rows, int columns)
    {
        double norm = Math.Sqrt(x.Sum(v => v * v)) + 1e-7;
        for (int i = 0; i < x.Length; i++)
        {
            x[i] /= norm;
        }
        for (int round = 0; round < 5; round++)
        {
            // a X + b (X X^T) X + c (X X^T)^2 X, whichever side is the longer.
            double[] cubed = Product(Product(x, Transposed(x, rows, columns), rows, columns, rows), x, rows, rows, columns);
            double[] fifth = Product(Product(x, Transposed(x, rows, columns), rows, columns, rows), cubed, rows, rows, columns);
            for (int i = 0; i < x.Length; i++)
            {
                x[i] = (3.4445 * x[i]) - (4.7750 * cubed[i]) + (2.0315 * fifth[i]);
            }
        }
    }

    private static double[] Transposed(double[] x, int rows, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(i => x[(i % rows * columns) + (i / rows)])];

    private static double[] Product(double[] a, double[] b, int rows, int inner, int columns)
    {
        double[] c = new double[rows * columns];
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < inner; k++)
            {
                for (int j = 0; j < columns; j++)
                {
                    c[(i * columns) + j] += a[(i * inner) + k] * b[(k * columns) + j];
                }
            }
        }
        return c;
    }
}
