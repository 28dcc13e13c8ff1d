using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Machine;

/// <summary>Random programs: both engines generate, token for token, what the plain interpreter does.</summary>
public class RandomProgramTests(ITestOutputHelper output)
{
    [Fact]
    public void A_hundred_thousand_programs_run_as_on_the_plain_interpreter() => Run(1, 100_000, 90);

    [Fact]
    [Trait("Category", "Paths")]
    public void Some_programs_run_as_on_the_plain_interpreter() => Run(1_000_001, 300, 90);

    [Fact]
    public void Longer_runs_are_the_same() => Run(2_000_001, 100, 400);

    [Fact]
    public void The_fast_engine_runs_long_as_the_plain_interpreter() => Run(3_000_001, 10_000, 3_000, withDense: false);

    private void Run(ulong firstSeed, int count, int fuel, bool withDense = true)
    {
        long tokens = 0;
        long outputs = 0;
        int[] ends = new int[4];
        int[] executed = new int[256];
        const int Block = 250;
        Parallel.For(0, (count + Block - 1) / Block, new ParallelOptions { MaxDegreeOfParallelism = 2 }, block =>
        {
            var fast = new CompactMachine(keepTrace: true);
            var dense = new CompactMachine(dense: true, keepTrace: true);
            for (int i = block * Block; i < Math.Min(count, (block + 1) * Block); i++)
            {
                ulong seed = firstSeed + (ulong)i;
                (CompactInstruction[] program, byte[][] files) = RandomPrograms.Make(seed, Length(i, fuel));
                PlainRun plain = PlainInterpreter.Run(program, files, fuel);
                Compare(seed, program, files, plain, fast, fuel);
                if (withDense)
                {
                    Compare(seed, program, files, plain, dense, fuel);
                }
                Interlocked.Add(ref tokens, plain.Tokens.Count);
                Interlocked.Add(ref outputs, plain.Output.Count);
                Interlocked.Increment(ref ends[(int)plain.End]);
                foreach (int at in plain.Instructions)
                {
                    Interlocked.Increment(ref executed[program[at].Opcode]);
                }
            }
        });
        output.WriteLine($"{count} programs, {tokens} tokens, {outputs} put out; ended by halt {ends[0]}, loop limit {ends[1]}, "
            + $"full file {ends[2]}, fuel {ends[3]}");
        foreach (Instruction instruction in InstructionSet.All)
        {
            Assert.True(executed[(int)instruction.Opcode] > count / 1_000, $"{instruction.Name} was executed {executed[(int)instruction.Opcode]} times");
        }
        Assert.True(ends[(int)PlainEnd.Halt] > count / 2, $"{ends[(int)PlainEnd.Halt]} programs came to their end");
    }

    /// <summary>Mostly short: the dense engine takes three tokens for each instruction, two of them before it begins.</summary>
    private static int Length(int i, int fuel) => fuel > 100 ? 60 : (i % 16) switch { < 13 => 1 + (i / 16 % 3), < 15 => 5 + (i / 16 % 3), _ => 8 + (i / 16 % 20) };

    private static void Compare(ulong seed, CompactInstruction[] program, byte[][] files, PlainRun plain, CompactMachine machine, int fuel)
    {
        machine.Load(program, files);
        PlainEnd end;
        try
        {
            end = machine.Run(fuel) == GenerationStatus.Done ? PlainEnd.Halt : PlainEnd.OutOfFuel;
        }
        catch (EmlException error) when (error.Code == ErrorCode.Limit)
        {
            end = program[error.SubCode].Opcode == (int)Opcode.BrIf ? PlainEnd.LoopLimit : PlainEnd.FileFull;
        }
        bool isSame = end == plain.End && machine.Trace.Count == plain.Tokens.Count;
        for (int i = 0; isSame && i < plain.Tokens.Count; i++)
        {
            isSame = machine.Trace[i].Token == plain.Tokens[i] && machine.Trace[i].Row == plain.Instructions[i];
        }
        isSame = isSame && machine.Output.SequenceEqual(plain.Output);
        for (int d = 0; isSame && d < 4; d++)
        {
            isSame = machine.File(d).AsSpan().SequenceEqual(plain.Files[d]);
        }
        Assert.True(isSame, $"seed {seed}: {string.Join("; ", program)} | {end} [{string.Join(' ', machine.Trace.Select(t => t.Token))}] "
            + $"expected {plain.End} [{string.Join(' ', plain.Tokens)}]");
    }
}
