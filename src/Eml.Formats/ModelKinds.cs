using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>What a JSON text holds.</summary>
internal enum ModelKind
{
    Unknown,
    Model,
    SafeTree,
    BrowserExport,
    ToyAttention,
    BaselineAttention,
    Attention,
}

/// <summary>Tells from its fields what a JSON text holds.</summary>
internal static class ModelKinds
{
    public static ModelKind Of(JsonValue root)
    {
        if (root.IsObject)
            return Of(root.Members("the model"));
        if (!root.IsArray)
            return ModelKind.Unknown;

        int count = 0;
        for (JsonItems items = root.Items(); count <= AttentionJson.ToySequenceLength && items.Next();)
            count++;
        return count switch
        {
            ModelJson.SequenceLength => ModelKind.Model,
            SafeTreeJson.SequenceLength => ModelKind.SafeTree,
            AttentionJson.ToySequenceLength => ModelKind.ToyAttention,
            AttentionJson.BaselineSequenceLength => ModelKind.BaselineAttention,
            _ => ModelKind.Unknown,
        };
    }

    /// <summary>What an object in memory is.</summary>
    public static ModelKind Of(object content) => content switch
    {
        EmlModel => ModelKind.Model,
        SafeTree => ModelKind.SafeTree,
        ToyEmlAttention => ModelKind.ToyAttention,
        BaselineAttention => ModelKind.BaselineAttention,
        EmlAttention => ModelKind.Attention,
        _ => ModelKind.Unknown,
    };

    /// <summary>
    /// The model inside a wrapper, which is an object with one member: eml-core's users store {"inner":{…}} and
    /// {"model":{…}}. Anything else is returned as it is.
    /// </summary>
    public static JsonValue Unwrap(JsonValue root)
    {
        if (!root.IsObject)
            return root;

        JsonItems items = root.Items();
        if (!items.Next())
            return root;
        JsonValue inner = items.Value;
        return !items.Next() && inner.IsObject && Of(inner) != ModelKind.Unknown ? inner : root;
    }

    /// <summary>
    /// Refuses an object that lacks one of <paramref name="fields"/>: as another kind of object if it looks like one, else
    /// as incomplete.
    /// </summary>
    public static void Require(JsonMembers members, ModelKind wanted, params ReadOnlySpan<string> fields)
    {
        foreach (string field in fields)
        {
            if (members.Has(field))
                continue;

            ModelKind found = Of(members);
            if (found == wanted || found == ModelKind.Unknown)
                _ = members[field];
            throw Mismatch(found, wanted, members.Offset);
        }
    }

    /// <summary>The refusal of a good file that holds something else.</summary>
    public static EmlException Mismatch(ModelKind found, ModelKind wanted, ulong offset) =>
        new(FormatError.Kind, offset, $"the value at byte {offset} is {Name(found)}, not {Name(wanted)}; read it as what it is");

    private static ModelKind Of(JsonMembers members)
    {
        if (EmlAttentionJson.IsOwnKind(members))
            return ModelKind.Attention;
        if (ModelJson.IsOwnKind(members) || members.Has("input_count") || members.Has("head_count"))
            return ModelKind.Model;
        if (members.Has("level0_weight"))
            return ModelKind.BrowserExport;
        if (members.Has("d_model") && members.Has("q_model"))
            return ModelKind.ToyAttention;
        if (members.Has("d_model") && members.Has("q"))
            return ModelKind.BaselineAttention;
        if (members.Has("depth") && members.Has("inputs") && members.Has("heads") && members.Has("params"))
            return ModelKind.SafeTree;
        return ModelKind.Unknown;
    }

    private static string Name(ModelKind kind) => kind switch
    {
        ModelKind.Model => "an EmlModel",
        ModelKind.SafeTree => "a SafeTree",
        ModelKind.BrowserExport => "the browser trainer's export of a SafeTree",
        ModelKind.ToyAttention => "a ToyEmlAttention",
        ModelKind.BaselineAttention => "a BaselineAttention",
        ModelKind.Attention => "an EmlAttention",
        _ => "no model (an EmlModel has depth, input_count, head_count, params and trained; a SafeTree has depth, inputs, " +
            "heads and params; an attention block has d_model, d_k, seq_len and its parts, or the kind eml-attention)",
    };
}
