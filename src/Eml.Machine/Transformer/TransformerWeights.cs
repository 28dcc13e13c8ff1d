using Eml.Numerics;

namespace Eml.Machine.Transformer;

/// <summary>A transformer: embedding, layers of heads and gated units around a residual stream without normalisation, unembedding.
/// All matrices are row-major; all numbers are binary64.</summary>
public sealed class TransformerWeights
{
    internal TransformerWeights(TransformerConfig config)
    {
        Config = config;
        TokenEmbedding = new double[config.Vocabulary * config.ModelWidth];
        Unembedding = new double[config.Vocabulary * config.ModelWidth];
        Tables = [.. config.Tables.Select(table => new double[table.Entries * table.Columns])];
        Layers = [.. config.Heads.Select(heads => new LayerWeights(config, heads.Length))];
    }

    /// <summary>The transformer with these matrices, named and shaped as <see cref="Tensors"/> gives them, in any order.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: the config contradicts itself, or a matrix is missing, unknown or
    /// there twice. <see cref="ErrorCode.Shape"/>: a matrix of another shape. <see cref="ErrorCode.NonFinite"/>: a weight is no number.
    /// </exception>
    public static TransformerWeights Create(TransformerConfig config, IEnumerable<(string Name, int[] Shape, double[] Values)> tensors,
        TransformerNames? names = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(tensors);
        config.Check();
        Dictionary<string, double[]> matrices = WeightsCheck.Matrices(config, tensors);
        // What was given has the shapes that are now allocated.
        var weights = new TransformerWeights(config) { Names = names ?? TransformerNames.None };
        foreach ((string name, _, double[] values) in weights.Tensors())
        {
            matrices[name].CopyTo(values, 0);
        }
        return weights;
    }

    /// <summary>Shape and meaning.</summary>
    public TransformerConfig Config { get; }

    /// <summary>(vocabulary, d_model)</summary>
    public double[] TokenEmbedding { get; }

    /// <summary>(vocabulary, d_model): the token with the highest logit is generated, the lowest of equals.</summary>
    public double[] Unembedding { get; }

    /// <summary>Per table: (entries, columns).</summary>
    public double[][] Tables { get; }

    /// <summary>The layers in order.</summary>
    public LayerWeights[] Layers { get; }

    /// <summary>What the channels, units and heads are for; empty if the weights came without it.</summary>
    public TransformerNames Names { get; internal set; } = TransformerNames.None;

    /// <summary>All matrices with their names and shapes, in the order of computation.</summary>
    public IEnumerable<(string Name, int[] Shape, double[] Values)> Tensors()
    {
        int width = Config.ModelWidth;
        yield return ("embedding", [Config.Vocabulary, width], TokenEmbedding);
        for (int i = 0; i < Layers.Length; i++)
        {
            LayerWeights layer = Layers[i];
            int rows = Config.HeadWidth;
            if (layer.Heads > 0)
            {
                yield return ($"layers.{i}.query", [layer.Heads, rows, width], layer.Query);
                yield return ($"layers.{i}.key", [layer.Heads, rows, width], layer.Key);
                yield return ($"layers.{i}.value", [layer.Heads, rows, width], layer.Value);
                yield return ($"layers.{i}.output", [layer.Heads, width, rows], layer.Output);
            }
            yield return ($"layers.{i}.gate", [Config.HiddenWidth, width], layer.UnitGate);
            yield return ($"layers.{i}.up", [Config.HiddenWidth, width], layer.UnitValue);
            yield return ($"layers.{i}.down", [width, Config.HiddenWidth], layer.UnitOutput);
        }
        yield return ("unembedding", [Config.Vocabulary, width], Unembedding);
        for (int t = 0; t < Tables.Length; t++)
        {
            yield return ($"tables.{t}", [Config.Tables[t].Entries, Config.Tables[t].Columns], Tables[t]);
        }
    }
}

/// <summary>The weights of one layer.</summary>
public sealed class LayerWeights
{
    internal LayerWeights(TransformerConfig config, int heads)
    {
        int width = config.ModelWidth;
        int perHead = config.HeadWidth * width;
        Heads = heads;
        Query = new double[heads * perHead];
        Key = new double[heads * perHead];
        Value = new double[heads * perHead];
        Output = new double[heads * perHead];
        UnitGate = new double[config.HiddenWidth * width];
        UnitValue = new double[config.HiddenWidth * width];
        UnitOutput = new double[width * config.HiddenWidth];
    }

    /// <summary>Number of heads.</summary>
    public int Heads { get; }

    /// <summary>(heads, d_head, d_model)</summary>
    public double[] Query { get; }

    /// <summary>(heads, d_head, d_model)</summary>
    public double[] Key { get; }

    /// <summary>(heads, d_head, d_model)</summary>
    public double[] Value { get; }

    /// <summary>(heads, d_model, d_head)</summary>
    public double[] Output { get; }

    /// <summary>(d_ffn, d_model): g of max(0, g . x) (v . x).</summary>
    public double[] UnitGate { get; }

    /// <summary>(d_ffn, d_model): v of max(0, g . x) (v . x).</summary>
    public double[] UnitValue { get; }

    /// <summary>(d_model, d_ffn)</summary>
    public double[] UnitOutput { get; }
}

/// <summary>What the parts of a transformer are for, for people who look inside.</summary>
/// <param name="Channels">Values that live in the residual stream: channel, name, first and last time (attention of layer L is 2L,
/// its units 2L + 1, the embedding -1).</param>
/// <param name="Units">Per layer: names of the gated units in use.</param>
public sealed record TransformerNames((int Channel, string Name, int From, int To)[] Channels, string[][] Units)
{
    /// <summary>No names.</summary>
    public static TransformerNames None { get; } = new([], []);
}
