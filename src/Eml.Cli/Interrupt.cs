using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// While it lives, Ctrl-C (SIGINT) and SIGTERM ask the work to stop instead of ending the process; a second one ends it, and so does
/// the first while the work waits for input and could not see it.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private readonly PosixSignalRegistration _int;
    private readonly PosixSignalRegistration _term;
    private readonly Func<bool>? _isWaiting;

    /// <summary>Starts listening.</summary>
    public Interrupt(Func<bool>? isWaiting = null)
    {
        _isWaiting = isWaiting;
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
        context.Cancel = !Cancel.IsSet && _isWaiting?.Invoke() != true;
        Cancel.Set();
    }
}
