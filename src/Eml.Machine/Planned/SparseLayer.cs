using Eml.Machine.Transformer;

namespace Eml.Machine.Planned;

/// <summary>One layer's weights without the zeros.</summary>
internal sealed class SparseLayer
{
    public SparseLayer(TransformerWeights weights, int layer)
    {
        TransformerConfig config = weights.Config;
        LayerWeights dense = weights.Layers[layer];
        (int width, int rows) = (config.ModelWidth, config.HeadWidth);
        Heads = [.. Enumerable.Range(0, dense.Heads).Select(h => new Head(config.Heads[layer][h],
            Rows(dense.Query, h * rows, rows, width), Rows(dense.Key, h * rows, rows, width), Rows(dense.Value, h * rows, rows, width),
            [.. Enumerable.Range(0, rows).Select(i => Column(dense.Output, h * width * rows, i, width, rows))]))];
        Units = [.. Enumerable.Range(0, config.HiddenWidth)
            .Select(u => new Unit(Row(dense.UnitGate, u, width), Row(dense.UnitValue, u, width), Column(dense.UnitOutput, 0, u, width, config.HiddenWidth)))
            .Where(unit => unit.Gate.Length > 0 && unit.Value.Length > 0 && unit.Output.Length > 0)];
    }

    public Head[] Heads { get; }

    public Unit[] Units { get; }

    /// <summary>Rows of query, key and value; per component of the value: the channels to which it is added.</summary>
    public sealed record Head(HeadConfig Config, Term[][] Query, Term[][] Key, Term[][] Value, Term[][] Output);

    public sealed record Unit(Term[] Gate, Term[] Value, Term[] Output);

    /// <summary>A weight and its channel.</summary>
    public readonly record struct Term(int Channel, double Weight);

    private static Term[][] Rows(double[] matrix, int first, int count, int width) =>
        [.. Enumerable.Range(first, count).Select(row => Row(matrix, row, width))];

    private static Term[] Row(double[] matrix, int row, int width) => Nonzero(matrix, row * width, 1, width);

    private static Term[] Column(double[] matrix, int start, int column, int rows, int stride) => Nonzero(matrix, start + column, stride, rows);

    private static Term[] Nonzero(double[] matrix, int start, int stride, int count)
    {
        var terms = new List<Term>();
        for (int i = 0; i < count; i++)
        {
            if (matrix[start + (i * stride)] != 0.0)
            {
                terms.Add(new Term(i, matrix[start + (i * stride)]));
            }
        }
        return [.. terms];
    }
}
