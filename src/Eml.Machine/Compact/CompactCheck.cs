using Eml.Numerics;

namespace Eml.Machine.Compact;

/// <summary>Checks a program before anything runs: codes and operands, the stack's depth, loops, and that the descriptor of every file
/// operation is known and open.</summary>
/// <remarks>There is no way forward but to the next instruction, and a way back finds the stack as deep as the loop's start did; so one
/// pass in the order of the text sees every state. A descriptor is known if it was pushed by i32.const or fd_open, directly or
/// through a local that no later iteration sets otherwise; in a loop, what the loop sets is unknown at its start.</remarks>
internal sealed class CompactCheck
{
    private const int Unknown = -1;

    private readonly IReadOnlyList<CompactInstruction> _program;
    private readonly List<int> _stack = [];
    private readonly Dictionary<int, int> _locals = [];
    private readonly List<Entered> _loops = [];
    private readonly bool[] _open = new bool[InstructionSet.Descriptors];

    private CompactCheck(IReadOnlyList<CompactInstruction> program)
    {
        _program = program;
        Targets = new int[program.Count];
        LoopNumbers = new int[program.Count];
    }

    /// <summary>Per instruction: the loop that a br_if goes back to, or the descriptor of a file operation.</summary>
    public int[] Targets { get; }

    /// <summary>Per loop instruction: its number.</summary>
    public int[] LoopNumbers { get; }

    /// <summary>Number of loops.</summary>
    public int Loops { get; private set; }

    /// <summary>Values on the stack at most.</summary>
    public int MaxDepth { get; private set; }

    private readonly record struct Entered(int At, int Depth, bool[] Open);

    public static CompactCheck Of(IReadOnlyList<CompactInstruction> program)
    {
        var check = new CompactCheck(program);
        if (program.Count == 0)
        {
            throw new EmlException(ErrorCode.Argument, "the program is empty; it needs at least halt (0xFF)");
        }
        if (program.Count > InstructionSet.ProgramLimit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"the program has {program.Count} instructions; at most {InstructionSet.ProgramLimit} fit: shorten it, for example by a loop");
        }
        for (int i = 0; i < program.Count; i++)
        {
            check.Visit(i);
        }
        if (check._loops.Count > 0)
        {
            throw check.Refuse(check._loops[^1].At, "has no end_loop (0x0B)");
        }
        if (program[^1].Opcode != (int)Opcode.Halt)
        {
            throw check.Refuse(program.Count - 1, "is the last instruction; the last must be halt (0xFF)");
        }
        return check;
    }

    /// <summary>Checks what is in the external stores.</summary>
    public static void Files(IReadOnlyList<byte[]> files)
    {
        if (files.Count > InstructionSet.Descriptors)
        {
            throw new EmlException(ErrorCode.Limit, $"{files.Count} files were given; there are {InstructionSet.Descriptors} descriptors");
        }
        for (int d = 0; d < files.Count; d++)
        {
            if (files[d].Length > InstructionSet.FileLimit)
            {
                throw new EmlException(ErrorCode.Limit, $"file {d} has {files[d].Length} bytes; a file holds at most {InstructionSet.FileLimit}");
            }
        }
    }

    private void Visit(int i)
    {
        Instruction instruction = InstructionSet.Find(_program[i].Opcode)
            ?? throw Refuse(i, "is not an instruction; the codes are in the table of the compact interpreter (eml compact ops)");
        int operand = Operand(i, instruction);
        if (_stack.Count < instruction.Pops)
        {
            throw Refuse(i, $"needs {instruction.Pops} value{(instruction.Pops == 1 ? "" : "s")} on the stack; there {(_stack.Count == 1 ? "is" : "are")} {_stack.Count}: push what it takes before it");
        }
        if (_loops.Count > 0 && _stack.Count - instruction.Pops < _loops[^1].Depth)
        {
            throw Refuse(i, $"takes a value from below the start of its loop (instruction {_loops[^1].At}); a loop may only take what it pushed itself");
        }
        int top = _stack.Count > 0 ? _stack[^1] : Unknown;
        int second = _stack.Count > 1 ? _stack[^2] : Unknown;
        _stack.RemoveRange(_stack.Count - instruction.Pops, instruction.Pops);
        int pushed = Unknown;
        switch (instruction.Opcode)
        {
            case Opcode.Const:
                pushed = operand;
                break;
            case Opcode.LocalSet:
                _locals[operand] = top;
                break;
            case Opcode.LocalTee:
                _locals[operand] = pushed = top;
                break;
            case Opcode.LocalGet:
                pushed = _locals.GetValueOrDefault(operand, 0);
                break;
            case Opcode.FdOpen:
                _open[operand] = true;
                pushed = operand;
                break;
            case Opcode.FdRead:
                Targets[i] = Descriptor(i, top);
                break;
            case Opcode.FdWrite:
                Targets[i] = Descriptor(i, second);
                break;
            case Opcode.FdClose:
                _open[Descriptor(i, top)] = false;
                break;
            case Opcode.Loop:
                Enter(i);
                break;
            case Opcode.EndLoop:
                Leave(i);
                break;
            case Opcode.BrIf:
                GoBack(i, operand);
                break;
            default:
                break;
        }
        if (instruction.Pushes > 0)
        {
            _stack.Add(pushed);
            MaxDepth = Math.Max(MaxDepth, _stack.Count);
            if (_stack.Count > InstructionSet.StackLimit)
            {
                throw Refuse(i, $"pushes value {_stack.Count}; the stack holds {InstructionSet.StackLimit}", ErrorCode.Limit);
            }
        }
    }

    private int Operand(int i, Instruction instruction)
    {
        int? given = _program[i].Operand;
        switch (instruction.Operand)
        {
            case OperandKind.None when given is not null:
                throw Refuse(i, "takes no operand");
            case OperandKind.None:
                return 0;
            case OperandKind.Value or OperandKind.Local or OperandKind.Descriptor when given is null:
                throw Refuse(i, "needs an operand");
            case OperandKind.Descriptor when (uint)given!.Value >= InstructionSet.Descriptors:
                throw Refuse(i, $"names a descriptor that does not exist; they are 0 to {InstructionSet.Descriptors - 1}");
            default:
                int operand = given ?? 0;
                return (uint)operand < InstructionSet.ValueLimit ? operand
                    : throw Refuse(i, $"has an operand outside 0 to {InstructionSet.ValueLimit - 1}");
        }
    }

    private int Descriptor(int i, int value)
    {
        if (value == Unknown)
        {
            throw Refuse(i, "has a descriptor that is not known before the program runs; push it by i32.const or fd_open");
        }
        if (value >= InstructionSet.Descriptors)
        {
            throw Refuse(i, $"uses descriptor {value}; they are 0 to {InstructionSet.Descriptors - 1}");
        }
        return _open[value] ? value : throw Refuse(i, $"uses descriptor {value}, which is not open here; fd_open {value} before it");
    }

    private void Enter(int i)
    {
        if (_loops.Count == InstructionSet.NestingLimit)
        {
            throw Refuse(i, $"is inside {_loops.Count} loops; at most {InstructionSet.NestingLimit} may be inside each other", ErrorCode.Limit);
        }
        int end = i + 1;
        for (int nesting = 1; end < _program.Count; end++)
        {
            nesting += (Opcode)_program[end].Opcode switch { Opcode.Loop => 1, Opcode.EndLoop => -1, _ => 0 };
            if (nesting == 0)
            {
                break;
            }
            if ((Opcode)_program[end].Opcode is Opcode.LocalSet or Opcode.LocalTee && _program[end].Operand is int local)
            {
                _locals[local] = Unknown;
            }
        }
        LoopNumbers[i] = Loops++;
        _loops.Add(new Entered(i, _stack.Count, [.. _open]));
    }

    private void Leave(int i)
    {
        if (_loops.Count == 0)
        {
            throw Refuse(i, "ends no loop");
        }
        Entered loop = _loops[^1];
        if (_stack.Count != loop.Depth)
        {
            throw Refuse(i, $"finds {_stack.Count - loop.Depth} more values on the stack than its loop (instruction {loop.At}) began with; take them off before");
        }
        _loops.RemoveAt(_loops.Count - 1);
    }

    private void GoBack(int i, int label)
    {
        if (label >= _loops.Count)
        {
            throw Refuse(i, $"goes to loop {label}, counted from the inside; it is inside {_loops.Count}");
        }
        Entered loop = _loops[^(label + 1)];
        if (_stack.Count != loop.Depth)
        {
            throw Refuse(i, $"goes back with {_stack.Count} values on the stack to a loop (instruction {loop.At}) that began with {loop.Depth}");
        }
        for (int d = 0; d < _open.Length; d++)
        {
            if (loop.Open[d] && !_open[d])
            {
                throw Refuse(i, $"goes back with descriptor {d} closed to a loop (instruction {loop.At}) that began with it open; open it again before");
            }
        }
        Targets[i] = loop.At;
    }

    private EmlException Refuse(int i, string why, ErrorCode code = ErrorCode.Argument) =>
        new(code, $"instruction {i} ({_program[i]}) {why}", i);
}
