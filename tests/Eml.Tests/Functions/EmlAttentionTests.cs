using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Attention blocks of the default profile: what they compute, refuse and repeat.</summary>
[Trait("Category", "Paths")]
public class EmlAttentionTests
{
    [Theory]
    [InlineData(0, 1, 4, 1, 0, 0, ErrorCode.Argument, "attention d_model must be >= 1, got 0")]
    [InlineData(129, 1, 4, 1, 0, 0, ErrorCode.Limit, "attention d_model must be <= 128, got 129; use a smaller block")]
    [InlineData(8, 8, 65, 1, 0, 0, ErrorCode.Limit, "attention seq_len must be <= 64, got 65; use a smaller block")]
    [InlineData(8, 8, 4, 5, 0, 0, ErrorCode.Limit, "attention heads must be <= 4, got 5; use a smaller block")]
    [InlineData(8, 8, 4, 0, 0, 0, ErrorCode.Argument, "attention heads must be >= 1, got 0")]
    [InlineData(8, 8, 4, 1, 65, 0, ErrorCode.Limit, "attention nodes must be <= 64, got 65; use a smaller block")]
    [InlineData(8, 8, 4, 1, -1, 0, ErrorCode.Argument, "attention nodes must be >= 0, got -1")]
    [InlineData(8, 9, 4, 1, 0, 0, ErrorCode.Argument, "d_k must be in 1..=d_model (8), got 9")]
    [InlineData(8, 0, 4, 1, 0, 0, ErrorCode.Argument, "d_k must be in 1..=d_model (8), got 0")]
    [InlineData(8, 8, 4, 1, 0, 4, ErrorCode.Argument, "chunk must be a multiple of 8, or 0 for all keys at once, got 4")]
    [InlineData(8, 8, 4, 1, 0, -8, ErrorCode.Argument, "chunk must be a multiple of 8, or 0 for all keys at once, got -8")]
    public void Refuses_shapes(int dModel, int dKey, int seqLen, int heads, int nodes, int chunk, ErrorCode code, string message)
    {
        var config = new AttentionConfig { DModel = dModel, DKey = dKey, SeqLen = seqLen, Heads = heads, Nodes = nodes, Chunk = chunk };
        AssertFails(code, message, () => new EmlAttention(config));
        AssertFails(code, message, () => EmlAttention.CountParameters(config));
    }

    [Fact]
    public void Refuses_wrong_lengths_numbers_and_states()
    {
        var block = new EmlAttention(Config(2, 3));
        AssertFails(ErrorCode.Shape, "x: expected 1 rows × 6 columns = 6 values, got 5", () => block.Forward(new double[5], 1, new double[6]));
        AssertFails(ErrorCode.Shape, "y: expected 1 rows × 6 columns = 6 values, got 7", () => block.Forward(new double[6], 1, new double[7]));
        AssertFails(ErrorCode.NonFinite, "targets: row 1, column 2 is NaN; give finite numbers",
            () => block.Record(new double[12], [0, 0, 0, 0, 0, 0, 0, 0, double.NaN, 0, 0, 0], 2));
        Assert.Equal(0, block.SampleCount);
        AssertFails(ErrorCode.Shape, $"expected {block.ParameterCount} params, got 3", () => block.SetParameters([1, 2, 3]));
        double[] infinite = new double[block.ParameterCount];
        infinite[4] = double.PositiveInfinity;
        AssertFails(ErrorCode.NonFinite, $"params: value 4 is {double.PositiveInfinity}; give finite numbers", () => block.SetParameters(infinite));
        AssertFails(ErrorCode.State, "training needs at least 4 samples, there are 0; record more", () => block.Train());
        block.Record(new double[24], new double[24], 4);
        AssertFails(ErrorCode.Argument, "most evaluations must be >= 0, got -1",
            () => block.Train(new AttentionTrainOptions { MaxEvaluations = -1 }));
        AssertFails(ErrorCode.Argument, "target loss must be finite and not negative, got -2",
            () => block.Train(new AttentionTrainOptions { TargetLoss = -2 }));
        var random = new Lcg64(1);
        var narrow = Config(4, 4);
        AssertFails(ErrorCode.Argument, "retrieval needs a key for each of 4 tokens, and keys of 1 bits (d_model / 4); use a larger d_model",
            () => AttentionTasks.Sample(AttentionTask.Retrieval, narrow, ref random, new double[16], new double[16]));
    }

    [Fact]
    public void A_new_block_answers_zero_and_the_last_samples_are_kept()
    {
        var block = new EmlAttention(Config(3, 2) with { Nodes = 2 });
        double[] y = [1, 1, 1, 1, 1, 1];
        block.Forward([1, 2, 3, 4, 5, 6], 1, y);
        Assert.All(y, value => Assert.Equal(0, value));
        Assert.Equal(double.MaxValue, block.Loss());
        for (int n = 0; n < EmlAttention.SampleLimit + 2; n++)
        {
            double size = n < 2 ? 1000 : 2; // the two oldest make room
            block.Record(new double[6], [size, size, size, size, size, size], 1);
        }

        Assert.Equal(EmlAttention.SampleLimit, block.SampleCount);
        Assert.Equal(4, block.Loss());
        block.ClearSamples();
        Assert.Equal(0, block.SampleCount);
    }

    [Theory]
    [InlineData(3, 5, 2, 2, 3, true, true)]
    [InlineData(5, 8, 8, 1, 0, true, false)]
    [InlineData(9, 4, 3, 3, 9, false, true)]
    [InlineData(1, 1, 1, 1, 1, false, false)]
    [InlineData(10, 12, 7, 4, 2, true, true)]
    public void Computes_what_its_formulas_say(int seqLen, int dModel, int dKey, int heads, int nodes, bool positional, bool residual)
    {
        var config = new AttentionConfig
        {
            SeqLen = seqLen,
            DModel = dModel,
            DKey = dKey,
            Heads = heads,
            Nodes = nodes,
            Positional = positional,
            Residual = residual,
        };
        var block = new EmlAttention(config);
        Assert.Equal(EmlAttention.CountParameters(config), block.ParameterCount);
        block.SetParameters(Random(block.ParameterCount, 3));
        double[] x = Random(2 * config.SampleLength, 4), y = new double[x.Length];
        block.Forward(x, 2, y);
        for (int n = 0; n < 2; n++)
        {
            double[] expected = Reference(config, [.. block.Parameters], x[(n * config.SampleLength)..((n + 1) * config.SampleLength)]);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i], y[n * expected.Length + i], 1e-11 * Math.Max(1, Math.Abs(expected[i])));
            }
        }
    }

    [Theory]
    [InlineData(64, 8)]
    [InlineData(64, 24)]
    [InlineData(29, 8)]
    [InlineData(29, 40)]
    public void Chunks_of_keys_change_no_bit(int seqLen, int chunk)
    {
        AttentionConfig config = Config(seqLen, 6) with { Heads = 2, Nodes = 3, Positional = true };
        var whole = new EmlAttention(config);
        var chunked = new EmlAttention(config with { Chunk = chunk });
        double[] parameters = [.. Random(whole.ParameterCount, 7).Select(p => 3 * p)];
        whole.SetParameters(parameters);
        chunked.SetParameters(parameters);
        double[] x = Random(config.SampleLength, 8), expected = new double[x.Length], actual = new double[x.Length];
        whole.Forward(x, 1, expected);
        chunked.Forward(x, 1, actual);
        Golden.AssertBits(expected, actual, $"chunk {chunk}");
    }

    [Fact]
    public void Forward_gives_the_same_bits_with_every_vector_width()
    {
        AttentionConfig config = Config(11, 13) with { Heads = 3, Nodes = 5, Positional = true, DKey = 6 };
        var layout = new BlockLayout(config);
        var weights = new BlockWeights(layout, Random(layout.Count, 5));
        double[] x = Random(config.SampleLength, 6), expected = new double[x.Length];
        new BlockPass<Lanes1>(layout).Forward(weights, x, expected);
        Assert.Contains(expected, value => value != 0);
        foreach (BlockForward pass in Wider<BlockForward>(() => new BlockPass<Lanes2>(layout), () => new BlockPass<Lanes4>(layout),
            () => new BlockPass<Lanes8>(layout)))
        {
            double[] actual = new double[x.Length];
            pass.Forward(weights, x, actual);
            Golden.AssertBits(expected, actual, pass.GetType().Name);
        }
    }

    [Fact]
    public void Training_gives_the_same_bits_with_every_vector_width()
    {
        AttentionConfig config = Config(4, 6) with { Heads = 2, Nodes = 3, Positional = true };
        var layout = new BlockLayout(config);
        var samples = new BlockSamples(config.SampleLength, 100);
        var random = new Lcg64(9);
        double[] x = new double[config.SampleLength], y = new double[x.Length];
        for (int n = 0; n < 40; n++)
        {
            AttentionTasks.Sample(AttentionTask.RunningMean, config, ref random, x, y);
            samples.Add(x, y);
        }

        var options = new AttentionTrainOptions { MaxEvaluations = 12_000 };
        double[] expected = layout.Start();
        BlockTraining training = BlockTrainer<Lanes1>.Train(layout, samples, options, new BlockMonitor(options), expected);
        Assert.True(training.Rounds > 1);
        foreach (Action<double[]> train in Wider<Action<double[]>>(
            () => p => BlockTrainer<Lanes2>.Train(layout, samples, options, new BlockMonitor(options), p),
            () => p => BlockTrainer<Lanes4>.Train(layout, samples, options, new BlockMonitor(options), p),
            () => p => BlockTrainer<Lanes8>.Train(layout, samples, options, new BlockMonitor(options), p)))
        {
            double[] actual = layout.Start();
            train(actual);
            Golden.AssertBits(expected, actual, "parameters");
        }
    }

    [Fact]
    public void Forward_allocates_nothing()
    {
        AttentionConfig config = Config(8, 16) with { Nodes = 4 };
        var block = new EmlAttention(config);
        double[] x = Random(config.SampleLength, 2), y = new double[x.Length];
        block.Forward(x, 1, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            block.Forward(x, 1, y);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static AttentionConfig Config(int seqLen, int dModel) => new() { SeqLen = seqLen, DModel = dModel, DKey = dModel };

    private static IEnumerable<TResult> Wider<TResult>(Func<TResult> two, Func<TResult> four, Func<TResult> eight)
    {
        if (Lanes2.IsSupported)
        {
            yield return two();
        }

        if (Lanes4.IsSupported)
        {
            yield return four();
        }

        if (Lanes8.IsSupported)
        {
            yield return eight();
        }
    }

    private static double[] Random(int count, ulong seed)
    {
        var random = new Lcg64(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Signed())];
    }

    /// <summary>The formulas, term by term, with the runtime's own functions.</summary>
    private static double[] Reference(AttentionConfig c, double[] parameters, double[] x)
    {
        int at = 0;
        double[][] Take(int rows, int columns) => [.. Enumerable.Range(0, rows).Select(_ =>
        {
            double[] row = parameters[at..(at + columns)];
            at += columns;
            return row;
        })];
        static double Dot(IEnumerable<double> a, IEnumerable<double> b) => a.Zip(b, (p, q) => p * q).Sum();
        static IEnumerable<double> Nodes(double[][] leaves, double[] seen) => Enumerable.Range(0, leaves.Length / 2).Select(m =>
        {
            double left = Math.Clamp(Dot(leaves[2 * m], seen), -20, 10), right = Math.Clamp(Dot(leaves[2 * m + 1], seen), -1e6, 1e6);
            return Math.Exp(left) - Math.Log(1 + right * right);
        });

        int width = c.DModel + c.Nodes, context = c.Heads * width, seen = 1 + (c.Residual ? width : 0) + context;
        double[][] tokenLeaves = Take(2 * c.Nodes, 1 + c.DModel);
        var heads = Enumerable.Range(0, c.Heads).Select(_ => (Query: Take(c.DKey, 1 + width), Key: Take(c.DKey, width),
            QueryAt: Take(c.Positional ? c.SeqLen : 0, c.DKey), KeyAt: Take(c.Positional ? c.SeqLen : 0, c.DKey))).ToArray();
        double[][] outLeaves = Take(2 * c.Nodes, seen), readout = Take(seen + c.Nodes, c.DModel);
        Assert.Equal(parameters.Length, at);

        double[][] tokens = [.. x.Chunk(c.DModel).Select(row => (double[])[.. row, .. Nodes(tokenLeaves, [1, .. row])])];
        var features = tokens.Select(token => new List<double>([1, .. c.Residual ? token : []])).ToArray();
        foreach (var head in heads)
        {
            double[][] queries = [.. tokens.Select((t, i) => head.Query.Select((w, r) => Dot(w, [1, .. t]) + (c.Positional ? head.QueryAt[i][r] : 0)).ToArray())];
            double[][] keys = [.. tokens.Select((t, j) => head.Key.Select((w, r) => Dot(w, t) + (c.Positional ? head.KeyAt[j][r] : 0)).ToArray())];
            for (int i = 0; i < c.SeqLen; i++)
            {
                double[] weights = [.. keys.Select(k => Math.Exp(Dot(queries[i], k) / Math.Sqrt(c.DKey)))];
                for (int f = 0; f < width; f++)
                {
                    features[i].Add(Dot(weights, tokens.Select(t => t[f])) / weights.Sum());
                }
            }
        }

        return [.. features.SelectMany(row =>
        {
            double[] all = [.. row, .. Nodes(outLeaves, [.. row])];
            return Enumerable.Range(0, c.DModel).Select(o => Dot(all, readout.Select(r => r[o])));
        })];
    }

    private static void AssertFails(ErrorCode code, string message, Action action)
    {
        EmlException error = Assert.Throws<EmlException>(action);
        Assert.Equal(code, error.Code);
        Assert.Equal(message, error.Message);
    }
}
