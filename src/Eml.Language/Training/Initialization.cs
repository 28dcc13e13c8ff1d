using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Weights to begin with, as nanochat's: embeddings N(0, 1), lm_head N(0, 0.001^2), matrices that read the stream uniform with variance
/// 1 / n_embd, those that write to it 0, gates 0, resid_lambdas 1, x0_lambdas 0.1, k 1.</summary>
public static class Initialization
{
    /// <summary>The model of a seed; the same bits everywhere.</summary>
    /// <exception cref="EmlException"><see cref="LanguageConfig.Check"/>.</exception>
    public static LanguageWeights Create(LanguageConfig config, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Check();
        var chance = new Lcg64(seed);
        _ = chance.Unit();
        var tensors = new List<LanguageTensor>();
        foreach ((string name, int[] shape) in config.Tensors())
        {
            byte[] bytes = new byte[shape.Aggregate(sizeof(float), (size, n) => checked(size * n))];
            Fill(name, MemoryMarshal.Cast<byte, float>(bytes.AsSpan()), config.ModelWidth, ref chance);
            tensors.Add(new LanguageTensor(name, WeightType.F32, shape, bytes));
        }
        return LanguageWeights.Create(config, tensors);
    }

    private static void Fill(string name, Span<float> values, int width, ref Lcg64 chance)
    {
        bool isStillZero = name.EndsWith("c_proj.weight", StringComparison.Ordinal) || name.EndsWith("ve_gate.weight", StringComparison.Ordinal);
        double bound = Math.Sqrt(3.0) / Math.Sqrt(width);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = name switch
            {
                "wte.weight" => (float)Normal(ref chance),
                "lm_head.weight" => (float)(0.001 * Normal(ref chance)),
                "resid_lambdas" => 1.0f,
                "x0_lambdas" => 0.1f,
                _ when name.EndsWith("eml_k", StringComparison.Ordinal) => 1.0f,
                _ when isStillZero => 0.0f,
                _ => (float)(bound * chance.Signed()),
            };
        }
    }

    /// <summary>Box and Muller 1958, the cosine's half.</summary>
    private static double Normal(ref Lcg64 chance)
    {
        double radius = Math.Sqrt(-2.0 * Ln.Of(1.0 - chance.Unit()));
        return radius * Cos.Of(6.283185307179586476925 * chance.Unit());
    }
}
