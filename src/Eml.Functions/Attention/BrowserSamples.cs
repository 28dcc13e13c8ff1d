using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The browser trainer's data: uniform numbers in [−1, 1), and as target the mean of each position, in all its D places.
/// </summary>
public sealed class BrowserSamples
{
    /// <summary>Generates a configuration's samples, from seed + 1.</summary>
    public BrowserSamples(BrowserConfig config)
    {
        config.Check();
        Count = config.Samples;
        int dModel = config.DModel;
        var random = new Lcg32(unchecked(config.Seed + 1));
        X = new double[Count * config.SeqLen * dModel];
        Targets = new double[X.Length];
        for (int at = 0; at < X.Length; at += dModel)
        {
            double mean = 0;
            for (int j = at; j < at + dModel; j++)
            {
                X[j] = random.Signed();
                mean += X[j];
            }

            Targets.AsSpan(at, dModel).Fill(mean / dModel);
        }
    }

    /// <summary>How many.</summary>
    public int Count { get; }

    /// <summary>(samples, seq_len·d_model)</summary>
    public double[] X { get; }

    /// <summary>(samples, seq_len·d_model)</summary>
    public double[] Targets { get; }
}
