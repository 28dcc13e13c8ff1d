using Eml.Machine.Wasm;

namespace Eml.Tests.Machine.Wasm;

/// <summary>Writes small modules for tests.</summary>
internal sealed class SmallModule
{
    public const WasmType I = WasmType.I32, L = WasmType.I64;

    private readonly List<WasmSignature> _types = [];
    private readonly List<(string Module, string Name, int Type)> _imports = [];
    private readonly List<(string Name, int Type, WasmType[] Locals, byte[] Body)> _functions = [];
    private readonly List<(WasmType Type, long Value)> _globals = [];
    private readonly List<(int At, int[] Functions)> _elements = [];
    private readonly List<(int At, byte[] Bytes)> _data = [];
    private (uint Min, uint? Max)? _memory;
    private int _table = -1;

    public static ModuleBytes Body() => new();

    /// <summary>The number of a signature.</summary>
    public int Type(WasmType[] parameters, WasmType[] results)
    {
        var type = new WasmSignature(parameters, results);
        int known = _types.IndexOf(type);
        if (known < 0)
        {
            known = _types.Count;
            _types.Add(type);
        }
        return known;
    }

    /// <summary>Imports a function; imports come before the module's own functions.</summary>
    public SmallModule Import(string module, string name, WasmType[] parameters, WasmType[] results)
    {
        _imports.Add((module, name, Type(parameters, results)));
        return this;
    }

    /// <summary>An exported function; <paramref name="body"/> without its end.</summary>
    public SmallModule Function(string name, WasmType[] parameters, WasmType[] results, ModuleBytes body, params WasmType[] locals)
    {
        _functions.Add((name, Type(parameters, results), locals, body.ToArray()));
        return this;
    }

    public SmallModule Memory(uint min, uint? max = null)
    {
        _memory = (min, max);
        return this;
    }

    public SmallModule Global(WasmType type, long value)
    {
        _globals.Add((type, value));
        return this;
    }

    public SmallModule Table(int size)
    {
        _table = size;
        return this;
    }

    public SmallModule Elements(int at, params int[] functions)
    {
        _elements.Add((at, functions));
        return this;
    }

    public SmallModule Data(int at, params byte[] bytes)
    {
        _data.Add((at, bytes));
        return this;
    }

    public WasmModule Read() => WasmModule.Read(ToBytes());

    public byte[] ToBytes()
    {
        ModuleBytes module = new ModuleBytes().Bytes("\0asm"u8).Bytes([1, 0, 0, 0]);
        module.Section(1, Vector(_types, (bytes, type) => bytes.Byte(0x60).Types(type.Parameters).Types(type.Results)));
        module.Section(2, Vector(_imports, (bytes, import) => bytes.Name(import.Module).Name(import.Name).Byte(0).Unsigned((ulong)import.Type)));
        module.Section(3, Vector(_functions, (bytes, function) => bytes.Unsigned((ulong)function.Type)));
        if (_table >= 0)
        {
            module.Section(4, new ModuleBytes().Byte(1).Byte(0x70).Byte(0).Unsigned((ulong)_table));
        }
        if (_memory is (uint min, var max))
        {
            ModuleBytes limits = new ModuleBytes().Byte(1).Byte(max is null ? 0 : 1).Unsigned(min);
            module.Section(5, max is null ? limits : limits.Unsigned(max.Value));
        }
        module.Section(6, Vector(_globals, (bytes, global) => bytes.Byte((byte)global.Type).Byte(1)
            .Op(global.Type == I ? WasmOpcode.I32Const : WasmOpcode.I64Const).Signed(global.Value).Op(WasmOpcode.End)));
        module.Section(7, Vector(_functions.Select((function, i) => (function.Name, Index: _imports.Count + i)),
            (bytes, export) => bytes.Name(export.Name).Byte(0).Unsigned((ulong)export.Index)));
        module.Section(9, Vector(_elements, (bytes, elements) => Offset(bytes, elements.At)
            .Bytes(Vector(elements.Functions, (functions, function) => functions.Unsigned((ulong)function)).ToArray())));
        module.Section(10, Vector(_functions, (bytes, function) => bytes.Sized(
            Vector(function.Locals, (locals, local) => locals.Byte(1).Byte((byte)local)).Bytes(function.Body).Op(WasmOpcode.End))));
        module.Section(11, Vector(_data, (bytes, data) => Offset(bytes, data.At).Unsigned((ulong)data.Bytes.Length).Bytes(data.Bytes)));
        return module.ToArray();
    }

    /// <summary>A function for every instruction that takes operands and gives a result, as <c>i32.add</c>; those of loads and stores take the address
    /// first.</summary>
    public static SmallModule Operations()
    {
        var module = new SmallModule();
        foreach ((byte code, WasmOperation operation) in WasmOpcodes.Integer.OrderBy(pair => pair.Key))
        {
            if (operation.Pops is not { Length: > 0 } pops)
            {
                continue;
            }
            ModuleBytes body = Body();
            for (int i = 0; i < pops.Length; i++)
            {
                body.Get(i);
            }
            body.Byte(code);
            if (operation.Width >= 0)
            {
                body.Byte(0).Byte(0);
            }
            else if (code == (byte)WasmOpcode.MemoryGrow)
            {
                body.Byte(0);
            }
            module.Function(operation.Name, pops, operation.Pushes is WasmType push ? [push] : [], body);
        }
        return module.Memory(2, 3);
    }

    private static ModuleBytes Offset(ModuleBytes bytes, int at) => bytes.Byte(0).Op(WasmOpcode.I32Const).Signed(at).Op(WasmOpcode.End);

    private static ModuleBytes Vector<T>(IEnumerable<T> items, Action<ModuleBytes, T> write)
    {
        T[] all = [.. items];
        var bytes = new ModuleBytes().Unsigned((ulong)all.Length);
        foreach (T item in all)
        {
            write(bytes, item);
        }
        return bytes;
    }
}

/// <summary>Instructions in short.</summary>
internal static class SmallCode
{
    public static ModuleBytes Get(this ModuleBytes code, int local) => code.Op(WasmOpcode.LocalGet).Unsigned((ulong)local);

    public static ModuleBytes Set(this ModuleBytes code, int local) => code.Op(WasmOpcode.LocalSet).Unsigned((ulong)local);

    public static ModuleBytes I32(this ModuleBytes code, int value) => code.Op(WasmOpcode.I32Const).Signed(value);

    public static ModuleBytes I64(this ModuleBytes code, long value) => code.Op(WasmOpcode.I64Const).Signed(value);

    /// <summary>An instruction with one number.</summary>
    public static ModuleBytes Op(this ModuleBytes code, WasmOpcode op, int number) => code.Op(op).Unsigned((ulong)number);

    /// <summary>A block, loop or if without parameters and results.</summary>
    public static ModuleBytes Open(this ModuleBytes code, WasmOpcode op) => code.Op(op).Byte(0x40);

    /// <summary>A load or store.</summary>
    public static ModuleBytes At(this ModuleBytes code, WasmOpcode op, uint offset) => code.Op(op).Byte(0).Unsigned(offset);

    public static ModuleBytes End(this ModuleBytes code) => code.Op(WasmOpcode.End);
}
