using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>A model's event log.</summary>
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
    public static int Push(nint model, EventStruct* item) => Failure.Guard(() =>
    {
        using var use = new Use<ModelBox>(model, Kind.Model);
        Arguments.NotNull(item, "event");
        use.Target.Push(FromStruct(Versioned.Read(item, default, "eml_event")));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_next_event", CallConvs = [typeof(CallConvCdecl)])]
    public static int Next(nint model, EventStruct* result) => Failure.Guard(() =>
    {
        using var use = new Use<ModelBox>(model, Kind.Model);
        Arguments.NotNull(result, "out");
        EmlEventLog events = use.Target.Model.Events;
        if (events.Count == 0)
        {
            return Failure.Done;
        }

        Versioned.Write(result, use.Target.ToStruct(events[0]), "out");
        events.Take();
        return Failure.Ok;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_model_drain_events", CallConvs = [typeof(CallConvCdecl)])]
    public static int Drain(nint model, int format, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using var use = new Use<ModelBox>(model, Kind.Model);
        EmlEventLog events = use.Target.Model.Events;
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

    [UnmanagedCallersOnly(EntryPoint = "eml_model_set_event_sink", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetSink(nint model, delegate* unmanaged[Cdecl]<EventStruct*, void*, int> sink, void* user) => Failure.Guard(() =>
    {
        using var use = new Use<ModelBox>(model, Kind.Model);
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
