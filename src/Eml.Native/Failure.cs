using System.Runtime.InteropServices;
using System.Text;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>The calling thread's last failure, and the one place where exceptions become status values.</summary>
internal static unsafe class Failure
{
    public const int Ok = 0;
    public const int Done = 1;
    public const int OutOfFuel = 2;
    public const int Cancelled = 3;
    public const int Trapped = 4;
    public const int Exited = 5;

    private static readonly byte[] s_none = Pin("no failure on this thread yet");

    [ThreadStatic]
    private static State? t_last;

    /// <summary>Runs a call's body; nothing it throws leaves the library.</summary>
    public static int Guard(Func<int> body)
    {
        try
        {
            return body();
        }
        catch (Exception e)
        {
            return Of(e);
        }
    }

    /// <summary>The same for a body whose only good end is EML_OK.</summary>
    public static int Guard(Action body)
    {
        try
        {
            body();
            return Ok;
        }
        catch (Exception e)
        {
            return Of(e);
        }
    }

    /// <summary>Records an exception and gives its status.</summary>
    public static int Of(Exception exception)
    {
        try
        {
            return exception switch
            {
                EmlException e => Set((int)e.Code, e.SubCode, e.ByteOffset, e.Message),
                OutOfMemoryException => Set((int)ErrorCode.Memory, 0, EmlException.NoOffset, "not enough memory; use a smaller model or fewer rows"),
                OverflowException => Set((int)ErrorCode.Limit, 0, EmlException.NoOffset, "a size is over 2^31 - 1 elements; use a smaller one"),
                _ => Set((int)ErrorCode.Internal, 0, EmlException.NoOffset,
                    $"defect in libeml ({exception.GetType().Name}: {exception.Message}); please report it"),
            };
        }
        catch (OutOfMemoryException)
        {
            return (int)ErrorCode.Memory;
        }
    }

    /// <summary>Records what stopped a work, so that a callback's value can be asked for.</summary>
    public static int Stopped(int callbackValue) => Set(Cancelled, callbackValue, EmlException.NoOffset,
        callbackValue == 0 ? "stopped by the cancel token" : $"stopped by the callback's value {callbackValue}");

    /// <summary>Records why a WebAssembly function trapped.</summary>
    public static int Trap(string why) => Set(Trapped, 0, EmlException.NoOffset, $"wasm: trap: {why}");

    public static int Set(int code, int subCode, ulong byteOffset, string message)
    {
        // After the sink, so that a failure inside it does not hide this one.
        Log.Write(code < 0 ? Log.Error : Log.Info, message);
        t_last = new State(code, subCode, byteOffset, Pin(message));
        return code;
    }

    public static ErrorStruct Last()
    {
        State? last = t_last;
        byte[] message = last?.Message ?? s_none;
        return new ErrorStruct
        {
            Code = last?.Code ?? 0,
            SubCode = last?.SubCode ?? 0,
            ByteOffset = last?.ByteOffset ?? EmlException.NoOffset,
            Message = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(message, 0),
            MessageLen = (ulong)message.Length - 1,
        };
    }

    /// <summary>NUL-terminated UTF-8 that the collector does not move.</summary>
    public static byte[] Pin(string text)
    {
        byte[] bytes = GC.AllocateArray<byte>(Encoding.UTF8.GetByteCount(text) + 1, pinned: true);
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    private sealed record State(int Code, int SubCode, ulong ByteOffset, byte[] Message);
}
