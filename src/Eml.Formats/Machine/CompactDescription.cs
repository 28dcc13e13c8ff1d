using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Formats.Machine;

/// <summary>What the compact interpreter is, as JSON: how many parameters, its instructions, and its config as in
/// <see cref="MachineFolder.ConfigFile"/>.</summary>
public static class CompactDescription
{
    /// <summary>The text.</summary>
    public static string ToJson()
    {
        TransformerWeights weights = CompactMachine.Weights;
        JsonText json = new JsonText().Raw("{\"parameters\":"u8).Unsigned((ulong)weights.Config.Parameters).Raw(",\n\"instructions\":["u8);
        for (int i = 0; i < InstructionSet.All.Count; i++)
        {
            Instruction instruction = InstructionSet.All[i];
            json.Raw(i > 0 ? ",\n{\"opcode\":"u8 : "\n{\"opcode\":"u8).Integer((int)instruction.Opcode)
                .Raw(",\"name\":"u8).String(instruction.Name)
                .Raw(",\"operand\":"u8).String(OperandName(instruction.Operand))
                .Raw(",\"pops\":"u8).Integer(instruction.Pops)
                .Raw(",\"pushes\":"u8).Integer(instruction.Pushes).Raw("}"u8);
        }
        return json.Raw("\n],\n\"config\":"u8).Raw(MachineConfigJson.Write(weights)).Raw("}\n"u8).ToString();
    }

    private static string OperandName(OperandKind kind) => kind switch
    {
        OperandKind.Value => "value",
        OperandKind.Local => "local",
        OperandKind.Offset => "offset",
        OperandKind.Descriptor => "descriptor",
        OperandKind.Label => "label",
        _ => "none",
    };
}
