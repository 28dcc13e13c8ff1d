using System.Runtime.InteropServices;
using System.Text.Json;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Tests.Language;

/// <summary>Trainings that stop and go on, on any number of threads, and what must not happen to them.</summary>
public sealed class LanguageTrainerTests
{
    private static readonly LanguageConfig s_config = new()
    {
        VocabularySize = 40,
        Layers = 3,
        ModelWidth = 48,
        Heads = 3,
        KeyValueHeads = 1,
        HeadWidth = 16,
        HiddenWidth = 96,
        SequenceLength = 16,
        Activation = LanguageActivation.Eml,
    };

    private static readonly TrainerOptions s_options = new() { SequenceLength = 16, GroupTokens = 32 };

    private static TokenCorpus Corpus()
    {
        var random = new Random(5);
        return TokenCorpus.Create(s_config.VocabularySize, [.. Enumerable.Range(0, 60).Select(_ =>
        {
            // Something to learn: each token is the one before it plus 1 or 3.
            int token = random.Next(1, 40);
            return Enumerable.Range(0, random.Next(3, 30)).Select(_ => token = 1 + ((token + (random.Next(4) == 0 ? 2 : 0)) % 39)).ToArray();
        })]);
    }

    private static TrainingRun Start(LanguageTrainer trainer, BestFitPacker packer, long steps, double seconds = 0.0) => new(trainer, packer,
        () => new BestFitPacker(Corpus(), 0, 16), Enumerable.Repeat(1, s_config.VocabularySize).ToArray(),
        new TrainingPlan { Steps = steps, BatchTokens = 64, ValidationEvery = 10, ValidationTokens = 64 }, seconds);

    private static int[] Bits(LanguageTrainer trainer) => [.. trainer.State().SelectMany(tensor => MemoryMarshal.Cast<float, int>(tensor.Values).ToArray())];

    [Theory]
    [InlineData(KParameter.Clamp, Optimizer.AdamW)]
    [InlineData(KParameter.Softplus, Optimizer.AdamW)]
    [InlineData(KParameter.Clamp, Optimizer.Muon)]
    public void A_run_that_stops_and_goes_on_has_the_bits_of_one_that_does_not(KParameter parameter, Optimizer optimizer)
    {
        TrainerOptions options = s_options with { KParameter = parameter, Optimizer = optimizer };
        using var whole = new LanguageTrainer(Initialization.Create(s_config, 3), options);
        var steps = new List<TrainingStep>();
        Assert.True(Start(whole, new BestFitPacker(Corpus(), 0, 16), 24).Run(step => { steps.Add(step); return true; }));
        Assert.Equal(24, steps.Count);
        Assert.True(steps[^1].Loss < steps[0].Loss - 0.5, $"{steps[0].Loss} to {steps[^1].Loss}");
        Assert.NotNull(steps[9].BitsPerByte);
        Assert.NotNull(steps[^1].BitsPerByte);

        // Stops after 7 steps, is written to a file and goes on from there, with other threads and groups.
        using var first = new LanguageTrainer(Initialization.Create(s_config, 3), options with { Threads = 2 });
        TrainingRun stopped = Start(first, new BestFitPacker(Corpus(), 0, 16), 24);
        Assert.False(stopped.Run(step => step.Step < 7));
        string path = Path.Combine(Directory.CreateTempSubdirectory("eml").FullName, "state.safetensors");
        TrainingStateFile.Save(path, first, JsonSerializer.Serialize(stopped.PackerState));
        TrainingState state = TrainingStateFile.Load(path);
        using var second = new LanguageTrainer(Initialization.Create(s_config, 99), options with { Threads = 3 });
        second.Restore(state.Steps, state.Tensors);
        var packer = new BestFitPacker(Corpus(), 0, 16);
        packer.Restore(JsonSerializer.Deserialize<long[]>(state.Progress));
        Assert.True(Start(second, packer, 24, stopped.Seconds).Run());
        Assert.Equal(Bits(whole), Bits(second));
        Directory.Delete(Path.GetDirectoryName(path)!, true);
    }

    [Theory]
    [InlineData(Optimizer.AdamW)]
    [InlineData(Optimizer.Muon)]
    public void Matrices_are_bfloat16_after_each_step_if_asked(Optimizer optimizer)
    {
        using var trainer = new LanguageTrainer(Initialization.Create(s_config, 3), s_options with { Weights = WeightType.BF16, Optimizer = optimizer, Threads = 2 });
        Start(trainer, new BestFitPacker(Corpus(), 0, 16), 3).Run();
        LanguageWeights rounded = LanguageQuantizer.Convert(LanguageQuantizer.Convert(trainer.Weights(), WeightType.BF16), WeightType.F32);
        foreach ((LanguageTensor wanted, LanguageTensor given) in rounded.Tensors.Zip(trainer.Weights().Tensors))
        {
            Assert.True(wanted.Data.Span.SequenceEqual(given.Data.Span), given.Name);
        }
    }

    [Fact]
    public void A_cancelled_step_leaves_no_trace()
    {
        using var trainer = new LanguageTrainer(Initialization.Create(s_config, 3), s_options);
        int[] before = Bits(trainer);
        var cancel = new Cancel();
        cancel.Set();
        int[] row = [.. Enumerable.Range(0, 16)];
        Assert.Null(trainer.Step(row, row, 1.0, cancel));
        Assert.Equal(before, Bits(trainer));
        Assert.Equal(0, trainer.Steps);
        Assert.NotNull(trainer.Step(row, row, 1.0));
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_run_before_it_harms()
    {
        LanguageWeights weights = Initialization.Create(s_config, 3);
        // Finite weights whose products are not.
        LanguageTensor[] tensors = [.. weights.Tensors.Select(tensor => tensor.Name is "blocks.0.attn.c_q.weight" or "blocks.1.mlp.c_proj.weight"
            ? tensor with { Data = MemoryMarshal.AsBytes(Enumerable.Repeat(3e38f, (int)tensor.Count).ToArray().AsSpan()).ToArray() } : tensor)];
        using var trainer = new LanguageTrainer(LanguageWeights.Create(s_config, tensors), s_options);
        int[] before = Bits(trainer);
        int[] row = [.. Enumerable.Range(0, 16)];
        EmlException e = Assert.Throws<EmlException>(() => trainer.Step(row, row, 1.0));
        Assert.Equal(ErrorCode.NonFinite, e.Code);
        Assert.Equal(before, Bits(trainer));
    }

    [Fact]
    public void K_stays_between_its_bounds()
    {
        using var trainer = new LanguageTrainer(Initialization.Create(s_config, 3), s_options with { LargestK = 1.0f, RateFactor = 20.0 });
        Start(trainer, new BestFitPacker(Corpus(), 0, 16), 10).Run();
        Assert.All(trainer.ActivationParameters, k => Assert.InRange(k, 1e-6f, 1.0f));
    }

    [Fact]
    public void The_schedule_is_that_of_the_reference()
    {
        foreach (JsonElement golden in JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("lm", "schedule.json"))).RootElement.Array("cases"))
        {
            var schedule = new TrainingSchedule(golden.At("warmup").GetDouble(), golden.At("warmdown").GetDouble(), golden.At("final").GetDouble());
            foreach (double[] point in golden.Matrix("points"))
            {
                Assert.Equal(point[1], schedule.At(point[0]), 12);
            }
        }
    }

    [Fact]
    public void One_update_of_every_group_is_that_of_the_reference()
    {
        JsonElement root = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("lm", "adamw.json"))).RootElement;
        int width = root.Int("n_embd");
        foreach (JsonElement golden in root.Array("tensors"))
        {
            var group = AdamGroup.Of(new TrainableTensor(golden.At("name").GetString()!, [.. golden.Doubles("shape").Select(n => (int)n)], 0, 0), width);
            Assert.Equal(golden.At("lr").GetDouble(), group.Rate, 12);
            Assert.Equal<double>(golden.Doubles("betas"), new[] { group.Beta1, group.Beta2 });
            Assert.Equal(golden.At("weight_decay").GetDouble(), group.WeightDecay);
        }
    }

    [Fact]
    public void Rubbish_is_refused()
    {
        LanguageWeights weights = Initialization.Create(s_config, 1);
        Assert.Throws<EmlException>(() => new LanguageTrainer(weights, s_options with { SequenceLength = 1 }));
        Assert.Throws<EmlException>(() => new LanguageTrainer(weights, s_options with { Threads = 0 }));
        using var trainer = new LanguageTrainer(weights, s_options);
        int[] row = new int[16];
        Assert.Throws<EmlException>(() => trainer.Step(row.AsSpan(0, 15), row.AsSpan(0, 15), 1.0));
        Assert.Throws<EmlException>(() => trainer.Step([.. Enumerable.Repeat(40, 16)], row, 1.0));
        Assert.Throws<EmlException>(() => trainer.Step(row, [.. Enumerable.Repeat(-2, 16)], 1.0));
        Assert.Throws<EmlException>(() => trainer.Restore(1, new Dictionary<string, float[]>()));
        Assert.Throws<EmlException>(() => new TrainingPlan { Steps = 1, Seconds = 1 }.Check(16));
    }
}
