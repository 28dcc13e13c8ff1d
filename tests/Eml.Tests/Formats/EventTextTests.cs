using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

public class EventTextTests
{
    private static readonly EmlEvent[] s_events =
    [
        new EmlEvent.Trained("m", 100, 1.0, 0.01, true, 50),
        new EmlEvent.Trained("", 0, double.MaxValue, double.NaN, false, ulong.MaxValue),
        new EmlEvent.Prediction("q\"\n\u0001é/", "ab12", [0.5, -0.0, 1e-7, 1e16, double.Epsilon]),
        new EmlEvent.Prediction("m", "", []),
        new EmlEvent.Drift("coherence", -0.0, 1.1, 10),
        new EmlEvent.Saved("m", "dir/m.json", 50),
        new EmlEvent.Loaded("m", "dir\\😀.pb", true, 7),
        new EmlEvent.Reset("m\"q", "manual"),
    ];

    [Fact]
    public void Events_print_as_eml_core_prints_them()
    {
        Assert.Equal("{\"Trained\":{\"model_name\":\"m\",\"samples_used\":100,\"mse_before\":1.0,\"mse_after\":0.01,\"converged\":true,\"param_count\":50}}",
            EventText.ToJson(s_events[0]));
        Assert.Equal("[{\"Prediction\":{\"model_name\":\"q\\\"\\n\\u0001é/\",\"inputs_hash\":\"ab12\",\"output\":[0.5,-0.0,1e-7,1e+16,5e-324]}}," +
            "{\"Reset\":{\"model_name\":\"m\\\"q\",\"reason\":\"manual\"}}]", EventText.ToJson([s_events[2], s_events[7]]));
        Assert.Equal("[]", EventText.ToJson([]));
    }

    [Fact]
    public void Recorded_events_are_read_and_printed_again_without_change()
    {
        foreach (JsonElement c in Golden.EmlCore("events.json").Array("cases"))
        {
            EmlEvent e = EventText.Parse(c.At("json").GetString()!);
            Assert.Equal((c.At("event_type").GetString(), c.At("model_name").GetString()), (e.EventType, e.ModelName));
            Assert.Equal(c.At("json").GetString(), EventText.ToJson(e));
        }

        foreach (JsonElement step in Golden.EmlCore("model_training.json").Array("cases").SelectMany(c => c.Array("steps")))
        {
            List<EmlEvent> events = EventText.ParseList(step.At("events_json").GetString()!);
            Assert.Equal(step.Array("event_types").Select(type => type.GetString()), events.Select(e => e.EventType));
            Assert.Equal(step.At("events_json").GetString(), EventText.ToJson(events));
        }
    }

    [Fact]
    public void Events_survive_JSON_and_protobuf_bit_for_bit()
    {
        string json = EventText.ToJson(s_events);
        Assert.Equal(json, EventText.ToJson(EventText.ParseList(json)));

        byte[] bytes = EventText.ToProtobuf(s_events);
        List<EmlEvent> back = EventText.ParseProtobuf(bytes);
        Assert.Equal(json, EventText.ToJson(back));
        var drift = (EmlEvent.Drift)back[4];
        Assert.True(double.IsNegative(drift.Predicted));
        // Two logs are one log.
        Assert.Equal(2 * s_events.Length, EventText.ParseProtobuf([.. bytes, .. bytes]).Count);
        Assert.Empty(EventText.ParseProtobuf([]));
    }

    [Theory]
    [InlineData("{}", FormatError.MissingField)]
    [InlineData("null", FormatError.Json)]
    [InlineData("[]", FormatError.Json)]
    [InlineData("{\"Reset\":null}", FormatError.Json)]
    [InlineData("{\"Other\":{\"model_name\":\"m\"}}", FormatError.Kind)]
    [InlineData("{\"Reset\":{\"model_name\":\"m\"}}", FormatError.MissingField)]
    [InlineData("{\"Reset\":{\"reason\":\"r\"}}", FormatError.MissingField)]
    [InlineData("{\"Reset\":{\"model_name\":\"m\",\"reason\":1}}", FormatError.Value)]
    [InlineData("{\"Reset\":{\"model_name\":\"m\",\"reason\":\"r\"},\"More\":1}", FormatError.UnknownField)]
    [InlineData("{\"Saved\":{\"model_name\":\"m\",\"path\":\"p\",\"param_count\":-1}}", FormatError.BadNumber)]
    [InlineData("{\"Drift\":{\"model_name\":\"m\",\"predicted\":\"1\",\"actual\":1,\"drift_pct\":1}}", FormatError.BadNumber)]
    [InlineData("{\"Prediction\":{\"model_name\":\"m\",\"inputs_hash\":\"\",\"output\":1}}", FormatError.Value)]
    public void What_is_no_event_is_refused(string text, FormatError error) => Refused.As(error, () => EventText.Parse(text));

    [Fact]
    public void Unknown_fields_of_an_event_are_ignored_as_eml_core_does() =>
        Assert.Equal(s_events[7], EventText.Parse(" {\"Reset\":{\"x\":[{}],\"reason\":\"manual\",\"model_name\":\"m\\\"q\"}} "));

    [Fact]
    public void A_protobuf_log_that_is_damaged_is_refused()
    {
        byte[] bytes = EventText.ToProtobuf(s_events);
        Refused.As(FormatError.Protobuf, () => EventText.ParseProtobuf(bytes.AsSpan(0, bytes.Length - 1)));
        Refused.As(FormatError.Protobuf, () => EventText.ParseProtobuf(Encoding.UTF8.GetBytes("[]")));
        Refused.As(FormatError.Kind, () => EventText.ParseProtobuf([0x0A, 0]));
        Refused.As(ErrorCode.Argument, () => EventText.ToProtobuf([new EmlEvent.Reset("m", "\ud800")]));
        Refused.As(ErrorCode.Argument, () => EventText.ToJson([new EmlEvent.Reset("\udc00m", "")]));
    }
}
