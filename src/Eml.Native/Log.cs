using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Native;

/// <summary>The calling thread's log sink; off at first.</summary>
internal static unsafe class Log
{
    public const int Error = 1;
    public const int Info = 2;

    [ThreadStatic]
    private static delegate* unmanaged[Cdecl]<int, byte*, void*, int> t_sink;

    [ThreadStatic]
    private static void* t_user;

    [ThreadStatic]
    private static bool t_isWriting;

    /// <summary>Tells the sink. What the sink itself does with the library is not logged: it would never end.</summary>
    public static void Write(int level, string text)
    {
        if (t_sink is null || t_isWriting)
        {
            return;
        }

        t_isWriting = true;
        fixed (byte* bytes = Failure.Pin(text))
        {
            _ = t_sink(level, bytes, t_user);
        }

        t_isWriting = false;
    }

    [UnmanagedCallersOnly(EntryPoint = "eml_log_set", CallConvs = [typeof(CallConvCdecl)])]
    public static int Set(delegate* unmanaged[Cdecl]<int, byte*, void*, int> sink, void* user)
    {
        t_sink = sink;
        t_user = user;
        return Failure.Ok;
    }
}
