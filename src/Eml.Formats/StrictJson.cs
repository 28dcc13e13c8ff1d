using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// Reads JSON as RFC 8259 has it and nothing beyond: no byte order mark, comment, trailing comma, second document or
/// padding; no key twice in an object, however it is escaped; valid UTF-8 without lone surrogates; nested at most
/// <see cref="MaxDepth"/> deep. What two readers could understand differently is refused.
/// </summary>
public static class StrictJson
{
    /// <summary>Objects and arrays inside each other.</summary>
    public const int MaxDepth = 64;

    internal static readonly JsonReaderOptions Options = new() { MaxDepth = MaxDepth };

    /// <summary>Checks the whole text and returns its value.</summary>
    /// <param name="text">One JSON value, perhaps with white space around it.</param>
    /// <param name="what">What the text is, for messages: "model", "safetensors header".</param>
    /// <param name="offset">Where the text begins in the input, for the byte offsets of refusals.</param>
    public static JsonValue Parse(ReadOnlySpan<byte> text, string what, ulong offset = 0)
    {
        CheckUtf8(text, what, offset);
        var reader = new Utf8JsonReader(text, Options);
        try
        {
            CheckTokens(ref reader, text, what, offset);
        }
        catch (JsonException e)
        {
            bool opens = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
            throw Refusal(e, text, reader.CurrentDepth + (opens ? 1 : 0), what, offset);
        }

        int start = text.IndexOfAnyExcept(" \t\r\n"u8);
        int end = text.LastIndexOfAnyExcept(" \t\r\n"u8) + 1;
        return new JsonValue(text[start..end], offset + (ulong)start, what);
    }

    private static void CheckUtf8(ReadOnlySpan<byte> text, string what, ulong offset)
    {
        if (Utf8.IsValid(text))
            return;

        // Only the place of the first bad byte is wanted, so the characters go to a scratch buffer, a piece at a time.
        Span<char> scratch = stackalloc char[256];
        int at = 0;
        OperationStatus status;
        do
        {
            status = Utf8.ToUtf16(text[at..], scratch, out int read, out _, replaceInvalidSequences: false);
            at += read;
        }
        while (status == OperationStatus.DestinationTooSmall);

        throw new EmlException(FormatError.Json, offset + (ulong)at,
            $"{what}: byte {offset + (ulong)at} (0x{text[at]:X2}) is not valid UTF-8; JSON must be UTF-8 throughout");
    }

    private static void CheckTokens(ref Utf8JsonReader reader, ReadOnlySpan<byte> text, string what, ulong offset)
    {
        // The keys of every object that is open, by depth.
        var keys = new HashSet<string>?[MaxDepth + 1];
        while (reader.Read())
        {
            ulong at = offset + (ulong)reader.TokenStartIndex;
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    keys[reader.CurrentDepth + 1] = null;
                    break;
                case JsonTokenType.PropertyName:
                    CheckSurrogates(reader.ValueSpan, reader.ValueIsEscaped, at + 1, what);
                    string key = reader.GetString()!;
                    if (!(keys[reader.CurrentDepth] ??= new HashSet<string>(StringComparer.Ordinal)).Add(key))
                    {
                        throw new EmlException(FormatError.DuplicateKey, at,
                            $"{what}: the key {Quoted(key)} stands twice in one object, again at byte {at}; keep one of them");
                    }

                    break;
                case JsonTokenType.String:
                    CheckSurrogates(reader.ValueSpan, reader.ValueIsEscaped, at + 1, what);
                    break;
            }
        }
    }

    /// <summary>\ud800 is good grammar but no character unless \udc00 … \udfff follows.</summary>
    private static void CheckSurrogates(ReadOnlySpan<byte> text, bool escaped, ulong offset, string what)
    {
        if (!escaped)
            return;

        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
                continue;
            if (text[++i] != 'u')
                continue;

            int start = i - 1;
            char unit = Unit(text, i);
            i += 4;
            if (!char.IsSurrogate(unit))
                continue;
            if (char.IsHighSurrogate(unit) && text[(i + 1)..].StartsWith("\\u"u8) && char.IsLowSurrogate(Unit(text, i + 2)))
            {
                i += 6;
                continue;
            }

            ulong at = offset + (ulong)start;
            throw new EmlException(FormatError.Json, at,
                $"{what}: \\u{(int)unit:x4} at byte {at} is half a surrogate pair and no character; write the pair or the character itself");
        }
    }

    /// <summary>The four hex digits after the 'u' at <paramref name="u"/>; the reader has checked them.</summary>
    private static char Unit(ReadOnlySpan<byte> text, int u) =>
        (char)ushort.Parse(text.Slice(u + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static EmlException Refusal(JsonException e, ReadOnlySpan<byte> text, int depth, string what, ulong offset)
    {
        int at = 0;
        for (long line = 0; line < e.LineNumber; line++)
            at += text[at..].IndexOf((byte)'\n') + 1;
        at = (int)Math.Min(text.Length, at + (e.BytePositionInLine ?? 0));

        string found;
        if (text.IndexOfAnyExcept(" \t\r\n"u8) < 0)
            found = "there is no JSON value";
        else if (at == text.Length)
            found = "the text ends in the middle of a value";
        else if (at == 0 && text.StartsWith("\uFEFF"u8))
            found = "a byte order mark, which JSON does not allow; remove the first 3 bytes";
        else if (text[at] == 0)
            found = "a NUL byte, which JSON does not allow, not even as padding";
        else if (text[at] is (byte)'[' or (byte)'{' && depth == MaxDepth)
            found = $"nested deeper than the limit of {MaxDepth}";
        else if (text[at] is >= 0x20 and < 0x7F)
            found = $"unexpected '{(char)text[at]}'";
        else
            found = $"unexpected byte 0x{text[at]:X2}";

        ulong place = offset + (ulong)at;
        return new EmlException(FormatError.Json, place,
            $"{what}: not strict JSON (RFC 8259) at byte {place}: {found}");
    }

    /// <summary>A name from the input as it can stand in a message: short, and without control characters.</summary>
    internal static string Quoted(string text)
    {
        const int Longest = 60;
        int length = Math.Min(text.Length, Longest);
        if (length < text.Length && char.IsHighSurrogate(text[length - 1]))
            length--;
        string shown = new JsonText().String(text[..length]).ToString();
        return length == text.Length ? shown : $"{shown[..^1]}…\"";
    }
}
