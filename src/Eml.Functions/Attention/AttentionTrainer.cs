using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Evaluates moves of single parameters on a fixed set of samples, with eml-core's bits. It is fast because the lanes of a
/// vector are the samples and everything in between is kept, so that a move recomputes only what it reaches: a head of q one
/// row of the scores, a head of k one column, a head of v one column of the context. Sums are taken up again at the first
/// term that changed. A move is refused as soon as a sum of its squared errors, in whatever order, is so large that eml-core's
/// own sum cannot be small enough: n additions of terms that are not negative err by less than n/2^53 either way.
/// </summary>
internal sealed class AttentionTrainer<T> where T : struct, ILanes<T>
{
    private const int HeadBlock = 8;          // of out, between two looks at the error
    private const double SumMargin = 1e-10;   // far above 2·65536/2^53
    private const double LargestBound = 1e300;

    private readonly AttentionLayout _layout;
    private readonly double[] _parameters;
    private readonly double _scale;
    private readonly bool _learned;
    private readonly int _samples;
    private readonly int _stride;             // samples padded to the longest vector
    private readonly int _lanes;              // samples padded to this vector
    private readonly AlignedDoubles _x;       // (width, stride)
    private readonly AlignedDoubles _targets; // (width, stride)
    private readonly AlignedDoubles _isSample; // (stride) ones as a mask
    private readonly ShadowedValues[] _affine;  // of q, k, v: (inner, stride)
    private readonly ShadowedValues[] _projection;
    private readonly ShadowedValues _scores;  // (rows·rows, stride)
    private readonly ShadowedValues _weights; // the same after the softmax
    private readonly ShadowedValues _context; // (inner, stride)
    private readonly AlignedDoubles _prefixes; // (rows, width, stride): out's sums before the terms of a row of the context
    private readonly AlignedDoubles _block;   // (head block, stride)
    private AlignedDoubles _errors;           // (width, stride): squared errors at the kept parameters
    private AlignedDoubles _trialErrors;

    public AttentionTrainer(AttentionLayout layout, double[] parameters, double scale, bool learned, double[][] x, double[][] targets)
    {
        _layout = layout;
        _parameters = parameters;
        _scale = scale;
        _learned = learned;
        _samples = x.Length;
        _stride = (_samples + 7) & -8;
        _lanes = (_samples + T.Count - 1) / T.Count * T.Count;
        _x = Columns(x);
        _targets = Columns(targets);
        _isSample = new AlignedDoubles(_stride);
        _isSample.Slice(0, _samples).Fill(BitConverter.UInt64BitsToDouble(ulong.MaxValue));
        _affine = [Values(layout.Inner), Values(layout.Inner), Values(layout.Inner)];
        _projection = [Values(layout.Inner), Values(layout.Inner), Values(layout.Inner)];
        _scores = Values(layout.SeqLen * layout.SeqLen);
        _weights = Values(layout.SeqLen * layout.SeqLen);
        _context = Values(layout.Inner);
        _prefixes = new AlignedDoubles(layout.SeqLen * layout.Width * _stride);
        _block = new AlignedDoubles(HeadBlock * _stride);
        _errors = new AlignedDoubles(layout.Width * _stride);
        _trialErrors = new AlignedDoubles(layout.Width * _stride);
    }

    /// <summary>Work of a trial in the monitor's unit, some 200 ns.</summary>
    public int WorkPerTrial => 1 + _lanes * _layout.Width * (1 + _layout.Depth + _layout.Inner / 16) / 128;

    /// <summary>The mean squared error of the parameters, everything computed anew.</summary>
    public double Evaluate()
    {
        for (int part = AttentionLayout.Query; part <= AttentionLayout.Value; part++)
        {
            for (int head = 0; head < _layout.Inner; head++)
            {
                Project(part, head, affine: true);
            }

            _affine[part].Keep(0, _layout.Inner);
            _projection[part].Keep(0, _layout.Inner);
        }

        for (int i = 0; i < _layout.SeqLen; i++)
        {
            ScoreRow(i);
            WeightRow(i);
            ContextRow(i);
        }

        _scores.Keep(0, _layout.SeqLen * _layout.SeqLen);
        _weights.Keep(0, _layout.SeqLen * _layout.SeqLen);
        _context.Keep(0, _layout.Inner);
        Prefix(0, 0, _layout.Width);
        Output(0, double.NaN);
        (_errors, _trialErrors) = (_trialErrors, _errors);
        return Exact(_errors);
    }

    /// <summary>Sets a parameter and keeps that if the error falls by more than the least gain; else puts it back.</summary>
    public bool TryMove(int index, double value, double best, double leastGain, out double loss)
    {
        int place = _layout.PartOf(index);
        AttentionPart part = _layout.Parts[place];
        int head = part.HeadOf(index - part.Offset, out bool affine);
        double old = _parameters[index];
        _parameters[index] = value;
        bool better = place switch
        {
            AttentionLayout.Query => TryQuery(head, affine, best, leastGain, out loss),
            AttentionLayout.Key => TryKey(head, affine, best, leastGain, out loss),
            AttentionLayout.Value => TryValue(head, affine, best, leastGain, out loss),
            _ when place == _layout.Out => TryOut(head, best, leastGain, out loss),
            _ => TrySoftmax(best, leastGain, out loss),
        };
        if (!better)
        {
            _parameters[index] = old;
        }

        return better;
    }

    private bool TryQuery(int head, bool affine, double best, double leastGain, out double loss)
    {
        int n = _layout.SeqLen, row = head / _layout.DK, context = row * _layout.DK;
        Project(AttentionLayout.Query, head, affine);
        ScoreRow(row);
        WeightRow(row);
        ContextRow(row);
        bool better = IsBetter(row, context, _layout.DK, best, leastGain, out loss);
        Settle(AttentionLayout.Query, head, better);
        Settle(_scores, row * n, n, better);
        Settle(_weights, row * n, n, better);
        Settle(_context, context, _layout.DK, better);
        return better;
    }

    private bool TryKey(int head, bool affine, double best, double leastGain, out double loss)
    {
        int n = _layout.SeqLen, column = head / _layout.DK;
        Project(AttentionLayout.Key, head, affine);
        for (int i = 0; i < n; i++)
        {
            Score(i, column);
            WeightRow(i);
            ContextRow(i);
        }

        bool better = IsBetter(0, 0, _layout.Inner, best, leastGain, out loss);
        Settle(AttentionLayout.Key, head, better);
        for (int i = 0; i < n; i++)
        {
            Settle(_scores, i * n + column, 1, better);
        }

        Settle(_weights, 0, n * n, better);
        Settle(_context, 0, _layout.Inner, better);
        return better;
    }

    private bool TryValue(int head, bool affine, double best, double leastGain, out double loss)
    {
        int r = head % _layout.DK;
        Project(AttentionLayout.Value, head, affine);
        for (int i = 0; i < _layout.SeqLen; i++)
        {
            Context(i, r);
        }

        bool better = IsBetter(0, 0, _layout.Inner, best, leastGain, out loss);
        Settle(AttentionLayout.Value, head, better);
        Settle(_context, 0, _layout.Inner, better);
        return better;
    }

    private bool TrySoftmax(double best, double leastGain, out double loss)
    {
        int n = _layout.SeqLen;
        loss = best;
        if (!_learned)
        {
            return false; // nothing reads it
        }

        for (int i = 0; i < n; i++)
        {
            WeightRow(i);
            ContextRow(i);
        }

        bool better = IsBetter(0, 0, _layout.Inner, best, leastGain, out loss);
        Settle(_weights, 0, n * n, better);
        Settle(_context, 0, _layout.Inner, better);
        return better;
    }

    private bool TryOut(int head, double best, double leastGain, out double loss)
    {
        // One column of errors changes: it is put in, the whole is summed, and it is taken out again.
        Span<double> column = _errors.Slice(head * _stride, _lanes), old = _block.Slice(_stride, _lanes);
        column.CopyTo(old);
        Dot(head, 1, 0, fromBias: true);
        Levels(head, 1);
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T error = T.Load(ref _block[g]) - T.Load(ref _targets[head * _stride + g]);
            T.Store(error * error, ref _errors[head * _stride + g]);
        }

        loss = Exact(_errors);
        if (!(loss + leastGain < best))
        {
            old.CopyTo(column);
            return false;
        }

        Prefix(0, head, 1);
        return true;
    }

    /// <summary>Whether the context that a trial has left, changed from a row on, gives a smaller error; if so it is taken over.</summary>
    private bool IsBetter(int row, int firstChanged, int changed, double best, double leastGain, out double loss)
    {
        loss = best;
        if (_context.IsUnchanged(firstChanged, changed) || !Output(row, best))
        {
            return false; // the same error is no better
        }

        loss = Exact(_trialErrors);
        if (!(loss + leastGain < best))
        {
            return false;
        }

        (_errors, _trialErrors) = (_trialErrors, _errors);
        Prefix(row, 0, _layout.Width);
        return true;
    }

    private void Settle(int part, int head, bool keep)
    {
        Settle(_affine[part], head, 1, keep);
        Settle(_projection[part], head, 1, keep);
    }

    private static void Settle(ShadowedValues values, int first, int count, bool keep)
    {
        if (keep)
        {
            values.Keep(first, count);
        }
        else
        {
            values.Restore(first, count);
        }
    }

    /// <summary>One head of q, k or v; affine: its sum has changed, not only its levels.</summary>
    private void Project(int place, int head, bool affine)
    {
        AttentionPart part = _layout.Parts[place];
        ref double sums = ref _affine[place][head];
        if (affine)
        {
            ref double weights = ref _parameters[part.Weights(head)];
            double bias = _parameters[part.Bias(head)];
            for (int g = 0; g < _lanes; g += T.Count)
            {
                T sum = T.Broadcast(bias);
                ref double x = ref _x[g];
                for (int i = 0; i < part.Inputs; i++)
                {
                    sum += T.Broadcast(Unsafe.Add(ref weights, i)) * T.Load(ref x);
                    x = ref Unsafe.Add(ref x, _stride);
                }

                T.Store(sum, ref Unsafe.Add(ref sums, g));
            }
        }

        ref double values = ref _projection[place][head];
        ReadOnlySpan<double> constants = _parameters.AsSpan(part.Constants(head), 3 * part.Depth);
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T.Store(T.Load(ref Unsafe.Add(ref sums, g)), ref Unsafe.Add(ref values, g));
        }

        for (int c = 0; c < constants.Length; c += 3)
        {
            Level(ref values, constants[c..]);
        }
    }

    private void Level(ref double values, ReadOnlySpan<double> constants)
    {
        T c0 = T.Broadcast(constants[0]), c1 = T.Broadcast(constants[1]), c2 = T.Broadcast(constants[2]);
        for (int g = 0; g < _lanes; g += T.Count)
        {
            ref double v = ref Unsafe.Add(ref values, g);
            T.Store(AttentionKernels<T>.Level(T.Load(ref v), c0, c1, c2), ref v);
        }
    }

    private void ScoreRow(int i)
    {
        for (int j = 0; j < _layout.SeqLen; j++)
        {
            Score(i, j);
        }
    }

    private void Score(int i, int j)
    {
        int dK = _layout.DK;
        ref double q = ref _projection[AttentionLayout.Query][i * dK];
        ref double k = ref _projection[AttentionLayout.Key][j * dK];
        ref double score = ref _scores[i * _layout.SeqLen + j];
        T scale = T.Broadcast(_scale);
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T sum = T.Broadcast(0);
            for (int r = 0; r < dK; r++)
            {
                sum += T.Load(ref Unsafe.Add(ref q, r * _stride + g)) * T.Load(ref Unsafe.Add(ref k, r * _stride + g));
            }

            T.Store(sum * scale, ref Unsafe.Add(ref score, g));
        }
    }

    private void WeightRow(int i)
    {
        int n = _layout.SeqLen;
        ref double scores = ref _scores[i * n];
        ref double weights = ref _weights[i * n];
        for (int g = 0; g < _lanes; g += T.Count)
        {
            if (_learned)
            {
                AttentionKernels<T>.LearnedSoftmax(_layout.Parts[_layout.Softmax], _parameters, ref Unsafe.Add(ref scores, g),
                    ref Unsafe.Add(ref weights, g), _stride);
            }
            else
            {
                AttentionKernels<T>.Softmax(ref Unsafe.Add(ref scores, g), ref Unsafe.Add(ref weights, g), _stride, n);
            }
        }
    }

    private void ContextRow(int i)
    {
        for (int r = 0; r < _layout.DK; r++)
        {
            Context(i, r);
        }
    }

    private void Context(int i, int r)
    {
        int n = _layout.SeqLen, dK = _layout.DK;
        ref double weights = ref _weights[i * n];
        ref double v = ref _projection[AttentionLayout.Value][r];
        ref double context = ref _context[i * dK + r];
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T sum = T.Broadcast(0);
            for (int j = 0; j < n; j++)
            {
                sum += T.Load(ref Unsafe.Add(ref weights, j * _stride + g)) * T.Load(ref Unsafe.Add(ref v, j * dK * _stride + g));
            }

            T.Store(sum, ref Unsafe.Add(ref context, g));
        }
    }

    /// <summary>
    /// Out and its squared errors, with the context changed from a row on. False as soon as the mean cannot be below best
    /// (NaN: never).
    /// </summary>
    private bool Output(int row, double best)
    {
        double count = (double)_samples * _layout.Width;
        double bound = Math.Abs(best) * count < LargestBound ? best * count * (1 + SumMargin) : double.NaN;
        T total = T.Broadcast(0);
        for (int first = 0; first < _layout.Width; first += HeadBlock)
        {
            int heads = Math.Min(HeadBlock, _layout.Width - first);
            Dot(first, heads, row, fromBias: false);
            Levels(first, heads);
            for (int h = 0; h < heads; h++)
            {
                ref double y = ref _block[h * _stride];
                ref double target = ref _targets[(first + h) * _stride];
                ref double square = ref _trialErrors[(first + h) * _stride];
                for (int g = 0; g < _lanes; g += T.Count)
                {
                    T error = T.Load(ref Unsafe.Add(ref y, g)) - T.Load(ref Unsafe.Add(ref target, g));
                    error *= error;
                    T.Store(error, ref Unsafe.Add(ref square, g));
                    total += T.Select(T.Load(ref _isSample[g]), error, T.Broadcast(0));
                }
            }

            if (Sum(total) * (1 - SumMargin) > bound)
            {
                return false;
            }
        }

        return true;
    }

    private static double Sum(T value)
    {
        Span<double> lanes = stackalloc double[T.Count];
        T.Store(value, ref lanes[0]);
        double sum = 0;
        foreach (double lane in lanes)
        {
            sum += lane;
        }

        return sum;
    }

    /// <summary>Sums of some heads of out into the block, taken up before a row of the context.</summary>
    private void Dot(int first, int heads, int row, bool fromBias)
    {
        AttentionPart part = _layout.Parts[_layout.Out];
        int start = row * _layout.DK, inputs = part.Inputs, h = 0;
        for (; h + 3 < heads; h += 4)
        {
            ref double weights = ref _parameters[part.Weights(first + h)];
            for (int g = 0; g < _lanes; g += T.Count)
            {
                ref double prefix = ref _prefixes[(row * part.Heads + first + h) * _stride + g];
                T a = T.Load(ref prefix);
                T b = T.Load(ref Unsafe.Add(ref prefix, _stride));
                T c = T.Load(ref Unsafe.Add(ref prefix, 2 * _stride));
                T d = T.Load(ref Unsafe.Add(ref prefix, 3 * _stride));
                ref double context = ref Unsafe.Add(ref _context[start], g);
                for (int i = start; i < inputs; i++)
                {
                    T xi = T.Load(ref context);
                    a += T.Broadcast(Unsafe.Add(ref weights, i)) * xi;
                    b += T.Broadcast(Unsafe.Add(ref weights, i + inputs)) * xi;
                    c += T.Broadcast(Unsafe.Add(ref weights, i + 2 * inputs)) * xi;
                    d += T.Broadcast(Unsafe.Add(ref weights, i + 3 * inputs)) * xi;
                    context = ref Unsafe.Add(ref context, _stride);
                }

                ref double sums = ref _block[h * _stride + g];
                T.Store(a, ref sums);
                T.Store(b, ref Unsafe.Add(ref sums, _stride));
                T.Store(c, ref Unsafe.Add(ref sums, 2 * _stride));
                T.Store(d, ref Unsafe.Add(ref sums, 3 * _stride));
            }
        }

        for (; h < heads; h++)
        {
            ref double weights = ref _parameters[part.Weights(first + h)];
            for (int g = 0; g < _lanes; g += T.Count)
            {
                T sum = fromBias ? T.Broadcast(_parameters[part.Bias(first + h)])
                    : T.Load(ref _prefixes[(row * part.Heads + first + h) * _stride + g]);
                ref double context = ref Unsafe.Add(ref _context[start], g);
                for (int i = start; i < inputs; i++)
                {
                    sum += T.Broadcast(Unsafe.Add(ref weights, i)) * T.Load(ref context);
                    context = ref Unsafe.Add(ref context, _stride);
                }

                T.Store(sum, ref _block[h * _stride + g]);
            }
        }
    }

    /// <summary>The levels of the heads in the block; level by level, so that independent work stands next to each other.</summary>
    private void Levels(int first, int heads)
    {
        AttentionPart part = _layout.Parts[_layout.Out];
        for (int level = 0; level < part.Depth; level++)
        {
            for (int h = 0; h < heads; h++)
            {
                Level(ref _block[h * _stride], _parameters.AsSpan(part.Constants(first + h) + 3 * level, 3));
            }
        }
    }

    /// <summary>Out's sums before each row of the context, from a row on.</summary>
    private void Prefix(int row, int first, int heads)
    {
        AttentionPart part = _layout.Parts[_layout.Out];
        int dK = _layout.DK;
        for (int h = first; h < first + heads; h++)
        {
            ref double weights = ref _parameters[part.Weights(h)];
            for (int g = 0; g < _lanes; g += T.Count)
            {
                T sum = row == 0 ? T.Broadcast(_parameters[part.Bias(h)]) : T.Load(ref _prefixes[(row * part.Heads + h) * _stride + g]);
                for (int i = row; i < _layout.SeqLen; i++)
                {
                    T.Store(sum, ref _prefixes[(i * part.Heads + h) * _stride + g]);
                    for (int n = i * dK; n < (i + 1) * dK && i + 1 < _layout.SeqLen; n++)
                    {
                        sum += T.Broadcast(Unsafe.Add(ref weights, n)) * T.Load(ref Unsafe.Add(ref _context[n], g));
                    }
                }
            }
        }
    }

    /// <summary>The mean of squared errors in eml-core's order: sample by sample.</summary>
    private double Exact(AlignedDoubles errors)
    {
        double sum = 0;
        for (int s = 0; s < _samples; s++)
        {
            ref double square = ref errors[s];
            for (int e = 0; e < _layout.Width; e++)
            {
                sum += Unsafe.Add(ref square, e * _stride);
            }
        }

        return sum / ((double)_samples * _layout.Width);
    }

    private AlignedDoubles Columns(double[][] rows)
    {
        var columns = new AlignedDoubles(_layout.Width * _stride);
        for (int s = 0; s < rows.Length; s++)
        {
            for (int i = 0; i < rows[s].Length; i++)
            {
                columns[i * _stride + s] = rows[s][i];
            }
        }

        return columns;
    }

    private ShadowedValues Values(int elements) => new(elements, _stride);
}
