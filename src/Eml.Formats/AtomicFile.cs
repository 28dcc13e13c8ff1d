using System.Runtime.InteropServices;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// Files that are old or new but never in between. The bytes go to a temporary file in the same folder, which is flushed
/// to the disk and renamed to the target: a process that is killed at any instant leaves the old file or the new one (and
/// perhaps a temporary file, .eml-….tmp). .NET cannot flush a folder, so after a power cut the old file may come back.
/// </summary>
public static class AtomicFile
{
    private const int NoSuchFile = 2, IsFolder = 21, FileTooLarge = 27, TooManyLinks = 40;

    /// <summary>
    /// Makes <paramref name="bytes"/> the whole contents of the file. A symbolic link stays and what it points to is
    /// replaced; permissions of an existing file stay, its hard links do not follow.
    /// </summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes) => Write(path, bytes, static (bytes, file) => file.Write(bytes));

    /// <summary>The same for contents that <paramref name="write"/> writes piece by piece.</summary>
    public static void Write(string path, Action<Stream> write) => Write(path, write, static (write, file) =>
    {
        var buffered = new BufferedStream(file, 1 << 16);
        write(buffered);
        buffered.Flush();
    });

    private static void Write<TContents>(string path, TContents contents, Action<TContents, FileStream> write) where TContents : allows ref struct
    {
        string target = Guard(path, "write", () => Target(path));
        string temporary = Path.Join(Path.GetDirectoryName(target), $".eml-{Guid.NewGuid():N}.tmp");
        try
        {
            WriteTemporary(temporary, target, contents, write);
            File.Move(temporary, target, overwrite: true);
        }
        catch (Exception e)
        {
            Remove(temporary);
            if (e is EmlException)
                throw;
            throw Failure(path, "write", e);
        }
    }

    /// <summary>All bytes of a file; one that holds more than <paramref name="limit"/> is refused, however it grows.</summary>
    public static byte[] Read(string path, long limit)
    {
        limit = Math.Min(limit, Array.MaxLength);
        return Guard(path, "read", () =>
        {
            if (Directory.Exists(path))
                throw Refusal(path, "read", IsFolder);

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return ReadAll(file, path, limit);
        });
    }

    private static byte[] ReadAll(FileStream file, string path, long limit)
    {
        // The length is a first guess: pipes have none, and files may grow.
        long length = file.CanSeek ? file.Length : 0;
        if (length > limit)
            throw TooLarge(path, $"has {length} bytes", limit);

        byte[] bytes = new byte[Math.Max(length, Math.Min(limit, 4096))];
        int count = 0;
        while (true)
        {
            if (count == bytes.Length)
            {
                // Most files end where their length says: room for more is made only if there is more.
                int next = file.ReadByte();
                if (next < 0)
                    return bytes;
                if (count >= limit)
                    throw TooLarge(path, $"has more than {limit} bytes", limit);
                Array.Resize(ref bytes, (int)Math.Min(Math.Max(2L * count, 4096), limit));
                bytes[count++] = (byte)next;
                continue;
            }

            int read = file.Read(bytes, count, bytes.Length - count);
            if (read == 0)
            {
                Array.Resize(ref bytes, count);
                return bytes;
            }

            count += read;
        }
    }

    /// <summary>The full name of what is to be replaced: behind links, and something that a rename may replace.</summary>
    private static string Target(string path)
    {
        string target = Path.GetFullPath(path);
        if (new FileInfo(path).LinkTarget is not null)
        {
            try
            {
                target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? target;
            }
            catch (IOException e) when (SystemCode(e) == 0)
            {
                throw Refusal(path, "write", TooManyLinks); // .NET counts the links itself and has no errno then
            }
        }

        if (Directory.Exists(target) || Path.EndsInDirectorySeparator(target))
            throw Refusal(path, "write", IsFolder);
        // A rename would put a plain file in the place of /dev/null.
        if (target.StartsWith("/dev/", StringComparison.Ordinal) && !target.StartsWith("/dev/shm/", StringComparison.Ordinal))
            throw new EmlException(ErrorCode.Io, $"cannot write {path}: a device is not replaced by a file; give the name of a file");
        return target;
    }

    private static void WriteTemporary<TContents>(string temporary, string target, TContents contents, Action<TContents, FileStream> write)
        where TContents : allows ref struct
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        UnixFileMode? mode = null;
        if (!OperatingSystem.IsWindows() && File.Exists(target))
        {
            // From the beginning, so that nobody can read what they could not read before.
            mode = File.GetUnixFileMode(target);
            options.UnixCreateMode = mode;
        }

        using FileStream file = new(temporary, options);
        if (!OperatingSystem.IsWindows() && mode is { } exact)
            File.SetUnixFileMode(file.SafeFileHandle, exact); // the umask may have taken some away
        write(contents, file);
        file.Flush(flushToDisk: true);
    }

    private static void Remove(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that brought us here is the one to report.
        }
    }

    internal static T Guard<T>(string path, string verb, Func<T> work)
    {
        if (path.Length == 0 || path.Contains('\0'))
            throw new EmlException(ErrorCode.Argument, $"cannot {verb} a file whose name is empty or has a NUL in it; give its name");

        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Failure(path, verb, e);
        }
    }

    internal static EmlException Failure(string path, string verb, Exception e)
    {
        int code = SystemCode(e);
        return code > 0
            ? Refusal(path, verb, code)
            : new EmlException(ErrorCode.Io, $"cannot {verb} {path}: {e.GetType().Name}; check that the name is that of a file");
    }

    private static EmlException Refusal(string path, string verb, int code) =>
        new(ErrorCode.Io, $"cannot {verb} {path}: {Marshal.GetPInvokeErrorMessage(code)}", code);

    /// <summary>errno (on Windows the system's code) of a failed file operation; 0 if .NET does not tell.</summary>
    private static int SystemCode(Exception e)
    {
        const int FromSystemCode = unchecked((int)0x80070000);
        switch (e)
        {
            case UnauthorizedAccessException { InnerException: IOException inner }:
                return SystemCode(inner);
            case FileNotFoundException or DirectoryNotFoundException:
                return NoSuchFile;
            case ArgumentOutOfRangeException: // what .NET makes of EFBIG
                return FileTooLarge;
            case IOException when e.HResult > 0:
                return e.HResult;
            case IOException when (e.HResult & 0xFFFF0000) == unchecked((uint)FromSystemCode) && OperatingSystem.IsWindows():
                return e.HResult & 0xFFFF;
            default:
                return 0;
        }
    }

    private static EmlException TooLarge(string path, string found, long limit) =>
        new(ErrorCode.Limit, $"cannot read {path}: it {found}; the limit is {limit}");
}
