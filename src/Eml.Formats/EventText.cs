using System.Text;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>Events as eml-core prints them, {"Trained":{…}}, and as protobuf messages of proto/eml/v1/event.proto.</summary>
public static class EventText
{
    private const string What = "event";

    /// <summary>eml-core's text of one event. NaN and the infinities are null.</summary>
    public static string ToJson(EmlEvent e)
    {
        var json = new JsonText();
        Append(json, e);
        return json.ToString();
    }

    /// <summary>eml-core's text of a list of events.</summary>
    public static string ToJson(IReadOnlyList<EmlEvent> events)
    {
        var json = new JsonText();
        json.Raw("["u8);
        for (int i = 0; i < events.Count; i++)
        {
            if (i > 0)
                json.Raw(","u8);
            Append(json, events[i]);
        }

        return json.Raw("]"u8).ToString();
    }

    /// <summary>
    /// One event. As in eml-core unknown fields are ignored; unlike it, a null number is read, as NaN, for its own writer
    /// makes them.
    /// </summary>
    public static EmlEvent Parse(ReadOnlySpan<byte> json) => Read(StrictJson.Parse(json, What));

    /// <summary>One event, <see cref="Parse(ReadOnlySpan{byte})"/>.</summary>
    public static EmlEvent Parse(string json) => Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>A list of events.</summary>
    public static List<EmlEvent> ParseList(ReadOnlySpan<byte> json)
    {
        JsonValue root = StrictJson.Parse(json, What);
        if (!root.IsArray)
            throw root.Wrong(FormatError.Json, "the log", "an array of events");

        var events = new List<EmlEvent>();
        for (JsonItems items = root.Items(); items.Next();)
            events.Add(Read(items.Value));
        return events;
    }

    /// <summary>A list of events, <see cref="ParseList(ReadOnlySpan{byte})"/>.</summary>
    public static List<EmlEvent> ParseList(string json) => ParseList(Encoding.UTF8.GetBytes(json));

    /// <summary>An eml.v1.EventLog.</summary>
    public static byte[] ToProtobuf(IReadOnlyList<EmlEvent> events) => EventProtobuf.Write(events);

    /// <summary>The events of an eml.v1.EventLog.</summary>
    public static List<EmlEvent> ParseProtobuf(ReadOnlySpan<byte> bytes) => EventProtobuf.Read(bytes);

    private static void Append(JsonText json, EmlEvent e)
    {
        switch (e)
        {
            case EmlEvent.Trained t:
                Begin(json, "Trained"u8, t).Raw(",\"samples_used\":"u8).Unsigned(t.SamplesUsed)
                    .Raw(",\"mse_before\":"u8).Serde(t.MseBefore).Raw(",\"mse_after\":"u8).Serde(t.MseAfter)
                    .Raw(",\"converged\":"u8).Boolean(t.Converged).Raw(",\"param_count\":"u8).Unsigned(t.ParamCount);
                break;
            case EmlEvent.Prediction p:
                Begin(json, "Prediction"u8, p).Raw(",\"inputs_hash\":"u8).String(p.InputsHash)
                    .Raw(",\"output\":"u8).Serde(p.Output);
                break;
            case EmlEvent.Drift d:
                Begin(json, "Drift"u8, d).Raw(",\"predicted\":"u8).Serde(d.Predicted).Raw(",\"actual\":"u8).Serde(d.Actual)
                    .Raw(",\"drift_pct\":"u8).Serde(d.DriftPct);
                break;
            case EmlEvent.Saved s:
                Begin(json, "Saved"u8, s).Raw(",\"path\":"u8).String(s.Path).Raw(",\"param_count\":"u8).Unsigned(s.ParamCount);
                break;
            case EmlEvent.Loaded l:
                Begin(json, "Loaded"u8, l).Raw(",\"path\":"u8).String(l.Path).Raw(",\"trained\":"u8).Boolean(l.IsTrained)
                    .Raw(",\"samples\":"u8).Unsigned(l.Samples);
                break;
            case EmlEvent.Reset r:
                Begin(json, "Reset"u8, r).Raw(",\"reason\":"u8).String(r.Reason);
                break;
            default:
                throw new EmlException(ErrorCode.Unsupported, $"an event of the type {e.EventType} has no text");
        }

        json.Raw("}}"u8);
    }

    private static JsonText Begin(JsonText json, ReadOnlySpan<byte> type, EmlEvent e) =>
        json.Raw("{\""u8).Raw(type).Raw("\":{\"model_name\":"u8).String(e.ModelName);

    private static EmlEvent Read(JsonValue root)
    {
        if (!root.IsObject)
            throw root.Wrong(FormatError.Json, "the event", "an object");

        JsonItems items = root.Items();
        if (!items.Next())
        {
            throw new EmlException(FormatError.MissingField, root.Offset,
                $"event: the object at byte {root.Offset} is empty; its one member must be the event's type");
        }

        string type = items.Key;
        ulong typeOffset = items.KeyOffset;
        JsonMembers fields = items.Value.Members(StrictJson.Quoted(type));
        if (items.Next())
        {
            throw new EmlException(FormatError.UnknownField, items.KeyOffset,
                $"event: the object at byte {root.Offset} has a second member at byte {items.KeyOffset}; an event has one, its type");
        }

        string name = fields["model_name"].Text("model_name");
        return type switch
        {
            "Trained" => new EmlEvent.Trained(name, fields["samples_used"].Unsigned("samples_used"), Number(fields, "mse_before"),
                Number(fields, "mse_after"), fields["converged"].Boolean("converged"), fields["param_count"].Unsigned("param_count")),
            "Prediction" => new EmlEvent.Prediction(name, fields["inputs_hash"].Text("inputs_hash"), Numbers(fields["output"])),
            "Drift" => new EmlEvent.Drift(name, Number(fields, "predicted"), Number(fields, "actual"), Number(fields, "drift_pct")),
            "Saved" => new EmlEvent.Saved(name, fields["path"].Text("path"), fields["param_count"].Unsigned("param_count")),
            "Loaded" => new EmlEvent.Loaded(name, fields["path"].Text("path"), fields["trained"].Boolean("trained"),
                fields["samples"].Unsigned("samples")),
            "Reset" => new EmlEvent.Reset(name, fields["reason"].Text("reason")),
            _ => throw new EmlException(FormatError.Kind, typeOffset,
                $"event: the type {StrictJson.Quoted(type)} at byte {typeOffset} is not known; known are Trained, Prediction, Drift, " +
                "Saved, Loaded and Reset"),
        };
    }

    private static double Number(JsonMembers fields, string name) => NumberOrNull(fields[name], name);

    private static double NumberOrNull(JsonValue value, string name) => value.IsNull ? double.NaN : value.Double(name);

    private static double[] Numbers(JsonValue array)
    {
        if (!array.IsArray)
            throw array.Wrong(FormatError.Value, "output", "an array of numbers");

        var values = new List<double>();
        for (JsonItems items = array.Items(); items.Next();)
            values.Add(NumberOrNull(items.Value, "output"));
        return [.. values];
    }
}
