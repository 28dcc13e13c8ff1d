using System.Text.Json;
using Eml.Functions;

namespace Eml.Cli;

/// <summary>How the verbs tell the shape of the default profile's attention blocks.</summary>
internal static class AttnShape
{
    /// <summary>The shape for people.</summary>
    public static string Describe(AttentionConfig config) =>
        $"d_model {config.DModel}, d_k {config.DKey}, seq_len {config.SeqLen}, {Output.Count(config.Heads, "head")}, " +
        $"{Output.Count(config.Nodes, "node")}, {(config.Positional ? "positional" : "not positional")}, " +
        $"{(config.Residual ? "residual" : "no residual")}, chunk {(config.Chunk == 0 ? "whole" : config.Chunk)}";

    /// <summary>The shape as members.</summary>
    public static void Write(Utf8JsonWriter json, AttentionConfig config)
    {
        json.WriteNumber("d_model", config.DModel);
        json.WriteNumber("d_k", config.DKey);
        json.WriteNumber("seq_len", config.SeqLen);
        json.WriteNumber("heads", config.Heads);
        json.WriteNumber("nodes", config.Nodes);
        json.WriteBoolean("positional", config.Positional);
        json.WriteBoolean("residual", config.Residual);
        json.WriteNumber("chunk", config.Chunk);
    }
}
