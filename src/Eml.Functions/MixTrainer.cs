using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// eml-core's training, bit for bit: random restarts, then coordinate descent that keeps the first strictly better move.
/// It is fast because it keeps exp and ln of every node for every sample, and a trial recomputes only the sides that its
/// parameter reaches; and because a trial ends as soon as its growing loss can no longer be the smaller one
/// (squares only add up, and rounding keeps order).
/// </summary>
/// <remarks>If the training has to stop while an instance is being made, it is incomplete and good for nothing.</remarks>
internal sealed class MixTrainer<T> where T : struct, ILanes<T>
{
    private const int Block = 128;     // rows between two looks at the loss
    private const int FirstBlock = 16; // most restarts are so bad that a few rows show it
    private const int MaxSweeps = 1000;
    private const ulong Seed = 0xDEADBEEFCAFE1234;
    private const int ValueCost = 8; // nanoseconds to fetch one value out of a row
    private const double NoBound = double.NaN; // nothing compares with it: the loss is computed to the end
    private static readonly double[] s_deltas = [-0.1, -0.01, -0.001, 0.001, 0.01, 0.1];

    private readonly TrainMonitor _monitor;
    private readonly int _rows;
    private readonly double[][] _columns;   // [column][row], padded to whole vectors
    private readonly double[][] _targets;   // [head][row]
    private readonly bool[][] _present;     // [head][row]
    private readonly bool _allPresent;
    private readonly double _weight;        // Σ w, summed in eml-core's order
    private readonly double[] _terms;       // w·(ŷ − t)² of a block, [head][row in block]
    private readonly Node[] _nodes;         // of the trunk, then the heads
    private readonly int _firstHead;

    public MixTrainer(MixLayout layout, Samples samples, int inputs, Scaling? scaling, TrainMonitor monitor)
    {
        _monitor = monitor;
        _rows = samples.Count;
        int padded = (_rows + 7) & ~7;
        _columns = new double[layout.Columns.Length][];
        for (int c = 0; c < _columns.Length; c++)
        {
            int input = layout.Columns[c];
            _columns[c] = Column(samples.X, inputs, input, padded, scaling?.InputOffset[input], scaling?.InputFactor[input]);
        }

        int heads = layout.Heads;
        _targets = new double[heads][];
        _present = new bool[heads][];
        for (int h = 0; h < heads; h++)
        {
            _targets[h] = Column(samples.Targets, heads, h, padded, scaling?.TargetOffset[h], scaling?.TargetFactor[h]);
            _present[h] = new bool[padded];
        }

        _allPresent = true;
        ReadOnlySpan<byte> present = samples.Present;
        for (int i = 0; i < _rows && !monitor.Work(heads * ValueCost); i++)
        {
            for (int h = 0; h < heads; h++)
            {
                bool known = present[i * heads + h] != 0;
                _present[h][i] = known;
                _allPresent &= known;
                _weight += known ? HeadWeight(h) : 0;
            }
        }

        _terms = new double[heads * Block];
        var nodes = new List<Node>();
        foreach (MixNode node in layout.Nodes)
        {
            if (monitor.Work(Node.Columns * (long)padded))
            {
                break;
            }

            nodes.Add(new Node(node, padded));
        }

        _nodes = [.. nodes];
        _firstHead = _nodes.Length - heads;
    }

    /// <summary>Trains in place; parameters end as the best found.</summary>
    public TrainResult Train(double[] parameters, int maxSweeps)
    {
        int count = parameters.Length;
        Step[] everything = [.. Enumerable.Range(0, _nodes.Length).Select(n => new Step(n, true, true))];
        Step[][] plans = [.. Enumerable.Range(0, count).Select(Plan)];

        double best = _monitor.Stopped ? double.NaN : Evaluate(everything, parameters, NoBound);
        if (_monitor.Stopped)
        {
            return _monitor.Result(_rows, double.MaxValue, 0);
        }

        Keep(everything);
        double before = best;
        _monitor.Begin(best);

        int restarts = count > 40 ? 200 : 100;
        _monitor.Total = restarts;
        var random = new Lcg64(Seed);
        double[] candidate = new double[count];
        for (int r = 0; r < restarts && !_monitor.Stopped; r++)
        {
            for (int i = 0; i < count; i++)
            {
                candidate[i] = random.Restart();
            }

            if (Try(everything, candidate, ref best))
            {
                _monitor.Keep(parameters, candidate, best);
                candidate.CopyTo(parameters, 0);
            }

            _monitor.Step = r + 1;
        }

        _monitor.Report();
        _monitor.Phase = TrainMonitor.Descent;
        _monitor.Total = maxSweeps == 0 ? MaxSweeps : maxSweeps;
        _monitor.Step = 0;
        bool improved = true;
        while (improved && _monitor.Step < _monitor.Total && !_monitor.Stopped)
        {
            improved = Sweep(parameters, plans, ref best);
            _monitor.Step += _monitor.Stopped ? 0 : 1;
        }

        long sweeps = _monitor.Step;
        _monitor.Report();
        return _monitor.Result(_rows, before, sweeps);
    }

    /// <summary>The loss of these parameters.</summary>
    public double Loss(double[] parameters) =>
        Evaluate([.. Enumerable.Range(0, _nodes.Length).Select(n => new Step(n, true, true))], parameters, NoBound);

    private bool Sweep(double[] parameters, Step[][] plans, ref double best)
    {
        bool improved = false;
        for (int i = 0; i < parameters.Length && !_monitor.Stopped; i++)
        {
            if (plans[i].Length == 0)
            {
                continue; // a parameter that nothing reads cannot make the loss smaller
            }

            foreach (double delta in s_deltas)
            {
                double old = parameters[i];
                parameters[i] = old + delta;
                if (Try(plans[i], parameters, ref best))
                {
                    _monitor.Keep(i, old, parameters[i], best);
                    improved = true;
                }
                else
                {
                    parameters[i] = old;
                }
            }
        }

        return improved;
    }

    private bool Try(Step[] plan, double[] parameters, ref double best)
    {
        double loss = Evaluate(plan, parameters, best);
        _monitor.EndTrial();
        if (!(loss < best))
        {
            return false;
        }

        best = loss;
        Keep(plan);
        return true;
    }

    /// <summary>The loss with the planned sides recomputed; NaN if it cannot be below the bound, or if the training stops.</summary>
    private double Evaluate(Step[] plan, double[] parameters, double bound)
    {
        foreach (Step step in plan)
        {
            _nodes[step.Node].Compile(step, parameters);
        }

        if (_weight == 0)
        {
            return double.MaxValue;
        }

        double total = 0;
        long cost = plan.Length * (long)TrainMonitor.NodeCost + _targets.Length * ValueCost; // of a row
        int rows = Math.Min(plan.Length == _nodes.Length ? FirstBlock : Block, _rows);
        for (int start = 0; start < _rows; start += rows, rows = Math.Min(Block, _rows - start))
        {
            Compute(plan, start, rows);
            total = AddTerms(total, start, rows);
            if (_monitor.Work(rows * cost) || total / _weight >= bound)
            {
                return double.NaN;
            }
        }

        return total / _weight;
    }

    private void Compute(Step[] plan, int start, int rows)
    {
        foreach (Step step in plan)
        {
            Node node = _nodes[step.Node];
            if (step.Left)
            {
                node.Left.Exp<T>(ref Value(node.Left.U)[start], ref Value(node.Left.V)[start], ref node.NewExp[start], rows);
            }

            if (step.Right)
            {
                node.Right.Ln<T>(ref Value(node.Right.U)[start], ref Value(node.Right.V)[start], ref node.NewLn[start], rows);
            }

            ref double e = ref (step.Left ? node.NewExp : node.Exp)[start];
            ref double l = ref (step.Right ? node.NewLn : node.Ln)[start];
            ref double v = ref node.NewValue[start];
            for (int i = 0; i < rows; i += T.Count)
            {
                T.Store(T.Load(ref Unsafe.Add(ref e, i)) - T.Load(ref Unsafe.Add(ref l, i)), ref Unsafe.Add(ref v, i));
            }

            node.IsNew = true;
        }

        // From here on the heads' new values are read; the flags are for this block only.
        for (int h = 0; h < _targets.Length; h++)
        {
            Node head = _nodes[_firstHead + h];
            ref double v = ref (head.IsNew ? head.NewValue : head.Value)[start];
            ref double t = ref _targets[h][start];
            ref double term = ref _terms[h * Block];
            T weight = T.Broadcast(HeadWeight(h)), zero = T.Broadcast(0);
            for (int i = 0; i < rows; i += T.Count)
            {
                T value = T.Load(ref Unsafe.Add(ref v, i));
                T error = T.Select(T.Less(zero, value), value, zero) - T.Load(ref Unsafe.Add(ref t, i));
                T.Store(weight * (error * error), ref Unsafe.Add(ref term, i));
            }
        }

        foreach (Step step in plan)
        {
            _nodes[step.Node].IsNew = false;
        }
    }

    /// <summary>Adds the block's terms row by row, head by head: eml-core's order, which the bits depend on.</summary>
    private double AddTerms(double total, int start, int rows)
    {
        if (_allPresent && _targets.Length == 1)
        {
            foreach (double term in _terms.AsSpan(0, rows))
            {
                total += term;
            }

            return total;
        }

        for (int i = 0; i < rows; i++)
        {
            for (int h = 0; h < _targets.Length; h++)
            {
                if (_present[h][start + i])
                {
                    total += _terms[h * Block + i];
                }
            }
        }

        return total;
    }

    private double[] Value(int value)
    {
        if (value < _columns.Length)
        {
            return _columns[value];
        }

        Node node = _nodes[value - _columns.Length];
        return node.IsNew ? node.NewValue : node.Value;
    }

    private void Keep(Step[] plan)
    {
        foreach (Step step in plan)
        {
            _nodes[step.Node].Keep(step);
        }
    }

    /// <summary>What a change of one parameter reaches: its own sides, then every side that reads a changed node.</summary>
    private Step[] Plan(int parameter)
    {
        if (_monitor.Work(_nodes.Length * ValueCost))
        {
            return [];
        }

        bool[] changed = new bool[_nodes.Length];
        var steps = new List<Step>();
        for (int n = 0; n < _nodes.Length; n++)
        {
            MixNode node = _nodes[n].Layout;
            bool left = Reads(node.Left, parameter) || IsChanged(node.Left.U) || IsChanged(node.Left.V);
            bool right = Reads(node.Right, parameter) || IsChanged(node.Right.U) || IsChanged(node.Right.V);
            if (left || right)
            {
                changed[n] = true;
                steps.Add(new Step(n, left, right));
            }
        }

        return [.. steps];

        bool IsChanged(int value) => value >= _columns.Length && changed[value - _columns.Length];
    }

    /// <summary>One column of a matrix (rows, columns), in the model's units.</summary>
    private double[] Column(ReadOnlySpan<double> values, int columns, int column, int padded, double? offset, double? factor)
    {
        double[] result = new double[padded];
        int atOnce = TrainMonitor.RowsAtOnce(ValueCost);
        for (int i = 0; i < _rows && (i % atOnce != 0 || !_monitor.Work(atOnce * ValueCost)); i++)
        {
            double value = values[i * columns + column];
            result[i] = offset is { } o && factor is { } f ? (value - o) * f : value;
        }

        return result;
    }

    private static bool Reads(MixSide side, int parameter) => parameter >= side.Base && parameter < side.Base + side.Kind switch
    {
        MixKind.Softmax or MixKind.ShiftedSoftmax => 3,
        MixKind.Affine => 2,
        _ => 1,
    };

    /// <summary>eml-core's weight of a head in the loss.</summary>
    internal static double HeadWeight(int head) => head == 0 ? 1.0 : 0.3;

    /// <summary>A node to recompute, and which of its sides.</summary>
    private readonly record struct Step(int Node, bool Left, bool Right);

    /// <summary>A node with its values at the current parameters and at those on trial.</summary>
    private sealed class Node(MixNode layout, int padded)
    {
        /// <summary>Columns of values that a node holds.</summary>
        public const int Columns = 6;

        public MixNode Layout { get; } = layout;

        public double[] Exp { get; private set; } = new double[padded];

        public double[] Ln { get; private set; } = new double[padded];

        public double[] Value { get; private set; } = new double[padded];

        public double[] NewExp { get; private set; } = new double[padded];

        public double[] NewLn { get; private set; } = new double[padded];

        public double[] NewValue { get; private set; } = new double[padded];

        public bool IsNew { get; set; }

        public CompiledSide Left { get; private set; }

        public CompiledSide Right { get; private set; }

        public void Compile(Step step, double[] parameters)
        {
            if (step.Left)
            {
                Left = new CompiledSide(Layout.Left, parameters);
            }

            if (step.Right)
            {
                Right = new CompiledSide(Layout.Right, parameters);
            }
        }

        public void Keep(Step step)
        {
            if (step.Left)
            {
                (Exp, NewExp) = (NewExp, Exp);
            }

            if (step.Right)
            {
                (Ln, NewLn) = (NewLn, Ln);
            }

            (Value, NewValue) = (NewValue, Value);
        }
    }
}
