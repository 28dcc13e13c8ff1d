using System.Globalization;
using System.Text;
using System.Text.Json;
using Eml.Formats;

namespace Eml.Tests.Formats;

public class NumberTests
{
    [Theory]
    [InlineData(0.0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1.0, "1.0")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1.2345678901234568e15, "1234567890123456.8")]
    [InlineData(9999999999999998.0, "9999999999999998.0")]
    [InlineData(1e16, "1e+16")]
    [InlineData(1.2345678901234568e17, "1.2345678901234568e+17")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1e100, "1e+100")]
    [InlineData(-1e-100, "-1e-100")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(0.00001, "0.00001")]
    [InlineData(0.000012345678901234567, "0.000012345678901234568")]
    [InlineData(9.999999999999999e-6, "9.999999999999999e-6")]
    [InlineData(1.5e-7, "1.5e-7")]
    [InlineData(2.9802322387695312e-8, "2.9802322387695312e-8")]
    [InlineData(4.1045368012983762e-289, "4.1045368012983762e-289")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(double.MaxValue, "1.7976931348623157e+308")]
    [InlineData(2.2250738585072014e-308, "2.2250738585072014e-308")]
    [InlineData(double.NaN, "null")]
    [InlineData(double.PositiveInfinity, "null")]
    [InlineData(double.NegativeInfinity, "null")]
    public void Numbers_print_as_serde_json_prints_them(double value, string text)
    {
        Assert.Equal(text, SerdeNumber.Format(value));
        Assert.Equal("[" + text, Append("[", value));
    }

    [Fact]
    public void Recorded_number_texts_are_reproduced()
    {
        foreach (JsonElement row in Recorded("float_format.json", "cases").Concat(Recorded("float_format.json", "nonfinite")))
        {
            double value = BitConverter.UInt64BitsToDouble(Convert.ToUInt64(row[0].GetString(), 16));
            Assert.Equal(row[1].GetString(), SerdeNumber.Format(value));
        }
    }

    [Fact]
    public void Recorded_number_texts_are_read_with_correct_rounding()
    {
        foreach (JsonElement row in Recorded("float_format.json", "peer_parse"))
        {
            double value = StrictJson.Parse(Encoding.UTF8.GetBytes(row[0].GetString()!), "number").Double("number");
            Assert.Equal(Convert.ToUInt64(row[2].GetString(), 16), BitConverter.DoubleToUInt64Bits(value));
        }
    }

    [Theory]
    [InlineData(0.0, "0")]
    [InlineData(-0.0, "-0")]
    [InlineData(1.0, "1")]
    [InlineData(1750000000.123, "1750000000.123")]
    [InlineData(1e16, "10000000000000000")]
    [InlineData(123456789012345680000.0, "123456789012345680000")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1.5e300, "1.5e+300")]
    [InlineData(0.000001, "0.000001")]
    [InlineData(0.0000012345, "0.0000012345")]
    [InlineData(1e-7, "1e-7")]
    [InlineData(-1.25e-7, "-1.25e-7")]
    [InlineData(5e-324, "5e-324")]
    public void Numbers_print_as_ECMAScript_prints_them(double value, string text) => Assert.Equal(text, Ecma(value));

    [Fact]
    public void Every_text_reads_back_as_the_same_bits_and_no_shorter_one_does()
    {
        var random = new Random(17);
        for (int i = 0; i < 20_000; i++)
        {
            double value = i < 4096 ? Math.ScaleB(1 + (i % 2) * double.Epsilon, i / 2 - 1074) : BitConverter.Int64BitsToDouble(random.NextInt64());
            if (!double.IsFinite(value))
                continue;

            foreach (string text in new[] { SerdeNumber.Format(value), Ecma(value) })
            {
                Assert.True(Golden.SameBits(value, double.Parse(text, CultureInfo.InvariantCulture)), $"{value:R} became {text}");
                int digits = text.Split('e')[0].Replace(".", "").Trim('-').Trim('0').Length;
                Assert.True(digits <= 17);
                if (digits > 1)
                    Assert.NotEqual(value, double.Parse(value.ToString($"E{digits - 2}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
            }
        }
    }

    [Theory]
    [InlineData("0", 0.0)]
    [InlineData("-0", -0.0)]
    [InlineData("1E+2", 100.0)]
    [InlineData("1e-400", 0.0)]
    [InlineData("-1e-400", -0.0)]
    [InlineData("0e99999999999999999999", 0.0)]
    [InlineData("1e-99999999999999999999", 0.0)]
    [InlineData("2.4703282292062327208e-324", 0.0)]
    [InlineData("2.4703282292062328e-324", 5e-324)]
    [InlineData("1.7976931348623158e308", double.MaxValue)]
    [InlineData("9007199254740993", 9007199254740992.0)]
    [InlineData("9007199254740993.00000000000000000000000000000000000000000000000001", 9007199254740994.0)]
    [InlineData("123456789012345678901234567890", 1.2345678901234568e29)]
    public void Numbers_are_read_with_correct_rounding(string text, double value)
    {
        double read = StrictJson.Parse(Encoding.UTF8.GetBytes(text), "number").Double("number");
        Assert.True(Golden.SameBits(value, read), $"{text} became {read:R}");
    }

    [Fact]
    public void Long_numbers_are_read_with_correct_rounding()
    {
        string zeros = new('0', 5000);
        Assert.Equal(1.0, StrictJson.Parse(Encoding.UTF8.GetBytes($"0.{zeros}1e5001"), "number").Double("number"));
        Assert.Equal(1.0, StrictJson.Parse(Encoding.UTF8.GetBytes($"1{zeros}e-5000"), "number").Double("number"));
        Assert.Equal(9007199254740994.0, StrictJson.Parse(Encoding.UTF8.GetBytes($"9007199254740993.{zeros}1"), "number").Double("number"));
    }

    [Theory]
    [InlineData("1e400")]
    [InlineData("-1e400")]
    [InlineData("1e99999999999999999999")]
    [InlineData("1.7976931348623159e308")]
    public void Numbers_past_the_largest_double_are_refused(string text) =>
        Refused.As(Numerics.FormatError.BadNumber, 1, () => StrictJson.Parse(Encoding.UTF8.GetBytes(" " + text), "number").Double("number"));

    [Theory]
    [InlineData("18446744073709551615", 18446744073709551615)]
    [InlineData("0", 0)]
    public void Whole_numbers_reach_to_2_to_the_64(string text, ulong value) =>
        Assert.Equal(value, StrictJson.Parse(Encoding.UTF8.GetBytes(text), "number").Unsigned("number"));

    [Theory]
    [InlineData("18446744073709551616")]
    [InlineData("-1")]
    [InlineData("-0")]
    [InlineData("2.0")]
    [InlineData("2e0")]
    [InlineData("\"2\"")]
    [InlineData("null")]
    public void Other_numbers_are_no_whole_numbers(string text) =>
        Refused.As(Numerics.FormatError.BadNumber, 0, () => StrictJson.Parse(Encoding.UTF8.GetBytes(text), "number").Unsigned("number"));

    private static string Ecma(double value)
    {
        var json = new JsonText();
        return json.Ecma(value).ToString();
    }

    private static string Append(string before, double value)
    {
        var text = new StringBuilder(before);
        SerdeNumber.Append(text, value);
        return text.ToString();
    }

    private static JsonElement[] Recorded(string file, string name)
    {
        JsonElement[] rows = [.. Golden.EmlCore(file).Array(name)];
        Assert.NotEmpty(rows);
        return rows;
    }
}
