using System.Text;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Tests.Language;

/// <summary>Bad language models are refused with a reason and a place, and crash nothing.</summary>
public sealed class LanguageFormatHostileTests
{
    public static TheoryData<LanguageFormat, WeightType> All()
    {
        var data = new TheoryData<LanguageFormat, WeightType>();
        foreach (LanguageFormat format in LanguageFormatCases.Formats)
        {
            data.Add(format, WeightType.F32);
            data.Add(format, WeightType.I8);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_cut_off_is_refused(LanguageFormat format, WeightType type)
    {
        byte[] bytes = LanguageFormatCases.Bytes(LanguageFormatCases.Small(type), format);
        // The newline at the end of the JSON is no part of it.
        int length = format == LanguageFormat.Json ? bytes.Length - 1 : bytes.Length;
        for (int cut = 0; cut < length; cut += cut < 600 || cut >= length - 600 ? 1 : 211)
        {
            EmlException refusal = Assert.Throws<EmlException>(() => LanguageFile.Read(bytes.AsMemory(0, cut)));
            Assert.True(refusal.Code == ErrorCode.Format, $"cut at {cut}: {refusal.Code}: {refusal.Message}");
            Assert.NotEmpty(refusal.Message);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Damaged_bytes_crash_nothing(LanguageFormat format, WeightType type)
    {
        byte[] good = LanguageFormatCases.Bytes(LanguageFormatCases.Small(type), format);
        var random = new Random(11);
        int refused = 0;
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. good];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                // The beginning and the end are where lengths and places stand.
                int at = random.Next(3) switch { 0 => random.Next(Math.Min(2000, bytes.Length)), 1 => bytes.Length - 1 - random.Next(Math.Min(2000, bytes.Length)), _ => random.Next(bytes.Length) };
                bytes[at] = random.Next(2) == 0 ? (byte)(bytes[at] ^ (1 << random.Next(8))) : (byte)random.Next(256);
            }
            try
            {
                LanguageFile.Read(bytes);
            }
            catch (EmlException)
            {
                refused++;
            }
        }
        Assert.True(refused > 300, $"{refused} of 3000 were refused");
    }

    [Fact]
    public void Archives_with_a_wrong_checksum_are_refused()
    {
        byte[] bytes = LanguageFormatCases.Bytes(LanguageFormatCases.Small(WeightType.F32), LanguageFormat.Npz);
        bytes[bytes.Length / 2] ^= 1;
        EmlException refusal = Assert.Throws<EmlException>(() => LanguageFile.Read(bytes));
        Assert.Equal(ErrorCode.Format, refusal.Code);
        Assert.Contains("checksum", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2", -12, FormatError.None, "version 1")]
    [InlineData("\"version\":1", "\"versions\":1", -8, FormatError.UnknownField, "versions")]
    [InlineData("\"dtype\":\"f32\"", "\"dtype\":\"f16\"", -8, FormatError.BadDtype, "\"f32\" or \"int8\"")]
    [InlineData("\"shape\":[258,32]", "\"shape\":[258,33]", -8, FormatError.SizeMismatch, "base64")]
    [InlineData("\"shape\":[258,32]", "\"shape\":[32,258]", -8, FormatError.Value, "[32, 258]")]
    [InlineData("\"shape\":[258,32]", "\"shape\":[2147483648,32]", -8, FormatError.SizeMismatch, "hold")]
    [InlineData("\"shape\":[258,32]", "\"shape\":[258,32,1]", -8, FormatError.Value, "one or two")]
    [InlineData("\"wte.weight\"", "\"wte\"", -8, FormatError.Value, "'wte.weight'")]
    [InlineData("\"weights\":", "\"weighs\":", -8, FormatError.Kind, "weights")]
    [InlineData("\"n_head\":2", "\"n_head\":3", -8, FormatError.Value, "[12, 32]")]
    [InlineData("\"head_dim\":4", "\"head_dim\":3", -8, FormatError.Value, "even")]
    [InlineData("\"vocab_size\":258,\"n_layer\"", "\"vocab_size\":4294967296,\"n_layer\"", -8, FormatError.Value, "at most")]
    [InlineData("\"data\":\"", "\"data\":\" ", -8, FormatError.SizeMismatch, "letters")]
    [InlineData("\"data\":\"", "\"scale\":\"\",\"data\":\"", -8, FormatError.UnknownField, "only int8")]
    public void Json_is_refused_where_it_is_wrong(string from, string to, int code, FormatError sub, string says)
    {
        string text = Encoding.UTF8.GetString(LanguageFormatCases.Bytes(LanguageFormatCases.Small(WeightType.F32), LanguageFormat.Json));
        int at = text.IndexOf(from, StringComparison.Ordinal);
        Assert.True(at >= 0);
        EmlException refusal = Assert.Throws<EmlException>(() => LanguageFile.Read(Encoding.UTF8.GetBytes(text[..at] + to + text[(at + from.Length)..])));
        Assert.Equal((ErrorCode)code, refusal.Code);
        Assert.Equal((int)sub, refusal.SubCode);
        Assert.NotEqual(EmlException.NoOffset, refusal.ByteOffset);
        Assert.Contains(says, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_are_no_numbers_are_refused()
    {
        byte[] bytes = LanguageFormatCases.Bytes(LanguageFormatCases.Small(WeightType.F32), LanguageFormat.Protobuf);
        bytes.AsSpan(bytes.Length - 4).Fill(0xFF);
        EmlException refusal = Assert.Throws<EmlException>(() => LanguageFile.Read(bytes));
        Assert.Equal(ErrorCode.NonFinite, refusal.Code);
    }

    [Fact]
    public void Models_of_another_kind_are_refused_as_such()
    {
        var model = new Eml.Functions.EmlModel(2, 2, 1, Eml.Functions.Profile.Default);
        foreach (Eml.Formats.FileFormat format in new[] { Eml.Formats.FileFormat.Json, Eml.Formats.FileFormat.Safetensors, Eml.Formats.FileFormat.Protobuf })
        {
            byte[] bytes = Eml.Formats.ModelFile.Write(model, format);
            Assert.False(LanguageFile.Recognises(bytes));
            Assert.Equal((int)FormatError.Kind, Assert.Throws<EmlException>(() => LanguageFile.Read(bytes)).SubCode);
        }
    }
}
