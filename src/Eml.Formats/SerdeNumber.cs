using System.Text;

namespace Eml.Formats;

/// <summary>The text of a double exactly as serde_json 1.0.149 prints it, and with it eml-core.</summary>
public static class SerdeNumber
{
    /// <summary>The shortest digits that read back as the same bits; NaN and the infinities are "null".</summary>
    public static string Format(double value)
    {
        if (!double.IsFinite(value))
            return "null";

        Span<byte> text = stackalloc byte[NumberText.MaxLength];
        return Encoding.ASCII.GetString(text[..NumberText.WriteSerde(value, text)]);
    }

    /// <summary>Appends <see cref="Format"/> of <paramref name="value"/>.</summary>
    public static void Append(StringBuilder text, double value) => text.Append(Format(value));
}
