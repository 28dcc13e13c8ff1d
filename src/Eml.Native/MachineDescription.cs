using System.Globalization;
using System.Text;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Native;

/// <summary>What eml_machine_describe tells: the shape of the transformer, what its parts are for, and the instructions.</summary>
internal static class MachineDescription
{
    public static string ToJson(TransformerWeights weights)
    {
        TransformerConfig config = weights.Config;
        var json = new StringBuilder();
        json.Append(CultureInfo.InvariantCulture, $"{{\"d_model\":{config.ModelWidth},\"d_ffn\":{config.HiddenWidth},");
        json.Append(CultureInfo.InvariantCulture, $"\"layers\":{config.Layers},\"vocabulary\":{config.Vocabulary},");
        json.Append(CultureInfo.InvariantCulture, $"\"parameters\":{config.Parameters},\"heads\":");
        List(json, config.Heads, heads => List(json, heads, head =>
        {
            json.Append("{\"name\":");
            Text(json, head.Name);
            json.Append(",\"mode\":");
            Text(json, Mode(head.Mode));
            json.Append(CultureInfo.InvariantCulture, $",\"store\":{head.Store}}}");
        }));
        json.Append(",\"units\":");
        List(json, weights.Names.Units, units => List(json, units, name => Text(json, name)));
        json.Append(",\"channels\":");
        List(json, weights.Names.Channels, value =>
        {
            json.Append(CultureInfo.InvariantCulture, $"{{\"channel\":{value.Channel},\"name\":");
            Text(json, value.Name);
            json.Append(CultureInfo.InvariantCulture, $",\"from\":{value.From},\"to\":{value.To}}}");
        });
        json.Append(",\"instructions\":");
        List(json, InstructionSet.All, instruction =>
        {
            json.Append(CultureInfo.InvariantCulture, $"{{\"opcode\":{(int)instruction.Opcode},\"name\":");
            Text(json, instruction.Name);
            json.Append(",\"operand\":");
            Text(json, Operand(instruction.Operand));
            json.Append(CultureInfo.InvariantCulture, $",\"pops\":{instruction.Pops},\"pushes\":{instruction.Pushes}}}");
        });
        return json.Append('}').ToString();
    }

    private static string Mode(HeadMode mode) => mode switch
    {
        HeadMode.HardMax => "hard-max",
        HeadMode.Sum => "sum",
        _ => "cross",
    };

    private static string Operand(OperandKind kind) => kind switch
    {
        OperandKind.Value => "value",
        OperandKind.Local => "local",
        OperandKind.Offset => "offset",
        OperandKind.Descriptor => "descriptor",
        OperandKind.Label => "label",
        _ => "none",
    };

    private static void List<T>(StringBuilder json, IReadOnlyList<T> items, Action<T> item)
    {
        json.Append('[');
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                json.Append(',');
            }

            item(items[i]);
        }

        json.Append(']');
    }

    /// <summary>Names are ours: printable ASCII.</summary>
    private static void Text(StringBuilder json, string text) =>
        json.Append('"').Append(text.Replace("\\", "\\\\").Replace("\"", "\\\"")).Append('"');
}
