using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// One row through a <see cref="MixLayout"/>: the lanes of a vector are nodes of the same level, in groups of four, which do
/// not depend on one another. Each node sees the same operations in the same order as alone.
/// </summary>
internal sealed class MixRow
{
    private const int Width = 4;          // nodes of a group
    private const int Constants = 12;     // numbers of a node: c0, c1, c2, low, high of both sides, and these of the right one:
    private const int Floor = 10;         // what counts instead of what is not positive
    private const int Least = 11;         // the larger of floor and low
    private const int MostValues = 64;    // a tree has 7 levels at most and 8 nodes in the widest

    private readonly double[] _constants; // (groups, Constants, Width)
    private readonly int[] _places;       // (groups, 4, Width): where u and v of the left side and of the right one lie
    private readonly int[] _counts;       // nodes of each group; unused lanes compute something that nobody reads
    private readonly int _inputGroups;    // groups in front that read the inputs; the others read nodes
    private readonly int _trunkGroups;    // groups in front of those that make the answer

    public MixRow(MixLayout layout, double[] parameters)
    {
        int[][] groups = Group(layout);
        int[] place = new int[layout.Nodes.Length]; // where a node's value lies
        for (int g = 0; g < groups.Length; g++)
        {
            for (int lane = 0; lane < groups[g].Length; lane++)
            {
                place[groups[g][lane]] = g * Width + lane;
            }
        }

        _counts = [.. groups.Select(group => group.Length)];
        _inputGroups = groups.Count(group => layout.Nodes[group[0]].Left.U < layout.Columns.Length);
        _trunkGroups = groups.Count(group => group[0] < layout.TrunkCount);
        if (_trunkGroups * Width > MostValues)
        {
            throw new InvalidOperationException("The layout has more values than a row has room for.");
        }

        _constants = GC.AllocateArray<double>(groups.Length * Constants * Width, pinned: true);
        _places = GC.AllocateArray<int>(groups.Length * 4 * Width, pinned: true);
        for (int g = 0; g < groups.Length; g++)
        {
            for (int lane = 0; lane < Width; lane++)
            {
                MixNode node = layout.Nodes[groups[g][Math.Min(lane, groups[g].Length - 1)]];
                SetSide(g, lane, 0, node.Left);
                SetSide(g, lane, 1, node.Right);
                _constants[(g * Constants + Floor) * Width + lane] = node.Right.Floor;
                _constants[(g * Constants + Least) * Width + lane] = Math.Max(node.Right.Floor, node.Right.Low);
            }
        }

        void SetSide(int group, int lane, int which, MixSide side)
        {
            (double c0, double c1, double c2) = MixLayout.Coefficients(side, parameters);
            double[] values = [c0, c1, c2, side.Low, side.High];
            for (int i = 0; i < values.Length; i++)
            {
                _constants[(group * Constants + 5 * which + i) * Width + lane] = values[i];
            }

            _places[(group * 4 + 2 * which) * Width + lane] = Place(side.U);
            _places[(group * 4 + 2 * which + 1) * Width + lane] = Place(side.V);
        }

        int Place(int value) => value < layout.Columns.Length ? layout.Columns[value] : place[value - layout.Columns.Length];
    }

    /// <summary>x (inputs) → y (heads).</summary>
    [SkipLocalsInit]
    public unsafe void Compute(ReadOnlySpan<double> x, Span<double> y)
    {
        double* values = stackalloc double[MostValues + Width]; // of the trunk; behind them, of the heads' group at work
        ref double source = ref MemoryMarshal.GetReference(x);
        ref double constants = ref MemoryMarshal.GetArrayDataReference(_constants);
        ref int places = ref MemoryMarshal.GetArrayDataReference(_places);
        double* target = values;
        int answered = 0;
        for (int g = 0; g < _counts.Length; g++)
        {
            if (g == _inputGroups)
            {
                source = ref *values;
            }

            int count = _counts[g];
            if (Lanes4.IsSupported && count > 1)
            {
                Nodes<Lanes4>(ref source, ref places, ref constants, ref *target);
            }
            else
            {
                for (int i = 0; i < count; i++)
                {
                    Nodes<Lanes1>(ref source, ref Unsafe.Add(ref places, i), ref Unsafe.Add(ref constants, i), ref target[i]);
                }
            }

            if (g < _trunkGroups)
            {
                target += Width;
            }
            else
            {
                for (int i = 0; i < count; i++)
                {
                    y[answered++] = target[i] > 0 ? target[i] : 0;
                }
            }

            places = ref Unsafe.Add(ref places, 4 * Width);
            constants = ref Unsafe.Add(ref constants, Constants * Width);
        }
    }

    /// <summary>Neighbouring nodes of a group.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Nodes<T>(ref double source, ref int places, ref double constants, ref double target) where T : struct, ILanes<T>
    {
        T left = Mix<T>(ref source, ref places, ref constants);
        left = Operator.Clamp(left, T.Load(ref Unsafe.Add(ref constants, 3 * Width)), T.Load(ref Unsafe.Add(ref constants, 4 * Width)));
        T right = Mix<T>(ref source, ref Unsafe.Add(ref places, 2 * Width), ref Unsafe.Add(ref constants, 5 * Width));

        // What is negative becomes the floor as well as what the clamp would make of it; NaN and subnormals are rare.
        T common = T.Select(T.Less(right, T.Broadcast(0)), T.BroadcastBits(ulong.MaxValue), T.Less(T.Broadcast(Operator.LargestSubnormal), right));
        right = T.MinNative(T.Load(ref Unsafe.Add(ref constants, 9 * Width)), right);
        right = T.MaxNative(T.Load(ref Unsafe.Add(ref constants, Least * Width)), right);
        T value = Exp.Ordinary(left) - (FusedMultiplyAdd.IsHardware ? Ln.PositiveSteady(right) : Ln.Positive(right));
        T.Store(value, ref target);
        if (!T.All(common))
        {
            Rare(T.Count, ref source, ref places, ref constants, ref target);
        }
    }

    /// <summary>The same by the book, node by node.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rare(int count, ref double source, ref int places, ref double constants, ref double target)
    {
        for (int i = 0; i < count; i++)
        {
            ref double c = ref Unsafe.Add(ref constants, i);
            ref int at = ref Unsafe.Add(ref places, i);
            double left = Mix<Lanes1>(ref source, ref at, ref c).Value;
            double right = Mix<Lanes1>(ref source, ref Unsafe.Add(ref at, 2 * Width), ref Unsafe.Add(ref c, 5 * Width)).Value;
            left = Operator.Clamp(left, Unsafe.Add(ref c, 3 * Width), Unsafe.Add(ref c, 4 * Width));
            right = Operator.Clamp(right, Unsafe.Add(ref c, 8 * Width), Unsafe.Add(ref c, 9 * Width));
            Unsafe.Add(ref target, i) = Exp.OfOrdinary(left) - Ln.Of(right > 0 ? right : Unsafe.Add(ref c, Floor * Width));
        }
    }

    /// <summary>c0 + c1·u + c2·v.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Mix<T>(ref double source, ref int places, ref double constants) where T : struct, ILanes<T> =>
        T.Load(ref constants)
        + T.Load(ref Unsafe.Add(ref constants, Width)) * T.LoadAt(ref source, ref places)
        + T.Load(ref Unsafe.Add(ref constants, 2 * Width)) * T.LoadAt(ref source, ref Unsafe.Add(ref places, Width));

    /// <summary>Node numbers in groups of at most <see cref="Width"/> that have the same level; the heads by themselves.</summary>
    private static int[][] Group(MixLayout layout)
    {
        int[] level = new int[layout.Nodes.Length];
        for (int n = 0; n < level.Length; n++)
        {
            MixNode node = layout.Nodes[n];
            int[] reads = [node.Left.U, node.Left.V, node.Right.U, node.Right.V];
            level[n] = n >= layout.TrunkCount
                ? int.MaxValue
                : reads.Max(value => value < layout.Columns.Length ? 0 : 1 + level[value - layout.Columns.Length]);
        }

        return [.. Enumerable.Range(0, level.Length).GroupBy(n => level[n]).OrderBy(nodes => nodes.Key)
            .SelectMany(nodes => nodes.Chunk(Width))];
    }
}
