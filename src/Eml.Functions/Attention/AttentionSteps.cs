using Eml.Numerics;

namespace Eml.Functions;

/// <summary>The schedule step_init·(step_final / step_init)^(trial / trials), worked out for some trials at a time.</summary>
internal sealed class AttentionSteps(EndToEndTrainConfig config)
{
    private const int Block = 64;

    private readonly double[] _base = Filled(config.StepFinal / config.StepInit);
    private readonly double[] _steps = new double[Block];

    /// <summary>The largest move of a trial; trials are asked for in order.</summary>
    public double At(long trial)
    {
        int place = (int)(trial % Block);
        if (place == 0)
        {
            for (int i = 0; i < Block; i++)
            {
                _steps[i] = (double)(trial + i) / config.Trials;
            }

            Pow.Of(_base, _steps, _steps);
        }

        return config.StepInit * _steps[place];
    }

    private static double[] Filled(double value)
    {
        double[] values = new double[Block];
        Array.Fill(values, value);
        return values;
    }
}
