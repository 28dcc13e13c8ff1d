using Eml.Machine.Compact;

namespace Eml.Tests.Machine;

/// <summary>How a run of the plain interpreter ended.</summary>
internal enum PlainEnd
{
    Halt,
    LoopLimit,
    FileFull,
    OutOfFuel,
}

/// <summary>What a program did: the value of every executed instruction as a token, the instruction that each came from, the output and
/// the files.</summary>
internal sealed record PlainRun(PlainEnd End, List<int> Tokens, List<int> Instructions, List<byte> Output, byte[][] Files);

/// <summary>The instruction set as a switch over a stack, written from its description alone: no check, no table and no code of the
/// machine. Descriptors are those that are on the stack when the program runs.</summary>
internal sealed class PlainInterpreter
{
    private const int NoValue = 256;
    private const int Halted = 257;
    private const int BodyRuns = 256;
    private const int FileBytes = 32;

    private readonly Stack<int> _stack = new();
    private readonly Dictionary<int, int> _locals = [];
    private readonly int[] _memory = new int[511];
    private readonly List<int>[] _files;
    private readonly int[] _cursors = new int[4];
    private readonly bool[] _open = new bool[4];
    private readonly Stack<(int At, int Runs)> _loops = new();

    private PlainInterpreter(IReadOnlyList<byte[]> files) =>
        _files = [.. Enumerable.Range(0, 4).Select(d => d < files.Count ? files[d].Select(b => (int)b).ToList() : [])];

    public static PlainRun Run(IReadOnlyList<CompactInstruction> program, IReadOnlyList<byte[]> files, int fuel)
    {
        var plain = new PlainInterpreter(files);
        var run = new PlainRun(PlainEnd.OutOfFuel, [], [], [], []);
        int next = 0;
        PlainEnd? end = null;
        while (end is null && run.Tokens.Count < fuel)
        {
            int at = next++;
            (int code, int operand) = (program[at].Opcode, program[at].Operand ?? 0);
            run.Instructions.Add(at);
            run.Tokens.Add(code switch
            {
                0x03 or 0x0B => NoValue,
                0xFF => Halted,
                _ => plain.Value(code, operand, run.Output, ref end),
            });
            switch (code)
            {
                case 0x03:
                    plain._loops.Push((at, 1));
                    break;
                case 0x0B:
                    plain._loops.Pop();
                    break;
                case 0x0D when run.Tokens[^1] != 0:
                    next = plain.GoBack(operand, ref end);
                    break;
                case 0xFF:
                    end = PlainEnd.Halt;
                    break;
            }
        }
        return run with
        {
            End = end ?? PlainEnd.OutOfFuel,
            Files = [.. plain._files.Select(file => file.Select(b => (byte)b).ToArray())],
        };
    }

    private int GoBack(int label, ref PlainEnd? end)
    {
        for (; label > 0; label--)
        {
            _loops.Pop();
        }
        (int at, int runs) = _loops.Pop();
        _loops.Push((at, runs + 1));
        if (runs == BodyRuns)
        {
            end = PlainEnd.LoopLimit;
        }
        return at + 1;
    }

    private int Value(int code, int operand, List<byte> output, ref PlainEnd? end)
    {
        switch (code)
        {
            case 0x00:
                return Push(operand);
            case 0x20:
                return Push(_locals.GetValueOrDefault(operand));
            case 0x21:
                return _locals[operand] = _stack.Pop();
            case 0x22:
                return _locals[operand] = _stack.Peek();
            case 0x28:
                return Push(_memory[_stack.Pop() + operand]);
            case 0x36:
                int stored = _stack.Pop();
                return _memory[_stack.Pop() + operand] = stored;
            case 0x0D:
                return _stack.Pop();
            case 0xF0:
                output.Add((byte)_stack.Peek());
                return _stack.Pop();
            case 0xF1:
                _open[operand] = true;
                _cursors[operand] = 0;
                return Push(operand);
            case 0xF2:
                return Push(Read(Opened(_stack.Pop())));
            case 0xF3:
                int written = _stack.Pop();
                Write(Opened(_stack.Pop()), written, ref end);
                return written;
            case 0xF4:
                int closed = Opened(_stack.Pop());
                _open[closed] = false;
                return closed;
            default:
                int second = _stack.Pop();
                return Push(Binary(code, _stack.Pop(), second));
        }
    }

    /// <summary>The eleven operations on two values.</summary>
    public static int Binary(int code, int x, int y) => code switch
    {
        0x01 => (x + y) % 256,
        0x6B => (x - y + 256) % 256,
        0x6C => x * y % 256,
        0x71 => x & y,
        0x72 => x | y,
        0x46 => x == y ? 1 : 0,
        0x47 => x != y ? 1 : 0,
        0x48 => x < y ? 1 : 0,
        0x4A => x > y ? 1 : 0,
        0x4C => x <= y ? 1 : 0,
        0x4E => x >= y ? 1 : 0,
        _ => throw new InvalidOperationException($"0x{code:X2} is no instruction"),
    };

    private int Push(int value)
    {
        _stack.Push(value);
        return value;
    }

    private int Opened(int descriptor) => _open[descriptor] ? descriptor
        : throw new InvalidOperationException($"descriptor {descriptor} is not open: the check should have refused the program");

    private int Read(int descriptor)
    {
        int at = _cursors[descriptor]++;
        return at < _files[descriptor].Count ? _files[descriptor][at] : 0;
    }

    private void Write(int descriptor, int value, ref PlainEnd? end)
    {
        int at = _cursors[descriptor]++;
        if (at >= FileBytes)
        {
            end = PlainEnd.FileFull;
            return;
        }
        while (_files[descriptor].Count <= at)
        {
            // What was read past the end and never written is 0.
            _files[descriptor].Add(0);
        }
        _files[descriptor][at] = value;
    }
}
