using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats;

/// <summary>Attention blocks as messages eml.v1.Attention of proto/eml/v1/attention.proto.</summary>
internal static class AttentionProtobuf
{
    public const string Type = "eml.v1.Attention";

    public static byte[] Write(AttentionBlock block)
    {
        Finite.Require(block.Parameters);
        UnicodeText.Check(block.Name);
        Proto.Attention message = Shape(block);
        message.Type = Type;
        message.Version = ModelProtobuf.Version;
        message.Params.AddRange(block.Parameters.ToArray());
        return message.ToByteArray();
    }

    public static AttentionBlock FromMessage(Proto.Attention message)
    {
        ModelProtobuf.CheckVersion(message.Type, Type, message.Version);
        AttentionBlock block = Shape(message, message.Params.Count);
        block.SetParameters(ModelProtobuf.Values("params", message.Params, (ulong)block.ParameterCount));
        return block;
    }

    /// <summary>All of a block but its parameters.</summary>
    public static Proto.Attention Shape(AttentionBlock block) => new()
    {
        Kind = block is ToyEmlAttention ? Proto.AttentionKind.Toy : Proto.AttentionKind.Baseline,
        Name = block.Name,
        DModel = (uint)block.DModel,
        DK = (uint)block.DK,
        SeqLen = (uint)block.SeqLen,
        Depth = (uint)((block as ToyEmlAttention)?.Depth ?? 0),
        Scale = block.Scale,
        Trained = block.Trained,
        TrainingRounds = block.TrainingRounds,
    };

    /// <summary>The block but its parameters; <paramref name="most"/> is how many of them there can be.</summary>
    public static AttentionBlock Shape(Proto.Attention message, int most)
    {
        bool toy = message.Kind switch
        {
            Proto.AttentionKind.Toy => true,
            Proto.AttentionKind.Baseline => false,
            _ => throw ModelProtobuf.Bad($"kind {(int)message.Kind} is not known; known are 1 (toy) and 2 (baseline)"),
        };
        if (!toy && message.Depth != 0)
            throw ModelProtobuf.Bad($"depth is {message.Depth}; a baseline block has no levels, so it must be 0");
        if (!message.HasScale)
            throw ModelProtobuf.Bad("scale is missing; it must be there");

        AttentionBlock block = toy
            ? Untrusted.ToyAttention(message.Name, message.DModel, message.DK, message.SeqLen, message.Depth, most, EmlException.NoOffset)
            : Untrusted.BaselineAttention(message.Name, message.DModel, message.DK, message.SeqLen, most, EmlException.NoOffset);
        Finite.RequireRead("scale", [message.Scale]);
        block.Scale = message.Scale;
        block.Trained = message.Trained;
        block.TrainingRounds = message.TrainingRounds;
        return block;
    }
}
