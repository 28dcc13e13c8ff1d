using System.Text;
using Eml.Machine.Transformer;
using Eml.Machine.Universal;
using Eml.Numerics;

namespace Eml.Formats.Machine;

/// <summary>A specialised machine for WebAssembly as one file, model.safetensors: the matrices, and in the metadata the config
/// (<see cref="MachineConfigJson"/>), what a host must know of the program, and the call that it was written for, as a prompt
/// (<see cref="WasmFolder"/>).</summary>
public static class WasmModelFile
{
    private const string What = "specialised machine";
    private const string ConfigField = "config", ProgramField = "program", PromptField = "prompt";
    private const ulong Largest = 1 << 24;

    /// <summary>Whether these bytes can be such a file: a safetensors header begins with a length and a brace.</summary>
    public static bool IsModel(ReadOnlySpan<byte> bytes) => bytes.Length > SafetensorsHeader.LengthSize && bytes[SafetensorsHeader.LengthSize] == '{';

    /// <summary>Writes the file as a whole or not at all.</summary>
    public static void Save(string path, TransformerWeights weights, WasmProgram program, WasmRunPrompt? prompt) =>
        AtomicFile.Write(path, Write(weights, program, prompt));

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(TransformerWeights weights, WasmProgram program, WasmRunPrompt? prompt)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(program);
        var fields = new Dictionary<string, string>
        {
            [ConfigField] = Encoding.UTF8.GetString(MachineConfigJson.Write(weights)),
            [ProgramField] = Encoding.UTF8.GetString(Write(program)),
        };
        if (prompt is not null)
        {
            fields[PromptField] = Encoding.UTF8.GetString(WasmFolder.Write(prompt));
        }
        return MachineSafetensors.Write(weights, fields);
    }

    /// <summary>Reads weights and program back.</summary>
    /// <exception cref="EmlException">The bytes are no such file, or do not add up; the message says where and why.</exception>
    public static (TransformerWeights Weights, WasmProgram Program) Read(ReadOnlySpan<byte> bytes)
    {
        SafetensorsHeader header = new SafetensorsReader(bytes).Header;
        if (header.Metadata?.GetValueOrDefault(ConfigField) is not string config || header.Metadata.GetValueOrDefault(ProgramField) is not string program)
        {
            throw new EmlException(FormatError.Kind, header.MetadataOffset,
                $"{What}: the metadata at byte {header.MetadataOffset} have no '{ConfigField}' and '{ProgramField}'; write the file with `eml wasm specialize`");
        }
        (TransformerConfig shape, TransformerNames names) = MachineConfigJson.Read(Encoding.UTF8.GetBytes(config));
        TransformerWeights weights = MachineSafetensors.Read(bytes, shape, names, ConfigField, ProgramField, PromptField);
        return (weights, ReadProgram(Encoding.UTF8.GetBytes(program)));
    }

    private static byte[] Write(WasmProgram program) => new JsonText()
        .Raw("{\"declarations\":"u8).String(Convert.ToBase64String(program.Binary))
        .Raw(",\"frame_limit\":"u8).Integer(program.FrameLimit)
        .Raw(",\"instructions\":"u8).Integer(program.Instructions)
        .Raw(",\"bookkeeping\":"u8).Integers([.. program.Bookkeeping])
        .Raw(",\"functions\":"u8).Integers([.. program.Functions]).Raw("}"u8).ToArray();

    private static WasmProgram ReadProgram(ReadOnlySpan<byte> text)
    {
        JsonMembers root = StrictJson.Parse(text, What).Members("the program");
        root.RefuseOthers("declarations", "frame_limit", "instructions", "bookkeeping", "functions");
        JsonValue declarations = root["declarations"];
        byte[] binary = new byte[text.Length];
        if (!Convert.TryFromBase64String(declarations.Text("declarations"), binary, out int count))
        {
            throw declarations.Wrong(FormatError.Value, "declarations", "base64");
        }
        return new WasmProgram(binary[..count], Number(root["frame_limit"], "frame_limit"), Number(root["instructions"], "instructions"),
            Numbers(root["bookkeeping"], "bookkeeping"), Numbers(root["functions"], "functions"));
    }

    private static int[] Numbers(JsonValue value, string name)
    {
        var numbers = new List<int>();
        for (JsonItems items = value.IsArray ? value.Items() : throw value.Wrong(FormatError.Value, name, "an array"); items.Next();)
        {
            numbers.Add(Number(items.Value, name));
        }
        return [.. numbers];
    }

    private static int Number(JsonValue value, string name)
    {
        ulong number = value.Unsigned(name);
        return number <= Largest ? (int)number : throw value.Wrong(FormatError.Value, name, $"at most {Largest}");
    }
}
