using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The browser trainer's random coordinate descent: a random parameter is moved by a random step, and the move is kept if
/// the loss got smaller. The lanes of a vector are samples. A trial computes only what its parameter reaches: one head of a
/// map, the part of the attention that reads it, the output map; and it ends once its growing loss cannot be the smaller
/// one any more (squares only add up, and rounding keeps order). Every number is summed in the trainer's own order, so
/// that the decisions are those of computing everything anew.
/// </summary>
internal sealed class BrowserTrainer<T> where T : struct, ILanes<T>
{
    private const int Widest = 8;
    private const double Gain = 1e-12; // a move must win this much
    private const int OutputMap = 3;
    private const int ParametersPerWork = 256; // that cost a row about as much as a node

    private readonly BrowserBlock _block;
    private readonly TrainMonitor _monitor;
    private readonly int _rows;
    private readonly int _padded;      // rows, to whole vectors of any width
    private readonly int _seqLen, _dK;
    private readonly double _scale;
    private readonly double _count;    // squares in a loss
    private readonly double[][] _parameters; // of q, k, v, out
    private readonly int[] _inputs, _heads;  // of q, k, v, out
    private readonly double[] _x;            // (S·D, padded)
    private readonly double[] _targets;      // (S·D, padded)
    private readonly double[][] _values;     // of q, k, v: (S·K, padded)
    private readonly double[] _saved;        // a head's values, or its squares, before the trial
    private double[] _attention, _newAttention; // (S, S, padded)
    private double[] _context, _newContext;     // (S·K, padded)
    private double[] _squares, _newSquares;     // (S·D, padded)

    public BrowserTrainer(BrowserBlock block, ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int[] subset,
        TrainOptions? options)
    {
        _block = block;
        _monitor = new TrainMonitor(options);
        _rows = subset.Length;
        _padded = (_rows + Widest - 1) & -Widest;
        _seqLen = block.SeqLen;
        _dK = block.DK;
        _scale = 1 / Math.Sqrt(_dK);
        int wide = _seqLen * block.DModel, narrow = _seqLen * _dK;
        _count = _rows * wide;
        _parameters = new double[block.Maps.Length][];
        _inputs = new int[_parameters.Length];
        _heads = new int[_parameters.Length];
        for (int m = 0; m < _parameters.Length; m++)
        {
            _parameters[m] = block.Maps[m].Parameters.ToArray();
            _inputs[m] = block.Maps[m].Inputs;
            _heads[m] = block.Maps[m].Heads;
        }

        _x = Columns(x, subset, wide);
        _targets = Columns(targets, subset, wide);
        _values = [new double[narrow * _padded], new double[narrow * _padded], new double[narrow * _padded]];
        _saved = new double[_padded];
        (_attention, _newAttention) = (new double[_seqLen * _seqLen * _padded], new double[_seqLen * _seqLen * _padded]);
        (_context, _newContext) = (new double[narrow * _padded], new double[narrow * _padded]);
        (_squares, _newSquares) = (new double[wide * _padded], new double[wide * _padded]);
    }

    /// <summary>Trains; the block ends with the best parameters found.</summary>
    public BrowserTraining Train(BrowserPlan plan, uint seed, MoveListener? onMove)
    {
        var random = new Lcg32(seed);
        var curve = new List<double>();
        double best = Everything(), before = best;
        _monitor.Phase = TrainMonitor.Descent;
        _monitor.Loss = best;
        _monitor.Total = (long)plan.Rounds * plan.Trials;
        _monitor.Report();
        long work = TrainMonitor.NodeCost * _rows * (1L + _block.ParameterCount / ParametersPerWork);
        for (int round = 0; round < plan.Rounds && !_monitor.Stopped; round++)
        {
            (double first, double last) = plan.Steps(round);
            for (int t = 0; t < plan.Trials && !_monitor.Stopped; t++)
            {
                double step = first * Pow.Of(last / first, t / Math.Max(1.0, plan.Trials - 1));
                double place = (random.Signed() + 1) * 0.5 * plan.Count;
                int index = plan.First + Math.Min(plan.Count - 1, (int)place);
                _monitor.Step++;
                Trial(index, step * random.Signed(), ref best, onMove);
                _monitor.Work(work);
            }

            if (!_monitor.Stopped)
            {
                curve.Add(best);
            }
        }

        _monitor.Report();
        for (int m = 0; m < _parameters.Length; m++)
        {
            _block.Maps[m].SetParameters(_parameters[m]);
        }

        return new BrowserTraining(_monitor.Result(_rows, before, curve.Count), [.. curve], plan.Count, plan.Trials);
    }

    private void Trial(int index, double move, ref double best, MoveListener? onMove)
    {
        int map = 0, at = index;
        while (at >= _parameters[map].Length)
        {
            at -= _parameters[map++].Length;
        }

        double[] parameters = _parameters[map];
        double old = parameters[at];
        parameters[at] = old + move;
        int head = HeadOf(map, at);
        double loss = map == OutputMap ? TryOutput(head, best) : TryProjection(map, head, best);
        _monitor.EndTrial();
        if (loss + Gain < best)
        {
            best = loss;
            if (map != OutputMap)
            {
                (_attention, _newAttention) = (_newAttention, _attention);
                (_context, _newContext) = (_newContext, _context);
                (_squares, _newSquares) = (_newSquares, _squares);
            }

            _monitor.Keep(index, old, parameters[at], best);
            onMove?.Invoke(new AcceptedMove(_monitor.Step, new ReadOnlySpan<int>(in index), new ReadOnlySpan<double>(in old),
                new ReadOnlySpan<double>(in parameters[at]), best));
        }
        else
        {
            parameters[at] = old;
            _saved.CopyTo(Row(map == OutputMap ? _squares : _values[map], head));
        }
    }

    /// <summary>The loss with every number computed.</summary>
    private double Everything()
    {
        for (int map = 0; map < OutputMap; map++)
        {
            for (int h = 0; h < _heads[map]; h++)
            {
                Project(map, h);
            }
        }

        Score(0, _seqLen, _attention);
        Mix(0, _seqLen, 0, _dK, _attention, _context);
        return Loss(_context, _squares, double.NaN); // which nothing compares with
    }

    /// <summary>A head of q, k or v has changed. NaN: the loss cannot be below the best.</summary>
    private double TryProjection(int map, int head, double best)
    {
        Row(_values[map], head).CopyTo(_saved);
        Project(map, head);

        // A query reaches one position's scores, a key everybody's, a value one column of the mixture.
        int position = head / _dK, column = head % _dK;
        (int from, int to) = map == 0 ? (position, position + 1) : (0, _seqLen);
        (int left, int right) = map == 2 ? (column, column + 1) : (0, _dK);
        _attention.CopyTo(_newAttention, 0);
        _context.CopyTo(_newContext, 0);
        if (map != 2)
        {
            Score(from, to, _newAttention);
        }

        Mix(from, to, left, right, _newAttention, _newContext);
        return Loss(_newContext, _newSquares, best);
    }

    /// <summary>A head of out has changed. NaN: the loss cannot be below the best.</summary>
    private double TryOutput(int head, double best)
    {
        Row(_squares, head).CopyTo(_saved);
        for (int lane = 0; lane < _padded; lane += T.Count)
        {
            Square(head, lane, _context, _squares);
        }

        return Add(0, 0, _rows, _squares, best) / _count;
    }

    /// <summary>The mean square, computed and added up vector by vector.</summary>
    private double Loss(double[] context, double[] squares, double best)
    {
        double total = 0;
        for (int lane = 0; lane < _rows; lane += T.Count)
        {
            for (int h = 0; h < _heads[OutputMap]; h++)
            {
                Square(h, lane, context, squares);
            }

            total = Add(total, lane, Math.Min(lane + T.Count, _rows), squares, best);
        }

        return total / _count;
    }

    /// <summary>Adds samples' squares in order; NaN once the total cannot give a loss below the best.</summary>
    private double Add(double total, int from, int to, double[] squares, double best)
    {
        for (int row = from; row < to; row++)
        {
            for (int at = row; at < squares.Length; at += _padded)
            {
                total += squares[at];
            }

            if (total / _count + Gain >= best)
            {
                return double.NaN;
            }
        }

        return total;
    }

    private void Project(int map, int head)
    {
        ref double values = ref _values[map][head * _padded];
        for (int lane = 0; lane < _padded; lane += T.Count)
        {
            T.Store(Head(map, head, _x, lane), ref Unsafe.Add(ref values, lane));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Square(int head, int lane, double[] context, double[] squares)
    {
        int at = head * _padded + lane;
        T error = Head(OutputMap, head, context, lane) - T.Load(ref _targets[at]);
        T.Store(error * error, ref squares[at]);
    }

    /// <summary>One number of a map for a vector of samples; x (inputs, padded).</summary>
    private T Head(int map, int head, double[] x, int lane)
    {
        double[] parameters = _parameters[map];
        int inputs = _inputs[map], heads = _heads[map];
        int constants = parameters.Length / heads - inputs - 1;
        ref double p = ref MemoryMarshal.GetArrayDataReference(parameters);
        ref double weight = ref Unsafe.Add(ref p, head * inputs);
        ref double source = ref x[lane];
        T v = T.Broadcast(Unsafe.Add(ref p, heads * inputs + head));
        for (int i = 0; i < inputs; i++)
        {
            v += T.Broadcast(Unsafe.Add(ref weight, i)) * T.Load(ref Unsafe.Add(ref source, i * _padded));
        }

        T one = T.Broadcast(1), magnitude = T.BroadcastBits(long.MaxValue), floor = T.Broadcast(double.Epsilon);
        ref double c = ref Unsafe.Add(ref p, heads * (inputs + 1) + head * constants);
        for (int d = 0; d < constants; d += 3)
        {
            v = Operator.EmlSafe(v * T.Broadcast(Unsafe.Add(ref c, d)) + T.Broadcast(Unsafe.Add(ref c, d + 1)),
                T.AndBits(v, magnitude) + T.Broadcast(Unsafe.Add(ref c, d + 2)) + one, floor);
        }

        return v;
    }

    /// <summary>Attention of the positions from … to − 1: the softmax of q·k/√K.</summary>
    private void Score(int from, int to, double[] attention)
    {
        double[] q = _values[0], k = _values[1];
        for (int i = from; i < to; i++)
        {
            Span<double> shares = attention.AsSpan(i * _seqLen * _padded, _seqLen * _padded);
            ref double row = ref shares[0];
            for (int lane = 0; lane < _padded; lane += T.Count)
            {
                T max = T.Broadcast(double.NegativeInfinity);
                for (int j = 0; j < _seqLen; j++)
                {
                    T score = T.Broadcast(0);
                    for (int r = 0; r < _dK; r++)
                    {
                        score += T.Load(ref q[(i * _dK + r) * _padded + lane]) * T.Load(ref k[(j * _dK + r) * _padded + lane]);
                    }

                    score *= T.Broadcast(_scale);
                    max = T.MaxNative(max, score);
                    T.Store(score, ref Unsafe.Add(ref row, j * _padded + lane));
                }

                for (int j = 0; j < _seqLen; j++)
                {
                    ref double score = ref Unsafe.Add(ref row, j * _padded + lane);
                    T.Store(T.Load(ref score) - max, ref score);
                }
            }

            Exp.Of(shares, shares);
            for (int lane = 0; lane < _padded; lane += T.Count)
            {
                T sum = T.Broadcast(0);
                for (int j = 0; j < _seqLen; j++)
                {
                    sum += T.Load(ref Unsafe.Add(ref row, j * _padded + lane));
                }

                // A sum that is NaN, because a score is, counts as equal shares.
                T positive = T.Less(T.Broadcast(0), sum), equal = T.Broadcast(1.0 / _seqLen);
                for (int j = 0; j < _seqLen; j++)
                {
                    ref double share = ref Unsafe.Add(ref row, j * _padded + lane);
                    T.Store(T.Select(positive, T.Load(ref share) / sum, equal), ref share);
                }
            }
        }
    }

    /// <summary>The mixture of the values, of positions from … to − 1 and columns left … right − 1.</summary>
    private void Mix(int from, int to, int left, int right, double[] attention, double[] context)
    {
        double[] v = _values[2];
        for (int i = from; i < to; i++)
        {
            for (int r = left; r < right; r++)
            {
                for (int lane = 0; lane < _padded; lane += T.Count)
                {
                    T mix = T.Broadcast(0);
                    for (int j = 0; j < _seqLen; j++)
                    {
                        mix += T.Load(ref attention[(i * _seqLen + j) * _padded + lane])
                            * T.Load(ref v[(j * _dK + r) * _padded + lane]);
                    }

                    T.Store(mix, ref context[(i * _dK + r) * _padded + lane]);
                }
            }
        }
    }

    private Span<double> Row(double[] matrix, int row) => matrix.AsSpan(row * _padded, _padded);

    /// <summary>Whose weight, bias or constant a parameter of a map is.</summary>
    private int HeadOf(int map, int at)
    {
        int inputs = _inputs[map], heads = _heads[map];
        if (at < heads * inputs)
        {
            return at / inputs;
        }

        at -= heads * inputs;
        return at < heads ? at : (at - heads) / (_parameters[map].Length / heads - inputs - 1);
    }

    private double[] Columns(ReadOnlySpan<double> rows, int[] subset, int columns)
    {
        double[] result = new double[columns * _padded];
        for (int s = 0; s < subset.Length; s++)
        {
            for (int c = 0; c < columns; c++)
            {
                result[c * _padded + s] = rows[subset[s] * columns + c];
            }
        }

        return result;
    }
}
