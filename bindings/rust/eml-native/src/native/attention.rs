//! Attention blocks, sequence → sequence: construction, evaluation, samples, events, storage.

use std::path::Path;
use std::{fmt, ptr};

use eml_sys as sys;

use super::bytes::{two_calls_text, Buffer};
use super::error::{check, must, Error};
use super::event::{self, Sink};
use super::{expect_length, rows_of, utf8, Format};
use crate::events::EmlEvent;

/// Which attention block is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AttentionKind {
    /// eml-core's `ToyEmlAttention`, bit for bit: five SafeTrees.
    Toy,
    /// eml-core's `BaselineAttention`, bit for bit: four affine maps.
    Baseline,
    /// The default profile's: up to four heads between affine maps and EML nodes.
    #[default]
    Block,
}

impl AttentionKind {
    fn to_raw(self) -> i32 {
        match self {
            AttentionKind::Toy => sys::EML_ATTENTION_TOY,
            AttentionKind::Baseline => sys::EML_ATTENTION_BASELINE,
            AttentionKind::Block => sys::EML_ATTENTION_BLOCK,
        }
    }

    fn from_raw(raw: i32) -> Self {
        match raw {
            sys::EML_ATTENTION_TOY => AttentionKind::Toy,
            sys::EML_ATTENTION_BASELINE => AttentionKind::Baseline,
            _ => AttentionKind::Block,
        }
    }
}

/// What a new block shall be; made by [`Attention::builder`]. What is not set keeps the library's default.
#[derive(Clone, Debug)]
pub struct AttentionBuilder {
    raw: sys::eml_attention_options,
}

impl AttentionBuilder {
    /// Which block is meant; the default profile's if this is not said.
    pub fn kind(mut self, kind: AttentionKind) -> Self {
        self.raw.kind = kind.to_raw();
        self
    }

    /// Numbers in a token.
    pub fn d_model(mut self, numbers: u32) -> Self {
        self.raw.d_model = numbers;
        self
    }

    /// Numbers in a query or key.
    pub fn d_k(mut self, numbers: u32) -> Self {
        self.raw.d_k = numbers;
        self
    }

    /// Tokens in a sequence.
    pub fn seq_len(mut self, tokens: u32) -> Self {
        self.raw.seq_len = tokens;
        self
    }

    /// Levels of the trees; [`AttentionKind::Toy`] only.
    pub fn depth(mut self, levels: u32) -> Self {
        self.raw.depth = levels;
        self
    }

    /// Attention heads; [`AttentionKind::Block`] only, like what follows.
    pub fn heads(mut self, heads: u32) -> Self {
        self.raw.heads = heads;
        self
    }

    /// EML nodes before the attention, and as many behind it; 0: affine maps only.
    pub fn nodes(mut self, nodes: u32) -> Self {
        self.raw.nodes = nodes;
        self
    }

    /// Whether there are learned encodings of the positions.
    pub fn positional(mut self, positional: bool) -> Self {
        self.raw.positional = i32::from(positional);
        self
    }

    /// Whether the answer also reads the token at its own position.
    pub fn residual(mut self, residual: bool) -> Self {
        self.raw.residual = i32::from(residual);
        self
    }

    /// Keys looked at together, a multiple of 8; 0: all. The answers are the same.
    pub fn chunk(mut self, keys: u32) -> Self {
        self.raw.chunk = keys;
        self
    }

    /// A new block.
    pub fn build(self) -> Result<Attention, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: `raw` was initialised by the library; `handle` is a valid place for the result.
        check(unsafe { sys::eml_attention_create(&self.raw, &mut handle) })?;
        Ok(Attention::from_handle(handle))
    }
}

/// What a block is at the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttentionInfo {
    /// Which block it is.
    pub kind: AttentionKind,
    /// Numbers in a token.
    pub d_model: usize,
    /// Numbers in a query or key.
    pub d_k: usize,
    /// Tokens in a sequence.
    pub seq_len: usize,
    /// Levels of the trees; 0 but for [`AttentionKind::Toy`].
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// EML nodes before and behind the attention.
    pub nodes: usize,
    /// Whether there are learned encodings of the positions.
    pub positional: bool,
    /// Whether the answer also reads the token at its own position.
    pub residual: bool,
    /// Keys looked at together; 0: all.
    pub chunk: usize,
    /// Whether it counts as trained.
    pub trained: bool,
    /// Number of parameters.
    pub param_count: usize,
    /// Recorded samples that are kept.
    pub sample_count: usize,
    /// Pending events.
    pub event_count: usize,
    /// eml-core's blocks: trainings so far.
    pub training_rounds: u64,
    /// eml-core's blocks: moves that the last training kept.
    pub last_accepts: u64,
    /// What scores are multiplied by.
    pub scale: f64,
}

/// A learned function of a whole sequence: `seq_len` tokens of `d_model` numbers in, the same shape out.
/// Sequences are slices, token after token, one sequence after the other.
///
/// ```
/// use eml_native::native::{Attention, AttentionKind, Format};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let block = Attention::builder().kind(AttentionKind::Toy).d_model(4).d_k(2).seq_len(2).depth(3).build()?;
/// let y = block.forward(&[0.5; 16])?; // two sequences
/// assert_eq!(y.len(), 16);
/// let same = Attention::import(&block.export(Format::Safetensors)?, Format::Auto)?;
/// assert_eq!(same.forward(&[0.5; 16])?, y);
/// # Ok(())
/// # }
/// ```
pub struct Attention {
    pub(super) handle: *mut sys::eml_attention,
    pub(super) kind: AttentionKind,
    width: usize,
    flags: u32,
    sink: Option<Box<Sink>>,
}

// SAFETY: the library takes a handle on any thread. Methods that take `&self` use only functions with a const handle
// parameter, which may run at the same time; the others take `&mut self`.
unsafe impl Send for Attention {}
unsafe impl Sync for Attention {}

impl Attention {
    /// The start of a new block.
    pub fn builder() -> AttentionBuilder {
        let mut raw = sys::eml_attention_options {
            struct_size: 0,
            kind: 0,
            d_model: 0,
            d_k: 0,
            seq_len: 0,
            depth: 0,
            heads: 0,
            nodes: 0,
            positional: 0,
            residual: 0,
            chunk: 0,
            reserved: 0,
        };
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size.
        must(check(unsafe { sys::eml_attention_options_init(&mut raw, size) }));
        AttentionBuilder { raw }
    }

    /// Takes over a handle that the library handed out.
    fn from_handle(handle: *mut sys::eml_attention) -> Self {
        let mut block = Attention { handle, kind: AttentionKind::Block, width: 0, flags: 0, sink: None };
        let info = block.info();
        block.kind = info.kind;
        block.width = info.seq_len * info.d_model;
        block
    }

    /// A copy with parameters, name, state, samples and pending events, but without the event sink.
    pub fn try_clone(&self) -> Result<Attention, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_attention_clone(self.handle, &mut handle) })?;
        let mut copy = Attention::from_handle(handle);
        copy.flags = self.flags;
        Ok(copy)
    }

    /// Shape and state.
    pub fn info(&self) -> AttentionInfo {
        let mut raw = sys::eml_attention_info {
            struct_size: std::mem::size_of::<sys::eml_attention_info>() as u32,
            kind: 0,
            d_model: 0,
            d_k: 0,
            seq_len: 0,
            depth: 0,
            heads: 0,
            nodes: 0,
            positional: 0,
            residual: 0,
            chunk: 0,
            trained: 0,
            param_count: 0,
            sample_count: 0,
            event_count: 0,
            training_rounds: 0,
            last_accepts: 0,
            scale: 0.0,
        };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_attention_get_info(self.handle, &mut raw) }));
        AttentionInfo {
            kind: AttentionKind::from_raw(raw.kind),
            d_model: raw.d_model as usize,
            d_k: raw.d_k as usize,
            seq_len: raw.seq_len as usize,
            depth: raw.depth as usize,
            heads: raw.heads as usize,
            nodes: raw.nodes as usize,
            positional: raw.positional != 0,
            residual: raw.residual != 0,
            chunk: raw.chunk as usize,
            trained: raw.trained != 0,
            param_count: raw.param_count as usize,
            sample_count: raw.sample_count as usize,
            event_count: raw.event_count as usize,
            training_rounds: raw.training_rounds,
            last_accepts: raw.last_accepts,
            scale: raw.scale,
        }
    }

    /// Whether `record`, `forward` and `set_params` shall take NaN and infinities; [`AttentionKind::Block`] never does.
    pub fn allow_nonfinite(&mut self, allow: bool) {
        self.flags = if allow { sys::EML_ALLOW_NONFINITE } else { 0 };
    }

    /// The parameters.
    pub fn params(&self) -> Vec<f64> {
        let mut params = vec![0.0; self.info().param_count];
        // SAFETY: const handle; the array has the length that is given.
        must(check(unsafe { sys::eml_attention_get_params(self.handle, params.as_mut_ptr(), params.len() as u64) }));
        params
    }

    /// Replaces the parameters; there must be `info().param_count` of them.
    pub fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        // SAFETY: sole user of the handle; the array has the length that is given.
        let (values, count) = (params.as_ptr(), params.len() as u64);
        check(unsafe { sys::eml_attention_set_params(self.handle, values, count, self.flags) })?;
        Ok(())
    }

    /// Says whether the block counts as trained.
    pub fn set_trained(&mut self, trained: bool) {
        // SAFETY: sole user of the handle.
        must(check(unsafe { sys::eml_attention_set_trained(self.handle, i32::from(trained)) }));
    }

    /// The name that events and files carry; empty at first.
    pub fn name(&self) -> String {
        // SAFETY: const handle; the buffer is as large as is said.
        must(two_calls_text(|buf, cap, need| unsafe { sys::eml_attention_get_name(self.handle, buf, cap, need) }))
    }

    /// Sets the name that events and files carry.
    pub fn set_name(&mut self, name: &str) -> Result<(), Error> {
        // SAFETY: sole user of the handle; the text is copied.
        check(unsafe { sys::eml_attention_set_name(self.handle, name.as_ptr().cast(), name.len() as u64) })?;
        Ok(())
    }

    /// Records sequences and what they shall become.
    pub fn record(&mut self, x: &[f64], targets: &[f64]) -> Result<(), Error> {
        let rows = rows_of("x", x.len(), self.width)?;
        expect_length("targets", targets.len(), x.len())?;
        // SAFETY: sole user of the handle; the arrays have the lengths that follow from the shape.
        check(unsafe {
            sys::eml_attention_record(self.handle, x.as_ptr(), targets.as_ptr(), rows as u64, self.flags)
        })?;
        Ok(())
    }

    /// Forgets the recorded samples.
    pub fn clear_samples(&mut self) {
        // SAFETY: sole user of the handle.
        must(check(unsafe { sys::eml_attention_clear_samples(self.handle) }));
    }

    /// The answers to one sequence or several.
    pub fn forward(&self, x: &[f64]) -> Result<Vec<f64>, Error> {
        let mut y = vec![0.0; x.len()];
        self.forward_into(x, &mut y)?;
        Ok(y)
    }

    /// The same into memory of the caller's.
    pub fn forward_into(&self, x: &[f64], y: &mut [f64]) -> Result<(), Error> {
        let rows = rows_of("x", x.len(), self.width)?;
        expect_length("y", y.len(), x.len())?;
        // SAFETY: const handle; both arrays have the lengths that follow from the shape.
        check(unsafe { sys::eml_attention_forward(self.handle, x.as_ptr(), rows as u64, y.as_mut_ptr(), self.flags) })?;
        Ok(())
    }

    /// The mean squared error over all recorded samples.
    pub fn loss(&self) -> Result<f64, Error> {
        let mut loss = 0.0;
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_attention_loss(self.handle, &mut loss) })?;
        Ok(loss)
    }

    /// The block as bytes. Samples and events are not part of it.
    pub fn export(&self, format: Format) -> Result<Buffer, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_attention_export_buffer(self.handle, format.to_raw(), &mut handle) })?;
        Ok(Buffer::from_handle(handle))
    }

    /// A block of any kind from bytes; everything is checked.
    pub fn import(bytes: &[u8], format: Format) -> Result<Attention, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: the bytes are read during the call only.
        check(unsafe {
            sys::eml_attention_import(bytes.as_ptr().cast(), bytes.len() as u64, format.to_raw(), &mut handle)
        })?;
        Ok(Attention::from_handle(handle))
    }

    /// Writes a file; at any instant the path is the old file or the new one.
    pub fn save(&mut self, path: impl AsRef<Path>, format: Format) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: sole user of the handle; the path is read during the call only.
        let status =
            unsafe { sys::eml_attention_save(self.handle, path.as_ptr().cast(), path.len() as u64, format.to_raw()) };
        self.finish(status)?;
        Ok(())
    }

    /// Reads a file that [`Attention::save`] or eml-core wrote.
    pub fn load(path: impl AsRef<Path>, format: Format) -> Result<Attention, Error> {
        let path = utf8(path.as_ref())?;
        let mut handle = ptr::null_mut();
        // SAFETY: the path is read during the call only.
        check(unsafe {
            sys::eml_attention_load(path.as_ptr().cast(), path.len() as u64, format.to_raw(), &mut handle)
        })?;
        Ok(Attention::from_handle(handle))
    }

    /// Takes the oldest event out of the log.
    pub fn next_event(&mut self) -> Option<EmlEvent> {
        // SAFETY: sole user of the handle; events live until the next call with it.
        unsafe { event::next(|out| sys::eml_attention_next_event(self.handle, out)) }
    }

    /// Takes all events out of the log.
    pub fn drain_events(&mut self) -> Vec<EmlEvent> {
        std::iter::from_fn(|| self.next_event()).collect()
    }

    /// Appends an event of the caller's to the log.
    pub fn push_event(&mut self, event: &EmlEvent) -> Result<(), Error> {
        let raw = event::to_raw(event);
        // SAFETY: sole user of the handle; `raw` points into `event`.
        let status = unsafe { sys::eml_attention_push_event(self.handle, &raw) };
        self.finish(status)?;
        Ok(())
    }

    /// Calls the closure with every new event from now on. A panic of the closure continues when the method that
    /// caused the event is done.
    pub fn set_event_sink(&mut self, closure: impl Fn(&EmlEvent) + Send + Sync + 'static) {
        let sink = Sink::new(closure);
        let user = (&*sink as *const Sink as *mut Sink).cast();
        // SAFETY: sole user of the handle; `self` keeps the sink alive until it is replaced or the handle is freed.
        must(check(unsafe { sys::eml_attention_set_event_sink(self.handle, Some(Sink::call), user) }));
        self.sink = Some(sink);
    }

    /// Ends [`Attention::set_event_sink`].
    pub fn clear_event_sink(&mut self) {
        // SAFETY: sole user of the handle.
        must(check(unsafe { sys::eml_attention_set_event_sink(self.handle, None, ptr::null_mut()) }));
        self.sink = None;
    }

    /// What every call that can log an event ends with.
    pub(super) fn finish(&self, status: sys::eml_status) -> Result<sys::eml_status, Error> {
        let result = check(status);
        if let Some(sink) = &self.sink {
            sink.resume_panic();
        }
        result
    }
}

impl fmt::Debug for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attention").field("info", &self.info()).finish()
    }
}

impl Drop for Attention {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_attention_free(self.handle) };
    }
}
