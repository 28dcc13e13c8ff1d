using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// What the verbs print: results on standard output (one JSON object, or text for people), everything else on standard
/// error. All numbers are written with decimal points, whatever the locale.
/// </summary>
internal static class Output
{
    /// <summary>Standard error is a terminal that understands escape sequences.</summary>
    public static bool ErrorIsTerminal { get; } =
        !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Standard output for text: UTF-8, where Console.Out would encode as the locale says.</summary>
    public static TextWriter Out { get; } = Writer(Console.OpenStandardOutput());

    /// <summary>Standard error, likewise.</summary>
    public static TextWriter Error { get; } = Writer(Console.OpenStandardError());

    private static bool Colour => ErrorIsTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    /// <summary>Prints one JSON object; <paramref name="members"/> writes what stands between its braces.</summary>
    public static void Json(Action<Utf8JsonWriter> members)
    {
        using Stream stream = Console.OpenStandardOutput();
        // Relaxed: names outside ASCII stay readable; the text goes to no web page.
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    /// <summary>Prints a line for people.</summary>
    public static void Line(string text) => Out.WriteLine(Printable(text));

    /// <summary>Prints a piece of text that a model made, line ends included.</summary>
    public static void Text(string text) => Out.Write(Console.IsOutputRedirected || !text.Any(char.IsControl)
        ? text
        : string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\uFFFD' : c)));

    /// <summary>Prints a labelled line: the labels of all verbs are aligned.</summary>
    public static void Field(string label, string text) => Line($"{label,-11} {text}");

    /// <summary>Prints a warning on standard error.</summary>
    public static void Warn(string text) =>
        Error.WriteLine((Colour ? "\e[33meml: warning:\e[0m " : "eml: warning: ") + Printable(text));

    /// <summary>Reports a failure: the message on standard error and, if asked for, an object on standard output.</summary>
    public static void Fail(EmlException failure, bool json)
    {
        var text = new StringBuilder(failure.Message);
        if (failure.Code == ErrorCode.Format)
        {
            text.Append(" (").Append(SubCodeName(failure.SubCode));
            string place = string.Create(CultureInfo.InvariantCulture, $"byte {failure.ByteOffset}");
            if (failure.ByteOffset != EmlException.NoOffset && !failure.Message.Contains(place, StringComparison.Ordinal))
                text.Append(" at ").Append(place);
            text.Append(')');
        }

        Error.WriteLine((Colour ? "\e[31meml:\e[0m " : "eml: ") + Printable(text.ToString()));
        if (json)
        {
            try
            {
                Json(o => WriteError(o, failure));
            }
            catch (IOException)
            {
                // Standard output is what failed; the message is out already.
            }
        }
    }

    /// <summary>A member that holds a number; null if it is not finite, which JSON cannot write.</summary>
    public static void Number(this Utf8JsonWriter json, string name, double value)
    {
        json.WritePropertyName(name);
        json.Number(value);
    }

    /// <summary>An element that is a number; null if it is not finite.</summary>
    public static void Number(this Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
    }

    /// <summary>A member that is an array of strings.</summary>
    public static void Strings(this Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    /// <summary>The shortest digits that read back as the same double.</summary>
    public static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Six digits, for people.</summary>
    public static string Short(double value) =>
        double.IsFinite(value) ? value.ToString("G6", CultureInfo.InvariantCulture) : "-";

    /// <summary>A count with its noun: "1 row", "12,345 rows".</summary>
    public static string Count(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    /// <summary>Names for a message: the first of them, if they are many.</summary>
    public static string List(IReadOnlyList<string> names)
    {
        const int most = 12;
        string list = string.Join(", ", names.Take(most));
        return names.Count > most ? $"{list} and {names.Count - most} more" : list;
    }

    /// <summary>Names and metadata come out of files: they must not move the cursor of a terminal.</summary>
    private static string Printable(string text) => text.Any(char.IsControl)
        ? string.Create(text.Length, text, (to, from) =>
        {
            for (int i = 0; i < to.Length; i++)
                to[i] = char.IsControl(from[i]) ? '\uFFFD' : from[i];
        })
        : text;

    private static void WriteError(Utf8JsonWriter json, EmlException failure)
    {
        json.WriteStartObject("error");
        json.WriteNumber("code", (int)failure.Code);
        json.WriteString("name", "EML_E_" + failure.Code.ToString().ToUpperInvariant());
        json.WriteNumber("sub_code", failure.SubCode);
        if (failure.ByteOffset == EmlException.NoOffset)
            json.WriteNull("offset");
        else
            json.WriteNumber("offset", failure.ByteOffset);
        json.WriteString("message", failure.Message);
        json.WriteEndObject();
    }

    private static StreamWriter Writer(Stream stream) =>
        new(stream, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };

    // EML_F_BAD_DTYPE for BadDtype; SubByte is the one that the header writes without an underscore.
    private static string SubCodeName(int subCode)
    {
        var error = (FormatError)subCode;
        if (error == FormatError.SubByte)
            return "EML_F_SUBBYTE";

        var name = new StringBuilder("EML_F");
        foreach (char c in error.ToString())
            name.Append(char.IsUpper(c) ? "_" : "").Append(char.ToUpperInvariant(c));
        return name.ToString();
    }
}
