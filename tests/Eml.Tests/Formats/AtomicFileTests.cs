using System.Diagnostics;
using System.Runtime.Versioning;
using Eml.Formats;
using Eml.Numerics;

namespace Eml.Tests.Formats;

[UnsupportedOSPlatform("windows")]
public sealed class AtomicFileTests : IDisposable
{
    private const int NoSuchFile = 2, IsFolder = 21, TooManyLinks = 40, FileTooLarge = 27;

    private readonly string _folder = Directory.CreateTempSubdirectory("eml-atomic-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_is_made_and_replaced_and_nothing_else_stays()
    {
        string path = In("new");
        AtomicFile.Write(path, [1, 2, 3]);
        Assert.Equal([1, 2, 3], AtomicFile.Read(path, 3));
        AtomicFile.Write(path, []);
        Assert.Empty(AtomicFile.Read(path, 0));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute)]
    public void Permissions_of_an_existing_file_stay(UnixFileMode mode)
    {
        string path = In("file");
        File.WriteAllBytes(path, [1]);
        File.SetUnixFileMode(path, mode);
        AtomicFile.Write(path, [2]);
        Assert.Equal(mode, File.GetUnixFileMode(path));
        Assert.Equal([2], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_new_file_has_the_permissions_that_any_program_would_give_it()
    {
        File.WriteAllBytes(In("plain"), [1]);
        AtomicFile.Write(In("atomic"), [1]);
        Assert.Equal(File.GetUnixFileMode(In("plain")), File.GetUnixFileMode(In("atomic")));
    }

    [Fact]
    public void A_link_stays_and_its_target_is_replaced()
    {
        Directory.CreateDirectory(In("there"));
        File.WriteAllBytes(In("there/file"), [1]);
        File.CreateSymbolicLink(In("link"), "there/file");
        File.CreateSymbolicLink(In("link2"), "link");
        AtomicFile.Write(In("link2"), [2, 3]);
        Assert.Equal("link", new FileInfo(In("link2")).LinkTarget);
        Assert.Equal([2, 3], File.ReadAllBytes(In("there/file")));
        Assert.Single(Directory.GetFileSystemEntries(In("there")));

        File.CreateSymbolicLink(In("dangling"), "there/new");
        AtomicFile.Write(In("dangling"), [4]);
        Assert.Equal([4], File.ReadAllBytes(In("there/new")));
        Assert.NotNull(new FileInfo(In("dangling")).LinkTarget);
    }

    [Fact]
    public void What_the_system_refuses_is_told_with_its_reason()
    {
        File.CreateSymbolicLink(In("loop"), "loop");
        AssertIo(NoSuchFile, In("no/file"), () => AtomicFile.Write(In("no/file"), [1]));
        AssertIo(NoSuchFile, In("none"), () => AtomicFile.Read(In("none"), 10));
        AssertIo(NoSuchFile, In("no/file"), () => AtomicFile.Read(In("no/file"), 10));
        AssertIo(IsFolder, _folder, () => AtomicFile.Write(_folder, [1]));
        AssertIo(IsFolder, _folder, () => AtomicFile.Read(_folder, 10));
        AssertIo(TooManyLinks, In("loop"), () => AtomicFile.Write(In("loop"), [1]));
        AssertIo(TooManyLinks, In("loop"), () => AtomicFile.Read(In("loop"), 10));
        Refused.As(ErrorCode.Io, () => AtomicFile.Write("/dev/null", [1]));
        Refused.As(ErrorCode.Argument, () => AtomicFile.Write("", [1]));
        Refused.As(ErrorCode.Argument, () => AtomicFile.Read("a\0b", 1));
        Assert.Equal([In("loop")], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_larger_file_than_allowed_is_refused()
    {
        AtomicFile.Write(In("file"), new byte[100]);
        Assert.Equal(100, AtomicFile.Read(In("file"), 100).Length);
        Assert.Equal(100, AtomicFile.Read(In("file"), long.MaxValue).Length);
        Refused.As(ErrorCode.Limit, () => AtomicFile.Read(In("file"), 99));
        Refused.As(ErrorCode.Limit, () => AtomicFile.Read("/dev/zero", 100_000));
        Assert.Empty(AtomicFile.Read("/dev/null", 0));
    }

    [Fact]
    public void A_file_without_a_length_is_read_to_its_end()
    {
        // Files of the proc file system say that they have 0 bytes.
        Assert.NotEmpty(AtomicFile.Read("/proc/self/maps", 10_000_000));
        Refused.As(ErrorCode.Limit, () => AtomicFile.Read("/proc/self/maps", 5000));
    }

    [Fact]
    public void A_failure_half_way_leaves_the_old_file_and_nothing_else()
    {
        File.WriteAllBytes(In("file"), [7]);
        // Files may be 64 kB long at most; the signal is ignored, so that writing fails with an error.
        using Process child = Start("/bin/sh", AtomicWriter.OnceVariable, In("file"),
            "-c", $"trap '' XFSZ; ulimit -f 128; exec '{Environment.ProcessPath}' exec '{typeof(AtomicFileTests).Assembly.Location}'");
        Assert.Equal($"{ErrorCode.Io} {FileTooLarge}", child.StandardOutput.ReadLine());
        Assert.True(child.WaitForExit(30_000));
        Assert.Equal([7], File.ReadAllBytes(In("file")));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_kill_at_any_instant_leaves_the_old_file_or_the_new_one()
    {
        string path = In("file");
        var random = new Random(3);
        for (int i = 0; i < 50; i++)
        {
            AtomicFile.Write(path, AtomicWriter.Contents(6));
            using Process child = Start(Environment.ProcessPath!, AtomicWriter.ForeverVariable, path,
                "exec", typeof(AtomicFileTests).Assembly.Location);
            Assert.Equal("ready", child.StandardOutput.ReadLine());
            Thread.Sleep(TimeSpan.FromMilliseconds(10 * random.NextDouble()));
            child.Kill();
            Assert.True(child.WaitForExit(30_000));

            byte[] left = File.ReadAllBytes(path);
            Assert.Equal(AtomicWriter.Contents(left[0] - 'a'), left);
            // At most the one temporary file that was being written; a real user's next run does not need it gone.
            string[] others = [.. Directory.GetFileSystemEntries(_folder).Where(entry => entry != path)];
            Assert.InRange(others.Length, 0, 1);
            Assert.All(others, File.Delete);
        }
    }

    private string In(string name) => Path.Combine(_folder, name);

    private static void AssertIo(int code, string path, Action work)
    {
        EmlException e = Refused.As(ErrorCode.Io, work);
        Assert.Equal(code, e.SubCode);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    private static Process Start(string program, string variable, string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        start.Environment[variable] = path;
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        return Process.Start(start)!;
    }
}
