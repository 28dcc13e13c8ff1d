using Eml.Numerics;

namespace Eml.Functions;

/// <summary>One shape's prediction time in phase 4 of the benchmark.</summary>
public sealed record ScalingPoint(int SeqLen, int DModel, int ParamCount, ulong InferenceNsMean);

/// <summary>
/// What eml-core's benchmark of a <see cref="ToyEmlAttention"/> finds. The task is to give each row's mean. The MSE before
/// training is measured on other samples than the one after it, so that a reduction may come out negative.
/// </summary>
public sealed record AttentionBenchmark(int DModel, int SeqLen, int DK, int Depth, int ParamCount, ulong Phase1WarmupNs,
    bool Phase1SerializeRoundtrip, bool Phase2Converged, double Phase2BaselineMse, double Phase2FinalMse, double Phase2MseReduction,
    ulong Phase2TrainingRounds, ulong Phase3InferenceNsMean, ulong Phase3InferenceNsP99, IReadOnlyList<ScalingPoint> Phase4Scaling)
{
    /// <summary>Trials of a round of phase 2 in eml-core's run_benchmark.</summary>
    public const long DefaultTrials = 400;

    private const ulong Seed = 0xCAFEF00D;
    private const int UntrainedSamples = 16;
    private const int MaxRounds = 3;
    private const int ScalingForwards = 32;
    private static readonly (int SeqLen, int DModel)[] s_scaling = [(4, 8), (4, 16), (8, 8), (8, 16)];

    /// <summary>
    /// eml-core's run_benchmark_with_trials. Whether a block survives being written and read is for the caller to find out.
    /// Null: the training was cancelled.
    /// </summary>
    public static AttentionBenchmark? Run(int dModel, int dK, int seqLen, int depth, long trials,
        Predicate<ToyEmlAttention> survivesRoundtrip, TrainOptions? options = null)
    {
        var block = new ToyEmlAttention("bench", dModel, dK, seqLen, depth);
        var random = new Lcg64(Seed);
        double[] y = new double[block.Width];

        double[] sample = Sample(ref random, block.Width);
        ulong warmup = MeanTask.Time(block, sample, y);
        bool roundtrip = survivesRoundtrip(block);

        for (int i = 0; i < MeanTask.Samples; i++)
        {
            double[] x = Sample(ref random, block.Width);
            block.Record(x, MeanTask.RowMeans(x, seqLen, dModel));
        }

        var untrained = new MeanSquare();
        for (int i = 0; i < UntrainedSamples; i++)
        {
            double[] x = Sample(ref random, block.Width);
            block.Forward(x, 1, y);
            untrained.Add(y, MeanTask.RowMeans(x, seqLen, dModel));
        }

        var config = new EndToEndTrainConfig { Trials = trials, StepFinal = 0.01, ConvergenceMse = 5e-2 };
        double final = double.PositiveInfinity;
        for (int round = 0; round < MaxRounds && !(final < config.ConvergenceMse); round++)
        {
            EndToEndTrainResult result = block.TrainEndToEnd(config, options);
            if (result.Status == TrainStatus.Cancelled)
            {
                return null;
            }

            final = result.Mse;
        }

        (ulong mean, ulong p99) = MeanTask.Latency(block, () => Sample(ref random, block.Width));
        var points = new List<ScalingPoint>();
        foreach ((int rows, int columns) in s_scaling)
        {
            if (rows <= seqLen && columns <= dModel)
            {
                var scaled = new ToyEmlAttention("scale", columns, Math.Min(columns, dK), rows, depth);
                points.Add(new ScalingPoint(rows, columns, scaled.ParameterCount, MeanTime(scaled, Sample(ref random, scaled.Width))));
            }
        }

        return new AttentionBenchmark(dModel, seqLen, dK, depth, block.ParameterCount, warmup, roundtrip,
            final < config.ConvergenceMse, untrained.Value, final, MeanTask.Reduction(untrained.Value, final), block.TrainingRounds,
            mean, p99, points);
    }

    private static double[] Sample(ref Lcg64 random, int length)
    {
        double[] values = new double[length];
        foreach (ref double value in values.AsSpan())
        {
            value = random.Restart();
        }

        return values;
    }

    private static ulong MeanTime(ToyEmlAttention block, double[] x)
    {
        double[] y = new double[block.Width];
        ulong sum = 0;
        for (int i = 0; i < ScalingForwards; i++)
        {
            sum += MeanTask.Time(block, x, y);
        }

        return sum / ScalingForwards;
    }
}
