using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The features of all samples and their scalar products, kept up to date while single parts of the block change: what a
/// change does not touch is not computed again, and a change can be taken back. Rows are positions of samples; samples 0,
/// 2, 4 … come first (half 0), then 1, 3, 5 … (half 1).
/// </summary>
internal sealed class BlockDesign<T> where T : struct, ILanes<T>
{
    private const int BlockRows = 64; // rows whose columns stay in the caches while their products are added

    private readonly BlockLayout _layout;
    private readonly BlockPass<T> _pass;
    private readonly bool[] _active;
    private readonly bool[] _idle; // groups of 8 columns that are 0
    private readonly int _tokenLength;
    private readonly double[] _inputs;
    private readonly double[] _z;         // (rows, Width): features, padding, targets, padding
    private readonly double[][] _products; // per half (Width, Width)
    private readonly List<int> _changed = [];
    private double[] _savedColumns = [];
    private double[] _savedProducts = [];
    private double[] _tokens, _otherTokens; // (samples, S, padded F)
    private bool _tokensChanged;

    /// <summary>A layout that looks at all keys together.</summary>
    public BlockDesign(BlockLayout layout, BlockSamples samples)
    {
        _layout = layout;
        _pass = new BlockPass<T>(layout);
        _active = new bool[layout.H];
        Weights = new BlockWeights(layout);
        Count = samples.Count;
        FirstHalf = (Count + 1) / 2;
        Rows = Count * layout.S;
        TargetBase = BlockLayout.Pad(layout.P);
        Width = TargetBase + BlockLayout.Pad(layout.D);
        int length = layout.S * layout.D;
        _idle = new bool[Width / 8];
        _inputs = new double[Count * length];
        _z = GC.AllocateArray<double>(checked(Rows * Width), pinned: true);
        _products = [new double[Width * Width], new double[Width * Width]];
        _tokenLength = layout.S * BlockLayout.Pad(layout.F);
        _tokens = new double[Count * _tokenLength];
        _otherTokens = new double[Count * _tokenLength];
        for (int n = 0; n < Count; n++)
        {
            int source = n < FirstHalf ? 2 * n : 2 * (n - FirstHalf) + 1;
            samples.Input(source).CopyTo(_inputs.AsSpan(n * length));
            for (int i = 0; i < layout.S; i++)
            {
                Span<double> row = Row(n * layout.S + i);
                row[0] = 1;
                samples.Target(source).Slice(i * layout.D, layout.D).CopyTo(row[TargetBase..]);
            }
        }

        _changed.Add(0);
        for (int o = 0; o < layout.D; o++)
        {
            _changed.Add(TargetBase + o);
        }

        Multiply();
    }

    public BlockWeights Weights { get; }

    /// <summary>Samples.</summary>
    public int Count { get; }

    /// <summary>Samples of half 0.</summary>
    public int FirstHalf { get; }

    public int Rows { get; }

    public int TargetBase { get; }

    public int Width { get; }

    public Span<double> Row(int row) => _z.AsSpan(row * Width, Width);

    public ReadOnlySpan<double> Tokens(int sample) => _tokens.AsSpan(sample * _tokenLength, _tokenLength);

    /// <summary>Scalar products of all columns over the rows of one half: (Width, Width).</summary>
    public ReadOnlySpan<double> Products(int half) => _products[half];

    public bool IsActive(int head) => _active[head];

    /// <summary>Gives a head's context to the readout, or no longer, from the next <see cref="Refresh"/> of it on.</summary>
    public void Activate(int head, bool active)
    {
        _active[head] = active;
        _idle.AsSpan().Clear();
        for (int group = 0; group < _idle.Length; group++)
        {
            _idle[group] = true;
            for (int column = 8 * group; column < 8 * (group + 1); column++)
            {
                int of = column >= _layout.FirstContext && column < _layout.G ? (column - _layout.FirstContext) / _layout.F : -1;
                _idle[group] &= of >= 0 && !_active[of];
            }
        }
    }

    /// <summary>
    /// Computes again what follows from the named parts of the parameters. The state before can be had back by
    /// <see cref="Revert"/> until the next call.
    /// </summary>
    public void Refresh(ReadOnlySpan<double> parameters, bool tokens, int heads, int outNode)
    {
        if (tokens)
        {
            Weights.SetTokenLeaves(parameters);
        }

        bool[] touched = new bool[_layout.H];
        _changed.Clear();
        if (tokens && _layout.FirstContext > 1)
        {
            Add(1, _layout.F);
        }

        for (int h = 0; h < touched.Length; h++)
        {
            touched[h] = (tokens && _active[h]) || (heads >> h & 1) != 0;
            if (touched[h])
            {
                Weights.SetHead(parameters, h);
                Add(_layout.ContextBase(h), _layout.F);
            }
        }

        bool upstream = _changed.Count > 0;
        Weights.SetOutLeaves(parameters);
        if (upstream)
        {
            Add(_layout.G, _layout.E);
        }
        else if (outNode >= 0)
        {
            Add(_layout.G + outNode, 1);
        }

        Save(tokens);
        for (int n = 0; n < Count; n++)
        {
            Fill(n, tokens, touched);
        }

        Multiply();
    }

    /// <summary>Takes the last <see cref="Refresh"/> back; the weights are set again by the next.</summary>
    public void Revert()
    {
        int count = _changed.Count;
        for (int r = 0; r < Rows; r++)
        {
            Span<double> row = Row(r);
            for (int c = 0; c < count; c++)
            {
                row[_changed[c]] = _savedColumns[r * count + c];
            }
        }

        for (int half = 0; half < 2; half++)
        {
            for (int c = 0; c < count; c++)
            {
                _savedProducts.AsSpan((half * count + c) * Width, Width).CopyTo(_products[half].AsSpan(_changed[c] * Width));
            }
        }

        for (int half = 0; half < 2; half++)
        {
            Mirror(_products[half]);
        }

        if (_tokensChanged)
        {
            (_tokens, _otherTokens) = (_otherTokens, _tokens);
        }
    }

    /// <summary>The attention rows of one sample and head by the weights set last: (S, S).</summary>
    public void Attention(int head, int sample, Span<double> attention)
    {
        ReadOnlySpan<double> tokens = Tokens(sample);
        Span<double> context = stackalloc double[_layout.F];
        _pass.Keys(Weights.Heads[head], tokens);
        for (int i = 0; i < _layout.S; i++)
        {
            _pass.Context(Weights.Heads[head], tokens, i, context);
            _pass.Scores.AsSpan(0, _layout.S).CopyTo(attention[(i * _layout.S)..]);
        }
    }

    private void Add(int first, int count)
    {
        for (int c = 0; c < count; c++)
        {
            _changed.Add(first + c);
        }
    }

    private void Save(bool tokens)
    {
        int count = _changed.Count;
        if (_savedColumns.Length < Rows * count)
        {
            _savedColumns = new double[Rows * count];
            _savedProducts = new double[2 * Width * count];
        }

        for (int r = 0; r < Rows; r++)
        {
            Span<double> row = Row(r);
            for (int c = 0; c < count; c++)
            {
                _savedColumns[r * count + c] = row[_changed[c]];
            }
        }

        for (int half = 0; half < 2; half++)
        {
            for (int c = 0; c < count; c++)
            {
                _products[half].AsSpan(_changed[c] * Width, Width).CopyTo(_savedProducts.AsSpan((half * count + c) * Width));
            }
        }

        _tokensChanged = tokens;
        if (tokens)
        {
            (_tokens, _otherTokens) = (_otherTokens, _tokens);
        }
    }

    private void Fill(int n, bool tokens, ReadOnlySpan<bool> heads)
    {
        int length = _layout.S * _layout.D, stride = BlockLayout.Pad(_layout.F);
        Span<double> token = _tokens.AsSpan(n * _tokenLength, _tokenLength);
        if (tokens)
        {
            _pass.Tokens(Weights, _inputs.AsSpan(n * length, length), token);
            for (int i = 0; i < _layout.S && _layout.FirstContext > 1; i++)
            {
                token.Slice(i * stride, _layout.F).CopyTo(Row(n * _layout.S + i)[1..]);
            }
        }

        for (int h = 0; h < heads.Length; h++)
        {
            if (heads[h])
            {
                if (_active[h])
                {
                    _pass.Keys(Weights.Heads[h], token);
                }

                for (int i = 0; i < _layout.S; i++)
                {
                    Span<double> context = Row(n * _layout.S + i).Slice(_layout.ContextBase(h), _layout.F);
                    if (_active[h])
                    {
                        _pass.Context(Weights.Heads[h], token, i, context);
                    }
                    else
                    {
                        context.Clear();
                    }
                }
            }
        }

        for (int i = 0; i < _layout.S && _layout.E > 0; i++)
        {
            _pass.OutNodes(Weights, Row(n * _layout.S + i)[.._layout.P]);
        }
    }

    private void Multiply()
    {
        int middle = FirstHalf * _layout.S;
        Multiply(_products[0], 0, middle);
        Multiply(_products[1], middle, Rows);
        Mirror(_products[0]);
        Mirror(_products[1]);
    }

    private void Mirror(double[] products)
    {
        foreach (int a in _changed)
        {
            for (int b = 0; b < Width; b++)
            {
                products[b * Width + a] = products[a * Width + b];
            }
        }
    }

    /// <summary>Products of the changed columns with all, over some rows.</summary>
    private void Multiply(double[] products, int start, int end)
    {
        foreach (int a in _changed)
        {
            products.AsSpan(a * Width, Width).Clear();
        }

        for (int r = start; r < end; r += BlockRows)
        {
            int rows = Math.Min(BlockRows, end - r);
            int c = 0;
            for (; c + 4 <= _changed.Count; c += 4)
            {
                Four(products, r, rows, _changed[c], _changed[c + 1], _changed[c + 2], _changed[c + 3]);
            }

            for (; c < _changed.Count; c++)
            {
                One(products, r, rows, _changed[c]);
            }
        }
    }

    private void Four(double[] products, int start, int rows, int a0, int a1, int a2, int a3)
    {
        ref double z = ref MemoryMarshal.GetArrayDataReference(_z);
        ref double p = ref MemoryMarshal.GetArrayDataReference(products);
        for (int b = 0; b < Width; b += 2 * T.Count)
        {
            bool pair = b + 2 * T.Count <= Width; // else one vector is left over
            if (_idle[b >> 3] && _idle[(b + (pair ? 2 : 1) * T.Count - 1) >> 3])
            {
                continue;
            }

            ref double row = ref Unsafe.Add(ref z, (nint)start * Width);
            T s00 = At(ref p, a0, b), s10 = At(ref p, a1, b), s20 = At(ref p, a2, b), s30 = At(ref p, a3, b);
            if (pair)
            {
                T s01 = At(ref p, a0, b + T.Count), s11 = At(ref p, a1, b + T.Count);
                T s21 = At(ref p, a2, b + T.Count), s31 = At(ref p, a3, b + T.Count);
                for (int r = 0; r < rows; r++)
                {
                    T x = T.Load(ref Unsafe.Add(ref row, b)), y = T.Load(ref Unsafe.Add(ref row, b + T.Count));
                    T f = T.Broadcast(Unsafe.Add(ref row, a0));
                    s00 += f * x;
                    s01 += f * y;
                    f = T.Broadcast(Unsafe.Add(ref row, a1));
                    s10 += f * x;
                    s11 += f * y;
                    f = T.Broadcast(Unsafe.Add(ref row, a2));
                    s20 += f * x;
                    s21 += f * y;
                    f = T.Broadcast(Unsafe.Add(ref row, a3));
                    s30 += f * x;
                    s31 += f * y;
                    row = ref Unsafe.Add(ref row, Width);
                }

                Put(s01, ref p, a0, b + T.Count);
                Put(s11, ref p, a1, b + T.Count);
                Put(s21, ref p, a2, b + T.Count);
                Put(s31, ref p, a3, b + T.Count);
            }
            else
            {
                for (int r = 0; r < rows; r++)
                {
                    T x = T.Load(ref Unsafe.Add(ref row, b));
                    s00 += T.Broadcast(Unsafe.Add(ref row, a0)) * x;
                    s10 += T.Broadcast(Unsafe.Add(ref row, a1)) * x;
                    s20 += T.Broadcast(Unsafe.Add(ref row, a2)) * x;
                    s30 += T.Broadcast(Unsafe.Add(ref row, a3)) * x;
                    row = ref Unsafe.Add(ref row, Width);
                }
            }

            Put(s00, ref p, a0, b);
            Put(s10, ref p, a1, b);
            Put(s20, ref p, a2, b);
            Put(s30, ref p, a3, b);
        }
    }

    private void One(double[] products, int start, int rows, int a)
    {
        for (int r = start; r < start + rows; r++)
        {
            Span<double> row = Row(r);
            BlockKernels.AddProduct<T>([row[a]], row, Width, 0, Width, products.AsSpan(a * Width, Width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T At(ref double products, int a, int b) => T.Load(ref Unsafe.Add(ref products, (nint)a * Width + b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Put(T value, ref double products, int a, int b) =>
        T.Store(value, ref Unsafe.Add(ref products, (nint)a * Width + b));
}
