using Eml.Numerics;

namespace Eml.Functions;

/// <summary>How sensitive the browser trainer calls a block.</summary>
public enum BrowserTier
{
    /// <summary>No gradient of 1e4 or more.</summary>
    Stable,

    /// <summary>None of 1e5 or more.</summary>
    Watch,

    /// <summary>Some of 1e5 or more.</summary>
    Stiff,
}

/// <summary>
/// The browser trainer's probe: the first input number is moved by 1e-6 and the largest change of an output number
/// divided by that is the gradient, at inputs of 0.5·N(0, 1).
/// </summary>
public readonly record struct BrowserStability(double MaxGradient, double MeanGradient, int Trials)
{
    private const int ProbeTrials = 50;
    private const double Move = 1e-6;

    /// <summary>By the largest gradient.</summary>
    public BrowserTier Tier => MaxGradient < 1e4 ? BrowserTier.Stable : MaxGradient < 1e5 ? BrowserTier.Watch : BrowserTier.Stiff;

    /// <summary>Probes a block at 50 inputs; the trainer's generator starts at seed + 9001 and serves both blocks in turn.</summary>
    public static BrowserStability Probe(BrowserBlock block, ref Lcg32 random)
    {
        int wide = block.SeqLen * block.DModel;
        double[] x = new double[wide], y = new double[wide], moved = new double[wide];
        double max = 0, sum = 0;
        for (int t = 0; t < ProbeTrials; t++)
        {
            for (int i = 0; i < wide; i++)
            {
                x[i] = Normal(ref random) * 0.5;
            }

            block.Forward(x, 1, y);
            x[0] += Move;
            block.Forward(x, 1, moved);
            double largest = 0;
            for (int i = 0; i < wide; i++)
            {
                double gradient = Math.Abs((moved[i] - y[i]) / Move);
                largest = gradient > largest ? gradient : largest;
            }

            max = largest > max ? largest : max;
            sum += largest;
        }

        return new BrowserStability(max, sum / ProbeTrials, ProbeTrials);
    }

    /// <summary>A draw from N(0, 1) (Box and Muller 1958).</summary>
    private static double Normal(ref Lcg32 random)
    {
        double u1 = Math.Max(1e-12, (random.Signed() + 1) * 0.5);
        double u2 = (random.Signed() + 1) * 0.5;
        return Math.Sqrt(-2 * Ln.Of(u1)) * Cos.Of(2 * Math.PI * u2);
    }
}
