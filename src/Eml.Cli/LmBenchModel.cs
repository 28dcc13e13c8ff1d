using System.Runtime.InteropServices;
using Eml.Language;

namespace Eml.Cli;

/// <summary>Models of the real sizes with weights by chance: they are as fast as trained ones.</summary>
internal static class LmBenchModel
{
    private const int WidthPerLayer = 64, HeadWidth = 128, Vocabulary = 8192, SequenceLength = 2048;

    /// <summary>The shape of a depth, as the original makes it: 64 columns a layer in whole heads of 128.</summary>
    public static LanguageConfig Config(int depth)
    {
        int heads = ((depth * WidthPerLayer) + HeadWidth - 1) / HeadWidth;
        return new LanguageConfig
        {
            VocabularySize = Vocabulary,
            Layers = depth,
            ModelWidth = heads * HeadWidth,
            Heads = heads,
            KeyValueHeads = heads,
            HeadWidth = HeadWidth,
            HiddenWidth = 4 * heads * HeadWidth,
            SequenceLength = SequenceLength,
            WindowPattern = "SSSL",
            Activation = LanguageActivation.Eml,
        };
    }

    /// <summary>Weights by chance that keep the size of what they are multiplied with.</summary>
    public static LanguageWeights Create(LanguageConfig config, WeightType type)
    {
        uint chance = 1;
        return LanguageWeights.Create(config, config.Tensors().Select(tensor => tensor.Shape.Length == 1
            ? Vector(tensor.Name, tensor.Shape)
            : Matrix(tensor.Name, tensor.Shape, type, ref chance)));
    }

    /// <summary>Bytes of weights that are read for each token: of embeddings only a row is.</summary>
    public static long BytesPerToken(LanguageWeights weights) => weights.Tensors
        .Where(tensor => tensor.Shape.Length == 2 && tensor.Name != "wte.weight" && !tensor.Name.StartsWith("value_embeds.", StringComparison.Ordinal))
        .Sum(tensor => (long)tensor.Data.Length + (4L * tensor.Scales.Length));

    private static LanguageTensor Vector(string name, int[] shape)
    {
        float[] values = new float[shape[0]];
        Array.Fill(values, name == "x0_lambdas" ? 0.1f : name == "resid_lambdas" ? 1.0f : 0.5f);
        return new LanguageTensor(name, WeightType.F32, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }

    private static LanguageTensor Matrix(string name, int[] shape, WeightType type, ref uint chance)
    {
        // Uniform in ±bound has the variance 1 / columns.
        float bound = MathF.Sqrt(3.0f / shape[1]);
        byte[] data = GC.AllocateUninitializedArray<byte>(checked(shape[0] * shape[1] * LanguageTensor.SizeOf(type)), pinned: true);
        switch (type)
        {
            case WeightType.F32:
                foreach (ref float weight in MemoryMarshal.Cast<byte, float>(data.AsSpan()))
                    weight = Next(ref chance) * bound;
                break;
            case WeightType.BF16:
                foreach (ref ushort weight in MemoryMarshal.Cast<byte, ushort>(data.AsSpan()))
                    weight = (ushort)(BitConverter.SingleToUInt32Bits(Next(ref chance) * bound) >> 16);
                break;
            default:
                foreach (ref sbyte weight in MemoryMarshal.Cast<byte, sbyte>(data.AsSpan()))
                    weight = (sbyte)(Next(ref chance) * 127.0f);
                float[] scales = new float[shape[0]];
                Array.Fill(scales, bound / 127.0f);
                return new LanguageTensor(name, type, shape, data, scales);
        }
        return new LanguageTensor(name, type, shape, data);
    }

    /// <summary>A number in [-1, 1): the upper bits of a linear congruential generator (Numerical Recipes).</summary>
    private static float Next(ref uint state)
    {
        state = (1664525u * state) + 1013904223u;
        return ((state >> 8) * (2.0f / (1 << 24))) - 1.0f;
    }
}
