using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>Checks of numbers that come from outside.</summary>
internal static class Check
{
    /// <summary>A matrix (rows, columns) of finite numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Matrix(string what, ReadOnlySpan<double> values, int rows, int columns, bool allowNonFinite)
    {
        Length(what, values.Length, rows, columns);
        if (!allowNonFinite)
        {
            int at = Numerics.Finite.IndexOfOther(values);
            if (at >= 0)
            {
                throw NonFinite(what, values[at], at, columns);
            }
        }
    }

    private static EmlException NonFinite(string what, double value, int at, int columns) =>
        new(ErrorCode.NonFinite, $"{what}: row {at / columns}, column {at % columns} is {value}; give finite numbers");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Length(string what, int length, int rows, int columns)
    {
        if (length != (long)rows * columns)
        {
            throw WrongLength(what, length, rows, columns);
        }
    }

    private static EmlException WrongLength(string what, int length, int rows, int columns) => new(ErrorCode.Shape,
        $"{what}: expected {rows} rows × {columns} columns = {(long)rows * columns} values, got {length}");

    public static void Finite(string what, ReadOnlySpan<double> values)
    {
        int at = Numerics.Finite.IndexOfOther(values);
        if (at >= 0)
        {
            throw new EmlException(ErrorCode.NonFinite, $"{what}: value {at} is {values[at]}; give finite numbers");
        }
    }
}
