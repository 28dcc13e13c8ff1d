namespace Eml.Functions;

/// <summary>Finds a <see cref="Scaling"/> from samples.</summary>
internal static class ScalingFit
{
    public static Scaling ToUnitRange(Samples samples, int inputs, int heads)
    {
        (double[] inputOffset, double[] inputFactor) = Columns(samples.X, default, inputs);
        (double[] targetOffset, double[] targetFactor) = Columns(samples.Targets, samples.Present, heads);
        return new Scaling(inputOffset, inputFactor, targetOffset, targetFactor);
    }

    private static (double[] Offset, double[] Factor) Columns(ReadOnlySpan<double> values, ReadOnlySpan<byte> present, int columns)
    {
        double[] offset = new double[columns], factor = new double[columns];
        for (int c = 0; c < columns; c++)
        {
            double low = double.PositiveInfinity, high = double.NegativeInfinity;
            for (int i = c; i < values.Length; i += columns)
            {
                if ((present.IsEmpty || present[i] != 0) && double.IsFinite(values[i]))
                {
                    low = Math.Min(low, values[i]);
                    high = Math.Max(high, values[i]);
                }
            }

            double width = 1 / (high - low);
            offset[c] = low <= high ? low : 0;
            factor[c] = width > 0 && double.IsFinite(width) ? width : 1;
        }

        return (offset, factor);
    }
}
