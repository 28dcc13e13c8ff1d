using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Tests.Machine;

/// <summary>Small random transformers that no graph describes: sparse weights -1, 0 and 1, heads of all modes with keys on, above and
/// off the parabola, queries of any second component.</summary>
internal sealed class RandomTransformer
{
    private Lcg64 _random;
    private readonly int _width;

    private RandomTransformer(ulong seed)
    {
        _random = new Lcg64(seed * 0x9E3779B97F4A7C15);
        _width = 8 + Below(8);
        int one = Below(_width);
        int[] positions = [.. Enumerable.Range(1, 3).Select(i => (one + i) % _width)];
        Weights = new TransformerWeights(new TransformerConfig
        {
            ModelWidth = _width,
            HiddenWidth = 3 + Below(5),
            Vocabulary = Below(16) == 0 ? 1 : 3 + Below(10),
            ConstantChannel = one,
            PositionChannels = positions,
            Stores = 2,
            Heads = [.. Enumerable.Range(0, 1 + Below(2)).Select(_ => Enumerable.Range(0, Below(5)).Select(_ => Head()).ToArray())],
        });
        Fill();
    }

    public TransformerWeights Weights { get; }

    public static RandomTransformer Make(ulong seed) => new(seed);

    /// <summary>An encoding (2 j, -j^2, q), often; else any three small integers.</summary>
    public double[] Position()
    {
        double j = Below(6) - 2;
        double above = Below(10) == 0 ? Below(5) - 2 : 0;
        return Below(8) == 0 ? [Small(), Small(), Small()] : [2 * j, above - (j * j), Below(6) - 2];
    }

    public int Below(int bound) => (int)(_random.Unit() * bound);

    private HeadConfig Head() => Below(5) switch
    {
        0 => new HeadConfig(HeadMode.Sum, -1, "sum"),
        1 => new HeadConfig(HeadMode.Cross, Below(2), "cross"),
        _ => new HeadConfig(HeadMode.HardMax, -1, "lookup"),
    };

    private void Fill()
    {
        TransformerConfig config = Weights.Config;
        int one = config.ConstantChannel;
        for (int token = 0; token < config.Vocabulary; token++)
        {
            Span<double> row = Weights.TokenEmbedding.AsSpan(token * _width, _width);
            Sparse(row, 3, -1);
            row[one] = 1.0;
        }
        foreach (LayerWeights layer in Weights.Layers)
        {
            for (int h = 0; h < layer.Heads; h++)
            {
                FillHead(layer, h, config);
            }
            for (int u = 0; u < config.HiddenWidth; u++)
            {
                Sparse(layer.UnitGate.AsSpan(u * _width, _width), Below(3), -1);
                Sparse(layer.UnitValue.AsSpan(u * _width, _width), Below(3), -1);
                for (int i = Below(3); i > 0; i--)
                {
                    layer.UnitOutput[(Other(one) * config.HiddenWidth) + u] = Small();
                }
            }
        }
        FillUnembedding(config);
    }

    private void FillHead(LayerWeights layer, int h, TransformerConfig config)
    {
        int at = h * 2 * _width;
        Span<double> query = layer.Query.AsSpan(at, 2 * _width);
        Span<double> key = layer.Key.AsSpan(at, 2 * _width);
        if (h > 0 && Below(3) == 0)
        {
            // The same lookup as the head before, which the fast engine may do once.
            layer.Query.AsSpan(at - (2 * _width), 2 * _width).CopyTo(query);
            layer.Key.AsSpan(at - (2 * _width), 2 * _width).CopyTo(key);
        }
        else
        {
            Sparse(query[.._width], 1 + Below(2), -1);
            Sparse(query[_width..], Below(3), -1);
            Sparse(key[.._width], 1 + Below(2), -1);
            Sparse(key[_width..], Below(3), -1);
            if (Below(3) > 0)
            {
                query[_width..].Clear();
                query[_width + config.ConstantChannel] = 1.0;
            }
            if (Below(2) == 0)
            {
                query[.._width].Clear();
                key.Clear();
                key[config.PositionChannels[0]] = 1.0;
                key[_width + config.PositionChannels[1]] = 1.0;
                query[config.PositionChannels[2]] = 1.0;
            }
        }
        Sparse(layer.Value.AsSpan(at, _width), 2, -1);
        Sparse(layer.Value.AsSpan(at + _width, _width), 2, -1);
        for (int i = 0; i < 3; i++)
        {
            layer.Output[(((h * _width) + Other(config.ConstantChannel)) * 2) + Below(2)] = Small();
        }
    }

    private void FillUnembedding(TransformerConfig config)
    {
        bool isQuadratic = Below(3) == 0;
        double[] result = new double[_width];
        Sparse(result, 2, -1);
        for (int token = 0; token < config.Vocabulary; token++)
        {
            Span<double> row = Weights.Unembedding.AsSpan(token * _width, _width);
            Sparse(row, 3, -1);
            if (isQuadratic)
            {
                for (int c = 0; c < _width; c++)
                {
                    row[c] = token * result[c];
                }
                row[config.ConstantChannel] -= token * token;
            }
        }
    }

    /// <summary>At most <paramref name="count"/> weights of -1, 0 or 1, but not in channel <paramref name="not"/>.</summary>
    private void Sparse(Span<double> row, int count, int not)
    {
        row.Clear();
        for (; count > 0; count--)
        {
            row[Other(not)] = Small();
        }
    }

    private int Other(int channel)
    {
        int other = Below(_width);
        return other == channel ? (other + 1) % _width : other;
    }

    private double Small() => Below(3) - 1;
}
