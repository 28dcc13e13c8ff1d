using Eml.Machine.Transformer;

namespace Eml.Machine.Compact;

/// <summary>A program that was checked: it runs without a fault that could be known before.</summary>
public sealed class CompactProgram
{
    private const int Width = 3 + InstructionSet.Descriptors;

    private readonly CompactCheck _check;

    /// <summary>Checks a program.</summary>
    /// <exception cref="Eml.Numerics.EmlException">It is refused; the message says which instruction and why.</exception>
    public CompactProgram(IReadOnlyList<CompactInstruction> instructions)
    {
        ArgumentNullException.ThrowIfNull(instructions);
        _check = CompactCheck.Of(instructions);
        Instructions = [.. instructions.Select(instruction => InstructionSet.Find(instruction.Opcode)!.Operand == OperandKind.None
            ? instruction : instruction with { Operand = instruction.Operand ?? 0 })];
    }

    /// <summary>The instructions, left-out operands filled in.</summary>
    public CompactInstruction[] Instructions { get; }

    /// <summary>Values on the stack at most.</summary>
    public int MaxDepth => _check.MaxDepth;

    /// <summary>What the transformer is given to run the program on these files: at most four, of at most 32 bytes.</summary>
    /// <exception cref="Eml.Numerics.EmlException">Too many or too long files.</exception>
    public Prompt Prompt(IReadOnlyList<byte[]> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        CompactCheck.Files(files);
        int count = Instructions.Length;
        int[] tokens = new int[(2 * count) + 2];
        double[] encodings = new double[(tokens.Length - 1) * Width];
        tokens[0] = CompactTokens.Program;
        tokens[^1] = CompactTokens.Start;
        Index(encodings.AsSpan(0, Width), CompactInterpreter.BeforeProgram);
        for (int i = 0; i < count; i++)
        {
            tokens[(2 * i) + 1] = Instructions[i].Opcode;
            tokens[(2 * i) + 2] = Instructions[i].Operand ?? CompactTokens.None;
            Index(encodings.AsSpan(((2 * i) + 1) * Width, Width), 2 * i);
            Index(encodings.AsSpan(((2 * i) + 2) * Width, Width), (2 * i) + 1);
        }
        return new Prompt
        {
            Tokens = tokens,
            Encodings = encodings,
            Schedule = Schedule(),
            Stores = [.. Enumerable.Range(0, InstructionSet.Descriptors).Select(d => d < files.Count ? files[d].Select(b => (int)b).ToArray() : [])],
        };
    }

    private Schedule Schedule()
    {
        double[] encodings = new double[Instructions.Length * Width];
        double[] entries = new double[InstructionSet.FileLimit * Width];
        var rows = new ScheduleRow[Instructions.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            encodings[(i * Width) + 1] = CompactInterpreter.NoKey;
            encodings[(i * Width) + 2] = 2.0 * i;
            rows[i] = Row(i);
        }
        for (int i = 0; i < InstructionSet.FileLimit; i++)
        {
            Index(entries.AsSpan(i * Width, Width), i);
        }
        return new Schedule
        {
            Width = Width,
            Encodings = encodings,
            Rows = rows,
            CounterChannels = [.. Enumerable.Range(3, InstructionSet.Descriptors), .. Enumerable.Repeat(ScheduleRow.None, _check.Loops)],
            StoreEncodings = entries,
        };
    }

    private ScheduleRow Row(int i)
    {
        var next = new ScheduleRow(i + 1);
        switch ((Opcode)Instructions[i].Opcode)
        {
            case Opcode.Halt:
                return next with { Next = ScheduleRow.None };
            case Opcode.Loop:
                return next with { Reset = LoopCounter(i) };
            case Opcode.BrIf:
                int loop = _check.Targets[i];
                return next with { Taken = loop + 1, TakenCounter = LoopCounter(loop), TakenLimit = InstructionSet.IterationLimit - 1 };
            case Opcode.FdOpen:
                return next with { Reset = Instructions[i].Operand!.Value };
            case Opcode.FdRead:
                return next with { Advance = _check.Targets[i] };
            case Opcode.FdWrite:
                return next with { Advance = _check.Targets[i], Store = _check.Targets[i] };
            case Opcode.Output:
                return next with { IsOutput = true };
            default:
                return next;
        }
    }

    private int LoopCounter(int loop) => InstructionSet.Descriptors + _check.LoopNumbers[loop];

    /// <summary>The encoding of an index j: the parabola key (2 j, -j^2). A position outside the trace asks for the instruction
    /// before the program, of which nothing is known.</summary>
    private static void Index(Span<double> encoding, int j)
    {
        encoding[0] = 2.0 * j;
        encoding[1] = -(double)j * j;
        encoding[2] = CompactInterpreter.BeforeProgram;
    }
}
