namespace Eml.Machine.Compact;

/// <summary>One instruction of a program as it was given: a code, and an operand where one was given.</summary>
/// <param name="Opcode">The code, not yet checked.</param>
/// <param name="Operand">The operand, or null.</param>
public readonly record struct CompactInstruction(int Opcode, int? Operand = null)
{
    /// <summary>Program text: the instruction's name and its operand.</summary>
    public override string ToString() =>
        (InstructionSet.Find(Opcode)?.Name ?? $"0x{Opcode:X2}") + (Operand is int operand ? $" {operand}" : "");
}
