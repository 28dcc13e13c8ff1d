using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// What eml-core's compare_eml_vs_baseline finds: both blocks on the same samples (the task is to give each row's mean), with
/// the same trials. The untrained MSE is that of the first 16 samples.
/// </summary>
public sealed record AttentionComparison(int DModel, int DK, int SeqLen, int Depth, long Trials, long Rounds,
    int EmlParamCount, double EmlBaselineMse, double EmlFinalMse, double EmlMseReduction, ulong EmlInferenceNsP99,
    int BaselineParamCount, double BaselineBaselineMse, double BaselineFinalMse, double BaselineMseReduction,
    ulong BaselineInferenceNsP99)
{
    private const ulong Seed = 0xA11CE;
    private const int UntrainedSamples = 16;

    /// <summary>eml-core's compare_eml_vs_baseline. Null: a training was cancelled.</summary>
    public static AttentionComparison? Run(int dModel, int dK, int seqLen, int depth, EndToEndTrainConfig config, long rounds,
        TrainOptions? options = null)
    {
        if (rounds < 0)
        {
            throw new EmlException(ErrorCode.Argument, $"rounds must be >= 0, got {rounds}");
        }

        var eml = new ToyEmlAttention("eml", dModel, dK, seqLen, depth);
        var baseline = new BaselineAttention("base", dModel, dK, seqLen);
        var random = new Lcg64(Seed);
        MeanSquare emlBefore = new(), baselineBefore = new();
        double[] y = new double[eml.Width];
        for (int i = 0; i < MeanTask.Samples; i++)
        {
            double[] x = Sample(ref random, eml.Width), target = MeanTask.RowMeans(x, seqLen, dModel);
            eml.Record(x, target);
            baseline.Record(x, target);
            if (i < UntrainedSamples)
            {
                eml.Forward(x, 1, y);
                emlBefore.Add(y, target);
                baseline.Forward(x, 1, y);
                baselineBefore.Add(y, target);
            }
        }

        double emlAfter = double.PositiveInfinity, baselineAfter = double.PositiveInfinity;
        for (long round = 0; round < rounds; round++)
        {
            EndToEndTrainResult first = eml.TrainEndToEnd(config, options);
            if (first.Status == TrainStatus.Cancelled)
            {
                return null;
            }

            EndToEndTrainResult second = baseline.TrainEndToEnd(config, options);
            if (second.Status == TrainStatus.Cancelled)
            {
                return null;
            }

            (emlAfter, baselineAfter) = (first.Mse, second.Mse);
        }

        (_, ulong emlTime) = MeanTask.Latency(eml, () => Sample(ref random, eml.Width));
        (_, ulong baselineTime) = MeanTask.Latency(baseline, () => Sample(ref random, eml.Width));
        return new AttentionComparison(dModel, dK, seqLen, depth, config.Trials, rounds,
            eml.ParameterCount, emlBefore.Value, emlAfter, MeanTask.Reduction(emlBefore.Value, emlAfter), emlTime,
            baseline.ParameterCount, baselineBefore.Value, baselineAfter, MeanTask.Reduction(baselineBefore.Value, baselineAfter),
            baselineTime);
    }

    private static double[] Sample(ref Lcg64 random, int length)
    {
        double[] values = new double[length];
        foreach (ref double value in values.AsSpan())
        {
            value = random.AttentionSigned();
        }

        return values;
    }
}
