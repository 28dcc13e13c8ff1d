namespace Eml.Formats.Audit;

/// <summary>
/// A log's file. Every record is handed to the system at once and in one piece, so that a process that is killed leaves
/// whole records; only the last may be cut.
/// </summary>
public sealed class AuditFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;

    /// <summary>Opens the file and empties it.</summary>
    public AuditFile(string path)
    {
        _path = path;
        _file = AtomicFile.Guard(path, "write", () =>
            new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0));
    }

    /// <summary>Appends; an <see cref="AuditSink"/>.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _file.Write(bytes);
        }
        catch (IOException e)
        {
            throw AtomicFile.Failure(_path, "write", e);
        }
    }

    /// <summary>Waits until the disk has it.</summary>
    public void Flush()
    {
        try
        {
            _file.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            throw AtomicFile.Failure(_path, "write", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
