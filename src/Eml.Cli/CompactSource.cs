using System.CommandLine;
using System.Globalization;
using System.Text;
using Eml.Formats;
using Eml.Machine.Compact;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>A program of the compact interpreter as the command line names it: its text, and the files that it starts with.</summary>
internal sealed class CompactSource
{
    private const int MostText = 1 << 24;

    private readonly string _name;
    private readonly CompactText _text;

    private CompactSource(string name, CompactText text, byte[][] files)
    {
        _name = name;
        _text = text;
        Files = files;
    }

    /// <summary>What the files 0, 1, … hold at the start.</summary>
    public byte[][] Files { get; }

    /// <summary>The argument PROGRAM.</summary>
    public static Argument<string> ProgramArgument() => new("PROGRAM")
    {
        Description = "Program text, names or hexadecimal codes as eml compact ops shows them; - reads standard input",
    };

    /// <summary>The option --file.</summary>
    public static Option<string[]> FileOption() => new("--file")
    {
        HelpName = "D=PATH",
        Description = $"What file D (0 to {InstructionSet.Descriptors - 1}) holds at the start, at most {InstructionSet.FileLimit} bytes; may be given for each",
    };

    /// <summary>Reads program and files.</summary>
    public static CompactSource Read(string path, string[]? files)
    {
        byte[][] contents = ReadFiles(files);
        byte[] bytes = path == "-" ? ReadInput() : AtomicFile.Read(path, MostText);
        string name = path == "-" ? "standard input" : path;
        try
        {
            return new CompactSource(name, CompactText.Parse(Decode(bytes)), contents);
        }
        catch (EmlException e)
        {
            throw Store.Named(name, e);
        }
    }

    /// <summary>The files of --file options.</summary>
    public static byte[][] ReadFiles(string[]? options)
    {
        var files = new byte[InstructionSet.Descriptors][];
        foreach (string option in options ?? [])
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            bool isNumber = int.TryParse(option.AsSpan(0, Math.Max(equals, 0)), NumberStyles.None, CultureInfo.InvariantCulture, out int descriptor);
            if (!isNumber || (uint)descriptor >= (uint)files.Length)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"--file {option}: must be D=PATH with D from 0 to {files.Length - 1}, for example 0=data.txt");
            }
            if (files[descriptor] is not null)
            {
                throw new EmlException(ErrorCode.Argument, $"--file {option}: file {descriptor} was given before; give it once");
            }
            files[descriptor] = AtomicFile.Read(option[(equals + 1)..], InstructionSet.FileLimit);
        }
        return [.. files.Select(file => file ?? [])];
    }

    /// <summary>The checked program.</summary>
    public CompactProgram Check() => Placed(() => new CompactProgram(_text.Instructions));

    /// <summary>Puts the program at its start.</summary>
    public void Load(CompactMachine machine) => Placed(() =>
    {
        machine.Load(_text.Instructions, Files);
        return machine;
    });

    /// <summary>Does <paramref name="work"/>; a failure of an instruction is told with its line and column.</summary>
    public T Placed<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (EmlException e)
        {
            throw Store.Named(_name, _text.Placed(e));
        }
    }

    private static byte[] ReadInput()
    {
        using Stream input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        byte[] piece = new byte[1 << 16];
        for (int read = input.Read(piece); read > 0; read = input.Read(piece))
        {
            bytes.Write(piece, 0, read);
            if (bytes.Length > MostText)
            {
                throw new EmlException(ErrorCode.Limit, $"standard input: more than {MostText} bytes; a program's text is shorter");
            }
        }
        return bytes.ToArray();
    }

    private static string Decode(byte[] bytes)
    {
        int bad = 0;
        while (bad < bytes.Length)
        {
            if (Rune.DecodeFromUtf8(bytes.AsSpan(bad), out _, out int length) != System.Buffers.OperationStatus.Done)
            {
                throw new EmlException(FormatError.Value, (ulong)bad, $"byte {bad} (0x{bytes[bad]:X2}) is not valid UTF-8; program text must be UTF-8 throughout");
            }
            bad += length;
        }
        return Encoding.UTF8.GetString(bytes);
    }
}
