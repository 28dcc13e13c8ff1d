using Eml.Machine.Transformer;

namespace Eml.Formats.Machine;

/// <summary>
/// A <see cref="Prompt"/> as JSON: what a transformer is given to run one program. null stands for "none". How a schedule is
/// followed is written into the file, member "how".
/// </summary>
internal static class MachinePromptJson
{
    private const string How =
        "Append the entries of the stores: entry i is a token with encoding store_encodings[i]. Feed all tokens but the last with their encodings. " +
        "Then, from row 0 and with the last token: the encoding is that of the row, plus each counter on its channel (counter_channels, null: none); " +
        "feed the token, generate the next, and follow the row: set counter reset to 0; append the generated token to store, as the entry whose " +
        "number is the counter advance (an error if there is no such encoding); add 1 to advance; go to row taken if there is one and the token is not 0, adding 1 to " +
        "taken_counter (an error if it was taken_limit already), else to row next; null ends the sequence. A new entry of a store with the number of an older one counts as later.";

    public static byte[] Write(Prompt prompt)
    {
        Schedule schedule = prompt.Schedule;
        JsonText json = new JsonText().Raw("{\n\"model_type\":"u8).String("eml-machine-prompt").Raw(",\n\"version\":"u8).Unsigned(1)
            .Raw(",\n\"how\":"u8).String(How)
            .Raw(",\n\"tokens\":"u8).Integers(prompt.Tokens)
            .Raw(",\n\"encodings\":"u8);
        Encodings(json, prompt.Encodings, schedule.Width);
        json.Raw(",\n\"stores\":["u8);
        for (int s = 0; s < prompt.Stores.Length; s++)
        {
            json.Raw(s > 0 ? ","u8 : ""u8).Integers(prompt.Stores[s]);
        }
        json.Raw("],\n\"store_encodings\":"u8);
        Encodings(json, schedule.StoreEncodings, schedule.Width);
        json.Raw(",\n\"counter_channels\":["u8);
        for (int c = 0; c < schedule.CounterChannels.Length; c++)
        {
            json.Raw(c > 0 ? ","u8 : ""u8).IntegerOrNull(schedule.CounterChannels[c]);
        }
        json.Raw("],\n\"rows\":["u8);
        for (int i = 0; i < schedule.Rows.Length; i++)
        {
            json.Raw(i > 0 ? ",\n"u8 : "\n"u8);
            Row(json, schedule.Rows[i], schedule.Encodings.AsSpan(i * schedule.Width, schedule.Width));
        }
        return json.Raw("\n]\n}\n"u8).ToArray();
    }

    private static void Row(JsonText json, ScheduleRow row, ReadOnlySpan<double> encoding)
    {
        json.Raw("{\"encoding\":"u8);
        Numbers(json, encoding);
        json.Raw(",\"next\":"u8).IntegerOrNull(row.Next)
            .Raw(",\"taken\":"u8).IntegerOrNull(row.Taken)
            .Raw(",\"taken_counter\":"u8).IntegerOrNull(row.TakenCounter)
            .Raw(",\"taken_limit\":"u8).IntegerOrNull(row.Taken == ScheduleRow.None ? ScheduleRow.None : row.TakenLimit)
            .Raw(",\"reset\":"u8).IntegerOrNull(row.Reset)
            .Raw(",\"store\":"u8).IntegerOrNull(row.Store)
            .Raw(",\"advance\":"u8).IntegerOrNull(row.Advance)
            .Raw(",\"is_output\":"u8).Boolean(row.IsOutput).Raw("}"u8);
    }

    private static void Encodings(JsonText json, ReadOnlySpan<double> encodings, int width)
    {
        json.Raw("["u8);
        for (int at = 0; at < encodings.Length; at += width)
        {
            json.Raw(at > 0 ? ",\n"u8 : "\n"u8);
            Numbers(json, encodings.Slice(at, width));
        }
        json.Raw("\n]"u8);
    }

    private static void Numbers(JsonText json, ReadOnlySpan<double> values)
    {
        json.Raw("["u8);
        for (int i = 0; i < values.Length; i++)
        {
            json.Raw(i > 0 ? ","u8 : ""u8).Ecma(values[i]);
        }
        json.Raw("]"u8);
    }
}
