using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Tests.Machine;

/// <summary>Every message with which the check refuses a program, and programs at the edge that it must not refuse.</summary>
public class RefusalTests
{
    [Theory]
    // Operands.
    [InlineData("i32.const; halt", 0, "needs an operand")]
    [InlineData("i32.const 1; local.set; halt", 1, "needs an operand")]
    [InlineData("fd_open; halt", 0, "needs an operand")]
    [InlineData("i32.const 1; i32.const 1; i32.add 3; halt", 2, "takes no operand")]
    [InlineData("halt 0", 0, "takes no operand")]
    [InlineData("loop 1; end_loop; halt", 0, "takes no operand")]
    [InlineData("i32.const 256; halt", 0, "has an operand outside 0 to 255")]
    [InlineData("i32.const -1; halt", 0, "has an operand outside 0 to 255")]
    [InlineData("local.get 256; halt", 0, "has an operand outside 0 to 255")]
    [InlineData("i32.const 0; i32.load 256; halt", 1, "has an operand outside 0 to 255")]
    [InlineData("i32.const 0; i32.const 0; i32.store -1; halt", 2, "has an operand outside 0 to 255")]
    [InlineData("loop; i32.const 0; br_if 256; end_loop; halt", 2, "has an operand outside 0 to 255")]
    [InlineData("fd_open 4; halt", 0, "names a descriptor that does not exist; they are 0 to 3")]
    [InlineData("fd_open -1; halt", 0, "names a descriptor that does not exist")]
    // The stack.
    [InlineData("i32.add; halt", 0, "needs 2 values on the stack; there are 0")]
    [InlineData("i32.const 1; i32.add; halt", 1, "needs 2 values on the stack; there is 1")]
    [InlineData("output; halt", 0, "needs 1 value on the stack; there are 0")]
    [InlineData("local.tee 0; halt", 0, "needs 1 value on the stack; there are 0")]
    [InlineData("i32.const 1; fd_write; halt", 1, "needs 2 values on the stack; there is 1")]
    [InlineData("i32.const 1; halt; output; output; halt", 3, "needs 1 value on the stack; there are 0")]
    // Loops.
    [InlineData("loop; halt", 0, "has no end_loop")]
    [InlineData("loop; loop; end_loop; halt", 0, "has no end_loop")]
    [InlineData("end_loop; halt", 0, "ends no loop")]
    [InlineData("loop; end_loop; end_loop; halt", 2, "ends no loop")]
    [InlineData("loop; i32.const 1; end_loop; halt", 2, "finds 1 more values on the stack than its loop (instruction 0) began with")]
    [InlineData("i32.const 1; loop; output; end_loop; halt", 2, "takes a value from below the start of its loop (instruction 1)")]
    [InlineData("i32.const 1; loop; local.tee 0; end_loop; halt", 2, "takes a value from below the start of its loop (instruction 1)")]
    [InlineData("i32.const 1; loop; i32.const 2; i32.add; end_loop; halt", 3, "takes a value from below the start of its loop")]
    [InlineData("i32.const 1; br_if; halt", 1, "goes to loop 0, counted from the inside; it is inside 0")]
    [InlineData("loop; i32.const 1; br_if 1; end_loop; halt", 2, "goes to loop 1, counted from the inside; it is inside 1")]
    [InlineData("loop; i32.const 1; i32.const 1; br_if; output; end_loop; halt", 3, "goes back with 1 values on the stack to a loop (instruction 0) that began with 0")]
    [InlineData("loop; i32.const 5; loop; i32.const 1; br_if 1; end_loop; output; end_loop; halt", 4, "goes back with 1 values on the stack to a loop (instruction 0) that began with 0")]
    [InlineData("fd_open 1; loop; fd_close; end_loop; halt", 2, "takes a value from below the start of its loop (instruction 1)")]
    // Files.
    [InlineData("i32.const 4; fd_read; halt", 1, "uses descriptor 4; they are 0 to 3")]
    [InlineData("i32.const 255; i32.const 1; fd_write; halt", 2, "uses descriptor 255; they are 0 to 3")]
    [InlineData("i32.const 0; fd_read; halt", 1, "uses descriptor 0, which is not open here; fd_open 0 before it")]
    [InlineData("i32.const 2; fd_close; halt", 1, "uses descriptor 2, which is not open here")]
    [InlineData("fd_open 1; fd_close; i32.const 1; fd_read; halt", 3, "uses descriptor 1, which is not open here")]
    [InlineData("fd_open 0; fd_open 1; i32.add; fd_read; halt", 3, "has a descriptor that is not known before the program runs")]
    [InlineData("fd_open 0; fd_read; fd_read; halt", 2, "has a descriptor that is not known")]
    [InlineData("i32.const 0; i32.load; i32.const 1; fd_write; halt", 3, "has a descriptor that is not known")]
    [InlineData("i32.const 0; i32.load; fd_close; halt", 2, "has a descriptor that is not known")]
    [InlineData("local.get 0; fd_read; halt", 1, "uses descriptor 0, which is not open here")]
    // A local that the loop sets later is not known at the loop's start, whichever loop sets it.
    [InlineData("fd_open 0; fd_open 1; local.set 0; local.set 1; loop; local.get 0; fd_read; local.tee 0; br_if; end_loop; halt", 6, "has a descriptor that is not known")]
    [InlineData("fd_open 0; local.set 0; fd_open 1; local.set 1; loop; local.get 0; fd_read; output; loop; local.get 1; local.set 0; end_loop; i32.const 1; br_if; end_loop; halt", 6, "has a descriptor that is not known")]
    [InlineData("fd_open 0; local.set 0; loop; loop; local.get 0; fd_read; output; end_loop; i32.const 1; local.tee 0; br_if; end_loop; halt", 5, "has a descriptor that is not known")]
    [InlineData("fd_open 0; local.set 0; loop; i32.const 1; local.set 0; loop; i32.const 9; local.set 0; end_loop; i32.const 1; br_if; end_loop; local.get 0; fd_read; halt", 13, "uses descriptor 9")]
    // What a loop closes must be open again where it goes back, and is closed after it.
    [InlineData("fd_open 1; local.set 0; loop; i32.const 1; fd_close; i32.const 1; br_if; end_loop; halt", 6, "goes back with descriptor 1 closed to a loop (instruction 2) that began with it open")]
    [InlineData("fd_open 1; local.set 0; loop; loop; i32.const 1; fd_close; i32.const 1; br_if 1; end_loop; end_loop; halt", 7, "goes back with descriptor 1 closed to a loop (instruction 2)")]
    [InlineData("fd_open 1; local.set 0; loop; i32.const 1; fd_close; end_loop; i32.const 1; fd_read; halt", 7, "uses descriptor 1, which is not open here")]
    // The end.
    [InlineData("i32.const 1; output", 1, "is the last instruction; the last must be halt (0xFF)")]
    [InlineData("halt; i32.const 1", 1, "is the last instruction; the last must be halt (0xFF)")]
    public void A_faulty_program_is_refused(string text, int instruction, string why)
    {
        AssertRefused(ProgramText.Parse(text), ErrorCode.Argument, instruction, why);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0x100)]
    [InlineData(0x103)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void A_code_that_is_no_instruction_is_refused(int code)
    {
        AssertRefused([new(0x03), new(code), new(0x0B), new(0xFF)], ErrorCode.Argument, 1, "is not an instruction");
    }

    [Fact]
    public void A_program_needs_instructions_but_not_too_many()
    {
        EmlException empty = Assert.Throws<EmlException>(() => new CompactProgram([]));
        Assert.Equal((ErrorCode.Argument, 0), (empty.Code, empty.SubCode));
        Assert.Equal("the program is empty; it needs at least halt (0xFF)", empty.Message);

        EmlException tooLong = Assert.Throws<EmlException>(() => new CompactProgram([.. Enumerable.Repeat(new CompactInstruction(0xFF), 4097)]));
        Assert.Equal(ErrorCode.Limit, tooLong.Code);
        Assert.StartsWith("the program has 4097 instructions; at most 4096 fit", tooLong.Message, StringComparison.Ordinal);
        Assert.Equal(4096, new CompactProgram([.. Enumerable.Repeat(new CompactInstruction(0xFF), 4096)]).Instructions.Length);
    }

    [Fact]
    public void The_stack_holds_256_values()
    {
        CompactInstruction[] full = [.. Enumerable.Range(0, 256).Select(i => new CompactInstruction(0x00, 255 - i)),
            .. Enumerable.Repeat(new CompactInstruction(0xF0), 256), new(0xFF)];
        var machine = new CompactMachine();
        machine.Load(full, []);
        Assert.Equal(256, machine.Program.MaxDepth);
        Assert.Equal(GenerationStatus.Done, machine.Run(1_000));
        Assert.Equal(Enumerable.Range(0, 256).Select(i => (byte)i), machine.Output);
        AssertRefused([.. Enumerable.Repeat(new CompactInstruction(0x00, 1), 257), new(0xFF)], ErrorCode.Limit, 256,
            "pushes value 257; the stack holds 256");
    }

    [Fact]
    public void Sixty_four_loops_may_be_inside_each_other()
    {
        static CompactInstruction[] Nested(int depth) => [.. Enumerable.Repeat(new CompactInstruction(0x03), depth),
            new(0x20, 0), new(0x00, 1), new(0x01), new(0x22, 0), new(0x00, 3), new(0x48), new(0x0D, depth - 1), new(0x20, 0), new(0xF0),
            .. Enumerable.Repeat(new CompactInstruction(0x0B), depth), new(0xFF)];
        var machine = new CompactMachine();
        machine.Load(Nested(64), []);
        Assert.Equal(GenerationStatus.Done, machine.Run(1_000));
        Assert.Equal([3], machine.Output);
        AssertRefused(Nested(65), ErrorCode.Limit, 64, "is inside 64 loops; at most 64 may be inside each other");
    }

    [Fact]
    public void A_program_of_4096_instructions_finds_all_of_them()
    {
        CompactInstruction[] program = [.. Enumerable.Range(0, 1365).SelectMany(i =>
            (CompactInstruction[])[new(0x00, i % 256), new(0x22, i % 251), new(0xF0)]), new(0xFF)];
        Assert.Equal(4096, program.Length);
        var machine = new CompactMachine();
        machine.Load(program, []);
        Assert.Equal(GenerationStatus.Done, machine.Run(5_000));
        Assert.Equal(Enumerable.Range(0, 1365).Select(i => (byte)i), machine.Output);
    }

    [Fact]
    public void Files_are_at_most_four_of_32_bytes()
    {
        var machine = new CompactMachine();
        EmlException tooMany = Assert.Throws<EmlException>(() => machine.Load(ProgramText.Parse("halt"), [[], [], [], [], []]));
        Assert.Equal((ErrorCode.Limit, "5 files were given; there are 4 descriptors"), (tooMany.Code, tooMany.Message));
        EmlException tooLong = Assert.Throws<EmlException>(() => machine.Load(ProgramText.Parse("halt"), [[1], new byte[33]]));
        Assert.Equal((ErrorCode.Limit, "file 1 has 33 bytes; a file holds at most 32"), (tooLong.Code, tooLong.Message));
        Assert.Throws<EmlException>(() => machine.Run(1));
        machine.Load(ProgramText.Parse("halt"), [[], [], [], new byte[32]]);
        Assert.Equal(32, machine.File(3).Length);
        Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => machine.File(4)).Code);
        Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => machine.File(-1)).Code);
    }

    [Theory]
    // A descriptor in a local that the loop does not set, or sets before it is read.
    [InlineData("fd_open 1; local.set 0; loop; local.get 0; fd_read; output; end_loop; halt", new byte[] { 7 })]
    [InlineData("fd_open 1; local.set 5; loop; i32.const 1; local.tee 0; fd_read; output; local.get 0; fd_read; output; end_loop; local.get 0; fd_read; output; halt", new byte[] { 7, 8, 0 })]
    // Closed and opened again before the way back; opened only in the loop.
    [InlineData("fd_open 1; local.set 0; loop; i32.const 1; fd_close; fd_open 1; fd_read; output; i32.const 0; br_if; end_loop; i32.const 1; fd_read; output; halt", new byte[] { 7, 8 })]
    [InlineData("loop; fd_open 1; fd_read; output; i32.const 0; br_if; end_loop; i32.const 1; fd_read; output; halt", new byte[] { 7, 8 })]
    // A local that was never set is descriptor 0.
    [InlineData("fd_open 0; output; local.get 9; fd_read; output; halt", new byte[] { 0, 5 })]
    // What follows halt is checked, but not run.
    [InlineData("fd_open 1; halt; fd_close; halt", new byte[] { })]
    public void What_is_known_is_not_refused(string text, byte[] expected)
    {
        foreach (bool dense in (bool[])[false, true])
        {
            var machine = new CompactMachine(dense);
            machine.Load(ProgramText.Parse(text), [[5], [7, 8]]);
            Assert.Equal(GenerationStatus.Done, machine.Run(1_000));
            Assert.Equal(expected, machine.Output);
        }
    }

    private static void AssertRefused(CompactInstruction[] program, ErrorCode code, int instruction, string why)
    {
        EmlException error = Assert.Throws<EmlException>(() => new CompactProgram(program));
        Assert.Equal((code, instruction), (error.Code, error.SubCode));
        Assert.StartsWith($"instruction {instruction} ({program[instruction]}) ", error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }
}
