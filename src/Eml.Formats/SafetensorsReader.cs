using System.Buffers.Binary;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>A safetensors file in memory: its header, and the tensors' values.</summary>
public readonly ref struct SafetensorsReader
{
    private readonly ReadOnlySpan<byte> _file;

    /// <summary>Reads and checks the header, <see cref="SafetensorsHeader.Read"/>.</summary>
    public SafetensorsReader(ReadOnlySpan<byte> file, bool allowUnknownFields = false)
    {
        _file = file;
        Header = SafetensorsHeader.Read(file, (ulong)file.Length, allowUnknownFields);
    }

    /// <summary>What the file holds.</summary>
    public SafetensorsHeader Header { get; }

    /// <summary>A tensor's bytes, little-endian and row-major, at any alignment.</summary>
    public ReadOnlySpan<byte> Data(TensorEntry tensor) =>
        _file.Slice((int)(Header.DataStart + tensor.Begin), (int)(tensor.End - tensor.Begin));

    /// <summary>A tensor of floats as doubles; the shorter types are widened, which is exact.</summary>
    public double[] Doubles(TensorEntry tensor)
    {
        if (tensor.Dtype is not (Dtype.F64 or Dtype.F32 or Dtype.F16 or Dtype.BF16))
        {
            throw new EmlException(FormatError.BadDtype, tensor.HeaderOffset,
                $"safetensors: tensor {StrictJson.Quoted(tensor.Name)} at byte {tensor.HeaderOffset} has the dtype " +
                $"{tensor.Dtype.Name()}; here it must be F64, F32, F16 or BF16");
        }

        ReadOnlySpan<byte> data = Data(tensor);
        double[] values = new double[data.Length / (int)(tensor.Dtype.Bits() / 8)];
        switch (tensor.Dtype)
        {
            case Dtype.F64:
                for (int i = 0; i < values.Length; i++)
                    values[i] = BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * i)..]);
                break;
            case Dtype.F32:
                for (int i = 0; i < values.Length; i++)
                    values[i] = BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]);
                break;
            case Dtype.F16:
                for (int i = 0; i < values.Length; i++)
                    values[i] = (double)BinaryPrimitives.ReadHalfLittleEndian(data[(2 * i)..]);
                break;
            default:
                for (int i = 0; i < values.Length; i++)
                    values[i] = BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]) << 16);
                break;
        }

        return values;
    }
}
