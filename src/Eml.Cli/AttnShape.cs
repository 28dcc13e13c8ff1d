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

    /// <summary>The shape of one of eml-core's for people.</summary>
    public static string Describe(AttentionBlock block) => $"d_model {block.DModel}, d_k {block.DK}, seq_len {block.SeqLen}" +
        (block is ToyEmlAttention toy ? $", depth {toy.Depth}" : "");

    /// <summary>The shape of one of eml-core's as members.</summary>
    public static void Write(Utf8JsonWriter json, AttentionBlock block)
    {
        json.WriteNumber("d_model", block.DModel);
        json.WriteNumber("d_k", block.DK);
        json.WriteNumber("seq_len", block.SeqLen);
        if (block is ToyEmlAttention toy)
            json.WriteNumber("depth", toy.Depth);
    }

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
