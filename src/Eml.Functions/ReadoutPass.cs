using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Passes over all samples, block by block, in memory that does not grow with them: the loss of a default-profile model,
/// and the exact solution of its heads. Sums have the order of <see cref="Reduction"/>, whatever the blocks. A training
/// that has to stop ends a pass; what it returns means nothing then.
/// </summary>
internal sealed class ReadoutPass<T> where T : struct, ILanes<T>
{
    private const int MostRows = 512;          // of a block
    private const int BlockDoubles = 1 << 14;  // a block's columns stay in the second-level cache
    private const int MostSums = 1 << 24;      // doubles for sums in one pass; many heads take several
    private const long ValueCost = 8;          // nanoseconds to fetch one value out of a row

    private readonly ReadoutLayout _layout;
    private readonly Samples _samples;
    private readonly Scaling? _scaling;
    private readonly TrainMonitor _monitor;
    private readonly int _block;          // rows in a block: whole vectors
    private readonly double[] _columns;   // (features, block): 1, the inputs, the nodes
    private readonly double[] _target;    // (block) of one head, 0 where unknown
    private readonly double[] _known;     // (block) of one head, 1 where known
    private readonly double[] _scratch;   // (block)
    private readonly int[] _knownCount;   // (heads)

    public ReadoutPass(ReadoutLayout layout, Samples samples, Scaling? scaling, TrainMonitor monitor)
    {
        _layout = layout;
        _samples = samples;
        _scaling = scaling;
        _monitor = monitor;
        _block = Math.Clamp(BlockDoubles / layout.Features & ~7, 8, MostRows);
        _columns = new double[layout.Features * _block];
        _target = new double[_block];
        _known = new double[_block];
        _scratch = new double[_block];
        _knownCount = new int[layout.Heads];
        CountKnown();
    }

    /// <summary>Known targets of all heads.</summary>
    public long TotalKnown { get; private set; }

    /// <summary>Mean squared error over all known targets; the largest double if there are none.</summary>
    public double Loss(ReadOnlySpan<double> parameters)
    {
        if (TotalKnown == 0)
        {
            return double.MaxValue;
        }

        double[] totals = new double[_layout.Heads];
        for (int start = 0; start < _samples.Count; start += _block)
        {
            int rows = FillColumns(parameters, start);
            for (int h = 0; h < totals.Length; h++)
            {
                FillTarget(h, start, rows);
                Predict(parameters.Slice(_layout.HeadBase(h), _layout.Features), rows);
                double total = totals[h];
                for (int i = 0; i < rows; i++)
                {
                    double error = (_scratch[i] - _target[i]) * _known[i];
                    total += error * error;
                }

                totals[h] = total;
                if (_monitor.Work(rows * (_layout.Features + ValueCost)))
                {
                    return double.MaxValue;
                }
            }
        }

        double sum = 0;
        foreach (double total in totals)
        {
            sum += total;
        }

        return sum / TotalKnown;
    }

    /// <summary>Solves all heads for the parameters in front of them; one that has no solution stays as it is.</summary>
    public void SolveHeads(Span<double> parameters, double ridge)
    {
        int features = _layout.Features;
        var fit = new RidgeFit(features, _monitor);
        double[] gram = new double[features * features];
        for (int first = 0, end; first < _layout.Heads && !_monitor.Stopped; first = end)
        {
            HeadSums[] sums = Group(first);
            end = first + sums.Length;
            Sum(parameters, first, sums);
            double[]? factorised = null;
            bool isSolvable = false;
            for (int h = first; h < end && !_monitor.Stopped; h++)
            {
                HeadSums of = sums[h - first];
                if (of.Gram != factorised)
                {
                    of.JoinGram(gram, _monitor);
                    isSolvable = fit.Factorise(gram, ridge, _knownCount[h]);
                    factorised = of.Gram;
                }

                double[] weights = of.JoinRight();
                fit.Solve(weights);
                if (isSolvable && !_monitor.Work((long)features * features))
                {
                    weights.CopyTo(parameters[_layout.HeadBase(h)..]);
                }
            }
        }
    }

    /// <summary>
    /// Room for the sums of as many heads as go into one pass. Heads that know all rows share a matrix, others have their own.
    /// </summary>
    private HeadSums[] Group(int first)
    {
        long right = _layout.Features * (long)Reduction.Accumulators, matrix = right * (_layout.Features + 1) / 2;
        long used = 0;
        double[]? complete = null;
        var sums = new List<HeadSums>();
        for (int h = first; h < _layout.Heads && (h == first || used + right + matrix <= MostSums); h++)
        {
            bool isComplete = _knownCount[h] == _samples.Count, isOwner = !isComplete || complete is null;
            double[] gram = isOwner ? new double[matrix] : complete!;
            complete = isComplete ? gram : complete;
            sums.Add(new HeadSums(_layout.Features, isOwner, isComplete, gram));
            used += right + (isOwner ? matrix : 0);
        }

        return [.. sums];
    }

    private void Sum(ReadOnlySpan<double> parameters, int first, HeadSums[] sums)
    {
        for (int start = 0; start < _samples.Count; start += _block)
        {
            int rows = FillColumns(parameters, start);
            for (int g = 0; g < sums.Length; g++)
            {
                FillTarget(first + g, start, rows);
                int pair = 0;
                for (int a = 0; a < _layout.Features; a++)
                {
                    ReadOnlySpan<double> column = Column(a);
                    Reduction.Accumulate<T>(column, _target, sums[g].Right(a));
                    if (sums[g].IsOwner)
                    {
                        if (!sums[g].IsComplete)
                        {
                            column = Mask(column);
                        }

                        for (int b = 0; b <= a; b++)
                        {
                            Reduction.Accumulate<T>(column, Column(b), sums[g].Pair(pair++));
                        }
                    }

                    if (_monitor.Work(_block * (sums[g].IsOwner ? 2L + a : 1)))
                    {
                        return;
                    }
                }
            }
        }
    }

    /// <summary>Fills the block's columns from a row on, zeros behind the last row, and returns its rows.</summary>
    private int FillColumns(ReadOnlySpan<double> parameters, int start)
    {
        int rows = Math.Min(_block, _samples.Count - start), width = _layout.Inputs;
        Column(0)[..rows].Fill(1);
        Column(0)[rows..].Clear();
        ReadOnlySpan<double> x = _samples.X.Slice(start * width, rows * width);
        for (int j = 0; j < width; j++)
        {
            Fetch(x, width, j, Column(1 + j)[..rows], _scaling?.InputOffset[j] ?? 0, _scaling?.InputFactor[j] ?? 1);
            Column(1 + j)[rows..].Clear();
        }

        var inputs = new ColumnSource(_columns.AsSpan(_block), _block);
        var nodes = new ColumnSource(_columns.AsSpan((1 + width) * _block), _block);
        for (int n = 0; n < _layout.Nodes; n++)
        {
            ReadoutNode.Fill<T>(_layout, n, parameters, inputs, nodes, 0, rows, nodes[n]);
            nodes[n][rows..].Clear();
        }

        _monitor.Work(rows * (_layout.Nodes * (TrainMonitor.NodeCost + 2L * width) + ValueCost * width));
        return rows;
    }

    private void FillTarget(int head, int start, int rows)
    {
        int heads = _layout.Heads;
        Fetch(_samples.Targets.Slice(start * heads, rows * heads), heads, head, _target.AsSpan(0, rows),
            _scaling?.TargetOffset[head] ?? 0, _scaling?.TargetFactor[head] ?? 1);
        ReadOnlySpan<byte> present = _samples.Present.Slice(start * heads, rows * heads);
        for (int i = 0, at = head; i < rows; i++, at += heads)
        {
            bool known = present[at] != 0;
            _known[i] = known ? 1 : 0;
            _target[i] = known ? _target[i] : 0;
        }

        _target.AsSpan(rows).Clear();
        _known.AsSpan(rows).Clear();
    }

    /// <summary>One column of a matrix (rows, columns), in the model's units.</summary>
    private static void Fetch(ReadOnlySpan<double> values, int columns, int column, Span<double> target, double offset, double factor)
    {
        for (int i = 0, at = column; i < target.Length; i++, at += columns)
        {
            target[i] = (values[at] - offset) * factor;
        }
    }

    /// <summary>The answers of one head for the block's rows.</summary>
    private void Predict(ReadOnlySpan<double> weights, int rows)
    {
        for (int i = 0; i < rows; i += T.Count)
        {
            T sum = T.Broadcast(weights[0]);
            for (int k = 1; k < weights.Length; k++)
            {
                sum += T.Broadcast(weights[k]) * T.Load(ref _columns[k * _block + i]);
            }

            T.Store(sum, ref _scratch[i]);
        }
    }

    private ReadOnlySpan<double> Mask(ReadOnlySpan<double> column)
    {
        for (int i = 0; i < column.Length; i++)
        {
            _scratch[i] = column[i] * _known[i];
        }

        return _scratch;
    }

    private void CountKnown()
    {
        ReadOnlySpan<byte> present = _samples.Present;
        int heads = _layout.Heads, atOnce = TrainMonitor.RowsAtOnce(heads);
        for (int start = 0; start < _samples.Count; start += atOnce)
        {
            int rows = Math.Min(atOnce, _samples.Count - start);
            ReadOnlySpan<byte> block = present.Slice(start * heads, rows * heads);
            for (int i = 0; i < rows; i++)
            {
                for (int h = 0; h < heads; h++)
                {
                    _knownCount[h] += block[i * heads + h];
                }
            }

            if (_monitor.Work(rows * (long)heads))
            {
                return;
            }
        }

        foreach (int count in _knownCount)
        {
            TotalKnown += count;
        }
    }

    private Span<double> Column(int column) => _columns.AsSpan(column * _block, _block);

    /// <summary>The accumulators of a head's normal equations: its right side, and the matrix, perhaps of several heads.</summary>
    private sealed class HeadSums(int features, bool isOwner, bool isComplete, double[] gram)
    {
        private const int Width = Reduction.Accumulators;

        private readonly double[] _right = new double[features * Width];

        /// <summary>Whether the matrix is summed with this head.</summary>
        public bool IsOwner { get; } = isOwner;

        /// <summary>Whether the head knows all rows.</summary>
        public bool IsComplete { get; } = isComplete;

        /// <summary>(pairs, accumulators)</summary>
        public double[] Gram { get; } = gram;

        public Span<double> Right(int feature) => _right.AsSpan(feature * Width, Width);

        public Span<double> Pair(int pair) => Gram.AsSpan(pair * Width, Width);

        public double[] JoinRight()
        {
            double[] right = new double[features];
            for (int a = 0; a < features; a++)
            {
                right[a] = Reduction.Join(Right(a));
            }

            return right;
        }

        /// <summary>Fills the lower triangle of (features, features).</summary>
        public void JoinGram(Span<double> target, TrainMonitor monitor)
        {
            int pair = 0;
            for (int a = 0; a < features && !monitor.Work(a * ValueCost); a++)
            {
                for (int b = 0; b <= a; b++)
                {
                    target[a * features + b] = Reduction.Join(Pair(pair++));
                }
            }
        }
    }
}
