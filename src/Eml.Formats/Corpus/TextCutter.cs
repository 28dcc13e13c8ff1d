namespace Eml.Formats.Language;

/// <summary>Takes a document, whose bytes are valid until it returns.</summary>
internal delegate void DocumentListener(ReadOnlySpan<byte> document);

/// <summary>
/// Cuts a text into documents: at every form feed, which belongs to none; and what is longer than <see cref="MaxCharacters"/> so that no
/// document is: behind the last empty line that makes it at least half as long, else behind the last such line end, else at the limit. A document
/// of white space only is none.
/// </summary>
internal sealed class TextCutter(DocumentListener listener)
{
    /// <summary>Characters (code points) of a document.</summary>
    public const int MaxCharacters = 10_000;

    private byte[] _bytes = new byte[1 << 16];
    private int _length;
    private int _characters;

    /// <summary>Appends valid UTF-8.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        for (int at; (at = text.IndexOf((byte)'\f')) >= 0; text = text[(at + 1)..])
        {
            Append(text[..at]);
            Finish();
        }
        Append(text);
    }

    /// <summary>Ends the document.</summary>
    public void Finish()
    {
        Tell(_bytes.AsSpan(0, _length));
        (_length, _characters) = (0, 0);
    }

    /// <summary>The first characters of a valid text.</summary>
    public static ReadOnlySpan<byte> First(ReadOnlySpan<byte> text, int characters)
    {
        int at = 0;
        for (; at < text.Length; at++)
        {
            if ((text[at] & 0xC0) != 0x80 && characters-- == 0)
            {
                break;
            }
        }
        return text[..at];
    }

    private void Append(ReadOnlySpan<byte> text)
    {
        if (_length + text.Length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _length + text.Length));
        }
        text.CopyTo(_bytes.AsSpan(_length));
        _length += text.Length;
        _characters += Count(text);
        int start = 0;
        while (_characters > MaxCharacters)
        {
            ReadOnlySpan<byte> first = First(_bytes.AsSpan(start, _length - start), MaxCharacters);
            first = first[..Border(first)];
            Tell(first);
            start += first.Length;
            _characters -= Count(first);
        }
        if (start > 0)
        {
            _bytes.AsSpan(start, _length - start).CopyTo(_bytes);
            _length -= start;
        }
    }

    private static int Border(ReadOnlySpan<byte> text)
    {
        int half = text.Length / 2;
        ReadOnlySpan<byte> second = text[half..];
        int plain = second.LastIndexOf("\n\n"u8), windows = second.LastIndexOf("\n\r\n"u8);
        if (plain >= 0 || windows >= 0)
        {
            return half + (plain > windows ? plain + 2 : windows + 3);
        }
        int line = second.LastIndexOf((byte)'\n') + 1;
        return line > 0 ? half + line : text.Length;
    }

    private void Tell(ReadOnlySpan<byte> document)
    {
        if (document.IndexOfAnyExcept(" \t\r\n"u8) >= 0)
        {
            listener(document);
        }
    }

    private static int Count(ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach (byte next in text)
        {
            count += (next & 0xC0) != 0x80 ? 1 : 0;
        }
        return count;
    }
}
