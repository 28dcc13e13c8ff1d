namespace Eml.Functions;

/// <summary>Samples in the model's units, column by column, padded with zeros to whole vectors.</summary>
internal sealed class ReadoutData
{
    private readonly double[] _masked;

    public ReadoutData(ReadoutLayout layout, Samples samples, Scaling? scaling, int thinning)
    {
        Rows = (samples.Count + thinning - 1) / thinning;
        Stride = (Rows + 7) & ~7;
        Inputs = Columns(layout.Inputs, samples.X, thinning, scaling?.InputOffset, scaling?.InputFactor);
        Targets = Columns(layout.Heads, samples.Targets, thinning, scaling?.TargetOffset, scaling?.TargetFactor);
        Known = new double[layout.Heads][];
        KnownCount = new int[layout.Heads];
        IsComplete = new bool[layout.Heads];
        for (int h = 0; h < layout.Heads; h++)
        {
            Known[h] = new double[Stride];
            for (int i = 0; i < Rows; i++)
            {
                bool known = samples.Present[i * thinning * layout.Heads + h] != 0;
                Known[h][i] = known ? 1 : 0;
                Targets[h][i] = known ? Targets[h][i] : 0;
                KnownCount[h] += known ? 1 : 0;
            }

            IsComplete[h] = KnownCount[h] == Rows;
            TotalKnown += KnownCount[h];
        }

        Gram = new double[layout.Features * layout.Features];
        _masked = new double[Stride];
    }

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

    public long TotalKnown { get; }

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

    /// <summary>Mean squared error over all known targets; the largest double if there are none.</summary>
    public double Loss(ReadoutLayout layout, double[] parameters)
    {
        var evaluator = new ReadoutEvaluator(layout, parameters);
        double total = 0;
        double[] x = new double[layout.Inputs], y = new double[layout.Heads];
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < x.Length; j++)
            {
                x[j] = Inputs[j][i];
            }

            evaluator.Row(x, y);
            for (int h = 0; h < y.Length; h++)
            {
                double error = (y[h] - Targets[h][i]) * Known[h][i];
                total += error * error;
            }
        }

        return TotalKnown == 0 ? double.MaxValue : total / TotalKnown;
    }

    private double[][] Columns(int count, ReadOnlySpan<double> values, int thinning, double[]? offset, double[]? factor)
    {
        double[][] columns = new double[count][];
        for (int c = 0; c < count; c++)
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
