using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// While it lives, Ctrl-C (SIGINT) and SIGTERM ask the work to stop instead of ending the process; a second one ends it.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private readonly PosixSignalRegistration _int;
    private readonly PosixSignalRegistration _term;

    /// <summary>Starts listening.</summary>
    public Interrupt()
    {
        _int = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        _term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    }

    /// <summary>For the work: set by the first signal.</summary>
    public Cancel Cancel { get; } = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        _int.Dispose();
        _term.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = !Cancel.IsSet;
        Cancel.Set();
    }
}
