using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Tests.Machine.Wasm;

/// <summary>A random module: its bytes, and what to call its function <c>run</c> with.</summary>
internal sealed record RandomModule(byte[] Bytes, ulong[] Arguments, int[] Input);

/// <summary>Random valid modules, the same for the same seed: functions that call each other directly and through a table, blocks of
/// all kinds with branches of all kinds, memory that grows, globals, segments, a start function, and all integer instructions on values
/// that are often at the ends of their range.</summary>
/// <remarks>What is made must be valid and come to an end without looking at the validator: global 0 is fuel, of which every call and
/// every run of a loop's body takes one; without fuel they return. Exports: <c>run</c>, <c>memory</c>, and the globals as <c>g0</c>,
/// <c>g1</c>, … Imports, if any: <c>env.input</c> and <c>env.output</c>. How often something may trap is drawn once for each module.</remarks>
internal sealed class RandomModules
{
    private static readonly WasmType[] s_i32 = [WasmType.I32];

    private Lcg64 _random;

    private RandomModules(ulong seed) => _random = new Lcg64(seed);

    public List<WasmSignature> Types { get; } = [];

    /// <summary>The signature number of every function, imported ones first.</summary>
    public List<int> Functions { get; } = [];

    public List<WasmGlobalType> Globals { get; } = [];

    /// <summary>The table's functions; -1 is none.</summary>
    public int[] Table { get; private set; } = [];

    /// <summary>How often, of 1,000 chances, something is done that may trap.</summary>
    public int Recklessness { get; private set; }

    /// <summary>Whether there are sign extension instructions, which came after 1.0.</summary>
    public bool IsExtended { get; private set; }

    public static RandomModule Make(ulong seed) => new RandomModules(seed * 0x9E3779B97F4A7C15).Module();

    public int Below(int bound) => (int)(_random.Unit() * bound);

    public bool OneIn(int n) => Below(n) == 0;

    public WasmType AnyType() => OneIn(2) ? WasmType.I32 : WasmType.I64;

    /// <summary>Values at the ends, small ones, powers of two and any others.</summary>
    public ulong Value(WasmType type)
    {
        int bits = type == WasmType.I32 ? 32 : 64;
        ulong value = Below(8) switch
        {
            0 or 1 => (ulong)Below(10),
            2 => (ulong)-(long)(1 + Below(3)),
            3 => (1UL << (bits - 1)) - (ulong)Below(3),
            4 => (1UL << (bits - 1)) + (ulong)Below(2),
            5 => (1UL << Below(bits)) - (ulong)Below(2),
            6 => (ulong)Below(70_000),
            _ => ((ulong)Below(1 << 30) << 34) ^ ((ulong)Below(1 << 30) << 17) ^ (ulong)Below(1 << 30),
        };
        return bits == 32 ? (uint)value : value;
    }

    private RandomModule Module()
    {
        Recklessness = Below(4) switch { 0 => 0, 1 => 10, 2 => 40, _ => 120 };
        IsExtended = OneIn(3);
        int imported = OneIn(2) ? 2 : 0;
        if (imported > 0)
        {
            Types.Add(new WasmSignature([], s_i32));
            Types.Add(new WasmSignature(s_i32, []));
            Functions.AddRange([0, 1]);
        }
        int own = 2 + Below(5);
        for (int i = 0; i < own; i++)
        {
            // Now and then the same signature under another number, which is the same signature.
            Types.Add(OneIn(6) && Types.Count > 0 ? Types[Below(Types.Count)] : Signature());
            Functions.Add(Types.Count - 1);
        }
        bool hasStart = OneIn(8);
        if (hasStart)
        {
            Types.Add(new WasmSignature([], []));
            Functions.Add(Types.Count - 1);
        }
        Globals.Add(new WasmGlobalType(WasmType.I32, true));
        for (int more = Below(5); more > 0; more--)
        {
            Globals.Add(new WasmGlobalType(AnyType(), !OneIn(4)));
        }
        Table = [.. Enumerable.Range(0, 1 + Below(8)).Select(_ => OneIn(3) ? -1 : Below(Functions.Count))];
        return new RandomModule(Bytes(imported, hasStart), [.. Types[Functions[imported]].Parameters.Select(Value)],
            [.. Enumerable.Range(0, Below(4)).Select(_ => (int)(uint)Value(WasmType.I32))]);
    }

    private WasmSignature Signature() =>
        new([.. Enumerable.Range(0, Below(4)).Select(_ => AnyType())], [.. Enumerable.Range(0, OneIn(5) ? 0 : 1).Select(_ => AnyType())]);

    private byte[] Bytes(int imported, bool hasStart)
    {
        var module = new ModuleBytes().Bytes("\0asm"u8).Bytes([1, 0, 0, 0]);
        module.Section(1, Vector(Types, (bytes, type) => bytes.Byte(0x60).Types(type.Parameters).Types(type.Results)));
        if (imported > 0)
        {
            module.Section(2, new ModuleBytes().Unsigned(2).Name("env").Name("input").Byte(0).Unsigned(0).Name("env").Name("output").Byte(0).Unsigned(1));
        }
        module.Section(3, Vector(Functions[imported..], (bytes, type) => bytes.Unsigned((ulong)type)));
        module.Section(4, new ModuleBytes().Byte(1).Byte(0x70).Byte(0).Unsigned((ulong)Table.Length));
        int pages = OneIn(20) ? 0 : 1 + Below(2);
        module.Section(5, new ModuleBytes().Byte(1).Byte(1).Unsigned((ulong)pages).Unsigned((ulong)(pages + Below(3))));
        module.Section(6, Vector(Enumerable.Range(0, Globals.Count), Global));
        module.Section(7, new ModuleBytes().Unsigned((ulong)Globals.Count + 2).Name("run").Byte(0).Unsigned((ulong)imported).Name("memory").Byte(2).Byte(0)
            .Bytes([.. Enumerable.Range(0, Globals.Count).SelectMany(i => new ModuleBytes().Name($"g{i}").Byte(3).Unsigned((ulong)i).ToArray())]));
        if (hasStart)
        {
            module.Section(8, new ModuleBytes().Unsigned((ulong)Functions.Count - 1));
        }
        module.Section(9, Elements());
        module.Section(10, Vector(Functions[imported..], (bytes, type) => bytes.Sized(new RandomBody(this, Types[type]).Write())));
        module.Section(11, Data(pages));
        return module.ToArray();
    }

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

    private void Global(ModuleBytes bytes, int index)
    {
        WasmGlobalType type = Globals[index];
        bytes.Byte((byte)type.Type).Byte(type.IsMutable ? 1 : 0);
        long value = index == 0 ? 1 + Below(24) : (long)Value(type.Type);
        bytes.Op(type.Type == WasmType.I32 ? WasmOpcode.I32Const : WasmOpcode.I64Const).Signed(type.Type == WasmType.I32 ? (int)value : value);
        bytes.Op(WasmOpcode.End);
    }

    /// <summary>A segment for every run of functions without a gap.</summary>
    private ModuleBytes Elements()
    {
        var runs = new List<(int From, int To)>();
        for (int i = 0; i < Table.Length; i++)
        {
            if (Table[i] < 0)
            {
                continue;
            }
            if (runs.Count > 0 && runs[^1].To == i)
            {
                runs[^1] = (runs[^1].From, i + 1);
            }
            else
            {
                runs.Add((i, i + 1));
            }
        }
        return Vector(runs, (bytes, run) => bytes.Byte(0).Op(WasmOpcode.I32Const).Signed(run.From).Op(WasmOpcode.End)
            .Bytes(Vector(Table[run.From..run.To], (functions, function) => functions.Unsigned((ulong)function)).ToArray()));
    }

    /// <summary>Bytes at the start, at the end and anywhere; later segments may lie over earlier ones.</summary>
    private ModuleBytes Data(int pages) => Vector(Enumerable.Range(0, pages == 0 ? 0 : Below(4)), (bytes, _) =>
    {
        byte[] content = [.. Enumerable.Range(0, Below(24)).Select(_ => (byte)Below(256))];
        int room = (pages * 65536) - content.Length;
        int at = Below(3) switch { 0 => Below(16), 1 => room - Below(8), _ => Below(room) };
        bytes.Byte(0).Op(WasmOpcode.I32Const).Signed(at).Op(WasmOpcode.End).Unsigned((ulong)content.Length).Bytes(content);
    });
}
