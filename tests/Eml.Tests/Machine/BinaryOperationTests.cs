using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Xunit.Abstractions;

namespace Eml.Tests.Machine;

/// <summary>The eleven operations on two values: all 65,536 pairs each.</summary>
public class BinaryOperationTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names =>
    [
        "i32.add", "i32.sub", "i32.mul", "i32.and", "i32.or", "i32.eq", "i32.ne", "i32.lt_s", "i32.gt_s", "i32.le_s", "i32.ge_s",
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_pair_is_right_on_the_fast_engine(string name)
    {
        // The outer loop counts the first operand, the inner the second; each goes round once.
        CompactInstruction[] program = ProgramText.Parse($"""
            loop; loop
            local.get 0; local.get 1; {name}; output
            local.get 1; i32.const 1; i32.add; local.tee 1; br_if 0; end_loop
            local.get 0; i32.const 1; i32.add; local.tee 0; br_if 0; end_loop
            halt
            """);
        var machine = new CompactMachine();
        machine.Load(program, []);
        Assert.Equal(GenerationStatus.Done, machine.Run(long.MaxValue));
        Assert.Equal(65_536, machine.Output.Count);
        for (int i = 0; i < 65_536; i++)
        {
            int expected = PlainInterpreter.Binary(ProgramText.Codes[name], i >> 8, i & 255);
            Assert.True(expected == machine.Output[i], $"{name} {i >> 8} {i & 255}: {machine.Output[i]} instead of {expected}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_grid_of_pairs_is_right_on_the_dense_engine(string name)
    {
        int[] values = [0, 1, 2, 15, 16, 17, 63, 64, 127, 128, 129, 200, 254, 255];
        (int X, int Y)[] pairs = [.. values.SelectMany(x => values.Select(y => (x, y)))];
        CompactInstruction[] program = ProgramText.Parse(
            string.Join("", pairs.Select(pair => $"i32.const {pair.X}; i32.const {pair.Y}; {name}; output;")) + "halt");
        var machine = new CompactMachine(dense: true);
        machine.Load(program, []);
        Assert.Equal(GenerationStatus.Done, machine.Run(long.MaxValue));
        Assert.Equal(pairs.Select(pair => (byte)PlainInterpreter.Binary(ProgramText.Codes[name], pair.X, pair.Y)), machine.Output);
        output.WriteLine($"{name}: {pairs.Length} pairs");
    }
}
