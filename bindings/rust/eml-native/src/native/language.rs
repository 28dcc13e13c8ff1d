//! Language models: files, shape, conversion.

use std::path::Path;
use std::{fmt, ptr};

use eml_sys as sys;

use super::bytes::{two_calls_text, Buffer};
use super::error::{check, must, Error};
use super::language_session::{LanguageBatch, LanguageSession};
use super::tokenizer::Tokenizer;
use super::utf8;

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weights {
    /// Binary32.
    F32,
    /// The upper half of a binary32.
    Bf16,
    /// Signed bytes with a binary32 scale per row.
    Int8,
}

impl Weights {
    pub(crate) fn to_raw(self) -> i32 {
        match self {
            Weights::F32 => sys::EML_WEIGHT_F32,
            Weights::Bf16 => sys::EML_WEIGHT_BF16,
            Weights::Int8 => sys::EML_WEIGHT_I8,
        }
    }
}

/// A form in which language models are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LanguageFormat {
    /// By the extension, when a file is written.
    Auto,
    /// The project's JSON checkpoint (`.json`).
    Json,
    /// safetensors (`.safetensors`).
    Safetensors,
    /// A protobuf header and the tensors (`.pb`).
    Protobuf,
    /// NumPy's archive (`.npz`).
    Npz,
}

impl LanguageFormat {
    fn to_raw(self) -> i32 {
        match self {
            LanguageFormat::Auto => sys::EML_FORMAT_AUTO,
            LanguageFormat::Json => sys::EML_FORMAT_JSON,
            LanguageFormat::Safetensors => sys::EML_FORMAT_SAFETENSORS,
            LanguageFormat::Protobuf => sys::EML_FORMAT_PROTOBUF,
            LanguageFormat::Npz => sys::EML_FORMAT_NPZ,
        }
    }
}

/// What a model's file does not say itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct LanguageOptions<'a> {
    mapped: bool,
    config: Option<&'a str>,
    tokenizer: Option<&'a Tokenizer>,
}

impl<'a> LanguageOptions<'a> {
    /// The file says everything.
    pub fn new() -> Self {
        LanguageOptions::default()
    }

    /// The file is mapped, not read; it must not change while the model is in use.
    pub fn mapped(mut self, mapped: bool) -> Self {
        self.mapped = mapped;
        self
    }

    /// The shape as JSON, for a file that has none; what it leaves out is recognised from the tensors.
    pub fn config(mut self, config: &'a str) -> Self {
        self.config = Some(config);
        self
    }

    /// Takes the place of the file's own tokenizer.
    pub fn tokenizer(mut self, tokenizer: &'a Tokenizer) -> Self {
        self.tokenizer = Some(tokenizer);
        self
    }

    fn raw(&self) -> sys::eml_lm_options {
        sys::eml_lm_options {
            struct_size: std::mem::size_of::<sys::eml_lm_options>() as u32,
            mapped: i32::from(self.mapped),
            config: self.config.map_or(ptr::null(), |config| config.as_ptr().cast()),
            config_len: self.config.map_or(0, |config| config.len() as u64),
            tokenizer: self.tokenizer.map_or(ptr::null(), Tokenizer::handle),
        }
    }
}

/// The shape of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LanguageInfo {
    /// Tokens that it knows.
    pub vocab_size: usize,
    /// Blocks.
    pub n_layer: usize,
    /// Width of the residual stream.
    pub n_embd: usize,
    /// Query heads.
    pub n_head: usize,
    /// Key and value heads.
    pub n_kv_head: usize,
    /// Components of a head.
    pub head_dim: usize,
    /// Width of the feed-forward part.
    pub hidden_dim: usize,
    /// Tokens that it was trained to see; longer sequences are legal.
    pub sequence_len: usize,
    /// How most weights are stored.
    pub weights: Weights,
    /// Number of weights.
    pub parameters: u64,
    /// Bytes of all weights.
    pub bytes: u64,
}

/// How far a model's answer is from what its sidecar expects.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LanguageParity {
    /// All tokens are right and no logit deviates by more than the tolerance.
    pub is_right: bool,
    /// Of a logit.
    pub largest_deviation: f64,
    /// The place behind the prompt and the model's token of the first one that is another.
    pub differing: Option<(usize, i32)>,
}

/// A small GPT whose activation is eml(z, eml(z, k)): weights and, if it has one, its tokenizer. Immutable: any number of threads,
/// sessions and batches share one. The same weights give the same bits on every machine and for every number of threads.
///
/// ```no_run
/// use eml_native::native::{GenerateOptions, LanguageModel};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let model = LanguageModel::load("model.safetensors")?;
/// let made = model.session(1)?.generate_text("Once upon a time", GenerateOptions::new().max_tokens(50).seed(1))?;
/// println!("{}", made.text);
/// # Ok(())
/// # }
/// ```
pub struct LanguageModel {
    handle: *mut sys::eml_lm,
}

// SAFETY: a model never changes, and the library allows any thread to free the handle.
unsafe impl Send for LanguageModel {}
unsafe impl Sync for LanguageModel {}

impl LanguageModel {
    pub(crate) fn from_handle(handle: *mut sys::eml_lm) -> Self {
        LanguageModel { handle }
    }

    pub(crate) fn handle(&self) -> *const sys::eml_lm {
        self.handle
    }

    /// Reads a file of any format, which its bytes tell.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        LanguageModel::load_with(path, LanguageOptions::new())
    }

    /// The same with what the file does not say itself.
    pub fn load_with(path: impl AsRef<Path>, options: LanguageOptions<'_>) -> Result<Self, Error> {
        let path = utf8(path.as_ref())?;
        let raw = options.raw();
        let mut handle = ptr::null_mut();
        // SAFETY: all texts live during the call; `handle` is a valid place for the result.
        check(unsafe { sys::eml_lm_load(path.as_ptr().cast(), path.len() as u64, &raw, &mut handle) })?;
        Ok(LanguageModel { handle })
    }

    /// A model with the weights that a training begins with; `config` is its whole shape as JSON.
    pub fn create(config: &str, seed: u64, tokenizer: Option<&Tokenizer>) -> Result<Self, Error> {
        let tokenizer = tokenizer.map_or(ptr::null(), Tokenizer::handle);
        let mut handle = ptr::null_mut();
        // SAFETY: the text lives during the call.
        check(unsafe {
            sys::eml_lm_create(config.as_ptr().cast(), config.len() as u64, tokenizer, seed, &mut handle)
        })?;
        Ok(LanguageModel { handle })
    }

    /// A model from a file's bytes.
    pub fn import(bytes: &[u8], options: LanguageOptions<'_>) -> Result<Self, Error> {
        let raw = options.raw();
        let mut handle = ptr::null_mut();
        // SAFETY: as above.
        check(unsafe { sys::eml_lm_import(bytes.as_ptr().cast(), bytes.len() as u64, &raw, &mut handle) })?;
        Ok(LanguageModel { handle })
    }

    /// Writes a file with the model and its tokenizer, whole or not at all.
    pub fn save(&self, path: impl AsRef<Path>, format: LanguageFormat) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: const handle; the text lives during the call.
        check(unsafe { sys::eml_lm_save(self.handle, path.as_ptr().cast(), path.len() as u64, format.to_raw()) })?;
        Ok(())
    }

    /// The file's bytes.
    pub fn export(&self, format: LanguageFormat) -> Result<Buffer, Error> {
        let mut buffer = ptr::null_mut();
        // SAFETY: const handle.
        check(unsafe { sys::eml_lm_export_buffer(self.handle, format.to_raw(), &mut buffer) })?;
        Ok(Buffer::from_handle(buffer))
    }

    /// A model whose matrices are of another type.
    pub fn quantize(&self, weights: Weights) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle.
        check(unsafe { sys::eml_lm_quantize(self.handle, weights.to_raw(), &mut handle) })?;
        Ok(LanguageModel { handle })
    }

    /// Compares the model's answer with a parity sidecar, a JSON text.
    pub fn check_parity(&self, sidecar: &str) -> Result<LanguageParity, Error> {
        let mut raw = sys::eml_lm_parity {
            struct_size: std::mem::size_of::<sys::eml_lm_parity>() as u32,
            is_right: 0,
            largest_deviation: 0.0,
            differing_index: 0,
            differing_token: 0,
            reserved: 0,
        };
        // SAFETY: const handle; the struct's size is set.
        check(unsafe {
            sys::eml_lm_check_parity(self.handle, sidecar.as_ptr().cast(), sidecar.len() as u64, &mut raw)
        })?;
        let differing = (raw.differing_index as usize, raw.differing_token);
        Ok(LanguageParity {
            is_right: raw.is_right == 1,
            largest_deviation: raw.largest_deviation,
            differing: Some(differing).filter(|differing| differing.1 >= 0),
        })
    }

    /// A new sequence; `threads`, 1 to 256, compute each token together.
    pub fn session(&self, threads: u32) -> Result<LanguageSession, Error> {
        LanguageSession::new(self, threads)
    }

    /// New sequences, 1 to 64, that go on together.
    pub fn batch(&self, sequences: u32, threads: u32) -> Result<LanguageBatch, Error> {
        LanguageBatch::new(self, sequences, threads)
    }

    /// The model's tokenizer, if it has one.
    pub fn tokenizer(&self) -> Option<Tokenizer> {
        if self.raw_info().has_tokenizer == 0 {
            return None;
        }
        let mut handle = ptr::null_mut();
        // SAFETY: const handle.
        must(check(unsafe { sys::eml_lm_get_tokenizer(self.handle, &mut handle) }));
        Some(Tokenizer::from_handle(handle))
    }

    /// The shape as JSON.
    pub fn config(&self) -> String {
        // SAFETY: const handle; the buffer is as large as is said.
        must(two_calls_text(|buf, cap, need| unsafe { sys::eml_lm_config(self.handle, buf, cap, need) }))
    }

    /// k of each layer's activation; empty for another activation.
    pub fn activation_parameters(&self) -> Vec<f32> {
        let info = self.raw_info();
        if info.activation != sys::EML_ACTIVATION_EML {
            return Vec::new();
        }
        let mut k = vec![0.0; info.n_layer as usize];
        // SAFETY: const handle; the array is as long as is said.
        must(check(unsafe { sys::eml_lm_activation_parameters(self.handle, k.as_mut_ptr(), k.len() as u64) }));
        k
    }

    /// The shape.
    pub fn info(&self) -> LanguageInfo {
        let raw = self.raw_info();
        LanguageInfo {
            vocab_size: raw.vocab_size as usize,
            n_layer: raw.n_layer as usize,
            n_embd: raw.n_embd as usize,
            n_head: raw.n_head as usize,
            n_kv_head: raw.n_kv_head as usize,
            head_dim: raw.head_dim as usize,
            hidden_dim: raw.hidden_dim as usize,
            sequence_len: raw.sequence_len as usize,
            weights: match raw.weight_type {
                sys::EML_WEIGHT_F32 => Weights::F32,
                sys::EML_WEIGHT_BF16 => Weights::Bf16,
                _ => Weights::Int8,
            },
            parameters: raw.parameters,
            bytes: raw.bytes,
        }
    }

    fn raw_info(&self) -> sys::eml_lm_info {
        // SAFETY: zeros are valid numbers; const handle; the struct's size is set.
        unsafe {
            let mut raw: sys::eml_lm_info = std::mem::zeroed();
            raw.struct_size = std::mem::size_of_val(&raw) as u32;
            must(check(sys::eml_lm_get_info(self.handle, &mut raw)));
            raw
        }
    }
}

impl fmt::Debug for LanguageModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanguageModel").field("info", &self.info()).finish()
    }
}

impl Drop for LanguageModel {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_lm_free(self.handle) };
    }
}

/// ln of the probability that softmax gives a token of these logits (vocab_size).
pub fn log_probability(logits: &[f32], token: i32) -> Result<f64, Error> {
    let mut result = 0.0;
    // SAFETY: the array is as long as is said.
    check(unsafe { sys::eml_lm_log_probability(logits.as_ptr(), logits.len() as u64, token, &mut result) })?;
    Ok(result)
}
