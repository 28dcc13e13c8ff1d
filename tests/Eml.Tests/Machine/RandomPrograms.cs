using Eml.Machine.Compact;
using Eml.Numerics;

namespace Eml.Tests.Machine;

/// <summary>Random programs that the check accepts, the same for the same seed: all instructions, loops inside each other, ways back to the
/// innermost and the next loop, values over the whole range.</summary>
/// <remarks>What is made must be valid without looking at the check: descriptors are constants of files that were opened and, in loops
/// that began with them open, not closed. A loop goes back while a local of its own stays below a small bound, or now and then on a
/// random value, which ends in the limit or at once.</remarks>
internal sealed class RandomPrograms
{
    private readonly List<CompactInstruction> _program = [];
    private readonly bool[] _open = new bool[4];
    private readonly List<Frame> _loops = [];
    private Lcg64 _random;
    private int _depth;
    private int _length;

    private RandomPrograms(ulong seed) => _random = new Lcg64(seed);

    /// <summary>A loop that is being written: stack depth and open files at its start, and the local that counts its runs.</summary>
    private readonly record struct Frame(int Depth, bool[] Open, int Counter);

    /// <summary>A program of about <paramref name="length"/> instructions with its files.</summary>
    public static (CompactInstruction[] Program, byte[][] Files) Make(ulong seed, int length)
    {
        var made = new RandomPrograms(seed * 0x9E3779B97F4A7C15) { _length = length };
        byte[][] files = [.. Enumerable.Range(0, made.Below(5)).Select(_ => made.File())];
        while (made._program.Count < length)
        {
            made.Statement();
        }
        while (made._loops.Count > 0)
        {
            made.EndLoop();
        }
        made.Emit(Opcode.Halt);
        return ([.. made._program], files);
    }

    private byte[] File()
    {
        byte[] bytes = new byte[Below(8) == 0 ? 32 : Below(5)];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)Value();
        }
        return bytes;
    }

    private void Statement()
    {
        int own = _depth - (_loops.Count > 0 ? _loops[^1].Depth : 0);
        switch (Below(32))
        {
            case < 5:
                Push();
                break;
            case < 10 when own >= 2:
                Emit(s_binary[Below(s_binary.Length)]);
                _depth--;
                break;
            case < 12 when own >= 1:
                Emit(Opcode.Output);
                _depth--;
                break;
            case < 14 when own >= 1:
                Emit(Opcode.LocalSet, Local());
                _depth--;
                break;
            case < 15 when own >= 1:
                Emit(Opcode.LocalTee, Local());
                break;
            case < 17 when own >= 1:
                Emit(Opcode.Load, Offset());
                break;
            case < 19 when own >= 2:
                Emit(Opcode.Store, Offset());
                _depth -= 2;
                break;
            case 19 or 20:
                Open();
                break;
            case < 25:
                UseFile();
                break;
            case < 27 when _loops.Count < 3 && _length - _program.Count > 6:
                BeginLoop();
                break;
            case < 29 when _loops.Count > 0:
                GoBack(Below(2));
                break;
            case 29 when _loops.Count > 0:
                EndLoop();
                break;
            case 30 when Below(12) == 0:
                Emit(Opcode.Halt);
                break;
            default:
                Push();
                break;
        }
    }

    private static readonly Opcode[] s_binary =
    [
        Opcode.Add, Opcode.Sub, Opcode.Mul, Opcode.And, Opcode.Or, Opcode.Eq, Opcode.Ne, Opcode.LtS, Opcode.GtS, Opcode.LeS, Opcode.GeS,
    ];

    private void Push()
    {
        if (Below(3) > 0)
        {
            Emit(Opcode.Const, Value());
        }
        else
        {
            Emit(Opcode.LocalGet, Local());
        }
        _depth++;
    }

    private void Open()
    {
        int d = Below(4);
        Emit(Opcode.FdOpen, d);
        _open[d] = true;
        _depth++;
    }

    private void UseFile()
    {
        int d = Below(4);
        for (int i = 0; i < 4 && !_open[d]; i++)
        {
            d = (d + 1) % 4;
        }
        if (!_open[d])
        {
            Open();
            return;
        }
        Emit(Opcode.Const, d);
        switch (Below(9))
        {
            case < 4:
                Emit(Opcode.FdRead);
                _depth++;
                break;
            case < 8:
                _depth++;
                Push();
                Emit(Opcode.FdWrite);
                _depth -= 2;
                break;
            default:
                Emit(Opcode.FdClose);
                _open[d] = false;
                break;
        }
    }

    private void BeginLoop()
    {
        int counter = 100 + _loops.Count;
        if (Below(8) > 0)
        {
            // Without this, the count of an inner loop goes on where it was.
            Emit(Opcode.Const, 0);
            Emit(Opcode.LocalSet, counter);
        }
        Emit(Opcode.Loop);
        _loops.Add(new Frame(_depth, [.. _open], counter));
    }

    /// <summary>Goes back to a loop if the stack and the files allow it, after taking off what lies above its start.</summary>
    private void GoBack(int label)
    {
        label = Math.Min(label, _loops.Count - 1);
        Frame to = _loops[^(label + 1)];
        if (_loops[^1].Depth != to.Depth)
        {
            label = 0;
            to = _loops[^1];
        }
        while (_depth > to.Depth)
        {
            Emit(Below(2) == 0 ? Opcode.Output : Opcode.LocalSet, null);
            if (_program[^1].Opcode == (int)Opcode.LocalSet)
            {
                _program[^1] = _program[^1] with { Operand = Local() };
            }
            _depth--;
        }
        for (int d = 0; d < 4; d++)
        {
            if (to.Open[d] && !_open[d])
            {
                Emit(Opcode.FdOpen, d);
                Emit(Opcode.Output);
                _open[d] = true;
            }
        }
        if (Below(60) == 0)
        {
            // Goes back as chance has it, perhaps for ever.
            Push();
            _depth--;
        }
        else
        {
            Emit(Opcode.LocalGet, to.Counter);
            Emit(Opcode.Const, 1);
            Emit(Opcode.Add);
            Emit(Opcode.LocalTee, to.Counter);
            Emit(Opcode.Const, 1 + Below(4));
            Emit(Below(2) == 0 ? Opcode.LeS : Opcode.LtS);
        }
        Emit(Opcode.BrIf, label == 0 && Below(2) == 0 ? null : label);
    }

    private void EndLoop()
    {
        if (Below(8) > 0)
        {
            GoBack(0);
        }
        while (_depth > _loops[^1].Depth)
        {
            Emit(Opcode.Output);
            _depth--;
        }
        Emit(Opcode.EndLoop);
        _loops.RemoveAt(_loops.Count - 1);
    }

    private void Emit(Opcode opcode, int? operand = null) => _program.Add(new CompactInstruction((int)opcode, operand));

    /// <summary>Small values, values at the ends and any values alike often.</summary>
    private int Value() => Below(4) switch { 0 => Below(5), 1 => 255 - Below(3), 2 => 126 + Below(4), _ => Below(256) };

    /// <summary>Few different locals, so that they meet; all are possible.</summary>
    private int Local() => Below(8) == 0 ? Value() : Below(3);

    private int? Offset() => Below(3) switch { 0 => null, 1 => Below(3), _ => Value() };

    private int Below(int bound) => (int)(_random.Unit() * bound);
}
