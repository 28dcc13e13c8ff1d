using System.Runtime.InteropServices;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Tests.Language;

/// <summary>A few numbers of a model moved without gradients.</summary>
public sealed class GradientFreeTunerTests
{
    private static readonly LanguageConfig s_config = new()
    {
        VocabularySize = 30,
        Layers = 2,
        ModelWidth = 32,
        Heads = 1,
        KeyValueHeads = 1,
        HeadWidth = 32,
        HiddenWidth = 64,
        SequenceLength = 16,
        Activation = LanguageActivation.Eml,
    };

    private static readonly int[] s_row = [.. Enumerable.Range(0, 65).Select(i => 1 + (i * i % 29))];

    /// <summary>A model that has learned something, so that its numbers matter.</summary>
    private static LanguageTrainer Trained(int threads)
    {
        var trainer = new LanguageTrainer(Initialization.Create(s_config, 3), new TrainerOptions { SequenceLength = 16, GroupTokens = 32, Threads = threads });
        for (int i = 0; i < 5; i++)
        {
            trainer.Step(s_row.AsSpan(0, 64), s_row.AsSpan(1, 64), 1.0);
        }
        return trainer;
    }

    private static int[] Bits(LanguageTrainer trainer, string name) => MemoryMarshal.Cast<float, int>(trainer.State().First(tensor => tensor.Name == name).Values).ToArray();

    [Fact]
    public void The_loss_falls_and_only_what_was_named_changes_on_any_number_of_threads()
    {
        using LanguageTrainer one = Trained(1), two = Trained(2);
        int[] matrix = Bits(one, "blocks.0.mlp.c_fc.weight"), lambdas = Bits(one, "resid_lambdas");
        var losses = new List<double>();
        TuningResult result = GradientFreeTuner.Run(one, s_row.AsSpan(0, 64), s_row.AsSpan(1, 64), new TuningOptions { Sweeps = 2 }, (_, loss) => losses.Add(loss));
        Assert.True(result.IsDone);
        Assert.True(result.After < result.Before, $"{result.Before} to {result.After}");
        Assert.True(result.Kept > 0);
        Assert.Equal(result.Evaluations - 1, losses.Count);
        Assert.Equal(losses.OrderDescending(), losses);
        Assert.Equal(matrix, Bits(one, "blocks.0.mlp.c_fc.weight"));
        Assert.NotEqual(lambdas, Bits(one, "resid_lambdas"));
        double mean = one.Losses(s_row.AsSpan(0, 32), s_row.AsSpan(1, 32)).ToArray().Sum();
        mean += one.Losses(s_row.AsSpan(32, 32), s_row.AsSpan(33, 32)).ToArray().Sum();
        Assert.Equal(mean / 64, result.After, 12);
        Assert.Equal(result, GradientFreeTuner.Run(two, s_row.AsSpan(0, 64), s_row.AsSpan(1, 64), new TuningOptions { Sweeps = 2 }));
        Assert.Equal(Bits(one, "resid_lambdas"), Bits(two, "resid_lambdas"));
    }

    [Fact]
    public void A_matrix_that_is_small_enough_can_be_tuned()
    {
        using LanguageTrainer trainer = Trained(1);
        TuningResult result = GradientFreeTuner.Run(trainer, s_row.AsSpan(0, 64), s_row.AsSpan(1, 64), new TuningOptions { Sweeps = 1, Tensors = ["blocks.1.mlp.c_proj.weight"] });
        Assert.True(result.After < result.Before, $"{result.Before} to {result.After}");
    }

    [Fact]
    public void A_cancelled_tuning_keeps_what_it_has()
    {
        using LanguageTrainer trainer = Trained(1);
        var cancel = new Cancel();
        int[] before = Bits(trainer, "resid_lambdas");
        TuningResult result = GradientFreeTuner.Run(trainer, s_row.AsSpan(0, 64), s_row.AsSpan(1, 64), new TuningOptions(), (_, _) => cancel.Set(), cancel);
        Assert.False(result.IsDone);
        Assert.Equal(2, result.Evaluations);
        Assert.Equal(before, Bits(trainer, "resid_lambdas"));
    }

    [Fact]
    public void What_has_no_meaning_is_refused()
    {
        using LanguageTrainer trainer = Trained(1);
        void Refused(TuningOptions options, string part) =>
            Assert.Contains(part, Assert.Throws<EmlException>(() => GradientFreeTuner.Run(trainer, s_row.AsSpan(0, 64), s_row.AsSpan(1, 64), options)).Message, StringComparison.Ordinal);
        Refused(new TuningOptions { Tensors = ["nothing"] }, "no tensor 'nothing'");
        Refused(new TuningOptions { Sweeps = 0 }, "1 to 1000 sweeps");
        Refused(new TuningOptions { Tensors = ["mlp.c_fc.weight", "mlp.c_proj.weight"] }, "at most 4096");
    }
}
