using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Tests.Machine;

/// <summary>The compact interpreter is a transformer of the published shape, and only its tokens carry values: what the positional
/// encodings and the schedule say is which instruction comes where.</summary>
public class StructureTests
{
    [Fact]
    public void The_shape_is_the_published_one()
    {
        TransformerConfig config = CompactMachine.Weights.Config;
        Assert.Equal(100, config.ModelWidth);
        Assert.Equal(100, config.HiddenWidth);
        Assert.Equal(260, config.Vocabulary);
        Assert.Equal(8, config.Layers);
        Assert.Equal([13, 1, 0, 8, 2, 1, 1, 4], config.Heads.Select(heads => heads.Length));
        Assert.Equal(316_000, config.Parameters);
        Assert.Equal(316_000, CompactMachine.Weights.Tensors().Sum(tensor => tensor.Values.Length));
        Assert.All(CompactMachine.Weights.Tensors(), tensor => Assert.Equal(tensor.Values.Length, tensor.Shape.Aggregate(1, (size, n) => size * n)));
    }

    [Fact]
    public void Every_weight_is_an_integer()
    {
        Assert.All(CompactMachine.Weights.Tensors().SelectMany(tensor => tensor.Values).Distinct(),
            weight => Assert.True(Math.Floor(weight) == weight && Math.Abs(weight) < 1 << 24, $"{weight}"));
    }

    [Fact]
    public void The_constant_channel_is_1_and_never_written()
    {
        TransformerConfig config = CompactMachine.Weights.Config;
        int one = config.ConstantChannel;
        Assert.DoesNotContain(one, config.PositionChannels);
        for (int token = 0; token < config.Vocabulary; token++)
        {
            Assert.Equal(1.0, CompactMachine.Weights.TokenEmbedding[(token * config.ModelWidth) + one]);
        }
        foreach (LayerWeights layer in CompactMachine.Weights.Layers)
        {
            Assert.All(layer.UnitOutput[(one * config.HiddenWidth)..((one + 1) * config.HiddenWidth)], weight => Assert.Equal(0.0, weight));
            for (int h = 0; h < layer.Heads; h++)
            {
                Assert.Equal([0.0, 0.0], layer.Output[(((h * config.ModelWidth) + one) * 2)..((((h * config.ModelWidth) + one) * 2) + 2)]);
            }
        }
    }

    [Fact]
    public void Encodings_do_not_depend_on_constants_or_files()
    {
        for (ulong seed = 1; seed <= 500; seed++)
        {
            (CompactInstruction[] program, byte[][] files) = RandomPrograms.Make(5_000_000 + seed, 10 + (int)(seed % 30));
            CompactInstruction[] other = [.. program.Select((instruction, i) => instruction.Opcode == (int)Opcode.Const && !IsDescriptor(program, i)
                ? instruction with { Operand = 255 - instruction.Operand } : instruction)];
            byte[][] otherFiles = [.. files.Reverse().Select(file => file.Select(b => (byte)~b).ToArray()), .. files.Length < 4 ? [[1, 2, 3]] : Array.Empty<byte[]>()];
            AssertSameEncodings(new CompactProgram(program).Prompt(files), new CompactProgram(other).Prompt(otherFiles));
        }
    }

    [Fact]
    public void Encodings_do_not_depend_on_the_instructions_or_the_depth_of_the_stack()
    {
        // Eight instructions each; the stack is 0 to 7 deep.
        Prompt deep = new CompactProgram(ProgramText.Parse(
            "i32.const 9; i32.const 8; i32.const 7; i32.const 6; i32.const 5; i32.const 4; i32.const 3; halt")).Prompt([]);
        Prompt flat = new CompactProgram(ProgramText.Parse(
            "i32.const 1; output; local.get 2; local.set 3; i32.const 0; i32.load; output; halt")).Prompt([[1]]);
        Prompt none = new CompactProgram([.. Enumerable.Repeat(new CompactInstruction(0xFF), 8)]).Prompt([]);
        AssertSameEncodings(deep, none);
        Assert.Equal(deep.Encodings, flat.Encodings);
        Assert.Equal(deep.Schedule.Encodings, flat.Schedule.Encodings);
        Assert.Equal(deep.Schedule.StoreEncodings, flat.Schedule.StoreEncodings);
    }

    [Fact]
    public void Encodings_say_the_index_of_the_instruction_and_nothing_else()
    {
        Prompt prompt = new CompactProgram(ProgramText.Parse("loop; fd_open 2; fd_read; br_if; end_loop; halt")).Prompt([]);
        int width = prompt.Schedule.Width;
        Assert.Equal(7, width);
        for (int i = 0; i < 13; i++)
        {
            // Index -2 before the program, then 0, 1, 2, …; the key is (2 index, -index^2).
            double index = i == 0 ? -2 : i - 1;
            Assert.Equal([2 * index, -index * index, -2, 0, 0, 0, 0], prompt.Encodings[(i * width)..((i + 1) * width)]);
        }
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal([0, -1048576, 2 * i, 0, 0, 0, 0], prompt.Schedule.Encodings[(i * width)..((i + 1) * width)]);
        }
        Assert.Equal([3, 4, 5, 6, ScheduleRow.None], prompt.Schedule.CounterChannels);
    }

    [Fact]
    public void The_engines_know_nothing_of_the_instruction_set()
    {
        string[] files = Directory.GetFiles(Path.Combine(Golden.Root, "src", "Eml.Machine", "Transformer"), "*.cs");
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            string text = File.ReadAllText(file);
            Assert.DoesNotContain("Opcode", text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Compact", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Instruction", text, StringComparison.Ordinal);
        }
    }

    /// <summary>Whether a constant is taken as a descriptor, directly or below the value that fd_write takes.</summary>
    private static bool IsDescriptor(CompactInstruction[] program, int i) =>
        (Opcode)program[i + 1].Opcode is Opcode.FdRead or Opcode.FdClose
        || (i + 2 < program.Length && program[i + 2].Opcode == (int)Opcode.FdWrite);

    private static void AssertSameEncodings(Prompt a, Prompt b)
    {
        Assert.Equal(a.Encodings, b.Encodings);
        Assert.Equal(a.Schedule.Encodings, b.Schedule.Encodings);
        Assert.Equal(a.Schedule.StoreEncodings, b.Schedule.StoreEncodings);
        Assert.Equal(a.Schedule.CounterChannels, b.Schedule.CounterChannels);
        Assert.Equal(a.Schedule.Width, b.Schedule.Width);
        if (a.Tokens.Where((_, i) => i % 2 == 1).SequenceEqual(b.Tokens.Where((_, i) => i % 2 == 1)))
        {
            Assert.Equal(a.Schedule.Rows, b.Schedule.Rows);
        }
    }
}
