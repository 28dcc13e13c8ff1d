using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The output map of a block in training, and its squared errors on all samples. Sums are taken up again before the first
/// row of the context that changed. A trial is refused as soon as a sum of its squared errors, in whatever order, is so large
/// that eml-core's own sum cannot be small enough: n additions of terms that are not negative err by less than n/2^53 of the
/// sum, either way.
/// </summary>
internal sealed class AttentionOutput<T> where T : struct, ILanes<T>
{
    private const int TreeBlock = 8; // heads between two looks at the error
    private const int AffineBlock = 32;
    private const double Rounding = 1.0 / (1L << 52);
    private const double LargestBound = 1e300;

    private readonly AttentionLayout _layout;
    private readonly AttentionPart _part;
    private readonly double[] _parameters;
    private readonly ShadowedValues<T> _context;  // (inner, stride)
    private readonly AlignedDoubles _targets;  // (width, stride)
    private readonly AlignedDoubles _isSample; // (stride) ones as a mask
    private readonly AlignedDoubles _prefixes; // (rows, width, stride): sums before the terms of a row of the context
    private readonly AlignedDoubles _block;    // (heads of a block, stride)
    private readonly AlignedDoubles _lane;     // of one vector
    private readonly int _headBlock;
    private readonly int _samples;
    private readonly int _stride;
    private readonly int _lanes;
    private AlignedDoubles _errors;            // (width, stride): squared errors at the kept parameters
    private AlignedDoubles _trialErrors;

    public AttentionOutput(AttentionLayout layout, double[] parameters, ShadowedValues<T> context, AlignedDoubles targets, int samples,
        int stride)
    {
        _layout = layout;
        _part = layout.Parts[layout.Out];
        _parameters = parameters;
        _context = context;
        _targets = targets;
        _samples = samples;
        _stride = stride;
        _lanes = (samples + T.Count - 1) / T.Count * T.Count;
        _isSample = new AlignedDoubles(stride);
        _isSample.Slice(0, samples).Fill(BitConverter.UInt64BitsToDouble(ulong.MaxValue));
        _prefixes = new AlignedDoubles(layout.SeqLen * layout.Width * stride);
        _headBlock = layout.Depth == 0 ? AffineBlock : TreeBlock;
        _block = new AlignedDoubles(_headBlock * stride);
        _lane = new AlignedDoubles(T.Count);
        _errors = new AlignedDoubles(layout.Width * stride);
        _trialErrors = new AlignedDoubles(layout.Width * stride);
    }

    /// <summary>The mean squared error, everything computed anew.</summary>
    public double Evaluate()
    {
        Prefix(0, 0, _part.Heads);
        Run(0, double.NaN);
        (_errors, _trialErrors) = (_trialErrors, _errors);
        return Mean(_errors);
    }

    /// <summary>Whether the context, changed from a row on, gives an error smaller than best by more than a gain; if so it is taken over.</summary>
    public bool IsBetter(int row, double best, double leastGain, out double loss)
    {
        loss = best;
        if (!Run(row, best - leastGain))
        {
            return false;
        }

        loss = Mean(_trialErrors);
        if (!(loss + leastGain < best))
        {
            return false;
        }

        (_errors, _trialErrors) = (_trialErrors, _errors);
        Prefix(row, 0, _part.Heads);
        return true;
    }

    /// <summary>The same after a parameter of a head of this map has changed; if it is not better, <see cref="Restore"/> must follow.</summary>
    public bool IsBetterWithHead(int head, double best, double leastGain, out double loss)
    {
        // One column of errors changes: it is put in, the whole is summed, and it is taken out again.
        Span<double> column = _errors.Slice(head * _stride, _lanes), old = _trialErrors.Slice(head * _stride, _lanes);
        column.CopyTo(old);
        Prefix(0, head, 1);
        Sums(head, 1, 0, _part.Inputs, ref _prefixes[head * _stride], ref _block[0]);
        Levels(head, 1);
        for (int g = 0; g < _lanes; g += T.Count)
        {
            T error = T.Load(ref _block[g]) - T.Load(ref _targets[head * _stride + g]);
            T.Store(error * error, ref _errors[head * _stride + g]);
        }

        loss = Mean(_errors);
        if (loss + leastGain < best)
        {
            return true;
        }

        old.CopyTo(column);
        return false;
    }

    /// <summary>A head's parameter is what it was.</summary>
    public void Restore(int head) => Prefix(0, head, 1);

    /// <summary>Values and squared errors, with the context changed from a row on. False: the mean cannot be below the limit (NaN: never).</summary>
    private bool Run(int row, double limit)
    {
        double count = (double)_samples * _part.Heads, margin = (count + 8) * Rounding;
        double bound = limit > 0 && limit * count < LargestBound ? limit * count * (1 + margin) / (1 - margin) : double.NaN;
        int start = row * _layout.DK;
        T total = T.Broadcast(0);
        for (int first = 0; first < _part.Heads; first += _headBlock)
        {
            int heads = Math.Min(_headBlock, _part.Heads - first);
            Sums(first, heads, start, _part.Inputs - start, ref _prefixes[(row * _part.Heads + first) * _stride], ref _block[0]);
            Levels(first, heads);
            for (int g = 0; g < _lanes; g += T.Count)
            {
                total += T.Select(T.Load(ref _isSample[g]), SquareErrors(first, heads, g), T.Broadcast(0));
            }

            if (Sum(total) > bound)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Fills in the squared errors of a block's heads for one vector of samples, and adds them up.</summary>
    private T SquareErrors(int first, int heads, int g)
    {
        ref double y = ref _block[g];
        ref double target = ref _targets[first * _stride + g];
        ref double square = ref _trialErrors[first * _stride + g];
        T sum = T.Broadcast(0);
        nint at = 0, stride = _stride;
        for (int h = 0; h < heads; h++)
        {
            T error = T.Load(ref Unsafe.Add(ref y, at)) - T.Load(ref Unsafe.Add(ref target, at));
            error *= error;
            T.Store(error, ref Unsafe.Add(ref square, at));
            sum += error;
            at += stride;
        }

        return sum;
    }

    private double Sum(T value)
    {
        T.Store(value, ref _lane[0]);
        double sum = 0;
        foreach (double lane in _lane.Slice(0, T.Count))
        {
            sum += lane;
        }

        return sum;
    }

    /// <summary>The levels of the heads in the block; level by level, so that independent work stands next to each other.</summary>
    private void Levels(int first, int heads)
    {
        for (int level = 0; level < _part.Depth; level++)
        {
            for (int h = 0; h < heads; h++)
            {
                AttentionKernels<T>.Level(ref _block[h * _stride], _lanes,
                    _parameters.AsSpan(_part.Constants(first + h) + 3 * level, 3));
            }
        }
    }

    /// <summary>Some heads' sums before each row of the context, from a row on.</summary>
    private void Prefix(int row, int first, int heads)
    {
        if (row == 0)
        {
            for (int h = first; h < first + heads; h++)
            {
                _prefixes.Slice(h * _stride, _stride).Fill(_parameters[_part.Bias(h)]);
            }
        }

        for (int i = row; i + 1 < _layout.SeqLen; i++)
        {
            Sums(first, heads, i * _layout.DK, _layout.DK, ref _prefixes[(i * _part.Heads + first) * _stride],
                ref _prefixes[((i + 1) * _part.Heads + first) * _stride]);
        }
    }

    /// <summary>Adds count terms from a place in the context on to some heads' prefixes (heads, stride).</summary>
    private void Sums(int first, int heads, int start, int count, ref double prefix, ref double sums)
    {
        nint inputs = _part.Inputs, stride = _stride;
        ref double weights = ref _parameters[_part.Weights(first) + start];
        ref double context = ref _context[start];
        int h = 0;
        for (; h + 3 < heads && _lanes > T.Count; h += 4)
        {
            int g = 0;
            for (; g + T.Count < _lanes; g += 2 * T.Count)
            {
                nint at = h * stride + g;
                FourByTwo(ref Unsafe.Add(ref weights, h * inputs), inputs, count, ref Unsafe.Add(ref context, g), stride,
                    ref Unsafe.Add(ref prefix, at), ref Unsafe.Add(ref sums, at));
            }

            if (g < _lanes)
            {
                for (int one = h; one < h + 4; one++)
                {
                    nint at = one * stride + g;
                    One(ref Unsafe.Add(ref weights, one * inputs), count, ref Unsafe.Add(ref context, g), stride,
                        ref Unsafe.Add(ref prefix, at), ref Unsafe.Add(ref sums, at));
                }
            }
        }

        for (; h < heads; h++)
        {
            for (int g = 0; g < _lanes; g += T.Count)
            {
                nint at = h * stride + g;
                One(ref Unsafe.Add(ref weights, h * inputs), count, ref Unsafe.Add(ref context, g), stride,
                    ref Unsafe.Add(ref prefix, at), ref Unsafe.Add(ref sums, at));
            }
        }
    }

    /// <summary>Four heads, two vectors of samples.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourByTwo(ref double w0, nint inputs, nint count, ref double context, nint stride, ref double prefix, ref double sums)
    {
        T a0 = T.Load(ref prefix), a1 = T.Load(ref Unsafe.Add(ref prefix, T.Count));
        prefix = ref Unsafe.Add(ref prefix, stride);
        T b0 = T.Load(ref prefix), b1 = T.Load(ref Unsafe.Add(ref prefix, T.Count));
        prefix = ref Unsafe.Add(ref prefix, stride);
        T c0 = T.Load(ref prefix), c1 = T.Load(ref Unsafe.Add(ref prefix, T.Count));
        prefix = ref Unsafe.Add(ref prefix, stride);
        T d0 = T.Load(ref prefix), d1 = T.Load(ref Unsafe.Add(ref prefix, T.Count));
        ref double w1 = ref Unsafe.Add(ref w0, inputs);
        ref double w2 = ref Unsafe.Add(ref w1, inputs);
        ref double w3 = ref Unsafe.Add(ref w2, inputs);
        for (nint i = 0; i < count; i++)
        {
            T x0 = T.Load(ref context), x1 = T.Load(ref Unsafe.Add(ref context, T.Count));
            T w = T.Broadcast(Unsafe.Add(ref w0, i));
            a0 += w * x0;
            a1 += w * x1;
            w = T.Broadcast(Unsafe.Add(ref w1, i));
            b0 += w * x0;
            b1 += w * x1;
            w = T.Broadcast(Unsafe.Add(ref w2, i));
            c0 += w * x0;
            c1 += w * x1;
            w = T.Broadcast(Unsafe.Add(ref w3, i));
            d0 += w * x0;
            d1 += w * x1;
            context = ref Unsafe.Add(ref context, stride);
        }

        T.Store(a0, ref sums);
        T.Store(a1, ref Unsafe.Add(ref sums, T.Count));
        sums = ref Unsafe.Add(ref sums, stride);
        T.Store(b0, ref sums);
        T.Store(b1, ref Unsafe.Add(ref sums, T.Count));
        sums = ref Unsafe.Add(ref sums, stride);
        T.Store(c0, ref sums);
        T.Store(c1, ref Unsafe.Add(ref sums, T.Count));
        sums = ref Unsafe.Add(ref sums, stride);
        T.Store(d0, ref sums);
        T.Store(d1, ref Unsafe.Add(ref sums, T.Count));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One(ref double weights, nint count, ref double context, nint stride, ref double prefix, ref double sums)
    {
        T sum = T.Load(ref prefix);
        for (nint i = 0; i < count; i++)
        {
            sum += T.Broadcast(Unsafe.Add(ref weights, i)) * T.Load(ref context);
            context = ref Unsafe.Add(ref context, stride);
        }

        T.Store(sum, ref sums);
    }

    /// <summary>The mean of squared errors in eml-core's order: sample by sample.</summary>
    private double Mean(AlignedDoubles errors)
    {
        double sum = 0;
        nint stride = _stride;
        for (int s = 0; s < _samples; s++)
        {
            ref double square = ref errors[s];
            for (int e = 0; e < _part.Heads; e++)
            {
                sum += square;
                square = ref Unsafe.Add(ref square, stride);
            }
        }

        return sum / ((double)_samples * _part.Heads);
    }
}
