using Eml.Formats.Machine;
using Eml.Machine.Transformer;
using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>A program: a WebAssembly module, or a machine that was specialised to one.</summary>
internal sealed class WasmSource
{
    private readonly TransformerWeights? _weights;
    private readonly WasmProgram? _program;

    private WasmSource(byte[] bytes)
    {
        if (WasmModelFile.IsModel(bytes))
        {
            (_weights, _program) = WasmModelFile.Read(bytes);
            Module = _program.Declarations;
        }
        else
        {
            Module = WasmModule.Read(bytes);
        }
    }

    /// <summary>The module; of a specialised machine, its declarations.</summary>
    public WasmModule Module { get; }

    /// <summary>Reads a file.</summary>
    public static WasmSource Read(string path)
    {
        try
        {
            return new WasmSource(Store.ReadBytes(path));
        }
        catch (EmlException e)
        {
            throw Store.Named(path, e);
        }
    }

    /// <summary>The machine at the program's start.</summary>
    public WasmMachine Machine(WasmImports imports, bool dense) =>
        _program is null ? new WasmMachine(Module, imports, dense) : new WasmMachine(_weights!, _program, imports, dense);
}
