using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>The weights of a language model: immutable, and shared by any number of sessions on any threads.</summary>
public sealed class LanguageWeights
{
    private readonly LanguageTensor[] _tensors;

    private LanguageWeights(LanguageConfig config, Dictionary<string, LanguageTensor> tensors)
    {
        Config = config;
        _tensors = [.. config.Tensors().Select(tensor => tensors[tensor.Name])];
        Rope = new RopeTable(config.HeadWidth);
        Embedding = Matrix("wte.weight");
        Head = Matrix("lm_head.weight");
        ResidualFactors = Vector("resid_lambdas");
        EmbeddingFactors = Vector("x0_lambdas");
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new Block(
            Matrix($"blocks.{i}.attn.c_q.weight"), Matrix($"blocks.{i}.attn.c_k.weight"), Matrix($"blocks.{i}.attn.c_v.weight"),
            Matrix($"blocks.{i}.attn.c_proj.weight"), Matrix($"blocks.{i}.mlp.c_fc.weight"), Matrix($"blocks.{i}.mlp.c_proj.weight"),
            config.Activation == LanguageActivation.Eml ? Vector($"blocks.{i}.mlp.eml_k")[0] : 0.0f,
            config.HasValueEmbedding(i) ? Matrix($"blocks.{i}.attn.ve_gate.weight") : null,
            config.HasValueEmbedding(i) ? Matrix($"value_embeds.{i}.weight") : null))];

        WeightMatrix Matrix(string name) => new(tensors[name]);
        float[] Vector(string name) => MemoryMarshal.Cast<byte, float>(tensors[name].Data.Span).ToArray();
    }

    /// <summary>The shape.</summary>
    public LanguageConfig Config { get; }

    /// <summary>All tensors, in the order of <see cref="LanguageConfig.Tensors"/>.</summary>
    public IReadOnlyList<LanguageTensor> Tensors => _tensors;

    /// <summary>How most weights are stored.</summary>
    public WeightType Type => Embedding.Type;

    /// <summary>Bytes of all tensors.</summary>
    public long Bytes => _tensors.Sum(tensor => (long)tensor.Data.Length + (4L * tensor.Scales.Length));

    /// <summary>k of each layer's activation; empty for another activation.</summary>
    public IReadOnlyList<float> ActivationParameters => Config.Activation == LanguageActivation.Eml ? [.. Blocks.Select(block => block.K)] : [];

    internal RopeTable Rope { get; }

    internal WeightMatrix Embedding { get; }

    internal WeightMatrix Head { get; }

    /// <summary>Per layer: factor of the residual stream before it.</summary>
    internal float[] ResidualFactors { get; }

    /// <summary>Per layer: factor of the embedding that is added to it.</summary>
    internal float[] EmbeddingFactors { get; }

    internal Block[] Blocks { get; }

    /// <summary>The model with these tensors, in any order.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Shape"/>: a tensor is missing, there twice, not the model's, or of another shape or
    /// length. <see cref="ErrorCode.NonFinite"/>: a weight is no number.</exception>
    public static LanguageWeights Create(LanguageConfig config, IEnumerable<LanguageTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(tensors);
        config.Check();
        var given = new Dictionary<string, LanguageTensor>(StringComparer.Ordinal);
        foreach (LanguageTensor tensor in tensors)
        {
            if (!given.TryAdd(tensor.Name, tensor))
            {
                throw new EmlException(ErrorCode.Shape, $"language model: tensor '{tensor.Name}' is given twice; give it once");
            }
        }
        int known = 0;
        foreach ((string name, int[] shape) in config.Tensors())
        {
            if (!given.TryGetValue(name, out LanguageTensor? tensor))
            {
                throw new EmlException(ErrorCode.Shape, $"language model: tensor '{name}' [{string.Join(", ", shape)}] is missing; the config asks for it");
            }
            Check(tensor, shape);
            known++;
        }
        if (known != given.Count)
        {
            var names = config.Tensors().Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
            throw new EmlException(ErrorCode.Shape, $"language model: tensor '{given.Keys.First(name => !names.Contains(name))}' has no place in the config; leave it out");
        }
        return new LanguageWeights(config, given);
    }

    private static void Check(LanguageTensor tensor, int[] shape)
    {
        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new EmlException(ErrorCode.Shape,
                $"language model: tensor '{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}]; the config asks for [{string.Join(", ", shape)}]");
        }
        bool fits = tensor.Count * LanguageTensor.SizeOf(tensor.Type) == tensor.Data.Length
            && (tensor.Type != WeightType.I8 || (tensor.Scales.Length == shape[0] && shape.Length == 2)) && (shape.Length == 2 || tensor.Type == WeightType.F32);
        if (!fits)
        {
            throw new EmlException(ErrorCode.Shape,
                $"language model: tensor '{tensor.Name}' of {tensor.Type} has {tensor.Data.Length} bytes and {tensor.Scales.Length} scales for [{string.Join(", ", shape)}]; "
                + "matrices are F32, BF16 or I8 with a scale per row, vectors F32");
        }
        int bad = NonFinite(tensor);
        if (bad >= 0)
        {
            throw new EmlException(ErrorCode.NonFinite, $"language model: number {bad} of tensor '{tensor.Name}' is infinite or not a number; weights must be finite");
        }
    }

    /// <summary>The first number, or scale, that is not finite; -1 if all are.</summary>
    private static int NonFinite(LanguageTensor tensor) => tensor.Type switch
    {
        WeightType.F32 => First(MemoryMarshal.Cast<byte, uint>(tensor.Data.Span), 0x7F800000u),
        WeightType.BF16 => First(MemoryMarshal.Cast<byte, ushort>(tensor.Data.Span), (ushort)0x7F80),
        _ => First(MemoryMarshal.Cast<float, uint>(tensor.Scales.Span), 0x7F800000u),
    };

    private static int First<T>(ReadOnlySpan<T> numbers, T exponent) where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        var mask = new System.Numerics.Vector<T>(exponent);
        int i = 0;
        for (; i + System.Numerics.Vector<T>.Count <= numbers.Length; i += System.Numerics.Vector<T>.Count)
        {
            if (System.Numerics.Vector.EqualsAny(new System.Numerics.Vector<T>(numbers[i..]) & mask, mask))
            {
                break;
            }
        }
        for (; i < numbers.Length; i++)
        {
            if ((numbers[i] & exponent) == exponent)
            {
                return i;
            }
        }
        return -1;
    }

    /// <summary>One layer.</summary>
    internal sealed record Block(WeightMatrix Query, WeightMatrix Key, WeightMatrix Value, WeightMatrix AttentionOutput, WeightMatrix Up, WeightMatrix Down,
        float K, WeightMatrix? ValueGate, WeightMatrix? ValueEmbedding);
}
