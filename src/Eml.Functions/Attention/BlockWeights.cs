namespace Eml.Functions;

/// <summary>A block's parameters, transposed and padded for the kernels: every matrix is (inputs, padded outputs).</summary>
internal sealed class BlockWeights
{
    private readonly BlockLayout _layout;

    public BlockWeights(BlockLayout layout)
    {
        _layout = layout;
        int nodes = 2 * BlockLayout.Pad(layout.E), key = BlockLayout.Pad(layout.K);
        TokenLeaves = Allocate((1 + layout.D) * nodes);
        OutLeaves = Allocate(layout.G * nodes);
        Readout = Allocate(layout.P * BlockLayout.Pad(layout.D));
        Heads = new Head[layout.H];
        for (int h = 0; h < Heads.Length; h++)
        {
            int positions = layout.Positional ? layout.S * key : 0;
            Heads[h] = new Head(Allocate((1 + layout.F) * key), Allocate(layout.F * key), Allocate(positions),
                Allocate(positions));
        }
    }

    /// <summary>All parameters.</summary>
    public BlockWeights(BlockLayout layout, ReadOnlySpan<double> parameters) : this(layout)
    {
        SetTokenLeaves(parameters);
        SetOutLeaves(parameters);
        SetReadout(parameters);
        for (int h = 0; h < layout.H; h++)
        {
            SetHead(parameters, h);
        }
    }

    /// <summary>(1 + D, 2 padded E): bias, then weights; lefts, then rights.</summary>
    public double[] TokenLeaves { get; }

    /// <summary>(G, 2 padded E)</summary>
    public double[] OutLeaves { get; }

    /// <summary>(P, padded D)</summary>
    public double[] Readout { get; }

    public Head[] Heads { get; }

    /// <summary>Takes over what lies in front of the heads' parameters.</summary>
    public void SetTokenLeaves(ReadOnlySpan<double> parameters) =>
        SetLeaves(parameters[.._layout.TokenLeafCount], 1 + _layout.D, TokenLeaves);

    public void SetOutLeaves(ReadOnlySpan<double> parameters) =>
        SetLeaves(parameters.Slice(_layout.OutLeafBase, 2 * _layout.E * _layout.G), _layout.G, OutLeaves);

    /// <summary>Takes over one head; the queries with the factor 1/√K.</summary>
    public void SetHead(ReadOnlySpan<double> parameters, int head)
    {
        int key = BlockLayout.Pad(_layout.K);
        double scale = 1 / Math.Sqrt(_layout.K);
        Head target = Heads[head];
        Transpose(parameters.Slice(_layout.HeadBase(head), _layout.QueryCount), 1 + _layout.F, key, target.Query);
        Transpose(parameters.Slice(_layout.KeyBase(head), _layout.KeyCount), _layout.F, key, target.Key);
        foreach (ref double value in target.Query.AsSpan())
        {
            value *= scale;
        }

        if (_layout.Positional)
        {
            ReadOnlySpan<double> query = parameters[_layout.QueryPositionBase(head)..];
            ReadOnlySpan<double> keys = parameters[_layout.KeyPositionBase(head)..];
            for (int i = 0; i < _layout.S; i++)
            {
                for (int r = 0; r < _layout.K; r++)
                {
                    target.QueryPositions[i * key + r] = query[i * _layout.K + r] * scale;
                    target.KeyPositions[i * key + r] = keys[i * _layout.K + r];
                }
            }
        }
    }

    public void SetReadout(ReadOnlySpan<double> parameters)
    {
        int padded = BlockLayout.Pad(_layout.D);
        for (int p = 0; p < _layout.P; p++)
        {
            parameters.Slice(_layout.NonlinearCount + p * _layout.D, _layout.D).CopyTo(Readout.AsSpan(p * padded));
        }
    }

    private void SetLeaves(ReadOnlySpan<double> leaves, int inputs, double[] target)
    {
        int padded = BlockLayout.Pad(_layout.E);
        for (int m = 0; m < 2 * _layout.E; m++)
        {
            int column = (m & 1) * padded + m / 2;
            for (int j = 0; j < inputs; j++)
            {
                target[j * 2 * padded + column] = leaves[m * inputs + j];
            }
        }
    }

    private static void Transpose(ReadOnlySpan<double> rows, int inputs, int padded, double[] target)
    {
        for (int o = 0; o < rows.Length / inputs; o++)
        {
            for (int j = 0; j < inputs; j++)
            {
                target[j * padded + o] = rows[o * inputs + j];
            }
        }
    }

    private static double[] Allocate(int length) => GC.AllocateArray<double>(length, pinned: true);

    /// <summary>One head: Query (1 + F, padded K), Key (F, padded K), positions (S, padded K) or empty.</summary>
    public sealed record Head(double[] Query, double[] Key, double[] QueryPositions, double[] KeyPositions);
}
