using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// JSON text that is being written: UTF-8, with the escapes that serde_json and JSON.stringify agree on. Punctuation is
/// the caller's, who knows the layout that has to be reproduced.
/// </summary>
internal sealed class JsonText
{
    private byte[] _bytes = new byte[1024];
    private int _length;

    /// <summary>Bytes so far.</summary>
    public int Length => _length;

    /// <summary>Punctuation and keys, as they are.</summary>
    public JsonText Raw(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Room(text.Length));
        _length += text.Length;
        return this;
    }

    /// <summary>A quoted string.</summary>
    public JsonText String(string text)
    {
        UnicodeText.Check(text);
        Raw("\""u8);
        int plainFrom = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] >= ' ' && text[i] != '"' && text[i] != '\\')
                continue;

            Plain(text.AsSpan(plainFrom, i - plainFrom));
            Escape(text[i]);
            plainFrom = i + 1;
        }

        Plain(text.AsSpan(plainFrom));
        return Raw("\""u8);
    }

    /// <summary>true or false.</summary>
    public JsonText Boolean(bool value) => Raw(value ? "true"u8 : "false"u8);

    /// <summary>A whole number.</summary>
    public JsonText Unsigned(ulong value)
    {
        value.TryFormat(Room(20), out int written, default, CultureInfo.InvariantCulture);
        _length += written;
        return this;
    }

    /// <summary>A whole number of any sign.</summary>
    public JsonText Integer(int value)
    {
        value.TryFormat(Room(11), out int written, default, CultureInfo.InvariantCulture);
        _length += written;
        return this;
    }

    /// <summary>A whole number; a negative one, which stands for "none", is null.</summary>
    public JsonText IntegerOrNull(int value) => value < 0 ? Raw("null"u8) : Integer(value);

    /// <summary>Whole numbers, compact: [1,-2].</summary>
    public JsonText Integers(ReadOnlySpan<int> values)
    {
        Raw("["u8);
        for (int i = 0; i < values.Length; i++)
        {
            Raw(i > 0 ? ","u8 : ""u8).Integer(values[i]);
        }
        return Raw("]"u8);
    }

    /// <summary>A double in serde_json's layout; NaN and the infinities are null.</summary>
    public JsonText Serde(double value)
    {
        if (!double.IsFinite(value))
            return Raw("null"u8);

        _length += NumberText.WriteSerde(value, Room(NumberText.MaxLength));
        return this;
    }

    /// <summary>Doubles in serde_json's layout, compact: [1.0,2.5].</summary>
    public JsonText Serde(ReadOnlySpan<double> values)
    {
        Raw("["u8);
        for (int i = 0; i < values.Length; i++)
        {
            if (i > 0)
                Raw(","u8);
            Serde(values[i]);
        }

        return Raw("]"u8);
    }

    /// <summary>A double in ECMAScript's layout; NaN and the infinities are null.</summary>
    public JsonText Ecma(double value)
    {
        if (!double.IsFinite(value))
            return Raw("null"u8);

        _length += NumberText.WriteEcma(value, Room(NumberText.MaxLength));
        return this;
    }

    /// <summary>What was written.</summary>
    public byte[] ToArray() => _bytes.AsSpan(0, _length).ToArray();

    /// <summary>What was written.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_bytes, 0, _length);

    private void Plain(ReadOnlySpan<char> text)
    {
        // Well-formed UTF-16 never needs more than three bytes a character.
        while (!text.IsEmpty)
        {
            int piece = Math.Min(text.Length, 1 << 20);
            if (piece < text.Length && char.IsHighSurrogate(text[piece - 1]))
                piece--;
            Utf8.FromUtf16(text[..piece], Room(3 * piece), out _, out int written);
            _length += written;
            text = text[piece..];
        }
    }

    private void Escape(char c)
    {
        switch (c)
        {
            case '"': Raw("\\\""u8); break;
            case '\\': Raw("\\\\"u8); break;
            case '\b': Raw("\\b"u8); break;
            case '\f': Raw("\\f"u8); break;
            case '\n': Raw("\\n"u8); break;
            case '\r': Raw("\\r"u8); break;
            case '\t': Raw("\\t"u8); break;
            default:
                Raw("\\u00"u8);
                ((int)c).TryFormat(Room(2), out int written, "x2", CultureInfo.InvariantCulture);
                _length += written;
                break;
        }
    }

    private Span<byte> Room(int bytes)
    {
        long needed = (long)_length + bytes;
        if (needed > _bytes.Length)
        {
            if (needed > Array.MaxLength)
            {
                throw new EmlException(ErrorCode.Limit,
                    $"the JSON text would be longer than {Array.MaxLength} bytes, the most that one array holds; " +
                    "write the model as safetensors or protobuf");
            }

            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(2L * _bytes.Length, needed), Array.MaxLength));
        }

        return _bytes.AsSpan(_length);
    }
}
