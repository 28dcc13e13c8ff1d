using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats;

/// <summary>Models as protobuf messages, proto/eml/v1/model.proto.</summary>
internal static class ModelProtobuf
{
    internal const uint Version = 1;
    private const string ModelType = "eml.v1.Model";
    private const string SafeTreeType = "eml.v1.SafeTree";

    /// <summary>Tag of field 1 with a length: what a file begins with, followed by the length and the type's name.</summary>
    private const byte FirstTag = 0x0A;

    public static byte[] Write(EmlModel model)
    {
        Finite.Require(model.Parameters);
        UnicodeText.Check(model.Name);
        var message = new Proto.Model
        {
            Type = ModelType,
            Version = Version,
            Profile = (Proto.Profile)model.Profile,
            Depth = (uint)model.Depth,
            Inputs = (ulong)model.Inputs,
            Heads = (ulong)model.Heads,
            Trained = model.Trained,
            Name = model.Name,
        };
        message.Params.AddRange(model.Parameters.ToArray());
        message.Scaling = ToMessage(model.Scaling);
        foreach ((string key, string value) in model.Metadata)
        {
            UnicodeText.Check(key);
            UnicodeText.Check(value);
            message.Metadata.Add(key, value);
        }

        return message.ToByteArray();
    }

    public static byte[] Write(SafeTree tree)
    {
        Finite.Require(tree.Parameters);
        int weights = tree.Heads * tree.Inputs;
        var message = new Proto.SafeTree
        {
            Type = SafeTreeType,
            Version = Version,
            Depth = (uint)tree.Depth,
            Inputs = (ulong)tree.Inputs,
            Heads = (ulong)tree.Heads,
        };
        message.Weights.AddRange(tree.Parameters[..weights].ToArray());
        message.Biases.AddRange(tree.Parameters.Slice(weights, tree.Heads).ToArray());
        message.Constants.AddRange(tree.Parameters[(weights + tree.Heads)..].ToArray());
        return message.ToByteArray();
    }

    /// <summary>A scaling; null stays null.</summary>
    public static Proto.Scaling? ToMessage(Scaling? scaling)
    {
        if (scaling is null)
            return null;

        var message = new Proto.Scaling();
        message.InputOffset.AddRange(scaling.InputOffset);
        message.InputFactor.AddRange(scaling.InputFactor);
        message.TargetOffset.AddRange(scaling.TargetOffset);
        message.TargetFactor.AddRange(scaling.TargetFactor);
        return message;
    }

    /// <summary>True if the bytes begin as a message of model.proto or attention.proto does.</summary>
    public static bool Recognises(ReadOnlySpan<byte> file) =>
        Begins(file, ModelType) || Begins(file, SafeTreeType) || Begins(file, AttentionProtobuf.Type) ||
        Begins(file, EmlAttentionProtobuf.Type);

    /// <summary>An EmlModel, a SafeTree, an AttentionBlock or an EmlAttention, whatever the file holds.</summary>
    public static object Read(ReadOnlySpan<byte> file)
    {
        if (Begins(file, ModelType))
            return FromMessage(Parse(Proto.Model.Parser, file, ModelType));
        if (Begins(file, SafeTreeType))
            return FromMessage(Parse(Proto.SafeTree.Parser, file, SafeTreeType));
        if (Begins(file, AttentionProtobuf.Type))
            return AttentionProtobuf.FromMessage(Parse(Proto.Attention.Parser, file, AttentionProtobuf.Type));
        if (Begins(file, EmlAttentionProtobuf.Type))
            return EmlAttentionProtobuf.FromMessage(Parse(Proto.EmlAttention.Parser, file, EmlAttentionProtobuf.Type));
        throw new EmlException(FormatError.Protobuf, 0,
            $"protobuf model: the file must begin with field 1, \"{ModelType}\", \"{SafeTreeType}\", \"{AttentionProtobuf.Type}\" or " +
            $"\"{EmlAttentionProtobuf.Type}\", and does not");
    }

    /// <summary>Parses a message; what the parser refuses is refused as <see cref="FormatError.Protobuf"/>.</summary>
    public static T Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes, string type) where T : IMessage<T>
    {
        try
        {
            return parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            throw new EmlException(FormatError.Protobuf, EmlException.NoOffset,
                $"protobuf: the {bytes.Length} bytes are not a message {type}: a field is malformed, not UTF-8 or cut off");
        }
    }

    private static bool Begins(ReadOnlySpan<byte> file, string type)
    {
        if (file.Length < 2 + type.Length || file[0] != FirstTag || file[1] != type.Length)
            return false;

        for (int i = 0; i < type.Length; i++)
        {
            if (file[2 + i] != type[i])
                return false;
        }

        return true;
    }

    private static EmlModel FromMessage(Proto.Model message)
    {
        CheckVersion(message.Type, ModelType, message.Version);
        if (message.Profile is not (Proto.Profile.EmlCore01 or Proto.Profile.Default))
            throw Bad($"profile {(int)message.Profile} is not known; known are 1 (eml-core-0.1) and 2 (default)");

        var profile = (Profile)message.Profile;
        int count = Untrusted.ModelParameters(message.Depth, message.Inputs, message.Heads, profile, EmlException.NoOffset);
        double[] parameters = Values("params", message.Params, (ulong)count);
        EmlModel model = Untrusted.Model(message.Depth, message.Inputs, message.Heads, profile, parameters, EmlException.NoOffset);
        model.Trained = message.Trained;
        model.Name = message.Name;
        if (message.Scaling is { } scaling)
        {
            model.Scaling = Untrusted.Scaling(
                Values("scaling.input_offset", scaling.InputOffset, message.Inputs),
                Values("scaling.input_factor", scaling.InputFactor, message.Inputs),
                Values("scaling.target_offset", scaling.TargetOffset, message.Heads),
                Values("scaling.target_factor", scaling.TargetFactor, message.Heads), EmlException.NoOffset);
        }

        foreach ((string key, string value) in message.Metadata)
            Untrusted.AddMetadata(model, key, value);
        return model;
    }

    private static SafeTree FromMessage(Proto.SafeTree message)
    {
        CheckVersion(message.Type, SafeTreeType, message.Version);
        int count = Untrusted.SafeTreeParameters(message.Depth, message.Inputs, message.Heads, EmlException.NoOffset);
        ulong weights = message.Heads * message.Inputs;
        double[] parameters =
        [
            .. Values("weights", message.Weights, weights),
            .. Values("biases", message.Biases, message.Heads),
            .. Values("constants", message.Constants, (ulong)count - weights - message.Heads),
        ];
        return Untrusted.SafeTree(message.Depth, message.Inputs, message.Heads, parameters, EmlException.NoOffset);
    }

    internal static void CheckVersion(string type, string wanted, uint version)
    {
        if (type != wanted)
            throw Bad($"type is {StrictJson.Quoted(type)} in a message that began as \"{wanted}\"; it must stand once");
        if (version != Version)
        {
            throw new EmlException(ErrorCode.Version,
                $"protobuf model: version {version}; this library knows version {Version}; use a newer libeml");
        }
    }

    internal static double[] Values(string name, ICollection<double> field, ulong count)
    {
        if ((ulong)field.Count != count)
            throw Bad($"{name} has {field.Count} values; the shape asks for {count}");

        double[] values = [.. field];
        Finite.RequireRead(name, values);
        return values;
    }

    internal static EmlException Bad(string what) => new(FormatError.Value, EmlException.NoOffset, $"protobuf model: {what}");
}
