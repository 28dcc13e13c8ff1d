using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>A side with its coefficients worked out: they cost up to six exps and change only with the parameters.</summary>
internal readonly struct CompiledSide(MixSide side, ReadOnlySpan<double> parameters)
{
    private readonly (double C0, double C1, double C2) _c = MixLayout.Coefficients(side, parameters);

    public double C0 => _c.C0;

    public double C1 => _c.C1;

    public double C2 => _c.C2;

    public int U { get; } = side.U;

    public int V { get; } = side.V;

    public double Low { get; } = side.Low;

    public double High { get; } = side.High;

    public double Floor { get; } = side.Floor;

    /// <summary>clamp(c0 + c1·u + c2·v). Every clamp lies within eml_safe's [−20, 20].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double Mix(double u, double v) => Operator.Clamp(C0 + C1 * u + C2 * v, Low, High);

    /// <summary>Fills exp(side) for all of a block's rows.</summary>
    public void Exp<T>(ref double u, ref double v, ref double result, int rows) where T : struct, ILanes<T>
    {
        for (int i = 0; i < rows; i += T.Count)
        {
            T.Store(Operator.ExpClamped(MixLanes<T>(ref u, ref v, i)), ref Unsafe.Add(ref result, i));
        }
    }

    /// <summary>Fills ln(side) for all of a block's rows.</summary>
    public void Ln<T>(ref double u, ref double v, ref double result, int rows) where T : struct, ILanes<T>
    {
        T floor = T.Broadcast(Floor);
        for (int i = 0; i < rows; i += T.Count)
        {
            T.Store(Operator.LnSafe(MixLanes<T>(ref u, ref v, i), floor), ref Unsafe.Add(ref result, i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T MixLanes<T>(ref double u, ref double v, int i) where T : struct, ILanes<T> => Operator.Clamp(
        T.Broadcast(C0) + T.Broadcast(C1) * T.Load(ref Unsafe.Add(ref u, i)) + T.Broadcast(C2) * T.Load(ref Unsafe.Add(ref v, i)),
        T.Broadcast(Low), T.Broadcast(High));
}

/// <summary>An eml-core model or tree, ready to be evaluated: immutable, so that any number of threads may use it.</summary>
internal sealed class MixEvaluator : Evaluator
{
    private readonly MixLayout _layout;
    private readonly CompiledSide[] _sides; // left and right of the live trunk nodes, then of the heads
    private readonly int[] _live;           // value numbers of the live trunk nodes, in order

    public MixEvaluator(MixLayout layout, ReadOnlySpan<double> parameters)
    {
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

    public override int ScratchColumns => _layout.Columns.Length + _layout.TrunkCount + 2;

    [SkipLocalsInit]
    public override void Row(ReadOnlySpan<double> x, Span<double> y)
    {
        // At most 16 columns and 12 trunk nodes, or 15 nodes and 16 columns of a tree.
        Span<double> values = stackalloc double[64];
        x.CopyTo(values);
        int at = 0;
        foreach (int value in _live)
        {
            values[value] = Node(at++, values);
        }

        for (int h = 0; h < y.Length; h++)
        {
            y[h] = double.MaxNumber(Node(at++, values), 0);
        }
    }

    private double Node(int n, ReadOnlySpan<double> values)
    {
        ref readonly CompiledSide left = ref _sides[2 * n];
        ref readonly CompiledSide right = ref _sides[2 * n + 1];
        double l = left.Mix(values[left.U], values[left.V]);
        double r = right.Mix(values[right.U], values[right.V]);
        return Numerics.Exp.Of(l) - Numerics.Ln.Of(r > 0 ? r : right.Floor);
    }

    protected override void Block<T>(Span<double> columns, int stride, int rows, Span<double> y)
    {
        int inputs = _layout.Columns.Length, exps = inputs + _layout.TrunkCount, lns = exps + 1;
        int at = 0;
        foreach (int value in _live)
        {
            NodeBlock<T>(at++, columns, stride, rows, exps, lns, columns.Slice(value * stride, stride));
        }

        for (int h = 0; h < Heads; h++)
        {
            NodeBlock<T>(at++, columns, stride, rows, exps, lns, columns.Slice(exps * stride, stride));
            Span<double> output = columns.Slice(exps * stride, rows);
            for (int i = 0; i < rows; i++)
            {
                y[i * Heads + h] = double.MaxNumber(output[i], 0);
            }
        }
    }

    private void NodeBlock<T>(int n, Span<double> columns, int stride, int rows, int exps, int lns, Span<double> result)
        where T : struct, ILanes<T>
    {
        ref readonly CompiledSide left = ref _sides[2 * n];
        ref readonly CompiledSide right = ref _sides[2 * n + 1];
        ref double e = ref columns[exps * stride];
        ref double l = ref columns[lns * stride];
        left.Exp<T>(ref columns[left.U * stride], ref columns[left.V * stride], ref e, rows);
        right.Ln<T>(ref columns[right.U * stride], ref columns[right.V * stride], ref l, rows);
        for (int i = 0; i < rows; i += T.Count)
        {
            T.Store(T.Load(ref Unsafe.Add(ref e, i)) - T.Load(ref Unsafe.Add(ref l, i)), ref result[i]);
        }
    }
}
