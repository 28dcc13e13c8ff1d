//! What the training of an attention block is asked for and ends with, and eml-core's reports.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::ptr;

use eml_sys as sys;

use super::attention::{Attention, AttentionKind};
use super::bytes::Buffer;
use super::cancel::Cancel;
use super::error::{check, must, Error};
use super::train::{audit_methods, set_hooks, watch_methods, Hooks, Phase, Progress};
use super::utf8;

/// Options of an attention block's training; what is not set keeps the library's default.
///
/// ```
/// use eml_native::native::{Attention, AttentionTrainOptions};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let mut block = Attention::builder().d_model(2).d_k(2).seq_len(3).nodes(4).build()?;
/// for i in 0..24 {
///     let x: Vec<f64> = (0..6).map(|k| f64::from((7 * i + 3 * k) % 17) / 17.0).collect();
///     let mean = x.iter().sum::<f64>() / 6.0;
///     block.record(&x, &[mean; 6])?;
/// }
/// let training = block.train(AttentionTrainOptions::new().max_evaluations(2_000).seed(1))?;
/// assert_eq!(training.samples_used, 24);
/// assert!(training.mse_after <= training.mse_before);
/// # Ok(())
/// # }
/// ```
pub struct AttentionTrainOptions<'a> {
    raw: sys::eml_attention_train_options,
    hooks: Hooks<'a>,
}

impl<'a> AttentionTrainOptions<'a> {
    /// The library's defaults.
    pub fn new() -> Self {
        let mut raw = sys::eml_attention_train_options {
            struct_size: 0,
            reserved: 0,
            seed: 0,
            trials: 0,
            step_init: 0.0,
            step_final: 0.0,
            max_samples: 0,
            eval_subset: 0,
            convergence_mse: 0.0,
            max_evaluations: 0,
            target_loss: 0.0,
            cancel: ptr::null(),
            progress: None,
            user: ptr::null_mut(),
            audit_path: ptr::null(),
            audit_path_len: 0,
            audit: None,
        };
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size.
        must(check(unsafe { sys::eml_attention_train_options_init(&mut raw, size) }));
        AttentionTrainOptions { raw, hooks: Hooks::default() }
    }

    /// Where the search's random numbers start.
    pub fn seed(mut self, seed: u64) -> Self {
        self.raw.seed = seed;
        self
    }

    /// eml-core's blocks: moves that are tried.
    pub fn trials(mut self, trials: u64) -> Self {
        self.raw.trials = trials;
        self
    }

    /// eml-core's blocks: the largest move at the beginning and at the end.
    pub fn steps(mut self, init: f64, last: f64) -> Self {
        self.raw.step_init = init;
        self.raw.step_final = last;
        self
    }

    /// eml-core's blocks: samples used, from the oldest on.
    pub fn max_samples(mut self, samples: u64) -> Self {
        self.raw.max_samples = samples;
        self
    }

    /// eml-core's blocks: samples of these that a move is measured on; at least 1.
    pub fn eval_subset(mut self, samples: u64) -> Self {
        self.raw.eval_subset = samples;
        self
    }

    /// eml-core's blocks: the error below which a block counts as trained.
    pub fn convergence_mse(mut self, mse: f64) -> Self {
        self.raw.convergence_mse = mse;
        self
    }

    /// The default profile's block: most forward evaluations of a sample.
    pub fn max_evaluations(mut self, evaluations: u64) -> Self {
        self.raw.max_evaluations = evaluations;
        self
    }

    /// The default profile's block: stops at this cross-validated error.
    pub fn target_loss(mut self, loss: f64) -> Self {
        self.raw.target_loss = loss;
        self
    }

    watch_methods!();

    audit_methods! {
        /// Writes the audit log: every change that is kept, record by record. A writer that fails ends the training and
        /// leaves the block as it was.
    }

    /// Calls `work` with options that the library can read, then lets a panic of the progress closure continue.
    pub(crate) fn run<R>(
        self,
        kind: AttentionKind,
        work: impl FnOnce(*const sys::eml_attention_train_options) -> R,
    ) -> R {
        let mut raw = self.raw;
        let phase = if kind == AttentionKind::Block { block_phase } else { Phase::Round };
        self.hooks.run(phase, |hooks| {
            set_hooks!(raw, hooks);
            work(&raw)
        })
    }
}

impl Default for AttentionTrainOptions<'_> {
    fn default() -> Self {
        AttentionTrainOptions::new()
    }
}

fn block_phase(raw: i32) -> Phase {
    match raw {
        sys::EML_PHASE_ALIGNMENT => Phase::Alignment,
        sys::EML_PHASE_REFINEMENT => Phase::Refinement,
        other => Phase::Other(other),
    }
}

/// What the training of an attention block ended with.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttentionTraining {
    /// Whether a token or the progress closure stopped it; the block holds the best parameters so far.
    pub cancelled: bool,
    /// Whether the error is below the bound.
    pub converged: bool,
    /// Samples used.
    pub samples_used: u64,
    /// The mean squared error at the start; eml-core's blocks: on the samples that moves are measured on.
    pub mse_before: f64,
    /// The same at the end.
    pub mse_after: f64,
    /// The default profile's block: the cross-validated error at the end; else `mse_after`.
    pub cross_loss: f64,
    /// Forward evaluations of a sample.
    pub evaluations: u64,
    /// Changes tried.
    pub trials: u64,
    /// Changes kept.
    pub accepted: u64,
    /// The default profile's block: rounds of alignment and refinement; else trainings so far.
    pub rounds: u64,
}

impl Attention {
    /// Trains on the recorded samples. Not to converge is no error.
    pub fn train(&mut self, options: AttentionTrainOptions<'_>) -> Result<AttentionTraining, Error> {
        let mut raw = sys::eml_attention_train_result {
            struct_size: std::mem::size_of::<sys::eml_attention_train_result>() as u32,
            converged: 0,
            samples_used: 0,
            mse_before: 0.0,
            mse_after: 0.0,
            cross_loss: 0.0,
            evaluations: 0,
            trials: 0,
            accepted: 0,
            rounds: 0,
        };
        // SAFETY: sole user of the handle; options and result are valid during the call.
        let status =
            options.run(self.kind, |options| unsafe { sys::eml_attention_train(self.handle, options, &mut raw) });
        let status = self.finish(status)?;
        Ok(AttentionTraining {
            cancelled: status == sys::EML_CANCELLED,
            converged: raw.converged != 0,
            samples_used: raw.samples_used,
            mse_before: raw.mse_before,
            mse_after: raw.mse_after,
            cross_loss: raw.cross_loss,
            evaluations: raw.evaluations,
            trials: raw.trials,
            accepted: raw.accepted,
            rounds: raw.rounds,
        })
    }

    /// eml-core's benchmark of its block on the task "each row's mean", as its JSON text.
    pub fn benchmark(d_model: u32, d_k: u32, seq_len: u32, depth: u32, trials: u64) -> Result<String, Error> {
        // SAFETY: valid place for the result.
        report(|json| unsafe { sys::eml_attention_benchmark(d_model, d_k, seq_len, depth, trials, ptr::null(), json) })
    }

    /// eml-core's comparison of its two blocks on the same samples, as its JSON text; empty if it was stopped.
    pub fn compare(
        (d_model, d_k, seq_len, depth): (u32, u32, u32, u32),
        options: AttentionTrainOptions<'_>,
        rounds: u64,
    ) -> Result<String, Error> {
        options.run(AttentionKind::Toy, |options| {
            // SAFETY: the options are valid during the call, and so is the place for the result.
            report(|json| unsafe { sys::eml_attention_compare(d_model, d_k, seq_len, depth, options, rounds, json) })
        })
    }
}

fn report(call: impl FnOnce(*mut *mut sys::eml_buffer) -> sys::eml_status) -> Result<String, Error> {
    let mut handle = ptr::null_mut();
    check(call(&mut handle))?;
    if handle.is_null() {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&Buffer::from_handle(handle)).into_owned())
}
