using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>A side with its coefficients worked out: they cost up to six exps and change only with the parameters.</summary>
internal readonly struct CompiledSide
{
    public readonly double C0, C1, C2, Low, High, Floor;
    public readonly int U, V;

    public CompiledSide(MixSide side, ReadOnlySpan<double> parameters)
    {
        (C0, C1, C2) = MixLayout.Coefficients(side, parameters);
        (U, V) = (side.U, side.V);
        (Low, High, Floor) = (side.Low, side.High, side.Floor);
    }

    /// <summary>clamp(c0 + c1·u + c2·v). Every clamp lies within eml_safe's [−20, 20].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double Mix(double u, double v) => Operator.Clamp(C0 + C1 * u + C2 * v, Low, High);

    /// <summary>Fills exp(side) for all of a block's rows.</summary>
    public void Exp<T>(ref double u, ref double v, ref double result, int rows) where T : struct, ILanes<T>
    {
        var side = new SideLanes<T>(this);
        for (int i = 0; i < rows; i += T.Count)
        {
            T.Store(side.Exp(ref u, ref v, i), ref Unsafe.Add(ref result, i));
        }
    }

    /// <summary>Fills ln(side) for all of a block's rows.</summary>
    public void Ln<T>(ref double u, ref double v, ref double result, int rows) where T : struct, ILanes<T>
    {
        var side = new SideLanes<T>(this);
        for (int i = 0; i < rows; i += T.Count)
        {
            T.Store(side.Ln(ref u, ref v, i), ref Unsafe.Add(ref result, i));
        }
    }
}

/// <summary>A side with its constants in every lane, so that loops keep them in registers.</summary>
internal readonly struct SideLanes<T> where T : struct, ILanes<T>
{
    private readonly T _c0, _c1, _c2, _low, _high, _floor;
    private readonly bool _isPositive;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SideLanes(in CompiledSide side)
    {
        _c0 = T.Broadcast(side.C0);
        _c1 = T.Broadcast(side.C1);
        _c2 = T.Broadcast(side.C2);
        _low = T.Broadcast(side.Low);
        _high = T.Broadcast(side.High);
        _floor = T.Broadcast(side.Floor);
        _isPositive = side.Low > 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Exp(ref double u, ref double v, int i) => Operator.ExpClamped(Mix(ref u, ref v, i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Ln(ref double u, ref double v, int i)
    {
        T y = Mix(ref u, ref v, i);

        // A side clamped to [0.01, 10] is ordinary in every lane, unless it is NaN and takes the floor.
        return _isPositive ? Numerics.Ln.Positive(T.Select(T.Less(T.Broadcast(0), y), y, _floor)) : Operator.LnSafe(y, _floor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Mix(ref double u, ref double v, int i) => Operator.Clamp(
        _c0 + _c1 * T.Load(ref Unsafe.Add(ref u, i)) + _c2 * T.Load(ref Unsafe.Add(ref v, i)), _low, _high);
}

/// <summary>An eml-core model or tree, ready to be evaluated: immutable, so that any number of threads may use it.</summary>
internal sealed class MixEvaluator : Evaluator
{
    private const int MostValues = 64;

    private readonly MixLayout _layout;
    private readonly CompiledSide[] _sides; // left and right of the live trunk nodes, then of the heads
    private readonly int[] _live;           // value numbers of the live trunk nodes, in order

    public MixEvaluator(MixLayout layout, ReadOnlySpan<double> parameters)
    {
        if (layout.Columns.Length + layout.TrunkCount > MostValues)
        {
            throw new InvalidOperationException("The layout has more values than a row has room for.");
        }

        _layout = layout;
        bool[] isLive = layout.LiveNodes();
        _live = [.. Enumerable.Range(0, layout.TrunkCount).Where(n => isLive[n]).Select(n => n + layout.Columns.Length)];
        _sides = new CompiledSide[2 * (_live.Length + layout.Heads)];
        int at = 0;
        for (int n = 0; n < layout.Nodes.Length; n++)
        {
            if (isLive[n])
            {
                _sides[at++] = new CompiledSide(layout.Nodes[n].Left, parameters);
                _sides[at++] = new CompiledSide(layout.Nodes[n].Right, parameters);
            }
        }
    }

    public override ReadOnlySpan<int> Columns => _layout.Columns;

    public override int Heads => _layout.Heads;

    public override int ScratchColumns => _layout.Columns.Length + _layout.TrunkCount + 1;

    [SkipLocalsInit]
    public override unsafe void Row(ReadOnlySpan<double> x, Span<double> y)
    {
        // A model has at most 16 columns and 14 trunk nodes, a tree 32 and 14: the layout's indices stay inside.
        double* values = stackalloc double[MostValues];
        int[] columns = _layout.Columns;
        for (int c = 0; c < columns.Length; c++)
        {
            values[c] = x[columns[c]];
        }

        fixed (CompiledSide* sides = _sides)
        {
            CompiledSide* side = sides;
            foreach (int value in _live)
            {
                values[value] = Node(side, values);
                side += 2;
            }

            for (int h = 0; h < y.Length; h++)
            {
                double value = Node(side, values);
                y[h] = value > 0 ? value : 0;
                side += 2;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe double Node(CompiledSide* side, double* values)
    {
        double exp = Numerics.Exp.OfOrdinary(side[0].Mix(values[side[0].U], values[side[0].V]));
        double y = side[1].Mix(values[side[1].U], values[side[1].V]);
        y = y > 0 ? y : side[1].Floor;
        return exp - (y >= Operator.MinPositive ? Numerics.Ln.OfNormal(y) : Numerics.Ln.Of(y));
    }

    protected override void Block<T>(Span<double> columns, int stride, int rows, Span<double> y)
    {
        int output = _layout.Columns.Length + _layout.TrunkCount;
        int at = 0;
        foreach (int value in _live)
        {
            NodeBlock<T>(at++, columns, stride, rows, columns.Slice(value * stride, stride));
        }

        for (int h = 0; h < Heads; h++)
        {
            Span<double> result = columns.Slice(output * stride, stride);
            NodeBlock<T>(at++, columns, stride, rows, result);
            for (int i = 0; i < rows; i++)
            {
                y[i * Heads + h] = double.MaxNumber(result[i], 0);
            }
        }
    }

    private void NodeBlock<T>(int n, Span<double> columns, int stride, int rows, Span<double> result)
        where T : struct, ILanes<T>
    {
        ref readonly CompiledSide left = ref _sides[2 * n];
        ref readonly CompiledSide right = ref _sides[2 * n + 1];
        ref double lu = ref columns[left.U * stride], lv = ref columns[left.V * stride];
        ref double ru = ref columns[right.U * stride], rv = ref columns[right.V * stride];
        ref double target = ref result[0];
        var exp = new SideLanes<T>(left);
        var ln = new SideLanes<T>(right);
        for (int i = 0; i < rows; i += T.Count)
        {
            T.Store(exp.Exp(ref lu, ref lv, i) - ln.Ln(ref ru, ref rv, i), ref Unsafe.Add(ref target, i));
        }
    }
}
