using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// Files of libeml's own making hold finite parameters only, since readers refuse others. (eml-core's JSON prints a
/// non-finite parameter as null; that text is reproduced, null included.)
/// </summary>
internal static class Finite
{
    /// <summary>Refuses to write parameters that could not be read back.</summary>
    public static void Require(ReadOnlySpan<double> parameters)
    {
        int at = IndexOfNonFinite(parameters);
        if (at >= 0)
        {
            throw new EmlException(ErrorCode.NonFinite,
                $"parameter {at} is {parameters[at]}; a file with it could not be read back; set finite parameters first");
        }
    }

    /// <summary>Refuses parameters that were read and cannot be computed with.</summary>
    public static void RequireRead(string name, ReadOnlySpan<double> values)
    {
        int at = IndexOfNonFinite(values);
        if (at >= 0)
        {
            throw new EmlException(ErrorCode.NonFinite,
                $"{name}: element {at} of the file is {values[at]}; it must be a finite number");
        }
    }

    private static int IndexOfNonFinite(ReadOnlySpan<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
                return i;
        }

        return -1;
    }
}
