using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Functions;

/// <summary>eml-core's attention blocks against the data recorded from the crate: bit for bit.</summary>
[Trait("Category", "Paths")]
public class AttentionTests
{
    public AttentionTests(ITestOutputHelper output)
    {
        if (!Golden.IsFull)
        {
            output.WriteLine("skipped golden: the full set is not there; the copies in tests/data/eml-core are used");
        }
    }

    [Fact]
    public void New_blocks_are_the_crates()
    {
        foreach (string file in AttentionCases.Files)
        {
            foreach (JsonElement c in Golden.EmlCore(file).Array("init"))
            {
                AttentionBlock block = AttentionCases.Block(c, file);
                Assert.Equal(c.Int("param_count"), block.ParameterCount);
                AttentionCases.AssertText(c.At("json"), ModelFile.Write(block, FileFormat.Json));
                AttentionCases.AssertForward(c, block);
            }
        }
    }

    [Fact]
    public void Loaded_blocks_give_the_crates_bits_with_either_softmax()
    {
        foreach (JsonElement c in Golden.EmlCore("attention.json").Array("loaded"))
        {
            byte[] text = System.Text.Encoding.UTF8.GetBytes(c.At("json").GetString()!);
            ToyEmlAttention block = ModelFile.ReadToyAttention(text, FileFormat.Json);
            Assert.Equal(c.At("trained").GetBoolean(), block.Trained);
            AttentionCases.AssertForward(c, block);
            Assert.Equal(text, ModelFile.Write(block, FileFormat.Json));
        }
    }

    [Fact]
    public void Training_ends_with_the_crates_bits()
    {
        foreach (string file in AttentionCases.Files)
        {
            foreach (JsonElement c in Golden.EmlCore(file).Array("training"))
            {
                AttentionBlock block = AttentionCases.Block(c, file);
                double[][] x = c.Matrix("record_inputs"), targets = c.Matrix("record_targets");
                for (int i = 0; i < x.Length; i++)
                {
                    block.Record(x[i], targets[i]);
                }

                AttentionCases.AssertText(c.At("init_json"), ModelFile.Write(block, FileFormat.Json));
                foreach (JsonElement round in c.Array("rounds"))
                {
                    AssertRound(round, block, AttentionCases.Config(c.At("config")));
                }

                AttentionCases.AssertForward(c, block);
            }
        }
    }

    private static void AssertRound(JsonElement round, AttentionBlock block, EndToEndTrainConfig config)
    {
        EndToEndTrainResult result = block.TrainEndToEnd(config);
        Golden.AssertBits([round.At("mse").Double()], [result.Mse], $"{block.Name}, mse");
        Assert.Equal(round.Int("accepts"), block.LastAccepts);
        Assert.Equal(round.At("is_trained").GetBoolean(), block.Trained);
        Assert.Equal(round.At("training_rounds").GetUInt64(), block.TrainingRounds);
        Assert.Equal(round.Int("buffer_len"), block.BufferLength);
        AttentionCases.AssertText(round.At("json"), ModelFile.Write(block, FileFormat.Json));
        if (block is ToyEmlAttention toy)
        {
            List<EmlEvent> expected = EventText.ParseList(round.At("events").GetRawText());
            Assert.Equal(expected, toy.Events);
            toy.Events.Clear();
        }
    }

    [Fact]
    public void The_benchmark_finds_what_the_crate_finds()
    {
        foreach (JsonElement c in Golden.EmlCore("attention.json").Array("benchmark"))
        {
            AttentionBenchmark benchmark = AttentionBenchmark.Run(c.Int("d_model"), c.Int("d_k"), c.Int("seq_len"), c.Int("depth"),
                c.At("trials").GetInt64(), AttentionReport.SurvivesRoundtrip)!;
            JsonElement found = JsonDocument.Parse(AttentionReport.ToJson(benchmark)).RootElement;
            AssertReport(c, found, "trials", "phase4_points");
            JsonElement[] points = [.. c.Array("phase4_points")], actual = [.. found.Array("phase4_scaling")];
            Assert.Equal(points.Length, actual.Length);
            for (int i = 0; i < points.Length; i++)
            {
                AssertMembers(points[i], actual[i]);
            }
        }
    }

    [Fact]
    public void The_comparison_finds_what_the_crate_finds()
    {
        foreach (JsonElement c in Golden.EmlCore("baseline_attention.json").Array("compare"))
        {
            int[] shape = [.. c.Array("shape").Select(size => size.GetInt32())];
            AttentionComparison comparison = AttentionComparison.Run(shape[0], shape[1], shape[2], shape[3],
                AttentionCases.Config(c.At("config")), c.Int("rounds"))!;
            AssertReport(c, JsonDocument.Parse(AttentionReport.ToJson(comparison)).RootElement, "config");
        }
    }

    /// <summary>The order of the members is the crate's, and all that is not a time is equal.</summary>
    private static void AssertReport(JsonElement expected, JsonElement actual, params string[] notInReport)
    {
        Assert.Equal(expected.Array("serialized_field_order").Select(name => name.GetString()),
            actual.EnumerateObject().Select(member => member.Name));
        AssertMembers(expected, actual, ["serialized_field_order", .. notInReport]);
    }

    private static void AssertMembers(JsonElement expected, JsonElement actual, params string[] except)
    {
        foreach (JsonProperty member in expected.EnumerateObject().Where(member => !except.Contains(member.Name)))
        {
            JsonElement found = actual.At(member.Name);
            if (member.Value.ValueKind == JsonValueKind.Number)
            {
                Golden.AssertBits([member.Value.GetDouble()], [found.GetDouble()], member.Name);
            }
            else
            {
                Assert.Equal(member.Value.GetRawText(), found.GetRawText());
            }
        }
    }

    [Fact]
    public void Refusals_have_the_crates_texts()
    {
        JsonElement file = Golden.EmlCore("errors.json");
        foreach (JsonElement c in file.Array("toy_attention_new"))
        {
            AssertRefusal(c.At("error"), () => _ = new ToyEmlAttention("t", c.Int("d_model"), c.Int("d_k"), c.Int("seq_len"), c.Int("depth")));
        }

        foreach (JsonElement c in file.Array("baseline_attention_new"))
        {
            AssertRefusal(c.At("error"), () => _ = new BaselineAttention("t", c.Int("d_model"), c.Int("d_k"), c.Int("seq_len")));
        }

        foreach (JsonElement c in file.Array("calls"))
        {
            foreach (AttentionBlock block in new AttentionBlock[] { new ToyEmlAttention("t", 8, 4, 4, 3), new BaselineAttention("t", 8, 4, 4) })
            {
                AssertRefusal(c.At(block is ToyEmlAttention ? "toy_error" : "baseline_error"), () =>
                {
                    if (c.At("call").GetString() == "forward")
                    {
                        block.Forward(new double[c.Int("len")], 1, new double[block.Width]);
                    }
                    else
                    {
                        block.Record(new double[c.Int("input_len")], new double[c.Int("target_len")]);
                    }
                });
            }
        }

        JsonElement panic = Assert.Single(file.Array("panics"),
            c => c.At("call").GetString()!.StartsWith("ToyEmlAttention", StringComparison.Ordinal));
        Assert.EndsWith("eval_subset=0", panic.At("call").GetString(), StringComparison.Ordinal);
        var toy = new ToyEmlAttention("t", 8, 4, 4, 3);
        EmlException e = Assert.Throws<EmlException>(() => toy.TrainEndToEnd(new EndToEndTrainConfig { EvalSubset = 0 }));
        Assert.Equal(ErrorCode.Argument, e.Code);
        Assert.Equal(0UL, toy.TrainingRounds);
    }

    private static void AssertRefusal(JsonElement error, Action work)
    {
        if (error.ValueKind == JsonValueKind.Null)
        {
            work();
        }
        else
        {
            Assert.Equal(error.GetString(), Assert.Throws<EmlException>(work).Message);
        }
    }
}
