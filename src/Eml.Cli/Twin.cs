using System.Runtime.InteropServices;

namespace Eml.Cli;

/// <summary>
/// The command is compiled twice: for every x86-64, and for x86-64-v3, where exp and ln take a tenth of the time. The first
/// becomes the second, if the processor can run it and it is installed: ../lib/eml/x86-64-v3/eml, seen from its own folder.
/// Both give the same bits.
/// </summary>
internal static partial class Twin
{
    private const string Portable = "x86-64", Faster = "x86-64-v3";

    /// <summary>Returns if this process stays what it is.</summary>
    public static void Become()
    {
        if (!string.Equals(BuildInfo.Isa, Portable, StringComparison.Ordinal) || !OperatingSystem.IsLinux())
            return;

        try
        {
            string? folder = Path.GetDirectoryName(Environment.ProcessPath);
            string twin = Path.Combine(folder ?? "/", "..", "lib", "eml", Faster, "eml");
            if (File.Exists(twin) && HasProcessor())
                Execute(twin, File.ReadAllBytes("/proc/self/cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No /proc to look at: this process can do it all, only slower.
        }
    }

    /// <summary>What Linux says of the first processor; a vector set that the system does not save is not on its list.</summary>
    private static bool HasProcessor()
    {
        string? flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal));
        string[] has = flags?.Split(' ') ?? [];
        return ((string[])["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]).All(has.Contains);
    }

    /// <summary>Replaces the process; the arguments as they came, byte for byte. Returns if the system refuses.</summary>
    public static unsafe void Execute(string path, byte[] arguments)
    {
        int count = arguments.Count(value => value == 0);
        fixed (byte* text = arguments)
        {
            byte** list = stackalloc byte*[count + 1];
            byte* next = text;
            for (int i = 0; i < count; i++)
            {
                list[i] = next;
                next += MemoryMarshal.CreateReadOnlySpanFromNullTerminated(next).Length + 1;
            }

            list[count] = null;
            _ = Execv(path, list);
        }
    }

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Execv(string path, byte** arguments);
}
