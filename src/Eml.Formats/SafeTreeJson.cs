using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>eml-core's JSON text of a <see cref="SafeTree"/>, byte for byte.</summary>
internal static class SafeTreeJson
{
    private const string What = "SafeTree JSON";

    /// <summary>serde reads a struct from an array of its fields in order, too.</summary>
    public const int SequenceLength = 4;

    public static byte[] Write(SafeTree tree) => new JsonText()
        .Raw("{\"depth\":"u8).Unsigned((ulong)tree.Depth)
        .Raw(",\"inputs\":"u8).Unsigned((ulong)tree.Inputs)
        .Raw(",\"heads\":"u8).Unsigned((ulong)tree.Heads)
        .Raw(",\"params\":"u8).Serde(tree.Parameters)
        .Raw("}"u8).ToArray();

    public static SafeTree Read(JsonValue root)
    {
        if (root.IsArray)
            return ReadSequence(root);

        JsonMembers members = root.Members("the tree");
        ModelKinds.Require(members, ModelKind.SafeTree, "depth", "inputs", "heads", "params");
        ulong depth = members["depth"].Unsigned("depth");
        ulong inputs = members["inputs"].Unsigned("inputs");
        ulong heads = members["heads"].Unsigned("heads");
        return Read(depth, inputs, heads, members["params"], root.Offset);
    }

    private static SafeTree ReadSequence(JsonValue root)
    {
        JsonItems items = root.Items();
        ulong depth = Element(ref items, root, "depth").Unsigned("depth");
        ulong inputs = Element(ref items, root, "inputs").Unsigned("inputs");
        ulong heads = Element(ref items, root, "heads").Unsigned("heads");
        JsonValue parameters = Element(ref items, root, "params");
        if (items.Next())
        {
            throw new EmlException(FormatError.UnknownField, items.Value.Offset,
                $"{What}: the array has a fifth element at byte {items.Value.Offset}; it must have {SequenceLength}: " +
                "depth, inputs, heads, params");
        }

        return Read(depth, inputs, heads, parameters, root.Offset);
    }

    private static JsonValue Element(ref JsonItems items, JsonValue root, string name) => items.Next()
        ? items.Value
        : throw new EmlException(FormatError.MissingField, root.Offset,
            $"{What}: the array at byte {root.Offset} ends before {name}; it must hold depth, inputs, heads, params");

    private static SafeTree Read(ulong depth, ulong inputs, ulong heads, JsonValue parameters, ulong offset)
    {
        int count = Untrusted.SafeTreeParameters(depth, inputs, heads, offset);
        return Untrusted.SafeTree(depth, inputs, heads, parameters.Doubles("params", (long)count), offset);
    }
}
