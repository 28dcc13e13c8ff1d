using Eml.Numerics;

namespace Eml.Machine.Wasm;

/// <summary>Checks one function body and resolves its branches. Source: WebAssembly Core Specification 1.0, appendix "Validation
/// Algorithm", with blocks of several parameters and results as in 2.0.</summary>
internal sealed class WasmValidator
{
    private const int MaxCode = 1 << 24;

    private readonly WasmDecoder _module;
    private readonly WasmReader _reader;
    private readonly int _function;
    private readonly WasmType[] _locals;
    private readonly List<WasmInstruction> _code = [];
    private readonly List<WasmBranch[]> _tables = [];

    /// <summary>The operand stack's types; null is a value of any type, which only code that is never reached has.</summary>
    private readonly List<WasmType?> _stack = [];
    private readonly List<Frame> _frames = [];
    private int _maxHeight;
    private int _at;

    public WasmValidator(WasmDecoder module, WasmReader body, int function, WasmType[] locals)
    {
        _module = module;
        _reader = body;
        _function = function;
        _locals = locals;
    }

    /// <summary>A block that is open.</summary>
    private sealed class Frame(WasmOpcode opcode, WasmType[] start, WasmType[] end, int height, int instruction)
    {
        public WasmOpcode Opcode { get; set; } = opcode;
        public WasmType[] Start { get; } = start;
        public WasmType[] End { get; } = end;
        public int Height { get; } = height;
        public int Instruction { get; set; } = instruction;
        public bool IsUnreachable { get; set; }

        /// <summary>Branches to its end, by instruction, or by table and entry.</summary>
        public List<(int Instruction, int Entry)> Forward { get; } = [];

        public WasmType[] LabelTypes => Opcode == WasmOpcode.Loop ? Start : End;
    }

    /// <summary>Reads the body to its end.</summary>
    public WasmFunction Read()
    {
        WasmSignature type = _module.Types[_module.FunctionTypes[_function]];
        _frames.Add(new Frame(WasmOpcode.Block, [], type.Results, 0, -1));
        while (_frames.Count > 0)
        {
            if (_code.Count >= MaxCode)
            {
                throw new EmlException(ErrorCode.Limit, (ulong)_reader.Offset,
                    $"byte {_reader.Offset}, function {_function}: it has more than {MaxCode} instructions");
            }
            _at = _reader.Offset;
            byte code = _reader.Byte();
            if (!WasmOpcodes.Integer.TryGetValue(code, out WasmOperation? operation))
            {
                throw Unknown(code);
            }
            Instruction((WasmOpcode)code, operation);
        }
        if (!_reader.AtEnd)
        {
            throw _reader.Malformed("section size mismatch");
        }
        return new WasmFunction(_function, _module.FunctionTypes[_function], _locals, [.. _code], [.. _tables], _maxHeight);
    }

    private EmlException Unknown(byte code)
    {
        if (WasmOpcodes.Refused.TryGetValue(code, out string? name))
        {
            return WasmReader.Refused(name, _at, _function);
        }
        return code switch
        {
            0xFC => WasmReader.Refused($"instruction 0xfc {_reader.U32()} (saturating conversion or bulk memory)", _at, _function),
            0xFD => WasmReader.Refused($"vector instruction 0xfd {_reader.U32()}", _at, _function),
            0xFE => WasmReader.Refused($"atomic instruction 0xfe {_reader.U32()}", _at, _function),
            _ => WasmReader.Malformed("illegal opcode", _at, 0),
        };
    }

    private void Instruction(WasmOpcode opcode, WasmOperation operation)
    {
        if (operation.Pops is not null)
        {
            Typed(opcode, operation);
            return;
        }
        switch (opcode)
        {
            case WasmOpcode.Unreachable:
                Emit(opcode);
                Unreachable();
                break;
            case WasmOpcode.Nop:
                Emit(opcode);
                break;
            case WasmOpcode.Block or WasmOpcode.Loop or WasmOpcode.If:
                Enter(opcode);
                break;
            case WasmOpcode.Else:
                Else();
                break;
            case WasmOpcode.End:
                End();
                break;
            case WasmOpcode.Br or WasmOpcode.BrIf:
                Branch(opcode);
                break;
            case WasmOpcode.BrTable:
                BranchTable();
                break;
            case WasmOpcode.Return:
                Emit(opcode);
                Pop(_frames[0].End);
                Unreachable();
                break;
            case WasmOpcode.Call:
                Call();
                break;
            case WasmOpcode.CallIndirect:
                CallIndirect();
                break;
            case WasmOpcode.Drop:
                Emit(opcode);
                Pop();
                break;
            case WasmOpcode.Select:
                Select();
                break;
            default:
                Variable(opcode);
                break;
        }
    }

    private void Typed(WasmOpcode opcode, WasmOperation operation)
    {
        ulong immediate = 0;
        if (operation.Width >= 0)
        {
            uint align = _reader.U32();
            if (align >= 32)
            {
                throw _reader.Malformed("malformed memop flags", -1);
            }
            immediate = _reader.U32();
            NeedMemory();
            if (align > operation.Width)
            {
                throw Invalid("alignment must not be larger than natural");
            }
        }
        else if (opcode is WasmOpcode.MemorySize or WasmOpcode.MemoryGrow)
        {
            if (_reader.Byte() != 0)
            {
                throw _reader.Malformed("zero byte expected", -1);
            }
            NeedMemory();
        }
        else if (opcode == WasmOpcode.I32Const)
        {
            immediate = (uint)_reader.Signed(32);
        }
        else if (opcode == WasmOpcode.I64Const)
        {
            immediate = (ulong)_reader.Signed(64);
        }
        Emit(opcode, immediate);
        Pop(operation.Pops!);
        if (operation.Pushes is WasmType type)
        {
            Push(type);
        }
    }

    private void Variable(WasmOpcode opcode)
    {
        uint index = _reader.U32();
        bool isLocal = opcode is WasmOpcode.LocalGet or WasmOpcode.LocalSet or WasmOpcode.LocalTee;
        if (index >= (isLocal ? _locals.Length : _module.GlobalTypes.Count))
        {
            throw Invalid($"unknown {(isLocal ? "local" : "global")} {index}");
        }
        WasmType type = isLocal ? _locals[index] : _module.GlobalTypes[(int)index].Type;
        if (opcode == WasmOpcode.GlobalSet && !_module.GlobalTypes[(int)index].IsMutable)
        {
            throw Invalid("global is immutable");
        }
        Emit(opcode, index);
        if (opcode is not (WasmOpcode.LocalGet or WasmOpcode.GlobalGet))
        {
            Pop(type);
        }
        if (opcode is not (WasmOpcode.LocalSet or WasmOpcode.GlobalSet))
        {
            Push(type);
        }
    }

    private void Enter(WasmOpcode opcode)
    {
        (WasmType[] parameters, WasmType[] results) = BlockType();
        Emit(opcode);
        if (opcode == WasmOpcode.If)
        {
            Pop(WasmType.I32);
        }
        Pop(parameters);
        _frames.Add(new Frame(opcode, parameters, results, _stack.Count, _code.Count - 1));
        Push(parameters);
    }

    private (WasmType[] Parameters, WasmType[] Results) BlockType()
    {
        byte first = _reader.Peek();
        if (first == 0x40)
        {
            _reader.Byte();
            return ([], []);
        }
        if (first is >= 0x41 and <= 0x7F)
        {
            return ([], [WasmDecoder.ValueType(_reader, _function)]);
        }
        long index = _reader.Signed(33);
        if (index < 0 || index >= _module.Types.Count)
        {
            throw Invalid($"unknown type {index}");
        }
        return (_module.Types[(int)index].Parameters, _module.Types[(int)index].Results);
    }

    private void Else()
    {
        Frame frame = _frames[^1];
        if (frame.Opcode != WasmOpcode.If)
        {
            throw WasmReader.Malformed("END opcode expected", _at, 0);
        }
        Emit(WasmOpcode.Else);
        PopToStart(frame);
        Resolve(frame.Instruction, _code.Count);
        frame.Opcode = WasmOpcode.Else;
        frame.Forward.Add((_code.Count - 1, -1));
        frame.IsUnreachable = false;
        Push(frame.Start);
    }

    private void End()
    {
        Frame frame = _frames[^1];
        Emit(WasmOpcode.End);
        PopToStart(frame);
        if (frame.Opcode == WasmOpcode.If)
        {
            if (!frame.Start.AsSpan().SequenceEqual(frame.End))
            {
                throw Invalid("type mismatch");
            }
            Resolve(frame.Instruction, _code.Count);
        }
        foreach ((int instruction, int entry) in frame.Forward)
        {
            if (entry < 0)
            {
                Resolve(instruction, _code.Count);
            }
            else
            {
                WasmBranch[] table = _tables[(int)_code[instruction].Immediate];
                table[entry] = table[entry] with { Target = _code.Count };
            }
        }
        _frames.RemoveAt(_frames.Count - 1);
        Push(frame.End);
    }

    private void PopToStart(Frame frame)
    {
        Pop(frame.End);
        if (_stack.Count != frame.Height)
        {
            throw Invalid("type mismatch");
        }
    }

    private void Resolve(int instruction, int target) =>
        _code[instruction] = _code[instruction] with { Branch = _code[instruction].Branch with { Target = target } };

    private Frame Label(uint label) => label < (uint)_frames.Count ? _frames[_frames.Count - 1 - (int)label] : throw Invalid($"unknown label {label}");

    private WasmBranch Branch(Frame frame, int entry)
    {
        if (frame.Opcode != WasmOpcode.Loop)
        {
            frame.Forward.Add((_code.Count - 1, entry));
        }
        return new WasmBranch(frame.Instruction + 1, frame.Height, frame.LabelTypes.Length);
    }

    private void Branch(WasmOpcode opcode)
    {
        Frame frame = Label(_reader.U32());
        Emit(opcode);
        _code[^1] = _code[^1] with { Branch = Branch(frame, -1) };
        if (opcode == WasmOpcode.BrIf)
        {
            Pop(WasmType.I32);
        }
        Pop(frame.LabelTypes);
        if (opcode == WasmOpcode.BrIf)
        {
            Push(frame.LabelTypes);
        }
        else
        {
            Unreachable();
        }
    }

    private void BranchTable()
    {
        uint[] labels = new uint[_reader.Count() + 1];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = _reader.U32();
        }
        Emit(WasmOpcode.BrTable, (ulong)_tables.Count);
        var branches = new WasmBranch[labels.Length];
        _tables.Add(branches);
        Pop(WasmType.I32);
        WasmType[] types = Label(labels[^1]).LabelTypes;
        for (int i = 0; i < labels.Length; i++)
        {
            Frame frame = Label(labels[i]);
            if (frame.LabelTypes.Length != types.Length)
            {
                throw Invalid("type mismatch");
            }
            WasmType?[] popped = Pop(frame.LabelTypes);
            _stack.AddRange(popped);
            branches[i] = Branch(frame, i);
        }
        Pop(types);
        Unreachable();
    }

    private void Call()
    {
        uint index = _reader.U32();
        if (index >= _module.FunctionTypes.Count)
        {
            throw Invalid($"unknown function {index}");
        }
        WasmSignature type = _module.Types[_module.FunctionTypes[(int)index]];
        Emit(WasmOpcode.Call, index);
        Pop(type.Parameters);
        Push(type.Results);
    }

    private void CallIndirect()
    {
        uint index = _reader.U32();
        if (_reader.Byte() != 0)
        {
            throw _reader.Malformed("zero byte expected", -1);
        }
        if (!_module.HasTable)
        {
            throw Invalid("unknown table 0");
        }
        if (index >= _module.Types.Count)
        {
            throw Invalid($"unknown type {index}");
        }
        Emit(WasmOpcode.CallIndirect, index);
        Pop(WasmType.I32);
        Pop(_module.Types[(int)index].Parameters);
        Push(_module.Types[(int)index].Results);
    }

    private void Select()
    {
        Emit(WasmOpcode.Select);
        Pop(WasmType.I32);
        WasmType? first = Pop();
        WasmType? second = Pop();
        if (first is not null && second is not null && first != second)
        {
            throw Invalid("type mismatch");
        }
        Push(first ?? second);
    }

    private void NeedMemory()
    {
        if (!_module.HasMemory)
        {
            throw Invalid("unknown memory 0");
        }
    }

    private void Emit(WasmOpcode opcode, ulong immediate = 0) =>
        _code.Add(new WasmInstruction(_at, opcode, immediate, _stack.Count, !_frames[^1].IsUnreachable, default));

    private void Push(WasmType? type)
    {
        _stack.Add(type);
        _maxHeight = Math.Max(_maxHeight, _stack.Count);
    }

    private void Push(WasmType[] types)
    {
        foreach (WasmType type in types)
        {
            Push(type);
        }
    }

    private WasmType? Pop()
    {
        Frame frame = _frames[^1];
        if (_stack.Count == frame.Height)
        {
            return frame.IsUnreachable ? null : throw Invalid("type mismatch");
        }
        WasmType? type = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return type;
    }

    private WasmType? Pop(WasmType expected)
    {
        WasmType? found = Pop();
        return found is null || found == expected ? found : throw Invalid("type mismatch");
    }

    private WasmType?[] Pop(WasmType[] types)
    {
        var popped = new WasmType?[types.Length];
        for (int i = types.Length - 1; i >= 0; i--)
        {
            popped[i] = Pop(types[i]);
        }
        return popped;
    }

    private void Unreachable()
    {
        _stack.RemoveRange(_frames[^1].Height, _stack.Count - _frames[^1].Height);
        _frames[^1].IsUnreachable = true;
    }

    /// <summary>A body that is not valid; one whose bytes are malformed further on is called that, since decoding comes before validation.</summary>
    private EmlException Invalid(string what)
    {
        _reader.GoTo(_at);
        WasmSkip.Body(_reader, _frames.Count);
        return WasmReader.Invalid(what, _at, _function);
    }
}
