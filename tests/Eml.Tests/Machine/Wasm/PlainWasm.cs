using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Called after every executed instruction that counts.</summary>
/// <param name="function">Number of the function in its module.</param>
/// <param name="offset">The instruction's byte offset in the module.</param>
/// <param name="code">The opcode.</param>
/// <param name="pushed">The value that it pushed; null if it pushed none. What a called function gives shows at the callee's last instruction only.</param>
internal delegate void PlainTrace(int function, int offset, WasmOpcode code, ulong? pushed);

/// <summary>WebAssembly as a switch over a stack: an instance of a module, written from the specification, without any code of the
/// machine but the decoder.</summary>
internal sealed partial class PlainWasm
{
    private const int MaxDepth = 20_000;
    private const int MaxValues = 1 << 21;

    private readonly PlainFunction[] _functions;
    private readonly PlainGlobal[] _globals;
    private readonly PlainTable? _table;
    private readonly PlainMemory? _memory;

    /// <summary>Instantiates; does not call the start function, which <see cref="Start"/> does.</summary>
    /// <param name="module">The module.</param>
    /// <param name="imports">What an import is, or null if there is no such thing.</param>
    public PlainWasm(WasmModule module, Func<WasmImport, PlainExtern?>? imports = null)
    {
        Module = module;
        PlainExtern[] given = [.. module.Imports.Select(import => Match(import, imports?.Invoke(import)))];
        _functions = [.. given.OfType<PlainFunction>(),
            .. module.Functions.Select(body => new PlainFunction(this, body, module.Types[body.Type]))];
        _globals = [.. given.OfType<PlainGlobal>()];
        _globals = [.. _globals, .. module.Globals.Select(global => new PlainGlobal(global.Type, Initial(global.Initial)))];
        _table = given.OfType<PlainTable>().SingleOrDefault()
            ?? module.Tables.Select(limits => new PlainTable(limits.Min, limits.Max)).SingleOrDefault();
        _memory = given.OfType<PlainMemory>().SingleOrDefault()
            ?? module.Memories.Select(limits => new PlainMemory(limits.Min, limits.Max)).SingleOrDefault();
        Initialize();
    }

    public WasmModule Module { get; }

    /// <summary>Executed instructions without block, loop, else, end and nop.</summary>
    public long Instructions { get; private set; }

    /// <summary>Instructions that may still be executed before <see cref="PlainFuelException"/>.</summary>
    public long Fuel { get; set; } = long.MaxValue;

    /// <summary>How often each opcode was executed, by number; those that do not count too.</summary>
    public long[] Executed { get; } = new long[256];

    /// <summary>Calls of host functions.</summary>
    public long HostCalls { get; private set; }

    /// <summary>Calls that were open at once at most, the first included.</summary>
    public int MaxCallDepth { get; private set; }

    /// <summary>Values on the operand stacks of all open calls at most.</summary>
    public int MaxOperands { get; private set; }

    public PlainTrace? Trace { get; set; }

    public PlainMemory? Memory => _memory;

    /// <summary>The bits of all globals, imported ones first.</summary>
    public ulong[] Globals => [.. _globals.Select(global => global.Value)];

    /// <summary>What the module offers under this name, or null.</summary>
    public PlainExtern? Export(string name)
    {
        WasmExport? export = Module.Exports.SingleOrDefault(export => export.Name == name);
        return export?.Kind switch
        {
            null => null,
            WasmKind.Function => _functions[export.Index],
            WasmKind.Global => _globals[export.Index],
            WasmKind.Memory => _memory,
            _ => _table,
        };
    }

    /// <summary>Calls the start function if there is one.</summary>
    public void Start()
    {
        if (Module.Start >= 0)
        {
            Call(_functions[Module.Start], []);
        }
    }

    /// <summary>Calls an exported function; traps throw <see cref="PlainTrapException"/>.</summary>
    public ulong[] Invoke(string name, params ulong[] arguments) =>
        Call(Export(name) as PlainFunction ?? throw new ArgumentException($"there is no function {name}", nameof(name)), arguments);

    private static PlainExtern Match(WasmImport import, PlainExtern? given)
    {
        if (given is null)
        {
            throw new PlainLinkException("unknown import");
        }
        bool matches = (import.Kind, given) switch
        {
            (WasmKind.Function, PlainFunction) => true,
            (WasmKind.Global, PlainGlobal global) => global.Type == import.Global,
            (WasmKind.Table, PlainTable table) => Fits(import.Limits!, table.Size, table.Max),
            (WasmKind.Memory, PlainMemory memory) => Fits(import.Limits!, memory.Pages, memory.Max),
            _ => false,
        };
        return matches ? given : throw new PlainLinkException("incompatible import type");
    }

    private static bool Fits(WasmLimits wanted, uint size, uint? max) => size >= wanted.Min && (wanted.Max is null || max <= wanted.Max);

    private ulong Initial(WasmInitializer initializer) => initializer.Global < 0 ? initializer.Value : _globals[initializer.Global].Value;

    /// <summary>All segments are checked before the first is written, as WebAssembly 1.0 has it.</summary>
    private void Initialize()
    {
        for (int i = 0; i < Module.Imports.Length; i++)
        {
            // Signatures are compared here, where functions have their numbers.
            if (Module.Imports[i].Kind == WasmKind.Function)
            {
                int index = Module.Imports.Take(i).Count(import => import.Kind == WasmKind.Function);
                if (!_functions[index].Type.Equals(Module.Types[Module.Imports[i].Type]))
                {
                    throw new PlainLinkException("incompatible import type");
                }
            }
        }
        if (Module.Elements.Any(elements => Initial(elements.Offset) + (ulong)elements.Functions.Length > _table!.Size))
        {
            throw new PlainLinkException("elements segment does not fit");
        }
        if (Module.Data.Any(data => Initial(data.Offset) + (ulong)data.Bytes.Length > _memory!.Pages * 65536UL))
        {
            throw new PlainLinkException("data segment does not fit");
        }
        foreach (WasmElements elements in Module.Elements)
        {
            for (int i = 0; i < elements.Functions.Length; i++)
            {
                _table![(uint)Initial(elements.Offset) + (uint)i] = _functions[elements.Functions[i]];
            }
        }
        foreach (WasmData data in Module.Data)
        {
            for (int i = 0; i < data.Bytes.Length; i++)
            {
                _memory![Initial(data.Offset) + (ulong)i] = data.Bytes[i];
            }
        }
    }
}
