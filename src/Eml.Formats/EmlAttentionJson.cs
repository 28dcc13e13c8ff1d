using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// The JSON text of an <see cref="EmlAttention"/>: an object with exactly the members kind ("eml-attention"), version (1),
/// profile ("default"), config, name, trained and params, in whatever order; config has exactly d_model, d_k, seq_len, heads,
/// nodes, positional, residual and chunk. Parameters are in the block's own order and have the shortest digits that read back
/// as the same double.
/// </summary>
internal static class EmlAttentionJson
{
    private const string What = "EmlAttention JSON";
    private const string OwnKind = "eml-attention";
    private const ulong OwnVersion = 1;

    public static byte[] Write(EmlAttention block)
    {
        Finite.Require(block.Parameters);
        AttentionConfig config = block.Config;
        return new JsonText().Raw("{\"kind\":"u8).String(OwnKind).Raw(",\"version\":"u8).Unsigned(OwnVersion)
            .Raw(",\"profile\":"u8).String(ProfileName.Of(Profile.Default))
            .Raw(",\"config\":{\"d_model\":"u8).Unsigned((ulong)config.DModel)
            .Raw(",\"d_k\":"u8).Unsigned((ulong)config.DKey)
            .Raw(",\"seq_len\":"u8).Unsigned((ulong)config.SeqLen)
            .Raw(",\"heads\":"u8).Unsigned((ulong)config.Heads)
            .Raw(",\"nodes\":"u8).Unsigned((ulong)config.Nodes)
            .Raw(",\"positional\":"u8).Boolean(config.Positional)
            .Raw(",\"residual\":"u8).Boolean(config.Residual)
            .Raw(",\"chunk\":"u8).Unsigned((ulong)config.Chunk)
            .Raw("},\"name\":"u8).String(block.Name)
            .Raw(",\"trained\":"u8).Boolean(block.Trained)
            .Raw(",\"params\":"u8).Serde(block.Parameters).Raw("}"u8).ToArray();
    }

    public static EmlAttention Read(JsonValue root)
    {
        JsonMembers members = root.Members("the block");
        if (!IsOwnKind(members))
            throw ModelKinds.Mismatch(ModelKinds.Of(root), ModelKind.Attention, root.Offset);

        // The version comes first: in a later one, unknown fields are to be expected.
        JsonValue version = members["version"];
        ulong number = version.Unsigned("version");
        if (number != OwnVersion)
        {
            throw new EmlException(ErrorCode.Version,
                $"{What}: version {number} at byte {version.Offset}; this library knows version {OwnVersion}; use a newer libeml");
        }

        members.RefuseOthers("kind", "version", "profile", "config", "name", "trained", "params");
        JsonValue profile = members["profile"];
        if (ProfileName.Parse(profile.Text("profile"), profile.Offset) != Profile.Default)
        {
            throw new EmlException(FormatError.Value, profile.Offset,
                $"{What}: the profile at byte {profile.Offset} must be \"default\"; eml-core's attention blocks are other kinds");
        }

        JsonMembers config = members["config"].Members("config", FormatError.Value);
        config.RefuseOthers("d_model", "d_k", "seq_len", "heads", "nodes", "positional", "residual", "chunk");
        // A number takes a digit and a comma.
        EmlAttention block = Untrusted.EmlAttention(new UntrustedAttention(
            config["d_model"].Unsigned("d_model"), config["d_k"].Unsigned("d_k"), config["seq_len"].Unsigned("seq_len"),
            config["heads"].Unsigned("heads"), config["nodes"].Unsigned("nodes"), config["positional"].Boolean("positional"),
            config["residual"].Boolean("residual"), config["chunk"].Unsigned("chunk")), root.TextLength / 2, root.Offset);
        double[] parameters = members["params"].Doubles("params", block.ParameterCount);
        block.Name = members["name"].Text("name");
        block.Trained = members["trained"].Boolean("trained");
        block.SetParameters(parameters);
        return block;
    }

    /// <summary>True for the kind that libeml writes for the default profile's block.</summary>
    public static bool IsOwnKind(JsonMembers members) =>
        members.TryGet("kind", out JsonValue kind) && kind.IsString && kind.Text("kind") == OwnKind;
}
