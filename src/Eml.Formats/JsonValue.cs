using System.Globalization;
using System.Text.Json;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// A value inside a text that <see cref="StrictJson"/> has checked: its bytes, and where they stand in the input. Nothing
/// is unpacked before somebody asks, and whoever asks says what was expected.
/// </summary>
public readonly ref struct JsonValue
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly string _what;

    internal JsonValue(ReadOnlySpan<byte> text, ulong offset, string what)
    {
        _text = text;
        _what = what;
        Offset = offset;
    }

    /// <summary>Where the value begins in the input.</summary>
    public ulong Offset { get; }

    /// <summary>Length of the value's text: an upper bound of what it can hold.</summary>
    public int TextLength => _text.Length;

    /// <summary>True for {…}.</summary>
    public bool IsObject => _text[0] == '{';

    /// <summary>True for […].</summary>
    public bool IsArray => _text[0] == '[';

    /// <summary>True for "…".</summary>
    public bool IsString => _text[0] == '"';

    /// <summary>True for null.</summary>
    public bool IsNull => _text[0] == 'n';

    private bool IsNumber => _text[0] is (byte)'-' or (>= (byte)'0' and <= (byte)'9');

    /// <summary>What kind of value this is, for messages.</summary>
    public string Kind => (char)_text[0] switch
    {
        '{' => "an object",
        '[' => "an array",
        '"' => "a string",
        'n' => "null",
        't' or 'f' => "a truth value",
        _ => "a number",
    };

    /// <summary>Goes through the members of an object or the elements of an array.</summary>
    public JsonItems Items() => new(_text, Offset, _what);

    /// <summary>The members of an object by name; another value is refused as <paramref name="error"/>.</summary>
    public JsonMembers Members(string name, FormatError error = FormatError.Json)
    {
        if (!IsObject)
            throw Wrong(error, name, "an object");

        var places = new Dictionary<string, JsonPlace>(StringComparer.Ordinal);
        JsonItems items = Items();
        while (items.Next())
            places.Add(items.Key, new JsonPlace(items.Start, items.Value.TextLength, items.KeyOffset));
        return new JsonMembers(_text, Offset, _what, places);
    }

    /// <summary>
    /// The elements of an array as the members of an object with these names, in order: serde reads a struct from an array
    /// of its fields, too.
    /// </summary>
    internal JsonMembers Sequence(string name, ReadOnlySpan<string> fields)
    {
        var places = new Dictionary<string, JsonPlace>(StringComparer.Ordinal);
        for (JsonItems items = Items(); items.Next();)
        {
            if (places.Count == fields.Length)
            {
                throw new EmlException(FormatError.UnknownField, items.Value.Offset,
                    $"{_what}: {name} has an element more at byte {items.Value.Offset}; it must have {fields.Length}: {string.Join(", ", fields!)}");
            }

            places.Add(fields[places.Count], new JsonPlace(items.Start, items.Value.TextLength, items.Value.Offset));
        }

        return places.Count == fields.Length
            ? new JsonMembers(_text, Offset, _what, places)
            : throw new EmlException(FormatError.MissingField, Offset,
                $"{_what}: the array at byte {Offset}, {name}, ends before {fields[places.Count]}; it must hold {string.Join(", ", fields!)}");
    }

    /// <summary>A string's characters.</summary>
    public string Text(string name, FormatError error = FormatError.Value)
    {
        if (!IsString)
            throw Wrong(error, name, "a string");

        Utf8JsonReader reader = Reader();
        return reader.GetString()!;
    }

    /// <summary>A string's characters as UTF-8; copied only if some are escaped.</summary>
    internal ReadOnlySpan<byte> Utf8(string name)
    {
        if (!IsString)
            throw Wrong(FormatError.Value, name, "a string");
        if (!_text.Contains((byte)'\\'))
            return _text[1..^1];

        Utf8JsonReader reader = Reader();
        byte[] unescaped = new byte[_text.Length];
        return unescaped.AsSpan(0, reader.CopyString(unescaped));
    }

    /// <summary>The value's text as it stands in the input.</summary>
    internal ReadOnlySpan<byte> Raw => _text;

    /// <summary>true or false.</summary>
    public bool Boolean(string name) => (char)_text[0] switch
    {
        't' => true,
        'f' => false,
        _ => throw Wrong(FormatError.Value, name, "true or false"),
    };

    /// <summary>A whole number from 0 to 2^64 − 1, written without sign, point or exponent.</summary>
    public ulong Unsigned(string name)
    {
        if (!IsNumber)
            throw Wrong(FormatError.BadNumber, name, "a whole number");
        if (ulong.TryParse(_text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
            return value;

        throw new EmlException(FormatError.BadNumber, Offset,
            $"{_what}: {name} at byte {Offset} is {Shown()}; it must be a whole number from 0 to {ulong.MaxValue}, " +
            "without sign, point or exponent");
    }

    /// <summary>The double that is nearest to the number; one that would round to an infinity is refused.</summary>
    public double Double(string name)
    {
        if (!IsNumber)
            throw Wrong(FormatError.BadNumber, name, "a number");

        double value = double.Parse(_text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(value) ? value : throw Overflow(name, _text, Offset);
    }

    /// <summary>
    /// An array of exactly as many doubles as <paramref name="to"/> has. A null, which is how eml-core spells NaN and the
    /// infinities, is refused as non-finite.
    /// </summary>
    public void Doubles(string name, Span<double> to)
    {
        if (!IsArray)
            throw Wrong(FormatError.BadNumber, name, "an array of numbers");

        var reader = new Utf8JsonReader(_text, StrictJson.Options);
        reader.Read();
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            ulong at = Offset + (ulong)reader.TokenStartIndex;
            if (count == to.Length)
                throw WrongLength(name, $"more than {to.Length}", to.Length);
            if (reader.TokenType == JsonTokenType.Null)
            {
                throw new EmlException(ErrorCode.NonFinite,
                    $"{_what}: {name}[{count}] at byte {at} is null, which stands for NaN or an infinity; it must be a finite number");
            }

            if (reader.TokenType != JsonTokenType.Number)
            {
                throw new EmlException(FormatError.BadNumber, at,
                    $"{_what}: {name}[{count}] at byte {at} is not a number; every element must be a finite number");
            }

            double value = double.Parse(reader.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture);
            if (!double.IsFinite(value))
                throw Overflow($"{name}[{count}]", reader.ValueSpan, at);
            to[count++] = value;
        }

        if (count < to.Length)
            throw WrongLength(name, $"{count}", to.Length);
    }

    /// <summary>
    /// A new array of <paramref name="count"/> doubles, <see cref="Doubles(string, Span{double})"/>. A count that the text
    /// cannot hold is refused before anything is allocated.
    /// </summary>
    public double[] Doubles(string name, long count)
    {
        if (count > _text.Length)
            throw WrongLength(name, "fewer", count);

        double[] values = new double[count];
        Doubles(name, values);
        return values;
    }

    /// <summary>"model: depth at byte 9 is a string; it must be …".</summary>
    internal EmlException Wrong(FormatError error, string name, string wanted) => new(error, Offset,
        $"{_what}: {name} at byte {Offset} is {Kind}; it must be {wanted}");

    private EmlException WrongLength(string name, string found, long wanted) => new(FormatError.Value, Offset,
        $"{_what}: {name} at byte {Offset} has {found} elements; the other fields ask for {wanted}");

    private EmlException Overflow(string name, ReadOnlySpan<byte> number, ulong at) => new(FormatError.BadNumber, at,
        $"{_what}: {name} at byte {at} is {Shown(number)}, past the largest double, {double.MaxValue:R}");

    private string Shown() => Shown(_text);

    private static string Shown(ReadOnlySpan<byte> number)
    {
        const int Longest = 40;
        string shown = System.Text.Encoding.ASCII.GetString(number[..Math.Min(number.Length, Longest)]);
        return number.Length > Longest ? shown + "…" : shown;
    }

    private Utf8JsonReader Reader()
    {
        var reader = new Utf8JsonReader(_text, StrictJson.Options);
        reader.Read();
        return reader;
    }
}

/// <summary>Goes through a checked object or array, item by item.</summary>
public ref struct JsonItems
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly ulong _offset;
    private readonly string _what;
    private Utf8JsonReader _reader;

    internal JsonItems(ReadOnlySpan<byte> text, ulong offset, string what)
    {
        _text = text;
        _offset = offset;
        _what = what;
        _reader = new Utf8JsonReader(text, StrictJson.Options);
        _reader.Read();
    }

    /// <summary>The member's name; empty for an array's element.</summary>
    public string Key { get; private set; } = "";

    /// <summary>Where the member's name begins in the input.</summary>
    public ulong KeyOffset { get; private set; }

    /// <summary>The member's or element's value.</summary>
    public readonly JsonValue Value => new(_text[Start..(int)_reader.BytesConsumed], _offset + (ulong)Start, _what);

    internal int Start { get; private set; }

    /// <summary>False after the last item.</summary>
    public bool Next()
    {
        if (!_reader.Read() || _reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
            return false;

        if (_reader.TokenType == JsonTokenType.PropertyName)
        {
            Key = _reader.GetString()!;
            KeyOffset = _offset + (ulong)_reader.TokenStartIndex;
            _reader.Read();
        }

        Start = (int)_reader.TokenStartIndex;
        _reader.Skip();
        return true;
    }
}

/// <summary>The members of a checked object, by name.</summary>
public readonly ref struct JsonMembers
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly ulong _offset;
    private readonly string _what;
    private readonly Dictionary<string, JsonPlace> _places;

    internal JsonMembers(ReadOnlySpan<byte> text, ulong offset, string what, Dictionary<string, JsonPlace> places)
    {
        _text = text;
        _offset = offset;
        _what = what;
        _places = places;
    }

    /// <summary>Where the object begins in the input.</summary>
    public ulong Offset => _offset;

    /// <summary>How many members there are.</summary>
    public int Count => _places.Count;

    /// <summary>True if there is a member of this name.</summary>
    public bool Has(string name) => _places.ContainsKey(name);

    /// <summary>False if there is no member of this name, or if it is null.</summary>
    public bool TryGet(string name, out JsonValue value)
    {
        value = default;
        if (!_places.ContainsKey(name))
            return false;

        value = this[name];
        return !value.IsNull;
    }

    /// <summary>The member of this name, which must be there.</summary>
    public JsonValue this[string name]
    {
        get
        {
            if (!_places.TryGetValue(name, out JsonPlace place))
            {
                throw new EmlException(FormatError.MissingField, _offset,
                    $"{_what}: the object at byte {_offset} has no \"{name}\"; add it");
            }

            return new JsonValue(_text.Slice(place.Start, place.Length), _offset + (ulong)place.Start, _what);
        }
    }

    /// <summary>Refuses members that are not <paramref name="known"/>.</summary>
    public void RefuseOthers(params ReadOnlySpan<string> known)
    {
        foreach ((string name, JsonPlace place) in _places)
        {
            if (!known.Contains(name))
            {
                throw new EmlException(FormatError.UnknownField, place.KeyOffset,
                    $"{_what}: the field {StrictJson.Quoted(name)} at byte {place.KeyOffset} is not known here; " +
                    $"known are {string.Join(", ", known!)}");
            }
        }
    }
}

/// <summary>Where a member's value stands in its object's text, and its name in the input.</summary>
internal readonly record struct JsonPlace(int Start, int Length, ulong KeyOffset);
