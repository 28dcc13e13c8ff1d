namespace Eml.Machine.Compact;

/// <summary>The instructions of the compact interpreter. Where WebAssembly has the instruction, the code is its own, but for
/// <see cref="Const"/>, <see cref="Add"/>, <see cref="Output"/> and <see cref="Halt"/>, which the published machine fixed.</summary>
public enum Opcode : byte
{
    /// <summary>i32.const n: pushes n.</summary>
    Const = 0x00,
    /// <summary>i32.add</summary>
    Add = 0x01,
    /// <summary>loop: begins a loop; runs its body once, and again at each taken br_if.</summary>
    Loop = 0x03,
    /// <summary>end_loop: ends the innermost loop.</summary>
    EndLoop = 0x0B,
    /// <summary>br_if l: pops a condition; if it is not 0, goes back to the start of the loop that is l loops further out.</summary>
    BrIf = 0x0D,
    /// <summary>local.get n: pushes local n, 0 if it was never set.</summary>
    LocalGet = 0x20,
    /// <summary>local.set n: pops into local n.</summary>
    LocalSet = 0x21,
    /// <summary>local.tee n: copies the top into local n.</summary>
    LocalTee = 0x22,
    /// <summary>i32.load o: pops an address, pushes the byte at address + o, 0 if nothing was stored there.</summary>
    Load = 0x28,
    /// <summary>i32.store o: pops a value and an address, stores the value at address + o.</summary>
    Store = 0x36,
    /// <summary>i32.eq</summary>
    Eq = 0x46,
    /// <summary>i32.ne</summary>
    Ne = 0x47,
    /// <summary>i32.lt_s</summary>
    LtS = 0x48,
    /// <summary>i32.gt_s</summary>
    GtS = 0x4A,
    /// <summary>i32.le_s</summary>
    LeS = 0x4C,
    /// <summary>i32.ge_s</summary>
    GeS = 0x4E,
    /// <summary>i32.sub</summary>
    Sub = 0x6B,
    /// <summary>i32.mul</summary>
    Mul = 0x6C,
    /// <summary>i32.and</summary>
    And = 0x71,
    /// <summary>i32.or</summary>
    Or = 0x72,
    /// <summary>output: pops a value and puts it out.</summary>
    Output = 0xF0,
    /// <summary>fd_open d: rewinds descriptor d and pushes d.</summary>
    FdOpen = 0xF1,
    /// <summary>fd_read: pops a descriptor, pushes the next byte of its file, 0 past the end; the cursor moves on there too.</summary>
    FdRead = 0xF2,
    /// <summary>fd_write: pops a value and a descriptor, writes the value as the next byte of its file; bytes between the end and it are 0.</summary>
    FdWrite = 0xF3,
    /// <summary>fd_close: pops a descriptor and closes it.</summary>
    FdClose = 0xF4,
    /// <summary>halt: ends the program.</summary>
    Halt = 0xFF,
}
