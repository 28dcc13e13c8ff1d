using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Tests.Machine;

/// <summary>The count of the weights that a token needs.</summary>
public class TouchedWeightsTests
{
    [Fact]
    public void A_token_touches_few_of_the_nonzero_weights_and_counting_changes_nothing()
    {
        TransformerWeights weights = CompactMachine.Weights;
        long nonzero = weights.Tensors().Sum(tensor => (long)tensor.Values.Count(value => value != 0.0));
        Prompt prompt = new CompactProgram(CompactText.Parse("i32.const 200 i32.const 3 i32.mul local.set 0 loop local.get 0 output i32.const 0 br_if end_loop halt").Instructions).Prompt([]);
        var plain = new List<int>();
        new Generator(new FastEngine(weights), prompt).Run(100, generated =>
        {
            plain.Add(generated.Token);
            return true;
        });

        var engine = new FastEngine(weights) { Probe = new StepProbe(weights.Config) };
        var tokens = new List<int>();
        var touched = new List<long>();
        int given = prompt.Tokens[^1];
        new Generator(engine, prompt).Run(100, generated =>
        {
            touched.Add(engine.CountTouched(given, engine.Probe));
            Assert.Equal(touched[^1], engine.CountTouched(given, engine.Probe));
            given = generated.Token;
            tokens.Add(given);
            return true;
        });
        Assert.Equal(plain, tokens);
        Assert.Equal(200 * 3 % 256, tokens[2]);
        Assert.All(touched, count => Assert.InRange(count, 100, nonzero / 2));
        // A product opens the units of its reduction, which a constant leaves closed.
        Assert.True(touched[2] > touched[0] + 20, $"{touched[2]} against {touched[0]}");
    }
}
