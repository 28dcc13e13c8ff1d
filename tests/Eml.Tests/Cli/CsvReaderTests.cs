using Eml.Cli;
using Eml.Numerics;

namespace Eml.Tests.Cli;

/// <summary>RFC 4180, record by record.</summary>
public class CsvReaderTests
{
    [Theory]
    [InlineData("a,b\n1,2\n", "a|b/1|2")]
    [InlineData("a,b\r\n1,2\r\n", "a|b/1|2")]
    [InlineData("a,b\n1,2", "a|b/1|2")]
    [InlineData("\uFEFFa,b\n1,2\n", "a|b/1|2")]
    [InlineData("a,\n,b\n,\n", "a|/|b/|")]
    [InlineData("a,", "a|")]
    [InlineData("\"a\",\"b\"\r\n", "a|b")]
    [InlineData("\"a,b\",\"c\"\"d\"\n", "a,b|c\"d")]
    [InlineData("\"two\r\nlines\",x\ny,z", "two\r\nlines|x/y|z")]
    [InlineData("\"\",\"\"\"\"\n", "|\"")]
    [InlineData(" a , b \n", " a | b ")]
    [InlineData("", "")]
    [InlineData("\uFEFF", "")]
    [InlineData("é,Ω\n€,😀\n", "é|Ω/€|😀")]
    public void Splits_records_and_fields(string text, string expected) => Assert.Equal(expected, Join(text));

    [Theory]
    [InlineData("a,b\"c\n", "t.csv, line 1, column 2: a quote inside")]
    [InlineData("a,b\n\"c\"d,e\n", "t.csv, line 2, column 1: text after a closing quote")]
    [InlineData("a,b\nc,\"d\ne\n", "t.csv, line 2, column 2: the quote that opens this field is never closed")]
    [InlineData("a,b\rc,d\r", "t.csv, line 1, column 2: a carriage return without a line feed")]
    [InlineData("\"a\"\rb", "t.csv, line 1, column 1: a carriage return without a line feed")]
    public void Refuses_what_is_not_RFC_4180(string text, string message)
    {
        EmlException e = Assert.Throws<EmlException>(() => Join(text));
        Assert.Equal(ErrorCode.Format, e.Code);
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_count_from_1_and_include_those_inside_quotes()
    {
        var reader = new CsvReader(new StringReader("a\n\"b\nc\"\nd\n"), "t.csv");
        var lines = new List<long>();
        while (reader.Read())
            lines.Add(reader.Line);
        Assert.Equal([1, 2, 4], lines);
    }

    [Fact]
    public void Only_an_empty_line_is_blank()
    {
        var reader = new CsvReader(new StringReader("\n \n\"\"\n,\n0\n"), "t.csv");
        var blank = new List<bool>();
        while (reader.Read())
            blank.Add(reader.IsBlank);
        Assert.Equal([true, true, false, false, false], blank);
    }

    [Fact]
    public void Text_that_arrives_in_small_pieces_reads_the_same()
    {
        string text = string.Concat(Enumerable.Range(0, 5000).Select(i => $"{i},\"x\"\"{i}\r\n\",{-i}\r\n"));
        Assert.Equal(Join(text), Join(new Dribble(text)));
    }

    [Fact]
    public void A_record_over_the_limit_is_refused_and_not_kept()
    {
        var reader = new CsvReader(new Endless(), "t.csv");
        EmlException e = Assert.Throws<EmlException>(() => reader.Read());
        Assert.Equal(ErrorCode.Limit, e.Code);
        Assert.Contains("line 1", e.Message, StringComparison.Ordinal);
    }

    private static string Join(string text) => Join(new StringReader(text));

    private static string Join(TextReader text)
    {
        var reader = new CsvReader(text, "t.csv");
        var records = new List<string>();
        while (reader.Read())
            records.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.Field(i).ToString())));
        return string.Join('/', records);
    }

    /// <summary>Gives at most three characters at a time, as a pipe may.</summary>
    private sealed class Dribble(string text) : TextReader
    {
        private int _at;

        public override int Read(char[] buffer, int index, int count)
        {
            int n = Math.Min(Math.Min(count, 3), text.Length - _at);
            text.CopyTo(_at, buffer, index, n);
            _at += n;
            return n;
        }
    }

    /// <summary>Never ends and has no line ends, as a quote left open or /dev/zero.</summary>
    private sealed class Endless : TextReader
    {
        public override int Read(char[] buffer, int index, int count)
        {
            buffer.AsSpan(index, count).Fill('x');
            return count;
        }
    }
}
