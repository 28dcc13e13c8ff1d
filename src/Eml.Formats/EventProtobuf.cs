using Eml.Functions;
using Eml.Numerics;
using Google.Protobuf;

namespace Eml.Formats;

/// <summary>Events as protobuf messages, proto/eml/v1/event.proto.</summary>
internal static class EventProtobuf
{
    public static byte[] Write(IReadOnlyList<EmlEvent> events)
    {
        var log = new Proto.EventLog();
        foreach (EmlEvent e in events)
            log.Events.Add(ToMessage(e));
        return log.ToByteArray();
    }

    public static List<EmlEvent> Read(ReadOnlySpan<byte> bytes)
    {
        Proto.EventLog log = ModelProtobuf.Parse(Proto.EventLog.Parser, bytes, "eml.v1.EventLog");
        var events = new List<EmlEvent>(log.Events.Count);
        foreach (Proto.Event message in log.Events)
            events.Add(FromMessage(message, events.Count));
        return events;
    }

    private static Proto.Event ToMessage(EmlEvent e)
    {
        var message = new Proto.Event { ModelName = Checked(e.ModelName) };
        switch (e)
        {
            case EmlEvent.Trained t:
                message.Trained = new Proto.Trained
                {
                    SamplesUsed = t.SamplesUsed,
                    MseBefore = t.MseBefore,
                    MseAfter = t.MseAfter,
                    Converged = t.Converged,
                    ParamCount = t.ParamCount,
                };
                break;
            case EmlEvent.Prediction p:
                message.Prediction = new Proto.Prediction { InputsHash = Checked(p.InputsHash) };
                message.Prediction.Output.AddRange(p.Output);
                break;
            case EmlEvent.Drift d:
                message.Drift = new Proto.Drift { Predicted = d.Predicted, Actual = d.Actual, DriftPct = d.DriftPct };
                break;
            case EmlEvent.Saved s:
                message.Saved = new Proto.Saved { Path = Checked(s.Path), ParamCount = s.ParamCount };
                break;
            case EmlEvent.Loaded l:
                message.Loaded = new Proto.Loaded { Path = Checked(l.Path), Trained = l.IsTrained, Samples = l.Samples };
                break;
            case EmlEvent.Reset r:
                message.Reset = new Proto.Reset { Reason = Checked(r.Reason) };
                break;
            default:
                throw new EmlException(ErrorCode.Unsupported, $"an event of the type {e.EventType} has no message");
        }

        return message;
    }

    private static EmlEvent FromMessage(Proto.Event message, int index)
    {
        string name = message.ModelName;
        return message.KindCase switch
        {
            Proto.Event.KindOneofCase.Trained => new EmlEvent.Trained(name, message.Trained.SamplesUsed, message.Trained.MseBefore,
                message.Trained.MseAfter, message.Trained.Converged, message.Trained.ParamCount),
            Proto.Event.KindOneofCase.Prediction => new EmlEvent.Prediction(name, message.Prediction.InputsHash,
                [.. message.Prediction.Output]),
            Proto.Event.KindOneofCase.Drift => new EmlEvent.Drift(name, message.Drift.Predicted, message.Drift.Actual,
                message.Drift.DriftPct),
            Proto.Event.KindOneofCase.Saved => new EmlEvent.Saved(name, message.Saved.Path, message.Saved.ParamCount),
            Proto.Event.KindOneofCase.Loaded => new EmlEvent.Loaded(name, message.Loaded.Path, message.Loaded.Trained,
                message.Loaded.Samples),
            Proto.Event.KindOneofCase.Reset => new EmlEvent.Reset(name, message.Reset.Reason),
            _ => throw new EmlException(FormatError.Kind, EmlException.NoOffset,
                $"protobuf event log: event {index} has no type that this library knows; use a newer libeml"),
        };
    }

    private static string Checked(string text)
    {
        UnicodeText.Check(text);
        return text;
    }
}
