using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>Reads a stream that only goes forward. Room is made as bytes arrive, not as a header announces them.</summary>
internal sealed class ForwardStream(Stream stream, Func<long, string, EmlException> cutOff)
{
    private const int FirstPiece = 1 << 20;

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    /// <summary>The bytes from an offset on that is not before <see cref="Position"/>; what stands between is skipped.</summary>
    public ReadOnlyMemory<byte> Take(long offset, int length)
    {
        while (Position < offset)
        {
            Read(new byte[Math.Min(offset - Position, FirstPiece)], 0);
        }
        byte[] bytes = GC.AllocateUninitializedArray<byte>(Math.Min(length, FirstPiece));
        int count = 0;
        while (true)
        {
            Read(bytes, count);
            count = bytes.Length;
            if (count == length)
            {
                return bytes;
            }
            Array.Resize(ref bytes, (int)Math.Min(2L * count, length));
        }
    }

    /// <summary>True if nothing follows.</summary>
    public bool IsAtEnd() => stream.ReadByte() < 0;

    private void Read(byte[] bytes, int from)
    {
        int read = stream.ReadAtLeast(bytes.AsSpan(from), bytes.Length - from, throwOnEndOfStream: false);
        Position += read;
        if (read < bytes.Length - from)
        {
            throw cutOff(Position, $"{bytes.Length - from - read} bytes more");
        }
    }
}
