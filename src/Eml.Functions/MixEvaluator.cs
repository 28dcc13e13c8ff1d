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
internal sealed class MixEvaluator(MixLayout layout, double[] parameters) : Evaluator
{
    private readonly MixLayout _layout = layout;
    private readonly MixRow _row = new(layout, parameters);
    private readonly CompiledSide[] _sides = // left and right of each node
        [.. layout.Nodes.SelectMany(node => (CompiledSide[])[new(node.Left, parameters), new(node.Right, parameters)])];

    public override ReadOnlySpan<int> Columns => _layout.Columns;

    public override int Heads => _layout.Heads;

    public override int ScratchColumns => _layout.Columns.Length + _layout.TrunkCount + 1;

    public override void Row(ReadOnlySpan<double> x, Span<double> y) => _row.Compute(x, y);

    protected override void Block<T>(Span<double> columns, int stride, int rows, Span<double> y)
    {
        int output = _layout.Columns.Length + _layout.TrunkCount;
        for (int n = 0; n < _layout.TrunkCount; n++)
        {
            NodeBlock<T>(n, columns, stride, rows, columns.Slice((_layout.Columns.Length + n) * stride, stride));
        }

        for (int h = 0; h < Heads; h++)
        {
            Span<double> result = columns.Slice(output * stride, stride);
            NodeBlock<T>(_layout.TrunkCount + h, columns, stride, rows, result);
            int whole = 0;
            T zero = T.Broadcast(0);
            for (; Heads == 1 && whole <= rows - T.Count; whole += T.Count)
            {
                T value = T.Load(ref result[whole]);
                T.Store(T.Select(T.Less(zero, value), value, zero), ref y[whole]);
            }

            for (int i = whole; i < rows; i++)
            {
                y[i * Heads + h] = result[i] > 0 ? result[i] : 0;
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
