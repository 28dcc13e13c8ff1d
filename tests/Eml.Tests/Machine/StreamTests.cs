using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Xunit.Abstractions;

namespace Eml.Tests.Machine;

/// <summary>Not only the tokens: every number that the dense and the fast engine compute on the way is the same.</summary>
public class StreamTests(ITestOutputHelper output)
{
    [Fact]
    public void Streams_units_and_heads_are_equal_at_every_step()
    {
        long steps = 0;
        var fast = new FastEngine(CompactMachine.Weights) { Probe = new StepProbe(CompactMachine.Weights.Config) };
        var dense = new DenseEngine(CompactMachine.Weights) { Probe = new StepProbe(CompactMachine.Weights.Config) };
        for (ulong seed = 1; seed <= 300; seed++)
        {
            (CompactInstruction[] program, byte[][] files) = RandomPrograms.Make(4_000_000 + seed, 20 + (int)(seed % 20));
            Prompt prompt = new CompactProgram(program).Prompt(files);
            var a = new Generator(fast, prompt);
            var b = new Generator(dense, prompt);
            // The first call feeds the prefix; its last step is compared too.
            while (a.Run(1) == b.Run(1) && a.Status == GenerationStatus.OutOfFuel && a.Steps < 60)
            {
                Probes.AssertEqual(dense.Probe, fast.Probe, $"seed {seed}, step {a.Steps}");
                Assert.Equal(b.Row, a.Row);
                steps++;
            }
            Assert.Equal(b.Status, a.Status);
            Assert.Equal(b.Steps, a.Steps);
        }
        output.WriteLine($"{steps} steps compared");
        Assert.True(steps > 5_000);
    }
}
