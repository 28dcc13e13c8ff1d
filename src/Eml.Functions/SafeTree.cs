using System.Runtime.CompilerServices;
using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// eml-core's SafeTree: per head, v = bias + weights·x, then depth times v ← eml_safe(v·c0 + c1, |v| + c2 + 1).
/// Parameters: weights (heads, inputs), biases (heads), constants (heads, depth, 3).
/// </summary>
public sealed class SafeTree
{
    /// <summary>Most levels.</summary>
    public const int DepthLimit = 1024;

    private const int Lanes = 8;

    private double[] _parameters;
    private double[] _byLane; // the same, transposed so that neighbouring heads are neighbours, 8 or more padded to whole vectors

    /// <summary>All three may be 0, as in eml-core; all parameters are 0 at first.</summary>
    public SafeTree(int depth, int inputs, int heads)
    {
        long count = CountParameters(depth, inputs, heads);
        Depth = depth;
        Inputs = inputs;
        Heads = heads;
        _parameters = new double[count];
        _byLane = Transpose(_parameters);
    }

    /// <summary>Levels of eml nodes.</summary>
    public int Depth { get; }

    /// <summary>Numbers in a row.</summary>
    public int Inputs { get; }

    /// <summary>Numbers in an answer.</summary>
    public int Heads { get; }

    /// <summary>heads·(inputs + 1 + 3·depth)</summary>
    public int ParameterCount => _parameters.Length;

    /// <summary>(<see cref="ParameterCount"/>)</summary>
    public ReadOnlySpan<double> Parameters => _parameters;

    /// <summary>Parameters of a tree of this shape; refuses shapes over the limits.</summary>
    public static long CountParameters(int depth, long inputs, long heads)
    {
        if (depth < 0 || depth > DepthLimit)
        {
            throw new EmlException(ErrorCode.Limit, $"SafeTree depth must be in 0..={DepthLimit}, got {depth}");
        }

        if (inputs < 0 || heads < 0 || inputs > EmlModel.ParameterLimit || heads > EmlModel.ParameterLimit
            || heads * (inputs + 1 + 3L * depth) > EmlModel.ParameterLimit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"SafeTree of depth {depth} with {inputs} inputs and {heads} heads is over the limit of {EmlModel.ParameterLimit} parameters; use fewer");
        }

        return heads * (inputs + 1 + 3L * depth);
    }

    /// <summary>Replaces all parameters.</summary>
    public void SetParameters(ReadOnlySpan<double> parameters, bool allowNonFinite = false)
    {
        if (parameters.Length != ParameterCount)
        {
            throw new EmlException(ErrorCode.Shape, $"expected {ParameterCount} params, got {parameters.Length}");
        }

        if (!allowNonFinite)
        {
            Check.Finite("params", parameters);
        }

        _parameters = parameters.ToArray();
        Volatile.Write(ref _byLane, Transpose(_parameters));
    }

    /// <summary>x (rows, inputs) → y (rows, heads).</summary>
    public void Forward(ReadOnlySpan<double> x, int rows, Span<double> y, bool allowNonFinite = false) =>
        Forward(x, rows, y, allowNonFinite, Operator.MinPositive);

    /// <summary>The same with another stand-in for arguments of ln that are not positive.</summary>
    internal void Forward(ReadOnlySpan<double> x, int rows, Span<double> y, bool allowNonFinite, double floor)
    {
        Check.Matrix("x", x, rows, Inputs, allowNonFinite);
        Check.Length("y", y.Length, rows, Heads);
        double[] parameters = Volatile.Read(ref _byLane);
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<double> row = x.Slice(i * Inputs, Inputs);
            Span<double> result = y.Slice(i * Heads, Heads);
            if (Heads < Lanes)
            {
                Row<Lanes1>(parameters, row, result, floor);
            }
            else if (Lanes8.IsSupported)
            {
                Row<Lanes8>(parameters, row, result, floor);
            }
            else if (Lanes4.IsSupported)
            {
                Row<Lanes4>(parameters, row, result, floor);
            }
            else if (Lanes2.IsSupported)
            {
                Row<Lanes2>(parameters, row, result, floor);
            }
            else
            {
                Row<Lanes1>(parameters, row, result, floor);
            }
        }
    }

    /// <summary>The function written out; see <see cref="Formula"/>.</summary>
    public Formula ToFormula()
    {
        FormulaBuilder.CheckSize("the SafeTree", ParameterCount);
        return FormulaOf.Safe($"SafeTree of depth {Depth}", Depth, Inputs, Heads, _parameters);
    }

    /// <summary>A copy.</summary>
    public SafeTree Clone()
    {
        var copy = new SafeTree(Depth, Inputs, Heads);
        copy.SetParameters(_parameters, allowNonFinite: true);
        return copy;
    }

    // The lanes of a vector are neighbouring heads: each head's own sum keeps eml-core's order.
    private void Row<T>(ReadOnlySpan<double> parameters, ReadOnlySpan<double> x, Span<double> y, double floor)
        where T : struct, ILanes<T>
    {
        Span<double> last = stackalloc double[Lanes];
        int padded = Padded(Heads);
        T one = T.Broadcast(1), magnitude = T.BroadcastBits(long.MaxValue), least = T.Broadcast(floor);
        for (int h = 0; h < Heads; h += T.Count)
        {
            ref double p = ref Unsafe.AsRef(in parameters[h]);
            T v = T.Load(ref p);
            for (int i = 0; i < x.Length; i++)
            {
                p = ref Unsafe.Add(ref p, padded);
                v += T.Load(ref p) * T.Broadcast(x[i]);
            }

            for (int d = 0; d < Depth; d++)
            {
                T c0 = T.Load(ref Unsafe.Add(ref p, padded));
                T c1 = T.Load(ref Unsafe.Add(ref p, 2 * padded));
                p = ref Unsafe.Add(ref p, 3 * padded);
                v = Operator.EmlSafe(v * c0 + c1, T.AndBits(v, magnitude) + T.Load(ref p) + one, least);
            }

            if (h + T.Count <= Heads)
            {
                T.Store(v, ref y[h]);
            }
            else
            {
                T.Store(v, ref last[0]);
                last[..(Heads - h)].CopyTo(y[h..]);
            }
        }
    }

    // Few heads are not worth padding: a single one with many inputs would take eight times its memory.
    private static int Padded(int heads) => heads < Lanes ? heads : (heads + Lanes - 1) & -Lanes;

    /// <summary>(1 + inputs + 3·depth, padded heads): biases, then weights, then constants.</summary>
    private double[] Transpose(double[] parameters)
    {
        int padded = Padded(Heads);
        double[] result = GC.AllocateArray<double>(checked((1 + Inputs + 3 * Depth) * padded), pinned: true);
        for (int h = 0; h < Heads; h++)
        {
            result[h] = parameters[Heads * Inputs + h];
            for (int i = 0; i < Inputs; i++)
            {
                result[(1 + i) * padded + h] = parameters[h * Inputs + i];
            }

            for (int c = 0; c < 3 * Depth; c++)
            {
                result[(1 + Inputs + c) * padded + h] = parameters[Heads * (Inputs + 1) + h * 3 * Depth + c];
            }
        }

        return result;
    }
}
