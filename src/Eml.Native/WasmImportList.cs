using Eml.Machine.Universal;
using Eml.Machine.Wasm;

namespace Eml.Native;

/// <summary>The token callback of a machine; its function may be NULL.</summary>
internal readonly unsafe struct WasmTokenCallback(delegate* unmanaged[Cdecl]<double*, ulong, ulong, void*, int> function, void* user)
{
    public readonly delegate* unmanaged[Cdecl]<double*, ulong, ulong, void*, int> Function = function;
    public readonly void* User = user;
}

/// <summary>An imported function with its names, each with a NUL, and its types.</summary>
internal sealed unsafe class WasmHostEntry(WasmImport import, WasmSignature signature, delegate* unmanaged[Cdecl]<WasmCallStruct*, void*, int> function,
    void* user)
{
    public readonly byte[] Module = Failure.Pin(import.Module);
    public readonly byte[] Name = Failure.Pin(import.Name);
    public readonly byte[] Parameters = Bytes(signature.Parameters);
    public readonly byte[] ResultTypes = Bytes(signature.Results);
    public readonly int ResultCount = signature.Results.Length;
    public readonly delegate* unmanaged[Cdecl]<WasmCallStruct*, void*, int> Function = function;
    public readonly void* User = user;

    /// <summary>Types where the collector does not move them.</summary>
    public static byte[] Bytes(WasmType[] types)
    {
        // Never empty, so that there is an address.
        byte[] bytes = GC.AllocateArray<byte>(Math.Max(1, types.Length), pinned: true);
        for (int i = 0; i < types.Length; i++)
        {
            bytes[i] = (byte)types[i];
        }

        return bytes;
    }
}

/// <summary>What the caller gives to a module, by name.</summary>
internal sealed unsafe class WasmImportList
{
    private readonly List<(string Module, string Name, WasmImportStruct Import)> _given = [];

    public WasmImportList(Span<WasmImportStruct> imports)
    {
        for (int i = 0; i < imports.Length; i++)
        {
            WasmImportStruct import = imports[i];
            _given.Add((Arguments.Text(import.Module, import.ModuleLen, $"imports[{i}].module"),
                Arguments.Text(import.Name, import.NameLen, $"imports[{i}].name"), import));
        }
    }

    /// <summary>The same as the machine takes it, for a module whose calls go through <paramref name="box"/>; before what
    /// <paramref name="wasi"/> gives.</summary>
    public WasmImports For(WasmModule module, WasmBox box, WasmWasi? wasi)
    {
        var imports = new WasmImports();
        wasi?.Host.AddTo(imports, module);
        foreach ((string from, string name, WasmImportStruct given) in _given)
        {
            if (given.Function is null)
            {
                imports.Global(from, name, given.Value);
            }
        }

        foreach (WasmImport wanted in module.Imports.Where(import => import.Kind == WasmKind.Function))
        {
            int i = _given.FindLastIndex(given => given.Module == wanted.Module && given.Name == wanted.Name && given.Import.Function is not null);
            if (i >= 0)
            {
                var entry = new WasmHostEntry(wanted, module.Types[wanted.Type], _given[i].Import.Function, _given[i].Import.User);
                imports.Function(wanted.Module, wanted.Name, (_, arguments) => box.CallHost(entry, arguments));
            }
        }

        return imports;
    }
}
