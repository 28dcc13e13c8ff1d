using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// eml-core's JSON text of its two attention blocks, byte for byte. As in the crate, unknown keys are ignored and arrays in
/// the order of the fields are read; unlike it, shapes that contradict each other are refused.
/// </summary>
internal static class AttentionJson
{
    private const string What = "attention JSON";

    /// <summary>Elements of a ToyEmlAttention written as an array.</summary>
    public const int ToySequenceLength = 12;

    /// <summary>Elements of a BaselineAttention written as an array.</summary>
    public const int BaselineSequenceLength = 11;

    private static readonly string[] s_toyFields =
    [
        "name", "d_model", "d_k", "seq_len", "q_model", "k_model", "v_model", "softmax_model", "out_model", "scale", "trained",
        "training_rounds",
    ];

    private static readonly string[] s_baselineFields =
        ["name", "d_model", "d_k", "seq_len", "q", "k", "v", "out", "scale", "trained", "training_rounds"];

    public static byte[] Write(AttentionBlock block)
    {
        bool toy = block is ToyEmlAttention;
        string suffix = toy ? "_model" : "";
        JsonText json = new JsonText().Raw("{\"name\":"u8).String(block.Name)
            .Raw(",\"d_model\":"u8).Unsigned((ulong)block.DModel)
            .Raw(",\"d_k\":"u8).Unsigned((ulong)block.DK)
            .Raw(",\"seq_len\":"u8).Unsigned((ulong)block.SeqLen);
        foreach (AttentionPart part in block.Parts)
        {
            json.Raw(","u8).String(part.Name + suffix).Raw(":{"u8);
            if (toy)
                json.Raw("\"depth\":"u8).Unsigned((ulong)part.Depth).Raw(","u8);
            json.Raw("\"inputs\":"u8).Unsigned((ulong)part.Inputs)
                .Raw(",\"heads\":"u8).Unsigned((ulong)part.Heads)
                .Raw(",\"params\":"u8).Serde(block.Parameters.Slice(part.Offset, part.Count)).Raw("}"u8);
        }

        return json.Raw(",\"scale\":"u8).Serde(block.Scale)
            .Raw(",\"trained\":"u8).Boolean(block.Trained)
            .Raw(",\"training_rounds\":"u8).Unsigned(block.TrainingRounds).Raw("}"u8).ToArray();
    }

    public static ToyEmlAttention ReadToy(JsonValue root)
    {
        JsonMembers members = Fields(root, "the block", s_toyFields);
        if (root.IsObject)
            ModelKinds.Require(members, ModelKind.ToyAttention, s_toyFields);

        ulong depth = TreeFields(members["q_model"], "q_model")["depth"].Unsigned("q_model.depth");
        string name = members["name"].Text("name");
        ToyEmlAttention block = Untrusted.ToyAttention(name, members["d_model"].Unsigned("d_model"), members["d_k"].Unsigned("d_k"),
            members["seq_len"].Unsigned("seq_len"), depth, root.TextLength, root.Offset);
        ReadState(members, block, "_model");
        return block;
    }

    public static BaselineAttention ReadBaseline(JsonValue root)
    {
        JsonMembers members = Fields(root, "the block", s_baselineFields);
        if (root.IsObject)
            ModelKinds.Require(members, ModelKind.BaselineAttention, s_baselineFields);

        string name = members["name"].Text("name");
        BaselineAttention block = Untrusted.BaselineAttention(name, members["d_model"].Unsigned("d_model"),
            members["d_k"].Unsigned("d_k"), members["seq_len"].Unsigned("seq_len"), root.TextLength, root.Offset);
        ReadState(members, block, "");
        return block;
    }

    private static void ReadState(JsonMembers members, AttentionBlock block, string suffix)
    {
        double[] parameters = new double[block.ParameterCount];
        foreach (AttentionPart part in block.Parts)
            ReadPart(members[part.Name + suffix], part.Name + suffix, part, parameters.AsSpan(part.Offset, part.Count), suffix.Length > 0);

        block.Scale = members["scale"].Double("scale");
        block.Trained = members["trained"].Boolean("trained");
        block.TrainingRounds = members["training_rounds"].Unsigned("training_rounds");
        block.SetParameters(parameters);
    }

    private static void ReadPart(JsonValue value, string name, AttentionPart part, Span<double> to, bool isTree)
    {
        JsonMembers members = isTree ? TreeFields(value, name) : Fields(value, name, "inputs", "heads", "params");
        if (isTree)
            CheckSize(members["depth"], $"{name}.depth", part.Depth);
        CheckSize(members["inputs"], $"{name}.inputs", part.Inputs);
        CheckSize(members["heads"], $"{name}.heads", part.Heads);
        members["params"].Doubles($"{name}.params", to);
    }

    private static JsonMembers TreeFields(JsonValue value, string name) => Fields(value, name, "depth", "inputs", "heads", "params");

    private static void CheckSize(JsonValue value, string name, int wanted)
    {
        ulong found = value.Unsigned(name);
        if (found != (ulong)wanted)
        {
            throw new EmlException(FormatError.Value, value.Offset,
                $"{What}: {name} at byte {value.Offset} is {found}; d_model, d_k, seq_len and q_model's depth ask for {wanted}");
        }
    }

    private static JsonMembers Fields(JsonValue value, string name, params string[] fields) =>
        value.IsArray ? value.Sequence(name, fields) : value.Members(name);
}
