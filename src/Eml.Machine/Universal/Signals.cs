using Eml.Machine.Wasm;
using static Eml.Machine.Wasm.WasmOpcode;

namespace Eml.Machine.Universal;

/// <summary>What the decoding table says of an operation: each signal is one column.</summary>
internal enum Signal
{
    /// <summary>The slot that is read, or written, does not count from the frame.</summary>
    ReadsGlobal, WritesGlobal,
    /// <summary>Values are moved, one a step.</summary>
    MovesTop, MovesSecond,
    /// <summary>Operands have 64 bits.</summary>
    Is64,
    /// <summary>A result is written to its slot.</summary>
    Writes,
    Constant, CopyLow, CopyHigh, OwnLocal, Select,
    Add, Add64, Sub, Sub64,
    CompareSigned32, CompareSigned64, AddLess, SubLess, AddGreater, SubGreater, CompareOffset, Eqz,
    And, Or, Xor,
    Mul, Mul64,
    ShiftTable, ShiftLow32, ShiftHigh32, ShiftLow64, ShiftHigh64, ShrS32, ShrS64,
    Popcnt, Clz, Clz32, Ctz, Ctz64,
    Divides, Div, Rem, DivSigned32, DivSigned64, DivOverflow,
    Extend8, Extend16, Extend32, Sign8, Sign16, Sign32, SignHigh,
    Memory, Load, Load1, Load2, Load4, Load8, Store, Store2, Store4, Store8, Bytes,
    MemorySize, MemoryGrow,
    Br, BrIf, If, BrTable, AnyCall, Call, CallIndirect, Return, HostCall, Unreachable,
    /// <summary>How many there are.</summary>
    Count,
}

/// <summary>The decoding table's contents.</summary>
internal static class Signals
{
    /// <summary>The value of a signal for an operation.</summary>
    public static double Of(Signal signal, int op) => op switch
    {
        MachineOp.LocalGetOwn => signal is Signal.Writes or Signal.OwnLocal ? 1 : 0,
        MachineOp.HostCall => signal is Signal.HostCall or Signal.MovesTop ? 1 : 0,
        _ => op > 0 && WasmOpcodes.Integer.TryGetValue((byte)(op - 1), out WasmOperation? operation) ? Of(signal, (WasmOpcode)(op - 1), operation) : 0,
    };

    private static double Of(Signal signal, WasmOpcode code, WasmOperation operation)
    {
        bool is64 = operation.Name.StartsWith("i64.", StringComparison.Ordinal);
        string name = operation.Name.Length > 4 && operation.Name[3] == '.' ? operation.Name[4..] : operation.Name;
        int bytes = operation.Width < 0 ? 0 : 1 << operation.Width;
        bool load = name.StartsWith("load", StringComparison.Ordinal);
        bool store = name.StartsWith("store", StringComparison.Ordinal);
        bool signed = name.EndsWith("_s", StringComparison.Ordinal);
        return signal switch
        {
            Signal.ReadsGlobal => Is(code == GlobalGet),
            Signal.WritesGlobal => Is(code == GlobalSet),
            Signal.MovesTop => Is(code is Br or Return),
            Signal.MovesSecond => Is(code == BrIf),
            Signal.Is64 => Is((is64 || code == I32WrapI64) && !load && name is not ("extend_i32_s" or "extend_i32_u")),
            Signal.Writes => Is(operation.Pushes is not null || code is LocalGet or LocalSet or LocalTee or GlobalGet or GlobalSet or WasmOpcode.Select),
            Signal.Constant => Is(code is I32Const or I64Const),
            Signal.CopyLow => Is(code is LocalGet or LocalSet or LocalTee or GlobalGet or GlobalSet or Br or Return or I32WrapI64 or I64ExtendI32U),
            Signal.CopyHigh => Is(code is LocalGet or LocalSet or LocalTee or GlobalGet or GlobalSet or Br or Return),
            Signal.Select => Is(code == WasmOpcode.Select),
            Signal.Add => Is(name == "add"),
            Signal.Add64 => Is(name == "add" && is64),
            Signal.Sub => Is(name == "sub"),
            Signal.Sub64 => Is(name == "sub" && is64),
            Signal.CompareSigned32 => Is(!is64 && name is ("lt_s" or "gt_s" or "le_s" or "ge_s")),
            Signal.CompareSigned64 => Is(is64 && name is ("lt_s" or "gt_s" or "le_s" or "ge_s")),
            Signal.AddLess => Is(name is "lt_s" or "lt_u" or "ne"),
            Signal.SubLess => Is(name is "ge_s" or "ge_u" or "eq"),
            Signal.AddGreater => Is(name is "gt_s" or "gt_u" or "ne"),
            Signal.SubGreater => Is(name is "le_s" or "le_u" or "eq"),
            Signal.CompareOffset => Is(name is "ge_s" or "ge_u" or "le_s" or "le_u" or "eq"),
            Signal.Eqz => Is(name == "eqz"),
            Signal.And => Is(name == "and"),
            Signal.Or => Is(name == "or"),
            Signal.Xor => Is(name == "xor"),
            Signal.Mul => Is(name == "mul"),
            Signal.Mul64 => Is(name == "mul" && is64),
            Signal.ShiftTable => (name is "shr_s" or "shr_u" or "rotr" ? 256 : 0) + (is64 ? 512 : 0),
            Signal.ShiftLow32 => Is(!is64 && (name is "shl" or "rotl" or "rotr")),
            Signal.ShiftHigh32 => Is(!is64 && (name is "shr_s" or "shr_u" or "rotl" or "rotr")),
            Signal.ShiftLow64 => Is(is64 && (name is "shl" or "rotl" or "rotr")),
            Signal.ShiftHigh64 => Is(is64 && (name is "shr_s" or "shr_u" or "rotl" or "rotr")),
            Signal.ShrS32 => Is(!is64 && name == "shr_s"),
            Signal.ShrS64 => Is(is64 && name == "shr_s"),
            Signal.Popcnt => Is(name == "popcnt"),
            Signal.Clz => Is(name == "clz"),
            Signal.Clz32 => Is(name == "clz" && !is64),
            Signal.Ctz => Is(name == "ctz"),
            Signal.Ctz64 => Is(name == "ctz" && is64),
            Signal.Divides => Is(name is "div_s" or "div_u" or "rem_s" or "rem_u"),
            Signal.Div => Is(name is "div_s" or "div_u"),
            Signal.Rem => Is(name is "rem_s" or "rem_u"),
            Signal.DivSigned32 => Is(!is64 && name is ("div_s" or "rem_s")),
            Signal.DivSigned64 => Is(is64 && name is ("div_s" or "rem_s")),
            Signal.DivOverflow => Is(name == "div_s"),
            Signal.Extend8 => Is(name == "extend8_s"),
            Signal.Extend16 => Is(name == "extend16_s"),
            Signal.Extend32 => Is(name is "extend32_s" or "extend_i32_s"),
            Signal.Sign8 => Is(name is "extend8_s" or "load8_s"),
            Signal.Sign16 => Is(name is "extend16_s" or "load16_s"),
            Signal.Sign32 => Is(name is "extend32_s" or "extend_i32_s" or "load32_s"),
            Signal.SignHigh => Is(is64 && signed && (load || name.StartsWith("extend", StringComparison.Ordinal))),
            Signal.Memory => Is(load || store),
            Signal.Load => Is(load),
            Signal.Load1 => Is(load && bytes == 1),
            Signal.Load2 => Is(load && bytes == 2),
            Signal.Load4 => Is(load && bytes >= 4),
            Signal.Load8 => Is(load && bytes == 8),
            Signal.Store => Is(store),
            Signal.Store2 => Is(store && bytes >= 2),
            Signal.Store4 => Is(store && bytes >= 4),
            Signal.Store8 => Is(store && bytes == 8),
            Signal.Bytes => bytes,
            Signal.MemorySize => Is(code == WasmOpcode.MemorySize),
            Signal.MemoryGrow => Is(code == WasmOpcode.MemoryGrow),
            Signal.Br => Is(code == WasmOpcode.Br),
            Signal.BrIf => Is(code == WasmOpcode.BrIf),
            Signal.If => Is(code == WasmOpcode.If),
            Signal.BrTable => Is(code == WasmOpcode.BrTable),
            Signal.AnyCall => Is(code is WasmOpcode.Call or WasmOpcode.CallIndirect),
            Signal.Call => Is(code == WasmOpcode.Call),
            Signal.CallIndirect => Is(code == WasmOpcode.CallIndirect),
            Signal.Return => Is(code == WasmOpcode.Return),
            Signal.Unreachable => Is(code == WasmOpcode.Unreachable),
            _ => 0,
        };
    }

    private static double Is(bool condition) => condition ? 1 : 0;
}
