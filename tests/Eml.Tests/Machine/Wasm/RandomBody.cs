using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Writes one function of a random module. An expression leaves one value of its type, a statement leaves nothing.</summary>
internal sealed partial class RandomBody
{
    private readonly RandomModules _module;
    private readonly WasmSignature _type;
    private readonly WasmType[] _locals;
    private readonly ModuleBytes _code = new();

    /// <summary>For each open block, the innermost last, what a branch to it takes along; null is nothing. The first is the function.</summary>
    private readonly List<WasmType?> _labels = [];

    /// <summary>Instructions that may still be written.</summary>
    private int _left;

    public RandomBody(RandomModules module, WasmSignature type)
    {
        (_module, _type) = (module, type);
        _locals = [.. type.Parameters, .. Enumerable.Range(0, module.Below(5)).Select(_ => module.AnyType())];
        _left = 30 + module.Below(120);
    }

    private WasmType? Result => _type.Results.Length == 0 ? null : _type.Results[0];

    public ModuleBytes Write()
    {
        _labels.Add(Result);
        TakeFuel();
        for (int statements = 2 + Below(7); statements > 0; statements--)
        {
            Statement();
        }
        if (Result is WasmType type)
        {
            Expression(type);
        }
        _code.Op(WasmOpcode.End);
        WasmType[] own = _locals[_type.Parameters.Length..];
        var head = new ModuleBytes().Unsigned((ulong)own.Length);
        foreach (WasmType local in own)
        {
            head.Unsigned(1).Byte((byte)local);
        }
        return head.Bytes(_code.ToArray());
    }

    private int Below(int bound) => _module.Below(bound);

    private bool IsReckless() => Below(1000) < _module.Recklessness;

    private ModuleBytes Op(WasmOpcode code)
    {
        _left--;
        return _code.Op(code);
    }

    /// <summary>Returns if there is no fuel, else takes one.</summary>
    private void TakeFuel()
    {
        Op(WasmOpcode.GlobalGet).Unsigned(0);
        Op(WasmOpcode.I32Eqz);
        Op(WasmOpcode.If).Byte(0x40);
        if (Result is WasmType type)
        {
            Constant(type, _module.Value(type));
        }
        Op(WasmOpcode.Return).Op(WasmOpcode.End);
        Op(WasmOpcode.GlobalGet).Unsigned(0);
        Constant(WasmType.I32, 1);
        Op(WasmOpcode.I32Sub);
        Op(WasmOpcode.GlobalSet).Unsigned(0);
    }

    private void Statement()
    {
        if (_left <= 0)
        {
            Op(WasmOpcode.Nop);
            return;
        }
        switch (Below(20))
        {
            case 0 or 1 or 2:
                SetLocal();
                break;
            case 3:
                SetGlobal();
                break;
            case 4 or 5 or 6:
                Store();
                break;
            case 7:
                Expression(_module.AnyType());
                Op(WasmOpcode.Drop);
                break;
            case 8:
                Block(WasmOpcode.Block, null);
                break;
            case 9 or 10 or 11:
                Block(WasmOpcode.Loop, null);
                break;
            case 12 or 13:
                If(null);
                break;
            case 14 or 15:
                BranchIf();
                break;
            case 16:
                BranchTable();
                break;
            case 17 or 18:
                Call(null);
                break;
            default:
                Leave();
                break;
        }
    }

    private void SetLocal()
    {
        if (_locals.Length > 0)
        {
            int local = Below(_locals.Length);
            Expression(_locals[local]);
            Op(WasmOpcode.LocalSet).Unsigned((ulong)local);
        }
    }

    private void SetGlobal()
    {
        int global = Below(_module.Globals.Count);
        if (global > 0 && _module.Globals[global].IsMutable)
        {
            Expression(_module.Globals[global].Type);
            Op(WasmOpcode.GlobalSet).Unsigned((ulong)global);
        }
    }

    private void Block(WasmOpcode code, WasmType? type)
    {
        Op(code).Byte(type is null ? 0x40 : (byte)type);
        _labels.Add(code == WasmOpcode.Loop ? null : type);
        if (code == WasmOpcode.Loop)
        {
            TakeFuel();
        }
        Inside(type);
        if (code == WasmOpcode.Loop && type is null && Below(3) > 0)
        {
            Expression(WasmType.I32);
            Op(WasmOpcode.BrIf).Unsigned(0);
        }
        _labels.RemoveAt(_labels.Count - 1);
        _code.Op(WasmOpcode.End);
    }

    private void If(WasmType? type)
    {
        Expression(WasmType.I32);
        Op(WasmOpcode.If).Byte(type is null ? 0x40 : (byte)type);
        _labels.Add(type);
        Inside(type);
        if (type is not null || Below(2) == 0)
        {
            _code.Op(WasmOpcode.Else);
            Inside(type);
        }
        _labels.RemoveAt(_labels.Count - 1);
        _code.Op(WasmOpcode.End);
    }

    private void Inside(WasmType? type)
    {
        for (int statements = Below(3) + (type is null ? 1 : 0); statements > 0; statements--)
        {
            Statement();
        }
        if (type is not null)
        {
            Expression(type.Value);
        }
    }

    /// <summary>A label, counted from the innermost, to which a branch takes this along; -1 if there is none.</summary>
    private int Label(WasmType? type)
    {
        int[] fitting = [.. Enumerable.Range(0, _labels.Count).Where(label => _labels[^(label + 1)] == type)];
        return fitting.Length == 0 ? -1 : fitting[Below(fitting.Length)];
    }

    private void BranchIf()
    {
        int label = Label(null);
        if (label >= 0)
        {
            Expression(WasmType.I32);
            Op(WasmOpcode.BrIf).Unsigned((ulong)label);
        }
    }

    /// <summary>A br_table in a block of its own, so that something comes after it.</summary>
    private void BranchTable()
    {
        WasmType? type = Below(2) == 0 ? null : _labels[Below(_labels.Count)];
        Op(WasmOpcode.Block).Byte(type is null ? 0x40 : (byte)type);
        _labels.Add(type);
        if (type is not null)
        {
            Expression(type.Value);
        }
        Expression(WasmType.I32);
        int count = Below(5);
        if (Below(3) > 0)
        {
            Constant(WasmType.I32, (ulong)(count + 2));
            Op(WasmOpcode.I32RemU);
        }
        Op(WasmOpcode.BrTable).Unsigned((ulong)count);
        for (int i = 0; i <= count; i++)
        {
            _code.Unsigned((ulong)(Below(3) > 0 ? 0 : Label(type)));
        }
        _labels.RemoveAt(_labels.Count - 1);
        _code.Op(WasmOpcode.End);
        if (type is not null)
        {
            Op(WasmOpcode.Drop);
        }
    }

    /// <summary>br, return or unreachable behind a condition.</summary>
    private void Leave()
    {
        Expression(WasmType.I32);
        Op(WasmOpcode.If).Byte(0x40);
        _labels.Add(null);
        if (_module.Recklessness > 0 && Below(8) == 0)
        {
            Op(WasmOpcode.Unreachable);
        }
        else
        {
            Jump();
        }
        _labels.RemoveAt(_labels.Count - 1);
        _code.Op(WasmOpcode.End);
    }

    /// <summary>br to any block or return; nothing after it in the block is reached.</summary>
    private void Jump()
    {
        int label = Below(_labels.Count);
        WasmType? type = _labels[^(label + 1)];
        // Values below those that the branch takes along, which it removes.
        for (int more = Below(3); more > 0; more--)
        {
            Expression(_module.AnyType());
        }
        if (type is not null)
        {
            Expression(type.Value);
        }
        if (label == _labels.Count - 1 && Below(2) == 0)
        {
            Op(WasmOpcode.Return);
        }
        else
        {
            Op(WasmOpcode.Br).Unsigned((ulong)label);
        }
    }

    /// <summary>A call of a function that gives this; false if there is none.</summary>
    private bool Call(WasmType? type)
    {
        int[] fitting = [.. Enumerable.Range(0, _module.Functions.Count).Where(i => Gives(_module.Functions[i]) == type)];
        if (fitting.Length == 0)
        {
            return false;
        }
        int function = fitting[Below(fitting.Length)];
        int signature = _module.Functions[function];
        foreach (WasmType parameter in _module.Types[signature].Parameters)
        {
            Expression(parameter);
        }
        int[] entries = [.. Enumerable.Range(0, _module.Table.Length)
            .Where(i => _module.Table[i] >= 0 && _module.Types[_module.Functions[_module.Table[i]]].Equals(_module.Types[signature]))];
        bool isReckless = IsReckless() || IsReckless();
        if (isReckless || (entries.Length > 0 && Below(2) == 0))
        {
            if (isReckless && Below(2) == 0)
            {
                Expression(WasmType.I32);
            }
            else
            {
                Constant(WasmType.I32, (ulong)(isReckless ? Below(_module.Table.Length + 2) : entries[Below(entries.Length)]));
            }
            Op(WasmOpcode.CallIndirect).Unsigned((ulong)signature).Byte(0);
        }
        else
        {
            Op(WasmOpcode.Call).Unsigned((ulong)function);
        }
        return true;
    }

    private WasmType? Gives(int signature) => _module.Types[signature].Results.Length == 0 ? null : _module.Types[signature].Results[0];

    /// <summary>An address for so many bytes, mostly within the first page and now and then anything; gives the offset that may be added at most.</summary>
    private int Address(int bytes)
    {
        if (Below(4) == 0)
        {
            int room = Below(12);
            Constant(WasmType.I32, (ulong)(65536 - bytes - room));
            return room;
        }
        Expression(WasmType.I32);
        if (!IsReckless())
        {
            Constant(WasmType.I32, (ulong)(Below(3) switch { 0 => 0xF, 1 => 0xFFF, _ => 0xFF07 }));
            Op(WasmOpcode.I32And);
        }
        return 11;
    }

    private void MemoryImmediate(int width, int mostOffset)
    {
        _code.Unsigned((ulong)Below(width + 1));
        _code.Unsigned(IsReckless() ? _module.Value(WasmType.I32) : Below(2) == 0 ? 0UL : (ulong)Below(mostOffset + 1));
    }

    private void Store()
    {
        var code = (WasmOpcode)new[] { 0x36, 0x37, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E }[Below(7)];
        WasmOperation operation = WasmOpcodes.Integer[(byte)code];
        int mostOffset = Address(1 << operation.Width);
        Expression(operation.Pops![1]);
        Op(code);
        MemoryImmediate(operation.Width, mostOffset);
    }
}
