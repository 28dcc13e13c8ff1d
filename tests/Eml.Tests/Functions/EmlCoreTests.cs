using System.Text.Json;
using Eml.Functions;

namespace Eml.Tests.Functions;

/// <summary>Profile eml-core-0.1 against the data recorded from the crate: bit for bit.</summary>
[Trait("Category", "Paths")]
public class EmlCoreTests
{
    [Fact]
    public void Operators_give_the_crates_bits()
    {
        foreach (JsonElement c in Golden.EmlCore("operators.json").Array("cases"))
        {
            string op = c.At("op").GetString()!;
            if (op == "softmax3")
            {
                double[] a = c.Doubles("a"), b = c.Doubles("b"), g = c.Doubles("c");
                var results = a.Select((_, i) => Operator.Softmax3(a[i], b[i], g[i])).ToArray();
                Golden.AssertBits(c.Doubles("alpha"), [.. results.Select(r => r.Alpha)], "alpha");
                Golden.AssertBits(c.Doubles("beta"), [.. results.Select(r => r.Beta)], "beta");
                Golden.AssertBits(c.Doubles("gamma"), [.. results.Select(r => r.Gamma)], "gamma");
            }
            else
            {
                double[] x = c.Doubles("x"), y = c.Doubles("y");
                Golden.AssertBits(c.Doubles("out"),
                    [.. x.Select((_, i) => op == "eml" ? Operator.Eml(x[i], y[i]) : Operator.EmlSafe(x[i], y[i]))], op);
            }
        }
    }

    [Fact]
    public void Trees_give_the_crates_bits_alone_and_in_batches()
    {
        foreach (JsonElement c in Golden.EmlCore("tree.json").Array("cases"))
        {
            var tree = new EmlTree(c.Int("depth"), c.Int("input_count"));
            Assert.Equal(c.Int("param_count"), tree.ParameterCount);
            double[] parameters = c.Doubles("params");
            AssertForward(c.Matrix("inputs"), [.. c.Doubles("outputs").Select(y => new[] { y })],
                (x, rows, y) => tree.Evaluate(parameters, x, rows, y, allowNonFinite: true), 1);
        }
    }

    [Fact]
    public void Models_give_the_crates_bits_alone_and_in_batches()
    {
        JsonElement file = Golden.EmlCore("model.json");
        foreach (JsonElement c in file.Array("cases").Concat(file.Array("special")))
        {
            var model = new EmlModel(c.Int("depth"), c.Int("input_count"), c.Int("head_count"), Profile.EmlCore01);
            Assert.Equal(c.Doubles("params").Length, model.ParameterCount);
            model.SetParameters(c.Doubles("params"), allowNonFinite: true);
            AssertForward(c.Matrix("inputs"), c.Matrix("outputs"),
                (x, rows, y) => model.Forward(x, rows, y, allowNonFinite: true), model.Heads);
        }
    }

    [Fact]
    public void SafeTrees_give_the_crates_bits()
    {
        foreach (JsonElement c in Golden.EmlCore("safetree.json").Array("cases"))
        {
            var tree = new SafeTree(c.Int("depth"), c.Int("inputs"), c.Int("heads"));
            Assert.Equal(c.Int("param_count"), tree.ParameterCount);
            tree.SetParameters(c.Doubles("params"));
            AssertForward(c.Matrix("xs"), c.Matrix("outputs"),
                (x, rows, y) => tree.Forward(x, rows, y, allowNonFinite: true), tree.Heads);
        }
    }

    [Fact]
    public void Training_ends_with_the_crates_bits()
    {
        foreach (JsonElement c in Golden.EmlCore("model_training.json").Array("cases"))
        {
            string name = c.At("name").GetString()!;
            var model = new EmlModel(c.Int("depth"), c.Int("input_count"), c.Int("head_count"), Profile.EmlCore01);
            model.Name = c.At("model_name").GetString() ?? "";
            if (c.At("init_params").ValueKind != JsonValueKind.Null)
            {
                model.SetParameters(c.Doubles("init_params"));
            }

            foreach (JsonElement step in c.Array("steps"))
            {
                double[][] x = step.Matrix("record_inputs");
                JsonElement[] targets = [.. step.Array("record_targets")];
                for (int i = 0; i < x.Length; i++)
                {
                    JsonElement[] row = [.. targets[i].EnumerateArray()];
                    model.Record(x[i], [.. row.Select(t => t.ValueKind == JsonValueKind.Null ? 0 : t.Double())],
                        [.. row.Select(t => t.ValueKind == JsonValueKind.Null ? (byte)0 : (byte)1)], 1, allowNonFinite: true);
                }

                Assert.Equal(step.Int("sample_count_after"), model.SampleCount);
                model.Events.Clear();
                if (model.SampleCount < 50)
                {
                    Assert.Throws<Numerics.EmlException>(() => model.Train());
                    Assert.Empty(model.Events);
                    continue;
                }

                TrainResult result = model.Train();
                string state = step.At("json").GetString()!;
                double[] expected = JsonDocument.Parse(state).RootElement.Doubles("params");
                Golden.AssertBits(expected, [.. model.Parameters], name);
                Assert.Equal(step.At("converged").GetBoolean(), result.Converged);
                Assert.Equal(step.At("is_trained").GetBoolean(), model.Trained);
                if (step.At("mse_after").ValueKind != JsonValueKind.Null)
                {
                    Golden.AssertBits([step.At("mse_before").Double(), step.At("mse_after").Double()],
                        [result.LossBefore, result.LossAfter], name);
                }
            }

            AssertForward(c.Matrix("inputs"), c.Matrix("outputs"),
                (x, rows, y) => model.Forward(x, rows, y, allowNonFinite: true), model.Heads);
        }
    }

    [Fact]
    public void Distilled_students_have_the_crates_bits()
    {
        foreach (JsonElement c in Golden.EmlCore("distill.json").Array("cases"))
        {
            JsonElement teacherJson = JsonDocument.Parse(c.At("teacher_json").GetString()!).RootElement;
            var teacher = new EmlModel(teacherJson.Int("depth"), teacherJson.Int("input_count"), teacherJson.Int("head_count"),
                Profile.EmlCore01);
            teacher.SetParameters(c.Doubles("teacher_params"));
            EmlModel student = teacher.Distill(c.Int("target_depth"), c.Int("num_samples"), null, out TrainResult result);
            Golden.AssertBits(JsonDocument.Parse(c.At("student_json").GetString()!).RootElement.Doubles("params"),
                [.. student.Parameters], "student");
            Assert.Equal(c.Int("student_sample_count"), student.SampleCount);
            Assert.Equal(c.At("student_is_trained").GetBoolean(), result.Converged);
            AssertForward(c.Matrix("inputs"), c.Matrix("student_outputs"),
                (x, rows, y) => student.Forward(x, rows, y, allowNonFinite: true), student.Heads);
        }
    }

    private delegate void Forward(ReadOnlySpan<double> x, int rows, Span<double> y);

    /// <summary>Every row alone, all rows at once, and all rows often enough for whole blocks and a rest.</summary>
    private static void AssertForward(double[][] inputs, double[][] outputs, Forward forward, int heads)
    {
        double[] y = new double[heads];
        for (int i = 0; i < inputs.Length; i++)
        {
            forward(inputs[i], 1, y);
            Golden.AssertBits(outputs[i], y, $"row {i}");
        }

        foreach (int repeats in new[] { 1, 1 + 150 / Math.Max(1, inputs.Length) })
        {
            double[] x = [.. Enumerable.Repeat(inputs, repeats).SelectMany(rows => rows).SelectMany(row => row)];
            double[] all = new double[repeats * inputs.Length * heads];
            forward(x, repeats * inputs.Length, all);
            Golden.AssertBits([.. Enumerable.Repeat(outputs, repeats).SelectMany(rows => rows).SelectMany(row => row)], all, "batch");
        }
    }
}
