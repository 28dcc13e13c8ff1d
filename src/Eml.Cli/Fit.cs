using Eml.Functions;

namespace Eml.Cli;

/// <summary>How well a model answers one target, in the user's units.</summary>
/// <param name="Samples">Rows whose target is known.</param>
/// <param name="Mse">Mean squared error over them.</param>
/// <param name="R2">1 − error / variance; NaN if all targets are equal.</param>
internal readonly record struct Fit(long Samples, double Mse, double R2)
{
    /// <summary>One <see cref="Fit"/> a target.</summary>
    public static Fit[] Measure(EmlModel model, Samples samples)
    {
        int heads = model.Heads;
        var count = new long[heads];
        var mean = new double[heads];
        for (int i = 0; i < samples.Present.Length; i++)
        {
            if (samples.Present[i] != 0)
            {
                int head = i % heads;
                mean[head] += (samples.Targets[i] - mean[head]) / ++count[head];
            }
        }

        var error = new double[heads];
        var variation = new double[heads];
        int batch = samples.BatchRows(heads);
        var answers = new double[batch * heads];
        for (int first = 0; first < samples.Rows; first += batch)
        {
            int rows = Math.Min(batch, samples.Rows - first);
            model.Forward(samples.Inputs.Slice(first * model.Inputs, rows * model.Inputs), rows, answers.AsSpan(0, rows * heads));
            for (int i = 0; i < rows * heads; i++)
            {
                int at = (first * heads) + i;
                if (samples.Present[at] != 0)
                {
                    double residual = samples.Targets[at] - answers[i];
                    double deviation = samples.Targets[at] - mean[i % heads];
                    error[i % heads] += residual * residual;
                    variation[i % heads] += deviation * deviation;
                }
            }
        }

        var fits = new Fit[heads];
        for (int h = 0; h < heads; h++)
            fits[h] = new Fit(count[h], error[h] / count[h], variation[h] > 0 ? 1 - (error[h] / variation[h]) : double.NaN);
        return fits;
    }
}
