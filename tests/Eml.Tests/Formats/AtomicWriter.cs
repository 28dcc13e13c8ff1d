using System.Runtime.CompilerServices;
using Eml.Formats;
using Eml.Numerics;

namespace Eml.Tests.Formats;

/// <summary>
/// What a child process of <see cref="AtomicFileTests"/> does: the test assembly started as a program, with the task in its
/// environment. Writing to standard output tells the parent that the file has been replaced.
/// </summary>
internal static class AtomicWriter
{
    /// <summary>The file to replace again and again until somebody kills the process.</summary>
    public const string ForeverVariable = "EML_TEST_WRITE_FOREVER";

    /// <summary>The file to replace once; the outcome's code and sub-code are printed.</summary>
    public const string OnceVariable = "EML_TEST_WRITE_ONCE";

    public const int Length = 300_000;

    /// <summary>Contents number n: all bytes are the same, so that a mixture of two is seen.</summary>
    public static byte[] Contents(int n)
    {
        byte[] bytes = new byte[Length + n % 7];
        bytes.AsSpan().Fill((byte)('a' + n % 7));
        return bytes;
    }

    // A module initialiser runs before the empty entry point that the test SDK generates.
#pragma warning disable CA2255 // it is meant for programs, and this is one here
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(ForeverVariable) is { } path)
        {
            for (int n = 0; ; n++)
            {
                AtomicFile.Write(path, Contents(n));
                if (n == 0)
                    Console.WriteLine("ready");
            }
        }

        if (Environment.GetEnvironmentVariable(OnceVariable) is { } once)
        {
            try
            {
                AtomicFile.Write(once, Contents(1));
                Console.WriteLine("written");
            }
            catch (EmlException e)
            {
                Console.WriteLine($"{e.Code} {e.SubCode}");
            }

            Environment.Exit(0);
        }
    }
}
