using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;
using ModuleExport = Eml.Machine.Wasm.WasmExport;

namespace Eml.Cli;

/// <summary>A command of a specification's test that is not run, and why.</summary>
internal sealed class SpecSkipException(string reason) : Exception(reason);

/// <summary>A trap, on its way through the host function that called the instance.</summary>
internal sealed class SpecTrapException(string trap) : Exception(trap);

/// <summary>A module of a specification's test, with what it imports of others.</summary>
internal sealed class SpecInstance
{
    /// <summary>Pages and elements of what the module spectest exports.</summary>
    private static readonly WasmLimits s_memory = new(1, 2), s_table = new(10, 20);

    private readonly WasmMachine _machine;
    private readonly Cancel _cancel;
    private bool _isRunning;
    private bool _isShared;

    /// <summary>Links a module and runs its start function.</summary>
    /// <exception cref="EmlException">Something cannot be linked.</exception>
    /// <exception cref="SpecSkipException">It shares what the machine does not share.</exception>
    /// <exception cref="SpecTrapException">The start function trapped.</exception>
    public SpecInstance(WasmModule module, IReadOnlyDictionary<string, SpecInstance?> registered, Cancel cancel)
    {
        _cancel = cancel;
        var imports = new WasmImports();
        string? skip = null;
        foreach (WasmImport import in module.Imports)
        {
            skip = Link(imports, module, import, registered) ?? skip;
        }
        if (skip is not null)
        {
            throw new SpecSkipException(skip);
        }
        _machine = new WasmMachine(module, imports);
        if (module.Start >= 0)
        {
            Call(module.Start, []);
        }
    }

    /// <summary>Calls an exported function.</summary>
    public ulong[] Invoke(string name, ulong[] arguments) => Call(Export(name, WasmKind.Function).Index, arguments);

    /// <summary>The value of an exported global.</summary>
    public ulong Get(string name)
    {
        CheckOwn();
        return _machine.ReadGlobal(Export(name, WasmKind.Global).Index);
    }

    private static EmlException Incompatible(WasmImport import) => new(ErrorCode.Argument, $"incompatible import type: '{import.Module}.{import.Name}'");

    private static EmlException Unknown(WasmImport import) => new(ErrorCode.Argument, $"unknown import: '{import.Module}.{import.Name}'");

    private static bool Fits(WasmLimits given, WasmLimits wanted) =>
        given.Min >= wanted.Min && (wanted.Max is null || (given.Max is not null && given.Max <= wanted.Max));

    /// <summary>Gives an import; null, or why the module cannot be run.</summary>
    private static string? Link(WasmImports imports, WasmModule module, WasmImport import, IReadOnlyDictionary<string, SpecInstance?> registered)
    {
        if (import.Module == "spectest")
        {
            return LinkSpecTest(imports, import);
        }
        if (!registered.TryGetValue(import.Module, out SpecInstance? other))
        {
            throw Unknown(import);
        }
        if (other is null)
        {
            return "imports from a module that was skipped";
        }
        WasmModule exporter = other._machine.Module;
        ModuleExport? export = Array.Find(exporter.Exports, export => export.Name == import.Name);
        if (export is null)
        {
            throw Unknown(import);
        }
        if (export.Kind != import.Kind)
        {
            throw Incompatible(import);
        }
        switch (import.Kind)
        {
            case WasmKind.Function:
                imports.Function(import.Module, import.Name, (_, arguments) => other.Call(export.Index, arguments),
                    exporter.Types[exporter.FunctionTypes[export.Index]]);
                return exporter.Types[exporter.FunctionTypes[export.Index]].Equals(module.Types[import.Type]) ? null : throw Incompatible(import);
            case WasmKind.Global when exporter.GlobalTypes[export.Index] != import.Global:
                throw Incompatible(import);
            case WasmKind.Global:
                imports.Global(import.Module, import.Name, other._machine.ReadGlobal(export.Index));
                return import.Global!.IsMutable ? other.Share("global") : null;
            case WasmKind.Memory:
                return Fits(exporter.Memories[export.Index] with { Min = (uint)other._machine.Pages }, import.Limits!)
                    ? other.Share("memory") : throw Incompatible(import);
            default:
                return Fits(exporter.Tables[export.Index], import.Limits!) ? other.Share("table") : throw Incompatible(import);
        }
    }

    /// <summary>The module that the specification's tests import from.</summary>
    private static string? LinkSpecTest(WasmImports imports, WasmImport import)
    {
        WasmType[]? print = import.Name switch { "print" => [], "print_i32" => [WasmType.I32], "print_i64" => [WasmType.I64], _ => null };
        bool hasFloats = import.Name is "print_f32" or "print_f64" or "print_i32_f32" or "print_f64_f64" or "global_f32" or "global_f64";
        WasmKind? kind = import.Name switch
        {
            "memory" => WasmKind.Memory,
            "table" => WasmKind.Table,
            "global_i32" or "global_i64" => WasmKind.Global,
            _ => print is null ? null : WasmKind.Function,
        };
        if (hasFloats || (kind is not null && kind != import.Kind))
        {
            // A module with floating point in the types of its imports was refused before.
            throw Incompatible(import);
        }
        switch (kind)
        {
            case WasmKind.Function:
                imports.Function(import.Module, import.Name, (_, _) => [], new WasmSignature(print!, []));
                return null;
            case WasmKind.Global:
                WasmType type = import.Name == "global_i32" ? WasmType.I32 : WasmType.I64;
                imports.Global(import.Module, import.Name, 666);
                return import.Global == new WasmGlobalType(type, false) ? null : throw Incompatible(import);
            case WasmKind.Memory or WasmKind.Table:
                WasmLimits given = kind == WasmKind.Memory ? s_memory : s_table;
                return !Fits(given, import.Limits!) ? throw Incompatible(import)
                    : given.Min != import.Limits!.Min ? "shares a memory or table that is larger than it says" : null;
            default:
                throw Unknown(import);
        }
    }

    /// <summary>The other instance would change what is shared, and cannot: what this one does from now on says nothing.</summary>
    private string Share(string what)
    {
        _isShared = true;
        return $"shares a {what} with another instance";
    }

    private ModuleExport Export(string name, WasmKind kind) =>
        Array.Find(_machine.Module.Exports, export => export.Name == name && export.Kind == kind)
        ?? throw new EmlException(ErrorCode.Argument, $"the module exports no {kind.ToString().ToLowerInvariant()} '{name}'");

    private void CheckOwn()
    {
        if (_isShared)
        {
            throw new SpecSkipException("shares what it has with a module that was skipped");
        }
    }

    private ulong[] Call(int function, ulong[] arguments)
    {
        CheckOwn();
        if (_isRunning)
        {
            throw new SpecSkipException("calls an instance that is waiting for the answer to a call");
        }
        _isRunning = true;
        try
        {
            _machine.Begin(function, arguments);
            return _machine.Run(long.MaxValue, _cancel) switch
            {
                WasmStatus.Done => _machine.Results,
                WasmStatus.Trapped => throw new SpecTrapException(_machine.Trap!),
                _ => throw new OperationCanceledException(),
            };
        }
        finally
        {
            _isRunning = false;
        }
    }
}
