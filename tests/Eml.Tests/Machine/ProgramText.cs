using Eml.Machine.Compact;

namespace Eml.Tests.Machine;

/// <summary>A program with its files and what it must do.</summary>
internal sealed record ExpectedProgram(string Category, string Name, CompactInstruction[] Instructions, byte[][] Files)
{
    /// <summary>What it puts out.</summary>
    public byte[] Output { get; init; } = [];

    /// <summary>Files of which the contents are stated.</summary>
    public Dictionary<int, byte[]> FilesAfter { get; init; } = [];

    /// <summary>The instruction that ends it by a limit, or null if it halts.</summary>
    public int? LimitAt { get; init; }

    public override string ToString() => $"{Category}: {Name}";
}

/// <summary>Reads tests/data/compact/programs.txt; its head says how it is written. Names and codes stand here once more, so that a
/// change of the machine's table does not go unseen.</summary>
internal static class ProgramText
{
    private static readonly Dictionary<string, int> s_codes = new()
    {
        ["i32.const"] = 0x00,
        ["i32.add"] = 0x01,
        ["loop"] = 0x03,
        ["end_loop"] = 0x0B,
        ["br_if"] = 0x0D,
        ["local.get"] = 0x20,
        ["local.set"] = 0x21,
        ["local.tee"] = 0x22,
        ["i32.load"] = 0x28,
        ["i32.store"] = 0x36,
        ["i32.eq"] = 0x46,
        ["i32.ne"] = 0x47,
        ["i32.lt_s"] = 0x48,
        ["i32.gt_s"] = 0x4A,
        ["i32.le_s"] = 0x4C,
        ["i32.ge_s"] = 0x4E,
        ["i32.sub"] = 0x6B,
        ["i32.mul"] = 0x6C,
        ["i32.and"] = 0x71,
        ["i32.or"] = 0x72,
        ["output"] = 0xF0,
        ["fd_open"] = 0xF1,
        ["fd_read"] = 0xF2,
        ["fd_write"] = 0xF3,
        ["fd_close"] = 0xF4,
        ["halt"] = 0xFF,
    };

    public static IReadOnlyDictionary<string, int> Codes => s_codes;

    /// <summary>All programs of the file.</summary>
    public static List<ExpectedProgram> Read()
    {
        var programs = new List<ExpectedProgram>();
        string text = File.ReadAllText(Path.Combine(Golden.Root, "tests", "data", "compact", "programs.txt"));
        foreach (string block in text.Split("\n# ").Skip(1))
        {
            string[] lines = [.. block.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
            programs.Add(Program(lines[0].Split(": ", 2), lines[1..]));
        }
        return programs;
    }

    /// <summary>Instructions, separated by ';' or line ends.</summary>
    public static CompactInstruction[] Parse(string text) =>
        [.. text.Split([';', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Instruction)];

    private static ExpectedProgram Program(string[] title, string[] lines)
    {
        var program = new ExpectedProgram(title[0], title[1], [], []);
        var instructions = new List<CompactInstruction>();
        bool isExpected = false;
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["files", ..]:
                    program = program with { Files = [.. line["files".Length..].Split('|').Select(file => Bytes(file.Split(' ')))] };
                    break;
                case ["expect", "file", string descriptor, .. string[] bytes]:
                    program.FilesAfter.Add(int.Parse(descriptor), Bytes(bytes));
                    break;
                case ["expect", "limit", string instruction]:
                    program = program with { LimitAt = int.Parse(instruction) };
                    break;
                case ["expect", .. string[] bytes]:
                    program = program with { Output = Bytes(bytes) };
                    isExpected = true;
                    break;
                default:
                    instructions.AddRange(Parse(line));
                    break;
            }
        }
        return isExpected ? program with { Instructions = [.. instructions] }
            : throw new InvalidDataException($"{program} does not say what it puts out");
    }

    private static CompactInstruction Instruction(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new CompactInstruction(s_codes[words[0]], words.Length > 1 ? int.Parse(words[1]) : null);
    }

    private static byte[] Bytes(string[] words) => [.. words.Where(word => word.Length > 0).Select(byte.Parse)];
}
