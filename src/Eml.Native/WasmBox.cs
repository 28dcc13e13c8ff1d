using System.Runtime.InteropServices;
using Eml.Formats.Machine;
using Eml.Machine.Transformer;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>A WebAssembly machine behind a handle, with what the ABI adds: the start function before the first call, calls that are
/// over or can go on, and names and types in memory that C can read.</summary>
internal sealed unsafe class WasmBox
{
    private readonly WasmMachine _machine;
    private readonly TransformerWeights _weights;
    private readonly WasmProgram? _program;
    private readonly WasmImports _imports;
    private readonly WasmWasi? _wasi;
    private readonly bool _dense;
    private readonly WasmTokenCallback _token;
    private readonly WasmExport[] _exports;
    private readonly WasmFunctionStruct[] _functions;
    private readonly List<byte[]> _pinned = [];
    private bool _isStarted;
    private (int Function, ulong[] Arguments)? _waiting; // for the start function
    private int _called = -1;
    private int _hostThread; // managed thread whose callback is running, or 0
    private int _stopValue;
    private bool _hasExited;

    public WasmBox(byte[] bytes, bool dense, WasmImportList imports, WasmWasi? wasi, WasmTokenCallback token)
    {
        (TransformerWeights? weights, _program) = WasmModelFile.IsModel(bytes) ? WasmModelFile.Read(bytes) : default((TransformerWeights?, WasmProgram?));
        WasmModule module = _program?.Declarations ?? WasmModule.Read(bytes);
        _weights = weights ?? WasmMachine.Weights;
        _dense = dense;
        _token = token;
        _wasi = wasi;
        _imports = imports.For(module, this, wasi);
        _machine = _program is null ? new WasmMachine(module, _imports, dense) : new WasmMachine(_weights, _program, _imports, dense);
        _isStarted = module.Start < 0;
        _exports = [.. module.Exports.Where(export => export.Kind == WasmKind.Function)];
        _functions = [.. _exports.Select(Describe)];
    }

    /// <summary>Whether the caller is an imported function of this machine, which may use the memory.</summary>
    public bool IsCallingThisThread => Volatile.Read(ref _hostThread) == Environment.CurrentManagedThreadId;

    public WasmInfoStruct Info => new()
    {
        State = _called < 0 ? WasmInfoStruct.Idle : WasmInfoStruct.Suspended,
        Instructions = (ulong)_machine.Instructions,
        Tokens = (ulong)_machine.Tokens,
        PromptTokens = (ulong)_machine.PromptTokens,
        Pages = (ulong)_machine.Pages,
        StateBytes = (ulong)_machine.StateBytes,
        Functions = (ulong)_functions.Length,
        Parameters = (ulong)_weights.Config.Parameters,
        Layers = (uint)_weights.Config.Layers,
        DModel = (uint)_weights.Config.ModelWidth,
        HasExited = _hasExited ? 1 : 0,
        ExitCode = _machine.ExitCode,
    };

    public string Trap => _machine.Trap ?? "";

    /// <summary>What the program put out on standard output (1) or standard error (2).</summary>
    public ReadOnlySpan<byte> Output(int stream) => (_wasi ?? throw new EmlException(ErrorCode.State,
        "wasm: the machine has no WASI; give options.wasi to eml_wasm_load")).Kept(stream);

    /// <summary>What a transformer is given to call a function of the module at its start.</summary>
    public WasmRunPrompt Prompt(string name, ulong[] arguments) => _program is null ? WasmMachine.Prompt(_machine.Module, _imports, name, arguments)
        : throw new EmlException(ErrorCode.Unsupported, "wasm: a specialised machine is a file that any engine can run already; export the module");

    /// <summary>The exported function of that number in the list of them.</summary>
    public WasmFunctionStruct Function(ulong index) => index < (ulong)_functions.Length
        ? _functions[index]
        : throw new EmlException(ErrorCode.Argument, $"index is {index}, but the module exports {_functions.Length} functions; use less");

    /// <summary>Number of the exported function in the module.</summary>
    public int Find(string name) => Array.Find(_exports, export => export.Name == name)?.Index ?? throw new EmlException(ErrorCode.Argument,
        $"wasm: the module exports no function '{name}'; it exports {string.Join(", ", _machine.Functions.DefaultIfEmpty("none"))}");

    public WasmSignature Signature(int function) => _machine.Module.Types[_machine.Module.FunctionTypes[function]];

    /// <summary>The function whose call goes on.</summary>
    public int Suspended() => _called >= 0
        ? _called
        : throw new EmlException(ErrorCode.State, "wasm: no call was stopped by fuel or a cancel token; begin one with eml_wasm_invoke");

    /// <summary>Prepares a call; if the module has not started yet, its start function comes first.</summary>
    public void Begin(int function, ulong[] arguments)
    {
        int count = Signature(function).Parameters.Length;
        if (arguments.Length != count)
        {
            throw new EmlException(ErrorCode.Argument,
                $"wasm: the function takes {count} arguments {Signature(function)}; {arguments.Length} are given");
        }

        _waiting = null;
        _hasExited = false;
        if (_isStarted)
        {
            _machine.Begin(function, arguments);
        }
        else
        {
            _machine.Begin(_machine.Module.Start);
            _waiting = (function, arguments);
        }

        _called = function;
    }

    /// <summary>Goes on with the call and gives the status of the ABI.</summary>
    public int Run(ulong fuel, Cancel? cancel, Span<ulong> results)
    {
        long left = fuel is 0 or > long.MaxValue ? long.MaxValue : (long)fuel;
        int function = _called;
        _called = -1; // whatever goes wrong in a callback ends the call
        _stopValue = 0;
        _machine.Listener = Listener(cancel);
        long before = _machine.Tokens;
        WasmStatus status = _machine.Run(left, cancel);
        if (status == WasmStatus.Done && _waiting is { } call)
        {
            _isStarted = true;
            _waiting = null;
            _machine.Begin(call.Function, call.Arguments);
            left = Math.Max(0, left - (_machine.Tokens - before));
            status = _stopValue != 0 ? WasmStatus.Cancelled : _machine.Run(left, cancel);
        }

        switch (status)
        {
            case WasmStatus.Done:
                _machine.Results.CopyTo(results);
                return Failure.Ok;
            case WasmStatus.Trapped:
                return Failure.Trap(Trap);
            case WasmStatus.Exited:
                _hasExited = true;
                return Failure.Exited;
            case WasmStatus.OutOfFuel:
                _called = function;
                return Failure.OutOfFuel;
            default:
                _called = function;
                return Failure.Stopped(_stopValue);
        }
    }

    public void ReadMemory(uint address, Span<byte> bytes) => _machine.ReadMemory(address, bytes.Length).CopyTo(bytes);

    public void WriteMemory(uint address, ReadOnlySpan<byte> bytes) => _machine.WriteMemory(address, bytes);

    /// <summary>Calls an imported function of the host.</summary>
    public ulong[] CallHost(WasmHostEntry entry, ulong[] arguments)
    {
        ulong[] results = new ulong[entry.ResultCount];
        int value;
        fixed (ulong* args = arguments, returned = results)
        fixed (byte* module = entry.Module, name = entry.Name, parameters = entry.Parameters, types = entry.ResultTypes)
        {
            var call = new WasmCallStruct
            {
                StructSize = (uint)sizeof(WasmCallStruct),
                Module = module,
                ModuleLen = (ulong)entry.Module.Length - 1,
                Name = name,
                NameLen = (ulong)entry.Name.Length - 1,
                Args = args,
                Params = parameters,
                ArgCount = (ulong)arguments.Length,
                Results = returned,
                ResultTypes = types,
                ResultCount = (ulong)results.Length,
            };
            Volatile.Write(ref _hostThread, Environment.CurrentManagedThreadId);
            value = entry.Function(&call, entry.User);
            Volatile.Write(ref _hostThread, 0);
        }

        return value == 0 ? results : throw new WasmHostStop(value);
    }

    private Func<WasmStep, bool>? Listener(Cancel? cancel)
    {
        // The machine itself looks at the cancel token every 256 tokens: too seldom where each costs what the sequence is long.
        Cancel? often = _dense ? cancel : null;
        if (_token.Function is null && often is null)
        {
            return null;
        }

        return step =>
        {
            if (_token.Function is not null)
            {
                fixed (double* numbers = step.Numbers.Span)
                {
                    _stopValue = _token.Function(numbers, (ulong)step.Numbers.Length, (ulong)step.Token, _token.User);
                }
            }

            return _stopValue == 0 && often is not { IsSet: true };
        };
    }

    private WasmFunctionStruct Describe(WasmExport export)
    {
        WasmSignature signature = Signature(export.Index);
        byte[] name = Failure.Pin(export.Name);
        return new WasmFunctionStruct
        {
            Number = (uint)export.Index,
            Name = Keep(name),
            NameLen = (ulong)name.Length - 1,
            Params = Keep(WasmHostEntry.Bytes(signature.Parameters)),
            ParamCount = (ulong)signature.Parameters.Length,
            Results = Keep(WasmHostEntry.Bytes(signature.Results)),
            ResultCount = (ulong)signature.Results.Length,
        };
    }

    private byte* Keep(byte[] pinned)
    {
        _pinned.Add(pinned);
        return (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
    }
}

/// <summary>What ends a call when an imported function asks for it.</summary>
internal sealed class WasmHostStop(int value) : Exception
{
    public int Value { get; } = value;
}
