//! The experimental attention block.

use std::fmt;

use super::config::EndToEndTrainConfig;
use super::core::{core_methods, Core};
use super::error::AttentionError;
use crate::events::EmlEvent;
use crate::native::AttentionKind;

/// An attention block of one head between [`SafeTree`](super::SafeTree)s, for sequences of up to 8 tokens of up to 32
/// numbers, trained without gradients.
///
/// ```
/// use eml_native::{EndToEndTrainConfig, ToyEmlAttention};
///
/// # fn main() -> Result<(), eml_native::AttentionError> {
/// let mut block = ToyEmlAttention::new("means", 4, 2, 2, 3)?;
/// for i in 0..16 {
///     let x: Vec<f64> = (0..8).map(|k| f64::from((7 * i + 3 * k) % 17) / 17.0).collect();
///     let means: Vec<f64> = x.chunks(4).flat_map(|token| [token.iter().sum::<f64>() / 4.0; 4]).collect();
///     block.record(x, means)?;
/// }
/// let mse = block.train_end_to_end(EndToEndTrainConfig { trials: 500, ..Default::default() });
/// assert!(mse < 0.25);
/// assert_eq!(block.training_rounds(), 1);
/// let copy = ToyEmlAttention::from_json(&block.to_json()).unwrap();
/// assert_eq!(copy.forward(&[0.5; 8])?, block.forward(&[0.5; 8])?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ToyEmlAttention {
    core: Core,
}

impl ToyEmlAttention {
    /// A block with small parameters from eml-core's generator.
    pub fn new(
        name: impl Into<String>,
        d_model: usize,
        d_k: usize,
        seq_len: usize,
        depth: usize,
    ) -> Result<Self, AttentionError> {
        Ok(ToyEmlAttention { core: Core::new(name.into(), d_model, d_k, seq_len, Some(depth))? })
    }

    /// The name that events carry.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    core_methods!();

    /// How many parameters there are, in all five trees.
    pub fn param_count(&self) -> usize {
        self.core.handle.info().param_count
    }

    /// Whether a training has brought the error below its bound. From then on the softmax is a tree's, too.
    pub fn is_trained(&self) -> bool {
        self.core.handle.info().trained
    }

    /// Tries random moves of single parameters and keeps those that help; the mean squared error at the end, infinite if
    /// there are fewer than 4 samples.
    ///
    /// # Panics
    /// If `eval_subset` is 0, or a step is not finite.
    pub fn train_end_to_end(&mut self, cfg: EndToEndTrainConfig) -> f64 {
        self.core.train(&cfg)
    }

    /// Takes all events out of the block's log.
    pub fn drain_events(&mut self) -> Vec<EmlEvent> {
        self.core.handle.drain_events()
    }

    /// The block as JSON, without its samples and events.
    pub fn to_json(&self) -> String {
        self.core.to_json()
    }

    /// A block from JSON; `None` if it is not one, or contradicts itself.
    pub fn from_json(json: &str) -> Option<Self> {
        let core = Core::from_json(json, AttentionKind::Toy).ok()?;
        Some(ToyEmlAttention { core })
    }
}

impl fmt::Debug for ToyEmlAttention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.core.handle.info();
        f.debug_struct("ToyEmlAttention")
            .field("name", &self.core.name)
            .field("d_model", &info.d_model)
            .field("d_k", &info.d_k)
            .field("seq_len", &info.seq_len)
            .field("depth", &info.depth)
            .field("params", &self.core.handle.params())
            .field("scale", &info.scale)
            .field("trained", &info.trained)
            .field("training_rounds", &info.training_rounds)
            .field("last_accepts", &info.last_accepts)
            .field("buffer_len", &info.sample_count)
            .finish()
    }
}

#[cfg(feature = "serde")]
mod stored {
    use super::super::core::stored::{Parts, Text, Tree};
    use super::super::core::Core;
    use super::{AttentionKind, ToyEmlAttention};
    use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

    /// What serde sees, in eml-core's words and order.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "ToyEmlAttention")]
    struct Stored {
        name: String,
        d_model: usize,
        d_k: usize,
        seq_len: usize,
        q_model: Tree<Vec<f64>>,
        k_model: Tree<Vec<f64>>,
        v_model: Tree<Vec<f64>>,
        softmax_model: Tree<Vec<f64>>,
        out_model: Tree<Vec<f64>>,
        scale: f64,
        trained: bool,
        training_rounds: u64,
    }

    impl Serialize for ToyEmlAttention {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let info = self.core.handle.info();
            let (width, inner) = (info.seq_len * info.d_model, info.seq_len * info.d_k);
            let mut parts = Parts::of(&self.core);
            Stored {
                name: self.core.name.clone(),
                d_model: info.d_model,
                d_k: info.d_k,
                seq_len: info.seq_len,
                q_model: parts.tree(info.depth, width, inner),
                k_model: parts.tree(info.depth, width, inner),
                v_model: parts.tree(info.depth, width, inner),
                softmax_model: parts.tree(info.depth.min(4), info.seq_len, info.seq_len),
                out_model: parts.tree(info.depth, inner, width),
                scale: info.scale,
                trained: info.trained,
                training_rounds: info.training_rounds,
            }
            .serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for ToyEmlAttention {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let stored = Stored::deserialize(deserializer)?;
            let text = Text::new(&stored.name, stored.d_model, stored.d_k, stored.seq_len)
                .tree("q_model", &stored.q_model)
                .tree("k_model", &stored.k_model)
                .tree("v_model", &stored.v_model)
                .tree("softmax_model", &stored.softmax_model)
                .tree("out_model", &stored.out_model)
                .number("scale", stored.scale)
                .number("trained", stored.trained)
                .number("training_rounds", stored.training_rounds)
                .finish();
            let core = Core::from_json(&text, AttentionKind::Toy).map_err(de::Error::custom)?;
            Ok(ToyEmlAttention { core })
        }
    }
}
