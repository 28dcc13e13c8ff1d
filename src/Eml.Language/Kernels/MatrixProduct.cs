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
    /// <param name="scratch">Room for 4 rows of W as floats.</param>
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

    private static void Rows<T>(WeightMatrix matrix, int first, int end, float* x, int tokens, float* y, int stride, float* scratch)
        where T : struct, IElement
    {
        int columns = matrix.Columns;
        float* scales = matrix.Scales;
        int r = first;
        for (; tokens == 1 && columns % Lanes.Width == 0 && r + (2 * Block) <= end; r += 2 * Block)
        {
            Eight<T>(matrix.Row(r), columns, x, y + r);
            if (scales != null)
            {
                (Vector256.Load(scales + r) * Vector256.Load(y + r)).Store(y + r);
            }
        }
        for (; columns % Lanes.Width == 0 && r + Block <= end; r += Block)
        {
            byte* rows = matrix.Row(r);
            Vector128<float> scale = scales == null ? Vector128<float>.One : Vector128.Load(scales + r);
            if (tokens == 1)
            {
                Four<T>(rows, columns, x, scale, y + r);
                continue;
            }
            float* floats = (float*)rows;
            if (typeof(T) != typeof(F32))
            {
                Convert<T>(rows, Block * columns, scratch);
                floats = scratch;
            }
            int t = 0;
            for (; t + Block <= tokens; t += Block)
            {
                FourByFour(floats, columns, x + ((long)t * columns), y + ((long)t * stride) + r, stride, scale);
            }
            for (; t < tokens; t++)
            {
                Four<F32>((byte*)floats, columns, x + ((long)t * columns), scale, y + ((long)t * stride) + r);
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

    /// <summary>As floats, without the scale.</summary>
    public static void Convert<T>(byte* from, int count, float* to) where T : struct, IElement
    {
        int i = 0;
        for (; i + Lanes.Width <= count; i += Lanes.Width)
        {
            T.Load(from + ((long)i * T.Size)).Store(to + i);
        }
        for (; i < count; i++)
        {
            to[i] = T.One(from + ((long)i * T.Size));
        }
    }

    /// <summary>The sum of products of a row of weights and <paramref name="x"/>; what does not fill 16 columns is added at the end.</summary>
    public static float Dot<T>(byte* row, float* x, int count) where T : struct, IElement
    {
        Vector512<float> sums = Vector512<float>.Zero;
        int i = 0;
        for (; i + Lanes.Width <= count; i += Lanes.Width)
        {
            sums = Fma(T.Load(row + ((long)i * T.Size)), Vector512.Load(x + i), sums);
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

    /// <summary>Four rows with one token; the columns fill vectors.</summary>
    public static void Four<T>(byte* rows, int columns, float* x, Vector128<float> scale, float* y) where T : struct, IElement
    {
        long row = (long)columns * T.Size;
        Vector512<float> a = Vector512<float>.Zero, b = a, c = a, d = a;
        for (int i = 0; i < columns; i += Lanes.Width)
        {
            byte* at = rows + ((long)i * T.Size);
            Vector512<float> part = Vector512.Load(x + i);
            a = Fma(T.Load(at), part, a);
            b = Fma(T.Load(at + row), part, b);
            c = Fma(T.Load(at + (2 * row)), part, c);
            d = Fma(T.Load(at + (3 * row)), part, d);
        }
        (Sums(a, b, c, d) * scale).Store(y);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
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
        for (int i = 0; i < columns; i += Lanes.Width)
        {
            byte* at = rows + ((long)i * T.Size);
            byte* next = at + (4 * row);
            Vector512<float> part = Vector512.Load(x + i);
            Ahead(at + (8 * row));
            a = Fma(T.Load(at), part, a);
            b = Fma(T.Load(at + row), part, b);
            Ahead(at + (10 * row));
            c = Fma(T.Load(at + (2 * row)), part, c);
            d = Fma(T.Load(at + (3 * row)), part, d);
            Ahead(next + (8 * row));
            e = Fma(T.Load(next), part, e);
            f = Fma(T.Load(next + row), part, f);
            Ahead(next + (10 * row));
            g = Fma(T.Load(next + (2 * row)), part, g);
            h = Fma(T.Load(next + (3 * row)), part, h);
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
}
