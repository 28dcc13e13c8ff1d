using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Functions;

/// <summary>Snapping of attention blocks.</summary>
public sealed class AttentionSnapTests
{
    private const int Samples = 40;

    [Fact]
    public void A_blocks_disturbed_constants_come_back()
    {
        foreach ((string what, Func<Block> make) in Blocks())
        {
            Block block = make();
            double[] simple = [.. block.Parameters().Select((_, i) => (i % 5) switch { 0 => 0.5, 1 => -1.0 / 3, _ => 0 })];
            block.Set(simple);
            Record(block);
            var random = new Random(11);
            block.Set([.. simple.Select(p => p + 1e-9 * (random.NextDouble() - 0.5))]);
            double[] before = block.Parameters();
            double[] replayed = [.. before];
            long step = 0;
            SnapResult result = block.Snap(new SnapOptions
            {
                OnMove = move =>
                {
                    Assert.True(move.Step > step);
                    step = move.Step;
                    for (int i = 0; i < move.Indices.Length; i++)
                    {
                        Assert.Equal(replayed[move.Indices[i]], move.Before[i]);
                        replayed[move.Indices[i]] = move.After[i];
                    }
                },
            });
            Assert.True(result.LossAfter <= result.LossAllowed, what);
            Assert.Equal(Loss(block), result.LossAfter, 1e-15);
            Golden.AssertBits(replayed, block.Parameters(), $"{what}, replayed");
            int back = simple.Zip(block.Parameters()).Count(p => p.First == p.Second);
            Assert.True(back >= 0.9 * simple.Length, $"{what}: {back} of {simple.Length} came back");
            Assert.Equal(result.Snapped.Count, result.Snapped.Select(s => s.Index).Distinct().Count());
        }
    }

    [Fact]
    public void The_loss_stays_within_its_bound_and_no_slack_changes_nothing()
    {
        foreach ((string what, Func<Block> make) in Blocks())
        {
            Block block = make();
            var random = new Random(3);
            block.Set(FormulaCase.Numbers(random, block.Parameters().Length, 0.7));
            Record(block);
            block.Set([.. block.Parameters().Select(p => p + 0.01 * random.NextDouble())]);
            double loss = Loss(block);
            double[] before = block.Parameters();
            SnapResult none = block.Snap(new SnapOptions { Tolerance = 0 });
            Assert.Empty(none.Snapped);
            Golden.AssertBits(before, block.Parameters(), what);

            SnapResult result = block.Snap(new SnapOptions { MaxLossIncrease = 0.25 });
            Assert.Equal(loss, result.LossBefore, 1e-15);
            Assert.Equal(1.25 * loss, result.LossAllowed, 1e-8);
            Assert.NotEmpty(result.Snapped);
            Assert.Equal(Loss(block), result.LossAfter, 1e-15);
            Assert.True(result.LossAfter <= result.LossAllowed, what);
            Assert.All(result.Snapped, s => Assert.True(Math.Abs(s.Before - s.After) <= 0.05));
        }
    }

    [Fact]
    public void Snapping_can_be_stopped_and_needs_samples()
    {
        foreach ((string what, Func<Block> make) in Blocks())
        {
            Block block = make();
            Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => block.Snap(null)).Code);
            block.Set(FormulaCase.Numbers(new Random(5), block.Parameters().Length, 0.04));
            Record(block);
            Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => block.Snap(new SnapOptions { Tolerance = -1 })).Code);
            var cancel = new Cancel();
            int moves = 0;
            SnapResult result = block.Snap(new SnapOptions
            {
                MaxLossIncrease = 1e9,
                MaxLoss = 1e9,
                Cancel = cancel,
                OnMove = _ =>
                {
                    if (++moves == 3)
                    {
                        cancel.Set();
                    }
                },
            });
            Assert.Equal(TrainStatus.Cancelled, result.Status);
            Assert.InRange(result.Snapped.Count, 3, block.Parameters().Length - 1);
            Assert.Equal(Loss(block), result.LossAfter, 1e-15);
        }
    }

    private static IEnumerable<(string, Func<Block>)> Blocks()
    {
        yield return ("toy", () => Of(new ToyEmlAttention("toy", 2, 1, 2, 3)));
        yield return ("toy, learned softmax", () => Of(new ToyEmlAttention("toy", 2, 1, 2, 3) { Trained = true }));
        yield return ("baseline", () => Of(new BaselineAttention("baseline", 2, 2, 3)));
        yield return ("default", () =>
        {
            var block = new EmlAttention(new AttentionConfig { DModel = 2, DKey = 1, SeqLen = 3, Nodes = 1, Positional = true });
            return new Block(6, () => block.Parameters.ToArray(), p => block.SetParameters(p), (x, t) => block.Record(x, t, 1),
                (x, y) => block.Forward(x, 1, y), block.Snap);
        }
        );
    }

    private static Block Of(AttentionBlock block) => new(block.Width, () => block.Parameters.ToArray(), p => block.SetParameters(p),
        (x, t) => block.Record(x, t), (x, y) => block.Forward(x, 1, y), block.Snap);

    /// <summary>What the block answers now, recorded as targets.</summary>
    private static void Record(Block block)
    {
        foreach (double[] x in Rows(block))
        {
            double[] y = new double[block.Width];
            block.Forward(x, y);
            block.Record(x, y);
            block.Recorded.Add((x, y));
        }
    }

    private static double Loss(Block block)
    {
        double sum = 0;
        double[] y = new double[block.Width];
        foreach ((double[] x, double[] target) in block.Recorded)
        {
            block.Forward(x, y);
            sum += y.Zip(target).Sum(p => (p.First - p.Second) * (p.First - p.Second));
        }

        return sum / ((double)block.Recorded.Count * block.Width);
    }

    private static IEnumerable<double[]> Rows(Block block)
    {
        var random = new Random(2);
        return Enumerable.Range(0, Samples).Select(_ => FormulaCase.Numbers(random, block.Width, 1)).ToList();
    }

    private sealed record Block(int Width, Func<double[]> Parameters, Action<double[]> Set, Action<double[], double[]> Record,
        Action<double[], double[]> Forward, Func<SnapOptions?, SnapResult> Snap)
    {
        public List<(double[] X, double[] Target)> Recorded { get; } = [];
    }
}
