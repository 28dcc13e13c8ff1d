using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Eml.Native;

/// <summary>What must be ready before a second thread can be in the library.</summary>
internal static class Startup
{
    /// <summary>Runs once, on the thread of the first call, while the runtime holds back all others.</summary>
    /// <remarks>Lock reads its spin count from AppContext the first time that two threads meet at one. If they meet while a class is
    /// being initialised, AppContext's own initialisation comes to wait for that lock: the process aborted or hung about once in four
    /// hundred starts with several threads (of this kind: dotnet/runtime issues 94728 and 113949).</remarks>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The library is the whole program of its runtime.")]
    public static void Run()
    {
        _ = AppContext.TryGetSwitch("System.Threading.Lock.SpinCount", out _);
        _ = AppContext.GetData("System.Threading.Lock.SpinCount");
    }
}
