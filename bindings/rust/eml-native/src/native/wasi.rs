//! What a program sees through WASI preview 1.

use std::ops::ControlFlow;

use eml_sys as sys;

pub(super) type ReadClosure<'a> = Box<dyn FnMut(&mut [u8]) -> usize + Send + 'a>;
pub(super) type WriteClosure<'a> = Box<dyn FnMut(WasiStream, &[u8]) -> ControlFlow<()> + Send + 'a>;

/// Where a program puts out bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WasiStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl WasiStream {
    pub(super) fn from_raw(raw: i32) -> Self {
        if raw == 2 {
            WasiStream::Stderr
        } else {
            WasiStream::Stdout
        }
    }
}

/// Arguments, environment, standard streams, clock and random numbers of a program that imports WASI preview 1; no files. The
/// default is nothing of all that, the system's clock and seed 0.
///
/// ```no_run
/// use eml_native::native::{Wasi, WasmMachine, WasmOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let wasi = Wasi::new().arg("wc").arg("-l").env("LANG", "C").stdin("a\nb\n");
/// let mut machine = WasmMachine::with_options(&std::fs::read("wc.wasm")?, WasmOptions::new().wasi(wasi))?;
/// machine.invoke("_start", &[])?;
/// println!("{} {:?}", String::from_utf8_lossy(&machine.stdout()?), machine.exit_code());
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Wasi<'a> {
    args: Vec<String>,
    env: Vec<String>,
    stdin: Vec<u8>,
    seed: u64,
    clock: Option<u64>,
    pub(super) read: Option<ReadClosure<'a>>,
    pub(super) write: Option<WriteClosure<'a>>,
}

impl<'a> Wasi<'a> {
    /// Nothing.
    pub fn new() -> Self {
        Wasi::default()
    }

    /// One more argument; the first is the program's name.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// A variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// Standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Standard input from a closure that fills a buffer, or a part of it, and returns how much; 0 is the end.
    pub fn stdin_with(mut self, closure: impl FnMut(&mut [u8]) -> usize + Send + 'a) -> Self {
        self.read = Some(Box::new(closure));
        self
    }

    /// Hands what the program puts out to a closure, instead of keeping it for `WasmMachine::stdout`; `Break` ends the call.
    pub fn output(mut self, closure: impl FnMut(WasiStream, &[u8]) -> ControlFlow<()> + Send + 'a) -> Self {
        self.write = Some(Box::new(closure));
        self
    }

    /// The seed of random_get: the same seed gives the same numbers.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The clock stands still at so many nanoseconds since 1970.
    pub fn clock(mut self, nanoseconds: u64) -> Self {
        self.clock = Some(nanoseconds);
        self
    }

    /// Arguments and environment as the library takes them; they point into `self`.
    pub(super) fn texts(&self) -> [Vec<sys::eml_wasm_text>; 2] {
        [&self.args, &self.env].map(|texts| {
            texts.iter().map(|text| sys::eml_wasm_text { text: text.as_ptr().cast(), len: text.len() as u64 }).collect()
        })
    }

    /// The struct for the library, without callbacks.
    pub(super) fn raw(&self, texts: &[Vec<sys::eml_wasm_text>; 2]) -> sys::eml_wasm_wasi {
        sys::eml_wasm_wasi {
            struct_size: std::mem::size_of::<sys::eml_wasm_wasi>() as u32,
            fixed_clock: i32::from(self.clock.is_some()),
            clock_ns: self.clock.unwrap_or(0),
            seed: self.seed,
            args: texts[0].as_ptr(),
            arg_count: texts[0].len() as u64,
            env: texts[1].as_ptr(),
            env_count: texts[1].len() as u64,
            input: self.stdin.as_ptr().cast(),
            input_size: self.stdin.len() as u64,
            read: None,
            write: None,
            user: std::ptr::null_mut(),
        }
    }
}
