using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>C = A B or C += A B in blocks of 4 rows and a panel's columns that stay in registers. B is packed into panels.</summary>
/// <remarks>Each element of C is one chain of fused multiply-adds over k = 0, 1, 2 ..., so it does not depend on how rows are shared out
/// among threads.</remarks>
internal static unsafe class Gemm
{
    /// <summary>Columns of a panel: 64, or 16 where vectors have 8 floats, as many as 4 rows of sums leave registers for.</summary>
    public static int Panel => Vector512.IsHardwareAccelerated ? 64 : 16;

    private const int Rows = 4;

    /// <summary>Packs columns <paramref name="from"/> to <paramref name="from"/> + <see cref="Panel"/> - 1 of B (k, columns), zeros past the end.</summary>
    public static void Pack(float* b, long stride, int k, int from, int columns, float* panel)
    {
        int count = Math.Min(Panel, columns - from);
        for (int row = 0; row < k; row++, panel += Panel)
        {
            new ReadOnlySpan<float>(b + (row * stride) + from, count).CopyTo(new Span<float>(panel, count));
            new Span<float>(panel + count, Panel - count).Clear();
        }
    }

    /// <summary>The same of the transpose of a matrix (columns, k).</summary>
    public static void PackTransposed(float* b, long stride, int k, int from, int columns, float* panel)
    {
        int count = Math.Min(Panel, columns - from);
        if (count < Panel)
        {
            new Span<float>(panel, k * Panel).Clear();
        }
        for (int column = 0; column < count; column++)
        {
            float* row = b + ((from + column) * stride);
            for (int i = 0; i < k; i++)
            {
                panel[(i * Panel) + column] = row[i];
            }
        }
    }

    /// <summary>to (columns, rows) = the transpose of a (rows, columns), in squares that stay in the cache.</summary>
    public static void Transpose(float* a, long stride, int rows, int columns, float* to)
    {
        const int Side = 16;
        for (int top = 0; top < rows; top += Side)
        {
            int bottom = Math.Min(rows, top + Side);
            for (int left = 0; left < columns; left += Side)
            {
                int right = Math.Min(columns, left + Side);
                for (int i = left; i < right; i++)
                {
                    float* column = a + i;
                    float* row = to + ((long)i * rows);
                    for (int j = top; j < bottom; j++)
                    {
                        row[j] = column[j * stride];
                    }
                }
            }
        }
    }

    /// <summary>A panel's columns of C = A B, or C += A B.</summary>
    /// <param name="a">Element (i, j) is a[i rowStep + j columnStep].</param>
    /// <param name="rowStep">Floats from a row of A to the next.</param>
    /// <param name="columnStep">Floats from a column of A to the next.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="panel">B: (k, <see cref="Panel"/>)</param>
    /// <param name="c">First element of the panel's columns of C.</param>
    /// <param name="stride">Floats from a row of C to the next.</param>
    /// <param name="columns">Columns of the panel that C has.</param>
    /// <param name="add">Whether to add to C.</param>
    public static void Multiply(float* a, long rowStep, long columnStep, int m, int k, float* panel, float* c, long stride, int columns, bool add)
    {
        float* edge = stackalloc float[Rows * Panel];
        for (int i = 0; i < m; i += Rows)
        {
            int rows = Math.Min(Rows, m - i);
            float* block = a + (i * rowStep);
            float* to = c + (i * stride);
            if (rows == Rows && columns == Panel)
            {
                Block(block, rowStep, columnStep, k, panel, to, stride, add);
                continue;
            }
            // Rows past the end are the last one again; what they give is dropped.
            for (int r = 0; r < rows && add; r++)
            {
                new ReadOnlySpan<float>(to + (r * stride), columns).CopyTo(new Span<float>(edge + (r * Panel), columns));
            }
            if (rows == Rows)
            {
                Block(block, rowStep, columnStep, k, panel, edge, Panel, add);
            }
            else
            {
                for (int r = 0; r < rows; r++)
                {
                    Row(block + (r * rowStep), columnStep, k, panel, edge + (r * Panel), add);
                }
            }
            for (int r = 0; r < rows; r++)
            {
                new ReadOnlySpan<float>(edge + (r * Panel), columns).CopyTo(new Span<float>(to + (r * stride), columns));
            }
        }
    }

    private static void Block(float* a, long rowStep, long columnStep, int k, float* b, float* c, long stride, bool add)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Wide(a, rowStep, columnStep, k, b, c, stride, add);
        }
        else
        {
            Narrow(a, rowStep, columnStep, k, b, c, stride, add);
        }
    }

    /// <summary>4 rows and 16 columns: 8 sums of 8 floats.</summary>
    private static void Narrow(float* a, long rowStep, long columnStep, int k, float* b, float* c, long stride, bool add)
    {
        Vector256<float> c00 = Vector256<float>.Zero, c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        float* c1 = c + stride, c2 = c1 + stride, c3 = c2 + stride;
        if (add)
        {
            (c00, c01, c10, c11) = (Vector256.Load(c), Vector256.Load(c + 8), Vector256.Load(c1), Vector256.Load(c1 + 8));
            (c20, c21, c30, c31) = (Vector256.Load(c2), Vector256.Load(c2 + 8), Vector256.Load(c3), Vector256.Load(c3 + 8));
        }
        float* a1 = a + rowStep, a2 = a1 + rowStep, a3 = a2 + rowStep;
        for (int i = 0; i < k; i++)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(*a);
            c00 = Fma(x, b0, c00);
            c01 = Fma(x, b1, c01);
            x = Vector256.Create(*a1);
            c10 = Fma(x, b0, c10);
            c11 = Fma(x, b1, c11);
            x = Vector256.Create(*a2);
            c20 = Fma(x, b0, c20);
            c21 = Fma(x, b1, c21);
            x = Vector256.Create(*a3);
            c30 = Fma(x, b0, c30);
            c31 = Fma(x, b1, c31);
            b += Panel;
            a += columnStep;
            a1 += columnStep;
            a2 += columnStep;
            a3 += columnStep;
        }
        c00.Store(c);
        c01.Store(c + 8);
        c10.Store(c1);
        c11.Store(c1 + 8);
        c20.Store(c2);
        c21.Store(c2 + 8);
        c30.Store(c3);
        c31.Store(c3 + 8);
    }

    /// <summary>4 rows and 64 columns: 16 sums of 16 floats.</summary>
    private static void Wide(float* a, long rowStep, long columnStep, int k, float* b, float* c, long stride, bool add)
    {
        Vector512<float> c00 = Vector512<float>.Zero, c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
        Vector512<float> c20 = c00, c21 = c00, c22 = c00, c23 = c00, c30 = c00, c31 = c00, c32 = c00, c33 = c00;
        float* c1 = c + stride, c2 = c1 + stride, c3 = c2 + stride;
        if (add)
        {
            (c00, c01, c02, c03) = (Vector512.Load(c), Vector512.Load(c + 16), Vector512.Load(c + 32), Vector512.Load(c + 48));
            (c10, c11, c12, c13) = (Vector512.Load(c1), Vector512.Load(c1 + 16), Vector512.Load(c1 + 32), Vector512.Load(c1 + 48));
            (c20, c21, c22, c23) = (Vector512.Load(c2), Vector512.Load(c2 + 16), Vector512.Load(c2 + 32), Vector512.Load(c2 + 48));
            (c30, c31, c32, c33) = (Vector512.Load(c3), Vector512.Load(c3 + 16), Vector512.Load(c3 + 32), Vector512.Load(c3 + 48));
        }
        float* a1 = a + rowStep, a2 = a1 + rowStep, a3 = a2 + rowStep;
        for (int i = 0; i < k; i++)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), b2 = Vector512.Load(b + 32), b3 = Vector512.Load(b + 48);
            var x = Vector512.Create(*a);
            c00 = Fma(x, b0, c00);
            c01 = Fma(x, b1, c01);
            c02 = Fma(x, b2, c02);
            c03 = Fma(x, b3, c03);
            x = Vector512.Create(*a1);
            c10 = Fma(x, b0, c10);
            c11 = Fma(x, b1, c11);
            c12 = Fma(x, b2, c12);
            c13 = Fma(x, b3, c13);
            x = Vector512.Create(*a2);
            c20 = Fma(x, b0, c20);
            c21 = Fma(x, b1, c21);
            c22 = Fma(x, b2, c22);
            c23 = Fma(x, b3, c23);
            x = Vector512.Create(*a3);
            c30 = Fma(x, b0, c30);
            c31 = Fma(x, b1, c31);
            c32 = Fma(x, b2, c32);
            c33 = Fma(x, b3, c33);
            b += Panel;
            a += columnStep;
            a1 += columnStep;
            a2 += columnStep;
            a3 += columnStep;
        }
        Store(c, c00, c01, c02, c03);
        Store(c1, c10, c11, c12, c13);
        Store(c2, c20, c21, c22, c23);
        Store(c3, c30, c31, c32, c33);
    }

    private static void Row(float* a, long columnStep, int k, float* b, float* c, bool add)
    {
        if (!add)
        {
            new Span<float>(c, Panel).Clear();
        }
        for (int i = 0; i < k; i++)
        {
            Pointwise.Accumulate(c, b, *a, Panel);
            b += Panel;
            a += columnStep;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3)
    {
        c0.Store(c);
        c1.Store(c + 16);
        c2.Store(c + 32);
        c3.Store(c + 48);
    }
}
