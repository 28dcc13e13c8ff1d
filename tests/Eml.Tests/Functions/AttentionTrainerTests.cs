using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>
/// Moves of every kind of parameter, which the crate's generator does not all reach, against predictions from scratch; and
/// what a training owes its caller.
/// </summary>
[Trait("Category", "Paths")]
public class AttentionTrainerTests
{
    [Theory]
    [InlineData(1, 1, 1, 3, 1)]
    [InlineData(2, 1, 2, 3, 5)]
    [InlineData(3, 2, 3, 4, 16)]
    [InlineData(4, 3, 5, 5, 9)]
    [InlineData(5, 4, 8, 3, 17)]
    [InlineData(9, 1, 4, 3, 24)]
    public void Every_move_gives_the_loss_that_predictions_give(int dModel, int dK, int seqLen, int depth, int samples)
    {
        foreach (AttentionBlock block in Blocks(dModel, dK, seqLen, depth))
        {
            foreach (bool trained in new[] { false, true })
            {
                block.Trained = trained;
                if (Lanes8.IsSupported)
                {
                    AssertMoves<Lanes8>(block, samples);
                }

                if (Lanes4.IsSupported)
                {
                    AssertMoves<Lanes4>(block, samples);
                }

                if (Lanes2.IsSupported)
                {
                    AssertMoves<Lanes2>(block, samples);
                }

                AssertMoves<Lanes1>(block, samples);
            }
        }
    }

    private static AttentionBlock[] Blocks(int dModel, int dK, int seqLen, int depth) =>
        [new ToyEmlAttention("t", dModel, dK, seqLen, depth), new BaselineAttention("b", dModel, dK, seqLen)];

    private static void AssertMoves<T>(AttentionBlock block, int samples) where T : struct, ILanes<T>
    {
        const double Gain = 1e-12;
        var random = new Random(samples);
        double[][] x = Rows(random, samples, block.Width), targets = Rows(random, samples, block.Width);
        bool toy = block is ToyEmlAttention;
        AttentionLayout layout = toy
            ? AttentionLayout.OfTrees(block.DModel, block.DK, block.SeqLen, ((ToyEmlAttention)block).Depth)
            : AttentionLayout.OfAffineMaps(block.DModel, block.DK, block.SeqLen);
        double[] kept = block.Parameters.ToArray(), trial = [.. kept];
        var trainer = new AttentionTrainer<T>(layout, trial, block.Scale, toy && block.Trained, x, targets);
        double best = trainer.Evaluate();
        Golden.AssertBits([Mse(block, kept, x, targets)], [best], "before");
        int accepted = 0;
        for (int i = 0; i < 120; i++)
        {
            AttentionPart part = layout.Parts[random.Next(layout.Parts.Length)];
            int index = part.Offset + random.Next(part.Count);
            double size = i % 50 == 49 ? double.NaN : i % 10 == 9 ? 100 : i % 3 == 0 ? 1e-9 : 0.3;
            double value = kept[index] + size * (2 * random.NextDouble() - 1);
            double[] moved = [.. kept];
            moved[index] = value;
            double expected = Mse(block, moved, x, targets);
            bool better = expected + Gain < best;
            Assert.Equal(better, trainer.TryMove(index, value, best, Gain, out double loss));
            if (better)
            {
                Golden.AssertBits([expected], [loss], $"move {i} of {part.Name}");
                (kept, best) = (moved, loss);
                accepted++;
            }

            Golden.AssertBits(kept, trial, "parameters");
        }

        Assert.True(accepted > 0);
        Golden.AssertBits([best], [trainer.Evaluate()], "after");
    }

    private static double Mse(AttentionBlock like, double[] parameters, double[][] x, double[][] targets)
    {
        AttentionBlock block = like is ToyEmlAttention toy ? toy.Clone() : ((BaselineAttention)like).Clone();
        block.SetParameters(parameters, allowNonFinite: true);
        double[] y = new double[block.Width];
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            block.Forward(x[i], 1, y);
            for (int j = 0; j < y.Length; j++)
            {
                double error = y[j] - targets[i][j];
                sum += error * error;
            }
        }

        return sum / (x.Length * block.Width);
    }

    private static double[][] Rows(Random random, int rows, int columns) =>
        [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, columns).Select(_ => 2 * random.NextDouble() - 1).ToArray())];

    private static AttentionBlock[] Recorded()
    {
        var random = new Random(7);
        AttentionBlock[] blocks = Blocks(4, 2, 3, 3);
        foreach (AttentionBlock block in blocks)
        {
            double[][] x = Rows(random, 40, block.Width), targets = Rows(random, 40, block.Width);
            block.Record([.. x.SelectMany(row => row)], [.. targets.SelectMany(row => row)], 40);
        }

        return blocks;
    }

    [Fact]
    public void Kept_moves_lead_from_the_first_parameters_to_the_last()
    {
        foreach (AttentionBlock block in Recorded())
        {
            double[] replayed = block.Parameters.ToArray();
            double loss = double.PositiveInfinity;
            long step = 0, count = 0;
            EndToEndTrainResult result = block.TrainEndToEnd(new EndToEndTrainConfig { Trials = 500 }, new TrainOptions
            {
                OnMove = move =>
                {
                    Assert.Equal(1, move.Indices.Length);
                    Assert.True(move.Step > step && move.Step <= 500 && move.Loss < loss);
                    (step, loss) = (move.Step, move.Loss);
                    Golden.AssertBits([replayed[move.Indices[0]]], [move.Before[0]], "before");
                    replayed[move.Indices[0]] = move.After[0];
                    count++;
                },
            });
            Golden.AssertBits(replayed, block.Parameters.ToArray(), "replayed");
            Assert.True(count > 0);
            Assert.Equal((count, count, 500), (result.Accepts, block.LastAccepts, result.Trials));
            Golden.AssertBits([loss], [result.Mse], "loss");
        }
    }

    [Fact]
    public void A_cancelled_training_leaves_the_best_so_far()
    {
        foreach (AttentionBlock block in Recorded())
        {
            var cancel = new Cancel();
            TrainProgress last = default;
            EndToEndTrainResult result = block.TrainEndToEnd(new EndToEndTrainConfig { Trials = long.MaxValue, StepFinal = 0.5 }, new TrainOptions
            {
                Cancel = cancel,
                Progress = progress =>
                {
                    Assert.Equal((1, long.MaxValue), (progress.Phase, progress.Total));
                    last = progress;
                    if (progress.Accepted > 0)
                    {
                        cancel.Set();
                    }
                    return 0;
                },
            });
            Assert.Equal(TrainStatus.Cancelled, result.Status);
            Assert.True(last.Step > 0 && last.Accepted > 0 && result.Mse <= last.Loss && result.Mse < result.MseBefore);
            Assert.Equal(block.LastAccepts, result.Accepts);

            // The parameters are those of the loss: the next training begins with it.
            Golden.AssertBits([result.Mse], [block.TrainEndToEnd(new EndToEndTrainConfig { Trials = 0 }).Mse], "loss");
            Assert.Equal(2UL, block.TrainingRounds);

            EndToEndTrainResult stopped = block.TrainEndToEnd(new EndToEndTrainConfig { Trials = long.MaxValue, StepFinal = 0.5 },
                new TrainOptions { Progress = _ => 42 });
            Assert.Equal((TrainStatus.Cancelled, 42), (stopped.Status, stopped.StopValue));
        }
    }

    [Fact]
    public void Neither_predictions_nor_trials_take_memory()
    {
        foreach (AttentionBlock block in Recorded())
        {
            double[] x = new double[3 * block.Width], y = new double[3 * block.Width];
            block.Forward(x, 3, y);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                block.Forward(x, 3, y);
            }

            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            long few = Allocated(100), many = Allocated(5000);
            Assert.InRange(many, few - 1000, few + 1000);

            long Allocated(int trials)
            {
                long start = GC.GetAllocatedBytesForCurrentThread();
                block.TrainEndToEnd(new EndToEndTrainConfig { Trials = trials });
                return GC.GetAllocatedBytesForCurrentThread() - start;
            }
        }
    }

    [Fact]
    public void What_cannot_be_computed_with_is_refused_and_changes_nothing()
    {
        foreach (AttentionBlock block in Recorded())
        {
            double[] good = new double[2 * block.Width], bad = [.. good], y = new double[2 * block.Width];
            bad[block.Width + 1] = double.NaN;
            AssertRefused(ErrorCode.NonFinite, "row 1, column 1", () => block.Forward(bad, 2, y));
            AssertRefused(ErrorCode.NonFinite, "row 1, column 1", () => block.Record(good, bad, 2));
            AssertRefused(ErrorCode.Shape, "expected", () => block.Forward(good, 2, y.AsSpan(1)));
            AssertRefused(ErrorCode.Shape, "expected", () => block.SetParameters(good));
            AssertRefused(ErrorCode.NonFinite, "scale", () => block.Scale = double.PositiveInfinity);
            AssertRefused(ErrorCode.Argument, "trials", () => block.TrainEndToEnd(new EndToEndTrainConfig { Trials = -1 }));
            AssertRefused(ErrorCode.NonFinite, "steps", () => block.TrainEndToEnd(new EndToEndTrainConfig { StepInit = double.NaN }));
            AssertRefused(ErrorCode.Argument, "seed", () => block.TrainEndToEnd(new EndToEndTrainConfig(), new TrainOptions { Seed = 1 }));
            Assert.Equal((40, 0UL), (block.BufferLength, block.TrainingRounds));
            block.Forward(bad, 2, y, allowNonFinite: true);
            Assert.Contains(y, double.IsNaN);
        }
    }

    private static void AssertRefused(ErrorCode code, string part, Action work)
    {
        EmlException e = Assert.Throws<EmlException>(work);
        Assert.Equal(code, e.Code);
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copies_go_their_own_way()
    {
        var block = (ToyEmlAttention)Recorded()[0];
        block.Events.Add(new EmlEvent.Reset("t", "r"));
        ToyEmlAttention copy = block.Clone();
        double[] parameters = block.Parameters.ToArray();
        copy.TrainEndToEnd(new EndToEndTrainConfig { Trials = 200, ConvergenceMse = double.PositiveInfinity });
        Assert.Equal((2, 1), (copy.Events.Count, block.Events.Count));
        Assert.True(copy.Trained && !block.Trained);
        Golden.AssertBits(parameters, block.Parameters.ToArray(), "original");
        block.TrainEndToEnd(new EndToEndTrainConfig { Trials = 200 });
        Golden.AssertBits(copy.Parameters.ToArray(), block.Parameters.ToArray(), "same training");
        copy.ClearSamples();
        Assert.Equal((0, 40), (copy.BufferLength, block.BufferLength));
    }
}
