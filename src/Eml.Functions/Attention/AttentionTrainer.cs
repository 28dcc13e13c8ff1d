using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Evaluates moves of single parameters on a fixed set of samples, with eml-core's bits. It is fast because the lanes of a
/// vector are the samples and everything in between is kept, so that a move recomputes only what it reaches: a head of q one
/// row of the scores, a head of k one column, a head of v one column of the context.
/// </summary>
internal sealed class AttentionTrainer<T> where T : struct, ILanes<T>
{
    private readonly AttentionLayout _layout;
    private readonly double[] _parameters;
    private readonly double _scale;
    private readonly bool _learned;
    private readonly int _samples;
    private readonly int _stride;             // samples padded to the longest vector
    private readonly int _lanes;              // samples padded to this vector
    private readonly AlignedDoubles _x;       // (width, stride)
    private readonly ShadowedValues<T>[] _affine;  // of q, k, v: (inner, stride)
    private readonly ShadowedValues<T>[] _projection;
    private readonly ShadowedValues<T> _scores;  // (rows·rows, stride)
    private readonly ShadowedValues<T> _weights; // the same after the softmax
    private readonly ShadowedValues<T> _context; // (inner, stride)
    private readonly AttentionOutput<T> _output;

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
        _affine = [Values(layout.Inner), Values(layout.Inner), Values(layout.Inner)];
        _projection = [Values(layout.Inner), Values(layout.Inner), Values(layout.Inner)];
        _scores = Values(layout.SeqLen * layout.SeqLen);
        _weights = Values(layout.SeqLen * layout.SeqLen);
        _context = Values(layout.Inner);
        _output = new AttentionOutput<T>(layout, parameters, _context, Columns(targets), _samples, _stride);
    }

    /// <summary>What a trial costs in nanoseconds, about.</summary>
    public long WorkPerTrial => TrainMonitor.NodeCost * (1L + _lanes * _layout.Width * (1 + _layout.Depth + _layout.Inner / 16) / 128);

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
        return _output.Evaluate();
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
            _ when place == _layout.Out => _output.IsBetterWithHead(head, best, leastGain, out loss),
            _ => TrySoftmax(best, leastGain, out loss),
        };
        if (!better)
        {
            _parameters[index] = old;
            if (place == _layout.Out)
            {
                _output.Restore(head);
            }
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

    /// <summary>Whether the context that a trial has left, changed from a row on, gives a smaller error; if so it is taken over.</summary>
    private bool IsBetter(int row, int firstChanged, int changed, double best, double leastGain, out double loss)
    {
        loss = best;
        return !_context.IsUnchanged(firstChanged, changed) // the same error is no better
            && _output.IsBetter(row, best, leastGain, out loss);
    }

    private void Settle(int part, int head, bool keep)
    {
        Settle(_affine[part], head, 1, keep);
        Settle(_projection[part], head, 1, keep);
    }

    private static void Settle(ShadowedValues<T> values, int first, int count, bool keep)
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
        nint stride = _stride, inputs = part.Inputs;
        ref double sums = ref _affine[place][head];
        if (affine)
        {
            ref double weights = ref _parameters[part.Weights(head)];
            double bias = _parameters[part.Bias(head)];
            for (int g = 0; g < _lanes; g += T.Count)
            {
                T sum = T.Broadcast(bias);
                ref double x = ref _x[g];
                for (nint i = 0; i < inputs; i++)
                {
                    sum += T.Broadcast(Unsafe.Add(ref weights, i)) * T.Load(ref x);
                    x = ref Unsafe.Add(ref x, stride);
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
            AttentionKernels<T>.Level(ref values, _lanes, constants.Slice(c, 3));
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
        nint stride = _stride;
        ref double q = ref _projection[AttentionLayout.Query][i * dK];
        ref double k = ref _projection[AttentionLayout.Key][j * dK];
        ref double score = ref _scores[i * _layout.SeqLen + j];
        T scale = T.Broadcast(_scale);
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T sum = T.Broadcast(0);
            nint at = g;
            for (int r = 0; r < dK; r++)
            {
                sum += T.Load(ref Unsafe.Add(ref q, at)) * T.Load(ref Unsafe.Add(ref k, at));
                at += stride;
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
        nint stride = _stride, valueStride = dK * stride;
        ref double weights = ref _weights[i * n];
        ref double v = ref _projection[AttentionLayout.Value][r];
        ref double context = ref _context[i * dK + r];
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T sum = T.Broadcast(0);
            nint weight = g, value = g;
            for (int j = 0; j < n; j++)
            {
                sum += T.Load(ref Unsafe.Add(ref weights, weight)) * T.Load(ref Unsafe.Add(ref v, value));
                weight += stride;
                value += valueStride;
            }

            T.Store(sum, ref Unsafe.Add(ref context, g));
        }
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

    private ShadowedValues<T> Values(int elements) => new(elements, _stride);
}
