using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// What the browser trainer of eml-core downloads for each of its models: a SafeTree with its parameters in three groups,
/// and how its training stands. Written byte for byte as JSON.stringify does, indented by two spaces.
/// </summary>
public sealed class BrowserExport
{
    private const string What = "browser export";
    private const int ConstantsPerLevel = 3;

    /// <summary>An export of a tree that nothing is known about.</summary>
    public BrowserExport(SafeTree tree)
    {
        Tree = tree;
    }

    /// <summary>The exported tree.</summary>
    public SafeTree Tree { get; }

    /// <summary>"eml_attention_toy_q" and so on.</summary>
    public string ModelName { get; init; } = "eml";

    /// <summary>Whether the trainer calls it trained.</summary>
    public bool Trained { get; init; }

    /// <summary>The trainer's mean squared error; infinity, which is written as null, if it has not measured one.</summary>
    public double Mse { get; init; } = double.PositiveInfinity;

    /// <summary>Seconds since 1970.</summary>
    public double Timestamp { get; init; }

    /// <summary>The downloaded text.</summary>
    public byte[] Write()
    {
        ReadOnlySpan<double> parameters = Tree.Parameters;
        Finite.Require(parameters);
        int heads = Tree.Heads, inputs = Tree.Inputs, constants = ConstantsPerLevel * Tree.Depth;
        var json = new JsonText();
        json.Raw("{\n  \"model_name\": "u8).String(ModelName);
        json.Raw(",\n  \"depth\": "u8).Unsigned((ulong)Tree.Depth);
        json.Raw(",\n  \"inputs\": "u8).Unsigned((ulong)inputs);
        json.Raw(",\n  \"heads\": "u8).Unsigned((ulong)heads);
        json.Raw(",\n  \"level0_weight\": "u8);
        WriteRows(json, parameters[..(heads * inputs)], heads, inputs);
        json.Raw(",\n  \"level0_bias\": "u8);
        WriteRow(json, parameters.Slice(heads * inputs, heads), "\n    "u8, "\n  "u8);
        json.Raw(",\n  \"tree_params\": "u8);
        WriteRows(json, parameters[(heads * inputs + heads)..], heads, constants);
        json.Raw(",\n  \"trained\": "u8).Boolean(Trained);
        json.Raw(",\n  \"mse\": "u8).Ecma(Mse);
        json.Raw(",\n  \"timestamp\": "u8).Ecma(Timestamp);
        return json.Raw("\n}"u8).ToArray();
    }

    /// <summary>Reads a download; every field must be there, and no other.</summary>
    public static BrowserExport Read(ReadOnlySpan<byte> text) => Read(StrictJson.Parse(text, What));

    internal static BrowserExport Read(JsonValue root)
    {
        JsonMembers members = root.Members("the export");
        ModelKinds.Require(members, ModelKind.BrowserExport, "model_name", "depth", "inputs", "heads", "level0_weight", "level0_bias",
            "tree_params", "trained", "mse", "timestamp");
        members.RefuseOthers("model_name", "depth", "inputs", "heads", "level0_weight", "level0_bias", "tree_params", "trained",
            "mse", "timestamp");

        ulong depth = members["depth"].Unsigned("depth");
        ulong inputs = members["inputs"].Unsigned("inputs");
        ulong heads = members["heads"].Unsigned("heads");
        int count = Untrusted.SafeTreeParameters(depth, inputs, heads, root.Offset);
        if (count > root.TextLength)
        {
            throw new EmlException(FormatError.Value, root.Offset,
                $"{What}: depth {depth}, inputs {inputs} and heads {heads} ask for {count} parameters; the text is too short to hold them");
        }

        double[] parameters = new double[count];
        int weights = (int)(heads * inputs);
        ReadRows(members["level0_weight"], "level0_weight", (int)heads, parameters.AsSpan(0, weights));
        members["level0_bias"].Doubles("level0_bias", parameters.AsSpan(weights, (int)heads));
        ReadRows(members["tree_params"], "tree_params", (int)heads, parameters.AsSpan(weights + (int)heads));

        return new BrowserExport(Untrusted.SafeTree(depth, inputs, heads, parameters, root.Offset))
        {
            ModelName = members["model_name"].Text("model_name"),
            Trained = members["trained"].Boolean("trained"),
            Mse = members["mse"].IsNull ? double.PositiveInfinity : members["mse"].Double("mse"),
            Timestamp = members["timestamp"].Double("timestamp"),
        };
    }

    private static void WriteRows(JsonText json, ReadOnlySpan<double> values, int rows, int columns)
    {
        ReadOnlySpan<byte> before = "[\n    "u8;
        for (int i = 0; i < rows; i++)
        {
            json.Raw(before);
            WriteRow(json, values.Slice(i * columns, columns), "\n      "u8, "\n    "u8);
            before = ",\n    "u8;
        }

        json.Raw(rows == 0 ? "[]"u8 : "\n  ]"u8);
    }

    private static void WriteRow(JsonText json, ReadOnlySpan<double> values, ReadOnlySpan<byte> beforeItem, ReadOnlySpan<byte> beforeEnd)
    {
        json.Raw("["u8);
        for (int i = 0; i < values.Length; i++)
        {
            if (i > 0)
                json.Raw(","u8);
            json.Raw(beforeItem).Ecma(values[i]);
        }

        if (!values.IsEmpty)
            json.Raw(beforeEnd);
        json.Raw("]"u8);
    }

    private static void ReadRows(JsonValue rows, string name, int count, Span<double> to)
    {
        if (!rows.IsArray)
            throw rows.Wrong(FormatError.Value, name, "an array of rows");

        int columns = count == 0 ? 0 : to.Length / count;
        int row = 0;
        for (JsonItems items = rows.Items(); items.Next(); row++)
        {
            if (row < count)
                items.Value.Doubles($"{name}[{row}]", to.Slice(row * columns, columns));
        }

        if (row != count)
        {
            throw new EmlException(FormatError.Value, rows.Offset,
                $"{What}: {name} at byte {rows.Offset} has {row} rows; heads asks for {count}");
        }
    }
}
