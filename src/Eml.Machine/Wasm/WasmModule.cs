namespace Eml.Machine.Wasm;

/// <summary>Types of values. The numbers are those of the binary format.</summary>
public enum WasmType : byte
{
    /// <summary>A 32-bit integer.</summary>
    I32 = 0x7F,
    /// <summary>A 64-bit integer.</summary>
    I64 = 0x7E,
}

/// <summary>What a module imports or exports.</summary>
public enum WasmKind : byte
{
    /// <summary>A function.</summary>
    Function = 0,
    /// <summary>A table of functions.</summary>
    Table = 1,
    /// <summary>A linear memory.</summary>
    Memory = 2,
    /// <summary>A global variable.</summary>
    Global = 3,
}

/// <summary>Parameters and results of a function.</summary>
public sealed record WasmSignature(WasmType[] Parameters, WasmType[] Results)
{
    /// <summary>Whether both take and give the same types.</summary>
    public bool Equals(WasmSignature? other) =>
        other is not null && Parameters.AsSpan().SequenceEqual(other.Parameters) && Results.AsSpan().SequenceEqual(other.Results);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Parameters.Length, Results.Length);

    /// <summary>As in <c>[i32 i64] -> [i32]</c>.</summary>
    public override string ToString() => $"[{Names(Parameters)}] -> [{Names(Results)}]";

    private static string Names(WasmType[] types) => string.Join(' ', types.Select(type => type == WasmType.I32 ? "i32" : "i64"));
}

/// <summary>The size of a table or memory: at least <paramref name="Min"/>, at most <paramref name="Max"/> if there is one.</summary>
public sealed record WasmLimits(uint Min, uint? Max);

/// <summary>The type of a global variable.</summary>
public sealed record WasmGlobalType(WasmType Type, bool IsMutable);

/// <summary>Something that the host must give.</summary>
/// <param name="Module">Its first name.</param>
/// <param name="Name">Its second name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Type">For a function: the number of its signature.</param>
/// <param name="Limits">For a table or memory.</param>
/// <param name="Global">For a global.</param>
public sealed record WasmImport(string Module, string Name, WasmKind Kind, int Type, WasmLimits? Limits, WasmGlobalType? Global);

/// <summary>Something that the module offers by name.</summary>
public sealed record WasmExport(string Name, WasmKind Kind, int Index);

/// <summary>A constant or the value of an imported global.</summary>
/// <param name="Value">The bits, if <paramref name="Global"/> is -1.</param>
/// <param name="Global">The number of the global.</param>
public readonly record struct WasmInitializer(ulong Value, int Global = -1);

/// <summary>A global variable of the module.</summary>
public sealed record WasmGlobal(WasmGlobalType Type, WasmInitializer Initial);

/// <summary>Functions that are put into table 0 at the start.</summary>
public sealed record WasmElements(WasmInitializer Offset, int[] Functions);

/// <summary>Bytes that are put into memory 0 at the start.</summary>
public sealed record WasmData(WasmInitializer Offset, byte[] Bytes);

/// <summary>A function of the module.</summary>
/// <param name="Index">Its number, imported functions counted first.</param>
/// <param name="Type">The number of its signature.</param>
/// <param name="Locals">Types of all locals, parameters first.</param>
/// <param name="Code">The checked instructions.</param>
/// <param name="BranchTables">For each br_table: its targets, the default last.</param>
/// <param name="MaxHeight">Values on its operand stack at most.</param>
public sealed record WasmFunction(int Index, int Type, WasmType[] Locals, WasmInstruction[] Code, WasmBranch[][] BranchTables, int MaxHeight);

/// <summary>Where a branch goes.</summary>
/// <param name="Target">The number of the instruction; the number of instructions for a return.</param>
/// <param name="Height">Height of the operand stack below the values that it takes along.</param>
/// <param name="Arity">Number of values that it takes along.</param>
public readonly record struct WasmBranch(int Target, int Height, int Arity);

/// <summary>A checked instruction.</summary>
/// <param name="Offset">Byte offset in the module.</param>
/// <param name="Code">The opcode.</param>
/// <param name="Immediate">Bits of a constant; number of a local, global, function, signature or branch table; offset of a load or
/// store.</param>
/// <param name="Height">Height of the operand stack before it.</param>
/// <param name="IsReachable">Whether validation found a way to it.</param>
/// <param name="Branch">For br and br_if: where it goes; for if: the else branch or the end; for else: the end.</param>
public readonly record struct WasmInstruction(int Offset, WasmOpcode Code, ulong Immediate, int Height, bool IsReachable, WasmBranch Branch);

/// <summary>A WebAssembly module that was decoded and validated.</summary>
public sealed class WasmModule
{
    internal WasmModule()
    {
    }

    /// <summary>The signatures.</summary>
    public required WasmSignature[] Types { get; init; }

    /// <summary>What the host must give.</summary>
    public required WasmImport[] Imports { get; init; }

    /// <summary>The signature number of every function, imported ones first.</summary>
    public required int[] FunctionTypes { get; init; }

    /// <summary>The module's own functions.</summary>
    public required WasmFunction[] Functions { get; init; }

    /// <summary>Every table, imported ones first; at most one.</summary>
    public required WasmLimits[] Tables { get; init; }

    /// <summary>Every memory in pages of 65,536 bytes, imported ones first; at most one.</summary>
    public required WasmLimits[] Memories { get; init; }

    /// <summary>The type of every global, imported ones first.</summary>
    public required WasmGlobalType[] GlobalTypes { get; init; }

    /// <summary>The module's own globals.</summary>
    public required WasmGlobal[] Globals { get; init; }

    /// <summary>What the module offers.</summary>
    public required WasmExport[] Exports { get; init; }

    /// <summary>The function that runs at the start, or -1.</summary>
    public required int Start { get; init; }

    /// <summary>What is put into the table.</summary>
    public required WasmElements[] Elements { get; init; }

    /// <summary>What is put into the memory.</summary>
    public required WasmData[] Data { get; init; }

    /// <summary>Number of imported functions.</summary>
    public int ImportedFunctions => FunctionTypes.Length - Functions.Length;

    /// <summary>Decodes and validates a binary module.</summary>
    /// <exception cref="Eml.Numerics.EmlException">Bytes that are no module, a module that is not valid, or one that needs more than
    /// integers; the message says what and where.</exception>
    public static WasmModule Read(byte[] bytes) => new WasmDecoder(bytes).Read();
}
