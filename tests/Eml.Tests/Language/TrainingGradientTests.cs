using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Language;
using Xunit.Abstractions;

namespace Eml.Tests.Language;

/// <summary>Gradients and optimiser against the float64 reference of shared/golden/lm.</summary>
public sealed unsafe class TrainingGradientTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("tiny-a")]
    [InlineData("tiny-b")]
    [InlineData("tiny-a-relu2")]
    public void Gradients_of_every_tensor_are_those_of_the_reference(string model)
    {
        if (Load(model) is not (LanguageWeights weights, JsonElement train))
        {
            return;
        }
        var reader = new SafetensorsReader(File.ReadAllBytes(Golden.PathOf("lm", $"{model}.grads.safetensors")));
        Dictionary<string, double[]> wanted = [];
        foreach (TensorEntry tensor in reader.Header.Tensors)
        {
            wanted[tensor.Name] = reader.Doubles(tensor);
        }
        (int[] inputs, int[] targets, int length) = Batch(train);
        int counted = targets.Count(target => target != -1);
        float[]? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var tensors = new TrainableTensors(weights.Config);
            tensors.Load(weights);
            using var pass = new TrainingPass(tensors, inputs.Length, length, threads);
            pass.Pack();
            double loss = pass.Gradients(inputs, targets, length, 1.0f / counted) / counted;
            Assert.InRange(loss, train.At("loss").GetDouble() - 1e-5, train.At("loss").GetDouble() + 1e-5);
            float[] gradients = new Span<float>(tensors.Gradients, (int)tensors.Length).ToArray();
            first ??= gradients;
            Assert.Equal(MemoryMarshal.Cast<float, int>(first).ToArray(), MemoryMarshal.Cast<float, int>(gradients).ToArray());
            foreach (TrainableTensor tensor in tensors.All)
            {
                double deviation = Deviation(TrainableTensors.Span(tensors.Gradients, tensor), wanted[tensor.Name]);
                double allowed = model == "tiny-a" ? 1e-2 : 2e-5;
                Assert.True(deviation <= allowed, $"{tensor.Name}: gradient deviates by {deviation}");
                if (threads == 1)
                {
                    output.WriteLine($"{tensor.Name} {deviation:E1}");
                }
            }
        }
    }

    [Theory]
    [InlineData("tiny-a", "k09")]
    [InlineData("tiny-b", "asis")]
    [InlineData("tiny-a-relu2", "asis")]
    public void Five_steps_give_the_losses_of_the_reference(string model, string run)
    {
        if (Load(model) is not (LanguageWeights weights, JsonElement train))
        {
            return;
        }
        (int[] inputs, int[] targets, int length) = Batch(train);
        int counted = targets.Count(target => target != -1);
        foreach (JsonElement golden in train.Array("adamw").Where(golden => golden.At("run").GetString() == run))
        {
            using var tensors = new TrainableTensors(weights.Config);
            tensors.Load(weights);
            if (golden.TryGetProperty("eml_k_start", out JsonElement k))
            {
                double[] values = k.Doubles();
                for (int i = 0; i < values.Length; i++)
                {
                    *tensors.Value($"blocks.{i}.mlp.eml_k") = (float)values[i];
                }
            }
            using var pass = new TrainingPass(tensors, inputs.Length, length, 2);
            double[] losses = golden.Doubles("loss_before_each_step");
            double[] perturbed = golden.Doubles("perturbed_start_loss_abs_dev");
            for (int step = 0; step <= losses.Length; step++)
            {
                pass.Pack();
                new Span<float>(tensors.Gradients, (int)tensors.Length).Clear();
                double loss = pass.Gradients(inputs, targets, length, 1.0f / counted) / counted;
                double wanted = step < losses.Length ? losses[step] : golden.At("loss_after_last").GetDouble();
                double tolerance = Math.Max(2e-4, 5 * perturbed[step]);
                Assert.True(Math.Abs(loss - wanted) <= tolerance, $"step {step}: {loss}, not {wanted}");
                AdamW.Update(tensors, new TrainerOptions(), step + 1, golden.At("lr_multiplier").GetDouble(), 0, 1);
            }
        }
    }

    private static double Deviation(ReadOnlySpan<float> given, double[] wanted)
    {
        (double difference, double size) = (0.0, 0.0);
        for (int i = 0; i < wanted.Length; i++)
        {
            difference += (given[i] - wanted[i]) * (given[i] - wanted[i]);
            size += wanted[i] * wanted[i];
        }
        return size == 0.0 ? Math.Sqrt(difference) : Math.Sqrt(difference / size);
    }

    private static (int[] Inputs, int[] Targets, int Length) Batch(JsonElement train)
    {
        double[][] inputs = train.Matrix("inputs");
        return ([.. inputs.SelectMany(row => row).Select(t => (int)t)], [.. train.Matrix("targets").SelectMany(row => row).Select(t => (int)t)], inputs[0].Length);
    }

    private (LanguageWeights Weights, JsonElement Train)? Load(string model)
    {
        if (!File.Exists(Golden.PathOf("lm", $"{model}.grads.safetensors")))
        {
            output.WriteLine($"not run: {model}.grads.safetensors is not in tests/data and ../shared/golden is not there");
            return null;
        }
        JsonElement golden = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("lm", $"{model}.json"))).RootElement;
        return (LanguageSafetensors.Read(File.ReadAllBytes(Golden.PathOf("lm", $"{model}.f32.safetensors")),
            Encoding.UTF8.GetBytes(golden.At("config").GetRawText())), golden.At("train"));
    }
}
