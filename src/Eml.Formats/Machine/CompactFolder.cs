using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Formats.Machine;

/// <summary>The compact interpreter as a <see cref="MachineFolder"/>.</summary>
public static class CompactFolder
{
    /// <summary>Writes the folder, with a prompt only if there is one; returns the files' paths.</summary>
    public static string[] Save(string folder, Prompt? prompt = null)
    {
        var tokens = new MachineToken[CompactTokens.Count];
        for (int t = 0; t < tokens.Length; t++)
        {
            tokens[t] = new MachineToken(CompactTokens.Name(t), CompactTokens.Meaning(t));
        }
        return MachineFolder.Save(folder, CompactMachine.Weights, tokens, prompt);
    }
}
