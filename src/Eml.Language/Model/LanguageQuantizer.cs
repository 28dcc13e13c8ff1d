using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Weights in another type. Only matrices change; vectors stay binary32.</summary>
/// <remarks>
/// BF16: to the nearest, ties to even. I8, row by row and in binary32: scale = max |w| / 127, q = w / scale to the nearest whole number,
/// ties to even, within ±127; the weight is then scale q. A row whose scale would be 0 has the scale 1 and zeros.
/// Back to F32: BF16 exactly, I8 as scale q rounded to binary32.
/// </remarks>
public static class LanguageQuantizer
{
    private const float Largest = 127.0f;

    /// <summary>The model with all matrices in a type. What has that type already is not copied.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.NonFinite"/>: a weight is too large for the type.</exception>
    public static LanguageWeights Convert(LanguageWeights weights, WeightType type)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return weights.Tensors.All(tensor => tensor.Shape.Length != 2 || tensor.Type == type)
            ? weights
            : LanguageWeights.Create(weights.Config, weights.Tensors.Select(tensor => Convert(tensor, type)));
    }

    /// <summary>A tensor in a type; a vector stays as it is.</summary>
    public static LanguageTensor Convert(LanguageTensor tensor, WeightType type)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.Type == type || tensor.Shape.Length != 2)
        {
            return tensor;
        }
        int rows = tensor.Shape[0], columns = tensor.Shape[1];
        byte[] data = new byte[checked((int)(tensor.Count * LanguageTensor.SizeOf(type)))];
        float[] scales = type == WeightType.I8 ? new float[rows] : [];
        float[] row = new float[columns];
        for (int i = 0; i < rows; i++)
        {
            Span<byte> to = data.AsSpan(i * columns * LanguageTensor.SizeOf(type), columns * LanguageTensor.SizeOf(type));
            CopyRow(tensor, i, row);
            switch (type)
            {
                case WeightType.F32:
                    row.CopyTo(MemoryMarshal.Cast<byte, float>(to));
                    break;
                case WeightType.BF16:
                    ToBrain(row, MemoryMarshal.Cast<byte, ushort>(to));
                    break;
                default:
                    scales[i] = ToBytes(row, MemoryMarshal.Cast<byte, sbyte>(to));
                    break;
            }
        }
        return new LanguageTensor(tensor.Name, type, tensor.Shape, data, scales);
    }

    /// <summary>Quantises a row (columns).</summary>
    /// <returns>Its scale.</returns>
    public static float ToBytes(ReadOnlySpan<float> row, Span<sbyte> to)
    {
        float largest = 0.0f;
        foreach (float weight in row)
        {
            largest = Math.Max(largest, Math.Abs(weight));
        }
        float scale = largest / Largest;
        if (scale == 0.0f)
        {
            to[..row.Length].Clear();
            return 1.0f;
        }
        for (int i = 0; i < row.Length; i++)
        {
            // A subnormal scale is coarse, so that the quotient can be larger than 127.
            to[i] = (sbyte)Math.Clamp(MathF.Round(row[i] / scale), -Largest, Largest);
        }
        return scale;
    }

    private static void ToBrain(ReadOnlySpan<float> row, Span<ushort> to)
    {
        for (int i = 0; i < row.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(row[i]);
            to[i] = (ushort)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
        }
    }

    private static void CopyRow(LanguageTensor tensor, int row, Span<float> to)
    {
        int bytes = to.Length * LanguageTensor.SizeOf(tensor.Type);
        ReadOnlySpan<byte> from = tensor.Data.Span.Slice(row * bytes, bytes);
        switch (tensor.Type)
        {
            case WeightType.F32:
                MemoryMarshal.Cast<byte, float>(from).CopyTo(to);
                break;
            case WeightType.BF16:
                ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(from);
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
                }
                break;
            default:
                float scale = tensor.Scales.Span[row];
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = (sbyte)from[i] * scale;
                }
                break;
        }
    }
}
