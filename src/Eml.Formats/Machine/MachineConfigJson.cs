using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Formats.Machine;

/// <summary>
/// Shape, rules and names of a transformer as JSON. The rules are sentences for whoever writes an engine of his own; a file with
/// other sentences means another machine and is refused.
/// </summary>
internal static class MachineConfigJson
{
    private const string What = "machine config";
    private const ulong Version = 1;
    private const ulong Largest = 1 << 24;

    private static readonly (string Name, string Text)[] s_rules =
    [
        ("embedding", "x = embedding[token]; then x[position_channels[i]] += encoding[i]"),
        ("attention", "all heads of a layer read the same x; q = query[h] x, k = key[h] x and v = value[h] x have d_head numbers; " +
            "x += the sum over the layer's heads of output[h] times what the head reads"),
        ("hard_max", "reads v of the position whose k has the largest q·k, among this and all earlier positions; of equals, of the latest. " +
            "A head with a store has the rows of tables[store] as positions before the first: d_head numbers of k, then d_head of v"),
        ("sum", "reads the sum of v over this and all earlier positions"),
        ("cross", "as hard_max over the entries of its store, whose k and v come from the embedded entries; zeros while the store is empty"),
        ("table", "as hard_max over the rows of tables[store]: a row stands in the first channels of an x whose other channels are 0, and k and v come from that x"),
        ("sink", "a head with a sink reads zeros where no score reaches it"),
        ("tuples", "if there are result_channels, a token is the numbers of an encoding, token 0 always: the next token's number i is x[result_channels[i]] after the last layer, rounded to an integer; its other numbers are 0"),
        ("units", "after the heads of a layer: x += down (max(0, gate x)·(up x)), element by element between the brackets"),
        ("activation", "max(0, gate)·up"),
        ("normalisation", "none"),
        ("unembedding", "after the last layer: the token with the largest logit, logits = unembedding x; of equals, the lowest"),
    ];

    public static byte[] Write(TransformerWeights weights)
    {
        TransformerConfig config = weights.Config;
        JsonText json = new JsonText().Raw("{\n\"model_type\":"u8).String(MachineFolder.Kind)
            .Raw(",\n\"version\":"u8).Unsigned(Version)
            .Raw(",\n\"d_model\":"u8).Unsigned((ulong)config.ModelWidth)
            .Raw(",\n\"d_head\":"u8).Unsigned((ulong)config.HeadWidth)
            .Raw(",\n\"d_ffn\":"u8).Unsigned((ulong)config.HiddenWidth)
            .Raw(",\n\"vocabulary\":"u8).Unsigned((ulong)config.Vocabulary)
            .Raw(",\n\"constant_channel\":"u8).Unsigned((ulong)config.ConstantChannel)
            .Raw(",\n\"position_channels\":"u8).Integers(config.PositionChannels)
            .Raw(",\n\"position_ranges\":["u8);
        for (int i = 0; i < config.PositionRanges.Length; i++)
        {
            json.Raw(i > 0 ? ",["u8 : "["u8).Ecma(config.PositionRanges[i].Min).Raw(","u8).Ecma(config.PositionRanges[i].Max).Raw("]"u8);
        }
        json.Raw("],\n\"result_channels\":"u8).Integers(config.ResultChannels)
            .Raw(",\n\"stores\":"u8).Unsigned((ulong)config.Stores)
            .Raw(",\n\"tables\":["u8);
        for (int i = 0; i < config.Tables.Length; i++)
        {
            json.Raw(i > 0 ? ",\n{\"name\":"u8 : "\n{\"name\":"u8).String(config.Tables[i].Name)
                .Raw(",\"entries\":"u8).Unsigned((ulong)config.Tables[i].Entries).Raw(",\"columns\":"u8).Unsigned((ulong)config.Tables[i].Columns).Raw("}"u8);
        }
        json.Raw("],\n\"rules\":{"u8);
        for (int i = 0; i < s_rules.Length; i++)
        {
            json.Raw(i > 0 ? ",\n  "u8 : "\n  "u8).String(s_rules[i].Name).Raw(":"u8).String(s_rules[i].Text);
        }
        json.Raw("\n},\n\"layers\":["u8);
        for (int i = 0; i < config.Layers; i++)
        {
            json.Raw(i > 0 ? ",\n{\"heads\":["u8 : "\n{\"heads\":["u8);
            WriteHeads(json, config.Heads[i]);
            json.Raw("],\n \"units\":["u8);
            string[] units = i < weights.Names.Units.Length ? weights.Names.Units[i] : [];
            for (int u = 0; u < units.Length; u++)
            {
                json.Raw(u > 0 ? ", "u8 : ""u8).String(units[u]);
            }
            json.Raw("]}"u8);
        }
        json.Raw("\n],\n\"channels\":["u8);
        for (int i = 0; i < weights.Names.Channels.Length; i++)
        {
            (int channel, string name, int from, int to) = weights.Names.Channels[i];
            json.Raw(i > 0 ? ",\n{\"channel\":"u8 : "\n{\"channel\":"u8).Unsigned((ulong)channel).Raw(",\"name\":"u8).String(name)
                .Raw(",\"from\":"u8).Integer(from).Raw(",\"to\":"u8).Integer(to).Raw("}"u8);
        }
        return json.Raw("\n]\n}\n"u8).ToArray();
    }

    private static void WriteHeads(JsonText json, HeadConfig[] heads)
    {
        for (int h = 0; h < heads.Length; h++)
        {
            json.Raw(h > 0 ? ",\n  {\"name\":"u8 : "\n  {\"name\":"u8).String(heads[h].Name)
                .Raw(",\"mode\":"u8).String(ModeName(heads[h].Mode)).Raw(",\"store\":"u8).IntegerOrNull(heads[h].Store).Raw(",\"sink\":"u8);
            json = (heads[h].Sink is double sink ? json.Ecma(sink) : json.Raw("null"u8)).Raw("}"u8);
        }
    }

    public static (TransformerConfig, TransformerNames) Read(ReadOnlySpan<byte> text)
    {
        JsonMembers root = StrictJson.Parse(text, What).Members("the config");
        JsonValue kind = root["model_type"];
        if (kind.Text("model_type") != MachineFolder.Kind)
        {
            throw Bad(kind, "model_type", $"\"{MachineFolder.Kind}\"", FormatError.Kind);
        }
        // The version comes first: in a later one, unknown fields are to be expected.
        JsonValue version = root["version"];
        ulong number = version.Unsigned("version");
        if (number != Version)
        {
            throw new EmlException(ErrorCode.Version,
                $"{What}: version {number} at byte {version.Offset}; this library knows version {Version}; use a newer libeml");
        }
        root.RefuseOthers("model_type", "version", "d_model", "d_head", "d_ffn", "vocabulary", "constant_channel", "position_channels",
            "position_ranges", "result_channels", "stores", "tables", "rules", "layers", "channels");
        JsonValue headWidth = root["d_head"];
        if (headWidth.Unsigned("d_head") is not (2 or 4))
        {
            throw Bad(headWidth, "d_head", "2 or 4");
        }
        ReadRules(root["rules"]);
        var heads = new List<HeadConfig[]>();
        var units = new List<string[]>();
        foreach ((HeadConfig[] layerHeads, string[] layerUnits) in ReadLayers(root["layers"]))
        {
            heads.Add(layerHeads);
            units.Add(layerUnits);
        }
        var config = new TransformerConfig
        {
            HeadWidth = Number(headWidth, "d_head"),
            ModelWidth = Number(root["d_model"], "d_model"),
            HiddenWidth = Number(root["d_ffn"], "d_ffn"),
            Vocabulary = Number(root["vocabulary"], "vocabulary"),
            ConstantChannel = Number(root["constant_channel"], "constant_channel"),
            PositionChannels = ReadNumbers(root["position_channels"], "position_channels"),
            PositionRanges = ReadRanges(root["position_ranges"]),
            ResultChannels = ReadNumbers(root["result_channels"], "result_channels"),
            Tables = ReadTables(root["tables"]),
            Stores = Number(root["stores"], "stores"),
            Heads = [.. heads],
        };
        return (config, new TransformerNames(ReadChannels(root["channels"], config), [.. units]));
    }

    private static void ReadRules(JsonValue value)
    {
        JsonMembers rules = value.Members("rules");
        foreach ((string name, string text) in s_rules)
        {
            JsonValue rule = rules[name];
            if (rule.Text(name) != text)
            {
                throw Bad(rule, $"the rule {name}", $"\"{text}\"", FormatError.Kind);
            }
        }
        rules.RefuseOthers([.. s_rules.Select(rule => rule.Name)]);
    }

    private static List<(HeadConfig[] Heads, string[] Units)> ReadLayers(JsonValue value)
    {
        var layers = new List<(HeadConfig[], string[])>();
        for (JsonItems items = Array(value, "layers"); items.Next();)
        {
            JsonMembers layer = items.Value.Members("a layer", FormatError.Value);
            layer.RefuseOthers("heads", "units");
            var heads = new List<HeadConfig>();
            for (JsonItems each = Array(layer["heads"], "heads"); each.Next();)
            {
                heads.Add(ReadHead(each.Value.Members("a head", FormatError.Value)));
            }
            var units = new List<string>();
            for (JsonItems each = Array(layer["units"], "units"); each.Next();)
            {
                units.Add(each.Value.Text("the name of a unit"));
            }
            layers.Add(([.. heads], [.. units]));
        }
        return layers;
    }

    private static HeadConfig ReadHead(JsonMembers head)
    {
        head.RefuseOthers("name", "mode", "store", "sink");
        JsonValue mode = head["mode"];
        HeadMode read = mode.Text("mode") switch
        {
            "hard_max" => HeadMode.HardMax,
            "sum" => HeadMode.Sum,
            "cross" => HeadMode.Cross,
            "table" => HeadMode.Table,
            _ => throw Bad(mode, "mode", "\"hard_max\", \"sum\", \"cross\" or \"table\""),
        };
        JsonValue store = head["store"];
        JsonValue sink = head["sink"];
        return new HeadConfig(read, store.IsNull ? -1 : Number(store, "store"), head["name"].Text("name"), sink.IsNull ? null : sink.Double("sink"));
    }

    private static (int, string, int, int)[] ReadChannels(JsonValue value, TransformerConfig config)
    {
        var channels = new List<(int, string, int, int)>();
        for (JsonItems items = Array(value, "channels"); items.Next();)
        {
            JsonMembers channel = items.Value.Members("a channel", FormatError.Value);
            channel.RefuseOthers("channel", "name", "from", "to");
            JsonValue at = channel["channel"];
            int index = Number(at, "channel");
            if (index >= config.ModelWidth)
            {
                throw Bad(at, "channel", $"below d_model, {config.ModelWidth}");
            }
            channels.Add((index, channel["name"].Text("name"), Time(channel["from"], "from", config), Time(channel["to"], "to", config)));
        }
        return [.. channels];
    }

    private static int[] ReadNumbers(JsonValue value, string name)
    {
        var channels = new List<int>();
        for (JsonItems items = Array(value, name); items.Next();)
        {
            channels.Add(Number(items.Value, name));
        }
        return [.. channels];
    }

    private static (double, double)[] ReadRanges(JsonValue value)
    {
        var ranges = new List<(double, double)>();
        for (JsonItems items = Array(value, "position_ranges"); items.Next();)
        {
            var bounds = new List<double>();
            for (JsonItems each = Array(items.Value, "a range"); each.Next();)
            {
                bounds.Add(each.Value.Double("a bound"));
            }
            ranges.Add(bounds.Count == 2 ? (bounds[0], bounds[1]) : throw Bad(items.Value, "a range", "two numbers"));
        }
        return [.. ranges];
    }

    private static TableConfig[] ReadTables(JsonValue value)
    {
        var tables = new List<TableConfig>();
        for (JsonItems items = Array(value, "tables"); items.Next();)
        {
            JsonMembers table = items.Value.Members("a table", FormatError.Value);
            table.RefuseOthers("name", "entries", "columns");
            tables.Add(new TableConfig(table["name"].Text("name"), Number(table["entries"], "entries"), Number(table["columns"], "columns")));
        }
        return [.. tables];
    }

    private static int Time(JsonValue value, string name, TransformerConfig config)
    {
        double time = value.Double(name);
        return time >= -1.0 && time <= 2.0 * config.Layers && time == Math.Floor(time)
            ? (int)time
            : throw Bad(value, name, $"a whole number from -1 (the embedding) to {2 * config.Layers} (the unembedding)");
    }

    private static int Number(JsonValue value, string name)
    {
        ulong number = value.Unsigned(name);
        return number <= Largest ? (int)number : throw Bad(value, name, $"at most {Largest}");
    }

    private static JsonItems Array(JsonValue value, string name) =>
        value.IsArray ? value.Items() : throw value.Wrong(FormatError.Value, name, "an array");

    private static EmlException Bad(JsonValue value, string name, string wanted, FormatError error = FormatError.Value) =>
        new(error, value.Offset, $"{What}: {name} at byte {value.Offset} must be {wanted}");

    private static string ModeName(HeadMode mode) => mode switch
    {
        HeadMode.Sum => "sum",
        HeadMode.Cross => "cross",
        HeadMode.Table => "table",
        _ => "hard_max",
    };
}
