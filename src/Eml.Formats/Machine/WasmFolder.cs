using Eml.Machine.Universal;

namespace Eml.Formats.Machine;

/// <summary>The machine for WebAssembly as a folder (<see cref="MachineFolder"/>), with a module and the call of a function as its
/// prompt.</summary>
public static class WasmFolder
{
    private const string How =
        "Feed all tokens, each a tuple of numbers (fields). Then feed start, filled up with zeros, and each generated token in turn. While the number status_field of a " +
        "generated token is 0, go on; if it is value_status, its numbers value_fields are the lower and upper 32 bits of a result, go on; else stop.";

    /// <summary>Writes the folder; returns the files' paths.</summary>
    public static string[] Save(string folder, WasmRunPrompt prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        string[] paths = MachineFolder.Save(folder, WasmMachine.Weights, [new MachineToken("tuple", "the numbers of prompt.json's fields")]);
        string path = Path.Join(folder, MachineFolder.PromptFile);
        AtomicFile.Write(path, Write(prompt));
        return [.. paths, path];
    }

    /// <summary>The prompt as JSON.</summary>
    internal static byte[] Write(WasmRunPrompt prompt)
    {
        JsonText json = new JsonText().Raw("{\n\"model_type\":"u8).String("eml-machine-tuples").Raw(",\n\"version\":"u8).Unsigned(1)
            .Raw(",\n\"how\":"u8).String(How)
            .Raw(",\n\"status_field\":"u8).Integer(WasmRunPrompt.StatusField)
            .Raw(",\n\"value_status\":"u8).Integer(WasmRunPrompt.Value)
            .Raw(",\n\"value_fields\":"u8).Integers([WasmRunPrompt.ValueFields.Low, WasmRunPrompt.ValueFields.High])
            .Raw(",\n\"fields\":["u8);
        for (int i = 0; i < prompt.Fields.Length; i++)
        {
            json.Raw(i > 0 ? ","u8 : ""u8).String(prompt.Fields[i]);
        }
        json.Raw("],\n\"start\":"u8);
        Numbers(json, prompt.Start);
        json.Raw(",\n\"tokens\":["u8);
        for (int i = 0; i < prompt.Tokens.Count; i++)
        {
            json.Raw(i > 0 ? ",\n"u8 : "\n"u8);
            Numbers(json, prompt.Tokens[i]);
        }
        return json.Raw("\n]\n}\n"u8).ToArray();
    }

    private static void Numbers(JsonText json, double[] numbers)
    {
        json.Raw("["u8);
        for (int i = 0; i < numbers.Length; i++)
        {
            json.Raw(i > 0 ? ","u8 : ""u8).Ecma(numbers[i]);
        }
        json.Raw("]"u8);
    }
}
