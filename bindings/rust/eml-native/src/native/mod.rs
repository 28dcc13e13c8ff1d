//! The whole of libeml: both profiles, options, progress, cancellation, every file format, scaling, metadata.
//!
//! ```
//! use eml_native::native::{Format, Model, Profile, TrainOptions};
//!
//! # fn main() -> Result<(), eml_native::native::Error> {
//! let mut model = Model::builder().inputs(2).heads(1).depth(3).profile(Profile::Default).build()?;
//! for i in 0..80 {
//!     let (a, b) = (f64::from(i) / 80.0, f64::from(i % 9) / 9.0);
//!     model.record(&[a, b], &[a - b])?;
//! }
//! model.train(TrainOptions::new().max_sweeps(50))?;
//!
//! let bytes = model.export(Format::Safetensors)?;
//! let same = Model::import(&bytes, Format::Safetensors)?;
//! assert_eq!(model.forward(&[0.5, 0.25])?, same.forward(&[0.5, 0.25])?);
//! # Ok(())
//! # }
//! ```

use std::ffi::CStr;

use eml_sys as sys;

mod attention;
mod attention_training;
mod audit;
mod bytes;
mod cancel;
mod error;
mod event;
mod expression;
mod language;
mod language_session;
mod language_trainer;
mod machine;
pub mod math;
mod model;
mod records;
mod safetree;
mod tokenizer;
mod train;
mod wasi;
mod wasm;

pub use attention::{Attention, AttentionBuilder, AttentionInfo, AttentionKind};
pub use attention_training::{AttentionTrainOptions, AttentionTraining};
pub use audit::{AuditReport, Verdict};
pub use bytes::Buffer;
pub use cancel::Cancel;
pub(crate) use error::{check, must};
pub use error::{Error, ErrorCode};
pub use expression::{tree_expression, Language, SnapOptions, Snapping};
pub use language::{
    log_probability, LanguageFormat, LanguageInfo, LanguageModel, LanguageOptions, LanguageParity, Weights,
};
pub use language_session::{
    GenerateOptions, GeneratedToken, Generation, GenerationEnd, LanguageBatch, LanguageSession, Score,
};
pub use language_trainer::{
    KParameter, LanguageTrainer, Optimizer, TrainerOptions, TrainingPlan, TrainingResult, TrainingStep,
};
pub use machine::{CompactMachine, Instruction, LayerData, MachineOptions, MachineState, Op, Run, StepEvent};
pub use model::{Info, Model, ModelBuilder};
pub use records::{Affine, Scaling};
pub use safetree::SafeTree;
pub use tokenizer::{ByteCounting, TokenStream, Tokenizer, TokenizerFormat};
pub use train::{Phase, Progress, TrainOptions, Training};
pub use wasi::{Wasi, WasiStream};
pub use wasm::{WasmCall, WasmFunction, WasmMachine, WasmOptions, WasmRun, WasmType, WasmValue};

/// Which definition of a model is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Bit for bit the crate eml-core 0.1.0, its quirks included.
    EmlCore01,
    /// Signed outputs, every input and every parameter in use, a sound generator, exact linear read-out.
    #[default]
    Default,
}

impl Profile {
    pub(crate) fn to_raw(self) -> i32 {
        match self {
            Profile::EmlCore01 => sys::EML_PROFILE_EML_CORE_0_1,
            Profile::Default => sys::EML_PROFILE_DEFAULT,
        }
    }

    pub(crate) fn from_raw(raw: i32) -> Self {
        if raw == sys::EML_PROFILE_EML_CORE_0_1 {
            Profile::EmlCore01
        } else {
            Profile::Default
        }
    }
}

/// A form in which models are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Reading: told from the bytes. Writing a file: told from its extension.
    Auto,
    /// eml-core's JSON (`.json`).
    Json,
    /// The browser trainer's export, [`SafeTree`] only (`.browser.json`).
    Browser,
    /// safetensors (`.safetensors`).
    Safetensors,
    /// The protobuf message eml.v1 (`.pb`).
    Protobuf,
}

impl Format {
    pub(crate) fn to_raw(self) -> i32 {
        match self {
            Format::Auto => sys::EML_FORMAT_AUTO,
            Format::Json => sys::EML_FORMAT_JSON,
            Format::Browser => sys::EML_FORMAT_BROWSER,
            Format::Safetensors => sys::EML_FORMAT_SAFETENSORS,
            Format::Protobuf => sys::EML_FORMAT_PROTOBUF,
        }
    }
}

/// The version of the library that is loaded, such as "0.1.0".
pub fn version() -> &'static str {
    // SAFETY: a static string.
    unsafe { static_text(sys::eml_version()) }
}

/// What the loaded library was built from and for: a JSON object with version, commit, rid, isa, vector_bits, runtime.
pub fn build_info() -> &'static str {
    // SAFETY: a static string.
    unsafe { static_text(sys::eml_build_info()) }
}

/// Whether libeml can be loaded; the error says where it was looked for. Without this question, the first use of a
/// missing library panics with the same text.
pub fn load() -> Result<(), String> {
    sys::load()
}

unsafe fn static_text(text: *const std::os::raw::c_char) -> &'static str {
    CStr::from_ptr(text).to_str().unwrap_or_default()
}

/// How often `columns` goes into `len`; the library cannot see lengths, so this is where a wrong one is caught.
pub(crate) fn rows_of(what: &str, len: usize, columns: usize) -> Result<usize, Error> {
    if columns == 0 {
        return Ok(usize::from(len == 0));
    }
    if len % columns == 0 {
        return Ok(len / columns);
    }
    let message = format!("{what} has {len} numbers, which is not a multiple of {columns}; give whole rows");
    Err(Error::refused(ErrorCode::Shape, message))
}

pub(crate) fn expect_length(what: &str, len: usize, wanted: usize) -> Result<(), Error> {
    if len == wanted {
        return Ok(());
    }
    let message = format!("{what} has {len} elements, but {wanted} are needed");
    Err(Error::refused(ErrorCode::Shape, message))
}

/// A path as the UTF-8 that the library takes.
pub(crate) fn utf8(path: &std::path::Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| {
        Error::refused(ErrorCode::Argument, format!("the path {} is not UTF-8; rename it", path.display()))
    })
}
