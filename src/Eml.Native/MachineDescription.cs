using System.Globalization;
using System.Text;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Native;

/// <summary>What eml_machine_describe tells: the shape of the transformer, what its parts are for, and the instructions.</summary>
internal sealed class MachineDescription
{
    private readonly StringBuilder _json = new();

    private MachineDescription()
    {
    }

    public static string ToJson(TransformerWeights weights)
    {
        TransformerConfig config = weights.Config;
        var text = new MachineDescription();
        text.Number("{\"d_model\":", config.ModelWidth).Number(",\"d_ffn\":", config.HiddenWidth).Number(",\"layers\":", config.Layers)
            .Number(",\"vocabulary\":", config.Vocabulary).Number(",\"parameters\":", config.Parameters);
        text.Heads(config);
        text.Units(weights.Names);
        text.Channels(weights.Names);
        text.Instructions();
        return text._json.Append('}').ToString();
    }

    private void Heads(TransformerConfig config)
    {
        _json.Append(",\"heads\":[");
        for (int layer = 0; layer < config.Layers; layer++)
        {
            _json.Append(layer == 0 ? "[" : ",[");
            for (int h = 0; h < config.Heads[layer].Length; h++)
            {
                HeadConfig head = config.Heads[layer][h];
                String(h == 0 ? "{\"name\":" : ",{\"name\":", head.Name);
                String(",\"mode\":", Mode(head.Mode)).Number(",\"store\":", head.Store)._json.Append('}');
            }

            _json.Append(']');
        }

        _json.Append(']');
    }

    private void Units(TransformerNames names)
    {
        _json.Append(",\"units\":[");
        for (int layer = 0; layer < names.Units.Length; layer++)
        {
            _json.Append(layer == 0 ? "[" : ",[");
            for (int u = 0; u < names.Units[layer].Length; u++)
            {
                String(u == 0 ? "" : ",", names.Units[layer][u]);
            }

            _json.Append(']');
        }

        _json.Append(']');
    }

    private void Channels(TransformerNames names)
    {
        _json.Append(",\"channels\":[");
        for (int i = 0; i < names.Channels.Length; i++)
        {
            (int channel, string name, int from, int to) = names.Channels[i];
            Number(i == 0 ? "{\"channel\":" : ",{\"channel\":", channel);
            String(",\"name\":", name).Number(",\"from\":", from).Number(",\"to\":", to)._json.Append('}');
        }

        _json.Append(']');
    }

    private void Instructions()
    {
        _json.Append(",\"instructions\":[");
        for (int i = 0; i < InstructionSet.All.Count; i++)
        {
            Instruction instruction = InstructionSet.All[i];
            Number(i == 0 ? "{\"opcode\":" : ",{\"opcode\":", (int)instruction.Opcode);
            String(",\"name\":", instruction.Name).String(",\"operand\":", Operand(instruction.Operand));
            Number(",\"pops\":", instruction.Pops).Number(",\"pushes\":", instruction.Pushes)._json.Append('}');
        }

        _json.Append(']');
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

    private MachineDescription Number(string key, long value)
    {
        _json.Append(key).Append(value.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>Names are ours: printable ASCII without quotes.</summary>
    private MachineDescription String(string key, string value)
    {
        _json.Append(key).Append('"').Append(value).Append('"');
        return this;
    }
}
