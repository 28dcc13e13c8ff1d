//! The layer that attention blocks are made of and, with the feature `experimental-attention`, the block itself.

use std::fmt;

use crate::native::{self, must, Format};
use crate::params::{Params, Uploaded};

#[cfg(feature = "experimental-attention")]
mod benchmark;
#[cfg(feature = "experimental-attention")]
mod config;
#[cfg(feature = "experimental-attention")]
pub(crate) mod core;
#[cfg(feature = "experimental-attention")]
mod error;
#[cfg(feature = "experimental-attention")]
pub(crate) mod report;
#[cfg(feature = "experimental-attention")]
mod toy;

#[cfg(feature = "experimental-attention")]
pub use self::{
    benchmark::{run_benchmark, run_benchmark_with_trials, AttentionBenchmark, ScalingPoint},
    config::EndToEndTrainConfig,
    error::{AttentionError, MAX_TOY_D_MODEL, MAX_TOY_SEQ_LEN},
    toy::ToyEmlAttention,
};

/// A layer that stays far from saturation, so that layers can follow each other.
///
/// Per head: v = bias + weights · x, then `depth` times v ← eml_safe(v·c₀ + c₁, |v| + c₂ + 1). The parameters in order:
/// weights (heads × inputs, row by row), biases (heads), constants (heads × depth × 3).
///
/// ```
/// let mut tree = eml_native::SafeTree::new(0, 2, 1); // depth 0: only the affine part
/// tree.params_slice_mut().copy_from_slice(&[2.0, 3.0, 1.0]);
/// assert_eq!(tree.predict(&[10.0, 100.0]), [321.0]);
/// ```
pub struct SafeTree {
    depth: usize,
    inputs: usize,
    heads: usize,
    params: Params,
    uploaded: Uploaded,
    handle: native::SafeTree,
}

impl SafeTree {
    /// A layer with parameters of zero.
    pub fn new(depth: usize, inputs: usize, heads: usize) -> Self {
        // A depth that does not fit is far over the library's limit too, which is what it will say.
        let levels = u32::try_from(depth).unwrap_or(u32::MAX);
        SafeTree::from_native(must(native::SafeTree::new(levels, inputs, heads)))
    }

    fn from_native(mut handle: native::SafeTree) -> Self {
        handle.allow_nonfinite(true);
        let params = Params::new(handle.params());
        SafeTree {
            depth: handle.depth() as usize,
            inputs: handle.inputs(),
            heads: handle.heads(),
            uploaded: Uploaded::new(params.version()),
            params,
            handle,
        }
    }

    /// Levels after the affine part.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How many numbers go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// How many numbers come out.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// How many parameters there are.
    pub fn param_count(&self) -> usize {
        self.params.len()
    }

    /// The parameters.
    pub fn params_slice(&self) -> &[f64] {
        &self.params
    }

    /// The parameters, to be changed.
    pub fn params_slice_mut(&mut self) -> &mut [f64] {
        &mut self.params
    }

    /// One number for each head.
    ///
    /// # Panics
    /// If there are not `inputs()` numbers.
    pub fn predict(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.inputs, "SafeTree input length mismatch");
        let mut out = vec![0.0; self.heads];
        must(self.synced().forward_into(x, &mut out));
        out
    }

    /// The layer as JSON.
    pub fn to_json(&self) -> String {
        let bytes = must(self.synced().export(Format::Json));
        String::from_utf8(bytes).expect("the library writes UTF-8")
    }

    /// A layer from JSON; `None` if it is not one, or contradicts itself.
    pub fn from_json(json: &str) -> Option<Self> {
        native::SafeTree::import(json.as_bytes(), Format::Json).ok().map(SafeTree::from_native)
    }

    /// The library's object with the present parameters.
    fn synced(&self) -> &native::SafeTree {
        self.uploaded.bring_to(self.params.version(), || {
            // SAFETY: `Uploaded` makes sure that nobody else uses the object.
            must(unsafe { self.handle.set_params_shared(&self.params) });
        });
        &self.handle
    }
}

impl Clone for SafeTree {
    fn clone(&self) -> Self {
        SafeTree::from_native(must(self.synced().try_clone()))
    }
}

impl fmt::Debug for SafeTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SafeTree")
            .field("depth", &self.depth)
            .field("inputs", &self.inputs)
            .field("heads", &self.heads)
            .field("params", &self.params)
            .finish()
    }
}

#[cfg(feature = "serde")]
mod stored {
    use super::{native, SafeTree};
    use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

    /// What serde sees, in eml-core's words and order.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "SafeTree")]
    struct Stored<P> {
        depth: usize,
        inputs: usize,
        heads: usize,
        params: P,
    }

    impl Serialize for SafeTree {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let SafeTree { depth, inputs, heads, .. } = *self;
            Stored { depth, inputs, heads, params: self.params_slice() }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for SafeTree {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let stored = Stored::<Vec<f64>>::deserialize(deserializer)?;
            let depth = u32::try_from(stored.depth).map_err(de::Error::custom)?;
            let mut handle = native::SafeTree::new(depth, stored.inputs, stored.heads).map_err(de::Error::custom)?;
            handle.allow_nonfinite(true);
            handle.set_params(&stored.params).map_err(de::Error::custom)?;
            Ok(SafeTree::from_native(handle))
        }
    }
}
