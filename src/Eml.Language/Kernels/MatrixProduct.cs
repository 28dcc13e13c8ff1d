using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>y = x W^T for the rows of W that one thread has: W (rows, columns), x (tokens, columns), y (tokens, rows).</summary>
/// <remarks>Every element is the same sum in the same order, 16 columns side by side, however many tokens and rows are worked on at a
/// time: a token gives the same bits alone and among others, on one thread and on many.</remarks>
internal static unsafe class MatrixProduct
{
    /// <summary>Tokens and rows of a block that stays in registers.</summary>
    private const int Block = 4;

    /// <summary>Rows <paramref name="first"/> to <paramref name="end"/> - 1.</summary>
    /// <param name="matrix">W.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="x">(tokens, columns)</param>
    /// <param name="tokens">How many.</param>
    /// <param name="y">(tokens, <paramref name="stride"/>), row r in column r.</param>
    /// <param name="stride">Floats from a token of y to the next.</param>
    /// <param name="scratch"><see cref="ScratchFloats"/> numbers.</param>
    public static void Rows(WeightMatrix matrix, int first, int end, float* x, int tokens, float* y, int stride, float* scratch)
    {
        switch (matrix.Type)
        {
            case WeightType.F32:
                Rows<F32>(matrix, first, end, x, tokens, y, stride, scratch);
                break;
            case WeightType.BF16:
                Rows<BF16>(matrix, first, end, x, tokens, y, stride, scratch);
                break;
            default:
                Rows<I8>(matrix, first, end, x, tokens, y, stride, scratch);
                break;
        }
    }

    /// <summary>Room for 4 rows of W as floats, and x in another order.</summary>
    public static long ScratchFloats(int columns, int tokens) => (long)(Block + tokens) * columns;

    private static void Rows<T>(WeightMatrix matrix, int first, int end, float* x, int tokens, float* y, int stride, float* scratch)
        where T : struct, IElement
    {
        int columns = matrix.Columns;
        float* scales = matrix.Scales;
        int r = first;
        if (columns % T.Step == 0)
        {
            // Eight rows that are a multiple of 4096 bytes apart would drive each other out of the first cache.
            bool isEight = Vector512.IsHardwareAccelerated && tokens == 1 && (columns * T.Size) % 4096 != 0;
            float* ordered = x;
            if (T.Step == 2 * Lanes.Width)
            {
                ordered = scratch + ((long)Block * columns);
                for (long i = 0; i < (long)tokens * columns; i += T.Step)
                {
                    (Vector512<float> p, Vector512<float> q) = T.Order(x + i);
                    p.Store(ordered + i);
                    q.Store(ordered + i + Lanes.Width);
                }
            }
            for (; isEight && r + (2 * Block) <= end; r += 2 * Block)
            {
                Eight<T>(matrix.Row(r), columns, ordered, y + r);
                if (scales != null)
                {
                    (Vector256.Load(scales + r) * Vector256.Load(y + r)).Store(y + r);
                }
            }
            for (; r + Block <= end; r += Block)
            {
                Vector128<float> scale = scales == null ? Vector128<float>.One : Vector128.Load(scales + r);
                Blocks<T>(matrix.Row(r), columns, ordered, tokens, scale, y + r, stride, scratch);
            }
        }
        for (; r < end; r++)
        {
            for (int t = 0; t < tokens; t++)
            {
                y[((long)t * stride) + r] = Dot<T>(matrix.Row(r), x + ((long)t * columns), columns) * (scales == null ? 1.0f : scales[r]);
            }
        }
    }

    /// <summary>Four rows with all tokens.</summary>
    private static void Blocks<T>(byte* rows, int columns, float* x, int tokens, Vector128<float> scale, float* y, int stride, float* scratch)
        where T : struct, IElement
    {
        if (tokens == 1)
        {
            Four<T>(rows, columns, x, scale, y);
            return;
        }
        float* floats = (float*)rows;
        if (typeof(T) != typeof(F32))
        {
            for (int i = 0; i < Block * columns; i += T.Step)
            {
                (Vector512<float> p, Vector512<float> q) = T.Load(rows + ((long)i * T.Size));
                p.Store(scratch + i);
                if (T.Step > Lanes.Width)
                {
                    q.Store(scratch + i + Lanes.Width);
                }
            }
            floats = scratch;
        }
        int t = 0;
        for (; Vector512.IsHardwareAccelerated && t + Block <= tokens; t += Block)
        {
            FourByFour(floats, columns, x + ((long)t * columns), y + ((long)t * stride), stride, scale);
        }
        for (; t + 3 <= tokens; t += 3)
        {
            FourByThree(floats, columns, x + ((long)t * columns), y + ((long)t * stride), stride, scale);
        }
        for (; t < tokens; t++)
        {
            Four<F32>((byte*)floats, columns, x + ((long)t * columns), scale, y + ((long)t * stride));
        }
    }

    /// <summary>The sum of products of a row of weights and <paramref name="x"/>; what does not fill a step is added at the end.</summary>
    public static float Dot<T>(byte* row, float* x, int count) where T : struct, IElement
    {
        Vector512<float> sums = Vector512<float>.Zero;
        int i = 0;
        for (; i + T.Step <= count; i += T.Step)
        {
            (Vector512<float> u, Vector512<float> v) = T.Load(row + ((long)i * T.Size));
            (Vector512<float> p, Vector512<float> q) = T.Order(x + i);
            sums = Fma(u, p, sums);
            if (T.Step > Lanes.Width)
            {
                sums = Fma(v, q, sums);
            }
        }
        float sum = FloatMath.Sum(sums);
        for (; i < count; i++)
        {
            sum += T.One(row + ((long)i * T.Size)) * x[i];
        }
        return sum;
    }

    /// <summary>The sum of a vector's numbers.</summary>
    public static float Sum(float* x, int count)
    {
        Vector512<float> sums = Vector512<float>.Zero;
        int i = 0;
        for (; i + Lanes.Width <= count; i += Lanes.Width)
        {
            sums += Vector512.Load(x + i);
        }
        float sum = FloatMath.Sum(sums);
        for (; i < count; i++)
        {
            sum += x[i];
        }
        return sum;
    }

    /// <summary>Four rows with one token, whose numbers are in the order of the weights; the columns fill steps.</summary>
    public static void Four<T>(byte* rows, int columns, float* x, Vector128<float> scale, float* y) where T : struct, IElement
    {
        long row = (long)columns * T.Size;
        Vector512<float> a = Vector512<float>.Zero, b = a, c = a, d = a;
        for (int i = 0; i < columns; i += T.Step)
        {
            byte* at = rows + ((long)i * T.Size);
            var p = Vector512.Load(x + i);
            Vector512<float> q = T.Step > Lanes.Width ? Vector512.Load(x + i + Lanes.Width) : default;
            a = Add<T>(at, p, q, a);
            b = Add<T>(at + row, p, q, b);
            c = Add<T>(at + (2 * row), p, q, c);
            d = Add<T>(at + (3 * row), p, q, d);
        }
        (Sums(a, b, c, d) * scale).Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add<T>(byte* weights, Vector512<float> p, Vector512<float> q, Vector512<float> sum) where T : struct, IElement
    {
        (Vector512<float> first, Vector512<float> second) = T.Load(weights);
        sum = Fma(first, p, sum);
        return T.Step > Lanes.Width ? Fma(second, q, sum) : sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ahead(byte* at)
    {
        if (System.Runtime.Intrinsics.X86.Sse.IsSupported)
        {
            System.Runtime.Intrinsics.X86.Sse.Prefetch0(at);
        }
    }

    /// <summary>Eight rows with one token: enough sums side by side to wait for none of them.</summary>
    private static void Eight<T>(byte* rows, int columns, float* x, float* y) where T : struct, IElement
    {
        long row = (long)columns * T.Size;
        Vector512<float> a = Vector512<float>.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        for (int i = 0; i < columns; i += T.Step)
        {
            byte* at = rows + ((long)i * T.Size);
            byte* next = at + (4 * row);
            var p = Vector512.Load(x + i);
            Vector512<float> q = T.Step > Lanes.Width ? Vector512.Load(x + i + Lanes.Width) : default;
            Ahead(at + (8 * row));
            a = Add<T>(at, p, q, a);
            b = Add<T>(at + row, p, q, b);
            Ahead(at + (10 * row));
            c = Add<T>(at + (2 * row), p, q, c);
            d = Add<T>(at + (3 * row), p, q, d);
            Ahead(next + (8 * row));
            e = Add<T>(next, p, q, e);
            f = Add<T>(next + row, p, q, f);
            Ahead(next + (10 * row));
            g = Add<T>(next + (2 * row), p, q, g);
            h = Add<T>(next + (3 * row), p, q, h);
        }
        Sums(a, b, c, d).Store(y);
        Sums(e, f, g, h).Store(y + 4);
    }

    /// <summary>Four rows with four tokens: 16 sums, as many as registers hold.</summary>
    private static void FourByFour(float* w, int columns, float* x, float* y, int stride, Vector128<float> scale)
    {
        Vector512<float> a0 = Vector512<float>.Zero, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        Vector512<float> c0 = a0, c1 = a0, c2 = a0, c3 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0;
        float* w1 = w + columns, w2 = w1 + columns, w3 = w2 + columns;
        float* x1 = x + columns, x2 = x1 + columns, x3 = x2 + columns;
        for (int i = 0; i < columns; i += Lanes.Width)
        {
            Vector512<float> p0 = Vector512.Load(w + i), p1 = Vector512.Load(w1 + i), p2 = Vector512.Load(w2 + i), p3 = Vector512.Load(w3 + i);
            Vector512<float> t = Vector512.Load(x + i);
            a0 = Fma(p0, t, a0);
            a1 = Fma(p1, t, a1);
            a2 = Fma(p2, t, a2);
            a3 = Fma(p3, t, a3);
            t = Vector512.Load(x1 + i);
            b0 = Fma(p0, t, b0);
            b1 = Fma(p1, t, b1);
            b2 = Fma(p2, t, b2);
            b3 = Fma(p3, t, b3);
            t = Vector512.Load(x2 + i);
            c0 = Fma(p0, t, c0);
            c1 = Fma(p1, t, c1);
            c2 = Fma(p2, t, c2);
            c3 = Fma(p3, t, c3);
            t = Vector512.Load(x3 + i);
            d0 = Fma(p0, t, d0);
            d1 = Fma(p1, t, d1);
            d2 = Fma(p2, t, d2);
            d3 = Fma(p3, t, d3);
        }
        (Sums(a0, a1, a2, a3) * scale).Store(y);
        (Sums(b0, b1, b2, b3) * scale).Store(y + stride);
        (Sums(c0, c1, c2, c3) * scale).Store(y + (2 * (long)stride));
        (Sums(d0, d1, d2, d3) * scale).Store(y + (3 * (long)stride));
    }

    /// <summary>Four rows with three tokens where vectors have 8 floats: the sums of columns 0 to 7 of every 16, then those of columns 8 to 15,
    /// so that 12 of them stay in registers.</summary>
    private static void FourByThree(float* w, int columns, float* x, float* y, int stride, Vector128<float> scale)
    {
        Vector256<float>* sums = stackalloc Vector256<float>[12];
        Half(w, columns, x, sums, false);
        Half(w + 8, columns, x + 8, sums, true);
        for (int t = 0; t < 3; t++)
        {
            (Sums(sums[4 * t], sums[(4 * t) + 1], sums[(4 * t) + 2], sums[(4 * t) + 3]) * scale).Store(y + ((long)t * stride));
        }
    }

    private static void Half(float* w, int columns, float* x, Vector256<float>* sums, bool add)
    {
        Vector256<float> a0 = Vector256<float>.Zero, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, c0 = a0, c1 = a0, c2 = a0, c3 = a0;
        float* w1 = w + columns, w2 = w1 + columns, w3 = w2 + columns;
        float* x1 = x + columns, x2 = x1 + columns;
        for (int i = 0; i < columns; i += Lanes.Width)
        {
            Vector256<float> s = Vector256.Load(x + i), t = Vector256.Load(x1 + i), u = Vector256.Load(x2 + i);
            var p = Vector256.Load(w + i);
            a0 = Fma(p, s, a0);
            b0 = Fma(p, t, b0);
            c0 = Fma(p, u, c0);
            p = Vector256.Load(w1 + i);
            a1 = Fma(p, s, a1);
            b1 = Fma(p, t, b1);
            c1 = Fma(p, u, c1);
            p = Vector256.Load(w2 + i);
            a2 = Fma(p, s, a2);
            b2 = Fma(p, t, b2);
            c2 = Fma(p, u, c2);
            p = Vector256.Load(w3 + i);
            a3 = Fma(p, s, a3);
            b3 = Fma(p, t, b3);
            c3 = Fma(p, u, c3);
        }
        if (add)
        {
            (a0, a1, a2, a3) = (sums[0] + a0, sums[1] + a1, sums[2] + a2, sums[3] + a3);
            (b0, b1, b2, b3) = (sums[4] + b0, sums[5] + b1, sums[6] + b2, sums[7] + b3);
            (c0, c1, c2, c3) = (sums[8] + c0, sums[9] + c1, sums[10] + c2, sums[11] + c3);
        }
        (sums[0], sums[1], sums[2], sums[3]) = (a0, a1, a2, a3);
        (sums[4], sums[5], sums[6], sums[7]) = (b0, b1, b2, b3);
        (sums[8], sums[9], sums[10], sums[11]) = (c0, c1, c2, c3);
    }
}
