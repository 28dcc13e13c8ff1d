using System.Runtime.InteropServices;

namespace Eml.Cli;

/// <summary>
/// The command is compiled for every x86-64, for x86-64-v3, where exp and ln take a tenth of the time, and for x86-64-v4. The
/// first becomes the best that the processor can run and that is installed: ../lib/eml/x86-64-v4/eml, seen from its own folder.
/// All give the same bits.
/// </summary>
internal static partial class Twin
{
    private const string Portable = "x86-64";

    /// <summary>What Linux calls the instructions of the levels of the x86-64 psABI, as far as they are not below.</summary>
    private static readonly string[] s_v3 = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
        s_v4 = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", .. s_v3];

    /// <summary>Returns if this process stays what it is.</summary>
    public static void Become()
    {
        if (!string.Equals(BuildInfo.Isa, Portable, StringComparison.Ordinal) || !OperatingSystem.IsLinux())
            return;

        try
        {
            string folder = Path.GetDirectoryName(Environment.ProcessPath) ?? "/";
            string[] processor = Processor();
            foreach ((string level, string[] needs) in ((string, string[])[])[("x86-64-v4", s_v4), ("x86-64-v3", s_v3)])
            {
                string twin = Path.Combine(folder, "..", "lib", "eml", level, "eml");
                if (File.Exists(twin) && needs.All(processor.Contains))
                {
                    Execute(twin, File.ReadAllBytes("/proc/self/cmdline"));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No /proc to look at: this process can do it all, only slower.
        }
    }

    /// <summary>What Linux says of the first processor; a vector set that the system does not save is not on its list.</summary>
    private static string[] Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal))?.Split(' ') ?? [];

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
