using Eml.Numerics;

namespace Eml.Language;

/// <summary>What a block does between its two matrices of the feed-forward part.</summary>
public enum LanguageActivation
{
    /// <summary>eml(z, eml(z, k)) with a number k per layer.</summary>
    Eml,
    /// <summary>max(0, z)^2.</summary>
    SquaredRelu,
}

/// <summary>The shape of a language model and what is fixed about it.</summary>
public sealed record LanguageConfig
{
    /// <summary>Logits are 15 tanh(x / 15).</summary>
    public const float LogitCap = 15.0f;

    /// <summary>Base of the rotary angles: pair j of position p turns by p base^(-2 j / head_dim).</summary>
    public const double RopeBase = 10000.0;

    /// <summary>Numbers of the residual stream that the gate of a value embedding reads.</summary>
    public const int GateInputs = 32;

    /// <summary>Number of tokens (vocab_size).</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Number of blocks (n_layer).</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream (n_embd).</summary>
    public required int ModelWidth { get; init; }

    /// <summary>Query heads (n_head).</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads (n_kv_head); each serves Heads / KeyValueHeads query heads.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Components of a head (head_dim).</summary>
    public required int HeadWidth { get; init; }

    /// <summary>Width of the feed-forward part.</summary>
    public required int HiddenWidth { get; init; }

    /// <summary>Tokens that the model was trained to see (sequence_len). Longer sequences are legal.</summary>
    public int SequenceLength { get; init; } = 2048;

    /// <summary>Per layer, repeated: L sees <see cref="SequenceLength"/> tokens, S half of them; the last layer always L.</summary>
    public string WindowPattern { get; init; } = "SSSL";

    /// <summary>The activation.</summary>
    public required LanguageActivation Activation { get; init; }

    /// <summary>Width of all query heads.</summary>
    public int QueryWidth => Heads * HeadWidth;

    /// <summary>Width of all key heads, and of all value heads.</summary>
    public int KeyValueWidth => KeyValueHeads * HeadWidth;

    /// <summary>Number of weights.</summary>
    public long Parameters => Tensors().Sum(tensor => tensor.Shape.Aggregate(1L, (size, n) => size * n));

    /// <summary>How many tokens a layer sees, the current one included.</summary>
    public int Window(int layer) => layer == Layers - 1 || WindowPattern[layer % WindowPattern.Length] == 'L' ? SequenceLength : SequenceLength / 2;

    /// <summary>Whether a layer adds embeddings of the token to its values.</summary>
    public bool HasValueEmbedding(int layer) => layer % 2 == (Layers - 1) % 2;

    /// <summary>Names and shapes of all tensors.</summary>
    public IEnumerable<(string Name, int[] Shape)> Tensors()
    {
        yield return ("wte.weight", [VocabularySize, ModelWidth]);
        for (int i = 0; i < Layers; i++)
        {
            yield return ($"blocks.{i}.attn.c_q.weight", [QueryWidth, ModelWidth]);
            yield return ($"blocks.{i}.attn.c_k.weight", [KeyValueWidth, ModelWidth]);
            yield return ($"blocks.{i}.attn.c_v.weight", [KeyValueWidth, ModelWidth]);
            yield return ($"blocks.{i}.attn.c_proj.weight", [ModelWidth, QueryWidth]);
            if (HasValueEmbedding(i))
            {
                yield return ($"blocks.{i}.attn.ve_gate.weight", [KeyValueHeads, GateInputs]);
            }
            yield return ($"blocks.{i}.mlp.c_fc.weight", [HiddenWidth, ModelWidth]);
            yield return ($"blocks.{i}.mlp.c_proj.weight", [ModelWidth, HiddenWidth]);
            if (Activation == LanguageActivation.Eml)
            {
                yield return ($"blocks.{i}.mlp.eml_k", [1]);
            }
        }
        yield return ("lm_head.weight", [VocabularySize, ModelWidth]);
        yield return ("resid_lambdas", [Layers]);
        yield return ("x0_lambdas", [Layers]);
        for (int i = 0; i < Layers; i++)
        {
            if (HasValueEmbedding(i))
            {
                yield return ($"value_embeds.{i}.weight", [VocabularySize, KeyValueWidth]);
            }
        }
    }

    /// <summary>Recognises the architecture from names and shapes of tensors. The length of the sequence and the windows cannot be seen in
    /// them and are those of the original, 2048 and SSSL.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Shape"/>: a tensor is missing or cannot be that of such a model.</exception>
    public static LanguageConfig Recognize(IReadOnlyDictionary<string, int[]> shapes)
    {
        ArgumentNullException.ThrowIfNull(shapes);
        int[] embedding = Shape(shapes, "wte.weight", 2);
        int layers = 0;
        while (shapes.ContainsKey($"blocks.{layers}.attn.c_q.weight"))
        {
            layers++;
        }
        int[] query = Shape(shapes, "blocks.0.attn.c_q.weight", 2);
        int[] key = Shape(shapes, "blocks.0.attn.c_k.weight", 2);
        // The last layer has a value embedding, and its gate one row per key and value head.
        int keyValueHeads = Shape(shapes, $"blocks.{layers - 1}.attn.ve_gate.weight", 2)[0];
        int headWidth = keyValueHeads > 0 && key[0] % keyValueHeads == 0 ? key[0] / keyValueHeads : throw Wrong("blocks.0.attn.c_k.weight", key);
        if (headWidth < 2 || headWidth % 2 != 0 || query[0] % headWidth != 0)
        {
            throw Wrong("blocks.0.attn.c_q.weight", query);
        }
        var config = new LanguageConfig
        {
            VocabularySize = embedding[0],
            Layers = layers,
            ModelWidth = embedding[1],
            Heads = query[0] / headWidth,
            KeyValueHeads = keyValueHeads,
            HeadWidth = headWidth,
            HiddenWidth = Shape(shapes, "blocks.0.mlp.c_fc.weight", 2)[0],
            Activation = shapes.ContainsKey("blocks.0.mlp.eml_k") ? LanguageActivation.Eml : LanguageActivation.SquaredRelu,
        };
        config.Check();
        return config;
    }

    /// <summary>Refuses what contradicts itself.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: the message says what.</exception>
    public void Check()
    {
        Require("vocab_size", VocabularySize, 1, 1 << 24);
        Require("n_layer", Layers, 1, 1024);
        Require("n_embd", ModelWidth, GateInputs, 1 << 16);
        Require("head_dim", HeadWidth, 2, 1 << 12);
        Require("n_kv_head", KeyValueHeads, 1, 1 << 12);
        Require("n_head", Heads, 1, 1 << 12);
        Require("the width of the feed-forward part", HiddenWidth, 1, 1 << 20);
        Require("sequence_len", SequenceLength, 2, 1 << 20);
        if (HeadWidth % 2 != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: head_dim is {HeadWidth}; pairs of it are turned, so it must be even");
        }
        if (Heads % KeyValueHeads != 0)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: {Heads} query heads cannot share {KeyValueHeads} key and value heads; n_head must be a multiple of n_kv_head");
        }
        if (WindowPattern.Length == 0 || WindowPattern.Any(letter => letter is not ('L' or 'S')))
        {
            throw new EmlException(ErrorCode.Argument, $"language model: the window pattern is '{WindowPattern}'; it must be letters L (long) and S (short)");
        }
    }

    private static void Require(string what, int value, int min, int max)
    {
        if (value < min || value > max)
        {
            throw new EmlException(ErrorCode.Argument, $"language model: {what} is {value}; it must be {min} to {max}");
        }
    }

    private static int[] Shape(IReadOnlyDictionary<string, int[]> shapes, string name, int dimensions) =>
        !shapes.TryGetValue(name, out int[]? shape)
            ? throw new EmlException(ErrorCode.Shape, $"language model: tensor '{name}' is missing; a checkpoint of this architecture has it")
            : shape.Length == dimensions ? shape : throw Wrong(name, shape);

    private static EmlException Wrong(string name, int[] shape) =>
        new(ErrorCode.Shape, $"language model: tensor '{name}' of shape [{string.Join(", ", shape)}] does not fit the others; no such architecture is known");
}
