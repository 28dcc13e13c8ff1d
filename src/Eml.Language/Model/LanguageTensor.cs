namespace Eml.Language;

/// <summary>How weights are stored.</summary>
public enum WeightType
{
    /// <summary>Binary32.</summary>
    F32,
    /// <summary>The upper half of a binary32 (bfloat16).</summary>
    BF16,
    /// <summary>Signed bytes with a scale per row: the weight is scale times the byte.</summary>
    I8,
}

/// <summary>A tensor as it is stored.</summary>
/// <param name="Name">Its name, as <see cref="LanguageConfig.Tensors"/> gives them.</param>
/// <param name="Type">How its numbers are stored.</param>
/// <param name="Shape">Rows and columns, or a count.</param>
/// <param name="Data">The numbers, little-endian, row by row. The model reads them where they are.</param>
/// <param name="Scales">For <see cref="WeightType.I8"/>: the scale of each row.</param>
public sealed record LanguageTensor(string Name, WeightType Type, int[] Shape, ReadOnlyMemory<byte> Data, ReadOnlyMemory<float> Scales = default)
{
    /// <summary>Bytes of a number of a type.</summary>
    public static int SizeOf(WeightType type) => type switch { WeightType.F32 => 4, WeightType.BF16 => 2, _ => 1 };

    /// <summary>Number of numbers.</summary>
    public long Count => Shape.Aggregate(1L, (size, n) => size * n);
}
