using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Eml.Functions;

namespace Eml.Tests.Functions;

/// <summary>The recorded cases of eml-core's attention blocks, as blocks.</summary>
internal static class AttentionCases
{
    public static readonly string[] Files = ["attention.json", "baseline_attention.json"];

    /// <summary>A new block of a case's name and shape.</summary>
    public static AttentionBlock Block(JsonElement c, string file)
    {
        string name = c.At("name").GetString()!;
        return file == "attention.json"
            ? new ToyEmlAttention(name, c.Int("d_model"), c.Int("d_k"), c.Int("seq_len"), c.Int("depth"))
            : new BaselineAttention(name, c.Int("d_model"), c.Int("d_k"), c.Int("seq_len"));
    }

    public static EndToEndTrainConfig Config(JsonElement config) => new()
    {
        Trials = config.At("trials").GetInt64(),
        StepInit = config.At("step_init").Double(),
        StepFinal = config.At("step_final").Double(),
        MaxSamples = config.At("max_samples").GetInt64(),
        EvalSubset = config.At("eval_subset").GetInt64(),
        ConvergenceMse = config.At("convergence_mse").Double(),
        Seed = config.At("seed").GetUInt64(),
    };

    /// <summary>Every row alone, and all at once.</summary>
    public static void AssertForward(JsonElement c, AttentionBlock block)
    {
        double[][] inputs = c.Matrix("inputs"), outputs = c.Matrix("outputs");
        double[] y = new double[block.Width], all = new double[inputs.Length * block.Width];
        for (int i = 0; i < inputs.Length; i++)
        {
            block.Forward(inputs[i], 1, y);
            Golden.AssertBits(outputs[i], y, $"{block.Name}, row {i}");
        }

        block.Forward([.. inputs.SelectMany(row => row)], inputs.Length, all);
        Golden.AssertBits([.. outputs.SelectMany(row => row)], all, block.Name);
    }

    /// <summary>A text that the data give in full or as length and hash.</summary>
    public static void AssertText(JsonElement expected, byte[] actual)
    {
        if (expected.TryGetProperty("text", out JsonElement text))
        {
            Assert.Equal(text.GetString(), Encoding.UTF8.GetString(actual));
        }

        Assert.Equal(expected.Int("len"), actual.Length);
        Assert.Equal(expected.At("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(actual)));
    }
}
