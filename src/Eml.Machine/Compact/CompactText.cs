using System.Globalization;
using System.Text;
using Eml.Numerics;

namespace Eml.Machine.Compact;

/// <summary>
/// Program text in the manner of WebAssembly's: names as in <see cref="InstructionSet"/> or codes such as 0x01, each with its operand
/// behind it on the same line, decimal or hexadecimal; as many instructions on a line as one likes; comments from <c>;;</c> or
/// <c>#</c> to the end of the line. Instructions may stand in parentheses, then after the parenthesised ones that compute what they take;
/// <c>(loop …)</c> ends with its parenthesis. <c>end</c> is end_loop, and <c>offset=4</c> an offset of 4.
/// </summary>
public sealed class CompactText
{
    private const string Offset = "offset=";

    private readonly string _text;
    private readonly List<CompactInstruction> _instructions = [];
    private readonly List<(int Line, int Column)> _places = [];
    private readonly Stack<Parenthesis> _open = [];
    private int _at;
    private int _line = 1;
    private int _lineStart;

    private CompactText(string text) => _text = text;

    /// <summary>The instructions, not yet checked as a program.</summary>
    public IReadOnlyList<CompactInstruction> Instructions => _instructions;

    /// <summary>Where each instruction stands, both counted from 1.</summary>
    public IReadOnlyList<(int Line, int Column)> Places => _places;

    /// <summary>An open parenthesis, and the instruction that is put out when it is closed.</summary>
    private readonly record struct Parenthesis(int At, int Line, int Column, CompactInstruction? Held, int HeldLine, int HeldColumn);

    /// <summary>Reads program text.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Format"/>: the message says line, column, what is wrong and the remedy.</exception>
    public static CompactText Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parser = new CompactText(text);
        parser.Run();
        return parser;
    }

    /// <summary>A failure of one of the instructions, with the line and column where that stands; any other as it is.</summary>
    public EmlException Placed(EmlException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        if (!failure.Message.StartsWith("instruction ", StringComparison.Ordinal) || failure.SubCode >= _places.Count)
        {
            return failure;
        }
        (int line, int column) = _places[failure.SubCode];
        return new EmlException(failure.Code, $"line {line}, column {column}: {failure.Message}", failure.SubCode);
    }

    /// <summary>Writes a program, an instruction a line, the bodies of loops indented.</summary>
    public static string Write(IEnumerable<CompactInstruction> program)
    {
        ArgumentNullException.ThrowIfNull(program);
        var text = new StringBuilder();
        int nesting = 0;
        foreach (CompactInstruction instruction in program)
        {
            nesting -= instruction.Opcode == (int)Opcode.EndLoop && nesting > 0 ? 1 : 0;
            text.Append(' ', 2 * nesting).Append(instruction).Append('\n');
            nesting += instruction.Opcode == (int)Opcode.Loop ? 1 : 0;
        }
        return text.ToString();
    }

    private int Column => _at - _lineStart + 1;

    private void Run()
    {
        while (SkipTo(sameLine: false))
        {
            switch (_text[_at])
            {
                case '(':
                    OpenParenthesis();
                    break;
                case ')':
                    CloseParenthesis();
                    break;
                default:
                    ReadInstruction(null);
                    break;
            }
        }
        if (_open.TryPop(out Parenthesis open))
        {
            throw Refuse(open.At, open.Line, open.Column, "'(' is never closed; add ')'");
        }
    }

    private void OpenParenthesis()
    {
        (int at, int line, int column) = (_at, _line, Column);
        _at++;
        if (_at < _text.Length && _text[_at] == ';')
        {
            throw Refuse(at, line, column, "'(;' would begin a block comment, which is not read; begin each line of it with ;;");
        }
        if (!SkipTo(sameLine: false) || _text[_at] is '(' or ')')
        {
            throw Refuse(at, line, column, "'(' has no instruction behind it; write (i32.const 1) or leave the parentheses out");
        }
        ReadInstruction((at, line, column));
    }

    private void CloseParenthesis()
    {
        if (!_open.TryPop(out Parenthesis open))
        {
            throw Refuse("')' closes nothing; remove it");
        }
        if (open.Held is CompactInstruction held)
        {
            Put(held, open.HeldLine, open.HeldColumn);
        }
        else
        {
            Put(new CompactInstruction((int)Opcode.EndLoop), _line, Column);
        }
        _at++;
    }

    /// <summary>Reads an instruction; the first in a parenthesis opened at <paramref name="opened"/> waits for its end, but a loop.</summary>
    private void ReadInstruction((int At, int Line, int Column)? opened)
    {
        (int start, int line, int column) = (_at, _line, Column);
        if (opened is null && _open.TryPeek(out Parenthesis around) && around.Held is CompactInstruction outer)
        {
            throw Refuse($"an instruction inside the parentheses of {outer} must have parentheses of its own, or stand before them");
        }
        string word = Word();
        Instruction? instruction = word == "end" ? InstructionSet.Find((int)Opcode.EndLoop)
            : IsNumber(word) ? OfCode(word) : InstructionSet.Find(word);
        if (instruction is null)
        {
            throw Refuse($"'{Shown(word)}' is not an instruction{Suggestion(word)}; eml compact ops lists them all");
        }
        _at += word.Length;
        var read = new CompactInstruction((int)instruction.Opcode, ReadOperand(instruction, start, line, column));
        if (opened is not (int at, int openLine, int openColumn))
        {
            Put(read, line, column);
        }
        else if (instruction.Opcode == Opcode.Loop)
        {
            Put(read, line, column);
            _open.Push(new Parenthesis(at, openLine, openColumn, null, line, column));
        }
        else
        {
            _open.Push(new Parenthesis(at, openLine, openColumn, read, line, column));
        }
    }

    private Instruction? OfCode(string word)
    {
        if (!word.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            throw Refuse($"'{Shown(word)}' stands where an instruction is expected; a code is written in hexadecimal (0x01), an operand behind the " +
                "instruction that takes it, on the same line");
        }
        return InstructionSet.Find(Value(word))
            ?? throw Refuse($"no instruction has the code {Shown(word)}; eml compact ops lists them all");
    }

    private int? ReadOperand(Instruction instruction, int at, int line, int column)
    {
        if (instruction.Operand == OperandKind.None)
        {
            return null;
        }
        string word = SkipTo(sameLine: true) && _text[_at] is not ('(' or ')') ? Word() : "";
        bool isOffset = instruction.Operand == OperandKind.Offset && word.StartsWith(Offset, StringComparison.Ordinal);
        string number = isOffset ? word[Offset.Length..] : word;
        if (!IsNumber(number) && !isOffset)
        {
            return instruction.Operand is OperandKind.Offset or OperandKind.Label ? null
                : throw Refuse(at, line, column, $"{instruction.Name} needs an operand behind it on the same line: {Wanted(instruction.Operand)}");
        }
        int value = Value(number);
        int limit = instruction.Operand == OperandKind.Descriptor ? InstructionSet.Descriptors : InstructionSet.ValueLimit;
        if ((uint)value >= (uint)limit)
        {
            throw Refuse($"{instruction.Name} takes {Wanted(instruction.Operand)}; '{Shown(word)}' is none");
        }
        _at += word.Length;
        return value;
    }

    private void Put(CompactInstruction instruction, int line, int column)
    {
        _instructions.Add(instruction);
        _places.Add((line, column));
    }

    /// <summary>Goes to the next word; false at the end of the text, or of the line if asked for.</summary>
    private bool SkipTo(bool sameLine)
    {
        for (; _at < _text.Length; _at++)
        {
            char c = _text[_at];
            if (c == '#' || (c == ';' && _at + 1 < _text.Length && _text[_at + 1] == ';'))
            {
                int end = _text.IndexOf('\n', _at);
                _at = end < 0 ? _text.Length : end;
                if (end < 0)
                {
                    return false;
                }
                c = '\n';
            }
            if (c == '\n')
            {
                if (sameLine)
                {
                    return false;
                }
                _line++;
                _lineStart = _at + 1;
            }
            else if (c is not (' ' or '\t' or '\r'))
            {
                return true;
            }
        }
        return false;
    }

    private string Word()
    {
        int end = _at;
        while (end < _text.Length && _text[end] is not (' ' or '\t' or '\r' or '\n' or '(' or ')' or ';' or '#'))
        {
            end++;
        }
        return _text[_at..Math.Max(end, _at + 1)];
    }

    private static bool IsNumber(string word) => word.Length > 0 && (char.IsAsciiDigit(word[0]) || (word[0] is '-' or '+' && word.Length > 1));

    /// <summary>The number, or -1 if it is none that an operand or a code could be.</summary>
    private static int Value(string word)
    {
        bool isHex = word.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return int.TryParse(isHex ? word[2..] : word, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture,
            out int value) && value >= 0 ? value : -1;
    }

    private static string Wanted(OperandKind kind) => kind switch
    {
        OperandKind.Value => $"a value of 0 to {InstructionSet.ValueLimit - 1}",
        OperandKind.Local => $"the number of a local, 0 to {InstructionSet.ValueLimit - 1}",
        OperandKind.Descriptor => $"the number of a file, 0 to {InstructionSet.Descriptors - 1}",
        OperandKind.Label => $"how many loops further out, 0 to {InstructionSet.ValueLimit - 1}",
        _ => $"an offset of 0 to {InstructionSet.ValueLimit - 1}",
    };

    private static string Suggestion(string word)
    {
        string? near = InstructionSet.All.Select(instruction => instruction.Name).FirstOrDefault(name =>
            string.Equals(name, word, StringComparison.OrdinalIgnoreCase) || name.EndsWith($".{word}", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith($"{word}_", StringComparison.OrdinalIgnoreCase) || name.Replace('.', '_') == word);
        return near is null ? "" : $"; do you mean {near}?";
    }

    /// <summary>A word as it can stand in a message.</summary>
    private static string Shown(string word)
    {
        const int Longest = 40;
        string shown = string.Concat(word.EnumerateRunes().Take(Longest).Select(rune => Rune.IsControl(rune) ? "\uFFFD" : rune.ToString()));
        return shown.Length < word.Length ? shown + "…" : shown;
    }

    private EmlException Refuse(string why) => Refuse(_at, _line, Column, why);

    private EmlException Refuse(int at, int line, int column, string why) =>
        new(FormatError.Value, (ulong)Encoding.UTF8.GetByteCount(_text.AsSpan(0, at)), $"line {line}, column {column}: {why}");
}
