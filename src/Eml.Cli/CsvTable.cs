using System.Globalization;
using System.Text;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>
/// A comma-separated table of numbers under a header of names, read row by row. Only the columns that are asked for have
/// to hold numbers.
/// </summary>
internal sealed class CsvTable : IDisposable
{
    /// <summary>Most numbers that are taken out of one table: what a model can record.</summary>
    public const long MaxNumbers = 1L << 27;

    /// <summary>Most columns.</summary>
    public const int MaxColumns = 1 << 16;

    private const NumberStyles Decimal = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint |
        NumberStyles.AllowExponent | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;

    private readonly TextReader _text;
    private readonly CsvReader _reader;
    private readonly long _maxNumbers;
    private long _numbers;

    /// <summary>Reads the header; the table closes <paramref name="text"/>.</summary>
    public CsvTable(TextReader text, string source, long maxNumbers = MaxNumbers)
    {
        _text = text;
        _reader = new CsvReader(text, source);
        _maxNumbers = maxNumbers;
        Names = ReadHeader();
    }

    /// <summary>The header.</summary>
    public string[] Names { get; }

    /// <summary>What is read, for messages.</summary>
    public string Source => _reader.Source;

    /// <summary>Opens a file, or standard input for "-".</summary>
    public static CsvTable Open(string path)
    {
        Stream bytes = path == "-" ? Console.OpenStandardInput() : OpenFile(path);
        // Strict: a byte that is not UTF-8 is an error, not a replacement character.
        var text = new StreamReader(bytes, new UTF8Encoding(false, throwOnInvalidBytes: true),
            detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16);
        try
        {
            return new CsvTable(text, path == "-" ? "standard input" : path);
        }
        catch
        {
            text.Dispose();
            throw;
        }
    }

    /// <summary>Names separated by commas, each quoted if need be, as in a CSV header.</summary>
    public static string[] SplitNames(string list, string option)
    {
        using var text = new StringReader(list);
        var reader = new CsvReader(text, option);
        if (!reader.Read())
            throw new EmlException(ErrorCode.Argument, $"{option}: no names; give one or several, separated by commas");

        var names = new string[reader.FieldCount];
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = reader.Field(i).Trim().ToString();
            if (names[i].Length == 0)
                throw new EmlException(ErrorCode.Argument, $"{option} \"{list}\": name {i + 1} is empty");
            if (Array.IndexOf(names, names[i]) < i)
                throw new EmlException(ErrorCode.Argument, $"{option} \"{list}\": {names[i]} is there twice");
        }

        return names;
    }

    /// <summary>Positions of the columns with these names. <paramref name="wanted"/> says for what, as in "input".</summary>
    public int[] Find(IReadOnlyList<string> names, string wanted)
    {
        int[] columns = [.. names.Select(name => Array.IndexOf(Names, name))];
        if (columns.Contains(-1))
        {
            string[] missing = [.. names.Where((_, i) => columns[i] < 0)];
            throw new EmlException(ErrorCode.Argument,
                $"{Source}: no {wanted} column {Output.List(missing)}; the header has {Output.List(Names)}");
        }

        return columns;
    }

    /// <summary>Steps to the next row; false at the end.</summary>
    public bool Next()
    {
        if (!_reader.Read())
        {
            return false;
        }

        if (_reader.IsBlank)
        {
            long line = _reader.Line;
            while (_reader.Read())
            {
                if (!_reader.IsBlank)
                {
                    throw new EmlException(FormatError.Value, EmlException.NoOffset,
                        $"{Source}, line {line}: empty, but more rows follow; remove it");
                }
            }

            return false;
        }

        if (_reader.FieldCount != Names.Length)
        {
            string hint = _reader.FieldCount > Names.Length
                ? "; write decimals with a point, and quote text that holds commas"
                : "; a cell without a value still needs its comma";
            throw new EmlException(FormatError.SizeMismatch, EmlException.NoOffset,
                $"{Source}, line {_reader.Line}: {Output.Count(_reader.FieldCount, "column")}, " +
                $"but the header has {Names.Length}{hint}");
        }

        return true;
    }

    /// <summary>Whether the cell of the row at hand is empty.</summary>
    public bool IsEmpty(int column) => _reader.Field(column).IsWhiteSpace();

    /// <summary>The number in a cell of the row at hand.</summary>
    public double Number(int column)
    {
        if (++_numbers > _maxNumbers)
        {
            throw new EmlException(ErrorCode.Limit,
                $"{Source}, line {_reader.Line}: more than {_maxNumbers} numbers, the limit; use fewer rows or columns");
        }

        ReadOnlySpan<char> cell = _reader.Field(column);
        if (!double.TryParse(cell, Decimal, CultureInfo.InvariantCulture, out double value))
        {
            throw Error(column, NotANumber(cell), FormatError.BadNumber);
        }

        if (!double.IsFinite(value))
        {
            throw new EmlException(ErrorCode.NonFinite,
                $"{Source}, line {_reader.Line}, column {column + 1} ({Names[column]}): \"{Shorten(cell)}\" is not a finite " +
                "double; remove the row or give a number within ±1.8e308");
        }

        return value;
    }

    /// <inheritdoc/>
    public void Dispose() => _text.Dispose();

    private string[] ReadHeader()
    {
        if (!_reader.Read() || _reader.IsBlank)
        {
            throw new EmlException(FormatError.Truncated, EmlException.NoOffset,
                $"{Source}, line 1: empty; a header with the columns' names is required");
        }

        if (_reader.FieldCount > MaxColumns)
        {
            throw new EmlException(ErrorCode.Limit,
                $"{Source}, line 1: {_reader.FieldCount} columns; the limit is {MaxColumns}");
        }

        if (_reader.FieldCount == 1 && _reader.Field(0).IndexOfAny(';', '\t') is int at and >= 0)
        {
            string separator = _reader.Field(0)[at] == ';' ? "semicolons" : "tabs";
            throw _reader.Error(0,
                $": columns seem to be separated by {separator}; separate them with commas, and write decimals with a point");
        }

        var names = new string[_reader.FieldCount];
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        int numbers = 0;
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = _reader.Field(i).Trim().ToString();
            if (names[i].Length == 0)
                throw _reader.Error(i, ": this column has no name; every column needs one in the header");
            if (!seen.TryAdd(names[i], i))
            {
                throw _reader.Error(i, $": the name {names[i]} is already that of column {seen[names[i]] + 1}; names must differ",
                    FormatError.DuplicateKey);
            }

            if (double.TryParse(names[i], Decimal, CultureInfo.InvariantCulture, out _))
                numbers++;
        }

        return numbers < names.Length
            ? names
            : throw _reader.Error(0, ": the first line holds only numbers; a header with the columns' names is required");
    }

    private static string NotANumber(ReadOnlySpan<char> cell)
    {
        if (cell.IsWhiteSpace())
            return "empty, but a number is needed here";

        string what = $"\"{Shorten(cell)}\" is not a number";
        if (cell.IndexOfAny(';', '\t') >= 0)
            return what + "; separate columns with commas";
        return cell.Contains(',') ? what + "; write decimals with a point and without group separators" : what;
    }

    private static string Shorten(ReadOnlySpan<char> cell) => cell.Length <= 40 ? cell.ToString() : $"{cell[..40]}…";

    private EmlException Error(int column, string what, FormatError error) =>
        _reader.Error(column, $" ({Names[column]}): {what}", error);

    private static FileStream OpenFile(string path)
    {
        if (Directory.Exists(path))
            throw new EmlException(ErrorCode.Io, $"{path}: a folder; give a CSV file");

        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new EmlException(ErrorCode.Io, $"{path}: no such file");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new EmlException(ErrorCode.Io, $"{path}: cannot be opened for reading; check its permissions");
        }
    }
}
