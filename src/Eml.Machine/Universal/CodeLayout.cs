using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>Where a module's instructions stand in the machine's numbering, and the tokens that say so. Blocks, loops and ends need no
/// token: every instruction names its successor, and validation has fixed the height of the operand stack at each.</summary>
internal sealed class CodeLayout
{
    /// <summary>The first of two instructions that call what the host wants and hand it the results; two that load a word and hand it
    /// over.</summary>
    public const int Stub = 1, Peek = 3, PeekEnd = 4;

    /// <summary>What the last of them gives as the number of the host function.</summary>
    public const uint Done = uint.MaxValue;

    private readonly WasmModule _module;
    private readonly int[] _entries;
    private readonly int[][] _places;
    private readonly int[] _types;
    private readonly double _maxPages;

    public CodeLayout(WasmModule module)
    {
        _module = module;
        _types = Canonical(module);
        _maxPages = module.Memories.Length == 0 ? 0 : Math.Min(65536, module.Memories[0].Max ?? 65536);
        FrameLimit = module.Functions.Length == 0 ? 0 : module.Functions.Max(function => function.Locals.Length + function.MaxHeight) + 1;
        _entries = new int[module.FunctionTypes.Length];
        _places = new int[module.Functions.Length][];
        int place = PeekEnd + 1;
        for (int f = 0; f < module.ImportedFunctions; f++, place += 2)
        {
            _entries[f] = place;
        }
        for (int i = 0; i < module.Functions.Length; i++)
        {
            _entries[module.ImportedFunctions + i] = -1;
            place = Place(i, place);
        }
        if (place > UniversalMachine.MaxCode)
        {
            throw new EmlException(ErrorCode.Limit, $"wasm: the module has {place} instructions; the machine takes {UniversalMachine.MaxCode}");
        }
        Length = place;
        for (int i = 0; i < module.Functions.Length; i++)
        {
            _entries[module.ImportedFunctions + i] = Resolve(i, 0);
        }
    }

    /// <summary>Instructions that the module needs.</summary>
    public int Length { get; }

    /// <summary>Slots of the largest frame.</summary>
    public int FrameLimit { get; }

    /// <summary>Slots of the largest frame, those of imported functions included.</summary>
    public int LargestFrame => Enumerable.Range(0, _module.FunctionTypes.Length).Max(f => (int?)FrameOf(f)).GetValueOrDefault();

    /// <summary>Per instruction: whether it is one of the module's own, and not a target of br_table or the end of a function.</summary>
    public bool[] IsOwn()
    {
        bool[] own = new bool[Length];
        for (int i = 0; i < _places.Length; i++)
        {
            for (int c = 0; c < _places[i].Length - 1; c++)
            {
                if (_places[i][c] >= 0)
                {
                    own[_places[i][c]] = true;
                }
            }
        }
        return own;
    }

    /// <summary>What an instruction is and where it stands.</summary>
    public string Describe(int place)
    {
        if (place is >= Stub and <= PeekEnd)
        {
            return place switch { Stub => "call by the host", Stub + 1 => "results to the host", _ => "memory to the host" };
        }
        int imported = Array.FindIndex(_entries, 0, _module.ImportedFunctions, entry => place == entry || place == entry + 1);
        if (imported >= 0)
        {
            WasmImport import = _module.Imports.Where(import => import.Kind == WasmKind.Function).ElementAt(imported);
            return $"function {imported}: {(place == _entries[imported] ? "call of" : "return from")} {import.Module}.{import.Name}";
        }
        int i = Array.FindIndex(_places, places => places[^1] >= place);
        if (place <= 0 || i < 0)
        {
            return $"instruction {place}";
        }
        if (place == _places[i][^1])
        {
            return $"function {_module.Functions[i].Index}: end";
        }
        // A br_table's targets stand behind it.
        int c = Array.FindLastIndex(_places[i], _places[i].Length - 2, at => at >= 0 && at <= place);
        WasmInstruction instruction = _module.Functions[i].Code[c];
        string name = WasmOpcodes.Integer[(byte)instruction.Code].Name;
        string target = place == _places[i][c] ? "" : $", target {place - _places[i][c] - 1}";
        return $"function {_module.Functions[i].Index}, byte 0x{instruction.Offset:x}: {name}{target}";
    }

    /// <summary>The number of the signature that equals all equal ones.</summary>
    public int TypeOf(int function) => _types[_module.FunctionTypes[function]];

    /// <summary>First instruction of a function.</summary>
    public int Entry(int function) => _entries[function];

    /// <summary>Slots that a call of the function needs.</summary>
    public int FrameOf(int function) => function < _module.ImportedFunctions
        ? _module.Types[_module.FunctionTypes[function]] switch { WasmSignature type => type.Parameters.Length + type.Results.Length }
        : _module.Functions[function - _module.ImportedFunctions] switch { WasmFunction own => own.Locals.Length + own.MaxHeight + 1 };

    /// <summary>The tokens of all functions.</summary>
    public IEnumerable<double[]> Tokens()
    {
        yield return Token(Peek, MachineOp.Of(WasmOpcode.I64Load), PeekEnd);
        yield return Token(PeekEnd, MachineOp.HostCall, PeekEnd, low: Done, count: 1);
        for (int f = 0; f < _module.ImportedFunctions; f++)
        {
            WasmSignature type = _module.Types[_module.FunctionTypes[f]];
            yield return Token(_entries[f], MachineOp.HostCall, _entries[f] + 1, low: (ulong)f, count: type.Parameters.Length);
            yield return Token(_entries[f] + 1, MachineOp.Of(WasmOpcode.Return), 0, count: type.Results.Length);
        }
        for (int i = 0; i < _module.Functions.Length; i++)
        {
            foreach (double[] token in Tokens(i))
            {
                yield return token;
            }
        }
    }

    /// <summary>The two tokens that call a function, the first at <paramref name="place"/>.</summary>
    public IEnumerable<double[]> CallTokens(int function, int place)
    {
        yield return Token(place, MachineOp.Of(WasmOpcode.Call), place + 1, target: Entry(function), count: FrameOf(function));
        yield return Token(place + 1, MachineOp.HostCall, place + 1, low: Done, count: _module.Types[_module.FunctionTypes[function]].Results.Length);
    }

    private static int[] Canonical(WasmModule module)
    {
        int[] numbers = new int[module.Types.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = Array.FindIndex(module.Types, type => type.Equals(module.Types[i]));
        }
        return numbers;
    }

    private static bool IsStructure(WasmOpcode code) =>
        code is WasmOpcode.Nop or WasmOpcode.Block or WasmOpcode.Loop or WasmOpcode.Else or WasmOpcode.End;

    private int Place(int i, int place)
    {
        WasmFunction function = _module.Functions[i];
        int[] places = _places[i] = new int[function.Code.Length + 1];
        for (int c = 0; c < function.Code.Length; c++)
        {
            WasmInstruction instruction = function.Code[c];
            places[c] = -1;
            if (instruction.IsReachable && !IsStructure(instruction.Code))
            {
                places[c] = place;
                place += instruction.Code == WasmOpcode.BrTable ? 1 + function.BranchTables[(int)instruction.Immediate].Length : 1;
            }
        }
        places[^1] = place;
        return place + 1;
    }

    /// <summary>The place of what is executed if control comes to instruction <paramref name="c"/>.</summary>
    private int Resolve(int i, int c)
    {
        WasmInstruction[] code = _module.Functions[i].Code;
        while (c < code.Length && IsStructure(code[c].Code))
        {
            c = code[c].Code == WasmOpcode.Else ? Math.Max(code[c].Branch.Target, c + 1) : c + 1;
        }
        // What stands in code that nothing reaches has no place; neither is it gone to.
        return Math.Max(0, _places[i][Math.Min(c, code.Length)]);
    }

    private IEnumerable<double[]> Tokens(int i)
    {
        WasmFunction function = _module.Functions[i];
        int locals = function.Locals.Length;
        int results = _module.Types[function.Type].Results.Length;
        for (int c = 0; c < function.Code.Length; c++)
        {
            if (_places[i][c] < 0)
            {
                continue;
            }
            WasmInstruction instruction = function.Code[c];
            yield return Token(function, i, c, locals, results);
            if (instruction.Code == WasmOpcode.BrTable)
            {
                WasmBranch[] branches = function.BranchTables[(int)instruction.Immediate];
                for (int b = 0; b < branches.Length; b++)
                {
                    yield return Branch(_places[i][c] + 1 + b, i, branches[b], locals, locals + instruction.Height - 1);
                }
            }
        }
        yield return Token(_places[i][^1], MachineOp.Of(WasmOpcode.Return), 0, top: locals, count: results);
    }

    private double[] Branch(int place, int i, WasmBranch branch, int locals, int height)
    {
        int from = height - branch.Arity;
        int to = locals + branch.Height;
        return Token(place, MachineOp.Of(WasmOpcode.Br), 0, target: Resolve(i, branch.Target), top: from, result: to, count: from == to ? 0 : branch.Arity);
    }

    private double[] Token(WasmFunction function, int i, int c, int locals, int results)
    {
        WasmInstruction instruction = function.Code[c];
        WasmOpcode code = instruction.Code;
        int place = _places[i][c];
        // What follows may be out of reach, and then has no place.
        int next = Math.Max(0, Resolve(i, c + 1));
        int height = locals + instruction.Height;
        int number = (int)Math.Min(instruction.Immediate, int.MaxValue);
        int op = MachineOp.Of(code);
        switch (code)
        {
            case WasmOpcode.Br:
                return Branch(place, i, instruction.Branch, locals, height);
            case WasmOpcode.BrIf:
                int from = height - 1 - instruction.Branch.Arity;
                int to = locals + instruction.Branch.Height;
                return Token(place, op, next, target: Resolve(i, instruction.Branch.Target), top: height - 1, second: from, result: to,
                    count: from == to ? 0 : instruction.Branch.Arity);
            case WasmOpcode.If:
                return Token(place, op, next, target: Resolve(i, instruction.Branch.Target), top: height - 1);
            case WasmOpcode.BrTable:
                return Token(place, op, next, top: height - 1, count: function.BranchTables[number].Length - 1);
            case WasmOpcode.Return:
                return Token(place, op, 0, top: height - results, count: results);
            case WasmOpcode.Call:
                int parameters = _module.Types[_module.FunctionTypes[number]].Parameters.Length;
                return Token(place, op, next, target: Entry(number), result: height - parameters, count: FrameOf(number));
            case WasmOpcode.CallIndirect:
                parameters = _module.Types[number].Parameters.Length;
                return Token(place, op, next, top: height - 1, result: height - 1 - parameters, count: FrameLimit, low: (ulong)_types[number]);
            case WasmOpcode.LocalGet:
                bool own = number >= _module.Types[function.Type].Parameters.Length;
                return Token(place, own ? MachineOp.LocalGetOwn : op, next, top: number, result: height);
            case WasmOpcode.GlobalGet:
                return Token(place, op, next, top: number, result: height);
            case WasmOpcode.LocalSet or WasmOpcode.LocalTee or WasmOpcode.GlobalSet:
                return Token(place, op, next, top: height - 1, result: number);
            case WasmOpcode.Select:
                return Token(place, op, next, top: height - 1, second: height - 3, result: height - 3);
            case WasmOpcode.MemoryGrow:
                return Token(place, op, next, top: height - 1, result: height - 1, low: (ulong)_maxPages);
            default:
                WasmOperation? operation = WasmOpcodes.Integer.GetValueOrDefault((byte)code);
                int pops = operation?.Pops?.Length ?? 0;
                return Token(place, op, next, top: height - 1, second: height - 2, result: height - pops, low: (uint)instruction.Immediate,
                    high: instruction.Immediate >> 32);
        }
    }

    private static double[] Token(int place, int op, int next, int target = 0, int top = 0, int second = 0, int result = 0, int count = 0,
        ulong low = 0, ulong high = 0)
    {
        double[] token = new double[(int)Field.All];
        token[(int)Field.IsCode] = 1;
        token[(int)Field.CodeIndex] = place;
        token[(int)Field.Op] = op;
        token[(int)Field.Next] = next;
        token[(int)Field.Target] = target;
        token[(int)Field.Top] = Math.Max(0, top);
        token[(int)Field.Second] = Math.Max(0, second);
        token[(int)Field.Result] = Math.Max(0, result);
        token[(int)Field.Count] = count;
        token[(int)Field.Low] = low;
        token[(int)Field.High] = high;
        return token;
    }
}
