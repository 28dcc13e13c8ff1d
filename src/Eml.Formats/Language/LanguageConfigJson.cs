using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>The shape of a language model as JSON, in the words of its field: vocab_size, n_layer, n_embd, n_head, n_kv_head, head_dim,
/// hidden_dim, sequence_len, window_pattern, activation (eml or relu2).</summary>
public static class LanguageConfigJson
{
    private const string What = "language model's config";

    /// <summary>What this library always does; a file that says another number is refused.</summary>
    private static readonly (string Name, double Value)[] s_fixed =
        [("norm_eps", 1e-5), ("rope_base", LanguageConfig.RopeBase), ("logit_cap", LanguageConfig.LogitCap), ("exp_clamp", 20.0), ("k_floor", 1e-6)];

    /// <summary>The config as one line.</summary>
    public static byte[] Write(LanguageConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new JsonText().Raw("{\"vocab_size\":"u8).Integer(config.VocabularySize)
            .Raw(",\"n_layer\":"u8).Integer(config.Layers)
            .Raw(",\"n_embd\":"u8).Integer(config.ModelWidth)
            .Raw(",\"n_head\":"u8).Integer(config.Heads)
            .Raw(",\"n_kv_head\":"u8).Integer(config.KeyValueHeads)
            .Raw(",\"head_dim\":"u8).Integer(config.HeadWidth)
            .Raw(",\"hidden_dim\":"u8).Integer(config.HiddenWidth)
            .Raw(",\"sequence_len\":"u8).Integer(config.SequenceLength)
            .Raw(",\"window_pattern\":"u8).String(config.WindowPattern)
            .Raw(",\"activation\":"u8).String(config.Activation == LanguageActivation.Eml ? "eml" : "relu2").Raw("}"u8).ToArray();
    }

    /// <summary>Reads it back. What is missing is taken from <paramref name="recognised"/>, if there is one.</summary>
    /// <exception cref="EmlException">A field is missing or wrong; the message says which and where.</exception>
    public static LanguageConfig Read(ReadOnlySpan<byte> text, LanguageConfig? recognised = null) => Read(StrictJson.Parse(text, What), recognised);

    internal static LanguageConfig Read(JsonValue text, LanguageConfig? recognised = null)
    {
        JsonMembers root = text.Members("the config");
        foreach ((string name, double value) in s_fixed)
        {
            if (root.TryGet(name, out JsonValue found) && found.Double(name) != value)
            {
                throw found.Wrong(FormatError.Value, name, $"{value}: this library knows no other");
            }
        }
        int width = Number(root, "n_embd", recognised?.ModelWidth);
        int heads = Number(root, "n_head", recognised?.Heads);
        var config = new LanguageConfig
        {
            VocabularySize = Number(root, "vocab_size", recognised?.VocabularySize),
            Layers = Number(root, "n_layer", recognised?.Layers),
            ModelWidth = width,
            Heads = heads,
            KeyValueHeads = Number(root, "n_kv_head", recognised?.KeyValueHeads),
            HeadWidth = Number(root, "head_dim", recognised?.HeadWidth ?? (heads > 0 ? width / heads : null)),
            HiddenWidth = Number(root, "hidden_dim", recognised?.HiddenWidth ?? 4 * width),
            SequenceLength = Number(root, "sequence_len", recognised?.SequenceLength),
            WindowPattern = root.TryGet("window_pattern", out JsonValue pattern)
                ? pattern.Text("window_pattern") : recognised?.WindowPattern ?? throw Missing("window_pattern"),
            Activation = root.TryGet("activation", out JsonValue activation) ? Activation(activation) : recognised?.Activation ?? throw Missing("activation"),
        };
        config.Check();
        return config;
    }

    private static LanguageActivation Activation(JsonValue value) => value.Text("activation") switch
    {
        "eml" => LanguageActivation.Eml,
        "relu2" => LanguageActivation.SquaredRelu,
        _ => throw value.Wrong(FormatError.Value, "activation", "\"eml\" or \"relu2\""),
    };

    private static int Number(JsonMembers root, string name, int? otherwise)
    {
        if (!root.TryGet(name, out JsonValue value))
        {
            return otherwise ?? throw Missing(name);
        }
        ulong number = value.Unsigned(name);
        return number <= 1 << 24 ? (int)number : throw value.Wrong(FormatError.Value, name, $"at most {1 << 24}");
    }

    private static EmlException Missing(string name) => new(FormatError.MissingField, 0, $"{What}: '{name}' is missing");
}
