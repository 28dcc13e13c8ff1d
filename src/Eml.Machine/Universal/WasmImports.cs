using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>What a host gives to a module. Memories and tables that a module imports are made for it alone.</summary>
public sealed class WasmImports
{
    private readonly Dictionary<(string, string), (WasmHostFunction Function, WasmSignature? Type)> _functions = [];
    private readonly Dictionary<(string, string), ulong> _globals = [];

    /// <summary>Gives a function; with a <paramref name="type"/>, only to modules that import it with that type.</summary>
    public WasmImports Function(string module, string name, WasmHostFunction function, WasmSignature? type = null)
    {
        _functions[(module, name)] = (function, type);
        return this;
    }

    /// <summary>Gives the value of a global.</summary>
    public WasmImports Global(string module, string name, ulong bits)
    {
        _globals[(module, name)] = bits;
        return this;
    }

    /// <summary>Whether it gives a function of that name.</summary>
    internal bool Has(WasmImport import) => _functions.ContainsKey((import.Module, import.Name));

    internal WasmHostFunction FunctionOf(WasmImport import, WasmSignature type)
    {
        if (!_functions.TryGetValue((import.Module, import.Name), out (WasmHostFunction Function, WasmSignature? Type) found))
        {
            throw Missing(import, "function");
        }
        return found.Type is null || found.Type.Equals(type) ? found.Function
            : throw new EmlException(ErrorCode.Argument,
                $"wasm: incompatible import type: the module imports '{import.Module}.{import.Name}' as {type}; the host gives {found.Type}");
    }

    internal ulong GlobalOf(WasmImport import) =>
        _globals.TryGetValue((import.Module, import.Name), out ulong bits) ? bits : throw Missing(import, "global");

    private static EmlException Missing(WasmImport import, string what) =>
        new(ErrorCode.Argument, $"wasm: unknown import: the host gives no {what} '{import.Module}.{import.Name}'");
}
