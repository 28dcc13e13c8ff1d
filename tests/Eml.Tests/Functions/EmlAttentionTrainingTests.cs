using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Attention blocks of the default profile: what training reaches on fresh samples, and what it tells.</summary>
public class EmlAttentionTrainingTests
{
    [Theory]
    [InlineData(8)]
    [InlineData(0)]
    public void The_mean_is_learned_within_eml_cores_evaluations(int nodes)
    {
        EmlAttention block = Block(AttentionTask.PositionMean, Config(4, 8, nodes), 256);
        AttentionTrainResult result = block.Train();
        Assert.True(result.Evaluations <= 240_000);
        (double error, double zero) = HeldOut(block, AttentionTask.PositionMean);
        Assert.InRange(zero, 0.035, 0.05);
        Assert.True(error < 1e-12, $"{error}");
        Assert.True(result.Converged && block.Trained);
    }

    [Theory]
    [InlineData(AttentionTask.Identity)]
    [InlineData(AttentionTask.PositionMean)]
    public void Attention_alone_finds_its_own_position_in_three_rounds(AttentionTask task)
    {
        EmlAttention block = Block(task, Config(4, 8, nodes: 4) with { Residual = false }, 128);
        AttentionTrainResult result = block.Train();
        Assert.InRange(result.Rounds, 1, 3);
        (double error, double zero) = HeldOut(block, task);
        Assert.True(error < 1e-6 * zero, $"{error} of {zero}");
    }

    [Theory]
    [InlineData(AttentionTask.Previous, 4, 8, 1, 1e-9)]
    [InlineData(AttentionTask.RunningMean, 4, 8, 1, 1e-2)]
    [InlineData(AttentionTask.Retrieval, 4, 8, 1, 1e-9)]
    [InlineData(AttentionTask.SoftmaxMean, 4, 8, 1, 1e-2)]
    [InlineData(AttentionTask.Energy, 4, 8, 1, 1e-1)]
    [InlineData(AttentionTask.Previous, 8, 16, 2, 1e-9)]
    [InlineData(AttentionTask.Retrieval, 8, 16, 2, 1e-3)]
    public void Tasks_are_learned_held_out(AttentionTask task, int seqLen, int dModel, int heads, double share)
    {
        EmlAttention block = Block(task, Config(seqLen, dModel, nodes: 8) with { Heads = heads }, 256);
        AttentionTrainResult result = block.Train(new AttentionTrainOptions { MaxEvaluations = 100_000 });
        Assert.True(result.Evaluations <= 100_000);
        (double error, double zero) = HeldOut(block, task);
        Assert.True(error < share * zero, $"{error} of {zero}");
    }

    [Fact]
    public void Nodes_learn_what_the_affine_block_cannot()
    {
        EmlAttention affine = Block(AttentionTask.Energy, Config(4, 8, nodes: 0), 256), eml = Block(AttentionTask.Energy, Config(4, 8, nodes: 8), 256);
        affine.Train(new AttentionTrainOptions { MaxEvaluations = 20_000 });
        eml.Train(new AttentionTrainOptions { MaxEvaluations = 20_000 });
        (double without, double zero) = HeldOut(affine, AttentionTask.Energy);
        (double with, _) = HeldOut(eml, AttentionTask.Energy);
        Assert.True(without > 0.9 * zero, $"affine: {without} of {zero}");
        Assert.True(with < 0.2 * zero, $"EML: {with} of {zero}");
    }

    [Fact]
    public void Positions_need_encodings()
    {
        AttentionConfig config = Config(4, 8, nodes: 0);
        EmlAttention with = Block(AttentionTask.Previous, config, 128), without = Block(AttentionTask.Previous, config with { Positional = false }, 128);
        with.Train(new AttentionTrainOptions { MaxEvaluations = 20_000 });
        without.Train(new AttentionTrainOptions { MaxEvaluations = 20_000 });
        (double error, double zero) = HeldOut(with, AttentionTask.Previous);
        Assert.True(error < 1e-3 * zero, $"{error}");
        (error, zero) = HeldOut(without, AttentionTask.Previous);
        Assert.True(error > 0.5 * zero, $"{error}");
    }

    [Fact]
    public void The_residual_answers_at_once_what_attention_has_to_search()
    {
        AttentionConfig config = Config(4, 8, nodes: 0);
        var least = new AttentionTrainOptions { MaxEvaluations = 1 };
        EmlAttention with = Block(AttentionTask.Identity, config, 128), without = Block(AttentionTask.Identity, config with { Residual = false }, 128);
        Assert.True(with.Train(least).LossAfter < 1e-9);
        Assert.True(without.Train(least).LossAfter > 0.1);
    }

    [Fact]
    public void Least_squares_never_increase_the_training_loss()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            EmlAttention block = Block(AttentionTask.SoftmaxMean, Config(4, 6, nodes: 3) with { Heads = 2 }, 40);
            var random = new Lcg64(seed);
            block.SetParameters([.. Enumerable.Range(0, block.ParameterCount).Select(_ => random.Signed())]);
            double before = block.Loss();
            AttentionTrainResult result = block.Train(new AttentionTrainOptions { MaxEvaluations = 1 });
            Assert.Equal(before, result.LossBefore);
            Assert.True(result.LossAfter < before);
            Assert.Equal(block.Loss(), result.LossAfter);

            result = block.Train(new AttentionTrainOptions { MaxEvaluations = 1 });
            Assert.True(result.LossAfter <= result.LossBefore);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void The_kept_moves_lead_from_the_first_parameters_to_the_last(int stopAfter)
    {
        EmlAttention block = Block(AttentionTask.RunningMean, Config(4, 8, nodes: 4) with { Heads = 2 }, 64);
        double[] replayed = [.. block.Parameters];
        double loss = double.PositiveInfinity;
        long step = 0;
        int moves = 0, several = 0;
        AttentionTrainResult result = block.Train(new AttentionTrainOptions
        {
            MaxEvaluations = 20_000,
            OnMove = move =>
            {
                Assert.True(move.Loss <= loss);
                Assert.True(move.Step >= step);
                (loss, step) = (move.Loss, move.Step);
                Assert.Equal(move.Indices.Length, move.Before.Length);
                Assert.Equal(move.Indices.Length, move.After.Length);
                for (int k = 0; k < move.Indices.Length; k++)
                {
                    Assert.True(k == 0 || move.Indices[k] > move.Indices[k - 1]);
                    Assert.True(Golden.SameBits(move.Before[k], replayed[move.Indices[k]]));
                    replayed[move.Indices[k]] = move.After[k];
                }

                moves++;
                several += move.Indices.Length > 1 ? 1 : 0;
            },
            Progress = stopAfter == 0 ? null : progress => progress.Accepted >= stopAfter ? 3 : 0,
        });
        Golden.AssertBits(replayed, [.. block.Parameters], "parameters");
        Assert.Equal(result.Accepted, moves);
        Assert.True(several > 0);
        Assert.Equal(result.CrossLoss, loss);
        Assert.Equal(stopAfter == 0 ? TrainStatus.Done : TrainStatus.Cancelled, result.Status);
        Assert.Equal(stopAfter == 0 ? 0 : 3, result.StopValue);
    }

    [Fact]
    public void A_cancelled_training_keeps_the_best_so_far()
    {
        var cancel = new Cancel();
        EmlAttention block = Block(AttentionTask.SoftmaxMean, Config(4, 8, nodes: 4), 64);
        int moves = 0;
        AttentionTrainResult result = block.Train(new AttentionTrainOptions
        {
            Cancel = cancel,
            OnMove = _ =>
            {
                if (++moves == 4)
                {
                    cancel.Set();
                }
            },
        });
        Assert.Equal(TrainStatus.Cancelled, result.Status);
        Assert.Equal(5, moves); // and the readout that goes with the fourth
        Assert.True(result.LossAfter < result.LossBefore);
        Assert.Equal(block.Loss(), result.LossAfter);
        Assert.True(result.Evaluations < 20_000);

        result = block.Train(new AttentionTrainOptions { Cancel = cancel });
        Assert.Equal(TrainStatus.Cancelled, result.Status);
        Assert.True(result.LossAfter <= result.LossBefore);
    }

    [Fact]
    public void A_seed_fixes_every_bit_and_training_goes_on_from_where_it_was()
    {
        double[] Train(ulong seed)
        {
            EmlAttention block = Block(AttentionTask.Energy, Config(3, 5, nodes: 3), 32);
            block.Train(new AttentionTrainOptions { MaxEvaluations = 8_000, Seed = seed });
            return [.. block.Parameters];
        }

        Golden.AssertBits(Train(1), Train(1), "parameters");
        Assert.NotEqual(Train(1), Train(2));

        EmlAttention again = Block(AttentionTask.Energy, Config(3, 5, nodes: 3), 32);
        double first = again.Train(new AttentionTrainOptions { MaxEvaluations = 4_000 }).LossAfter;
        AttentionTrainResult second = again.Train(new AttentionTrainOptions { MaxEvaluations = 8_000, Seed = 1 });
        Assert.Equal(first, second.LossBefore);
        Assert.True(second.LossAfter <= first);
        Assert.Equal(["eml.trained", "eml.trained"], again.Events.Select(e => e.EventType));
    }

    [Fact]
    public void Samples_that_nothing_can_be_learned_from_do_no_harm()
    {
        var block = new EmlAttention(Config(2, 3, nodes: 2) with { Heads = 2 });
        for (int n = 0; n < 6; n++)
        {
            block.Record(new double[6], [1e200, -1e200, 0, 5, 5, 5], 1); // the squares are not finite
        }

        AttentionTrainResult result = block.Train(new AttentionTrainOptions { MaxEvaluations = 2_000 });
        Assert.All(block.Parameters.ToArray(), p => Assert.True(double.IsFinite(p)));
        Assert.Equal(result.LossBefore, result.LossAfter);

        block.ClearSamples();
        block.Record(new double[24], new double[24], 4);
        result = block.Train(new AttentionTrainOptions { MaxEvaluations = 2_000 });
        Assert.Equal(0, result.LossAfter);
    }

    private static AttentionConfig Config(int seqLen, int dModel, int nodes) =>
        new() { SeqLen = seqLen, DModel = dModel, DKey = dModel, Nodes = nodes, Positional = true };

    private static EmlAttention Block(AttentionTask task, AttentionConfig config, int samples)
    {
        var block = new EmlAttention(config);
        var random = new Lcg64(77);
        double[] x = new double[config.SampleLength], y = new double[x.Length];
        for (int n = 0; n < samples; n++)
        {
            AttentionTasks.Sample(task, config, ref random, x, y);
            block.Record(x, y, 1);
        }

        return block;
    }

    /// <summary>Mean squared errors on 1,000 fresh samples: the block's, and of predicting 0.</summary>
    private static (double Error, double Zero) HeldOut(EmlAttention block, AttentionTask task)
    {
        const int count = 1000;
        var random = new Lcg64(4711);
        double[] x = new double[block.Config.SampleLength], target = new double[x.Length], y = new double[x.Length];
        double error = 0, zero = 0;
        for (int n = 0; n < count; n++)
        {
            AttentionTasks.Sample(task, block.Config, ref random, x, target);
            block.Forward(x, 1, y);
            error += y.Zip(target, (a, b) => (a - b) * (a - b)).Sum();
            zero += target.Sum(t => t * t);
        }

        return (error / count / x.Length, zero / count / x.Length);
    }
}
