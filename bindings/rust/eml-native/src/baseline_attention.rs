//! The attention block without EML, to compare with, and the comparison.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::attention::core::{core_methods, Core};
use crate::attention::report::{float, value};
use crate::attention::{AttentionError, EndToEndTrainConfig, ToyEmlAttention};
use crate::native::{must, Attention, AttentionKind};

/// The same as [`ToyEmlAttention`] with affine maps in place of trees, and the softmax always itself.
#[derive(Clone)]
pub struct BaselineAttention {
    core: Core,
}

impl BaselineAttention {
    /// A block with small parameters from eml-core's generator.
    pub fn new(name: impl Into<String>, d_model: usize, d_k: usize, seq_len: usize) -> Result<Self, AttentionError> {
        Ok(BaselineAttention { core: Core::new(name.into(), d_model, d_k, seq_len, None)? })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    core_methods!();

    /// How many parameters there are, in all four maps.
    pub fn param_count(&self) -> usize {
        self.core.handle.info().param_count
    }

    /// Whether a training has brought the error below its bound.
    pub fn is_trained(&self) -> bool {
        self.core.handle.info().trained
    }

    /// As [`ToyEmlAttention::train_end_to_end`].
    ///
    /// # Panics
    /// If `eval_subset` is 0, or a step is not finite.
    pub fn train_end_to_end(&mut self, cfg: EndToEndTrainConfig) -> f64 {
        self.core.train(&cfg)
    }

    /// The block as JSON, without its samples.
    pub fn to_json(&self) -> String {
        self.core.to_json()
    }

    /// A block from JSON; `None` if it is not one, or contradicts itself.
    pub fn from_json(json: &str) -> Option<Self> {
        let core = Core::from_json(json, AttentionKind::Baseline).ok()?;
        Some(BaselineAttention { core })
    }
}

impl fmt::Debug for BaselineAttention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.core.handle.info();
        f.debug_struct("BaselineAttention")
            .field("name", &self.core.name)
            .field("d_model", &info.d_model)
            .field("d_k", &info.d_k)
            .field("seq_len", &info.seq_len)
            .field("params", &self.core.handle.params())
            .field("scale", &info.scale)
            .field("trained", &info.trained)
            .field("training_rounds", &info.training_rounds)
            .field("last_accepts", &info.last_accepts)
            .field("buffer_len", &info.sample_count)
            .finish()
    }
}

/// What a comparison found. The task is to give each token's mean.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[allow(missing_docs)] // the fields' names say what they hold
pub struct AttentionComparison {
    /// (d_model, d_k, seq_len, depth)
    pub shape: (usize, usize, usize, usize),
    pub trials: usize,
    pub rounds: usize,
    pub eml_param_count: usize,
    pub eml_baseline_mse: f64,
    pub eml_final_mse: f64,
    pub eml_mse_reduction: f64,
    pub eml_inference_ns_p99: u128,
    pub baseline_param_count: usize,
    pub baseline_baseline_mse: f64,
    pub baseline_final_mse: f64,
    pub baseline_mse_reduction: f64,
    pub baseline_inference_ns_p99: u128,
}

/// Trains a [`ToyEmlAttention`] and a [`BaselineAttention`] on the same samples, `rounds` times each.
///
/// # Panics
/// If `eval_subset` is 0, or a step is not finite.
pub fn compare_eml_vs_baseline(
    d_model: usize,
    d_k: usize,
    seq_len: usize,
    depth: usize,
    cfg: EndToEndTrainConfig,
    rounds: usize,
) -> Result<AttentionComparison, AttentionError> {
    ToyEmlAttention::new("", d_model, d_k, seq_len, depth)?;
    let shape = (d_model as u32, d_k as u32, seq_len as u32, depth as u32);
    let recorded = if rounds == 0 { 0 } else { RECORDED };
    let json = must(Attention::compare(shape, cfg.options(recorded), rounds as u64));
    // Without a training, eml-core's error is infinite, for which JSON has no word.
    let (final_mse, reduction) = if rounds == 0 { (f64::INFINITY, f64::NEG_INFINITY) } else { (f64::NAN, f64::NAN) };
    Ok(AttentionComparison {
        shape: (d_model, d_k, seq_len, depth),
        trials: cfg.trials,
        rounds,
        eml_param_count: value(&json, "eml_param_count"),
        eml_baseline_mse: float(&json, "eml_baseline_mse", f64::NAN),
        eml_final_mse: float(&json, "eml_final_mse", final_mse),
        eml_mse_reduction: float(&json, "eml_mse_reduction", reduction),
        eml_inference_ns_p99: value(&json, "eml_inference_ns_p99"),
        baseline_param_count: value(&json, "baseline_param_count"),
        baseline_baseline_mse: float(&json, "baseline_baseline_mse", f64::NAN),
        baseline_final_mse: float(&json, "baseline_final_mse", final_mse),
        baseline_mse_reduction: float(&json, "baseline_mse_reduction", reduction),
        baseline_inference_ns_p99: value(&json, "baseline_inference_ns_p99"),
    })
}

/// Samples of a comparison.
const RECORDED: usize = 96;

#[cfg(feature = "serde")]
mod stored {
    use super::{AttentionKind, BaselineAttention, Core};
    use crate::attention::core::stored::{Affine, Parts, Text};
    use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

    /// What serde sees, in eml-core's words and order.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "BaselineAttention")]
    struct Stored {
        name: String,
        d_model: usize,
        d_k: usize,
        seq_len: usize,
        q: Affine<Vec<f64>>,
        k: Affine<Vec<f64>>,
        v: Affine<Vec<f64>>,
        out: Affine<Vec<f64>>,
        scale: f64,
        trained: bool,
        training_rounds: u64,
    }

    impl Serialize for BaselineAttention {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let info = self.core.handle.info();
            let (width, inner) = (info.seq_len * info.d_model, info.seq_len * info.d_k);
            let mut parts = Parts::of(&self.core);
            Stored {
                name: self.core.name.clone(),
                d_model: info.d_model,
                d_k: info.d_k,
                seq_len: info.seq_len,
                q: parts.affine(width, inner),
                k: parts.affine(width, inner),
                v: parts.affine(width, inner),
                out: parts.affine(inner, width),
                scale: info.scale,
                trained: info.trained,
                training_rounds: info.training_rounds,
            }
            .serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for BaselineAttention {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let stored = Stored::deserialize(deserializer)?;
            let text = Text::new(&stored.name, stored.d_model, stored.d_k, stored.seq_len)
                .affine("q", &stored.q)
                .affine("k", &stored.k)
                .affine("v", &stored.v)
                .affine("out", &stored.out)
                .number("scale", stored.scale)
                .number("trained", stored.trained)
                .number("training_rounds", stored.training_rounds)
                .finish();
            let core = Core::from_json(&text, AttentionKind::Baseline).map_err(de::Error::custom)?;
            Ok(BaselineAttention { core })
        }
    }
}
