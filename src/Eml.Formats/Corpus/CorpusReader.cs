using System.IO.Compression;
using System.Text.Unicode;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>What a file turned out to hold.</summary>
internal sealed record CorpusFacts(CorpusSource Source, long Bytes, string Hash, long Documents);

/// <summary>Reads the documents of files one after the other; a document is all that is in memory.</summary>
/// <param name="bad">Is told of lines that cannot be used.</param>
/// <param name="onBytes">Is told how many bytes of a file have been read, again and again.</param>
/// <param name="cancel">Ends the reading.</param>
internal sealed class CorpusReader(BadLines bad, Action<long>? onBytes, Cancel? cancel)
{
    /// <summary>Bytes of a line of JSON.</summary>
    public const int MaxLine = 1 << 26;

    /// <summary>A text's lines are read in pieces of so many bytes, however long they are.</summary>
    private const int TextPiece = 1 << 20;

    /// <summary>What a line is called in refusals; here it is known.</summary>
    private const string Line = "line";

    /// <summary>Reads a file; null if it was cancelled.</summary>
    public CorpusFacts? Read(CorpusSource source, DocumentListener listener)
    {
        long documents = 0;
        void Count(ReadOnlySpan<byte> document)
        {
            documents++;
            listener(document);
        }

        return AtomicFile.Guard(source.Path, "read", () =>
        {
            using FileStream file = new(source.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            using var hashed = new HashedStream(file, onBytes);
            bool done = source.Format switch
            {
                CorpusFormat.Text => ReadText(source, hashed, Count),
                CorpusFormat.JsonLines => ReadLines(source, hashed, Count),
                _ => ReadGzip(source, hashed, Count),
            };
            return done ? new CorpusFacts(source, hashed.Position, hashed.Finish(), documents) : null;
        });
    }

    private bool ReadText(CorpusSource source, Stream stream, DocumentListener listener)
    {
        var cutter = new TextCutter(listener);
        var lines = new LineReader(stream, TextPiece);
        long badLine = 0;
        while (lines.Next(out ReadOnlySpan<byte> line))
        {
            if (cancel is { IsSet: true })
            {
                return false;
            }
            if (Utf8.IsValid(line))
            {
                cutter.Add(line);
            }
            else if (badLine != lines.Line)
            {
                badLine = lines.Line; // once, though it may come in many pieces
                bad.Add(source, badLine, "not valid UTF-8");
            }
        }
        cutter.Finish();
        return true;
    }

    private bool ReadLines(CorpusSource source, Stream stream, DocumentListener listener)
    {
        var lines = new LineReader(stream, MaxLine);
        bool tooLong = false;
        while (lines.Next(out ReadOnlySpan<byte> line))
        {
            if (cancel is { IsSet: true })
            {
                return false;
            }
            if (lines.IsCut || tooLong)
            {
                if (!tooLong)
                {
                    bad.Add(source, lines.Line, $"longer than {MaxLine} bytes");
                }
                tooLong = lines.IsCut;
                continue;
            }
            if (line.IndexOfAnyExcept(" \t\r\n"u8) < 0)
            {
                continue;
            }
            if (Document(line, out ReadOnlySpan<byte> text) is { } reason)
            {
                bad.Add(source, lines.Line, reason);
            }
            else if (!text.IsEmpty)
            {
                listener(text);
            }
        }
        return true;
    }

    private bool ReadGzip(CorpusSource source, HashedStream stream, DocumentListener listener)
    {
        try
        {
            using var unzipped = new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
            if (!ReadLines(source, unzipped, listener))
            {
                return false;
            }
        }
        catch (InvalidDataException)
        {
            throw new EmlException(FormatError.Value, (ulong)stream.Position,
                $"{source.Path}: up to byte {stream.Position} it is no gzip stream, or a damaged one; compress the file anew");
        }
        stream.CopyTo(Stream.Null); // what stands behind belongs to the hash
        return true;
    }

    /// <summary>The field "text" of a JSON object, or what is wrong with the line.</summary>
    private static string? Document(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> text)
    {
        text = default;
        try
        {
            JsonValue value = StrictJson.Parse(line, Line);
            if (!value.IsObject)
            {
                return $"{value.Kind}, not an object with a field \"text\"";
            }
            for (JsonItems items = value.Items(); items.Next();)
            {
                if (items.Key == "text")
                {
                    if (!items.Value.IsString)
                    {
                        return $"the field \"text\" is {items.Value.Kind}, not a string";
                    }
                    text = items.Value.Utf8("text");
                    return null;
                }
            }
            return "no field \"text\"";
        }
        catch (EmlException e) when (e.Code == ErrorCode.Format)
        {
            return e.Message.StartsWith(Line + ": ", StringComparison.Ordinal) ? e.Message[(Line.Length + 2)..] : e.Message;
        }
    }

    /// <summary>A stream that is hashed as it is read.</summary>
    private sealed class HashedStream(Stream stream, Action<long>? onBytes) : Stream
    {
        private readonly Sha256 _hash = new();
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public string Finish() => Convert.ToHexStringLower(_hash.Finish());

        public override int Read(Span<byte> buffer)
        {
            int read = stream.Read(buffer);
            _hash.Add(buffer[..read]);
            _position += read;
            onBytes?.Invoke(_position);
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
