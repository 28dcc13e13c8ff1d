//! Functions written out, and the snapping that makes them readable.

use std::ops::ControlFlow;
use std::ptr;

use eml_sys as sys;

use super::bytes::two_calls_text;
use super::cancel::Cancel;
use super::error::{check, must, Error};
use super::train::{model_phase, watch_methods, Hooks, Progress};
use super::{Attention, Model, SafeTree};

/// How a function is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Plain text, simplified.
    Text,
    /// LaTeX, simplified.
    Latex,
    /// C99 that gives the same bits.
    C,
    /// Rust that gives the same bits.
    Rust,
    /// Python that gives the same bits.
    Python,
}

impl Language {
    fn to_raw(self) -> i32 {
        match self {
            Language::Text => sys::EML_EXPRESSION_TEXT,
            Language::Latex => sys::EML_EXPRESSION_LATEX,
            Language::C => sys::EML_EXPRESSION_C,
            Language::Rust => sys::EML_EXPRESSION_RUST,
            Language::Python => sys::EML_EXPRESSION_PYTHON,
        }
    }
}

/// What snapping may do; what is not set keeps the library's default.
pub struct SnapOptions<'a> {
    raw: sys::eml_snap_options,
    hooks: Hooks<'a>,
}

impl<'a> SnapOptions<'a> {
    /// The library's defaults.
    pub fn new() -> Self {
        let mut raw = sys::eml_snap_options {
            struct_size: 0,
            reserved: 0,
            tolerance: 0.0,
            max_loss_increase: 0.0,
            max_loss: 0.0,
            cancel: ptr::null(),
            progress: None,
            user: ptr::null_mut(),
        };
        let size = std::mem::size_of_val(&raw) as u32;
        // SAFETY: `raw` is a struct of that size.
        must(check(unsafe { sys::eml_snap_options_init(&mut raw, size) }));
        SnapOptions { raw, hooks: Hooks::default() }
    }

    /// How far a parameter may be from the constant that it becomes.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.raw.tolerance = tolerance;
        self
    }

    /// By what share of itself the loss may grow altogether.
    pub fn max_loss_increase(mut self, share: f64) -> Self {
        self.raw.max_loss_increase = share;
        self
    }

    /// A loss that is always good enough.
    pub fn max_loss(mut self, loss: f64) -> Self {
        self.raw.max_loss = loss;
        self
    }

    watch_methods!();

    /// Calls what snaps something of so many parameters.
    fn run(self, params: usize, call: SnapCall<'_>) -> Result<Snapping, Error> {
        let mut result = sys::eml_snap_result {
            struct_size: std::mem::size_of::<sys::eml_snap_result>() as u32,
            unscaled: 0,
            snapped: 0,
            loss_before: 0.0,
            loss_after: 0.0,
            loss_allowed: 0.0,
            evaluations: 0,
        };
        // A logit may be set more than once, on the way to a simpler mixture.
        let mut indices = vec![0u64; 4 * params];
        let mut raw = self.raw;
        let status = self.hooks.run(model_phase, |hooks| {
            (raw.cancel, raw.progress, raw.user) = (hooks.cancel, hooks.progress, hooks.user);
            call(&raw, &mut indices, &mut result)
        });
        let status = check(status)?;
        Ok(Snapping {
            cancelled: status == sys::EML_CANCELLED,
            snapped: indices.iter().take(result.snapped as usize).map(|index| *index as usize).collect(),
            unscaled: result.unscaled != 0,
            loss_before: result.loss_before,
            loss_after: result.loss_after,
            loss_allowed: result.loss_allowed,
            evaluations: result.evaluations,
        })
    }
}

/// Options, room for indices and for the result, all valid during the call.
type SnapCall<'c> = &'c dyn Fn(&sys::eml_snap_options, &mut [u64], &mut sys::eml_snap_result) -> sys::eml_status;

impl Default for SnapOptions<'_> {
    fn default() -> Self {
        SnapOptions::new()
    }
}

/// What snapping did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapping {
    /// Whether a token or the progress closure stopped it; what was snapped so far is kept.
    pub cancelled: bool,
    /// Indices of the parameters that are constants now, in the order in which that happened.
    pub snapped: Vec<usize>,
    /// Whether the scaling became part of the parameters, which are in the user's units now.
    pub unscaled: bool,
    /// Loss of the parameters as they were, in the units that the model had.
    pub loss_before: f64,
    /// Loss now, in the same units.
    pub loss_after: f64,
    /// The bound that followed from the options.
    pub loss_allowed: f64,
    /// Evaluations of the loss.
    pub evaluations: u64,
}

impl Model {
    /// Replaces parameters by simple constants where the loss on the recorded samples allows it.
    ///
    /// ```
    /// use eml_native::native::{Language, Model, SnapOptions, TrainOptions};
    ///
    /// # fn main() -> Result<(), eml_native::native::Error> {
    /// let mut model = Model::builder().inputs(2).depth(2).build()?;
    /// for i in 0..60 {
    ///     let (a, b) = (f64::from(i) / 10.0, f64::from(i * i % 7));
    ///     model.record(&[a, b], &[3.0 - a + b / 3.0])?;
    /// }
    /// model.fit_scaling()?;
    /// model.train(TrainOptions::new())?;
    /// model.snap(SnapOptions::new())?;
    /// assert_eq!(model.expression(Language::Text)?, "y = 3 - x0 + 1/3*x1\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn snap(&mut self, options: SnapOptions<'_>) -> Result<Snapping, Error> {
        let handle = self.handle;
        options.run(self.info().param_count, &|options, indices, result| {
            // SAFETY: sole user of the handle; all pointers are valid during the call.
            unsafe { sys::eml_model_snap(handle, options, indices.as_mut_ptr(), indices.len() as u64, result) }
        })
    }

    /// The function between the user's units, written out.
    pub fn expression(&self, language: Language) -> Result<String, Error> {
        self.written(language, 0)
    }

    /// The same without the limits that no input within the ranges of the recorded samples meets (text and LaTeX).
    pub fn expression_within_samples(&self, language: Language) -> Result<String, Error> {
        self.written(language, sys::EML_WITHIN_SAMPLES)
    }

    fn written(&self, language: Language, flags: u32) -> Result<String, Error> {
        // SAFETY: const handle; the buffer has the length that is given.
        two_calls_text(|buf, cap, need| unsafe {
            sys::eml_model_expression(self.handle, language.to_raw(), flags, buf, cap, need)
        })
    }
}

impl Attention {
    /// Replaces parameters by simple constants where the mean squared error on the recorded samples allows it.
    ///
    /// ```
    /// use eml_native::native::{Attention, AttentionKind, Language, SnapOptions};
    ///
    /// # fn main() -> Result<(), eml_native::native::Error> {
    /// let shape = Attention::builder().kind(AttentionKind::Baseline);
    /// let mut block = shape.d_model(1).d_k(1).seq_len(1).build()?; // of one token: only v and out matter
    /// for i in 0..20 {
    ///     block.record(&[f64::from(i)], &[0.5 + f64::from(i)])?;
    /// }
    /// block.set_params(&[0.0, 0.0, 0.0, 0.0, 1.0 + 1e-9, 0.5, 1.0, 1e-9])?; // weight and bias of q, k, v and out
    /// block.snap(SnapOptions::new())?;
    /// assert_eq!(block.expression(Language::Text)?, "y = 0.5 + x0\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn snap(&mut self, options: SnapOptions<'_>) -> Result<Snapping, Error> {
        let handle = self.handle;
        options.run(self.info().param_count, &|options, indices, result| {
            // SAFETY: sole user of the handle; all pointers are valid during the call.
            unsafe { sys::eml_attention_snap(handle, options, indices.as_mut_ptr(), indices.len() as u64, result) }
        })
    }

    /// The function from the numbers of a sequence, token after token, to those of the answer, written out.
    pub fn expression(&self, language: Language) -> Result<String, Error> {
        self.written(language, 0)
    }

    /// The same without the limits that no input within the ranges of the recorded samples meets (text and LaTeX).
    pub fn expression_within_samples(&self, language: Language) -> Result<String, Error> {
        self.written(language, sys::EML_WITHIN_SAMPLES)
    }

    fn written(&self, language: Language, flags: u32) -> Result<String, Error> {
        // SAFETY: const handle; the buffer has the length that is given.
        two_calls_text(|buf, cap, need| unsafe {
            sys::eml_attention_expression(self.handle, language.to_raw(), flags, buf, cap, need)
        })
    }
}

impl SafeTree {
    /// The function, written out.
    pub fn expression(&self, language: Language) -> Result<String, Error> {
        // SAFETY: const handle; the buffer has the length that is given.
        two_calls_text(|buf, cap, need| unsafe {
            sys::eml_safetree_expression(self.handle(), language.to_raw(), buf, cap, need)
        })
    }
}

/// An EmlTree of this shape with these parameters, written out.
pub fn tree_expression(depth: u32, inputs: usize, params: &[f64], language: Language) -> Result<String, Error> {
    // SAFETY: both arrays have the lengths that are given.
    two_calls_text(|buf, cap, need| unsafe {
        sys::eml_tree_expression(
            depth,
            inputs as u64,
            params.as_ptr(),
            params.len() as u64,
            language.to_raw(),
            buf,
            cap,
            need,
        )
    })
}
