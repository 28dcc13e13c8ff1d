using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The affine map between the user's units and the range that a model likes, column by column: the model sees
/// (x − offset)·factor and answers offset + y / factor. Arrays have one element a column.
/// </summary>
public sealed class Scaling
{
    /// <summary>Checks that offsets are finite and factors finite and not 0; the arrays are copied.</summary>
    public Scaling(ReadOnlySpan<double> inputOffset, ReadOnlySpan<double> inputFactor,
        ReadOnlySpan<double> targetOffset, ReadOnlySpan<double> targetFactor)
    {
        Check("input", inputOffset, inputFactor);
        Check("target", targetOffset, targetFactor);
        InputOffset = inputOffset.ToArray();
        InputFactor = inputFactor.ToArray();
        TargetOffset = targetOffset.ToArray();
        TargetFactor = targetFactor.ToArray();
    }

    /// <summary>(inputs)</summary>
    public double[] InputOffset { get; }

    /// <summary>(inputs)</summary>
    public double[] InputFactor { get; }

    /// <summary>(heads)</summary>
    public double[] TargetOffset { get; }

    /// <summary>(heads)</summary>
    public double[] TargetFactor { get; }

    private static void Check(string what, ReadOnlySpan<double> offset, ReadOnlySpan<double> factor)
    {
        if (offset.Length != factor.Length)
        {
            throw new EmlException(ErrorCode.Shape,
                $"{what} scaling: {offset.Length} offsets but {factor.Length} factors; give one of each a column");
        }

        for (int i = 0; i < offset.Length; i++)
        {
            if (!double.IsFinite(offset[i]) || !double.IsFinite(factor[i]) || factor[i] == 0)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"{what} scaling, column {i}: offset {offset[i]} and factor {factor[i]}; both must be finite and the factor not 0");
            }
        }
    }
}
