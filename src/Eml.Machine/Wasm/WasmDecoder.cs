using Eml.Numerics;

namespace Eml.Machine.Wasm;

/// <summary>Reads the sections of a binary module. Function bodies are checked by <see cref="WasmValidator"/> while they are
/// read. Source: WebAssembly Core Specification 1.0, chapters 3 and 5.</summary>
internal sealed class WasmDecoder(byte[] bytes)
{
    private const int MaxPages = 65536;
    private const uint MaxLocals = 50_000;

    private readonly List<WasmSignature> _types = [];
    private readonly List<WasmImport> _imports = [];
    private readonly List<int> _functionTypes = [];
    private readonly List<WasmLimits> _tables = [];
    private readonly List<WasmLimits> _memories = [];
    private readonly List<WasmGlobalType> _globalTypes = [];
    private readonly List<WasmGlobal> _globals = [];
    private readonly List<WasmExport> _exports = [];
    private readonly List<WasmElements> _elements = [];
    private readonly List<WasmData> _data = [];
    private readonly List<WasmFunction> _functions = [];
    private int _importedFunctions;
    private int _importedGlobals;
    private int _start = -1;

    /// <summary>What a body may refer to.</summary>
    public IReadOnlyList<WasmSignature> Types => _types;

    /// <summary>Signature of every function.</summary>
    public IReadOnlyList<int> FunctionTypes => _functionTypes;

    /// <summary>Types of all globals.</summary>
    public IReadOnlyList<WasmGlobalType> GlobalTypes => _globalTypes;

    /// <summary>Whether there is a table.</summary>
    public bool HasTable => _tables.Count > 0;

    /// <summary>Whether there is a memory.</summary>
    public bool HasMemory => _memories.Count > 0;

    /// <summary>Decodes and validates.</summary>
    public WasmModule Read()
    {
        var reader = new WasmReader(bytes, 0, bytes.Length);
        if (bytes.Length < 4 || !bytes.AsSpan(0, 4).SequenceEqual("\0asm"u8))
        {
            throw bytes.Length < 4 ? reader.Malformed("unexpected end") : reader.Malformed("magic header not detected");
        }
        reader.Bytes(4);
        if (!reader.Bytes(4).SequenceEqual((ReadOnlySpan<byte>)[1, 0, 0, 0]))
        {
            throw reader.Malformed("unknown binary version", -4);
        }
        Sections(reader);
        return new WasmModule
        {
            Types = [.. _types],
            Imports = [.. _imports],
            FunctionTypes = [.. _functionTypes],
            Functions = [.. _functions],
            Tables = [.. _tables],
            Memories = [.. _memories],
            GlobalTypes = [.. _globalTypes],
            Globals = [.. _globals],
            Exports = [.. _exports],
            Start = _start,
            Elements = [.. _elements],
            Data = [.. _data],
        };
    }

    private void Sections(WasmReader reader)
    {
        int last = 0;
        bool hasCode = false;
        while (!reader.AtEnd)
        {
            byte id = reader.Byte();
            uint size = reader.U32();
            WasmReader section = reader.Part(size);
            if (id == 0)
            {
                section.Name();
                continue;
            }
            if (id == 12)
            {
                throw WasmReader.Refused("a data count section (bulk memory)", section.Offset);
            }
            if (id > 11)
            {
                throw section.Malformed("malformed section id", -2);
            }
            if (id <= last)
            {
                throw section.Malformed("unexpected content after last section");
            }
            last = id;
            hasCode |= id == 10;
            int count = id == 8 ? 1 : section.Count();
            if (id == 10 && count != _functionTypes.Count - _importedFunctions)
            {
                throw section.Malformed("function and code section have inconsistent lengths");
            }
            for (int i = 0; i < count; i++)
            {
                Entry(id, section, i);
            }
            if (!section.AtEnd)
            {
                throw section.Malformed("section size mismatch");
            }
        }
        if (!hasCode && _functionTypes.Count > _importedFunctions)
        {
            throw reader.Malformed("function and code section have inconsistent lengths");
        }
    }

    private void Entry(byte section, WasmReader reader, int index)
    {
        switch (section)
        {
            case 1:
                Signature(reader);
                break;
            case 2:
                Import(reader);
                break;
            case 3:
                _functionTypes.Add(TypeIndex(reader));
                break;
            case 4:
                Table(reader);
                break;
            case 5:
                Memory(reader);
                break;
            case 6:
                WasmGlobalType type = GlobalType(reader);
                _globals.Add(new WasmGlobal(type, Initializer(reader, type.Type)));
                _globalTypes.Add(type);
                break;
            case 7:
                Export(reader);
                break;
            case 8:
                Start(reader);
                break;
            case 9:
                Element(reader);
                break;
            case 10:
                Body(reader, _importedFunctions + index);
                break;
            default:
                Datum(reader);
                break;
        }
    }

    private void Signature(WasmReader reader)
    {
        if (reader.Byte() != 0x60)
        {
            throw reader.Malformed("integer representation too long", -1);
        }
        _types.Add(new WasmSignature(ValueTypes(reader), ValueTypes(reader)));
    }

    private static WasmType[] ValueTypes(WasmReader reader)
    {
        var types = new WasmType[reader.Count()];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = ValueType(reader, -1);
        }
        return types;
    }

    /// <summary>A value type; floating point and others are refused by name.</summary>
    public static WasmType ValueType(WasmReader reader, int function)
    {
        byte type = reader.Byte();
        return type switch
        {
            0x7F => WasmType.I32,
            0x7E => WasmType.I64,
            0x7D => throw WasmReader.Refused("type f32", reader.Offset - 1, function),
            0x7C => throw WasmReader.Refused("type f64", reader.Offset - 1, function),
            0x7B => throw WasmReader.Refused("type v128", reader.Offset - 1, function),
            0x70 => throw WasmReader.Refused("type funcref", reader.Offset - 1, function),
            0x6F => throw WasmReader.Refused("type externref", reader.Offset - 1, function),
            _ => throw reader.Malformed($"malformed value type 0x{type:x2}", -1),
        };
    }

    private int TypeIndex(WasmReader reader)
    {
        int at = reader.Offset;
        uint index = reader.U32();
        return index < _types.Count ? (int)index : throw WasmReader.Invalid($"unknown type {index}", at);
    }

    private void Import(WasmReader reader)
    {
        string module = reader.Name();
        string name = reader.Name();
        byte kind = reader.Byte();
        switch (kind)
        {
            case (byte)WasmKind.Function:
                int type = TypeIndex(reader);
                _functionTypes.Add(type);
                _importedFunctions++;
                _imports.Add(new WasmImport(module, name, WasmKind.Function, type, null, null));
                break;
            case (byte)WasmKind.Table:
                Table(reader);
                _imports.Add(new WasmImport(module, name, WasmKind.Table, -1, _tables[^1], null));
                break;
            case (byte)WasmKind.Memory:
                Memory(reader);
                _imports.Add(new WasmImport(module, name, WasmKind.Memory, -1, _memories[^1], null));
                break;
            case (byte)WasmKind.Global:
                WasmGlobalType global = GlobalType(reader);
                _globalTypes.Add(global);
                _importedGlobals++;
                _imports.Add(new WasmImport(module, name, WasmKind.Global, -1, null, global));
                break;
            default:
                throw reader.Malformed("malformed import kind", -1);
        }
    }

    private void Table(WasmReader reader)
    {
        int at = reader.Offset;
        if (reader.Byte() != 0x70)
        {
            throw reader.Malformed("malformed reference type", -1);
        }
        if (_tables.Count > 0)
        {
            throw WasmReader.Invalid("multiple tables", at);
        }
        _tables.Add(Limits(reader, uint.MaxValue, "table size"));
    }

    private void Memory(WasmReader reader)
    {
        if (_memories.Count > 0)
        {
            throw WasmReader.Invalid("multiple memories", reader.Offset);
        }
        _memories.Add(Limits(reader, MaxPages, "memory size must be at most 65536 pages (4GiB)"));
    }

    private static WasmLimits Limits(WasmReader reader, uint most, string tooLarge)
    {
        int at = reader.Offset;
        byte flags = reader.Byte();
        if (flags > 1)
        {
            throw reader.Malformed(flags is 2 or 3 ? "integer too large" : "integer representation too long", -1);
        }
        uint min = reader.U32();
        uint? max = flags == 1 ? reader.U32() : null;
        if (min > most || max > most)
        {
            throw WasmReader.Invalid(tooLarge, at);
        }
        return max < min ? throw WasmReader.Invalid("size minimum must not be greater than maximum", at) : new WasmLimits(min, max);
    }

    private static WasmGlobalType GlobalType(WasmReader reader)
    {
        WasmType type = ValueType(reader, -1);
        byte mutable = reader.Byte();
        return mutable <= 1 ? new WasmGlobalType(type, mutable == 1) : throw reader.Malformed("malformed mutability", -1);
    }

    private WasmInitializer Initializer(WasmReader reader, WasmType type)
    {
        int at = reader.Offset;
        byte code = reader.Byte();
        WasmInitializer value;
        WasmType found;
        switch (code)
        {
            case (byte)WasmOpcode.I32Const:
                (value, found) = (new WasmInitializer((uint)reader.Signed(32)), WasmType.I32);
                break;
            case (byte)WasmOpcode.I64Const:
                (value, found) = (new WasmInitializer((ulong)reader.Signed(64)), WasmType.I64);
                break;
            case (byte)WasmOpcode.GlobalGet:
                uint index = reader.U32();
                if (index >= _importedGlobals)
                {
                    throw WasmReader.Invalid($"unknown global {index}", at);
                }
                if (_globalTypes[(int)index].IsMutable)
                {
                    throw WasmReader.Invalid("constant expression required", at);
                }
                (value, found) = (new WasmInitializer(0, (int)index), _globalTypes[(int)index].Type);
                break;
            case (byte)WasmOpcode.End:
                throw WasmReader.Invalid("type mismatch", at);
            default:
                throw WasmOpcodes.Refused.TryGetValue(code, out string? name) ? WasmReader.Refused(name, at)
                    : WasmOpcodes.Integer.ContainsKey(code) ? WasmReader.Invalid("constant expression required", at)
                    : WasmReader.Malformed("illegal opcode", at, 0);
        }
        byte end = reader.Byte();
        if (end != (byte)WasmOpcode.End)
        {
            throw WasmOpcodes.Integer.TryGetValue(end, out WasmOperation? more) && more.Pops is { Length: 0 }
                ? WasmReader.Invalid("type mismatch", reader.Offset - 1) : WasmReader.Invalid("constant expression required", reader.Offset - 1);
        }
        return found == type ? value : throw WasmReader.Invalid("type mismatch", at);
    }

    private void Export(WasmReader reader)
    {
        int at = reader.Offset;
        string name = reader.Name();
        byte kind = reader.Byte();
        uint index = reader.U32();
        (int count, string what) = kind switch
        {
            (byte)WasmKind.Function => (_functionTypes.Count, "function"),
            (byte)WasmKind.Table => (_tables.Count, "table"),
            (byte)WasmKind.Memory => (_memories.Count, "memory"),
            (byte)WasmKind.Global => (_globalTypes.Count, "global"),
            _ => throw reader.Malformed("malformed export kind", -2),
        };
        if (index >= count)
        {
            throw WasmReader.Invalid($"unknown {what} {index}", at);
        }
        if (_exports.Exists(export => export.Name == name))
        {
            throw WasmReader.Invalid("duplicate export name", at);
        }
        _exports.Add(new WasmExport(name, (WasmKind)kind, (int)index));
    }

    private void Start(WasmReader reader)
    {
        int at = reader.Offset;
        uint index = reader.U32();
        if (index >= _functionTypes.Count)
        {
            throw WasmReader.Invalid($"unknown function {index}", at);
        }
        WasmSignature type = _types[_functionTypes[(int)index]];
        _start = type.Parameters.Length + type.Results.Length == 0 ? (int)index : throw WasmReader.Invalid("start function", at);
    }

    private void Element(WasmReader reader)
    {
        int at = reader.Offset;
        uint flags = reader.U32();
        if (flags != 0)
        {
            throw WasmReader.Refused($"an element segment of kind {flags} (bulk memory)", at);
        }
        if (!HasTable)
        {
            throw WasmReader.Invalid("unknown table 0", at);
        }
        WasmInitializer offset = Initializer(reader, WasmType.I32);
        int[] functions = new int[reader.Count()];
        for (int i = 0; i < functions.Length; i++)
        {
            uint function = reader.U32();
            functions[i] = function < _functionTypes.Count ? (int)function : throw WasmReader.Invalid($"unknown function {function}", at);
        }
        _elements.Add(new WasmElements(offset, functions));
    }

    private void Datum(WasmReader reader)
    {
        int at = reader.Offset;
        uint flags = reader.U32();
        if (flags != 0)
        {
            throw WasmReader.Refused($"a data segment of kind {flags} (bulk memory)", at);
        }
        if (!HasMemory)
        {
            throw WasmReader.Invalid("unknown memory 0", at);
        }
        WasmInitializer offset = Initializer(reader, WasmType.I32);
        _data.Add(new WasmData(offset, reader.Bytes(reader.Count()).ToArray()));
    }

    private void Body(WasmReader reader, int function)
    {
        WasmReader body = reader.Part(reader.U32());
        var groups = new (uint Count, WasmType Type)[body.Count()];
        int at = body.Offset;
        for (int i = 0; i < groups.Length; i++)
        {
            groups[i] = (body.U32(), ValueType(body, function));
        }
        ulong total = groups.Aggregate(0UL, (sum, group) => sum + group.Count);
        if (total > uint.MaxValue)
        {
            throw WasmReader.Malformed("too many locals", at, 0);
        }
        if (total > MaxLocals)
        {
            throw new EmlException(ErrorCode.Limit, (ulong)at, $"byte {at}, function {function}: {total} locals; at most {MaxLocals} are allowed");
        }
        WasmType[] locals = [.. _types[_functionTypes[function]].Parameters, .. groups.SelectMany(group => Enumerable.Repeat(group.Type, (int)group.Count))];
        _functions.Add(new WasmValidator(this, body, function, locals).Read());
    }
}
