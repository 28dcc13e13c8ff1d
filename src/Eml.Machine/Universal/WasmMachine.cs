using Eml.Machine.Planned;
using Eml.Machine.Transformer;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>What a host function does: it takes and gives values as bits, and may read and write the machine's memory.</summary>
public delegate ulong[] WasmHostFunction(WasmMachine machine, ulong[] arguments);

/// <summary>How a run stands.</summary>
public enum WasmStatus
{
    /// <summary>The function returned.</summary>
    Done,
    /// <summary>It used the given number of steps and can go on.</summary>
    OutOfFuel,
    /// <summary>A cancel token or the listener stopped it; it can go on.</summary>
    Cancelled,
    /// <summary>It trapped; <see cref="WasmMachine.Trap"/> says why.</summary>
    Trapped,
    /// <summary>A host function ended it; <see cref="WasmMachine.ExitCode"/> says how.</summary>
    Exited,
}

/// <summary>One generated token.</summary>
/// <param name="Token">Its number, from 0.</param>
/// <param name="Numbers">Its numbers; they are overwritten by the next.</param>
/// <param name="Instruction">The number of the instruction that it executed; <see cref="WasmMachine.Describe"/> names it.</param>
public readonly record struct WasmStep(long Token, ReadOnlyMemory<double> Numbers, int Instruction);

/// <summary>A WebAssembly module at work inside the transformer: one forward pass executes one instruction.</summary>
public sealed class WasmMachine
{
    private static readonly Lazy<TransformerWeights> s_weights = new(UniversalMachine.Compile);
    private static readonly Lazy<Planner> s_planner = new(() => new Planner(s_weights.Value));

    private readonly Engine _engine;
    private readonly CodeLayout? _layout;
    private readonly WasmProgram? _program;
    private readonly WasmHostFunction[] _host;
    private readonly bool[] _isOwn;
    private readonly int _globals;
    private readonly int _reach;
    private bool _inHost;
    private readonly List<ulong> _arguments = [];
    private double[] _state = new double[(int)Field.Generated];
    private double[] _next = new double[(int)Field.Generated];
    private bool _isExiting;

    /// <summary>Puts a module at its start, its start function not yet called.</summary>
    /// <param name="module">The module.</param>
    /// <param name="imports">What it imports.</param>
    /// <param name="dense">Run on the dense reference instead of the fast path: the same tokens, slowly.</param>
    /// <exception cref="EmlException">An import is missing, or a segment does not fit; the message says which.</exception>
    public WasmMachine(WasmModule module, WasmImports? imports = null, bool dense = false)
        : this(module, imports ?? new WasmImports(), dense ? new DenseEngine(Weights) : new PlannedEngine(s_planner.Value))
    {
    }

    /// <summary>Puts a specialised machine at its start: it needs no prompt.</summary>
    /// <param name="weights">Weights that have a program in them.</param>
    /// <param name="program">What a host must know of it.</param>
    /// <param name="imports">The functions that it imports.</param>
    /// <param name="dense">Run on the dense reference instead of the fast path: the same tokens, slowly.</param>
    /// <exception cref="EmlException">An import is missing, or the weights are not those of such a machine.</exception>
    public WasmMachine(TransformerWeights weights, WasmProgram program, WasmImports? imports = null, bool dense = false)
        : this((program ?? throw new ArgumentNullException(nameof(program))).Declarations, imports ?? new WasmImports(),
            dense ? new DenseEngine(weights) : new PlannedEngine(weights), program)
    {
    }

    internal WasmMachine(WasmModule module, WasmImports imports, Engine engine, WasmProgram? program = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        Module = module;
        _globals = module.GlobalTypes.Length;
        if (_globals >= UniversalMachine.MaxSlots)
        {
            throw new EmlException(ErrorCode.Limit, $"wasm: the module has {_globals} globals; the machine takes {UniversalMachine.MaxSlots - 1}");
        }
        _engine = engine;
        if (program is null)
        {
            _layout = new CodeLayout(module);
            (_reach, _isOwn) = (_globals + (2 * _layout.LargestFrame), _layout.IsOwn());
            var prompt = new WasmPrompt(module, _layout, imports);
            _host = prompt.Functions;
            foreach (double[] token in prompt.Tokens())
            {
                Feed(token);
            }
        }
        else
        {
            WasmProgram.Check(engine.Weights.Config);
            (_program, _reach, _isOwn) = (program, _globals + (2 * program.FrameLimit), program.IsOwn());
            _host = WasmPrompt.FunctionsOf(module, imports);
        }
        _state[(int)Field.Pages] = module.Memories.Length > 0 ? module.Memories[0].Min : 0;
        _state[(int)Field.Clock] = 1;
    }

    /// <summary>The plans of <see cref="Weights"/>.</summary>
    internal static Planner Planner => s_planner.Value;

    /// <summary>The weights, compiled once for all machines.</summary>
    public static TransformerWeights Weights => s_weights.Value;

    /// <summary>The module.</summary>
    public WasmModule Module { get; }

    /// <summary>Tokens that the module and the host gave.</summary>
    public long PromptTokens { get; private set; }

    /// <summary>Generated tokens, which is the number of forward passes for them.</summary>
    public long Tokens { get; private set; }

    /// <summary>Executed instructions; block, loop, else, end and nop are not counted.</summary>
    public long Instructions { get; private set; }

    /// <summary>Bytes that the run holds besides the weights.</summary>
    public long StateBytes => _engine.StateBytes;

    /// <summary>What the forward passes for generated tokens touched; 0 on the dense reference, which touches everything.</summary>
    public PlanWork Work => _engine is PlannedEngine planned ? planned.Work : default;

    /// <summary>Size of the memory in pages of 65,536 bytes.</summary>
    public long Pages => (long)_state[(int)Field.Pages];

    /// <summary>Why the last run trapped, or null.</summary>
    public string? Trap { get; private set; }

    /// <summary>What a host function gave to <see cref="Exit"/> last.</summary>
    public uint ExitCode { get; private set; }

    /// <summary>Values that the last function returned, as bits.</summary>
    public ulong[] Results { get; private set; } = [];

    /// <summary>Sees every generated token and stops the run by returning false.</summary>
    public Func<WasmStep, bool>? Listener { get; set; }

    /// <summary>Names of the exported functions.</summary>
    public IEnumerable<string> Functions => Module.Exports.Where(export => export.Kind == WasmKind.Function).Select(export => export.Name);

    /// <summary>Prepares the call of an exported function.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such function, or arguments that do not fit.</exception>
    public void Begin(string name, params ulong[] arguments)
    {
        WasmExport? export = Array.Find(Module.Exports, export => export.Kind == WasmKind.Function && export.Name == name);
        if (export is null)
        {
            throw new EmlException(ErrorCode.Argument, $"wasm: the module exports no function '{name}'; it exports {string.Join(", ", Functions.DefaultIfEmpty("none"))}");
        }
        Begin(export.Index, arguments);
    }

    /// <summary>Prepares the call of function <paramref name="index"/>.</summary>
    public void Begin(int index, params ulong[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (_inHost)
        {
            throw new EmlException(ErrorCode.State, "wasm: a host function cannot call the machine that called it; return first");
        }
        WasmSignature type = Module.Types[Module.FunctionTypes[index]];
        if (arguments.Length != type.Parameters.Length)
        {
            throw new EmlException(ErrorCode.Argument, $"wasm: the function takes {type.Parameters.Length} arguments {type}; {arguments.Length} are given");
        }
        Trap = null;
        ExitCode = 0;
        _isExiting = false;
        Results = [];
        _arguments.Clear();
        int place = _program?.PlaceOf(index) ?? CodeLayout.Stub;
        foreach (double[] token in _layout?.CallTokens(index, place) ?? [])
        {
            Feed(token);
        }
        for (int i = 0; i < arguments.Length; i++)
        {
            WriteSlot(_globals + i, type.Parameters[i] == WasmType.I32 ? (uint)arguments[i] : arguments[i]);
        }
        Restart(place, _globals);
    }

    /// <summary>All that the machine must be given to call a function: the tokens of the prompt, and the first token of the run. Whoever has
    /// the weights can run it from there.</summary>
    /// <exception cref="EmlException">As <see cref="Begin(string, ulong[])"/>; <see cref="ErrorCode.Unsupported"/>: the module has a start
    /// function, whose effects no prompt could have.</exception>
    public static WasmRunPrompt Prompt(WasmModule module, WasmImports? imports, string name, params ulong[] arguments)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (module.Start >= 0)
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"wasm: the module has a start function ({module.Start}), which would have to run before '{name}'; export it and call it from there, or leave it out");
        }
        var recorder = new PromptRecorder(Weights);
        return Prompt(new WasmMachine(module, imports ?? new WasmImports(), recorder), recorder, name, arguments);
    }

    /// <summary>The same of a specialised machine: only the arguments are left of the prompt.</summary>
    /// <exception cref="EmlException">As <see cref="Begin(string, ulong[])"/>.</exception>
    public static WasmRunPrompt Prompt(TransformerWeights weights, WasmProgram program, WasmImports? imports, string name, params ulong[] arguments)
    {
        ArgumentNullException.ThrowIfNull(program);
        var recorder = new PromptRecorder(weights);
        return Prompt(new WasmMachine(program.Declarations, imports ?? new WasmImports(), recorder, program), recorder, name, arguments);
    }

    private static WasmRunPrompt Prompt(WasmMachine machine, PromptRecorder recorder, string name, ulong[] arguments)
    {
        machine.Begin(name, arguments);
        return new WasmRunPrompt([.. Enum.GetNames<Field>().Where(field => field is not ("Generated" or "All"))], recorder.Tokens, machine._state);
    }

    /// <summary>Generates at most <paramref name="fuel"/> tokens.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.State"/>: nothing was begun. What a host function throws.</exception>
    public WasmStatus Run(long fuel = long.MaxValue, Cancel? cancel = null)
    {
        if (_state[(int)Field.Ip] == 0.0)
        {
            throw new EmlException(ErrorCode.State, "wasm: no function is being called; begin one");
        }
        for (long i = 0; i < fuel; i++)
        {
            if ((i & 255) == 0 && Stops(cancel))
            {
                return WasmStatus.Cancelled;
            }
            int ip = (int)_state[(int)Field.Ip];
            Instructions += (uint)ip < (uint)_isOwn.Length && _isOwn[ip] && _state[(int)Field.Phase] == 0.0 ? 1 : 0;
            Generate();
            bool goOn = Listener is null || Listener(new WasmStep(Tokens - 1, _state, ip));
            var status = (StepStatus)(int)_state[(int)Field.Status];
            if (status != StepStatus.Running && Answer(status) is WasmStatus end)
            {
                _state[(int)Field.Ip] = 0.0;
                return end;
            }
            if (!goOn)
            {
                return WasmStatus.Cancelled;
            }
        }
        return WasmStatus.OutOfFuel;
    }

    /// <summary>Calls an exported function and gives its results.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.State"/>: it trapped; the message is the specification's.</exception>
    public ulong[] Invoke(string name, params ulong[] arguments)
    {
        Begin(name, arguments);
        return Run() switch
        {
            WasmStatus.Trapped => throw new EmlException(ErrorCode.State, $"wasm: trap: {Trap}"),
            WasmStatus.Exited => throw new EmlException(ErrorCode.State, $"wasm: the program ended itself with exit code {ExitCode}"),
            _ => Results,
        };
    }

    /// <summary>For host functions: ends the run when the function has returned, as proc_exit does.</summary>
    public void Exit(uint code)
    {
        ExitCode = code;
        _isExiting = true;
    }

    /// <summary>The value of a global, imported ones counted first: the machine hands it over.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: there is no such global.</exception>
    public ulong ReadGlobal(int index)
    {
        if ((uint)index >= (uint)_globals)
        {
            throw new EmlException(ErrorCode.Argument, $"wasm: there is no global {index}; the module has {_globals}");
        }
        double[] saved = [.. _state];
        Restart(CodeLayout.PeekEnd, index);
        Generate();
        ulong value = Value();
        saved[(int)Field.Clock] = _state[(int)Field.Clock];
        saved.CopyTo(_state, 0);
        return value;
    }

    /// <summary>What an instruction is and where it stands, for people: <c>function 3, byte 0x1a2: i32.add</c>.</summary>
    public string Describe(int instruction) => _layout?.Describe(instruction) ?? $"instruction {instruction}";

    /// <summary>What a token writes, for people: <c>slot 12 = 5</c>; empty if nothing.</summary>
    public static string Effect(WasmStep step)
    {
        ReadOnlySpan<double> token = step.Numbers.Span;
        if (token[(int)Field.WordWrite] != 0.0)
        {
            ulong word = 0;
            for (int i = 7; i >= 0; i--)
            {
                word = (word << 8) | (byte)token[(int)Field.Byte0 + i];
            }
            long address = 8 * (((long)token[(int)Field.WordHigh] << 14) + (long)token[(int)Field.WordLow]);
            return $"memory {address} = 0x{word:x16}";
        }
        ulong value = (uint)token[(int)Field.Low] | ((ulong)(uint)token[(int)Field.High] << 32);
        return (StepStatus)(int)token[(int)Field.Status] switch
        {
            StepStatus.Running when token[(int)Field.SlotWrite] != 0.0 => $"slot {(long)token[(int)Field.Slot]} = {value}",
            StepStatus.Running => "",
            StepStatus.HostArgument => $"to the host: {value}",
            StepStatus.HostCall when (uint)value == CodeLayout.Done => "done",
            StepStatus.HostCall => $"host function {value}",
            StepStatus status => $"trap: {TrapText(status)}",
        };
    }

    /// <summary>Calls the start function, if the module has one.</summary>
    public WasmStatus Start()
    {
        if (Module.Start < 0)
        {
            return WasmStatus.Done;
        }
        Begin(Module.Start);
        return Run();
    }

    /// <summary>Reads memory: the machine executes loads.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: beyond its end.</exception>
    public byte[] ReadMemory(uint address, int count)
    {
        CheckBounds(address, count);
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            long at = address + (long)done;
            ulong word = PeekWord((uint)(at & ~7L));
            for (int shift = (int)(at & 7); shift < 8 && done < count; shift++, done++)
            {
                bytes[done] = (byte)(word >> (8 * shift));
            }
        }
        return bytes;
    }

    /// <summary>Writes memory: whole words enter as tokens.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: beyond its end.</exception>
    public void WriteMemory(uint address, ReadOnlySpan<byte> bytes)
    {
        CheckBounds(address, bytes.Length);
        for (int done = 0; done < bytes.Length;)
        {
            long at = address + (long)done;
            int shift = (int)(at & 7);
            bool whole = shift == 0 && bytes.Length - done >= 8;
            ulong word = whole ? 0 : PeekWord((uint)(at & ~7L));
            for (; shift < 8 && done < bytes.Length; shift++, done++)
            {
                word = (word & ~(255UL << (8 * shift))) | ((ulong)bytes[done] << (8 * shift));
            }
            Feed(WasmPrompt.WordToken((uint)((at & ~7L) >> 3), word, _state[(int)Field.Clock]));
        }
    }

    private bool Stops(Cancel? cancel)
    {
        if (_state[(int)Field.Clock] > UniversalMachine.MaxClock - 512)
        {
            throw new EmlException(ErrorCode.Limit, $"wasm: the run has {UniversalMachine.MaxClock} tokens, which is all that the machine can count; load it anew");
        }
        return cancel is { IsSet: true };
    }

    private void CheckBounds(uint address, int count)
    {
        if (count < 0 || address + (long)count > Pages * 65536)
        {
            throw new EmlException(ErrorCode.Argument, $"wasm: {count} bytes at {address} are beyond the memory's {Pages * 65536}");
        }
    }

    private ulong PeekWord(uint address)
    {
        double[] saved = [.. _state];
        // Above the globals, and all that a function at work, and one that it is just calling, may have in use. No call gets as far as
        // MaxSlots: what lies from there on is never in use.
        int frame = Math.Min((int)saved[(int)Field.Frame] + _reach, UniversalMachine.MaxSlots);
        WriteSlot(frame, address);
        Restart(CodeLayout.Peek, frame);
        Generate();
        Generate();
        ulong word = Value();
        saved[(int)Field.Clock] = _state[(int)Field.Clock];
        saved.CopyTo(_state, 0);
        return word;
    }

    private void Generate()
    {
        _engine.Step(_state, _next);
        (_state, _next) = (_next, _state);
        Tokens++;
    }

    private ulong Value() => (uint)_state[(int)Field.Low] | ((ulong)(uint)_state[(int)Field.High] << 32);

    private void Restart(int ip, int frame)
    {
        double clock = _state[(int)Field.Clock];
        double pages = _state[(int)Field.Pages];
        Array.Clear(_state);
        _state[(int)Field.Ip] = ip;
        _state[(int)Field.Frame] = frame;
        _state[(int)Field.Clock] = clock + 1.0;
        _state[(int)Field.Pages] = pages;
    }

    private void Feed(double[] token)
    {
        _engine.Step(token, []);
        PromptTokens++;
    }

    private void WriteSlot(int slot, ulong value) => Feed(WasmPrompt.SlotToken(slot, value, _state[(int)Field.Clock]));

    /// <summary>What the host does about a token that is not simply another instruction; null to go on.</summary>
    private WasmStatus? Answer(StepStatus status)
    {
        switch (status)
        {
            case StepStatus.HostArgument:
                _arguments.Add(Value());
                return null;
            case StepStatus.HostCall when (uint)Value() == CodeLayout.Done:
                Results = [.. _arguments];
                _arguments.Clear();
                return WasmStatus.Done;
            case StepStatus.HostCall:
                CallHost((int)Value());
                return _isExiting ? WasmStatus.Exited : null;
            default:
                Trap = TrapText(status);
                _arguments.Clear();
                return WasmStatus.Trapped;
        }
    }

    private void CallHost(int function)
    {
        ulong[] arguments = [.. _arguments];
        _arguments.Clear();
        if ((uint)function >= (uint)_host.Length)
        {
            throw new EmlException(ErrorCode.State, $"wasm: the machine calls imported function {function} of {_host.Length}; its weights are not those of this program");
        }
        WasmType[] types = Module.Types[Module.FunctionTypes[function]].Results;
        ulong[] results;
        _inHost = true;
        try
        {
            results = _host[function](this, arguments);
        }
        finally
        {
            _inHost = false;
        }
        if (results.Length != types.Length)
        {
            throw new EmlException(ErrorCode.Argument, $"wasm: host function {function} gave {results.Length} results; it must give {types.Length}");
        }
        for (int i = 0; i < results.Length; i++)
        {
            WriteSlot((int)_state[(int)Field.Frame] + i, types[i] == WasmType.I32 ? (uint)results[i] : results[i]);
        }
        _state[(int)Field.Status] = 0.0;
    }

    private static string TrapText(StepStatus status) => status switch
    {
        StepStatus.Unreachable => "unreachable",
        StepStatus.DivideByZero => "integer divide by zero",
        StepStatus.Overflow => "integer overflow",
        StepStatus.MemoryBounds => "out of bounds memory access",
        StepStatus.UndefinedElement => "undefined element",
        StepStatus.UninitializedElement => "uninitialized element",
        StepStatus.SignatureMismatch => "indirect call type mismatch",
        StepStatus.StackExhausted => "call stack exhausted",
        _ => throw new EmlException(ErrorCode.State, $"wasm: the machine gave status {(int)status}, which means nothing"),
    };
}
