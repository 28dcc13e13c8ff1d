using System.Runtime.InteropServices;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>
/// An object with events behind a handle, with what the ABI adds: the event sink, and the memory behind the last event
/// handed out.
/// </summary>
internal abstract unsafe class EventBox(EmlEventLog events)
{
    private byte[] _name = [];
    private byte[] _text = [];
    private double[] _output = [];
    private delegate* unmanaged[Cdecl]<EventStruct*, void*, int> _sink;
    private void* _user;

    public EmlEventLog Events { get; } = events;

    public void SetSink(delegate* unmanaged[Cdecl]<EventStruct*, void*, int> sink, void* user)
    {
        _sink = sink;
        _user = user;
    }

    /// <summary>Appends an event and tells the sink.</summary>
    public void Push(EmlEvent item)
    {
        if (Events.Count >= EventLimit)
        {
            throw new EmlException(ErrorCode.Limit, $"{Events.Count} events are pending, the limit is {EventLimit}; drain them");
        }

        Events.Add(item);
        Tell(Events.Count - 1);
    }

    /// <summary>Tells the sink about the events from a place in the log on.</summary>
    public void Tell(int from)
    {
        for (int i = from; i < Events.Count && _sink is not null; i++)
        {
            EventStruct item = ToStruct(Events[i]);
            _ = _sink(&item, _user);
        }
    }

    /// <summary>The event as a C struct whose pointers live until the next call of this.</summary>
    public EventStruct ToStruct(EmlEvent item)
    {
        var result = new EventStruct { StructSize = (uint)sizeof(EventStruct) };
        string text = "";
        _output = [];
        switch (item)
        {
            case EmlEvent.Trained e:
                (result.Type, result.Count0, result.Count1) = (EventTypes.Trained, e.SamplesUsed, e.ParamCount);
                (result.Value0, result.Value1, result.Flag) = (e.MseBefore, e.MseAfter, e.Converged ? 1 : 0);
                break;
            case EmlEvent.Prediction e:
                (result.Type, text) = (EventTypes.Prediction, e.InputsHash);
                _output = GC.AllocateArray<double>(e.Output.Length, pinned: true);
                e.Output.CopyTo(_output, 0);
                break;
            case EmlEvent.Drift e:
                (result.Type, result.Value0, result.Value1, result.Value2) = (EventTypes.Drift, e.Predicted, e.Actual, e.DriftPct);
                break;
            case EmlEvent.Saved e:
                (result.Type, text, result.Count1) = (EventTypes.Saved, e.Path, e.ParamCount);
                break;
            case EmlEvent.Loaded e:
                (result.Type, text, result.Count0, result.Flag) = (EventTypes.Loaded, e.Path, e.Samples, e.IsTrained ? 1 : 0);
                break;
            case EmlEvent.Reset e:
                (result.Type, text) = (EventTypes.Reset, e.Reason);
                break;
        }

        _name = Failure.Pin(item.ModelName);
        _text = Failure.Pin(text);
        result.ModelName = LibraryExports.Address(_name);
        result.ModelNameLen = (ulong)_name.Length - 1;
        result.Text = LibraryExports.Address(_text);
        result.TextLen = (ulong)_text.Length - 1;
        result.Output = _output.Length == 0 ? null : (double*)Marshal.UnsafeAddrOfPinnedArrayElement(_output, 0);
        result.OutputLen = (ulong)_output.Length;
        return result;
    }

    private const int EventLimit = 1 << 20;
}

/// <summary>EML_EVENT_… of include/eml.h.</summary>
internal static class EventTypes
{
    public const int Trained = 1;
    public const int Prediction = 2;
    public const int Drift = 3;
    public const int Saved = 4;
    public const int Loaded = 5;
    public const int Reset = 6;
}
