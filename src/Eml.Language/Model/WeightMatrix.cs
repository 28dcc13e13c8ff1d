using System.Buffers;
using Eml.Language.Kernels;

namespace Eml.Language;

/// <summary>A matrix of weights where kernels can read it; it stays where it was loaded or mapped.</summary>
internal sealed unsafe class WeightMatrix
{
    private readonly byte* _data;
    private readonly int _rowBytes;
    private MemoryHandle _dataPin;
    private MemoryHandle _scalesPin;

    public WeightMatrix(LanguageTensor tensor)
    {
        Tensor = tensor;
        Rows = tensor.Shape[0];
        Columns = tensor.Shape[1];
        _rowBytes = Columns * LanguageTensor.SizeOf(tensor.Type);
        _dataPin = tensor.Data.Pin();
        _data = (byte*)_dataPin.Pointer;
        if (tensor.Type == WeightType.I8)
        {
            _scalesPin = tensor.Scales.Pin();
            Scales = (float*)_scalesPin.Pointer;
        }
    }

    ~WeightMatrix()
    {
        _dataPin.Dispose();
        _scalesPin.Dispose();
    }

    public LanguageTensor Tensor { get; }

    public int Rows { get; }

    public int Columns { get; }

    public WeightType Type => Tensor.Type;

    /// <summary>Factor of each row, or null for 1.</summary>
    public float* Scales { get; }

    public byte* Row(int row) => _data + ((long)row * _rowBytes);

    /// <summary>The product of a row with a vector (columns).</summary>
    public float Dot(int row, float* x) => Type switch
    {
        WeightType.F32 => MatrixProduct.Dot<F32>(Row(row), x, Columns),
        WeightType.BF16 => MatrixProduct.Dot<BF16>(Row(row), x, Columns),
        _ => MatrixProduct.Dot<I8>(Row(row), x, Columns) * Scales[row],
    };

    /// <summary>A row as floats.</summary>
    public void CopyRow(int row, float* to)
    {
        switch (Type)
        {
            case WeightType.F32:
                new ReadOnlySpan<float>(Row(row), Columns).CopyTo(new Span<float>(to, Columns));
                break;
            case WeightType.BF16:
                Floats<BF16>(row, to);
                break;
            default:
                Floats<I8>(row, to);
                Pointwise.Scale(to, Scales[row], Columns);
                break;
        }
    }

    private void Floats<T>(int row, float* to) where T : struct, IElement
    {
        byte* from = Row(row);
        for (int i = 0; i < Columns; i++)
        {
            to[i] = T.One(from + ((long)i * T.Size));
        }
    }
}
