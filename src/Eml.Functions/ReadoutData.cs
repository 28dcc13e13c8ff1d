namespace Eml.Functions;

/// <summary>
/// Every thinning-th sample in the model's units, column by column, padded with zeros to whole vectors: what the search
/// goes over again and again. Incomplete if the training stops.
/// </summary>
internal sealed class ReadoutData
{
    private readonly double[] _masked;

    public ReadoutData(ReadoutLayout layout, Samples samples, Scaling? scaling, int thinning, TrainMonitor monitor)
    {
        Rows = (samples.Count + thinning - 1) / thinning;
        Stride = (Rows + 7) & ~7;
        Inputs = Columns(layout.Inputs, samples.X, thinning, scaling?.InputOffset, scaling?.InputFactor, monitor);
        Targets = Columns(layout.Heads, samples.Targets, thinning, scaling?.TargetOffset, scaling?.TargetFactor, monitor);
        Known = new double[layout.Heads][];
        KnownCount = new int[layout.Heads];
        IsComplete = new bool[layout.Heads];
        ReadOnlySpan<byte> present = samples.Present;
        for (int h = 0; h < layout.Heads && !monitor.Work(Rows * ColumnCost); h++)
        {
            Known[h] = new double[Stride];
            for (int i = 0; i < Rows; i++)
            {
                bool known = present[i * thinning * layout.Heads + h] != 0;
                Known[h][i] = known ? 1 : 0;
                Targets[h][i] = known ? Targets[h][i] : 0;
                KnownCount[h] += known ? 1 : 0;
            }

            IsComplete[h] = KnownCount[h] == Rows;
        }

        Gram = new double[layout.Features * layout.Features];
        _masked = new double[Stride];
    }

    /// <summary>Nanoseconds to fetch one value out of a row, or to put one into new memory.</summary>
    public const long ColumnCost = 24;

    public int Rows { get; }

    public int Stride { get; }

    /// <summary>[input][row]</summary>
    public double[][] Inputs { get; }

    /// <summary>[head][row], 0 where unknown.</summary>
    public double[][] Targets { get; }

    /// <summary>[head][row], 1 where the target is known.</summary>
    public double[][] Known { get; }

    public int[] KnownCount { get; }

    public bool[] IsComplete { get; }

    /// <summary>Room for a matrix of scalar products, (features, features), lower triangle.</summary>
    public double[] Gram { get; }

    /// <summary>The column with zeros where the head's target is unknown.</summary>
    public ReadOnlySpan<double> Mask(ReadOnlySpan<double> column, int head)
    {
        if (IsComplete[head])
        {
            return column;
        }

        for (int i = 0; i < Stride; i++)
        {
            _masked[i] = column[i] * Known[head][i];
        }

        return _masked;
    }

    private double[][] Columns(int count, ReadOnlySpan<double> values, int thinning, double[]? offset, double[]? factor,
        TrainMonitor monitor)
    {
        double[][] columns = new double[count][];
        for (int c = 0; c < count && !monitor.Work(Rows * ColumnCost); c++)
        {
            columns[c] = new double[Stride];
            for (int i = 0; i < Rows; i++)
            {
                double value = values[i * thinning * count + c];
                columns[c][i] = offset is null || factor is null ? value : (value - offset[c]) * factor[c];
            }
        }

        return columns;
    }
}
