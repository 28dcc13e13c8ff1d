using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats.Machine;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>WebAssembly machines: modules that run by forward passes of a transformer.</summary>
internal static unsafe class WasmExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(WasmOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, default, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_wasi_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int WasiInit(WasmWasiStruct* wasi, uint size) => Failure.Guard(() => Versioned.Initialise(wasi, default, size, "wasi"));

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(void* bytes, ulong size, WasmOptionsStruct* options, nint* result) => Out.Handle(result, Kind.Wasm, () =>
    {
        WasmOptionsStruct o = Versioned.Read(options, default, "eml_wasm_options");
        bool dense = o.Dense is 0 or 1
            ? o.Dense == 1
            : throw new EmlException(ErrorCode.Argument, $"options.dense is {o.Dense}; use 0 or 1");
        var imports = new WasmImportList(Arguments.Array(o.Imports, o.ImportCount, "options.imports"));
        WasmWasi? wasi = o.Wasi is null ? null : new WasmWasi(Versioned.Read(o.Wasi, default, "eml_wasm_wasi"));
        return new WasmBox(Arguments.Array((byte*)bytes, size, "bytes").ToArray(), dense, imports, wasi, new WasmTokenCallback(o.Token, o.User));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint machine) => Failure.Guard(() => Handles.Free(machine, Kind.Wasm));

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_invoke", CallConvs = [typeof(CallConvCdecl)])]
    public static int Invoke(nint machine, byte* name, ulong nameLen, ulong* args, ulong nargs, ulong fuel, nint cancel, ulong* results,
        ulong cap, ulong* nresults) => Failure.Guard(() =>
    {
        using Use<WasmBox> use = Write(machine);
        int function = use.Target.Find(Arguments.Text(name, nameLen, "name"));
        ulong[] arguments = Arguments.Array(args, nargs, "args").ToArray();
        Cancel? token = CancelExports.GetOrNull(cancel);
        Span<ulong> room = Room(use.Target, function, results, cap, nresults);
        use.Target.Begin(function, arguments);
        return Run(use.Target, fuel, token, room);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_resume", CallConvs = [typeof(CallConvCdecl)])]
    public static int Resume(nint machine, ulong fuel, nint cancel, ulong* results, ulong cap, ulong* nresults) => Failure.Guard(() =>
    {
        using Use<WasmBox> use = Write(machine);
        Cancel? token = CancelExports.GetOrNull(cancel);
        Span<ulong> room = Room(use.Target, use.Target.Suspended(), results, cap, nresults);
        return Run(use.Target, fuel, token, room);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_trap", CallConvs = [typeof(CallConvCdecl)])]
    public static int Trap(nint machine, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<WasmBox> use = Read(machine);
        Arguments.OutText(use.Target.Trap, buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_output", CallConvs = [typeof(CallConvCdecl)])]
    public static int Output(nint machine, int stream, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<WasmBox> use = Read(machine);
        Arguments.Out(use.Target.Output(stream), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint machine, WasmInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<WasmBox> use = Read(machine);
        Versioned.Write(result, use.Target.Info, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_get_function", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetFunction(nint machine, ulong index, WasmFunctionStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<WasmBox> use = Read(machine);
        Versioned.Write(result, use.Target.Function(index), "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_read_memory", CallConvs = [typeof(CallConvCdecl)])]
    public static int ReadMemory(nint machine, uint address, void* buf, ulong size) =>
        WithMemory(machine, box => box.ReadMemory(address, Arguments.Array((byte*)buf, size, "buf")));

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_write_memory", CallConvs = [typeof(CallConvCdecl)])]
    public static int WriteMemory(nint machine, uint address, void* bytes, ulong size) =>
        WithMemory(machine, box => box.WriteMemory(address, Arguments.Array((byte*)bytes, size, "bytes")));

    [UnmanagedCallersOnly(EntryPoint = "eml_wasm_export", CallConvs = [typeof(CallConvCdecl)])]
    public static int Export(nint machine, byte* name, ulong nameLen, ulong* args, ulong nargs, byte* path, ulong pathLen) => Failure.Guard(() =>
    {
        using SharedUse<WasmBox> use = Read(machine);
        string function = Arguments.Text(name, nameLen, "name");
        ulong[] arguments = Arguments.Array(args, nargs, "args").ToArray();
        string folder = Arguments.Path(path, pathLen);
        WasmFolder.Save(folder, use.Target.Prompt(function, arguments));
        Log.Write(Log.Info, $"saved {folder}");
    });

    /// <summary>The one use that an imported function may make of the machine that calls it.</summary>
    private static int WithMemory(nint machine, Action<WasmBox> body) => Failure.Guard(() =>
    {
        WasmBox box = Handles.Get<WasmBox>(machine, Kind.Wasm);
        if (box.IsCallingThisThread)
        {
            body(box);
            return;
        }

        using Use<WasmBox> use = Write(machine);
        body(use.Target);
    });

    private static int Run(WasmBox box, ulong fuel, Cancel? cancel, Span<ulong> results)
    {
        try
        {
            return box.Run(fuel, cancel, results);
        }
        catch (WasmHostStop stop)
        {
            return Failure.Stopped(stop.Value);
        }
    }

    /// <summary>Where the results go: there must be room before anything runs.</summary>
    private static Span<ulong> Room(WasmBox box, int function, ulong* results, ulong cap, ulong* nresults)
    {
        Arguments.NotNull(nresults, "nresults");
        int count = box.Signature(function).Results.Length;
        *nresults = (ulong)count;
        return cap >= (ulong)count
            ? Arguments.Array(results, (ulong)count, "results")
            : throw new EmlException(ErrorCode.Buffer, $"results has room for {cap} values but the function returns {count}; call again with that many");
    }

    private static Use<WasmBox> Write(nint machine) => new(machine, Kind.Wasm);

    private static SharedUse<WasmBox> Read(nint machine) => new(machine, Kind.Wasm);
}
