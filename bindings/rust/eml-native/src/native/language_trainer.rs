//! Training of language models.

use std::any::Any;
use std::ops::ControlFlow;
use std::os::raw::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::{fmt, ptr};

use eml_sys as sys;

use super::cancel::Cancel;
use super::error::{check, must, Error, ErrorCode};
use super::language::{LanguageModel, Weights};
use super::utf8;

/// What moves the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Optimizer {
    /// AdamW for all of them.
    AdamW,
    /// Muon for the matrices of the layers, AdamW for the others.
    Muon,
}

/// How the k of the activation is kept above its floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KParameter {
    /// k = max(k, 1e-6) after each step.
    Clamp,
    /// k = 1e-6 + ln(1 + exp(raw)), and raw is trained.
    Softplus,
}

/// What a trainer does; the default is AdamW on rows of the model's sequence_len, on one thread.
#[derive(Clone, Copy, Debug)]
pub struct TrainerOptions {
    raw: sys::eml_lm_trainer_options,
}

impl TrainerOptions {
    /// The defaults.
    pub fn new() -> Self {
        // SAFETY: zeros are valid numbers of this struct, whose size is told.
        let raw = unsafe {
            let mut raw: sys::eml_lm_trainer_options = std::mem::zeroed();
            let size = std::mem::size_of_val(&raw) as u32;
            must(check(sys::eml_lm_trainer_options_init(&mut raw, size)));
            raw
        };
        TrainerOptions { raw }
    }

    /// Tokens of a row.
    pub fn sequence_len(mut self, tokens: u32) -> Self {
        self.raw.sequence_len = tokens;
        self
    }

    /// Tokens whose activations are held at a time; memory grows with it.
    pub fn group_tokens(mut self, tokens: u32) -> Self {
        self.raw.group_tokens = tokens;
        self
    }

    /// 1 to 256; any number gives the same bits.
    pub fn threads(mut self, threads: u32) -> Self {
        self.raw.threads = threads;
        self
    }

    /// What moves the weights.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.raw.optimizer = match optimizer {
            Optimizer::AdamW => sys::EML_OPTIMIZER_ADAMW,
            Optimizer::Muon => sys::EML_OPTIMIZER_MUON,
        };
        self
    }

    /// How k is trained.
    pub fn k_parameter(mut self, parameter: KParameter) -> Self {
        self.raw.k_parameter = match parameter {
            KParameter::Clamp => sys::EML_K_CLAMP,
            KParameter::Softplus => sys::EML_K_SOFTPLUS,
        };
        self
    }

    /// What matrices are rounded to after each step: F32 for nothing, or Bf16.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.raw.weight_type = weights.to_raw();
        self
    }

    /// Factor of all learning rates.
    pub fn rate(mut self, rate: f64) -> Self {
        self.raw.rate = rate;
        self
    }

    /// k never becomes larger: above 1 training is ill-conditioned.
    pub fn largest_k(mut self, k: f64) -> Self {
        self.raw.largest_k = k;
        self
    }
}

impl Default for TrainerOptions {
    fn default() -> Self {
        TrainerOptions::new()
    }
}

/// What a step was.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrainingStep {
    /// From 1.
    pub step: u64,
    /// Mean loss of its tokens before it, nats.
    pub loss: f64,
    /// Of the learning rates.
    pub multiplier: f64,
    /// So far.
    pub tokens: u64,
    /// Of training so far, validation not included.
    pub seconds: f64,
    /// Of this step.
    pub tokens_per_second: f64,
    /// Share of the budget, 0 to 1.
    pub progress: f64,
    /// How often the text was begun.
    pub epoch: u32,
    /// On the validation text, if it was looked at after this step.
    pub bits_per_byte: Option<f64>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrainingResult {
    /// Whether the budget is used up.
    pub done: bool,
    /// Steps in all.
    pub steps: u64,
    /// Seconds of training in all.
    pub seconds: f64,
    /// Of the last validation.
    pub bits_per_byte: Option<f64>,
}

type StepClosure<'a> = Box<dyn FnMut(&TrainingStep) -> ControlFlow<()> + 'a>;

/// How long a training runs, and what it looks at on the way.
pub struct TrainingPlan<'a> {
    raw: sys::eml_lm_training_plan,
    cancel: Option<&'a Cancel>,
    on_step: Option<StepClosure<'a>>,
}

impl<'a> TrainingPlan<'a> {
    /// So many steps in all, of all runs together.
    pub fn steps(steps: u64) -> Self {
        let mut plan = TrainingPlan::new();
        plan.raw.steps = steps;
        plan
    }

    /// So many seconds in all; a run by time does not give the same bits twice.
    pub fn seconds(seconds: f64) -> Self {
        let mut plan = TrainingPlan::new();
        plan.raw.seconds = seconds;
        plan
    }

    fn new() -> Self {
        // SAFETY: zeros are valid numbers and pointers of this struct, whose size is told.
        let raw = unsafe {
            let mut raw: sys::eml_lm_training_plan = std::mem::zeroed();
            let size = std::mem::size_of_val(&raw) as u32;
            must(check(sys::eml_lm_training_plan_init(&mut raw, size)));
            raw
        };
        TrainingPlan { raw, cancel: None, on_step: None }
    }

    /// Tokens of a step, rounded down to whole rows.
    pub fn batch_tokens(mut self, tokens: u32) -> Self {
        self.raw.batch_tokens = tokens;
        self
    }

    /// The shares of the run in which the learning rates rise and fall, and what they fall to.
    pub fn schedule(mut self, warmup: f64, warmdown: f64, final_rate: f64) -> Self {
        self.raw.warmup = warmup;
        self.raw.warmdown = warmdown;
        self.raw.final_rate = final_rate;
        self
    }

    /// After how many steps the validation text is looked at (0: at the end alone), and how many of its tokens are predicted.
    pub fn validation(mut self, every: u32, tokens: u32) -> Self {
        self.raw.validation_every = every;
        self.raw.validation_tokens = tokens;
        self
    }

    /// Stops it from any thread; an unfinished step leaves no trace.
    pub fn cancel(mut self, cancel: &'a Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Sees each step, and stops the run by `Break`.
    pub fn on_step(mut self, closure: impl FnMut(&TrainingStep) -> ControlFlow<()> + 'a) -> Self {
        self.on_step = Some(Box::new(closure));
        self
    }
}

/// Trains a language model: gradients of all its weights, and an optimizer. The same weights and tokens give the same bits on every
/// machine and for every number of threads.
///
/// ```no_run
/// use eml_native::native::{LanguageFormat, LanguageModel, LanguageTrainer, Optimizer, TrainerOptions, TrainingPlan};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let start = LanguageModel::load("start.safetensors")?;
/// let mut trainer = LanguageTrainer::new(&start, TrainerOptions::new().threads(2).optimizer(Optimizer::Muon))?;
/// trainer.run("tokens", TrainingPlan::steps(400).batch_tokens(4096))?;
/// trainer.model()?.save("model.safetensors", LanguageFormat::Auto)?;
/// # Ok(())
/// # }
/// ```
pub struct LanguageTrainer {
    handle: *mut sys::eml_lm_trainer,
    length: usize,
}

// SAFETY: methods that change anything take `&mut self`, and the library allows any thread.
unsafe impl Send for LanguageTrainer {}
unsafe impl Sync for LanguageTrainer {}

impl LanguageTrainer {
    /// Goes on from a model, whose weights must be F32 and which stays as it is.
    pub fn new(model: &LanguageModel, options: TrainerOptions) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle; `handle` is a valid place for the result.
        check(unsafe { sys::eml_lm_trainer_create(model.handle(), &options.raw, &mut handle) })?;
        let mut trainer = LanguageTrainer { handle, length: 0 };
        trainer.length = trainer.info().sequence_len as usize;
        Ok(trainer)
    }

    /// One step: gradients of the mean loss of all rows, then an update. inputs and targets (rows, sequence_len); a target of -1 counts
    /// nothing. The mean loss before the step, nats, or None if it was cancelled: then nothing has changed.
    pub fn step(
        &mut self,
        inputs: &[i32],
        targets: &[i32],
        multiplier: f64,
        cancel: Option<&Cancel>,
    ) -> Result<Option<f64>, Error> {
        let rows = self.rows(inputs, targets)?;
        let cancel = cancel.map_or(ptr::null(), Cancel::handle);
        let mut loss = 0.0;
        // SAFETY: the arrays have so many rows.
        let status = check(unsafe {
            sys::eml_lm_trainer_step(
                self.handle,
                inputs.as_ptr(),
                targets.as_ptr(),
                rows,
                multiplier,
                cancel,
                &mut loss,
            )
        })?;
        Ok(Some(loss).filter(|_| status == sys::EML_OK))
    }

    /// The loss of each token in nats, 0 for targets of -1, without a step (rows, sequence_len).
    pub fn losses(&mut self, inputs: &[i32], targets: &[i32]) -> Result<Vec<f64>, Error> {
        let rows = self.rows(inputs, targets)?;
        let mut out = vec![0.0; inputs.len()];
        // SAFETY: as above.
        check(unsafe {
            sys::eml_lm_trainer_losses(self.handle, inputs.as_ptr(), targets.as_ptr(), rows, out.as_mut_ptr())
        })?;
        Ok(out)
    }

    /// Trains on a folder that `eml lm prepare` wrote. A trainer that was stopped, or loaded, goes on where it was.
    pub fn run(&mut self, folder: impl AsRef<Path>, mut plan: TrainingPlan<'_>) -> Result<TrainingResult, Error> {
        let folder = utf8(folder.as_ref())?;
        let mut listening = Listening { closure: plan.on_step.take(), panic: None };
        let raw = sys::eml_lm_training_plan {
            cancel: plan.cancel.map_or(ptr::null(), Cancel::handle),
            step: Some(hear),
            user: (&mut listening as *mut Listening<'_>).cast(),
            ..plan.raw
        };
        let mut result = sys::eml_lm_training_result {
            struct_size: std::mem::size_of::<sys::eml_lm_training_result>() as u32,
            done: 0,
            steps: 0,
            seconds: 0.0,
            bits_per_byte: 0.0,
        };
        // SAFETY: text, plan and listener live during the call.
        let status = check(unsafe {
            sys::eml_lm_trainer_run(self.handle, folder.as_ptr().cast(), folder.len() as u64, &raw, &mut result)
        });
        if let Some(payload) = listening.panic {
            panic::resume_unwind(payload);
        }
        status?;
        Ok(TrainingResult {
            done: result.done == 1,
            steps: result.steps,
            seconds: result.seconds,
            bits_per_byte: number(result.bits_per_byte),
        })
    }

    /// Writes all that the training needs to go on exactly, as a whole or not at all.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: const handle; the text lives during the call.
        check(unsafe { sys::eml_lm_trainer_save(self.handle, path.as_ptr().cast(), path.len() as u64) })?;
        Ok(())
    }

    /// Goes on from such a file; the options are those that the trainer was made with.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: as above.
        check(unsafe { sys::eml_lm_trainer_load(self.handle, path.as_ptr().cast(), path.len() as u64) })?;
        Ok(())
    }

    /// The model as it is now, with the tokenizer of the one that it began with.
    pub fn model(&self) -> Result<LanguageModel, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle.
        check(unsafe { sys::eml_lm_trainer_get_lm(self.handle, &mut handle) })?;
        Ok(LanguageModel::from_handle(handle))
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.info().steps
    }

    /// Seconds of training by [`LanguageTrainer::run`].
    pub fn seconds(&self) -> f64 {
        self.info().seconds
    }

    /// Number of weights.
    pub fn parameters(&self) -> u64 {
        self.info().parameters
    }

    /// Bytes of weights, gradients, moments and activations.
    pub fn bytes(&self) -> u64 {
        self.info().bytes
    }

    /// Tokens of a row.
    pub fn sequence_len(&self) -> usize {
        self.length
    }

    fn info(&self) -> sys::eml_lm_trainer_info {
        let mut info = sys::eml_lm_trainer_info {
            struct_size: std::mem::size_of::<sys::eml_lm_trainer_info>() as u32,
            sequence_len: 0,
            steps: 0,
            parameters: 0,
            bytes: 0,
            seconds: 0.0,
        };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_lm_trainer_get_info(self.handle, &mut info) }));
        info
    }

    fn rows(&self, inputs: &[i32], targets: &[i32]) -> Result<u64, Error> {
        if inputs.len() % self.length != 0 || targets.len() != inputs.len() {
            let message = format!(
                "{} inputs and {} targets; give whole rows of {}, as many targets as inputs",
                inputs.len(),
                targets.len(),
                self.length
            );
            return Err(Error::refused(ErrorCode::Shape, message));
        }
        Ok((inputs.len() / self.length) as u64)
    }
}

impl fmt::Debug for LanguageTrainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanguageTrainer").field("steps", &self.steps()).finish()
    }
}

impl Drop for LanguageTrainer {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_lm_trainer_free(self.handle) };
    }
}

struct Listening<'a> {
    closure: Option<StepClosure<'a>>,
    panic: Option<Box<dyn Any + Send>>,
}

unsafe extern "C" fn hear(step: *const sys::eml_lm_training_step, user: *mut c_void) -> i32 {
    // SAFETY: `user` is what run() passed, and nothing else uses it during the call.
    let (listening, raw) = unsafe { (&mut *user.cast::<Listening<'_>>(), &*step) };
    let step = TrainingStep {
        step: raw.step,
        loss: raw.loss,
        multiplier: raw.multiplier,
        tokens: raw.tokens,
        seconds: raw.seconds,
        tokens_per_second: raw.tokens_per_second,
        progress: raw.progress,
        epoch: raw.epoch,
        bits_per_byte: number(raw.bits_per_byte),
    };
    let closure = &mut listening.closure;
    let answer =
        panic::catch_unwind(AssertUnwindSafe(|| closure.as_mut().map_or(ControlFlow::Continue(()), |f| f(&step))));
    match answer {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(payload) => {
            listening.panic = Some(payload);
            1
        }
    }
}

fn number(value: f64) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}
