using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Formats.Machine;

/// <summary>What a token is called, and what it means.</summary>
public readonly record struct MachineToken(string Name, string Meaning);

/// <summary>
/// A transformer as a folder that any program can run, knowing nothing of what it computes: model.safetensors (the matrices in
/// F64), config.json (<see cref="MachineConfigJson"/>), tokens.json, and prompt.json (<see cref="MachinePromptJson"/>) for a
/// program that it is to run.
/// </summary>
public static class MachineFolder
{
    /// <summary>What the files say that they hold: model_type in the config, kind in the metadata of the matrices.</summary>
    public const string Kind = "eml-machine";

    /// <summary>The matrices.</summary>
    public const string WeightsFile = "model.safetensors";

    /// <summary>Shape and rules.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>What the tokens mean.</summary>
    public const string TokensFile = "tokens.json";

    /// <summary>A program to run.</summary>
    public const string PromptFile = "prompt.json";

    /// <summary>Writes the folder, making it if it is not there, each file as a whole or not at all; a prompt only if there is one.
    /// Returns the files' paths.</summary>
    public static string[] Save(string folder, TransformerWeights weights, IReadOnlyList<MachineToken> tokens, Prompt? prompt = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokens);
        if (tokens.Count != weights.Config.Vocabulary)
        {
            throw new EmlException(ErrorCode.Shape,
                $"{tokens.Count} tokens were described; the transformer has {weights.Config.Vocabulary}: describe each");
        }
        var files = new List<(string Name, byte[] Bytes)>
        {
            (WeightsFile, MachineSafetensors.Write(weights)),
            (ConfigFile, MachineConfigJson.Write(weights)),
            (TokensFile, WriteTokens(tokens)),
        };
        if (prompt is not null)
        {
            files.Add((PromptFile, MachinePromptJson.Write(prompt)));
        }
        if (File.Exists(folder))
        {
            throw new EmlException(ErrorCode.Io, $"cannot write {folder}: it is a file; give the name of a folder", NotADirectory);
        }
        AtomicFile.Guard(folder, "write", () => Directory.CreateDirectory(folder));
        string[] paths = [.. files.Select(file => Path.Join(folder, file.Name))];
        for (int i = 0; i < paths.Length; i++)
        {
            AtomicFile.Write(paths[i], files[i].Bytes);
        }
        return paths;
    }

    /// <summary>Reads the weights back, with the names of their parts.</summary>
    /// <exception cref="EmlException">A file is missing or does not add up; the message says which, where and why.</exception>
    public static TransformerWeights Load(string folder)
    {
        byte[] config = AtomicFile.Read(Path.Join(folder, ConfigFile), Array.MaxLength);
        byte[] tensors = AtomicFile.Read(Path.Join(folder, WeightsFile), Array.MaxLength);
        return Parse(config, tensors);
    }

    /// <summary>The weights of the two files' bytes.</summary>
    public static TransformerWeights Parse(ReadOnlySpan<byte> config, ReadOnlySpan<byte> safetensors)
    {
        (TransformerConfig shape, TransformerNames names) = MachineConfigJson.Read(config);
        return MachineSafetensors.Read(safetensors, shape, names);
    }

    /// <summary>errno of Linux.</summary>
    private const int NotADirectory = 20;

    private static byte[] WriteTokens(IReadOnlyList<MachineToken> tokens)
    {
        JsonText json = new JsonText().Raw("["u8);
        for (int t = 0; t < tokens.Count; t++)
        {
            json.Raw(t > 0 ? ",\n{\"token\":"u8 : "\n{\"token\":"u8).Unsigned((ulong)t)
                .Raw(",\"name\":"u8).String(tokens[t].Name)
                .Raw(",\"meaning\":"u8).String(tokens[t].Meaning).Raw("}"u8);
        }
        return json.Raw("\n]\n"u8).ToArray();
    }
}
