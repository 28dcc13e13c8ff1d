using System.Globalization;

namespace Eml.Formats;

/// <summary>
/// A finite double as decimal text: the shortest digits that read back as the same bits, laid out in the manner of one
/// of the two writers whose files libeml must reproduce byte for byte.
/// </summary>
internal static class NumberText
{
    /// <summary>No number is longer than this in either layout.</summary>
    public const int MaxLength = 32;

    /// <summary>
    /// serde_json 1.0.149: fixed notation when 1e-5 ≤ |v| &lt; 1e16, where whole numbers get ".0"; else 1.5e+16, 1e-7.
    /// </summary>
    public static int WriteSerde(double value, Span<byte> to) => Write(value, to, -5, 16, wholeNumbersGetPoint: true);

    /// <summary>
    /// ECMAScript's Number::toString: fixed notation when 1e-6 ≤ |v| &lt; 1e21, whole numbers without a point; else
    /// 1.5e+21, 1e-7. Negative zero, which JSON.stringify would print as 0, keeps its sign: no bit may get lost.
    /// </summary>
    public static int WriteEcma(double value, Span<byte> to) => Write(value, to, -6, 21, wholeNumbersGetPoint: false);

    private static int Write(double value, Span<byte> to, int fixedFrom, int fixedBelow, bool wholeNumbersGetPoint)
    {
        Span<byte> digits = stackalloc byte[MaxLength];
        int count = ShortestDigits(Math.Abs(value), digits, out int exponent);
        digits = digits[..count];

        int at = 0;
        if (double.IsNegative(value))
            to[at++] = (byte)'-';

        if (exponent >= fixedFrom && exponent < fixedBelow)
            return WriteFixed(digits, exponent, to, at, wholeNumbersGetPoint);

        to[at++] = digits[0];
        if (count > 1)
        {
            to[at++] = (byte)'.';
            digits[1..].CopyTo(to[at..]);
            at += count - 1;
        }

        to[at++] = (byte)'e';
        to[at++] = (byte)(exponent < 0 ? '-' : '+');
        Math.Abs(exponent).TryFormat(to[at..], out int written, default, CultureInfo.InvariantCulture);
        return at + written;
    }

    private static int WriteFixed(ReadOnlySpan<byte> digits, int exponent, Span<byte> to, int at, bool wholeNumbersGetPoint)
    {
        if (exponent < 0)
        {
            to[at++] = (byte)'0';
            to[at++] = (byte)'.';
            to.Slice(at, -exponent - 1).Fill((byte)'0');
            at += -exponent - 1;
            digits.CopyTo(to[at..]);
            return at + digits.Length;
        }

        int whole = exponent + 1;
        if (digits.Length > whole)
        {
            digits[..whole].CopyTo(to[at..]);
            at += whole;
            to[at++] = (byte)'.';
            digits[whole..].CopyTo(to[at..]);
            return at + digits.Length - whole;
        }

        digits.CopyTo(to[at..]);
        to.Slice(at + digits.Length, whole - digits.Length).Fill((byte)'0');
        at += whole;
        if (wholeNumbersGetPoint)
        {
            to[at++] = (byte)'.';
            to[at++] = (byte)'0';
        }

        return at;
    }

    /// <summary>value = d.ddd · 10^exponent with the fewest digits that read back as value; zero is "0" · 10^0.</summary>
    private static int ShortestDigits(double value, Span<byte> digits, out int exponent)
    {
        // .NET prints the shortest digits too, but changes to scientific notation elsewhere: take its text apart.
        Span<byte> text = stackalloc byte[MaxLength];
        value.TryFormat(text, out int length, default, CultureInfo.InvariantCulture);

        // Doubles below a power of two are nearer to it than those above, and .NET 10 overlooks that twice: for 2^-25 and
        // 2^-958 its text is a digit short and reads back as a neighbour.
        bool powerOfTwo = (BitConverter.DoubleToInt64Bits(value) & 0x000F_FFFF_FFFF_FFFF) == 0;
        if (powerOfTwo && double.Parse(text[..length], NumberStyles.Float, CultureInfo.InvariantCulture) != value)
            value.TryFormat(text, out length, "E16", CultureInfo.InvariantCulture);
        text = text[..length];

        int scientific = 0;
        int e = text.IndexOf((byte)'E');
        if (e >= 0)
        {
            scientific = int.Parse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..e];
        }

        int count = 0;
        int wholeDigits = -1;
        int leadingZeros = 0;
        foreach (byte b in text)
        {
            if (b == '.')
                wholeDigits = leadingZeros + count;
            else if (b == '0' && count == 0)
                leadingZeros++;
            else
                digits[count++] = b;
        }

        if (count == 0)
        {
            digits[0] = (byte)'0';
            exponent = 0;
            return 1;
        }

        if (wholeDigits < 0)
            wholeDigits = leadingZeros + count;
        exponent = scientific + wholeDigits - leadingZeros - 1;

        while (digits[count - 1] == '0')
            count--;
        return count;
    }
}
