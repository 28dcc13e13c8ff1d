using Eml.Numerics;

namespace Eml.Functions;

/// <summary>Checks of numbers that come from outside.</summary>
internal static class Check
{
    /// <summary>A matrix (rows, columns) of finite numbers.</summary>
    public static void Matrix(string what, ReadOnlySpan<double> values, int rows, int columns, bool allowNonFinite)
    {
        Length(what, values.Length, rows, columns);
        if (!allowNonFinite)
        {
            int at = FirstNonFinite(values);
            if (at >= 0)
            {
                throw new EmlException(ErrorCode.NonFinite,
                    $"{what}: row {at / columns}, column {at % columns} is {values[at]}; give finite numbers");
            }
        }
    }

    public static void Length(string what, int length, int rows, int columns)
    {
        if (length != (long)rows * columns)
        {
            throw new EmlException(ErrorCode.Shape,
                $"{what}: expected {rows} rows × {columns} columns = {(long)rows * columns} values, got {length}");
        }
    }

    public static void Finite(string what, ReadOnlySpan<double> values)
    {
        int at = FirstNonFinite(values);
        if (at >= 0)
        {
            throw new EmlException(ErrorCode.NonFinite, $"{what}: value {at} is {values[at]}; give finite numbers");
        }
    }

    private static int FirstNonFinite(ReadOnlySpan<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
