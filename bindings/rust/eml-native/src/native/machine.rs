//! Compact machines: programs that run by forward passes of a transformer.

use std::any::Any;
use std::ops::ControlFlow;
use std::os::raw::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::{fmt, ptr, slice};

use eml_sys as sys;

use super::bytes::{two_calls, two_calls_text};
use super::cancel::Cancel;
use super::error::{check, must, Error};
use super::utf8;

/// What an instruction does. Values are bytes, arithmetic is modulo 256; b is the top of the stack, a the value below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Op {
    /// Operand n: pushes n.
    Const = sys::EML_OP_CONST,
    /// Pops b and a; pushes a + b.
    Add = sys::EML_OP_ADD,
    /// Begins a loop; its body runs once, and again each time a [`Op::BrIf`] goes back.
    Loop = sys::EML_OP_LOOP,
    /// Ends the innermost loop.
    EndLoop = sys::EML_OP_END_LOOP,
    /// Operand l, 0 if left out: pops a; if it is not 0, goes back to the start of the loop that is l further out.
    BrIf = sys::EML_OP_BR_IF,
    /// Operand i: pushes local i, 0 if it was never set.
    LocalGet = sys::EML_OP_LOCAL_GET,
    /// Operand i: pops a into local i.
    LocalSet = sys::EML_OP_LOCAL_SET,
    /// Operand i: copies the top into local i.
    LocalTee = sys::EML_OP_LOCAL_TEE,
    /// Operand o, 0 if left out: pops a; pushes the byte at a + o, 0 if nothing was stored there.
    Load = sys::EML_OP_LOAD,
    /// Operand o, 0 if left out: pops b and a; stores b at a + o.
    Store = sys::EML_OP_STORE,
    /// Pops b and a; pushes 1 if a = b, else 0.
    Eq = sys::EML_OP_EQ,
    /// The same for a ≠ b.
    Ne = sys::EML_OP_NE,
    /// The same for a < b.
    LtS = sys::EML_OP_LT_S,
    /// The same for a > b.
    GtS = sys::EML_OP_GT_S,
    /// The same for a ≤ b.
    LeS = sys::EML_OP_LE_S,
    /// The same for a ≥ b.
    GeS = sys::EML_OP_GE_S,
    /// Pops b and a; pushes a − b.
    Sub = sys::EML_OP_SUB,
    /// Pops b and a; pushes a · b.
    Mul = sys::EML_OP_MUL,
    /// Pops b and a; pushes the bitwise and.
    And = sys::EML_OP_AND,
    /// Pops b and a; pushes the bitwise or.
    Or = sys::EML_OP_OR,
    /// Pops a and appends it to the output.
    Output = sys::EML_OP_OUTPUT,
    /// Operand d: opens file d at its beginning and pushes d.
    FdOpen = sys::EML_OP_FD_OPEN,
    /// Pops a; pushes the next byte of file a, 0 past its end.
    FdRead = sys::EML_OP_FD_READ,
    /// Pops b and a; writes b as the next byte of file a.
    FdWrite = sys::EML_OP_FD_WRITE,
    /// Pops a and closes file a.
    FdClose = sys::EML_OP_FD_CLOSE,
    /// Ends the program.
    Halt = sys::EML_OP_HALT,
}

impl Op {
    /// All of them, by code.
    pub const ALL: [Op; 26] = [
        Op::Const,
        Op::Add,
        Op::Loop,
        Op::EndLoop,
        Op::BrIf,
        Op::LocalGet,
        Op::LocalSet,
        Op::LocalTee,
        Op::Load,
        Op::Store,
        Op::Eq,
        Op::Ne,
        Op::LtS,
        Op::GtS,
        Op::LeS,
        Op::GeS,
        Op::Sub,
        Op::Mul,
        Op::And,
        Op::Or,
        Op::Output,
        Op::FdOpen,
        Op::FdRead,
        Op::FdWrite,
        Op::FdClose,
        Op::Halt,
    ];

    /// The code, `EML_OP_…` of `eml.h`.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The instruction of a code.
    pub fn from_code(code: i32) -> Option<Op> {
        Op::ALL.iter().copied().find(|op| op.code() == code)
    }
}

/// One instruction of a program: an [`Op`], with an operand as a pair. Whether it makes sense is checked by
/// [`CompactMachine::load`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Instruction(sys::eml_instruction);

impl Instruction {
    /// An instruction of any code, known or not.
    pub fn new(opcode: i32, operand: Option<u8>) -> Self {
        Instruction(sys::eml_instruction { opcode, operand: operand.map_or(sys::EML_NO_OPERAND, i32::from) })
    }

    /// The code.
    pub fn opcode(self) -> i32 {
        self.0.opcode
    }

    /// The operand, if there is one.
    pub fn operand(self) -> Option<u8> {
        u8::try_from(self.0.operand).ok()
    }
}

impl From<Op> for Instruction {
    fn from(op: Op) -> Self {
        Instruction::new(op.code(), None)
    }
}

impl From<(Op, u8)> for Instruction {
    fn from((op, operand): (Op, u8)) -> Self {
        Instruction::new(op.code(), Some(operand))
    }
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Op::from_code(self.0.opcode) {
            Some(op) => write!(f, "{op:?}")?,
            None => write!(f, "{:#04x}", self.0.opcode)?,
        }
        self.operand().map_or(Ok(()), |operand| write!(f, " {operand}"))
    }
}

/// How a machine works; the default is the fast way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MachineOptions {
    /// Run on the dense reference: the same tokens, but a step costs what the sequence is long.
    pub dense: bool,
    /// Keep every generated token for [`CompactMachine::trace`].
    pub keep_trace: bool,
    /// Tell the closure of [`CompactMachine::run_with`] also what the layers computed.
    pub probe: bool,
}

impl MachineOptions {
    /// The fast machine that keeps nothing.
    pub fn new() -> Self {
        MachineOptions::default()
    }

    /// Sets [`MachineOptions::dense`].
    pub fn dense(mut self, dense: bool) -> Self {
        self.dense = dense;
        self
    }

    /// Sets [`MachineOptions::keep_trace`].
    pub fn keep_trace(mut self, keep: bool) -> Self {
        self.keep_trace = keep;
        self
    }

    /// Sets [`MachineOptions::probe`].
    pub fn probe(mut self, probe: bool) -> Self {
        self.probe = probe;
        self
    }
}

/// Why a run returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Run {
    /// The program has halted, now or before.
    Halted,
    /// The instructions that were allowed are executed; the next run goes on.
    OutOfFuel,
    /// A token or a closure stopped it; the next run goes on.
    Cancelled,
}

/// How a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MachineState {
    /// There is no program.
    Empty,
    /// The program can begin or go on.
    Ready,
    /// The program has halted.
    Halted,
    /// A limit ended the program.
    Failed,
}

/// One executed instruction.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StepEvent<'a> {
    /// Instructions executed before this one.
    pub step: u64,
    /// Index of the instruction in the program.
    pub row: usize,
    /// The instruction; an operand that was left out is 0.
    pub instruction: Instruction,
    /// What was generated: a value of 0 to 255; 256 if the instruction has none, 257 for halt.
    pub token: i32,
    /// Whether the value was appended to the output.
    pub is_output: bool,
    /// What the layers computed, where it was asked for.
    pub layers: Option<LayerData<'a>>,
}

/// What one forward pass computed; [`CompactMachine::describe`] says what the parts are for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LayerData<'a> {
    /// Number of layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Gated units of a layer.
    pub d_ffn: usize,
    /// The residual stream after the embedding, after the heads of layer 0, after its units, …: (2 layers + 1, d_model).
    pub stream: &'a [f64],
    /// Every unit's value: (layers, d_ffn).
    pub units: &'a [f64],
    /// The position that each head read, layer after layer; −1 for a head that sums and for an empty file.
    pub winners: &'a [i64],
    /// What each head read: (heads, 2).
    pub values: &'a [f64],
}

/// A transformer at work on a program: each forward pass executes one instruction, exactly. Its weights were compiled, not
/// trained; all machines share them.
///
/// ```
/// use eml_native::native::{CompactMachine, Op, Run};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let mut machine = CompactMachine::new()?;
/// machine.load(&[(Op::Const, 3).into(), (Op::Const, 5).into(), Op::Add.into(), Op::Output.into(), Op::Halt.into()])?;
/// assert_eq!(machine.run(2)?, Run::OutOfFuel); // two instructions
/// assert_eq!(machine.run(0)?, Run::Halted); // the rest
/// assert_eq!(machine.output(), [8]);
/// # Ok(())
/// # }
/// ```
pub struct CompactMachine {
    handle: *mut sys::eml_machine,
}

// SAFETY: the library takes a handle on any thread. Methods that take `&self` use only functions with a const handle
// parameter, which may run at the same time; the others take `&mut self`.
unsafe impl Send for CompactMachine {}
unsafe impl Sync for CompactMachine {}

impl CompactMachine {
    /// A machine without a program.
    pub fn new() -> Result<Self, Error> {
        CompactMachine::with_options(MachineOptions::new())
    }

    /// The same, with options.
    pub fn with_options(options: MachineOptions) -> Result<Self, Error> {
        let mut raw = sys::eml_machine_options { struct_size: 0, dense: 0, keep_trace: 0, probe: 0 };
        let mut handle = ptr::null_mut();
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size; `handle` is a valid place for the result.
        unsafe {
            check(sys::eml_machine_options_init(&mut raw, size))?;
            raw.dense = i32::from(options.dense);
            raw.keep_trace = i32::from(options.keep_trace);
            raw.probe = i32::from(options.probe);
            check(sys::eml_machine_create(&raw, &mut handle))?;
        }
        Ok(CompactMachine { handle })
    }

    /// Checks a program and puts it at its start, with empty files. If it is refused, the error says which instruction is
    /// why (`sub_code` is its index), and what was loaded before stays.
    pub fn load(&mut self, program: &[Instruction]) -> Result<(), Error> {
        // SAFETY: sole user of the handle; `Instruction` is laid out as `eml_instruction`; the program is copied.
        check(unsafe { sys::eml_machine_load(self.handle, program.as_ptr().cast(), program.len() as u64) })?;
        Ok(())
    }

    /// The same for program text, as `eml compact run` takes it; errors begin with line and column.
    ///
    /// ```
    /// use eml_native::native::CompactMachine;
    ///
    /// # fn main() -> Result<(), eml_native::native::Error> {
    /// let mut machine = CompactMachine::new()?;
    /// machine.load_text("i32.const 6  i32.const 7  i32.mul  output  halt")?;
    /// machine.run(0)?;
    /// assert_eq!(machine.output(), [42]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_text(&mut self, program: &str) -> Result<(), Error> {
        // SAFETY: sole user of the handle; the text is read during the call only.
        check(unsafe { sys::eml_machine_load_text(self.handle, program.as_ptr().cast(), program.len() as u64) })?;
        Ok(())
    }

    /// Sets what a file (0 to 3) holds, at most 32 bytes: after `load`, before the first instruction.
    pub fn set_file(&mut self, descriptor: i32, contents: &[u8]) -> Result<(), Error> {
        let (bytes, size) = (contents.as_ptr().cast(), contents.len() as u64);
        // SAFETY: sole user of the handle; the bytes are copied.
        check(unsafe { sys::eml_machine_set_file(self.handle, descriptor, bytes, size) })?;
        Ok(())
    }

    /// Executes at most `fuel` instructions; 0: no limit.
    pub fn run(&mut self, fuel: u64) -> Result<Run, Error> {
        self.run_raw(fuel, None, ptr::null_mut(), ptr::null())
    }

    /// The same; the token stops it from any thread.
    pub fn run_cancellable(&mut self, fuel: u64, cancel: &Cancel) -> Result<Run, Error> {
        self.run_raw(fuel, None, ptr::null_mut(), cancel.handle())
    }

    /// Runs to the end, tells every instruction to `on_step`, and stops when that breaks. A panic of the closure stops
    /// it too and continues when the library has returned.
    ///
    /// ```
    /// use eml_native::native::{CompactMachine, Op};
    /// use std::ops::ControlFlow;
    ///
    /// # fn main() -> Result<(), eml_native::native::Error> {
    /// let mut machine = CompactMachine::new()?;
    /// machine.load(&[(Op::Const, 7).into(), Op::Output.into(), Op::Halt.into()])?;
    /// let mut tokens = Vec::new();
    /// machine.run_with(|event| {
    ///     tokens.push(event.token);
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(tokens, [7, 7, 257]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_with(&mut self, on_step: impl FnMut(&StepEvent<'_>) -> ControlFlow<()>) -> Result<Run, Error> {
        let mut on_step = on_step;
        let mut watcher = Watcher { on_step: &mut on_step, panic: None };
        let user: *mut c_void = (&mut watcher as *mut Watcher<'_>).cast();
        let result = self.run_raw(0, Some(Watcher::call), user, ptr::null());
        if let Some(payload) = watcher.panic {
            panic::resume_unwind(payload);
        }
        result
    }

    /// Executes one instruction and tells all about it, the layers included; `None` if the program has halted.
    pub fn step(&mut self) -> Result<Option<StepEvent<'_>>, Error> {
        let mut raw = sys::eml_machine_event {
            struct_size: std::mem::size_of::<sys::eml_machine_event>() as u32,
            row: 0,
            step: 0,
            opcode: 0,
            operand: 0,
            token: 0,
            is_output: 0,
            layers: 0,
            heads: 0,
            d_model: 0,
            d_ffn: 0,
            stream: ptr::null(),
            units: ptr::null(),
            winners: ptr::null(),
            values: ptr::null(),
        };
        // SAFETY: sole user of the handle; the struct's size is set.
        let status = check(unsafe { sys::eml_machine_step(self.handle, &mut raw) })?;
        // SAFETY: the data lives until the next call that is not const, which the borrow of `self` prevents.
        Ok(if status == sys::EML_DONE { None } else { Some(unsafe { event_from(&raw) }) })
    }

    /// What the program put out so far.
    pub fn output(&self) -> Vec<u8> {
        // SAFETY: const handle; the buffer is as large as is said.
        must(two_calls(|buf, cap, need| unsafe { sys::eml_machine_output(self.handle, buf, cap, need) }))
    }

    /// What a file (0 to 3) holds.
    pub fn file(&self, descriptor: i32) -> Result<Vec<u8>, Error> {
        // SAFETY: as above.
        two_calls(|buf, cap, need| unsafe { sys::eml_machine_file(self.handle, descriptor, buf, cap, need) })
    }

    /// All generated tokens so far; needs [`MachineOptions::keep_trace`].
    pub fn trace(&self) -> Result<Vec<i32>, Error> {
        let mut tokens = vec![0; self.steps() as usize];
        let mut need = 0;
        // SAFETY: const handle; the array is as large as is said. Nobody can run the machine in between.
        let (place, room) = (tokens.as_mut_ptr(), tokens.len() as u64);
        check(unsafe { sys::eml_machine_trace(self.handle, 0, place, room, &mut need) })?;
        Ok(tokens)
    }

    /// Instructions executed so far, which is the number of generated tokens.
    pub fn steps(&self) -> u64 {
        self.info().steps
    }

    /// How the machine stands.
    pub fn state(&self) -> MachineState {
        match self.info().state {
            sys::EML_MACHINE_EMPTY => MachineState::Empty,
            sys::EML_MACHINE_READY => MachineState::Ready,
            sys::EML_MACHINE_HALTED => MachineState::Halted,
            _ => MachineState::Failed,
        }
    }

    /// Memory that the sequence takes, in bytes: what the heads can still read.
    pub fn state_bytes(&self) -> u64 {
        self.info().state_bytes
    }

    /// The transformer and its parts as JSON; `eml.h` says what is in it.
    pub fn describe(&self) -> String {
        // SAFETY: const handle; the buffer is as large as is said.
        must(two_calls_text(|buf, cap, need| unsafe { sys::eml_machine_describe(self.handle, buf, cap, need) }))
    }

    /// Writes the transformer into a folder, made if it is not there, from which any program can run it; if a program is
    /// loaded, with a prompt that begins it.
    pub fn export(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let path = utf8(folder.as_ref())?;
        // SAFETY: const handle; the path is read during the call only.
        check(unsafe { sys::eml_machine_export(self.handle, path.as_ptr().cast(), path.len() as u64) })?;
        Ok(())
    }

    fn info(&self) -> sys::eml_machine_info {
        let mut raw = sys::eml_machine_info {
            struct_size: std::mem::size_of::<sys::eml_machine_info>() as u32,
            state: 0,
            instructions: 0,
            steps: 0,
            output_size: 0,
            state_bytes: 0,
        };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_machine_get_info(self.handle, &mut raw) }));
        raw
    }

    fn run_raw(
        &mut self,
        fuel: u64,
        callback: sys::eml_machine_event_fn,
        user: *mut c_void,
        cancel: *const sys::eml_cancel,
    ) -> Result<Run, Error> {
        // SAFETY: sole user of the handle; `user` is what the callback takes; the token outlives the call.
        let status = check(unsafe { sys::eml_machine_run(self.handle, fuel, callback, user, cancel) })?;
        Ok(match status {
            sys::EML_OUT_OF_FUEL => Run::OutOfFuel,
            sys::EML_CANCELLED => Run::Cancelled,
            _ => Run::Halted,
        })
    }
}

impl Drop for CompactMachine {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_machine_free(self.handle) };
    }
}

impl fmt::Debug for CompactMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactMachine").field("state", &self.state()).field("steps", &self.steps()).finish()
    }
}

/// The library's event with lifetimes.
///
/// # Safety
/// The pointers of `raw` must be valid for `'a`.
unsafe fn event_from<'a>(raw: &sys::eml_machine_event) -> StepEvent<'a> {
    let (layers, heads) = (raw.layers as usize, raw.heads as usize);
    let (d_model, d_ffn) = (raw.d_model as usize, raw.d_ffn as usize);
    let data = if raw.stream.is_null() {
        None
    } else {
        Some(LayerData {
            layers,
            d_model,
            d_ffn,
            stream: slice::from_raw_parts(raw.stream, (2 * layers + 1) * d_model),
            units: slice::from_raw_parts(raw.units, layers * d_ffn),
            winners: slice::from_raw_parts(raw.winners, heads),
            values: slice::from_raw_parts(raw.values, 2 * heads),
        })
    };
    StepEvent {
        step: raw.step,
        row: raw.row as usize,
        instruction: Instruction(sys::eml_instruction { opcode: raw.opcode, operand: raw.operand }),
        token: raw.token,
        is_output: raw.is_output != 0,
        layers: data,
    }
}

/// A closure at work.
struct Watcher<'a> {
    on_step: &'a mut dyn FnMut(&StepEvent<'_>) -> ControlFlow<()>,
    panic: Option<Box<dyn Any + Send>>,
}

impl Watcher<'_> {
    unsafe extern "C" fn call(event: *const sys::eml_machine_event, user: *mut c_void) -> i32 {
        let watcher = &mut *user.cast::<Watcher<'_>>();
        let event = event_from(&*event);
        // No panic may pass through the library.
        match panic::catch_unwind(AssertUnwindSafe(|| (watcher.on_step)(&event))) {
            Ok(ControlFlow::Continue(())) => 0,
            Ok(ControlFlow::Break(())) => 1,
            Err(payload) => {
                watcher.panic = Some(payload);
                1
            }
        }
    }
}
