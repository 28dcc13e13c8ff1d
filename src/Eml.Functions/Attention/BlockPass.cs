using Eml.Numerics;

namespace Eml.Functions;

/// <summary>One sample's forward pass with vectors of whatever width.</summary>
internal abstract class BlockForward
{
    /// <summary>The widest vectors that the processor has.</summary>
    public static BlockForward Create(BlockLayout layout) =>
        Lanes8.IsSupported ? new BlockPass<Lanes8>(layout)
        : Lanes4.IsSupported ? new BlockPass<Lanes4>(layout)
        : Lanes2.IsSupported ? new BlockPass<Lanes2>(layout)
        : new BlockPass<Lanes1>(layout);

    /// <summary>x (S, D) → y (S, D).</summary>
    public abstract void Forward(BlockWeights weights, ReadOnlySpan<double> x, Span<double> y);
}

/// <summary>
/// The steps of one sample's forward pass, and the room they need. Training runs the same steps and keeps what they give.
/// </summary>
internal sealed class BlockPass<T> : BlockForward where T : struct, ILanes<T>
{
    private readonly BlockLayout _layout;
    private readonly int _tokenStride, _keyStride, _sequence, _nodes, _out;
    private readonly double[] _leaves, _query, _key, _keys, _nodeValues, _context, _features, _result;
    private readonly double[] _tokens;

    public BlockPass(BlockLayout layout)
    {
        _layout = layout;
        _tokenStride = BlockLayout.Pad(layout.F);
        _keyStride = BlockLayout.Pad(layout.K);
        _sequence = BlockLayout.Pad(layout.S);
        _nodes = BlockLayout.Pad(layout.E);
        _out = BlockLayout.Pad(layout.D);
        _leaves = Allocate(2 * _nodes);
        _nodeValues = Allocate(_nodes);
        _query = Allocate(_keyStride);
        _key = Allocate(_keyStride);
        _keys = Allocate(_keyStride * _sequence);
        _context = Allocate(_tokenStride);
        _result = Allocate(_out);
        _tokens = Allocate(layout.S * _tokenStride);
        _features = Allocate(layout.S * layout.P);
        Scores = Allocate(Math.Max(_sequence, layout.Chunk));
    }

    /// <summary>The attention row of the last query, if all keys were looked at together: (S).</summary>
    public double[] Scores { get; }

    /// <inheritdoc/>
    public override void Forward(BlockWeights weights, ReadOnlySpan<double> x, Span<double> y)
    {
        Tokens(weights, x, _tokens);
        for (int h = 0; h < _layout.H; h++)
        {
            Keys(weights.Heads[h], _tokens);
            for (int i = 0; i < _layout.S; i++)
            {
                Context(weights.Heads[h], _tokens, i, _features.AsSpan(i * _layout.P + _layout.ContextBase(h), _layout.F));
            }
        }

        for (int i = 0; i < _layout.S; i++)
        {
            Span<double> features = _features.AsSpan(i * _layout.P, _layout.P);
            features[0] = 1;
            if (_layout.FirstContext > 1)
            {
                _tokens.AsSpan(i * _tokenStride, _layout.F).CopyTo(features[1..]);
            }

            OutNodes(weights, features);
            _result.AsSpan().Clear();
            BlockKernels.AddProduct<T>(features, weights.Readout, _out, 0, _out, _result);
            _result.AsSpan(0, _layout.D).CopyTo(y[(i * _layout.D)..]);
        }
    }

    /// <summary>x (S, D) → tokens (S, padded F), the padding 0.</summary>
    public void Tokens(BlockWeights weights, ReadOnlySpan<double> x, Span<double> tokens)
    {
        for (int i = 0; i < _layout.S; i++)
        {
            ReadOnlySpan<double> row = x.Slice(i * _layout.D, _layout.D);
            Span<double> token = tokens.Slice(i * _tokenStride, _tokenStride);
            row.CopyTo(token);
            token[_layout.D..].Clear();
            if (_nodes > 0)
            {
                weights.TokenLeaves.AsSpan(0, 2 * _nodes).CopyTo(_leaves);
                BlockKernels.AddProduct<T>(row, weights.TokenLeaves.AsSpan(2 * _nodes), 2 * _nodes, 0, 2 * _nodes, _leaves);
                BlockKernels.Nodes<T>(_leaves, _nodes, _nodeValues);
                _nodeValues.AsSpan(0, _layout.E).CopyTo(token[_layout.D..]);
            }
        }
    }

    /// <summary>Computes the head's keys of one sample, for <see cref="Context"/>.</summary>
    public void Keys(BlockWeights.Head head, ReadOnlySpan<double> tokens)
    {
        for (int j = 0; j < _layout.S; j++)
        {
            if (_layout.Positional)
            {
                head.KeyPositions.AsSpan(j * _keyStride, _keyStride).CopyTo(_key);
            }
            else
            {
                _key.AsSpan().Clear();
            }

            BlockKernels.AddProduct<T>(tokens.Slice(j * _tokenStride, _layout.F), head.Key, _keyStride, 0, _keyStride, _key);
            for (int r = 0; r < _layout.K; r++)
            {
                _keys[r * _sequence + j] = _key[r];
            }
        }
    }

    /// <summary>The context of position i (F), by the keys computed last.</summary>
    public void Context(BlockWeights.Head head, ReadOnlySpan<double> tokens, int i, Span<double> context)
    {
        head.Query.AsSpan(0, _keyStride).CopyTo(_query);
        if (_layout.Positional)
        {
            for (int r = 0; r < _layout.K; r++)
            {
                _query[r] += head.QueryPositions[i * _keyStride + r];
            }
        }

        ReadOnlySpan<double> token = tokens.Slice(i * _tokenStride, _layout.F);
        BlockKernels.AddProduct<T>(token, head.Query.AsSpan(_keyStride), _keyStride, 0, _keyStride, _query);
        BlockKernels.Attend<T>(_layout, _query.AsSpan(0, _layout.K), _keys, tokens, Scores, _context);
        _context.AsSpan(0, _layout.F).CopyTo(context);
    }

    /// <summary>Fills the out nodes of features (P) whose first G are known.</summary>
    public void OutNodes(BlockWeights weights, Span<double> features)
    {
        if (_nodes > 0)
        {
            _leaves.AsSpan().Clear();
            BlockKernels.AddProduct<T>(features[.._layout.G], weights.OutLeaves, 2 * _nodes, 0, 2 * _nodes, _leaves);
            BlockKernels.Nodes<T>(_leaves, _nodes, _nodeValues);
            _nodeValues.AsSpan(0, _layout.E).CopyTo(features[_layout.G..]);
        }
    }

    private static double[] Allocate(int length) => GC.AllocateArray<double>(length, pinned: true);
}
