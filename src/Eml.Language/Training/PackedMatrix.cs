using Eml.Language.Kernels;

namespace Eml.Language;

/// <summary>A trained matrix W (rows, columns) as y = x W^T reads it: the transpose in panels of 64 columns, made anew after each update.</summary>
internal sealed unsafe class PackedMatrix(TrainableTensors tensors, string name, float* panels)
{
    public TrainableTensor Tensor { get; } = tensors[name];

    /// <summary>W (rows, columns).</summary>
    public float* Value { get; } = tensors.Value(name);

    /// <summary>Its gradient.</summary>
    public float* Gradient { get; } = tensors.Gradient(name);

    public int Rows => Tensor.Rows;

    public int Columns => Tensor.Columns;

    /// <summary>Floats of the panels of a matrix.</summary>
    public static long Floats(TrainableTensor tensor) => (long)Count(tensor) * Gemm.Panel * tensor.Columns;

    /// <summary>Makes the panels that are thread <paramref name="part"/>'s of <paramref name="parts"/>.</summary>
    public void Pack(int part, int parts)
    {
        for (int i = part; i < Count(Tensor); i += parts)
        {
            Gemm.PackTransposed(Value, Columns, Columns, i * Gemm.Panel, Rows, panels + ((long)i * Gemm.Panel * Columns));
        }
    }

    /// <summary>y (tokens, rows) = x (tokens, columns) W^T.</summary>
    public void Forward(float* x, int tokens, float* y, long stride)
    {
        for (int i = 0; i < Count(Tensor); i++)
        {
            Gemm.Multiply(x, Columns, 1, tokens, Columns, panels + ((long)i * Gemm.Panel * Columns), y + (i * Gemm.Panel), stride,
                Math.Min(Gemm.Panel, Rows - (i * Gemm.Panel)), false);
        }
    }

    /// <summary>dx (tokens, columns) = dy (tokens, rows) W, or += .</summary>
    public void Backward(float* dy, int tokens, float* dx, bool add, float* panel)
    {
        for (int at = 0; at < Columns; at += Gemm.Panel)
        {
            Gemm.Pack(Value, Columns, Rows, at, Columns, panel);
            Gemm.Multiply(dy, Rows, 1, tokens, Rows, panel, dx + at, Columns, Math.Min(Gemm.Panel, Columns - at), add);
        }
    }

    /// <summary>Rows <paramref name="from"/> to <paramref name="to"/> - 1 of dW += dy^T x. <paramref name="transposed"/> has room for them: (rows,
    /// tokens); read with a stride, dy would miss the caches again for each panel.</summary>
    public void Accumulate(float* dy, float* x, int tokens, int from, int to, float* transposed, float* panel)
    {
        Gemm.Transpose(dy + from, Rows, tokens, to - from, transposed);
        for (int at = 0; at < Columns && to > from; at += Gemm.Panel)
        {
            Gemm.Pack(x, Columns, tokens, at, Columns, panel);
            Gemm.Multiply(transposed, tokens, 1, to - from, tokens, panel, Gradient + ((long)from * Columns) + at, Columns, Math.Min(Gemm.Panel, Columns - at), true);
        }
    }

    private static int Count(TrainableTensor tensor) => (tensor.Rows + Gemm.Panel - 1) / Gemm.Panel;
}
