using Eml.Numerics;

namespace Eml.Functions;

/// <summary>Small dense matrices, row by row.</summary>
internal static class Dense
{
    /// <summary>A → L with A = L·Lᵀ in the lower triangle; false if A is not positive definite.</summary>
    public static bool Cholesky(Span<double> a, int n)
    {
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = a[i * n + j] - Reduction.Dot(a.Slice(i * n, j), a.Slice(j * n, j));
                if (i == j)
                {
                    if (!(sum > 0) || !double.IsFinite(sum))
                    {
                        return false;
                    }

                    a[i * n + i] = Math.Sqrt(sum);
                }
                else
                {
                    a[i * n + j] = sum / a[j * n + j];
                }
            }
        }

        return true;
    }

    /// <summary>b → L⁻¹·b.</summary>
    public static void SolveLower(ReadOnlySpan<double> l, int n, Span<double> b)
    {
        for (int i = 0; i < n; i++)
        {
            b[i] = (b[i] - Reduction.Dot(l.Slice(i * n, i), b[..i])) / l[i * n + i];
        }
    }

    /// <summary>b → L⁻ᵀ·b.</summary>
    public static void SolveUpper(ReadOnlySpan<double> l, int n, Span<double> b)
    {
        for (int i = n - 1; i >= 0; i--)
        {
            double value = b[i] / l[i * n + i];
            b[i] = value;
            for (int k = 0; k < i; k++)
            {
                b[k] -= l[i * n + k] * value;
            }
        }
    }

    /// <summary>(rows) vectors of numbers in [−1, 1).</summary>
    public static double[][] Random(int rows, int length, ulong seed)
    {
        var random = new Lcg64(seed);
        double[][] result = new double[rows][];
        for (int r = 0; r < rows; r++)
        {
            result[r] = new double[length];
            foreach (ref double value in result[r].AsSpan())
            {
                value = random.Signed();
            }
        }

        return result;
    }

    /// <summary>Gram and Schmidt, modified; vectors that depend on earlier ones become 0.</summary>
    public static void Orthonormalise(double[][] vectors)
    {
        for (int r = 0; r < vectors.Length; r++)
        {
            Span<double> v = vectors[r];
            double before = Reduction.Dot(v, v);
            for (int k = 0; k < r; k++)
            {
                double overlap = Reduction.Dot(v, vectors[k]);
                for (int i = 0; i < v.Length; i++)
                {
                    v[i] -= overlap * vectors[k][i];
                }
            }

            double square = Reduction.Dot(v, v);
            double factor = square > 1e-20 * before ? 1 / Math.Sqrt(square) : 0;
            foreach (ref double value in v)
            {
                value *= factor;
            }
        }
    }
}
