//! Sequences that a language model reads and continues.

use std::any::Any;
use std::ops::ControlFlow;
use std::os::raw::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::{fmt, ptr};

use eml_sys as sys;

use super::bytes::two_calls_text;
use super::cancel::Cancel;
use super::error::{check, must, Error, ErrorCode};
use super::language::LanguageModel;
use super::tokenizer::{copied, some, texts, ByteCounting};

/// A token as it is generated.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedToken {
    /// The token.
    pub id: i32,
    /// What can be shown now: whole characters, and nothing that may yet become a stop text.
    pub text: String,
    /// ln of its probability before sampling options.
    pub log_probability: f64,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GenerationEnd {
    /// It has as many tokens as were asked for.
    Length,
    /// A token that ends it.
    StopToken,
    /// A string that ends it.
    StopText,
    /// The cancel token.
    Cancelled,
    /// The closure.
    Callback,
}

/// What was generated.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// All tokens; one that ends the text is not among them.
    pub tokens: Vec<i32>,
    /// Their text up to a stop; empty without a tokenizer.
    pub text: String,
    /// ln of the probability of all tokens.
    pub log_probability: f64,
    /// Why it ended.
    pub end: GenerationEnd,
}

/// How well a model predicts a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Infinite if no byte counts.
    pub bits_per_byte: f64,
    /// Mean of -ln p over all tokens.
    pub mean_loss: f64,
    /// Sum of -ln p over the tokens that count bytes.
    pub nats: f64,
    /// Bytes that count.
    pub bytes: u64,
    /// Predicted tokens; fewer than were given if it was cancelled.
    pub tokens: u64,
}

type TokenClosure<'a> = Box<dyn FnMut(&GeneratedToken) -> ControlFlow<()> + 'a>;

/// What is generated and until when; the default is 256 tokens at temperature 1 with seed 0.
pub struct GenerateOptions<'a> {
    raw: sys::eml_lm_generate_options,
    stop_tokens: Vec<i32>,
    stop_texts: Vec<String>,
    cancel: Option<&'a Cancel>,
    on_token: Option<TokenClosure<'a>>,
}

impl<'a> GenerateOptions<'a> {
    /// The defaults.
    pub fn new() -> Self {
        // SAFETY: zeros are valid numbers and pointers of this struct, whose size is told.
        let raw = unsafe {
            let mut raw: sys::eml_lm_generate_options = std::mem::zeroed();
            let size = std::mem::size_of_val(&raw) as u32;
            must(check(sys::eml_lm_generate_options_init(&mut raw, size)));
            raw
        };
        GenerateOptions { raw, stop_tokens: Vec::new(), stop_texts: Vec::new(), cancel: None, on_token: None }
    }

    /// At most so many tokens.
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.raw.max_tokens = max_tokens;
        self
    }

    /// 0 to 100; 0 takes the most probable token.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.raw.temperature = temperature;
        self
    }

    /// Only so many most probable tokens; 0 for all.
    pub fn top_k(mut self, top_k: u32) -> Self {
        self.raw.top_k = top_k;
        self
    }

    /// Only the most probable tokens that together have this probability; 1 for all.
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.raw.top_p = top_p;
        self
    }

    /// Only tokens at least this many times as probable as the most probable one; 0 for all.
    pub fn min_p(mut self, min_p: f64) -> Self {
        self.raw.min_p = min_p;
        self
    }

    /// Above 1: tokens of the prompt and generated ones become less probable.
    pub fn repetition_penalty(mut self, penalty: f64) -> Self {
        self.raw.repetition_penalty = penalty;
        self
    }

    /// The same seed, the same tokens.
    pub fn seed(mut self, seed: u64) -> Self {
        self.raw.seed = seed;
        self
    }

    /// Names of special tokens in a prompt's text stand for them.
    pub fn special(mut self, special: bool) -> Self {
        self.raw.special = i32::from(special);
        self
    }

    /// Tokens that end the text.
    pub fn stop_tokens(mut self, tokens: &[i32]) -> Self {
        self.stop_tokens = tokens.to_vec();
        self
    }

    /// A string that ends the text; one more with every call.
    pub fn stop_text(mut self, text: &str) -> Self {
        self.stop_texts.push(text.to_owned());
        self
    }

    /// Stops it from any thread.
    pub fn cancel(mut self, cancel: &'a Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Called with each token; `Break` stops. A panic does so too and continues when the library has returned.
    pub fn on_token(mut self, closure: impl FnMut(&GeneratedToken) -> ControlFlow<()> + 'a) -> Self {
        self.on_token = Some(Box::new(closure));
        self
    }
}

impl Default for GenerateOptions<'_> {
    fn default() -> Self {
        GenerateOptions::new()
    }
}

impl fmt::Debug for GenerateOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerateOptions").field("raw", &self.raw).finish_non_exhaustive()
    }
}

struct Listening<'a> {
    closure: Option<TokenClosure<'a>>,
    panic: Option<Box<dyn Any + Send>>,
}

unsafe extern "C" fn hear(token: *const sys::eml_lm_token, user: *mut c_void) -> i32 {
    let (token, listening) = (&*token, &mut *user.cast::<Listening<'_>>());
    let closure = match &mut listening.closure {
        Some(closure) => closure,
        None => return 0,
    };
    let made = GeneratedToken {
        id: token.id,
        text: copied(token.text, token.text_len),
        log_probability: token.log_probability,
    };
    // No panic may pass through the library.
    match panic::catch_unwind(AssertUnwindSafe(|| closure(&made))) {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(payload) => {
            listening.panic = Some(payload);
            1
        }
    }
}

/// One sequence of tokens that a model reads. It keeps the model's weights alive.
pub struct LanguageSession {
    handle: *mut sys::eml_lm_session,
    vocabulary: usize,
    width: usize,
}

// SAFETY: methods that change anything take `&mut self`, and the library allows any thread.
unsafe impl Send for LanguageSession {}
unsafe impl Sync for LanguageSession {}

impl LanguageSession {
    pub(crate) fn new(model: &LanguageModel, threads: u32) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle.
        check(unsafe { sys::eml_lm_session_create(model.handle(), threads, &mut handle) })?;
        let info = model.info();
        Ok(LanguageSession { handle, vocabulary: info.vocab_size, width: info.n_embd })
    }

    /// Reads tokens; the logits of the last (vocab_size).
    pub fn read(&mut self, tokens: &[i32]) -> Result<Vec<f32>, Error> {
        Ok(self.read_with(tokens, ptr::null())?.unwrap_or_default())
    }

    /// The same; None if the token stopped it: [`LanguageSession::position`] says how many tokens were read.
    pub fn read_cancellable(&mut self, tokens: &[i32], cancel: &Cancel) -> Result<Option<Vec<f32>>, Error> {
        self.read_with(tokens, cancel.handle())
    }

    fn read_with(&mut self, tokens: &[i32], cancel: *const sys::eml_cancel) -> Result<Option<Vec<f32>>, Error> {
        some(tokens)?;
        let mut out = vec![0.0; self.vocabulary];
        // SAFETY: the arrays are as long as is said.
        let status = check(unsafe {
            sys::eml_lm_session_read(self.handle, tokens.as_ptr(), tokens.len() as u64, out.as_mut_ptr(), cancel)
        })?;
        Ok(Some(out).filter(|_| status == sys::EML_OK))
    }

    /// Reads tokens; the logits of each (tokens, vocab_size).
    pub fn read_all(&mut self, tokens: &[i32]) -> Result<Vec<f32>, Error> {
        some(tokens)?;
        let mut out = vec![0.0; tokens.len() * self.vocabulary];
        // SAFETY: as above.
        check(unsafe {
            sys::eml_lm_session_read_all(
                self.handle,
                tokens.as_ptr(),
                tokens.len() as u64,
                out.as_mut_ptr(),
                ptr::null(),
            )
        })?;
        Ok(out)
    }

    /// Reads tokens; what the model makes of each, normed, before the unembedding (tokens, n_embd).
    pub fn embed(&mut self, tokens: &[i32]) -> Result<Vec<f32>, Error> {
        some(tokens)?;
        let mut out = vec![0.0; tokens.len() * self.width];
        // SAFETY: as above.
        check(unsafe {
            sys::eml_lm_session_embed(self.handle, tokens.as_ptr(), tokens.len() as u64, out.as_mut_ptr(), ptr::null())
        })?;
        Ok(out)
    }

    /// Reads a prompt after what has been read, and generates tokens, the last of which is not read yet.
    pub fn generate(&mut self, prompt: &[i32], options: GenerateOptions<'_>) -> Result<Generation, Error> {
        some(prompt)?;
        // SAFETY: the prompt is as long as is said.
        self.run(options, |handle, raw, result| unsafe {
            sys::eml_lm_session_generate(handle, prompt.as_ptr(), prompt.len() as u64, raw, result)
        })
    }

    /// The same for a text, which the token that begins a document goes before if nothing has been read yet.
    pub fn generate_text(&mut self, prompt: &str, options: GenerateOptions<'_>) -> Result<Generation, Error> {
        // SAFETY: as above.
        self.run(options, |handle, raw, result| unsafe {
            sys::eml_lm_session_generate_text(handle, prompt.as_ptr().cast(), prompt.len() as u64, raw, result)
        })
    }

    fn run(
        &mut self,
        mut options: GenerateOptions<'_>,
        call: impl FnOnce(
            *mut sys::eml_lm_session,
            *const sys::eml_lm_generate_options,
            *mut sys::eml_lm_generation,
        ) -> sys::eml_status,
    ) -> Result<Generation, Error> {
        let stop_texts = texts(&options.stop_texts);
        let mut listening = Listening { closure: options.on_token.take(), panic: None };
        let raw = sys::eml_lm_generate_options {
            stop_tokens: options.stop_tokens.as_ptr(),
            stop_token_count: options.stop_tokens.len() as u64,
            stop_texts: stop_texts.as_ptr(),
            stop_text_count: stop_texts.len() as u64,
            cancel: options.cancel.map_or(ptr::null(), Cancel::handle),
            token: Some(hear),
            user: (&mut listening as *mut Listening<'_>).cast(),
            ..options.raw
        };
        let mut result = sys::eml_lm_generation {
            struct_size: std::mem::size_of::<sys::eml_lm_generation>() as u32,
            end: 0,
            tokens: 0,
            text_len: 0,
            log_probability: 0.0,
        };
        let status = check(call(self.handle, &raw, &mut result));
        if let Some(payload) = listening.panic {
            panic::resume_unwind(payload);
        }
        status?;
        let mut tokens = vec![0; result.tokens as usize];
        let mut need = 0;
        // SAFETY: const handle; the buffers are as large as is said.
        let text = unsafe {
            check(sys::eml_lm_session_tokens(self.handle, tokens.as_mut_ptr(), result.tokens, &mut need))?;
            two_calls_text(|buf, cap, need| sys::eml_lm_session_text(self.handle, buf, cap, need))?
        };
        let end = match result.end {
            sys::EML_LM_END_LENGTH => GenerationEnd::Length,
            sys::EML_LM_END_STOP_TOKEN => GenerationEnd::StopToken,
            sys::EML_LM_END_STOP_TEXT => GenerationEnd::StopText,
            sys::EML_LM_END_CANCELLED => GenerationEnd::Cancelled,
            _ => GenerationEnd::Callback,
        };
        Ok(Generation { tokens, text, log_probability: result.log_probability, end })
    }

    /// How well the model predicts tokens, cut into pieces of its sequence_len, each behind the token `bos`. `byte_lengths` (vocab_size)
    /// says how many bytes of text a token counts; None: one each. The session's sequence is lost.
    pub fn evaluate(
        &mut self,
        tokens: &[i32],
        bos: i32,
        byte_lengths: Option<&[i32]>,
        cancel: Option<&Cancel>,
    ) -> Result<Score, Error> {
        if byte_lengths.map_or(false, |lengths| lengths.len() != self.vocabulary) {
            let message = format!("byte_lengths: give one for each of the {} tokens", self.vocabulary);
            return Err(Error::refused(ErrorCode::Shape, message));
        }
        // SAFETY: the arrays are as long as is said.
        score(|out| unsafe {
            sys::eml_lm_session_evaluate(
                self.handle,
                tokens.as_ptr(),
                tokens.len() as u64,
                bos,
                byte_lengths.map_or(ptr::null(), <[i32]>::as_ptr),
                cancel.map_or(ptr::null(), Cancel::handle),
                out,
            )
        })
    }

    /// The same for a text, with the model's tokenizer.
    pub fn evaluate_text(
        &mut self,
        text: &str,
        counting: ByteCounting,
        cancel: Option<&Cancel>,
    ) -> Result<Score, Error> {
        // SAFETY: the text lives during the call.
        score(|out| unsafe {
            sys::eml_lm_session_evaluate_text(
                self.handle,
                text.as_ptr().cast(),
                text.len() as u64,
                counting.to_raw(),
                cancel.map_or(ptr::null(), Cancel::handle),
                out,
            )
        })
    }

    /// Begins a new sequence.
    pub fn reset(&mut self) {
        // SAFETY: the handle is ours alone.
        must(check(unsafe { sys::eml_lm_session_reset(self.handle) }));
    }

    /// Tokens read so far.
    pub fn position(&self) -> u64 {
        let size = std::mem::size_of::<sys::eml_lm_session_info>() as u32;
        let mut info = sys::eml_lm_session_info { struct_size: size, threads: 0, position: 0, bytes: 0 };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_lm_session_get_info(self.handle, &mut info) }));
        info.position
    }
}

fn score(call: impl FnOnce(*mut sys::eml_lm_score) -> sys::eml_status) -> Result<Score, Error> {
    let mut raw = sys::eml_lm_score {
        struct_size: std::mem::size_of::<sys::eml_lm_score>() as u32,
        reserved: 0,
        bits_per_byte: 0.0,
        mean_loss: 0.0,
        nats: 0.0,
        bytes: 0,
        tokens: 0,
    };
    check(call(&mut raw))?;
    Ok(Score {
        bits_per_byte: raw.bits_per_byte,
        mean_loss: raw.mean_loss,
        nats: raw.nats,
        bytes: raw.bytes,
        tokens: raw.tokens,
    })
}

impl fmt::Debug for LanguageSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanguageSession").field("position", &self.position()).finish()
    }
}

impl Drop for LanguageSession {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_lm_session_free(self.handle) };
    }
}

/// Several sequences that go on together; each forward pass reads the weights once for all of them.
pub struct LanguageBatch {
    handle: *mut sys::eml_lm_batch,
    vocabulary: usize,
    sequences: usize,
}

// SAFETY: methods that change anything take `&mut self`, and the library allows any thread.
unsafe impl Send for LanguageBatch {}
unsafe impl Sync for LanguageBatch {}

impl LanguageBatch {
    pub(crate) fn new(model: &LanguageModel, sequences: u32, threads: u32) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle.
        check(unsafe { sys::eml_lm_batch_create(model.handle(), sequences, threads, &mut handle) })?;
        Ok(LanguageBatch { handle, vocabulary: model.info().vocab_size, sequences: sequences as usize })
    }

    /// One sequence reads tokens; the logits of the last (vocab_size).
    pub fn read(&mut self, sequence: u32, tokens: &[i32]) -> Result<Vec<f32>, Error> {
        some(tokens)?;
        let mut out = vec![0.0; self.vocabulary];
        // SAFETY: the arrays are as long as is said.
        check(unsafe {
            sys::eml_lm_batch_read(
                self.handle,
                sequence,
                tokens.as_ptr(),
                tokens.len() as u64,
                out.as_mut_ptr(),
                ptr::null(),
            )
        })?;
        Ok(out)
    }

    /// Each sequence reads one token; the logits of all (sequences, vocab_size).
    pub fn step(&mut self, tokens: &[i32]) -> Result<Vec<f32>, Error> {
        let mut out = vec![0.0; self.sequences * self.vocabulary];
        // SAFETY: as above.
        check(unsafe {
            sys::eml_lm_batch_step(self.handle, tokens.as_ptr(), tokens.len() as u64, out.as_mut_ptr(), ptr::null())
        })?;
        Ok(out)
    }

    /// Begins a sequence anew.
    pub fn reset(&mut self, sequence: u32) -> Result<(), Error> {
        // SAFETY: the handle is ours alone.
        check(unsafe { sys::eml_lm_batch_reset(self.handle, sequence) })?;
        Ok(())
    }

    /// Tokens that a sequence has read.
    pub fn position(&self, sequence: u32) -> Result<u64, Error> {
        let mut position = 0;
        // SAFETY: const handle.
        check(unsafe { sys::eml_lm_batch_position(self.handle, sequence, &mut position) })?;
        Ok(position)
    }
}

impl fmt::Debug for LanguageBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanguageBatch").field("sequences", &self.sequences).finish_non_exhaustive()
    }
}

impl Drop for LanguageBatch {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_lm_batch_free(self.handle) };
    }
}
