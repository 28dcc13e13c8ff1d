using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// An attention block ready to be evaluated: immutable. q, k and v are one bank of heads. Scores, softmax and context have
/// the rows of the sequence in the lanes, for which q's heads are put in the order (d_k, rows).
/// </summary>
internal sealed class AttentionEvaluator
{
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
    [SkipLocalsInit]
    public unsafe void Row(ReadOnlySpan<double> x, Span<double> y, bool learned)
    {
        int scores = _projections.Stride, weights = scores + AttentionBlock.MaxSeqLen * _rows;
        int context = weights + AttentionBlock.MaxSeqLen * _rows, result = (context + _layout.Inner + 7) & -8;

        // At a cache line, so that no vector lies across two.
        double* memory = stackalloc double[result + _out.Stride + 7];
        ref double scratch = ref *(double*)((nuint)(memory + 7) & ~(nuint)63);
        _projections.Run(ref MemoryMarshal.GetReference(x), ref scratch);
        if (Lanes8.IsSupported && _rows >= Lanes8.Count)
        {
            Attend<Lanes8>(ref scratch, ref Unsafe.Add(ref scratch, scores), ref Unsafe.Add(ref scratch, weights), ref Unsafe.Add(ref scratch, context), learned);
        }
        else if (Lanes4.IsSupported && _rows >= Lanes4.Count)
        {
            Attend<Lanes4>(ref scratch, ref Unsafe.Add(ref scratch, scores), ref Unsafe.Add(ref scratch, weights), ref Unsafe.Add(ref scratch, context), learned);
        }
        else if (Lanes2.IsSupported && _rows >= Lanes2.Count)
        {
            Attend<Lanes2>(ref scratch, ref Unsafe.Add(ref scratch, scores), ref Unsafe.Add(ref scratch, weights), ref Unsafe.Add(ref scratch, context), learned);
        }
        else
        {
            Attend<Lanes1>(ref scratch, ref Unsafe.Add(ref scratch, scores), ref Unsafe.Add(ref scratch, weights), ref Unsafe.Add(ref scratch, context), learned);
        }

        if (y.Length == _out.Stride)
        {
            _out.Run(ref Unsafe.Add(ref scratch, context), ref MemoryMarshal.GetReference(y));
        }
        else
        {
            ref double padded = ref Unsafe.Add(ref scratch, result);
            _out.Run(ref Unsafe.Add(ref scratch, context), ref padded);
            MemoryMarshal.CreateReadOnlySpan(ref padded, y.Length).CopyTo(y);
        }
    }

    private void Attend<T>(ref double projections, ref double scores, ref double weights, ref double context, bool learned)
        where T : struct, ILanes<T>
    {
        nint n = _layout.SeqLen, dK = _layout.DK, rows = _rows;
        ref double keys = ref Unsafe.Add(ref projections, _keys);
        ref double values = ref Unsafe.Add(ref projections, _values);
        T scale = T.Broadcast(_scale);
        for (nint first = 0; first < n; first += T.Count)
        {
            ref double query = ref Unsafe.Add(ref projections, first);
            ref double score = ref Unsafe.Add(ref scores, first);
            ref double weight = ref Unsafe.Add(ref weights, first);
            for (nint j = 0; j < n; j++)
            {
                T sum = T.Broadcast(0);
                for (nint r = 0; r < dK; r++)
                {
                    sum += T.Load(ref Unsafe.Add(ref query, r * rows)) * T.Broadcast(Unsafe.Add(ref keys, j * dK + r));
                }

                T.Store(sum * scale, ref Unsafe.Add(ref score, j * rows));
            }

            if (learned)
            {
                AttentionKernels<T>.LearnedSoftmax(_layout.Parts[_layout.Softmax], _parameters, ref score, ref weight, _rows);
            }
            else
            {
                AttentionKernels<T>.Softmax(ref score, ref weight, rows, (int)n);
            }

            // What is done with a row of scores is done with them: their memory takes a column of the context.
            for (nint r = 0; r < dK; r++)
            {
                T sum = T.Broadcast(0);
                for (nint j = 0; j < n; j++)
                {
                    sum += T.Load(ref Unsafe.Add(ref weight, j * rows)) * T.Broadcast(Unsafe.Add(ref values, j * dK + r));
                }

                T.Store(sum, ref score);
                for (nint i = 0; i < T.Count && first + i < n; i++)
                {
                    Unsafe.Add(ref context, (first + i) * dK + r) = Unsafe.Add(ref score, i);
                }
            }
        }
    }
}
