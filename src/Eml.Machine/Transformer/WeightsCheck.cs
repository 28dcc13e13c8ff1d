using Eml.Numerics;

namespace Eml.Machine.Transformer;

/// <summary>Do given matrices make the transformer that a config describes? Nothing is allocated before they do.</summary>
internal static class WeightsCheck
{
    /// <summary>The matrices by name; exactly those that the config asks for.</summary>
    public static Dictionary<string, double[]> Matrices(TransformerConfig config, IEnumerable<(string Name, int[] Shape, double[] Values)> tensors)
    {
        var left = new Dictionary<string, (int[] Shape, double[] Values)>(StringComparer.Ordinal);
        foreach ((string name, int[] shape, double[] values) in tensors)
        {
            if (!left.TryAdd(name, (shape, values)))
            {
                throw new EmlException(ErrorCode.Argument, $"transformer: matrix '{name}' is given twice; give it once");
            }
        }
        var matrices = new Dictionary<string, double[]>(StringComparer.Ordinal);
        foreach ((string name, int[] shape) in Shapes(config))
        {
            string wanted = $"[{string.Join(", ", shape)}]";
            if (!left.Remove(name, out (int[] Shape, double[] Values) given))
            {
                throw new EmlException(ErrorCode.Argument, $"transformer: matrix '{name}' {wanted} is missing; the config asks for it");
            }
            if (!given.Shape.AsSpan().SequenceEqual(shape) || given.Values.LongLength != shape.Aggregate(1L, (size, n) => size * n))
            {
                throw new EmlException(ErrorCode.Shape,
                    $"transformer: matrix '{name}' has the shape [{string.Join(", ", given.Shape)}] and {given.Values.LongLength} numbers; the config asks for {wanted}");
            }
            int bad = Array.FindIndex(given.Values, value => !double.IsFinite(value));
            if (bad >= 0)
            {
                throw new EmlException(ErrorCode.NonFinite, $"transformer: number {bad} of matrix '{name}' is {given.Values[bad]}; weights must be finite");
            }
            matrices[name] = given.Values;
        }
        foreach (string name in left.Keys)
        {
            throw new EmlException(ErrorCode.Argument, $"transformer: matrix '{name}' has no place in the config; leave it out");
        }
        return matrices;
    }

    /// <summary>Names and shapes of <see cref="TransformerWeights.Tensors"/>.</summary>
    private static IEnumerable<(string Name, int[] Shape)> Shapes(TransformerConfig config)
    {
        int width = config.ModelWidth;
        int hidden = config.HiddenWidth;
        yield return ("embedding", [config.Vocabulary, width]);
        for (int i = 0; i < config.Layers; i++)
        {
            int heads = config.Heads[i].Length;
            if (heads > 0)
            {
                yield return ($"layers.{i}.query", [heads, config.HeadWidth, width]);
                yield return ($"layers.{i}.key", [heads, config.HeadWidth, width]);
                yield return ($"layers.{i}.value", [heads, config.HeadWidth, width]);
                yield return ($"layers.{i}.output", [heads, width, config.HeadWidth]);
            }
            yield return ($"layers.{i}.gate", [hidden, width]);
            yield return ($"layers.{i}.up", [hidden, width]);
            yield return ($"layers.{i}.down", [width, hidden]);
        }
        yield return ("unembedding", [config.Vocabulary, width]);
        for (int t = 0; t < config.Tables.Length; t++)
        {
            yield return ($"tables.{t}", [config.Tables[t].Entries, config.Tables[t].Columns]);
        }
    }
}
