using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Tests.Machine;

/// <summary>A run may stop and go on: by fuel, by its listener, by a cancel token. What it does is the same.</summary>
public class GenerationTests
{
    private const string Squares = """
        fd_open 1; local.set 9
        loop; local.get 0; local.get 0; i32.mul; local.tee 1; output; i32.const 1; local.get 1; fd_write
        local.get 0; i32.const 1; i32.add; local.tee 0; i32.const 8; i32.lt_s; br_if; end_loop; halt
        """;

    private static readonly byte[] s_squares = [0, 1, 4, 9, 16, 25, 36, 49];

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 7)]
    [InlineData(true, 3)]
    public void Fuel_in_pieces_gives_the_same(bool dense, int piece)
    {
        CompactMachine whole = Loaded(dense);
        Assert.Equal(GenerationStatus.OutOfFuel, whole.Status);
        Assert.Equal(GenerationStatus.Done, whole.Run(long.MaxValue));
        CompactMachine machine = Loaded(dense);
        Assert.Equal(GenerationStatus.OutOfFuel, machine.Run(0));
        Assert.Equal(0, machine.Steps);
        for (long steps = piece; machine.Run(piece) == GenerationStatus.OutOfFuel; steps += piece)
        {
            Assert.Equal(steps, machine.Steps);
            Assert.Equal(GenerationStatus.OutOfFuel, machine.Status);
        }
        AssertSame(whole, machine);
        Assert.Equal(s_squares, machine.Output);
        Assert.Equal(s_squares, machine.File(1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_listener_sees_every_token_and_may_stop(bool dense)
    {
        CompactMachine whole = Loaded(dense);
        whole.Run(long.MaxValue);
        CompactMachine machine = Loaded(dense);
        var seen = new List<GeneratedToken>();
        int stops = 0;
        while (machine.Run(long.MaxValue, generated =>
        {
            seen.Add(generated);
            return !generated.IsOutput;
        }) == GenerationStatus.Cancelled)
        {
            stops++;
            Assert.Equal(seen.Count, machine.Steps);
            Assert.Equal(seen[^1].Token, machine.Output[^1]);
        }
        Assert.Equal(s_squares.Length, stops);
        Assert.Equal(whole.Trace, seen);
        AssertSame(whole, machine);
    }

    [Fact]
    public void A_listener_that_stops_at_the_last_token_does_not_undo_the_end()
    {
        CompactMachine machine = Loaded(dense: false);
        Assert.Equal(GenerationStatus.Done, machine.Run(long.MaxValue, generated => generated.Token != CompactTokens.Halt));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_cancel_token_stops_and_the_run_goes_on(bool dense)
    {
        CompactMachine whole = Loaded(dense);
        whole.Run(long.MaxValue);
        CompactMachine machine = Loaded(dense);
        var cancel = new Cancel();
        cancel.Set();
        // Before the prefix was fed.
        Assert.Equal(GenerationStatus.Cancelled, machine.Run(long.MaxValue, cancel: cancel));
        Assert.Equal(GenerationStatus.Cancelled, machine.Run(long.MaxValue, cancel: cancel));
        Assert.Equal(0, machine.Steps);
        cancel.Reset();
        Assert.Equal(GenerationStatus.Cancelled, machine.Run(long.MaxValue, generated =>
        {
            if (generated.Step == 9)
            {
                cancel.Set();
            }
            return true;
        }, cancel));
        Assert.Equal(10, machine.Steps);
        cancel.Reset();
        Assert.Equal(GenerationStatus.Done, machine.Run(long.MaxValue, cancel: cancel));
        AssertSame(whole, machine);
    }

    [Fact]
    public void A_refused_program_leaves_the_old_one()
    {
        CompactMachine whole = Loaded(dense: false);
        whole.Run(long.MaxValue);
        CompactMachine machine = Loaded(dense: false);
        machine.Run(20);
        Assert.Throws<EmlException>(() => machine.Load(ProgramText.Parse("output; halt"), []));
        Assert.Throws<EmlException>(() => machine.Load(ProgramText.Parse("halt"), [new byte[33]]));
        Assert.Equal(20, machine.Steps);
        Assert.Equal(whole.Program.Instructions, machine.Program.Instructions);
        machine.Run(long.MaxValue);
        AssertSame(whole, machine);
    }

    [Fact]
    public void An_ended_run_stays_ended_and_a_new_program_begins_anew()
    {
        CompactMachine machine = Loaded(dense: false);
        machine.Run(long.MaxValue);
        long steps = machine.Steps;
        Assert.Equal(GenerationStatus.Done, machine.Run(10));
        Assert.Equal(steps, machine.Steps);

        machine.Load(ProgramText.Parse("loop; i32.const 1; br_if; end_loop; halt"), []);
        Assert.Equal((0, 0, 0), (machine.Steps, machine.Output.Count, machine.Trace.Count));
        for (int i = 0; i < 2; i++)
        {
            EmlException error = Assert.Throws<EmlException>(() => machine.Run(long.MaxValue));
            Assert.Equal((ErrorCode.Limit, 2), (error.Code, error.SubCode));
            Assert.Equal("instruction 2 (br_if 0), step 512, goes back for the 256th time; the body of a loop runs at most 256 times", error.Message);
            Assert.Equal(513, machine.Steps);
        }
        Assert.Equal(GenerationStatus.TakenTooOften, machine.Status);

        machine.Load(ProgramText.Parse("local.get 0; output; i32.const 0; i32.load; output; fd_open 1; fd_read; output; halt"), []);
        Assert.Equal(GenerationStatus.Done, machine.Run(long.MaxValue));
        Assert.Equal([0, 0, 0], machine.Output);
    }

    [Fact]
    public void Without_a_program_there_is_nothing_to_run()
    {
        var machine = new CompactMachine();
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => machine.Run(1)).Code);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => machine.File(0)).Code);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => machine.Status).Code);
        Assert.Equal(ErrorCode.State, Assert.Throws<EmlException>(() => machine.Program).Code);
    }

    private static CompactMachine Loaded(bool dense)
    {
        var machine = new CompactMachine(dense, keepTrace: true);
        machine.Load(ProgramText.Parse(Squares), [[], [200, 201]]);
        return machine;
    }

    private static void AssertSame(CompactMachine expected, CompactMachine actual)
    {
        Assert.Equal(expected.Trace, actual.Trace);
        Assert.Equal(expected.Output, actual.Output);
        Assert.Equal(expected.Status, actual.Status);
        Assert.Equal(expected.Steps, actual.Steps);
        for (int d = 0; d < 4; d++)
        {
            Assert.Equal(expected.File(d), actual.File(d));
        }
    }
}
