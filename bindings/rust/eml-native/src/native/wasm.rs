//! WebAssembly machines: modules that run by forward passes of a transformer.

use std::any::Any;
use std::ops::ControlFlow;
use std::os::raw::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::{fmt, ptr, slice};

use eml_sys as sys;

use super::bytes::{two_calls, two_calls_text};
use super::cancel::Cancel;
use super::error::{check, must, Error, ErrorCode};
use super::utf8;
use super::wasi::{ReadClosure, Wasi, WasiStream, WriteClosure};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WasmType {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
}

impl WasmType {
    fn from_raw(raw: u8) -> Self {
        if i32::from(raw) == sys::EML_WASM_I32 {
            WasmType::I32
        } else {
            WasmType::I64
        }
    }
}

/// A value. WebAssembly's integers have no sign; here they are read as signed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WasmValue {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
}

impl WasmValue {
    /// Its type.
    pub fn kind(self) -> WasmType {
        match self {
            WasmValue::I32(_) => WasmType::I32,
            WasmValue::I64(_) => WasmType::I64,
        }
    }

    fn bits(self) -> u64 {
        match self {
            WasmValue::I32(value) => u64::from(value as u32),
            WasmValue::I64(value) => value as u64,
        }
    }

    fn from_bits(bits: u64, kind: WasmType) -> Self {
        match kind {
            WasmType::I32 => WasmValue::I32(bits as u32 as i32),
            WasmType::I64 => WasmValue::I64(bits as i64),
        }
    }
}

impl From<i32> for WasmValue {
    fn from(value: i32) -> Self {
        WasmValue::I32(value)
    }
}

impl From<u32> for WasmValue {
    fn from(value: u32) -> Self {
        WasmValue::I32(value as i32)
    }
}

impl From<i64> for WasmValue {
    fn from(value: i64) -> Self {
        WasmValue::I64(value)
    }
}

impl From<u64> for WasmValue {
    fn from(value: u64) -> Self {
        WasmValue::I64(value as i64)
    }
}

/// An exported function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WasmFunction {
    /// Its name.
    pub name: String,
    /// Types of its parameters.
    pub params: Vec<WasmType>,
    /// Types of its results.
    pub results: Vec<WasmType>,
}

/// How a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasmRun {
    /// The function returned these values.
    Done(Vec<WasmValue>),
    /// The tokens that were allowed are generated; [`WasmMachine::resume`] goes on.
    OutOfFuel,
    /// A token or the closure of [`WasmOptions::on_token`] stopped it, and [`WasmMachine::resume`] goes on; or the closure of
    /// an imported function did, and the call is over.
    Cancelled,
    /// It trapped; the text is the specification's.
    Trapped(String),
    /// The program ended itself by WASI's proc_exit with this code; the call is over.
    Exited(u32),
}

/// A module's call of an imported function.
pub struct WasmCall<'a> {
    raw: &'a sys::eml_wasm_call,
    machine: *mut sys::eml_wasm,
}

impl WasmCall<'_> {
    /// Number of arguments.
    pub fn args(&self) -> usize {
        self.raw.nargs as usize
    }

    /// Argument `i`.
    pub fn arg(&self, i: usize) -> WasmValue {
        assert!(i < self.args(), "argument {i} of {}", self.args());
        // SAFETY: both arrays have `nargs` elements.
        unsafe { WasmValue::from_bits(*self.raw.args.add(i), WasmType::from_raw(*self.raw.params.add(i))) }
    }

    /// Number of results.
    pub fn results(&self) -> usize {
        self.raw.nresults as usize
    }

    /// Sets result `i`, which is 0 otherwise. Panics if the value is of another type.
    pub fn set_result(&mut self, i: usize, value: impl Into<WasmValue>) {
        assert!(i < self.results(), "result {i} of {}", self.results());
        let value = value.into();
        // SAFETY: both arrays have `nresults` elements.
        unsafe {
            let kind = WasmType::from_raw(*self.raw.result_types.add(i));
            assert!(value.kind() == kind, "result {i} must be {kind:?}, not {value:?}");
            *self.raw.results.add(i) = value.bits();
        }
    }

    /// Bytes of the machine's memory.
    pub fn read_memory(&self, address: u32, size: usize) -> Result<Vec<u8>, Error> {
        read_memory(self.machine, address, size)
    }

    /// Writes bytes to the machine's memory.
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> Result<(), Error> {
        write_memory(self.machine, address, bytes)
    }
}

impl fmt::Debug for WasmCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.args()).map(|i| self.arg(i))).finish()
    }
}

type HostClosure<'a> = Box<dyn FnMut(&mut WasmCall<'_>) -> ControlFlow<()> + Send + 'a>;
type TokenClosure<'a> = Box<dyn FnMut(u64, &[f64]) -> ControlFlow<()> + Send + 'a>;

enum Given<'a> {
    Function(HostClosure<'a>),
    Global(u64),
}

/// How a machine works and what its module may import; the default is the fast way and nothing.
#[derive(Default)]
pub struct WasmOptions<'a> {
    dense: bool,
    imports: Vec<(String, String, Given<'a>)>,
    on_token: Option<TokenClosure<'a>>,
    wasi: Option<Wasi<'a>>,
}

impl<'a> WasmOptions<'a> {
    /// The fast machine without imports.
    pub fn new() -> Self {
        WasmOptions::default()
    }

    /// Run on the dense reference: the same tokens, but a step costs what the sequence is long.
    pub fn dense(mut self, dense: bool) -> Self {
        self.dense = dense;
        self
    }

    /// Gives the module a function; its `Break` ends the module's call. A panic of the closure does so too and continues when
    /// the library has returned.
    pub fn function(
        mut self,
        module: &str,
        name: &str,
        closure: impl FnMut(&mut WasmCall<'_>) -> ControlFlow<()> + Send + 'a,
    ) -> Self {
        self.imports.push((module.to_owned(), name.to_owned(), Given::Function(Box::new(closure))));
        self
    }

    /// Gives the module the value of a global.
    pub fn global(mut self, module: &str, name: &str, value: impl Into<WasmValue>) -> Self {
        self.imports.push((module.to_owned(), name.to_owned(), Given::Global(value.into().bits())));
        self
    }

    /// Gives the module WASI preview 1; what [`WasmOptions::function`] gives goes before it.
    pub fn wasi(mut self, wasi: Wasi<'a>) -> Self {
        self.wasi = Some(wasi);
        self
    }

    /// Called with the number of every generated token, from 0, and its numbers; `Break` stops the call.
    pub fn on_token(mut self, closure: impl FnMut(u64, &[f64]) -> ControlFlow<()> + Send + 'a) -> Self {
        self.on_token = Some(Box::new(closure));
        self
    }
}

/// A closure that the library calls, where it does not move.
struct Host<'a> {
    closure: HostClosure<'a>,
    shared: *mut Shared<'a>,
}

/// What the callbacks of one machine have in common.
struct Shared<'a> {
    machine: *mut sys::eml_wasm,
    on_token: Option<TokenClosure<'a>>,
    read: Option<ReadClosure<'a>>,
    write: Option<WriteClosure<'a>>,
    panic: Option<Box<dyn Any + Send>>,
}

impl Shared<'_> {
    fn guard(&mut self, work: impl FnOnce(&mut Self) -> ControlFlow<()>) -> i32 {
        // No panic may pass through the library.
        match panic::catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(ControlFlow::Continue(())) => 0,
            Ok(ControlFlow::Break(())) => 1,
            Err(payload) => {
                self.panic = Some(payload);
                1
            }
        }
    }

    unsafe extern "C" fn token(numbers: *const f64, count: u64, token: u64, user: *mut c_void) -> i32 {
        let shared = &mut *user.cast::<Shared<'_>>();
        let numbers = slice::from_raw_parts(numbers, count as usize);
        shared.guard(|shared| match &mut shared.on_token {
            Some(closure) => closure(token, numbers),
            None => ControlFlow::Continue(()),
        })
    }
}

unsafe extern "C" fn read_input(transfer: *mut sys::eml_wasm_transfer, user: *mut c_void) -> i32 {
    let (shared, transfer) = (&mut *user.cast::<Shared<'_>>(), &mut *transfer);
    shared.guard(|shared| {
        if let Some(closure) = &mut shared.read {
            let room = slice::from_raw_parts_mut(transfer.bytes.cast(), transfer.size as usize);
            transfer.given = closure(room) as u64;
        }
        ControlFlow::Continue(())
    })
}

unsafe extern "C" fn write_output(transfer: *mut sys::eml_wasm_transfer, user: *mut c_void) -> i32 {
    let (shared, transfer) = (&mut *user.cast::<Shared<'_>>(), &*transfer);
    shared.guard(|shared| match &mut shared.write {
        Some(closure) => closure(
            WasiStream::from_raw(transfer.stream),
            slice::from_raw_parts(transfer.bytes.cast(), transfer.size as usize),
        ),
        None => ControlFlow::Continue(()),
    })
}

unsafe extern "C" fn call_host(call: *const sys::eml_wasm_call, user: *mut c_void) -> i32 {
    let host = &mut *user.cast::<Host<'_>>();
    let closure = &mut host.closure;
    (*host.shared).guard(|shared| closure(&mut WasmCall { raw: &*call, machine: shared.machine }))
}

/// A transformer at work on a WebAssembly module: each forward pass executes one instruction, exactly. Its weights were compiled,
/// not trained; all machines share them. The module may use all integer instructions of WebAssembly 1.0, sign extension and
/// multiple results.
///
/// ```
/// use eml_native::native::{WasmMachine, WasmRun, WasmValue};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// // (module (func (export "f") (param i32) (result i32) (local.get 0)))
/// let wasm = b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x06\x01\x04\0\x20\0\x0b";
/// let mut machine = WasmMachine::new(wasm)?;
/// assert_eq!(machine.invoke("f", &[7.into()])?, WasmRun::Done(vec![WasmValue::I32(7)]));
/// # Ok(())
/// # }
/// ```
pub struct WasmMachine<'a> {
    handle: *mut sys::eml_wasm,
    functions: Vec<WasmFunction>,
    called: usize,
    // Pointers, because the library holds their addresses while the machine moves.
    hosts: Vec<*mut Host<'a>>,
    shared: *mut Shared<'a>,
}

// SAFETY: the library takes a handle on any thread, and the closures are `Send`. Methods that take `&self` use only functions with
// a const handle parameter, which may run at the same time, and no closure; the others take `&mut self`.
unsafe impl Send for WasmMachine<'_> {}
unsafe impl Sync for WasmMachine<'_> {}

impl WasmMachine<'static> {
    /// A machine for a binary module that imports no function and no global.
    pub fn new(wasm: &[u8]) -> Result<Self, Error> {
        WasmMachine::with_options(wasm, WasmOptions::new())
    }
}

impl<'a> WasmMachine<'a> {
    /// A machine for a binary module, with options. The module's start function runs at the beginning of the first call.
    pub fn with_options(wasm: &[u8], options: WasmOptions<'a>) -> Result<Self, Error> {
        let has_closure = options.on_token.is_some();
        let mut wasi = options.wasi;
        let (read, write) = wasi.as_mut().map_or((None, None), |wasi| (wasi.read.take(), wasi.write.take()));
        let (has_read, has_write) = (read.is_some(), write.is_some());
        let shared = Box::into_raw(Box::new(Shared {
            machine: ptr::null_mut(),
            on_token: options.on_token,
            read,
            write,
            panic: None,
        }));
        let texts = wasi.as_ref().map(Wasi::texts).unwrap_or_default();
        let raw_wasi = wasi.as_ref().map(|wasi| sys::eml_wasm_wasi {
            read: if has_read { Some(read_input) } else { None },
            write: if has_write { Some(write_output) } else { None },
            user: shared.cast(),
            ..wasi.raw(&texts)
        });
        // From here on dropping `made` frees everything.
        let mut made =
            WasmMachine { handle: ptr::null_mut(), functions: Vec::new(), called: 0, hosts: Vec::new(), shared };
        let mut names = Vec::new();
        let mut imports = Vec::new();
        for (module, name, given) in options.imports {
            let mut import = sys::eml_wasm_import {
                module: module.as_ptr().cast(),
                module_len: module.len() as u64,
                name: name.as_ptr().cast(),
                name_len: name.len() as u64,
                function: None,
                user: ptr::null_mut(),
                value: 0,
            };
            match given {
                Given::Function(closure) => {
                    let host = Box::into_raw(Box::new(Host { closure, shared }));
                    made.hosts.push(host);
                    import.function = Some(call_host);
                    import.user = host.cast();
                }
                Given::Global(value) => import.value = value,
            }
            names.push((module, name));
            imports.push(import);
        }
        let mut raw = sys::eml_wasm_options {
            struct_size: 0,
            dense: 0,
            imports: ptr::null(),
            import_count: 0,
            token: None,
            user: ptr::null_mut(),
            wasi: ptr::null(),
        };
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size; what it points to lives during the call, the closures as long as the machine.
        unsafe {
            check(sys::eml_wasm_options_init(&mut raw, size))?;
            raw.dense = i32::from(options.dense);
            raw.imports = imports.as_ptr();
            raw.import_count = imports.len() as u64;
            raw.wasi = raw_wasi.as_ref().map_or(ptr::null(), |wasi| wasi);
            if has_closure {
                raw.token = Some(Shared::token);
                raw.user = shared.cast();
            }
            check(sys::eml_wasm_load(wasm.as_ptr().cast(), wasm.len() as u64, &raw, &mut made.handle))?;
            (*shared).machine = made.handle;
        }
        made.functions = (0..made.info().functions).map(|index| made.function_at(index)).collect();
        Ok(made)
    }

    /// Calls an exported function and waits for its end.
    pub fn invoke(&mut self, name: &str, args: &[WasmValue]) -> Result<WasmRun, Error> {
        self.invoke_raw(name, args, 0, ptr::null())
    }

    /// The same for at most `fuel` tokens (0: no limit); a token is one executed instruction, but for a few that take several.
    pub fn invoke_with_fuel(&mut self, name: &str, args: &[WasmValue], fuel: u64) -> Result<WasmRun, Error> {
        self.invoke_raw(name, args, fuel, ptr::null())
    }

    /// The same; the token stops it from any thread.
    pub fn invoke_cancellable(
        &mut self,
        name: &str,
        args: &[WasmValue],
        fuel: u64,
        cancel: &Cancel,
    ) -> Result<WasmRun, Error> {
        self.invoke_raw(name, args, fuel, cancel.handle())
    }

    /// Goes on with a call that fuel, a token or [`WasmOptions::on_token`] ended; `fuel` 0: no limit.
    pub fn resume(&mut self, fuel: u64) -> Result<WasmRun, Error> {
        self.resume_raw(fuel, ptr::null())
    }

    /// The same; the token stops it from any thread.
    pub fn resume_cancellable(&mut self, fuel: u64, cancel: &Cancel) -> Result<WasmRun, Error> {
        self.resume_raw(fuel, cancel.handle())
    }

    /// Bytes of the linear memory.
    pub fn read_memory(&mut self, address: u32, size: usize) -> Result<Vec<u8>, Error> {
        read_memory(self.handle, address, size)
    }

    /// Writes bytes to the linear memory.
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> Result<(), Error> {
        write_memory(self.handle, address, bytes)
    }

    /// The exported functions.
    pub fn functions(&self) -> &[WasmFunction] {
        &self.functions
    }

    /// Whether [`WasmMachine::resume`] goes on with a call.
    pub fn is_suspended(&self) -> bool {
        self.info().state == sys::EML_WASM_SUSPENDED
    }

    /// Why the last call trapped, in the specification's words; empty if it did not.
    pub fn trap(&self) -> String {
        // SAFETY: const handle; the buffer is as large as is said.
        must(two_calls_text(|buf, cap, need| unsafe { sys::eml_wasm_trap(self.handle, buf, cap, need) }))
    }

    /// What the program has put out so far, if no closure took it. Fails without [`WasmOptions::wasi`].
    pub fn stdout(&self) -> Result<Vec<u8>, Error> {
        self.output(1)
    }

    /// What it has put out on standard error.
    pub fn stderr(&self) -> Result<Vec<u8>, Error> {
        self.output(2)
    }

    fn output(&self, stream: i32) -> Result<Vec<u8>, Error> {
        // SAFETY: const handle; the buffer is as large as is said.
        two_calls(|buf, cap, need| unsafe { sys::eml_wasm_output(self.handle, stream, buf, cap, need) })
    }

    /// What the program gave to WASI's proc_exit, if that ended the last call.
    pub fn exit_code(&self) -> Option<u32> {
        let info = self.info();
        if info.has_exited != 0 {
            Some(info.exit_code)
        } else {
            None
        }
    }

    /// Writes the transformer into a folder, made if it is not there, from which any program can run it, with a prompt: the
    /// module at its start and the call of an exported function.
    pub fn export(&self, folder: impl AsRef<Path>, name: &str, args: &[WasmValue]) -> Result<(), Error> {
        let path = utf8(folder.as_ref())?;
        self.check_types(name, args)?;
        let bits: Vec<u64> = args.iter().map(|arg| arg.bits()).collect();
        let (text, length) = (name.as_ptr().cast(), name.len() as u64);
        let (folder, folder_length) = (path.as_ptr().cast(), path.len() as u64);
        // SAFETY: const handle; texts and arguments are read during the call only.
        check(unsafe {
            sys::eml_wasm_export(self.handle, text, length, bits.as_ptr(), bits.len() as u64, folder, folder_length)
        })?;
        Ok(())
    }

    /// Refuses arguments of other types; the library itself looks at their number.
    fn check_types(&self, name: &str, args: &[WasmValue]) -> Result<Option<usize>, Error> {
        let found = self.functions.iter().position(|function| function.name == name);
        if let Some(i) = found {
            let params = &self.functions[i].params;
            if params.len() == args.len() && params.iter().zip(args).any(|(kind, arg)| arg.kind() != *kind) {
                let message = format!("{name} takes {params:?}, but {args:?} are given");
                return Err(Error::refused(ErrorCode::Argument, message));
            }
        }
        Ok(found)
    }

    /// WebAssembly instructions executed so far.
    pub fn instructions(&self) -> u64 {
        self.info().instructions
    }

    /// Tokens generated so far, which is the number of forward passes for them.
    pub fn tokens(&self) -> u64 {
        self.info().tokens
    }

    /// Tokens given so far: the module, arguments, results of imported functions, what was written to memory.
    pub fn prompt_tokens(&self) -> u64 {
        self.info().prompt_tokens
    }

    /// Size of the memory in pages of 65,536 bytes.
    pub fn pages(&self) -> u64 {
        self.info().pages
    }

    /// Memory that the sequence takes, in bytes: what the heads can still read.
    pub fn state_bytes(&self) -> u64 {
        self.info().state_bytes
    }

    /// Number of parameters of the transformer.
    pub fn parameters(&self) -> u64 {
        self.info().parameters
    }

    fn invoke_raw(
        &mut self,
        name: &str,
        args: &[WasmValue],
        fuel: u64,
        cancel: *const sys::eml_cancel,
    ) -> Result<WasmRun, Error> {
        let found = self.check_types(name, args)?;
        let bits: Vec<u64> = args.iter().map(|arg| arg.bits()).collect();
        let (text, length) = (name.as_ptr().cast(), name.len() as u64);
        let called = found.unwrap_or(0); // without such a function the library refuses
        let before = std::mem::replace(&mut self.called, called);
        let result = self.run(|handle, results, cap, need| {
            // SAFETY: sole user of the handle; the arrays are as large as is said; the token outlives the call.
            unsafe {
                let (args, count) = (bits.as_ptr(), bits.len() as u64);
                sys::eml_wasm_invoke(handle, text, length, args, count, fuel, cancel, results, cap, need)
            }
        });
        if result.is_err() {
            self.called = before;
        }
        result
    }

    fn resume_raw(&mut self, fuel: u64, cancel: *const sys::eml_cancel) -> Result<WasmRun, Error> {
        // SAFETY: as above.
        self.run(|handle, results, cap, need| unsafe { sys::eml_wasm_resume(handle, fuel, cancel, results, cap, need) })
    }

    fn run(
        &mut self,
        call: impl FnOnce(*mut sys::eml_wasm, *mut u64, u64, *mut u64) -> sys::eml_status,
    ) -> Result<WasmRun, Error> {
        let types: &[WasmType] = self.functions.get(self.called).map_or(&[], |function| &function.results);
        let mut results = vec![0; types.len()];
        let mut need = 0;
        let status = check(call(self.handle, results.as_mut_ptr(), results.len() as u64, &mut need));
        // SAFETY: the library has returned; nobody else uses what the callbacks share.
        if let Some(payload) = unsafe { (*self.shared).panic.take() } {
            panic::resume_unwind(payload);
        }
        Ok(match status? {
            sys::EML_OUT_OF_FUEL => WasmRun::OutOfFuel,
            sys::EML_CANCELLED => WasmRun::Cancelled,
            sys::EML_TRAPPED => WasmRun::Trapped(self.trap()),
            sys::EML_EXITED => WasmRun::Exited(self.info().exit_code),
            _ => WasmRun::Done(
                results.iter().zip(types).map(|(&bits, &kind)| WasmValue::from_bits(bits, kind)).collect(),
            ),
        })
    }

    fn info(&self) -> sys::eml_wasm_info {
        let mut raw = sys::eml_wasm_info {
            struct_size: std::mem::size_of::<sys::eml_wasm_info>() as u32,
            state: 0,
            instructions: 0,
            tokens: 0,
            prompt_tokens: 0,
            pages: 0,
            state_bytes: 0,
            functions: 0,
            parameters: 0,
            layers: 0,
            d_model: 0,
            has_exited: 0,
            exit_code: 0,
        };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_wasm_get_info(self.handle, &mut raw) }));
        raw
    }

    fn function_at(&self, index: u64) -> WasmFunction {
        let mut raw = sys::eml_wasm_function {
            struct_size: std::mem::size_of::<sys::eml_wasm_function>() as u32,
            number: 0,
            name: ptr::null(),
            name_len: 0,
            params: ptr::null(),
            nparams: 0,
            results: ptr::null(),
            nresults: 0,
        };
        // SAFETY: const handle; the struct's size is set; the pointers live as long as the machine.
        unsafe {
            must(check(sys::eml_wasm_get_function(self.handle, index, &mut raw)));
            let types = |at, count: u64| {
                let raw = slice::from_raw_parts(at, count as usize);
                raw.iter().map(|&kind| WasmType::from_raw(kind)).collect()
            };
            let name = slice::from_raw_parts(raw.name.cast::<u8>(), raw.name_len as usize);
            WasmFunction {
                name: String::from_utf8_lossy(name).into_owned(),
                params: types(raw.params, raw.nparams),
                results: types(raw.results, raw.nresults),
            }
        }
    }
}

impl Drop for WasmMachine<'_> {
    fn drop(&mut self) {
        // SAFETY: freed once, by their owner; the closures after the machine that calls them.
        unsafe {
            sys::eml_wasm_free(self.handle);
            for &host in &self.hosts {
                drop(Box::from_raw(host));
            }
            drop(Box::from_raw(self.shared));
        }
    }
}

impl fmt::Debug for WasmMachine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmMachine").field("functions", &self.functions.len()).field("tokens", &self.tokens()).finish()
    }
}

fn read_memory(machine: *mut sys::eml_wasm, address: u32, size: usize) -> Result<Vec<u8>, Error> {
    if size as u64 > 1 << 32 {
        let message = format!("{size} bytes are more than any memory has; at most 2^32");
        return Err(Error::refused(ErrorCode::Argument, message));
    }
    let mut bytes = vec![0; size];
    // SAFETY: sole user of the handle, or called by an imported function; the buffer is as large as is said.
    check(unsafe { sys::eml_wasm_read_memory(machine, address, bytes.as_mut_ptr().cast(), size as u64) })?;
    Ok(bytes)
}

fn write_memory(machine: *mut sys::eml_wasm, address: u32, bytes: &[u8]) -> Result<(), Error> {
    // SAFETY: as above; the bytes are read during the call only.
    check(unsafe { sys::eml_wasm_write_memory(machine, address, bytes.as_ptr().cast(), bytes.len() as u64) })?;
    Ok(())
}
