//! What a training is asked for, tells on its way, and ends with.

use std::any::Any;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::raw::{c_char, c_void};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use eml_sys as sys;

use super::cancel::Cancel;
use super::error::{check, must, Error};
use super::utf8;

/// The part of a training that is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Random restarts.
    Restart,
    /// Coordinate descent.
    Descent,
    /// Snapping.
    Snap,
    /// An attention block's heads are aligned.
    Alignment,
    /// Everything in an attention block is refined.
    Refinement,
    /// The training of that number of one of eml-core's attention blocks.
    Round(i32),
    /// A phase that this crate does not know.
    Other(i32),
}

/// How far a training has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The part that is at work.
    pub phase: Phase,
    /// Restarts, sweeps, evaluations or trials done, as the phase has them.
    pub step: u64,
    /// The most there can be.
    pub total: u64,
    /// The best loss so far.
    pub loss: f64,
    /// Evaluations of the loss so far.
    pub evaluations: u64,
    /// Moves kept so far.
    pub accepted: u64,
}

/// What a training ended with.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Training {
    /// Whether a token or the progress closure stopped it; the model holds the best parameters so far.
    pub cancelled: bool,
    /// Whether the loss is below 0.01.
    pub converged: bool,
    /// Samples used.
    pub samples_used: u64,
    /// Loss at the start, in the model's (scaled) units.
    pub loss_before: f64,
    /// Loss at the end.
    pub loss_after: f64,
    /// Evaluations of the loss.
    pub evaluations: u64,
    /// Moves kept.
    pub accepted: u64,
    /// Sweeps of coordinate descent.
    pub sweeps: u64,
}

/// The methods of options that hold [`Hooks`].
macro_rules! watch_methods {
    () => {
        /// A token that can stop the work from another thread.
        pub fn cancel(mut self, token: &Cancel) -> Self {
            self.hooks.cancel = Some(token.clone());
            self
        }

        /// Called every now and then on the work's own thread; `Break` stops the work. A panic of the closure stops it
        /// too and continues when the library has returned.
        pub fn progress(mut self, closure: impl FnMut(&Progress) -> ControlFlow<()> + 'a) -> Self {
            self.hooks.progress = Some(Box::new(closure));
            self
        }
    };
}

/// The methods of a training's options besides; the documentation is that of `audit`.
macro_rules! audit_methods {
    ($(#[$documentation:meta])*) => {
        $(#[$documentation])*
        pub fn audit(mut self, log: impl Write + 'a) -> Self {
            self.hooks.audit = Some(Box::new(log));
            self
        }

        /// The same into a file, which is emptied first.
        pub fn audit_file(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
            self.hooks.audit_path = utf8(path.as_ref())?.to_owned();
            Ok(self)
        }
    };
}

/// Puts [`RawHooks`] into one of the library's structs of a training's options.
macro_rules! set_hooks {
    ($raw:ident, $hooks:ident) => {
        ($raw.cancel, $raw.progress, $raw.user) = ($hooks.cancel, $hooks.progress, $hooks.user);
        ($raw.audit_path, $raw.audit_path_len, $raw.audit) = ($hooks.audit_path, $hooks.audit_path_len, $hooks.audit);
    };
}

pub(super) use {audit_methods, set_hooks, watch_methods};

type ProgressClosure<'a> = Box<dyn FnMut(&Progress) -> ControlFlow<()> + 'a>;

/// Options of a training; what is not set keeps the library's default.
///
/// ```
/// use std::ops::ControlFlow;
/// use eml_native::native::{Model, TrainOptions};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let mut model = Model::builder().inputs(1).depth(2).build()?;
/// let x: Vec<f64> = (0..60).map(|i| f64::from(i) / 60.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| x.exp()).collect();
/// model.record(&x, &y)?;
///
/// let mut best = f64::INFINITY;
/// let options = TrainOptions::new().max_sweeps(20).progress(|now| {
///     best = now.loss;
///     ControlFlow::Continue(())
/// });
/// let training = model.train(options)?;
/// assert_eq!(training.samples_used, 60);
/// assert!(training.loss_after <= training.loss_before);
/// # Ok(())
/// # }
/// ```
pub struct TrainOptions<'a> {
    raw: sys::eml_train_options,
    hooks: Hooks<'a>,
}

impl<'a> TrainOptions<'a> {
    /// The library's defaults.
    pub fn new() -> Self {
        let mut raw = sys::eml_train_options {
            struct_size: 0,
            max_sweeps: 0,
            seed: 0,
            target_loss: 0.0,
            cancel: std::ptr::null(),
            progress: None,
            user: std::ptr::null_mut(),
            audit_path: std::ptr::null(),
            audit_path_len: 0,
            audit: None,
        };
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size.
        must(check(unsafe { sys::eml_train_options_init(&mut raw, size) }));
        TrainOptions { raw, hooks: Hooks::default() }
    }

    /// The most sweeps of coordinate descent.
    pub fn max_sweeps(mut self, sweeps: u32) -> Self {
        self.raw.max_sweeps = sweeps;
        self
    }

    /// Where the generator starts (default profile only).
    pub fn seed(mut self, seed: u64) -> Self {
        self.raw.seed = seed;
        self
    }

    /// Stops when this loss is reached (default profile only).
    pub fn target_loss(mut self, loss: f64) -> Self {
        self.raw.target_loss = loss;
        self
    }

    watch_methods!();

    audit_methods! {
        /// Writes the audit log, for [`Model::verify_audit`](super::Model::verify_audit): every change that is kept, record
        /// by record. A writer that fails ends the training and leaves the model as it was.
        ///
        /// ```
        /// use eml_native::native::{Model, TrainOptions};
        ///
        /// # fn main() -> Result<(), eml_native::native::Error> {
        /// let mut model = Model::builder().inputs(1).depth(2).build()?;
        /// model.record(&[0.0, 0.25, 0.5, 0.75, 1.0], &[1.0, 1.5, 3.0, 4.0, 8.0])?;
        /// let mut log = Vec::new();
        /// model.train(TrainOptions::new().max_sweeps(2).seed(7).audit(&mut log))?;
        /// assert!(model.verify_audit(&log, TrainOptions::new())?.is_ok());
        /// log[200] ^= 1;
        /// assert!(!model.verify_audit(&log, TrainOptions::new())?.is_ok());
        /// # Ok(())
        /// # }
        /// ```
    }

    /// Calls `work` with options that the library can read, then lets a panic of the progress closure continue.
    pub(crate) fn run<R>(self, work: impl FnOnce(*const sys::eml_train_options) -> R) -> R {
        let mut raw = self.raw;
        self.hooks.run(model_phase, |hooks| {
            set_hooks!(raw, hooks);
            work(&raw)
        })
    }
}

pub(crate) fn model_phase(raw: i32) -> Phase {
    match raw {
        sys::EML_PHASE_RESTART => Phase::Restart,
        sys::EML_PHASE_DESCENT => Phase::Descent,
        sys::EML_PHASE_SNAP => Phase::Snap,
        other => Phase::Other(other),
    }
}

impl Default for TrainOptions<'_> {
    fn default() -> Self {
        TrainOptions::new()
    }
}

/// What options hold that is at work during a training.
#[derive(Default)]
pub(crate) struct Hooks<'a> {
    pub(crate) progress: Option<ProgressClosure<'a>>,
    pub(crate) cancel: Option<Cancel>,
    pub(crate) audit: Option<Box<dyn Write + 'a>>,
    pub(crate) audit_path: String,
}

/// The same as the fields of the library's structs of options.
pub(crate) struct RawHooks {
    pub(crate) cancel: *const sys::eml_cancel,
    pub(crate) progress: sys::eml_progress_fn,
    pub(crate) user: *mut c_void,
    pub(crate) audit_path: *const c_char,
    pub(crate) audit_path_len: u64,
    pub(crate) audit: sys::eml_write_fn,
}

impl<'a> Hooks<'a> {
    /// Calls `work` with fields that are valid meanwhile, then lets a panic of a closure continue.
    pub(crate) fn run<R>(mut self, phase: fn(i32) -> Phase, work: impl FnOnce(&RawHooks) -> R) -> R {
        let mut watcher = Watcher { progress: self.progress.take(), audit: self.audit.take(), phase, panic: None };
        let has_path = !self.audit_path.is_empty();
        let result = work(&RawHooks {
            cancel: self.cancel.as_ref().map_or(std::ptr::null(), Cancel::handle),
            progress: watcher.progress.as_ref().map(|_| Watcher::call as _),
            audit: watcher.audit.as_ref().map(|_| Watcher::write as _),
            user: (&mut watcher as *mut Watcher<'a>).cast(),
            audit_path: if has_path { self.audit_path.as_ptr().cast() } else { std::ptr::null() },
            audit_path_len: self.audit_path.len() as u64,
        });
        if let Some(payload) = watcher.panic {
            panic::resume_unwind(payload);
        }
        result
    }
}

/// A progress closure and a log's writer at work.
struct Watcher<'a> {
    progress: Option<ProgressClosure<'a>>,
    audit: Option<Box<dyn Write + 'a>>,
    phase: fn(i32) -> Phase,
    panic: Option<Box<dyn Any + Send>>,
}

impl Watcher<'_> {
    /// What the library calls; `user` is the watcher. Returns 1 to stop.
    unsafe extern "C" fn call(progress: *const sys::eml_progress, user: *mut c_void) -> i32 {
        let watcher = &mut *user.cast::<Watcher<'_>>();
        let raw = &*progress;
        let now = Progress {
            phase: (watcher.phase)(raw.phase),
            step: raw.step,
            total: raw.total,
            loss: raw.loss,
            evaluations: raw.evaluations,
            accepted: raw.accepted,
        };
        let progress = &mut watcher.progress;
        match panic::catch_unwind(AssertUnwindSafe(|| progress.as_mut().map(|closure| closure(&now)))) {
            Ok(None | Some(ControlFlow::Continue(()))) => 0,
            Ok(Some(ControlFlow::Break(()))) => 1,
            Err(payload) => {
                watcher.panic = Some(payload);
                1
            }
        }
    }
}

impl Watcher<'_> {
    /// What the library gives the log's bytes to. Returns the system's error number, or 1, if they could not be written.
    unsafe extern "C" fn write(bytes: *const c_void, len: u64, user: *mut c_void) -> i32 {
        let watcher = &mut *user.cast::<Watcher<'_>>();
        let record = std::slice::from_raw_parts(bytes.cast::<u8>(), len as usize);
        let audit = &mut watcher.audit;
        match panic::catch_unwind(AssertUnwindSafe(|| audit.as_mut().map(|log| log.write_all(record)))) {
            Ok(None | Some(Ok(()))) => 0,
            Ok(Some(Err(error))) => error.raw_os_error().filter(|&code| code != 0).unwrap_or(1),
            Err(payload) => {
                watcher.panic = Some(payload);
                1
            }
        }
    }
}

pub(crate) fn empty_result() -> sys::eml_train_result {
    sys::eml_train_result {
        struct_size: std::mem::size_of::<sys::eml_train_result>() as u32,
        converged: 0,
        samples_used: 0,
        loss_before: 0.0,
        loss_after: 0.0,
        evaluations: 0,
        accepted: 0,
        sweeps: 0,
    }
}

impl Training {
    pub(crate) fn new(cancelled: bool, raw: &sys::eml_train_result) -> Self {
        Training {
            cancelled,
            converged: raw.converged != 0,
            samples_used: raw.samples_used,
            loss_before: raw.loss_before,
            loss_after: raw.loss_after,
            evaluations: raw.evaluations,
            accepted: raw.accepted,
            sweeps: raw.sweeps,
        }
    }
}
