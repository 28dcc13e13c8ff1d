using Eml.Machine.Compact;
using Eml.Numerics;
using Eml.Tests.Formats;

namespace Eml.Tests.Machine;

/// <summary>Program text: what is read, what is refused and where, and that what is written is read back.</summary>
public class CompactTextTests
{
    private static readonly CompactInstruction[] s_sum = [Make(Opcode.Const, 5), Make(Opcode.Const, 3), Make(Opcode.Add), Make(Opcode.Output), Make(Opcode.Halt)];

    [Theory]
    [InlineData("i32.const 5\ni32.const 3\ni32.add\noutput\nhalt")]
    [InlineData("i32.const 5 i32.const 3 i32.add output halt")]
    [InlineData("\t0x00 0x05 0x00 0x03 0x01 0xF0 0xff\r\n")]
    [InlineData(";; sum\ni32.const 0x5 # five\ni32.const 3;;three\n i32.add output\n\n;; end\nhalt ;;")]
    [InlineData("(output (i32.add (i32.const 5) (i32.const 3))) halt")]
    [InlineData("(i32.const 5) (i32.const 3) (i32.add) (output)\n(halt)")]
    [InlineData("(output\n  (i32.add ;; sum\n    (i32.const 5)\n    (0x00 3)))\nhalt")]
    public void All_ways_of_writing_mean_the_same(string text) => Assert.Equal(s_sum, CompactText.Parse(text).Instructions);

    [Theory]
    [InlineData("loop local.get 1 br_if end_loop")]
    [InlineData("(loop (br_if (local.get 1)))")]
    [InlineData("loop\nlocal.get 1\nbr_if\nend")]
    [InlineData("(loop local.get 1 br_if)")]
    public void A_loop_ends_by_its_name_or_its_parenthesis(string text) =>
        Assert.Equal([Make(Opcode.Loop), Make(Opcode.LocalGet, 1), Make(Opcode.BrIf), Make(Opcode.EndLoop)], CompactText.Parse(text).Instructions);

    [Theory]
    [InlineData("i32.load", null)]
    [InlineData("i32.load 7", 7)]
    [InlineData("i32.load offset=7", 7)]
    [InlineData("i32.load offset=0x07", 7)]
    [InlineData("i32.load 255", 255)]
    public void An_offset_may_be_left_out(string text, int? operand) =>
        Assert.Equal([Make(Opcode.Load, operand)], CompactText.Parse(text).Instructions);

    [Fact]
    public void Every_instruction_is_read_by_name_and_by_code()
    {
        foreach (Instruction instruction in InstructionSet.All)
        {
            int? operand = instruction.Operand == OperandKind.None ? null : 3;
            CompactInstruction[] wanted = [Make(instruction.Opcode, operand)];
            Assert.Equal(wanted, CompactText.Parse($"{instruction.Name} {operand}").Instructions);
            Assert.Equal(wanted, CompactText.Parse($"0x{(int)instruction.Opcode:x2} {operand}").Instructions);
        }
    }

    [Fact]
    public void Nothing_is_an_empty_program() => Assert.Empty(CompactText.Parse(" \n;; nothing\n# at all").Instructions);

    [Fact]
    public void Instructions_know_their_places()
    {
        CompactText text = CompactText.Parse("i32.const 1\n  (output\n (i32.const 2)) ;;\n\thalt");
        Assert.Equal([(1, 1), (3, 3), (2, 4), (4, 2)], text.Places);
    }

    [Theory]
    [InlineData("i32.const 1\n  i32.foo", 2, 3, 14, "'i32.foo' is not an instruction")]
    [InlineData("add", 1, 1, 0, "do you mean i32.add?")]
    [InlineData("I32.ADD", 1, 1, 0, "do you mean i32.add?")]
    [InlineData("i32.const", 1, 1, 0, "i32.const needs an operand behind it on the same line: a value of 0 to 255")]
    [InlineData("i32.const\n5", 1, 1, 0, "needs an operand")]
    [InlineData("i32.const 256", 1, 11, 10, "'256' is none")]
    [InlineData("i32.const -1", 1, 11, 10, "'-1' is none")]
    [InlineData("i32.const 0x100", 1, 11, 10, "'0x100' is none")]
    [InlineData("i32.const 1x", 1, 11, 10, "'1x' is none")]
    [InlineData("i32.const 99999999999999999999", 1, 11, 10, "is none")]
    [InlineData("i32.load offset=", 1, 10, 9, "an offset of 0 to 255")]
    [InlineData("fd_open 4", 1, 9, 8, "the number of a file, 0 to 3; '4' is none")]
    [InlineData("i32.add 5", 1, 9, 8, "a code is written in hexadecimal")]
    [InlineData("0x02", 1, 1, 0, "no instruction has the code 0x02")]
    [InlineData("0x1FF", 1, 1, 0, "no instruction has the code 0x1FF")]
    [InlineData("é (i32.add", 1, 1, 0, "'é' is not an instruction")]
    [InlineData(";; é\n(i32.add", 2, 1, 6, "'(' is never closed")]
    [InlineData("halt )", 1, 6, 5, "')' closes nothing")]
    [InlineData("()", 1, 1, 0, "'(' has no instruction behind it")]
    [InlineData("(i32.const (i32.const 1))", 1, 2, 1, "i32.const needs an operand")]
    [InlineData("(i32.add i32.const 1 i32.const 2)", 1, 10, 9, "must have parentheses of its own")]
    [InlineData("🙂\u007f", 1, 1, 0, "'🙂\ufffd' is not an instruction")]
    [InlineData("(; comment ;)", 1, 1, 0, "block comment")]
    [InlineData("halt ; x", 1, 6, 5, "';' is not an instruction")]
    public void What_is_wrong_is_refused_with_its_place(string text, int line, int column, int offset, string message)
    {
        EmlException e = Refused.As(FormatError.Value, (ulong)offset, () => CompactText.Parse(text));
        Assert.StartsWith($"line {line}, column {column}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var random = new Random(5);
        for (int round = 0; round < 300; round++)
        {
            CompactInstruction[] program = [.. Enumerable.Range(0, random.Next(40)).Select(_ =>
            {
                Instruction instruction = InstructionSet.All[random.Next(InstructionSet.All.Count)];
                int limit = instruction.Operand == OperandKind.Descriptor ? InstructionSet.Descriptors : InstructionSet.ValueLimit;
                return Make(instruction.Opcode, instruction.Operand == OperandKind.None ? null : random.Next(limit));
            })];
            string text = CompactText.Write(program);
            Assert.Equal(program, CompactText.Parse(text).Instructions);
            Assert.Equal(text, CompactText.Write(CompactText.Parse(text).Instructions));
        }
        Assert.Equal("loop\n  i32.const 1\n  br_if 0\nend_loop\n", CompactText.Write(CompactText.Parse("(loop (br_if 0 (i32.const 1)))").Instructions));
    }

    [Fact]
    public void Any_text_is_read_or_refused()
    {
        string[] pieces = ["i32.const", "5", "0x", "0x01", "(", ")", ";", ";;", "#", "\n", " ", "\t", "loop", "end", "offset=", "-", "\ud800", "\0", "é", "br_if"];
        var random = new Random(6);
        int refused = 0;
        for (int round = 0; round < 5000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(pieces.Length)] + (random.Next(2) == 0 ? " " : "")));
            try
            {
                CompactText parsed = CompactText.Parse(text);
                Assert.Equal(parsed.Instructions.Count, parsed.Places.Count);
            }
            catch (EmlException e)
            {
                Assert.Equal(ErrorCode.Format, e.Code);
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 4900);
    }

    private static CompactInstruction Make(Opcode opcode, int? operand = null) => new((int)opcode, operand);
}
