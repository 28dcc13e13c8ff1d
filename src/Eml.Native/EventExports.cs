using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>The event logs of models and attention blocks.</summary>
internal static unsafe class EventExports
{
    private static readonly byte[][] s_typeNames =
    [
        Failure.Pin("eml.unknown"), Failure.Pin("eml.trained"), Failure.Pin("eml.prediction"), Failure.Pin("eml.drift"),
        Failure.Pin("eml.saved"), Failure.Pin("eml.loaded"), Failure.Pin("eml.reset"),
    ];

    [UnmanagedCallersOnly(EntryPoint = "eml_event_type_name", CallConvs = [typeof(CallConvCdecl)])]
    public static byte* TypeName(int type) =>
        LibraryExports.Address(s_typeNames[type is >= EventTypes.Trained and <= EventTypes.Reset ? type : 0]);

    [UnmanagedCallersOnly(EntryPoint = "eml_model_push_event", CallConvs = [typeof(CallConvCdecl)])]
    public static int PushToModel(nint model, EventStruct* item) => Push(model, Kind.Model, item);

    [UnmanagedCallersOnly(EntryPoint = "eml_model_next_event", CallConvs = [typeof(CallConvCdecl)])]
    public static int NextOfModel(nint model, EventStruct* result) => Next(model, Kind.Model, result);

    [UnmanagedCallersOnly(EntryPoint = "eml_model_drain_events", CallConvs = [typeof(CallConvCdecl)])]
    public static int DrainModel(nint model, int format, void* buf, ulong cap, ulong* need) =>
        Drain(model, Kind.Model, format, buf, cap, need);

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_event_sink", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetSinkOfModel(nint model, delegate* unmanaged[Cdecl]<EventStruct*, void*, int> sink, void* user) =>
        SetSink(model, Kind.Model, sink, user);

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_push_event", CallConvs = [typeof(CallConvCdecl)])]
    public static int PushToAttention(nint attention, EventStruct* item) => Push(attention, Kind.Attention, item);

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_next_event", CallConvs = [typeof(CallConvCdecl)])]
    public static int NextOfAttention(nint attention, EventStruct* result) => Next(attention, Kind.Attention, result);

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_drain_events", CallConvs = [typeof(CallConvCdecl)])]
    public static int DrainAttention(nint attention, int format, void* buf, ulong cap, ulong* need) =>
        Drain(attention, Kind.Attention, format, buf, cap, need);

    [UnmanagedCallersOnly(EntryPoint = "eml_attention_set_event_sink", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetSinkOfAttention(nint attention, delegate* unmanaged[Cdecl]<EventStruct*, void*, int> sink, void* user) =>
        SetSink(attention, Kind.Attention, sink, user);

    private static int Push(nint handle, Kind kind, EventStruct* item) => Failure.Guard(() =>
    {
        using var use = new Use<EventBox>(handle, kind);
        Arguments.NotNull(item, "event");
        use.Target.Push(FromStruct(Versioned.Read(item, default, "eml_event")));
    });

    private static int Next(nint handle, Kind kind, EventStruct* result) => Failure.Guard(() =>
    {
        using var use = new Use<EventBox>(handle, kind);
        Arguments.NotNull(result, "out");
        EmlEventLog events = use.Target.Events;
        if (events.Count == 0)
        {
            return Failure.Done;
        }

        Versioned.Write(result, use.Target.ToStruct(events[0]), "out");
        events.Take();
        return Failure.Ok;
    });

    private static int Drain(nint handle, Kind kind, int format, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using var use = new Use<EventBox>(handle, kind);
        EmlEventLog events = use.Target.Events;
        switch (Files.Format(format))
        {
            case FileFormat.Json or FileFormat.Auto:
                Arguments.OutText(EventText.ToJson(events), (byte*)buf, cap, need);
                break;
            case FileFormat.Protobuf:
                Arguments.Out(EventText.ToProtobuf(events), buf, cap, need);
                break;
            default:
                throw new EmlException(ErrorCode.Unsupported, $"events in format {format}; use EML_FORMAT_JSON or EML_FORMAT_PROTOBUF");
        }

        events.Clear();
    });

    private static int SetSink(nint handle, Kind kind, delegate* unmanaged[Cdecl]<EventStruct*, void*, int> sink, void* user) =>
        Failure.Guard(() =>
        {
            using var use = new Use<EventBox>(handle, kind);
            use.Target.SetSink(sink, user);
        });

    private static EmlEvent FromStruct(EventStruct item)
    {
        string name = Arguments.Text(item.ModelName, item.ModelNameLen, "event.model_name");
        string text = Arguments.Text(item.Text, item.TextLen, "event.text");
        return item.Type switch
        {
            EventTypes.Trained => new EmlEvent.Trained(name, item.Count0, item.Value0, item.Value1, item.Flag != 0, item.Count1),
            EventTypes.Prediction => new EmlEvent.Prediction(name, text, Arguments.Array(item.Output, item.OutputLen, "event.output").ToArray()),
            EventTypes.Drift => new EmlEvent.Drift(name, item.Value0, item.Value1, item.Value2),
            EventTypes.Saved => new EmlEvent.Saved(name, text, item.Count1),
            EventTypes.Loaded => new EmlEvent.Loaded(name, text, item.Flag != 0, item.Count0),
            EventTypes.Reset => new EmlEvent.Reset(name, text),
            _ => throw new EmlException(ErrorCode.Argument, $"event.type {item.Type} is unknown; use EML_EVENT_TRAINED (1) to EML_EVENT_RESET (6)"),
        };
    }
}
