using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>The node function of <see cref="ReadoutLayout"/>, one value or a vector of rows at a time.</summary>
internal static class ReadoutNode
{
    /// <summary>exp(clamp(left)) − ln(1 + clamp(right)²); NaN if either side is.</summary>
    public static double Of(double left, double right)
    {
        double l = Operator.Clamp(left, ReadoutLayout.LeftLow, ReadoutLayout.LeftHigh);
        double r = Operator.Clamp(right, -ReadoutLayout.RightLimit, ReadoutLayout.RightLimit);
        return Exp.Of(l) - Ln.Of(1 + r * r);
    }

    /// <summary>The values of one node for a block of rows, from the columns of the inputs or of the nodes below.</summary>
    public static void Fill<T>(ReadoutLayout layout, int node, ReadOnlySpan<double> parameters,
        ColumnSource inputs, ColumnSource nodes, int start, int rows, Span<double> result) where T : struct, ILanes<T>
    {
        T one = T.Broadcast(1);
        T low = T.Broadcast(ReadoutLayout.LeftLow), high = T.Broadcast(ReadoutLayout.LeftHigh);
        T limit = T.Broadcast(ReadoutLayout.RightLimit), minus = T.Broadcast(-ReadoutLayout.RightLimit);
        bool leaf = node < layout.FirstLevel;
        int at = leaf ? layout.LeafBase(2 * node) : layout.UpperBase(node);
        for (int i = 0; i < rows; i += T.Count)
        {
            T left, right;
            if (leaf)
            {
                left = Leaf<T>(parameters.Slice(at, 1 + layout.Inputs), inputs, start + i);
                right = Leaf<T>(parameters.Slice(at + 1 + layout.Inputs, 1 + layout.Inputs), inputs, start + i);
            }
            else
            {
                int child = layout.LeftChild(node);
                left = T.Broadcast(parameters[at]) + T.Broadcast(parameters[at + 1]) * T.Load(ref nodes[child][start + i]);
                right = T.Broadcast(parameters[at + 2]) + T.Broadcast(parameters[at + 3]) * T.Load(ref nodes[child + 1][start + i]);
            }

            T r = Operator.Clamp(right, minus, limit);
            T value = Operator.ExpClamped(Operator.Clamp(left, low, high)) - Operator.LnNormal(one + r * r);
            T.Store(value, ref result[start + i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Leaf<T>(ReadOnlySpan<double> parameters, ColumnSource inputs, int row) where T : struct, ILanes<T>
    {
        T sum = T.Broadcast(parameters[0]);
        for (int j = 1; j < parameters.Length; j++)
        {
            sum += T.Broadcast(parameters[j]) * T.Load(ref inputs[j - 1][row]);
        }

        return sum;
    }
}
