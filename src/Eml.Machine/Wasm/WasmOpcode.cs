namespace Eml.Machine.Wasm;

/// <summary>The instructions that the machine executes: WebAssembly 1.0 without floating point, and sign extension. The numbers are
/// those of the binary format.</summary>
public enum WasmOpcode : byte
{
    /// <summary>unreachable</summary>
    Unreachable = 0x00,
    /// <summary>nop</summary>
    Nop = 0x01,
    /// <summary>block</summary>
    Block = 0x02,
    /// <summary>loop</summary>
    Loop = 0x03,
    /// <summary>if</summary>
    If = 0x04,
    /// <summary>else</summary>
    Else = 0x05,
    /// <summary>end</summary>
    End = 0x0B,
    /// <summary>br</summary>
    Br = 0x0C,
    /// <summary>br_if</summary>
    BrIf = 0x0D,
    /// <summary>br_table</summary>
    BrTable = 0x0E,
    /// <summary>return</summary>
    Return = 0x0F,
    /// <summary>call</summary>
    Call = 0x10,
    /// <summary>call_indirect</summary>
    CallIndirect = 0x11,
    /// <summary>drop</summary>
    Drop = 0x1A,
    /// <summary>select</summary>
    Select = 0x1B,
    /// <summary>local.get</summary>
    LocalGet = 0x20,
    /// <summary>local.set</summary>
    LocalSet = 0x21,
    /// <summary>local.tee</summary>
    LocalTee = 0x22,
    /// <summary>global.get</summary>
    GlobalGet = 0x23,
    /// <summary>global.set</summary>
    GlobalSet = 0x24,
    /// <summary>i32.load</summary>
    I32Load = 0x28,
    /// <summary>i64.load</summary>
    I64Load = 0x29,
    /// <summary>i32.load8_s</summary>
    I32Load8S = 0x2C,
    /// <summary>i32.load8_u</summary>
    I32Load8U = 0x2D,
    /// <summary>i32.load16_s</summary>
    I32Load16S = 0x2E,
    /// <summary>i32.load16_u</summary>
    I32Load16U = 0x2F,
    /// <summary>i64.load8_s</summary>
    I64Load8S = 0x30,
    /// <summary>i64.load8_u</summary>
    I64Load8U = 0x31,
    /// <summary>i64.load16_s</summary>
    I64Load16S = 0x32,
    /// <summary>i64.load16_u</summary>
    I64Load16U = 0x33,
    /// <summary>i64.load32_s</summary>
    I64Load32S = 0x34,
    /// <summary>i64.load32_u</summary>
    I64Load32U = 0x35,
    /// <summary>i32.store</summary>
    I32Store = 0x36,
    /// <summary>i64.store</summary>
    I64Store = 0x37,
    /// <summary>i32.store8</summary>
    I32Store8 = 0x3A,
    /// <summary>i32.store16</summary>
    I32Store16 = 0x3B,
    /// <summary>i64.store8</summary>
    I64Store8 = 0x3C,
    /// <summary>i64.store16</summary>
    I64Store16 = 0x3D,
    /// <summary>i64.store32</summary>
    I64Store32 = 0x3E,
    /// <summary>memory.size</summary>
    MemorySize = 0x3F,
    /// <summary>memory.grow</summary>
    MemoryGrow = 0x40,
    /// <summary>i32.const</summary>
    I32Const = 0x41,
    /// <summary>i64.const</summary>
    I64Const = 0x42,
    /// <summary>i32.eqz</summary>
    I32Eqz = 0x45,
    /// <summary>i32.eq</summary>
    I32Eq = 0x46,
    /// <summary>i32.ne</summary>
    I32Ne = 0x47,
    /// <summary>i32.lt_s</summary>
    I32LtS = 0x48,
    /// <summary>i32.lt_u</summary>
    I32LtU = 0x49,
    /// <summary>i32.gt_s</summary>
    I32GtS = 0x4A,
    /// <summary>i32.gt_u</summary>
    I32GtU = 0x4B,
    /// <summary>i32.le_s</summary>
    I32LeS = 0x4C,
    /// <summary>i32.le_u</summary>
    I32LeU = 0x4D,
    /// <summary>i32.ge_s</summary>
    I32GeS = 0x4E,
    /// <summary>i32.ge_u</summary>
    I32GeU = 0x4F,
    /// <summary>i64.eqz</summary>
    I64Eqz = 0x50,
    /// <summary>i64.eq</summary>
    I64Eq = 0x51,
    /// <summary>i64.ne</summary>
    I64Ne = 0x52,
    /// <summary>i64.lt_s</summary>
    I64LtS = 0x53,
    /// <summary>i64.lt_u</summary>
    I64LtU = 0x54,
    /// <summary>i64.gt_s</summary>
    I64GtS = 0x55,
    /// <summary>i64.gt_u</summary>
    I64GtU = 0x56,
    /// <summary>i64.le_s</summary>
    I64LeS = 0x57,
    /// <summary>i64.le_u</summary>
    I64LeU = 0x58,
    /// <summary>i64.ge_s</summary>
    I64GeS = 0x59,
    /// <summary>i64.ge_u</summary>
    I64GeU = 0x5A,
    /// <summary>i32.clz</summary>
    I32Clz = 0x67,
    /// <summary>i32.ctz</summary>
    I32Ctz = 0x68,
    /// <summary>i32.popcnt</summary>
    I32Popcnt = 0x69,
    /// <summary>i32.add</summary>
    I32Add = 0x6A,
    /// <summary>i32.sub</summary>
    I32Sub = 0x6B,
    /// <summary>i32.mul</summary>
    I32Mul = 0x6C,
    /// <summary>i32.div_s</summary>
    I32DivS = 0x6D,
    /// <summary>i32.div_u</summary>
    I32DivU = 0x6E,
    /// <summary>i32.rem_s</summary>
    I32RemS = 0x6F,
    /// <summary>i32.rem_u</summary>
    I32RemU = 0x70,
    /// <summary>i32.and</summary>
    I32And = 0x71,
    /// <summary>i32.or</summary>
    I32Or = 0x72,
    /// <summary>i32.xor</summary>
    I32Xor = 0x73,
    /// <summary>i32.shl</summary>
    I32Shl = 0x74,
    /// <summary>i32.shr_s</summary>
    I32ShrS = 0x75,
    /// <summary>i32.shr_u</summary>
    I32ShrU = 0x76,
    /// <summary>i32.rotl</summary>
    I32Rotl = 0x77,
    /// <summary>i32.rotr</summary>
    I32Rotr = 0x78,
    /// <summary>i64.clz</summary>
    I64Clz = 0x79,
    /// <summary>i64.ctz</summary>
    I64Ctz = 0x7A,
    /// <summary>i64.popcnt</summary>
    I64Popcnt = 0x7B,
    /// <summary>i64.add</summary>
    I64Add = 0x7C,
    /// <summary>i64.sub</summary>
    I64Sub = 0x7D,
    /// <summary>i64.mul</summary>
    I64Mul = 0x7E,
    /// <summary>i64.div_s</summary>
    I64DivS = 0x7F,
    /// <summary>i64.div_u</summary>
    I64DivU = 0x80,
    /// <summary>i64.rem_s</summary>
    I64RemS = 0x81,
    /// <summary>i64.rem_u</summary>
    I64RemU = 0x82,
    /// <summary>i64.and</summary>
    I64And = 0x83,
    /// <summary>i64.or</summary>
    I64Or = 0x84,
    /// <summary>i64.xor</summary>
    I64Xor = 0x85,
    /// <summary>i64.shl</summary>
    I64Shl = 0x86,
    /// <summary>i64.shr_s</summary>
    I64ShrS = 0x87,
    /// <summary>i64.shr_u</summary>
    I64ShrU = 0x88,
    /// <summary>i64.rotl</summary>
    I64Rotl = 0x89,
    /// <summary>i64.rotr</summary>
    I64Rotr = 0x8A,
    /// <summary>i32.wrap_i64</summary>
    I32WrapI64 = 0xA7,
    /// <summary>i64.extend_i32_s</summary>
    I64ExtendI32S = 0xAC,
    /// <summary>i64.extend_i32_u</summary>
    I64ExtendI32U = 0xAD,
    /// <summary>i32.extend8_s</summary>
    I32Extend8S = 0xC0,
    /// <summary>i32.extend16_s</summary>
    I32Extend16S = 0xC1,
    /// <summary>i64.extend8_s</summary>
    I64Extend8S = 0xC2,
    /// <summary>i64.extend16_s</summary>
    I64Extend16S = 0xC3,
    /// <summary>i64.extend32_s</summary>
    I64Extend32S = 0xC4,
}
