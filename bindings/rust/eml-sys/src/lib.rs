//! The C interface of libeml, declared by hand from `include/eml.h`. The header is the contract: what a function
//! does, which pointers may be NULL, who owns what and what may run at the same time is said there.
//!
//! Most programs want the safe crate `eml-native` instead.
//!
//! # How the library is found
//!
//! The library is opened at the first call, not linked, and that is deliberate. A crate that links a shared library
//! cannot give the programs that depend on it a run path: `cargo:rustc-link-arg` reaches only its own targets. Such
//! a program would start under `cargo run` and `cargo test` and fail with "cannot open shared object file" when it
//! is started by hand. Opening it here makes all three work without an environment variable. It also starts nothing
//! in programs that never call libeml, and lets a missing library be an error message instead of a process that
//! does not start.
//!
//! The first of these that can be opened is used, and never closed:
//!
//! 1. the file named by the environment variable `EML_LIBRARY` (then nothing else is tried),
//! 2. a `libeml.so.1` that the process has loaded already,
//! 3. `libeml.so.1` in a folder of `LD_LIBRARY_PATH`, as the system's loader finds it,
//! 4. the folder that the build script found (`EML_LIB_DIR`, the repository's `build/lib`, `pkg-config`), where the
//!    `glibc-hwcaps` twin made for this processor is preferred, as the system's loader would do,
//! 5. `libeml.so.1` wherever else the system's loader looks.
//!
//! Calling a function while no library can be opened panics with the list of what was tried; [`load`] tells it
//! without a panic.

#![allow(non_camel_case_types)]
// What each function requires is said once, in include/eml.h.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

#[cfg(not(target_os = "linux"))]
compile_error!("libeml is built for Linux only so far");

#[macro_use]
mod loader;
mod functions;
mod types;

pub use functions::*;
pub use loader::load;
pub use types::*;
