namespace Eml.Machine.Transformer;

/// <summary>What one forward pass computed, layer by layer.</summary>
public sealed class StepProbe
{
    /// <summary>Room for one forward pass of a transformer of this shape.</summary>
    public StepProbe(TransformerConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        Stream = new double[((2 * config.Layers) + 1) * config.ModelWidth];
        Units = new double[config.Layers * config.HiddenWidth];
        Winners = [.. config.Heads.Select(heads => new long[heads.Length])];
        HeadValues = [.. config.Heads.Select(heads => new double[heads.Length * config.HeadWidth])];
    }

    /// <summary>The residual stream after the embedding, after the heads of layer 0, after its units, and so on:
    /// (2 layers + 1, d_model).</summary>
    public double[] Stream { get; }

    /// <summary>max(0, g . x) (v . x) of every unit: (layers, d_ffn).</summary>
    public double[] Units { get; }

    /// <summary>Per layer and head: the position whose values it read (for a cross head, the entry's number in its store); -1 for a head
    /// that sums and for an empty store.</summary>
    public long[][] Winners { get; }

    /// <summary>Per layer: what each head read, (heads, d_head).</summary>
    public double[][] HeadValues { get; }
}
