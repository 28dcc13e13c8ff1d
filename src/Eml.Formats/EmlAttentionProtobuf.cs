using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats;

/// <summary>The default profile's attention blocks as messages eml.v1.EmlAttention of proto/eml/v1/attention.proto.</summary>
internal static class EmlAttentionProtobuf
{
    public const string Type = "eml.v1.EmlAttention";

    public static byte[] Write(EmlAttention block)
    {
        Finite.Require(block.Parameters);
        UnicodeText.Check(block.Name);
        var message = new Proto.EmlAttention
        {
            Type = Type,
            Version = ModelProtobuf.Version,
            Config = ToMessage(block.Config),
            Name = block.Name,
            Trained = block.Trained,
        };
        message.Params.AddRange(block.Parameters.ToArray());
        return message.ToByteArray();
    }

    public static EmlAttention FromMessage(Proto.EmlAttention message)
    {
        ModelProtobuf.CheckVersion(message.Type, Type, message.Version);
        if (message.Config is not { } config)
            throw ModelProtobuf.Bad("config is missing; it must be there");

        EmlAttention block = FromMessage(config, message.Params.Count, EmlException.NoOffset);
        block.Name = message.Name;
        block.Trained = message.Trained;
        block.SetParameters(ModelProtobuf.Values("params", message.Params, (ulong)block.ParameterCount));
        return block;
    }

    public static Proto.AttentionShape ToMessage(AttentionConfig config) => new()
    {
        DModel = (uint)config.DModel,
        DK = (uint)config.DKey,
        SeqLen = (uint)config.SeqLen,
        Heads = (uint)config.Heads,
        Nodes = (uint)config.Nodes,
        Positional = config.Positional,
        Residual = config.Residual,
        Chunk = (uint)config.Chunk,
    };

    /// <summary>A block of a shape; <paramref name="most"/> is how many parameters there can be.</summary>
    public static EmlAttention FromMessage(Proto.AttentionShape shape, long most, ulong offset) => Untrusted.EmlAttention(
        new UntrustedAttention(shape.DModel, shape.DK, shape.SeqLen, shape.Heads, shape.Nodes, shape.Positional, shape.Residual,
            shape.Chunk), most, offset);
}
