using System.Runtime.CompilerServices;
using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The loop over the instructions.</summary>
internal sealed partial class PlainWasm
{
    /// <summary>Locals and operands of all open calls.</summary>
    private ulong[] _values = new ulong[1024];
    private readonly Stack<Frame> _frames = new();

    /// <summary>Locals of all open calls, which lie among the operands.</summary>
    private int _locals;

    /// <summary>A call that waits for another: where it goes on, and where its locals begin.</summary>
    private readonly record struct Frame(WasmFunction Function, int Next, int Base);

    /// <summary>Calls a function of any module or of the host.</summary>
    private ulong[] Call(PlainFunction function, ulong[] arguments)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new PlainTrapException("call stack exhausted");
        }
        if (function.Host is not null)
        {
            HostCalls++;
            return function.Host(arguments);
        }
        if (function.Owner != this)
        {
            return function.Owner!.Call(function, arguments);
        }
        (int depth, int locals) = (_frames.Count, _locals);
        int bottom = depth == 0 ? 0 : _top;
        Room(bottom + arguments.Length);
        arguments.CopyTo(_values, bottom);
        try
        {
            int top = Run(function.Body!, bottom + arguments.Length, depth);
            return _values[(top - function.Type.Results.Length)..top];
        }
        finally
        {
            while (_frames.Count > depth)
            {
                _frames.Pop();
            }
            _locals = locals;
        }
    }

    /// <summary>Where the stack ended when a function outside was called.</summary>
    private int _top;

    private void Room(int size)
    {
        if (size > MaxValues)
        {
            throw new PlainTrapException("call stack exhausted");
        }
        if (size > _values.Length)
        {
            Array.Resize(ref _values, Math.Max(size, 2 * _values.Length));
        }
    }

    /// <summary>Makes room for a function whose arguments lie below <paramref name="top"/>, and clears its other locals. Gives the new top.</summary>
    private int Enter(WasmFunction function, int top)
    {
        int parameters = Module.Types[function.Type].Parameters.Length;
        int rest = function.Locals.Length - parameters;
        if (_frames.Count >= MaxDepth)
        {
            throw new PlainTrapException("call stack exhausted");
        }
        Room(top + rest + function.MaxHeight);
        Array.Clear(_values, top, rest);
        _locals += function.Locals.Length;
        MaxCallDepth = Math.Max(MaxCallDepth, _frames.Count + 1);
        return top + rest;
    }

    /// <summary>Runs a function to its end and gives the top of the stack.</summary>
    private int Run(WasmFunction function, int top, int depth)
    {
        top = Enter(function, top);
        int locals = top - function.Locals.Length;
        int next = 0;
        WasmInstruction[] code = function.Code;
        while (true)
        {
            if (next == code.Length)
            {
                int results = Module.Types[function.Type].Results.Length;
                Array.Copy(_values, top - results, _values, locals, results);
                top = locals + results;
                _locals -= function.Locals.Length;
                if (_frames.Count == depth)
                {
                    return top;
                }
                (function, next, locals) = _frames.Pop();
                code = function.Code;
                continue;
            }
            ref readonly WasmInstruction instruction = ref code[next++];
            Executed[(byte)instruction.Code]++;
            WasmBranch? jump = null;
            switch (instruction.Code)
            {
                case WasmOpcode.Block or WasmOpcode.Loop or WasmOpcode.End or WasmOpcode.Nop:
                    continue;
                case WasmOpcode.Else:
                    next = instruction.Branch.Target;
                    continue;
            }
            Count();
            switch (instruction.Code)
            {
                case WasmOpcode.Unreachable:
                    throw new PlainTrapException("unreachable");
                case WasmOpcode.If:
                    if ((uint)_values[--top] == 0)
                    {
                        next = instruction.Branch.Target;
                    }
                    break;
                case WasmOpcode.Br:
                    jump = instruction.Branch;
                    break;
                case WasmOpcode.BrIf:
                    jump = (uint)_values[--top] != 0 ? instruction.Branch : null;
                    break;
                case WasmOpcode.BrTable:
                    WasmBranch[] branches = function.BranchTables[(int)instruction.Immediate];
                    jump = branches[(int)Math.Min((uint)_values[--top], (uint)branches.Length - 1)];
                    break;
                case WasmOpcode.Return:
                    next = code.Length;
                    break;
                case WasmOpcode.Call or WasmOpcode.CallIndirect:
                    PlainFunction called = instruction.Code == WasmOpcode.Call ? _functions[instruction.Immediate]
                        : Indirect((uint)_values[--top], Module.Types[instruction.Immediate]);
                    Trace?.Invoke(function.Index, instruction.Offset, instruction.Code, null);
                    if (called.Owner == this)
                    {
                        _frames.Push(new Frame(function, next, locals));
                        function = called.Body!;
                        top = Enter(function, top);
                        (locals, next, code) = (top - function.Locals.Length, 0, function.Code);
                    }
                    else
                    {
                        top = Outside(called, new Frame(function, next, locals), top);
                    }
                    MaxOperands = Math.Max(MaxOperands, top - _locals);
                    continue;
                case WasmOpcode.Drop:
                    top--;
                    break;
                case WasmOpcode.Select:
                    top -= 2;
                    _values[top - 1] = (uint)_values[top + 1] != 0 ? _values[top - 1] : _values[top];
                    break;
                case WasmOpcode.LocalGet:
                    _values[top++] = _values[locals + (int)instruction.Immediate];
                    break;
                case WasmOpcode.LocalSet:
                    _values[locals + (int)instruction.Immediate] = _values[--top];
                    break;
                case WasmOpcode.LocalTee:
                    _values[locals + (int)instruction.Immediate] = _values[top - 1];
                    break;
                case WasmOpcode.GlobalGet:
                    _values[top++] = _globals[instruction.Immediate].Value;
                    break;
                case WasmOpcode.GlobalSet:
                    _globals[instruction.Immediate].Value = _values[--top];
                    break;
                case WasmOpcode.I32Const or WasmOpcode.I64Const:
                    _values[top++] = instruction.Immediate;
                    break;
                case WasmOpcode.MemorySize:
                    _values[top++] = _memory!.Pages;
                    break;
                case WasmOpcode.MemoryGrow:
                    _values[top - 1] = _memory!.Grow((uint)_values[top - 1]);
                    break;
                case >= WasmOpcode.I32Load and <= WasmOpcode.I64Load32U:
                    _values[top - 1] = Load(instruction.Code, (uint)_values[top - 1] + instruction.Immediate);
                    break;
                case >= WasmOpcode.I32Store and <= WasmOpcode.I64Store32:
                    top -= 2;
                    _memory!.Store((uint)_values[top] + instruction.Immediate, StoreWidth(instruction.Code), _values[top + 1]);
                    break;
                default:
                    if (PlainNumeric.Operands(instruction.Code) == 1)
                    {
                        _values[top - 1] = PlainNumeric.Unary(instruction.Code, _values[top - 1]);
                    }
                    else
                    {
                        top--;
                        _values[top - 1] = PlainNumeric.Binary(instruction.Code, _values[top - 1], _values[top]);
                    }
                    break;
            }
            MaxOperands = Math.Max(MaxOperands, top - _locals);
            Trace?.Invoke(function.Index, instruction.Offset, instruction.Code, Pushes(instruction.Code) ? _values[top - 1] : null);
            if (jump is WasmBranch branch)
            {
                int to = locals + function.Locals.Length + branch.Height;
                Array.Copy(_values, top - branch.Arity, _values, to, branch.Arity);
                (top, next) = (to + branch.Arity, branch.Target);
            }
        }
    }

    private void Count()
    {
        if (Fuel-- <= 0)
        {
            throw new PlainFuelException();
        }
        Instructions++;
    }

    /// <summary>Calls a function of the host or of another module, and gives the top of the stack.</summary>
    private int Outside(PlainFunction called, Frame caller, int top)
    {
        int parameters = called.Type.Parameters.Length;
        _frames.Push(caller);
        _top = top;
        ulong[] results = Call(called, _values[(top - parameters)..top]);
        _frames.Pop();
        top -= parameters;
        Room(top + results.Length);
        results.CopyTo(_values, top);
        return top + results.Length;
    }

    private PlainFunction Indirect(uint index, WasmSignature type)
    {
        if (index >= _table!.Size)
        {
            throw new PlainTrapException("undefined element");
        }
        PlainFunction function = _table[index] ?? throw new PlainTrapException("uninitialized element");
        return function.Type.Equals(type) ? function : throw new PlainTrapException("indirect call type mismatch");
    }

    private ulong Load(WasmOpcode code, ulong address) => code switch
    {
        WasmOpcode.I32Load or WasmOpcode.I64Load32U => _memory!.Load(address, 4),
        WasmOpcode.I64Load => _memory!.Load(address, 8),
        WasmOpcode.I32Load8U or WasmOpcode.I64Load8U => _memory!.Load(address, 1),
        WasmOpcode.I32Load16U or WasmOpcode.I64Load16U => _memory!.Load(address, 2),
        WasmOpcode.I32Load8S => (uint)(sbyte)_memory!.Load(address, 1),
        WasmOpcode.I32Load16S => (uint)(short)_memory!.Load(address, 2),
        WasmOpcode.I64Load8S => (ulong)(sbyte)_memory!.Load(address, 1),
        WasmOpcode.I64Load16S => (ulong)(short)_memory!.Load(address, 2),
        WasmOpcode.I64Load32S => (ulong)(int)_memory!.Load(address, 4),
        _ => throw new InvalidOperationException($"{code} does not load"),
    };

    private static int StoreWidth(WasmOpcode code) => code switch
    {
        WasmOpcode.I32Store8 or WasmOpcode.I64Store8 => 1,
        WasmOpcode.I32Store16 or WasmOpcode.I64Store16 => 2,
        WasmOpcode.I32Store or WasmOpcode.I64Store32 => 4,
        WasmOpcode.I64Store => 8,
        _ => throw new InvalidOperationException($"{code} does not store"),
    };

    private static bool Pushes(WasmOpcode code) => (byte)code switch
    {
        0x1B or 0x20 or 0x22 or 0x23 => true,
        >= 0x36 and <= 0x3E => false,
        >= 0x28 => true,
        _ => false,
    };
}
