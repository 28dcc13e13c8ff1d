//! Learned functions, inputs → heads: construction, evaluation, training, storage.
//! What is recorded beside the parameters (names, samples, scaling, events) is in `records.rs`.

use std::path::Path;
use std::{fmt, ptr};

use eml_sys as sys;

use super::bytes::Buffer;
use super::error::{check, must, Error};
use super::event::Sink;
use super::train::{empty_result, TrainOptions, Training};
use super::{expect_length, rows_of, utf8, Format, Profile};

/// What a new model shall be; made by [`Model::builder`]. What is not set keeps the library's default.
#[derive(Clone, Debug)]
pub struct ModelBuilder {
    raw: sys::eml_model_options,
}

impl ModelBuilder {
    /// 2 to 5.
    pub fn depth(mut self, depth: u32) -> Self {
        self.raw.depth = depth;
        self
    }

    /// Numbers that go in.
    pub fn inputs(mut self, inputs: usize) -> Self {
        self.raw.inputs = inputs as u64;
        self
    }

    /// Numbers that come out.
    pub fn heads(mut self, heads: usize) -> Self {
        self.raw.heads = heads as u64;
        self
    }

    /// Which definition of a model is meant.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.raw.profile = profile.to_raw();
        self
    }

    /// A new, untrained model.
    pub fn build(self) -> Result<Model, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: `raw` was initialised by the library; `handle` is a valid place for the result.
        check(unsafe { sys::eml_model_create(&self.raw, &mut handle) })?;
        Ok(Model::from_handle(handle))
    }
}

/// What a model is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// 2 to 5.
    pub depth: u32,
    /// Numbers that go in.
    pub inputs: usize,
    /// Numbers that come out.
    pub heads: usize,
    /// Number of parameters.
    pub param_count: usize,
    /// Recorded rows.
    pub sample_count: usize,
    /// Pending events.
    pub event_count: usize,
    /// Which definition of a model it follows.
    pub profile: Profile,
    /// Whether it has been trained to convergence.
    pub trained: bool,
    /// Whether a scaling is set.
    pub scaled: bool,
}

/// A learned function from `inputs` numbers to `heads` numbers. Matrices are slices in row-major order.
///
/// ```
/// use eml_native::native::{Model, Profile};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let model = Model::builder().depth(4).inputs(3).heads(2).profile(Profile::EmlCore01).build()?;
/// let two_rows = model.forward(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])?;
/// assert_eq!(two_rows.len(), 4);
///
/// let refusal = model.forward(&[0.1, f64::NAN, 0.3]).unwrap_err();
/// assert_eq!(refusal.code, eml_native::native::ErrorCode::NonFinite);
/// # Ok(())
/// # }
/// ```
pub struct Model {
    pub(super) handle: *mut sys::eml_model,
    pub(super) inputs: usize,
    pub(super) heads: usize,
    pub(super) flags: u32,
    pub(super) sink: Option<Box<Sink>>,
}

// SAFETY: the library takes a handle on any thread. Methods that take `&self` use only functions with a const handle
// parameter, which may run at the same time; the others take `&mut self`.
unsafe impl Send for Model {}
unsafe impl Sync for Model {}

impl Model {
    /// The start of a new model.
    pub fn builder() -> ModelBuilder {
        let mut raw = sys::eml_model_options { struct_size: 0, depth: 0, inputs: 0, heads: 0, profile: 0, reserved: 0 };
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size.
        must(check(unsafe { sys::eml_model_options_init(&mut raw, size) }));
        ModelBuilder { raw }
    }

    /// Takes over a handle that the library handed out.
    fn from_handle(handle: *mut sys::eml_model) -> Self {
        let mut model = Model { handle, inputs: 0, heads: 0, flags: 0, sink: None };
        let info = model.info();
        model.inputs = info.inputs;
        model.heads = info.heads;
        model
    }

    /// A copy with parameters, name, metadata, scaling, samples and pending events, but without the event sink.
    pub fn try_clone(&self) -> Result<Model, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_model_clone(self.handle, &mut handle) })?;
        let mut copy = Model::from_handle(handle);
        copy.flags = self.flags;
        Ok(copy)
    }

    /// Shape and state.
    pub fn info(&self) -> Info {
        let mut raw = sys::eml_model_info {
            struct_size: std::mem::size_of::<sys::eml_model_info>() as u32,
            depth: 0,
            inputs: 0,
            heads: 0,
            param_count: 0,
            sample_count: 0,
            event_count: 0,
            profile: 0,
            trained: 0,
            scaled: 0,
            reserved: 0,
        };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_model_get_info(self.handle, &mut raw) }));
        Info {
            depth: raw.depth,
            inputs: raw.inputs as usize,
            heads: raw.heads as usize,
            param_count: raw.param_count as usize,
            sample_count: raw.sample_count as usize,
            event_count: raw.event_count as usize,
            profile: Profile::from_raw(raw.profile),
            trained: raw.trained != 0,
            scaled: raw.scaled != 0,
        }
    }

    /// Whether `record`, `forward` and `set_params` shall take NaN and infinities and compute with them as the
    /// profile does; otherwise, and at first, they refuse them.
    pub fn allow_nonfinite(&mut self, allow: bool) {
        self.flags = if allow { sys::EML_ALLOW_NONFINITE } else { 0 };
    }

    /// The parameters.
    pub fn params(&self) -> Vec<f64> {
        let mut params = vec![0.0; self.info().param_count];
        // SAFETY: const handle; the array has the length that is given.
        must(check(unsafe { sys::eml_model_get_params(self.handle, params.as_mut_ptr(), params.len() as u64) }));
        params
    }

    /// Replaces the parameters; there must be `info().param_count` of them.
    pub fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        // SAFETY: sole user of the handle.
        unsafe { self.set_params_shared(params) }
    }

    /// # Safety
    /// No other thread uses the model meanwhile.
    pub(crate) unsafe fn set_params_shared(&self, params: &[f64]) -> Result<(), Error> {
        check(sys::eml_model_set_params(self.handle, params.as_ptr(), params.len() as u64, self.flags))?;
        Ok(())
    }

    /// Says whether the model counts as trained.
    pub fn set_trained(&mut self, trained: bool) {
        // SAFETY: sole user of the handle.
        unsafe { self.set_trained_shared(trained) }
    }

    /// # Safety
    /// No other thread uses the model meanwhile.
    pub(crate) unsafe fn set_trained_shared(&self, trained: bool) {
        must(check(sys::eml_model_set_trained(self.handle, i32::from(trained))));
    }

    /// Evaluates rows of `inputs` numbers; returns rows of `heads` numbers.
    pub fn forward(&self, x: &[f64]) -> Result<Vec<f64>, Error> {
        let rows = rows_of("x", x.len(), self.inputs)?;
        let mut y = vec![0.0; rows * self.heads];
        self.forward_into(x, &mut y)?;
        Ok(y)
    }

    /// The same into memory of the caller's, without an allocation.
    pub fn forward_into(&self, x: &[f64], y: &mut [f64]) -> Result<(), Error> {
        let rows = rows_of("x", x.len(), self.inputs)?;
        expect_length("y", y.len(), rows * self.heads)?;
        // SAFETY: const handle; both arrays have the lengths that follow from the shape.
        check(unsafe { sys::eml_model_forward(self.handle, x.as_ptr(), rows as u64, y.as_mut_ptr(), self.flags) })?;
        Ok(())
    }

    /// Trains on the recorded samples by random restarts and coordinate descent. Not to converge is no error.
    pub fn train(&mut self, options: TrainOptions<'_>) -> Result<Training, Error> {
        let mut result = empty_result();
        // SAFETY: sole user of the handle; options and result are valid during the call.
        let status = options.run(|raw| unsafe { sys::eml_model_train(self.handle, raw, &mut result) });
        let status = self.finish(status)?;
        Ok(Training::new(status == sys::EML_CANCELLED, &result))
    }

    /// The loss of the current parameters on the recorded samples.
    pub fn loss(&self) -> Result<f64, Error> {
        let mut loss = 0.0;
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_model_loss(self.handle, &mut loss) })?;
        Ok(loss)
    }

    /// Trains a shallower student on `samples` random inputs (at least 50). A cancelled student is returned as far
    /// as it came.
    pub fn distill(&self, depth: u32, samples: u64, options: TrainOptions<'_>) -> Result<Model, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle; options and the place for the result are valid during the call.
        let status =
            options.run(|raw| unsafe { sys::eml_model_distill(self.handle, depth, samples, raw, &mut handle) });
        check(status)?;
        let mut student = Model::from_handle(handle);
        student.flags = self.flags;
        Ok(student)
    }

    /// Back to untrained zero parameters; samples, name and scaling stay.
    pub fn reset(&mut self, reason: &str) -> Result<(), Error> {
        // SAFETY: sole user of the handle; the text is copied.
        let status = unsafe { sys::eml_model_reset(self.handle, reason.as_ptr().cast(), reason.len() as u64) };
        self.finish(status)?;
        Ok(())
    }

    /// The model as bytes. Samples and events are not part of it.
    pub fn export(&self, format: Format) -> Result<Buffer, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_model_export_buffer(self.handle, format.to_raw(), &mut handle) })?;
        Ok(Buffer::from_handle(handle))
    }

    /// A model from bytes; everything is checked.
    pub fn import(bytes: &[u8], format: Format) -> Result<Model, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: the bytes are read during the call only.
        check(unsafe {
            sys::eml_model_import(bytes.as_ptr().cast(), bytes.len() as u64, format.to_raw(), &mut handle)
        })?;
        Ok(Model::from_handle(handle))
    }

    /// Writes a file; at any instant the path is the old file or the new one.
    pub fn save(&mut self, path: impl AsRef<Path>, format: Format) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: sole user of the handle; the path is read during the call only.
        let status =
            unsafe { sys::eml_model_save(self.handle, path.as_ptr().cast(), path.len() as u64, format.to_raw()) };
        self.finish(status)?;
        Ok(())
    }

    /// Reads a file that [`Model::save`] or eml-core wrote.
    pub fn load(path: impl AsRef<Path>, format: Format) -> Result<Model, Error> {
        let path = utf8(path.as_ref())?;
        let mut handle = ptr::null_mut();
        // SAFETY: the path is read during the call only.
        check(unsafe { sys::eml_model_load(path.as_ptr().cast(), path.len() as u64, format.to_raw(), &mut handle) })?;
        Ok(Model::from_handle(handle))
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

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("info", &self.info()).finish()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_model_free(self.handle) };
    }
}
