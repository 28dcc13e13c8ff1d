using System.Text;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// Reads the records of a comma-separated text (RFC 4180) one after the other: fields may be quoted, a doubled quote
/// stands for one, lines end with LF or CRLF. Memory stays bounded by one record, however long the text is.
/// </summary>
/// <param name="text">The characters.</param>
/// <param name="source">The name that error messages carry.</param>
internal sealed class CsvReader(TextReader text, string source)
{
    /// <summary>Longest record, in characters.</summary>
    public const int MaxRecord = 1 << 24;

    private const int EndOfText = -1;

    private readonly char[] _chunk = new char[1 << 15];
    private int _chunkAt;
    private int _chunkEnd;

    // The fields of the record at hand, one after the other without their separators, and where each of them ends.
    private char[] _chars = new char[256];
    private int _length;
    private int[] _ends = new int[16];
    private bool _quoted;

    private long _nextLine = 1;
    private bool _started;

    /// <summary>What is read.</summary>
    public string Source { get; } = source;

    /// <summary>The line, counted from 1, on which the record at hand starts.</summary>
    public long Line { get; private set; } = 1;

    /// <summary>Number of fields of the record at hand; at least 1.</summary>
    public int FieldCount { get; private set; }

    /// <summary>Whether the record at hand is an empty line.</summary>
    public bool IsBlank => FieldCount == 1 && !_quoted && Field(0).IsWhiteSpace();

    /// <summary>A field's characters, valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<char> Field(int index)
    {
        int start = index == 0 ? 0 : _ends[index - 1];
        return _chars.AsSpan(start, _ends[index] - start);
    }

    /// <summary>Steps to the next record; false at the end of the text.</summary>
    public bool Read()
    {
        _length = 0;
        FieldCount = 0;
        _quoted = false;
        Line = _nextLine;
        int c = Next();
        if (c == EndOfText)
        {
            return false;
        }

        while (true)
        {
            c = c == '"' ? ReadQuoted() : ReadPlain(c);
            if (FieldCount == _ends.Length)
            {
                Array.Resize(ref _ends, 2 * _ends.Length);
            }

            _ends[FieldCount++] = _length;
            if (c != ',')
            {
                return true;
            }

            c = Next();
        }
    }

    /// <summary>A failure in a field of the record at hand: <paramref name="field"/> counts from 0, the message from 1.</summary>
    public EmlException Error(int field, string what, FormatError error = FormatError.None) =>
        new(error, EmlException.NoOffset, $"{Source}, line {Line}, column {field + 1}{what}");

    /// <summary>Takes the field that starts with <paramref name="c"/>; gives the separator that ends it.</summary>
    private int ReadPlain(int c)
    {
        while (c is not (',' or '\n' or EndOfText))
        {
            if (c == '"')
            {
                throw Error(FieldCount,
                    ": a quote inside a field that is not quoted; quote the whole field and double the quotes in it");
            }

            if (c == '\r')
            {
                return LineFeed(Next());
            }

            Keep(c);
            c = Next();
        }

        return c;
    }

    /// <summary>Takes a field whose opening quote was read; gives the separator that ends it.</summary>
    private int ReadQuoted()
    {
        _quoted = true;
        while (true)
        {
            int c = Next();
            if (c == '"')
            {
                c = Next();
                if (c != '"')
                {
                    return c switch
                    {
                        ',' or '\n' or EndOfText => c,
                        '\r' => LineFeed(Next()),
                        _ => throw Error(FieldCount,
                            ": text after a closing quote; a quote inside a quoted field must be doubled"),
                    };
                }
            }
            else if (c == EndOfText)
            {
                throw Error(FieldCount, ": the quote that opens this field is never closed", FormatError.Truncated);
            }

            Keep(c);
        }
    }

    private int LineFeed(int c) => c == '\n'
        ? c
        : throw Error(FieldCount, ": a carriage return without a line feed; end lines with LF or CRLF");

    private void Keep(int c)
    {
        if (_length == MaxRecord)
        {
            throw new EmlException(ErrorCode.Limit,
                $"{Source}, line {Line}: longer than {MaxRecord} characters, the limit; " +
                "is a quote left open, or is this not a CSV file?");
        }

        if (_length == _chars.Length)
        {
            Array.Resize(ref _chars, 2 * _length);
        }

        _chars[_length++] = (char)c;
    }

    private int Next()
    {
        if (_chunkAt == _chunkEnd && !Fill())
        {
            return EndOfText;
        }

        char c = _chunk[_chunkAt++];
        if (c == '\n')
        {
            _nextLine++;
        }

        return c;
    }

    private bool Fill()
    {
        try
        {
            _chunkEnd = text.Read(_chunk, 0, _chunk.Length);
        }
        catch (DecoderFallbackException)
        {
            throw new EmlException(FormatError.Value, EmlException.NoOffset,
                $"{Source}: bytes that are not UTF-8 on line {_nextLine} or later; save the file as UTF-8");
        }

        // A byte order mark is no part of the first name.
        _chunkAt = !_started && _chunkEnd > 0 && _chunk[0] == '\uFEFF' ? 1 : 0;
        _started = true;
        return _chunkAt < _chunkEnd;
    }
}
