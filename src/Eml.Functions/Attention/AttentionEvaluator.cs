using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// An attention block ready to be evaluated: immutable. q, k and v are one bank of heads. Scores, softmax and context have
/// the rows of the sequence in the lanes, for which q's heads are put in the order (d_k, rows).
/// </summary>
internal sealed class AttentionEvaluator
{
    [ThreadStatic]
    private static AlignedDoubles? t_scratch;

    private readonly AttentionLayout _layout;
    private readonly double[] _parameters;
    private readonly double _scale;
    private readonly HeadBank _projections;
    private readonly HeadBank _out;
    private readonly int _rows; // of the sequence, padded to a power of two
    private readonly int _keys; // where k begins in the projections' values
    private readonly int _values;

    public AttentionEvaluator(AttentionLayout layout, double[] parameters, double scale)
    {
        _layout = layout;
        _parameters = parameters;
        _scale = scale;
        _rows = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)layout.SeqLen);
        _keys = layout.DK * _rows;
        _values = _keys + layout.Inner;
        _projections = new HeadBank(layout.Depth, layout.Width, _values + layout.Inner);
        for (int head = 0; head < layout.Inner; head++)
        {
            int row = head / layout.DK, r = head % layout.DK;
            _projections.Set(r * _rows + row, layout.Parts[AttentionLayout.Query], head, parameters);
            _projections.Set(_keys + head, layout.Parts[AttentionLayout.Key], head, parameters);
            _projections.Set(_values + head, layout.Parts[AttentionLayout.Value], head, parameters);
        }

        _out = new HeadBank(layout.Depth, layout.Inner, layout.Width);
        for (int head = 0; head < layout.Width; head++)
        {
            _out.Set(head, layout.Parts[layout.Out], head, parameters);
        }
    }

    /// <summary>x (seq_len·d_model) → y (the same); learned: by the softmax tree.</summary>
    public void Row(ReadOnlySpan<double> x, Span<double> y, bool learned)
    {
        int scores = _projections.Stride, context = scores + 2 * AttentionBlock.MaxSeqLen * _rows, result = context + _layout.Inner;
        result = (result + 7) & -8;
        AlignedDoubles scratch = Scratch(result + _out.Stride);
        Run(_projections, ref Unsafe.AsRef(in x[0]), ref scratch[0]);
        ref double weights = ref scratch[scores + AttentionBlock.MaxSeqLen * _rows];
        if (Lanes8.IsSupported && _rows >= Lanes8.Count)
        {
            Attend<Lanes8>(ref scratch[0], ref scratch[scores], ref weights, ref scratch[context], learned);
        }
        else if (Lanes4.IsSupported && _rows >= Lanes4.Count)
        {
            Attend<Lanes4>(ref scratch[0], ref scratch[scores], ref weights, ref scratch[context], learned);
        }
        else if (Lanes2.IsSupported && _rows >= Lanes2.Count)
        {
            Attend<Lanes2>(ref scratch[0], ref scratch[scores], ref weights, ref scratch[context], learned);
        }
        else
        {
            Attend<Lanes1>(ref scratch[0], ref scratch[scores], ref weights, ref scratch[context], learned);
        }

        Run(_out, ref scratch[context], ref scratch[result]);
        scratch.Slice(result, y.Length).CopyTo(y);
    }

    private static void Run(HeadBank bank, ref double x, ref double values)
    {
        if (Lanes8.IsSupported)
        {
            bank.Run<Lanes8>(ref x, ref values);
        }
        else if (Lanes4.IsSupported)
        {
            bank.Run<Lanes4>(ref x, ref values);
        }
        else if (Lanes2.IsSupported)
        {
            bank.Run<Lanes2>(ref x, ref values);
        }
        else
        {
            bank.Run<Lanes1>(ref x, ref values);
        }
    }

    private void Attend<T>(ref double projections, ref double scores, ref double weights, ref double context, bool learned)
        where T : struct, ILanes<T>
    {
        int n = _layout.SeqLen, dK = _layout.DK;
        ref double keys = ref Unsafe.Add(ref projections, _keys);
        ref double values = ref Unsafe.Add(ref projections, _values);
        T scale = T.Broadcast(_scale);
        Span<double> lanes = stackalloc double[T.Count];
        for (int first = 0; first < n; first += T.Count)
        {
            ref double query = ref Unsafe.Add(ref projections, first);
            ref double score = ref Unsafe.Add(ref scores, first);
            ref double weight = ref Unsafe.Add(ref weights, first);
            for (int j = 0; j < n; j++)
            {
                T sum = T.Broadcast(0);
                for (int r = 0; r < dK; r++)
                {
                    sum += T.Load(ref Unsafe.Add(ref query, r * _rows)) * T.Broadcast(Unsafe.Add(ref keys, j * dK + r));
                }

                T.Store(sum * scale, ref Unsafe.Add(ref score, j * _rows));
            }

            if (learned)
            {
                AttentionKernels<T>.LearnedSoftmax(_layout.Parts[_layout.Softmax], _parameters, ref score, ref weight, _rows);
            }
            else
            {
                AttentionKernels<T>.Softmax(ref score, ref weight, _rows, n);
            }

            int rows = Math.Min(T.Count, n - first);
            for (int r = 0; r < dK; r++)
            {
                T sum = T.Broadcast(0);
                for (int j = 0; j < n; j++)
                {
                    sum += T.Load(ref Unsafe.Add(ref weight, j * _rows)) * T.Broadcast(Unsafe.Add(ref values, j * dK + r));
                }

                T.Store(sum, ref lanes[0]);
                for (int i = 0; i < rows; i++)
                {
                    Unsafe.Add(ref context, (first + i) * dK + r) = lanes[i];
                }
            }
        }
    }

    private static AlignedDoubles Scratch(int length)
    {
        AlignedDoubles? scratch = t_scratch;
        if (scratch is null || scratch.Length < length)
        {
            scratch = new AlignedDoubles(length);
            t_scratch = scratch;
        }

        return scratch;
    }
}
