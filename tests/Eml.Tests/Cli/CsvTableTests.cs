using System.Globalization;
using System.Text;
using Eml.Cli;
using Eml.Numerics;

namespace Eml.Tests.Cli;

/// <summary>Header, numbers and refusals of a table.</summary>
public class CsvTableTests
{
    [Theory]
    [InlineData("x,y\n1,2\n3,4\n")]
    [InlineData("x,y\r\n1,2\r\n3,4\r\n")]
    [InlineData("\uFEFFx,y\n1,2\n3,4")]
    [InlineData("x,y\n1,2\n3,4\n\n")]
    [InlineData("x,y\r\n1,2\r\n3,4\r\n\r\n  \r\n")]
    [InlineData("\"x\", y \n\"1\", 2 \n+3,4.0e0\n")]
    public void Reads_a_table(string text)
    {
        using var table = new CsvTable(new StringReader(text), "t.csv");
        Assert.Equal(["x", "y"], table.Names);
        Assert.Equal([1, 2, 3, 4], Numbers(table));
    }

    [Theory]
    [InlineData("0.1")]
    [InlineData("-0")]
    [InlineData("5e-324")]
    [InlineData("1.7976931348623157E+308")]
    [InlineData("2.2250738585072011e-308")]
    [InlineData(".5")]
    [InlineData("3.")]
    public void Numbers_are_the_nearest_double(string cell)
    {
        using var table = new CsvTable(new StringReader($"x\n{cell}\n"), "t.csv");
        double expected = double.Parse(cell, CultureInfo.InvariantCulture);
        Assert.Equal(BitConverter.DoubleToInt64Bits(expected), BitConverter.DoubleToInt64Bits(Numbers(table)[0]));
    }

    [Theory]
    [InlineData("x\nabc\n", "line 2, column 1 (x): \"abc\" is not a number")]
    [InlineData("x,y\n1,\n", "line 2, column 2 (y): empty, but a number is needed here")]
    [InlineData("x,y\n1,2\n3,\"1,5\"\n", "line 3, column 2 (y): \"1,5\" is not a number; write decimals with a point")]
    [InlineData("x,y\n1,2\n3,4;5\n", "line 3, column 2 (y): \"4;5\" is not a number; separate columns with commas")]
    [InlineData("x,y\n1,0x10\n", "line 2, column 2 (y): \"0x10\" is not a number")]
    [InlineData("x,y\n1,\"1 000\"\n", "line 2, column 2 (y): \"1 000\" is not a number")]
    [InlineData("x,y\n1,2,3\n", "line 2: 3 columns, but the header has 2; write decimals with a point")]
    [InlineData("x,y\n1\n", "line 2: 1 column, but the header has 2")]
    [InlineData("x,y\n1,2\n\n3,4\n", "line 3: empty, but more rows follow")]
    [InlineData("x;y\n1;2\n", "line 1, column 1: columns seem to be separated by semicolons")]
    [InlineData("x\ty\n1\t2\n", "line 1, column 1: columns seem to be separated by tabs")]
    [InlineData("x,y,x\n1,2,3\n", "line 1, column 3: the name x is already that of column 1")]
    [InlineData("x,,y\n1,2,3\n", "line 1, column 2: this column has no name")]
    [InlineData("1,2\n3,4\n", "line 1, column 1: the first line holds only numbers")]
    [InlineData("", "line 1: empty")]
    [InlineData("\nx,y\n", "line 1: empty")]
    public void Refusals_say_where_and_why(string text, string message)
    {
        EmlException e = Assert.Throws<EmlException>(() => Read(text));
        Assert.Equal(ErrorCode.Format, e.Code);
        Assert.StartsWith("t.csv, " + message, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-Infinity")]
    [InlineData("1e309")]
    public void Numbers_must_be_finite(string cell)
    {
        EmlException e = Assert.Throws<EmlException>(() => Read($"x,y\n1,{cell}\n"));
        Assert.Equal(ErrorCode.NonFinite, e.Code);
        Assert.Contains($"line 2, column 2 (y): \"{cell}\"", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_do_not_depend_on_the_locale()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("")
            {
                NumberFormat = { NumberDecimalSeparator = ",", NumberGroupSeparator = "." },
            };
            Assert.Equal([1.5, 2.25], Read("x,y\n1.5,2.25\n"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Text_columns_do_no_harm_unless_they_are_asked_for()
    {
        using var table = new CsvTable(new StringReader("name,x\nMüller,1\n\"O, K\",2\n"), "t.csv");
        int[] columns = table.Find(["x"], "input");
        Assert.True(table.Next());
        Assert.Equal(1, table.Number(columns[0]));
        Assert.True(table.Next());
        Assert.Equal(2, table.Number(columns[0]));
        Assert.False(table.Next());
    }

    [Fact]
    public void Missing_columns_are_named_beside_those_that_are_there()
    {
        using var table = new CsvTable(new StringReader("x,y\n1,2\n"), "t.csv");
        Assert.Equal([1, 0], table.Find(["y", "x"], "input"));
        EmlException e = Assert.Throws<EmlException>(() => table.Find(["x", "p", "q"], "input"));
        Assert.Equal("t.csv: no input column p, q; the header has x, y", e.Message);
    }

    [Fact]
    public void Too_many_numbers_are_refused()
    {
        using var table = new CsvTable(new StringReader("x\n1\n2\n3\n"), "t.csv", maxNumbers: 2);
        EmlException e = Assert.Throws<EmlException>(() => Numbers(table));
        Assert.Equal(ErrorCode.Limit, e.Code);
        Assert.Contains("line 4: more than 2 numbers", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_columns_are_refused()
    {
        string header = string.Join(',', Enumerable.Range(0, CsvTable.MaxColumns + 1).Select(i => $"c{i}"));
        Assert.Equal(ErrorCode.Limit, Assert.Throws<EmlException>(() => Read(header)).Code);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'x', 0xFF, (byte)'\n' })]
    [InlineData(new byte[] { 0xFF, 0xFE, (byte)'x', 0, (byte)'\n', 0 })] // UTF-16
    public void Bytes_that_are_not_UTF8_are_refused(byte[] bytes)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            EmlException e = Assert.Throws<EmlException>(() => CsvTable.Open(path).Dispose());
            Assert.Contains("not UTF-8 on line 1", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Files_are_read_as_UTF8_with_or_without_a_mark()
    {
        string path = Path.GetTempFileName();
        try
        {
            foreach (bool mark in new[] { false, true })
            {
                File.WriteAllText(path, "größe,y\n1,2\n", new UTF8Encoding(mark));
                using CsvTable table = CsvTable.Open(path);
                Assert.Equal(["größe", "y"], table.Names);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_told_apart()
    {
        string missing = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        Assert.Equal($"{missing}: no such file", Assert.Throws<EmlException>(() => CsvTable.Open(missing)).Message);
        string folder = Path.GetTempPath();
        Assert.Equal($"{folder}: a folder; give a CSV file", Assert.Throws<EmlException>(() => CsvTable.Open(folder)).Message);
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("a,b", "a|b")]
    [InlineData(" a , b ", "a|b")]
    [InlineData("\"a,b\",c", "a,b|c")]
    [InlineData("2020", "2020")]
    public void Lists_of_names_are_split_like_a_header(string list, string expected) =>
        Assert.Equal(expected, string.Join('|', CsvTable.SplitNames(list, "--inputs")));

    [Theory]
    [InlineData("")]
    [InlineData("a,,b")]
    [InlineData("a,b,a")]
    public void Lists_of_names_must_be_complete_and_differ(string list) =>
        Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() => CsvTable.SplitNames(list, "--inputs")).Code);

    private static List<double> Read(string text)
    {
        using var table = new CsvTable(new StringReader(text), "t.csv");
        return Numbers(table);
    }

    private static List<double> Numbers(CsvTable table)
    {
        var numbers = new List<double>();
        while (table.Next())
        {
            for (int column = 0; column < table.Names.Length; column++)
                numbers.Add(table.Number(column));
        }

        return numbers;
    }
}
