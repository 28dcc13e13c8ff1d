namespace Eml.Machine.Compact;

/// <summary>What the operand of an instruction means.</summary>
public enum OperandKind
{
    /// <summary>No operand.</summary>
    None,
    /// <summary>A value of 0 to 255.</summary>
    Value,
    /// <summary>The number of a local, 0 to 255.</summary>
    Local,
    /// <summary>An offset that is added to an address, 0 to 255; 0 if left out.</summary>
    Offset,
    /// <summary>The number of a file descriptor, 0 to 3.</summary>
    Descriptor,
    /// <summary>How many loops further out, 0 being the innermost; 0 if left out.</summary>
    Label,
}

/// <summary>One instruction: its code, its name in program text, its operand and what it does to the stack.</summary>
/// <param name="Opcode">The code.</param>
/// <param name="Name">The name in program text.</param>
/// <param name="Operand">What its operand means.</param>
/// <param name="Pops">Values that it takes from the stack.</param>
/// <param name="Pushes">Values that it puts on the stack, 0 or 1.</param>
public sealed record Instruction(Opcode Opcode, string Name, OperandKind Operand, int Pops, int Pushes)
{
    /// <summary>Change of the stack depth.</summary>
    public int Delta => Pushes - Pops;
}

/// <summary>All instructions of the compact interpreter and its limits.</summary>
public static class InstructionSet
{
    /// <summary>Values are 0 to 255: what is computed is reduced modulo 256.</summary>
    public const int ValueLimit = 256;

    /// <summary>Values on the stack at any time.</summary>
    public const int StackLimit = 256;

    /// <summary>Instructions of a program.</summary>
    public const int ProgramLimit = 4096;

    /// <summary>Loops inside each other.</summary>
    public const int NestingLimit = 64;

    /// <summary>Times that the body of a loop runs each time the loop is entered.</summary>
    public const int IterationLimit = 256;

    /// <summary>File descriptors.</summary>
    public const int Descriptors = 4;

    /// <summary>Bytes of a file.</summary>
    public const int FileLimit = 32;

    /// <summary>The instructions, by code.</summary>
    public static IReadOnlyList<Instruction> All { get; } =
    [
        new(Opcode.Const, "i32.const", OperandKind.Value, 0, 1),
        new(Opcode.Add, "i32.add", OperandKind.None, 2, 1),
        new(Opcode.Loop, "loop", OperandKind.None, 0, 0),
        new(Opcode.EndLoop, "end_loop", OperandKind.None, 0, 0),
        new(Opcode.BrIf, "br_if", OperandKind.Label, 1, 0),
        new(Opcode.LocalGet, "local.get", OperandKind.Local, 0, 1),
        new(Opcode.LocalSet, "local.set", OperandKind.Local, 1, 0),
        new(Opcode.LocalTee, "local.tee", OperandKind.Local, 1, 1),
        new(Opcode.Load, "i32.load", OperandKind.Offset, 1, 1),
        new(Opcode.Store, "i32.store", OperandKind.Offset, 2, 0),
        new(Opcode.Eq, "i32.eq", OperandKind.None, 2, 1),
        new(Opcode.Ne, "i32.ne", OperandKind.None, 2, 1),
        new(Opcode.LtS, "i32.lt_s", OperandKind.None, 2, 1),
        new(Opcode.GtS, "i32.gt_s", OperandKind.None, 2, 1),
        new(Opcode.LeS, "i32.le_s", OperandKind.None, 2, 1),
        new(Opcode.GeS, "i32.ge_s", OperandKind.None, 2, 1),
        new(Opcode.Sub, "i32.sub", OperandKind.None, 2, 1),
        new(Opcode.Mul, "i32.mul", OperandKind.None, 2, 1),
        new(Opcode.And, "i32.and", OperandKind.None, 2, 1),
        new(Opcode.Or, "i32.or", OperandKind.None, 2, 1),
        new(Opcode.Output, "output", OperandKind.None, 1, 0),
        new(Opcode.FdOpen, "fd_open", OperandKind.Descriptor, 0, 1),
        new(Opcode.FdRead, "fd_read", OperandKind.None, 1, 1),
        new(Opcode.FdWrite, "fd_write", OperandKind.None, 2, 0),
        new(Opcode.FdClose, "fd_close", OperandKind.None, 1, 0),
        new(Opcode.Halt, "halt", OperandKind.None, 0, 0),
    ];

    private static readonly Instruction?[] s_byCode = ByCode();

    /// <summary>The instruction of a code, or null.</summary>
    public static Instruction? Find(int code) => (uint)code < (uint)s_byCode.Length ? s_byCode[code] : null;

    /// <summary>The instruction of a name, or null.</summary>
    public static Instruction? Find(string name) => All.FirstOrDefault(instruction => instruction.Name == name);

    private static Instruction?[] ByCode()
    {
        var byCode = new Instruction?[256];
        foreach (Instruction instruction in All)
        {
            byCode[(int)instruction.Opcode] = instruction;
        }
        return byCode;
    }
}
