using Eml.Language.Kernels;

namespace Eml.Language;

/// <summary>Muon (Jordan et al. 2024) for the matrices of the layers: the momentum of the gradient, made nearly orthogonal, is the update. What is
/// no matrix, and embeddings, output and gates, stay with <see cref="AdamW"/>.</summary>
/// <remarks>Each matrix is one thread's, so that the bits do not depend on their number.</remarks>
internal sealed unsafe class Muon
{
    /// <summary>Decay of the momentum.</summary>
    private const float Beta = 0.95f;

    /// <summary>Learning rate before the schedule's multiplier.</summary>
    private const double Rate = 0.02;

    /// <summary>Share of the rate by which weights shrink at each step.</summary>
    private const double WeightDecay = 0.2;

    /// <summary>Gates have few rows: to them directions say little.</summary>
    private const int SmallestSide = 16;

    private const int Iterations = 5;

    private readonly TrainableTensor[] _matrices;
    private readonly TrainableTensors _tensors;
    private readonly nint[] _scratch; // per thread
    private readonly long _largest;
    private readonly long _square;

    public Muon(TrainableTensors tensors, int threads, FloatBuffers buffers)
    {
        _tensors = tensors;
        _matrices = [.. tensors.All.Where(Takes)];
        long longest = 0;
        foreach (TrainableTensor matrix in _matrices)
        {
            long side = Math.Min(matrix.Rows, matrix.Columns);
            _largest = Math.Max(_largest, matrix.Count);
            _square = Math.Max(_square, side * side);
            longest = Math.Max(longest, Math.Max(matrix.Rows, matrix.Columns));
        }
        _scratch = [.. Enumerable.Range(0, threads).Select(_ => (nint)buffers.Take((2 * _largest) + (2 * _square) + (Gemm.Panel * longest)))];
    }

    /// <summary>Whether a tensor is updated here.</summary>
    public static bool Takes(TrainableTensor tensor) => tensor.Shape.Length == 2 && tensor.Name.StartsWith("blocks.", StringComparison.Ordinal)
        && Math.Min(tensor.Rows, tensor.Columns) >= SmallestSide;

    /// <summary>Updates the matrices of thread <paramref name="part"/> of <paramref name="parts"/> by their gradients, and rounds them to <paramref name="weights"/>.</summary>
    public void Update(double multiplier, WeightType weights, int part, int parts)
    {
        for (int i = part; i < _matrices.Length; i += parts)
        {
            Update(_matrices[i], multiplier, (float*)_scratch[part]);
            if (weights == WeightType.BF16)
            {
                Pointwise.RoundToBFloat16(_tensors.Values + _matrices[i].Start, (int)_matrices[i].Count);
            }
        }
    }

    private void Update(TrainableTensor matrix, double multiplier, float* x)
    {
        int count = checked((int)matrix.Count);
        float* momentum = _tensors.Means + matrix.Start, gradient = _tensors.Gradients + matrix.Start, value = _tensors.Values + matrix.Start;
        Pointwise.Mix(momentum, Beta, gradient, 1.0f - Beta, count);
        // Nesterov's: what the momentum would be if the gradient stayed.
        new ReadOnlySpan<float>(momentum, count).CopyTo(new Span<float>(x, count));
        Pointwise.Mix(x, Beta, gradient, 1.0f - Beta, count);
        Orthogonalize(x, matrix.Rows, matrix.Columns, x + _largest);
        double rate = Rate * multiplier;
        double scale = Math.Sqrt(Math.Max(1.0, (double)matrix.Rows / matrix.Columns));
        Pointwise.Mix(value, (float)(1.0 - (rate * WeightDecay)), x, (float)(-rate * scale), count);
    }

    /// <summary>x (rows, columns) with all singular values brought close to 1: five steps x = a x + (b A + c A^2) x, A = x x^T, whose
    /// coefficients are those of Jordan et al. 2024; where there are more rows than columns, A = x^T x from the right.</summary>
    private void Orthogonalize(float* x, int rows, int columns, float* scratch)
    {
        int count = rows * columns, side = Math.Min(rows, columns);
        float* y = scratch, gram = y + _largest, squared = gram + _square, panel = squared + _square;
        Pointwise.Scale(x, 1.0f / (MathF.Sqrt(MatrixProduct.Dot<F32>((byte*)x, x, count)) + 1e-7f), count);
        for (int i = 0; i < Iterations; i++)
        {
            if (rows > columns)
            {
                Product(x, 1, columns, side, rows, x, columns, side, gram, panel);
            }
            else
            {
                for (int at = 0; at < side; at += Gemm.Panel)
                {
                    Gemm.PackTransposed(x, columns, columns, at, side, panel);
                    Gemm.Multiply(x, columns, 1, side, columns, panel, gram + at, side, Math.Min(Gemm.Panel, side - at), false);
                }
            }
            Product(gram, side, 1, side, side, gram, side, side, squared, panel);
            Pointwise.Mix(squared, 2.0315f, gram, -4.7750f, side * side);
            if (rows > columns)
            {
                Product(x, columns, 1, rows, side, squared, side, columns, y, panel);
            }
            else
            {
                Product(squared, side, 1, side, side, x, columns, columns, y, panel);
            }
            Pointwise.Mix(x, 3.4445f, y, 1.0f, count);
        }
    }

    /// <summary>c (m, columns) = a (m, k) b (k, columns).</summary>
    private static void Product(float* a, long rowStep, long columnStep, int m, int k, float* b, long stride, int columns, float* c, float* panel)
    {
        for (int at = 0; at < columns; at += Gemm.Panel)
        {
            Gemm.Pack(b, stride, k, at, columns, panel);
            Gemm.Multiply(a, rowStep, columnStep, m, k, panel, c + at, columns, Math.Min(Gemm.Panel, columns - at), false);
        }
    }
}
