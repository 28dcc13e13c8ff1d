using System.Runtime.InteropServices;

namespace Eml.Cli;

/// <summary>
/// A caller may close standard input, output or error (`eml … &lt;&amp;-`). Then the first files that the runtime opens for itself take their
/// numbers, and a program would read those, or write into them.
/// </summary>
internal static partial class StandardStreams
{
    private const int GetDescriptorFlags = 1, CloseOnExecute = 1, ReadOnly = 0;

    /// <summary>Starts the process anew with /dev/null in the place of what is closed, open for reading only: input is at its end, output
    /// is refused. Returns if nothing is closed, or if the system refuses.</summary>
    public static void Restore()
    {
        // What a caller hands on outlives execve, or it would not be here; the runtime's own files do not.
        int[] closed = OperatingSystem.IsLinux() ? [.. Enumerable.Range(0, 3).Where(number => Control(number, GetDescriptorFlags) is < 0 or CloseOnExecute)] : [];
        if (closed.Length == 0)
        {
            return;
        }

        try
        {
            byte[] arguments = File.ReadAllBytes("/proc/self/cmdline");
            int nothing = Open("/dev/null", ReadOnly);
            if (nothing >= 0 && closed.All(number => (nothing == number ? number : Duplicate(nothing, number)) == number))
            {
                Twin.Execute("/proc/self/exe", arguments);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No /proc to look at.
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int number, int command);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);
}
