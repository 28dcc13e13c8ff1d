namespace Eml.Formats.Language;

/// <summary>
/// The lines of a stream as bytes, with their line ends. A line that is too long comes in pieces, cut between characters. A byte order mark
/// at the beginning is left out.
/// </summary>
/// <param name="stream">Read to its end.</param>
/// <param name="most">Bytes of a line.</param>
internal sealed class LineReader(Stream stream, int most)
{
    private byte[] _bytes = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _ended;
    private bool _begun;

    /// <summary>The number of the line, from 1 on.</summary>
    public long Line { get; private set; }

    /// <summary>True if the line goes on with the next piece.</summary>
    public bool IsCut { get; private set; }

    /// <summary>The next line, valid until the next call; false at the end.</summary>
    public bool Next(out ReadOnlySpan<byte> line)
    {
        Line += IsCut ? 0 : 1;
        IsCut = false;
        int searched = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = _bytes.AsSpan(_start, _end - _start);
            int at = rest[searched..].IndexOf((byte)'\n');
            if (at >= 0 && searched + at < most)
            {
                line = Take(searched + at + 1);
                return true;
            }
            if (rest.Length >= most)
            {
                line = Take(Cut(rest));
                IsCut = true;
                return true;
            }
            if (_ended)
            {
                line = Take(rest.Length);
                return !rest.IsEmpty;
            }
            searched = rest.Length;
            Fill();
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        ReadOnlySpan<byte> taken = _bytes.AsSpan(_start, length);
        _start += length;
        if (!_begun && taken.StartsWith("\uFEFF"u8))
        {
            taken = taken[3..];
        }
        _begun = true;
        return taken;
    }

    /// <summary>The limit, or up to three bytes less: where a character begins.</summary>
    private int Cut(ReadOnlySpan<byte> bytes)
    {
        for (int cut = most; cut > most - 4 && cut > 0; cut--)
        {
            if (cut == bytes.Length ? !MayGoOn(bytes) : (bytes[cut] & 0xC0) != 0x80)
            {
                return cut;
            }
        }
        return most;
    }

    /// <summary>True if the last bytes may be the beginning of a character.</summary>
    private static bool MayGoOn(ReadOnlySpan<byte> bytes) => bytes[^1] >= 0x80;

    private void Fill()
    {
        _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
        (_start, _end) = (0, _end - _start);
        if (_end == _bytes.Length)
        {
            Array.Resize(ref _bytes, 2 * _end);
        }
        int read = stream.Read(_bytes, _end, _bytes.Length - _end);
        _end += read;
        _ended = read == 0;
    }
}
