using System.CommandLine;
using System.Text.Json;
using Eml.Machine.Compact;

namespace Eml.Cli;

/// <summary><c>eml compact ops</c>: the instructions and limits of the interpreter.</summary>
internal static class CompactOps
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("ops", "List the instructions: code, name, operand, effect on the stack; and the limits");
        command.SetAction(parse =>
        {
            if (parse.GetValue(Arguments.Json))
            {
                Output.Json(Write);
            }
            else
            {
                Print();
            }
            return ExitCode.Ok;
        });
        return command;
    }

    private static readonly (string Name, int Limit, string Meaning)[] s_limits =
    [
        ("value", InstructionSet.ValueLimit - 1, "largest value; everything is computed modulo 256"),
        ("stack", InstructionSet.StackLimit, "values on the stack"),
        ("program", InstructionSet.ProgramLimit, "instructions of a program"),
        ("nesting", InstructionSet.NestingLimit, "loops inside each other"),
        ("iterations", InstructionSet.IterationLimit, "runs of a loop's body each time it is entered"),
        ("descriptors", InstructionSet.Descriptors, "files"),
        ("file", InstructionSet.FileLimit, "bytes of a file"),
    ];

    private static void Print()
    {
        Output.Line($"{"code",-6}{"name",-12}{"operand",-20}{"stack",-10}what it does");
        foreach (Instruction instruction in InstructionSet.All)
        {
            Output.Line($"{Code(instruction),-6}{instruction.Name,-12}{Operand(instruction.Operand),-20}{$"{instruction.Pops} -> {instruction.Pushes}",-10}{What(instruction.Opcode)}");
        }
        foreach ((_, int limit, string meaning) in s_limits)
        {
            Output.Field("at most", $"{limit,5}  {meaning}");
        }
    }

    private static void Write(Utf8JsonWriter json)
    {
        json.WriteStartArray("instructions");
        foreach (Instruction instruction in InstructionSet.All)
        {
            json.WriteStartObject();
            json.WriteNumber("code", (int)instruction.Opcode);
            json.WriteString("hex", Code(instruction));
            json.WriteString("name", instruction.Name);
            json.WriteString("operand", Operand(instruction.Operand));
            json.WriteNumber("pops", instruction.Pops);
            json.WriteNumber("pushes", instruction.Pushes);
            json.WriteString("what", What(instruction.Opcode));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("limits");
        foreach ((string name, int limit, _) in s_limits)
        {
            json.WriteNumber(name, limit);
        }
        json.WriteEndObject();
    }

    private static string Code(Instruction instruction) => $"0x{(int)instruction.Opcode:X2}";

    private static string Operand(OperandKind kind) => kind switch
    {
        OperandKind.None => "",
        OperandKind.Value => "value 0-255",
        OperandKind.Local => "local 0-255",
        OperandKind.Offset => "[offset 0-255]",
        OperandKind.Descriptor => "file 0-3",
        _ => "[loops further out]",
    };

    private static string What(Opcode opcode) => opcode switch
    {
        Opcode.Const => "pushes the value",
        Opcode.Add => "second + top, modulo 256",
        Opcode.Loop => "begins a loop, whose body runs once and again at each br_if taken",
        Opcode.EndLoop => "ends the innermost loop",
        Opcode.BrIf => "if the condition is not 0, back to the start of the loop",
        Opcode.LocalGet => "pushes the local, 0 if it was never set",
        Opcode.LocalSet => "pops into the local",
        Opcode.LocalTee => "copies the top into the local",
        Opcode.Load => "pops an address, pushes the byte at address + offset, 0 if none was stored",
        Opcode.Store => "pops a value and an address, stores at address + offset",
        Opcode.Eq => "1 if second = top, else 0",
        Opcode.Ne => "1 if second and top differ, else 0",
        Opcode.LtS => "1 if second < top, else 0",
        Opcode.GtS => "1 if second > top, else 0",
        Opcode.LeS => "1 if second <= top, else 0",
        Opcode.GeS => "1 if second >= top, else 0",
        Opcode.Sub => "second - top, modulo 256",
        Opcode.Mul => "second * top, modulo 256",
        Opcode.And => "bitwise and",
        Opcode.Or => "bitwise or",
        Opcode.Output => "pops a value and puts it out",
        Opcode.FdOpen => "opens and rewinds the file, pushes its number",
        Opcode.FdRead => "pops a file, pushes its next byte, 0 past the end",
        Opcode.FdWrite => "pops a value and a file, writes its next byte",
        Opcode.FdClose => "pops a file and closes it",
        _ => "ends the program",
    };
}
