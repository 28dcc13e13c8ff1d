using Eml.Machine.Transformer;
using Xunit.Abstractions;

namespace Eml.Tests.Machine;

/// <summary>The fast engine is a fast engine for any weights, not only for the compact interpreter's: as long as all sums are exact, it
/// computes what the dense engine computes.</summary>
[Trait("Category", "Paths")]
public class RandomTransformerTests(ITestOutputHelper output)
{
    [Fact]
    public void The_engines_agree_on_random_weights()
    {
        const int Models = 800;
        const int Steps = 30;
        int compared = 0;
        int inexact = 0;
        var modes = new HashSet<HeadMode>();
        for (ulong seed = 1; seed <= Models; seed++)
        {
            RandomTransformer random = RandomTransformer.Make(seed);
            TransformerConfig config = random.Weights.Config;
            var dense = new DenseEngine(random.Weights) { Probe = new StepProbe(config) };
            var fast = new FastEngine(random.Weights) { Probe = new StepProbe(config) };
            modes.UnionWith(config.Heads.SelectMany(heads => heads).Select(head => head.Mode));
            // The second run begins anew on the same engines.
            for (int run = 0; run < 2; run++)
            {
                dense.Clear();
                fast.Clear();
                int last = 0;
                bool isExact = true;
                for (int step = 0; step < Steps && isExact; step++)
                {
                    if (random.Below(3) == 0)
                    {
                        (int store, int entry, double[] at) = (random.Below(2), random.Below(config.Vocabulary), random.Position());
                        dense.Append(store, entry, at);
                        fast.Append(store, entry, at);
                    }
                    int token = random.Below(3) == 0 ? random.Below(config.Vocabulary) : last;
                    double[] position = random.Position();
                    last = dense.Step(token, position);
                    int fastLast = fast.Step(token, position);
                    isExact = IsExact(dense.Probe);
                    if (isExact)
                    {
                        string where = $"model {seed}, run {run}, step {step}";
                        Assert.True(last == fastLast, $"{where}: token {fastLast} instead of {last}");
                        Probes.AssertEqual(dense.Probe, fast.Probe, where);
                        compared++;
                    }
                }
                inexact += isExact ? 0 : 1;
            }
        }
        output.WriteLine($"{Models} models, {compared} steps compared, {inexact} runs ended early as their sums became inexact");
        Assert.Equal(3, modes.Count);
        Assert.True(compared > Models * Steps, $"{compared} steps");
    }

    /// <summary>Rows have at most 9 weights of at most 1, or 2 x 12 in the unembedding: below these bounds every sum and every score is an
    /// integer below 2^53.</summary>
    private static bool IsExact(StepProbe probe) => probe.Stream.All(x => Math.Abs(x) < 1 << 22);
}
