using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Machine.Universal;

/// <summary>The tokens that put a module into the machine: code, globals, data and table elements.</summary>
internal sealed class WasmPrompt
{
    private readonly WasmModule _module;
    private readonly CodeLayout _layout;
    private readonly List<ulong> _globals = [];
    private readonly SortedDictionary<uint, ulong> _words = [];
    private readonly int[] _table;

    public WasmPrompt(WasmModule module, CodeLayout layout, WasmImports imports)
    {
        _module = module;
        _layout = layout;
        Functions = FunctionsOf(module, imports);
        _globals.AddRange(module.Imports.Where(import => import.Kind == WasmKind.Global).Select(imports.GlobalOf));
        foreach (WasmGlobal global in module.Globals)
        {
            _globals.Add(Value(global.Initial));
        }
        uint size = module.Tables.Length > 0 ? module.Tables[0].Min : 0;
        if (size > 10_000_000)
        {
            throw new EmlException(ErrorCode.Limit, $"wasm: a table of {size} elements; the machine takes 10,000,000");
        }
        _table = new int[size];
        Array.Fill(_table, -1);
        PutElements();
        PutData();
    }

    /// <summary>The imported functions.</summary>
    public WasmHostFunction[] Functions { get; }

    public static WasmHostFunction[] FunctionsOf(WasmModule module, WasmImports imports) => [.. module.Imports
        .Where(import => import.Kind == WasmKind.Function).Select(import => imports.FunctionOf(import, module.Types[import.Type]))];

    public IEnumerable<double[]> Tokens()
    {
        foreach (double[] token in _layout.Tokens())
        {
            yield return token;
        }
        for (int i = 0; i < _globals.Count; i++)
        {
            yield return SlotToken(i, _globals[i], 0.0);
        }
        for (int i = 0; i < _table.Length; i++)
        {
            double[] token = new double[(int)Field.All];
            token[(int)Field.IsElement] = 1.0;
            token[(int)Field.WordHigh] = i >> 16;
            token[(int)Field.WordLow] = i & 65535;
            token[(int)Field.ElementKind] = _table[i] < 0 ? 1.0 : 2.0;
            token[(int)Field.Next] = _table[i] < 0 ? 0.0 : _layout.Entry(_table[i]);
            token[(int)Field.Count] = _table[i] < 0 ? 0.0 : _layout.TypeOf(_table[i]);
            yield return token;
        }
        foreach ((uint number, ulong word) in _words)
        {
            yield return WordToken(number, word, 0.0);
        }
    }

    /// <summary>A value in a slot.</summary>
    public static double[] SlotToken(int slot, ulong value, double clock)
    {
        double[] token = new double[(int)Field.All];
        token[(int)Field.Clock] = clock;
        token[(int)Field.SlotWrite] = 1.0;
        token[(int)Field.Slot] = slot;
        token[(int)Field.Low] = (uint)value;
        token[(int)Field.High] = value >> 32;
        return token;
    }

    /// <summary>Eight bytes of memory.</summary>
    public static double[] WordToken(uint number, ulong word, double clock)
    {
        double[] token = new double[(int)Field.All];
        token[(int)Field.Clock] = clock;
        token[(int)Field.WordWrite] = 1.0;
        token[(int)Field.WordHigh] = number >> 14;
        token[(int)Field.WordLow] = number & 16383;
        for (int i = 0; i < 8; i++)
        {
            token[(int)Field.Byte0 + i] = (byte)(word >> (8 * i));
        }
        return token;
    }

    private ulong Value(WasmInitializer initializer) => initializer.Global < 0 ? initializer.Value : _globals[initializer.Global];

    private void PutElements()
    {
        foreach (WasmElements elements in _module.Elements)
        {
            uint offset = (uint)Value(elements.Offset);
            if (offset + (long)elements.Functions.Length > _table.Length)
            {
                throw new EmlException(ErrorCode.Argument,
                    $"wasm: elements segment does not fit: {elements.Functions.Length} elements at {offset} in a table of {_table.Length}");
            }
        }
        CheckData();
        foreach (WasmElements elements in _module.Elements)
        {
            elements.Functions.CopyTo(_table, (int)(uint)Value(elements.Offset));
        }
    }

    private void CheckData()
    {
        long size = _module.Memories.Length > 0 ? _module.Memories[0].Min * 65536L : 0;
        foreach (WasmData data in _module.Data)
        {
            uint offset = (uint)Value(data.Offset);
            if (offset + (long)data.Bytes.Length > size)
            {
                throw new EmlException(ErrorCode.Argument, $"wasm: data segment does not fit: {data.Bytes.Length} bytes at {offset} in a memory of {size}");
            }
        }
    }

    private void PutData()
    {
        foreach (WasmData data in _module.Data)
        {
            uint offset = (uint)Value(data.Offset);
            for (int i = 0; i < data.Bytes.Length; i++)
            {
                uint at = offset + (uint)i;
                int shift = 8 * (int)(at & 7);
                _words[at >> 3] = (_words.GetValueOrDefault(at >> 3) & ~(255UL << shift)) | ((ulong)data.Bytes[i] << shift);
            }
        }
    }
}
