using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>What a host gives to a module. Memories and tables that a module imports are made for it alone.</summary>
public sealed class WasmImports
{
    private readonly Dictionary<(string, string), WasmHostFunction> _functions = [];
    private readonly Dictionary<(string, string), ulong> _globals = [];

    /// <summary>Gives a function.</summary>
    public WasmImports Function(string module, string name, WasmHostFunction function)
    {
        _functions[(module, name)] = function;
        return this;
    }

    /// <summary>Gives the value of a global.</summary>
    public WasmImports Global(string module, string name, ulong bits)
    {
        _globals[(module, name)] = bits;
        return this;
    }

    internal WasmHostFunction FunctionOf(WasmImport import) =>
        _functions.TryGetValue((import.Module, import.Name), out WasmHostFunction? function) ? function : throw Missing(import, "function");

    internal ulong GlobalOf(WasmImport import) =>
        _globals.TryGetValue((import.Module, import.Name), out ulong bits) ? bits : throw Missing(import, "global");

    private static EmlException Missing(WasmImport import, string what) =>
        new(ErrorCode.Argument, $"wasm: unknown import: the host gives no {what} '{import.Module}.{import.Name}'");
}
