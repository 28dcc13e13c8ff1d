//! Learned functions of the EML substrate, computed and trained by libeml.
//!
//! The root and the modules [`events`], [`features`], [`model`], [`operator`], [`tree`] and [`attention`], and with the
//! feature `experimental-attention` also `baseline_attention` and the rest of `attention`, mirror the API of the crate
//! eml-core 0.1.0, so that a line in `Cargo.toml` moves existing code to libeml:
//!
//! ```toml
//! eml-core = { package = "eml-native", path = "…/bindings/rust/eml-native" }
//! ```
//!
//! Results are those of eml-core, bit for bit, training and JSON included. What differs:
//!
//! - `from_json` reads every number exactly (eml-core is off by one unit in the last place for one number in ten) and
//!   refuses models that contradict themselves: a depth outside 2 to 5, or parameters of the wrong number.
//! - `Serialize` and `Deserialize` are there with the feature `serde`; without it the crate has no dependencies.
//! - Steps of an attention block's training that are not finite are a panic.
//! - libeml has limits: 2²⁰ inputs or heads, 2²⁷ parameters or recorded numbers. Beyond them, calls panic.
//!
//! The module [`native`] is the whole of libeml: the default profile, options, progress, cancellation, every file
//! format, scaling and metadata.
//!
//! ```
//! use eml_native::EmlModel;
//!
//! let mut model = EmlModel::new(2, 1, 1);
//! for i in 0..60 {
//!     let x = f64::from(i) / 60.0;
//!     model.record(&[x], &[Some(x * x)]);
//! }
//! let converged = model.train();
//! assert_eq!(converged, model.is_trained());
//! assert!(model.predict_primary(&[0.5]) >= 0.0);
//! ```

#![warn(missing_docs)]

pub mod attention;
#[cfg(feature = "experimental-attention")]
pub mod baseline_attention;
pub mod events;
pub mod features;
pub mod model;
pub mod native;
pub mod operator;
mod params;
pub mod tree;

pub use attention::SafeTree;
#[cfg(feature = "experimental-attention")]
pub use attention::{
    run_benchmark, run_benchmark_with_trials, AttentionBenchmark, AttentionError, EndToEndTrainConfig, ScalingPoint,
    ToyEmlAttention, MAX_TOY_D_MODEL, MAX_TOY_SEQ_LEN,
};
#[cfg(feature = "experimental-attention")]
pub use baseline_attention::{compare_eml_vs_baseline, AttentionComparison, BaselineAttention};
pub use events::{EmlEvent, EmlEventLog};
pub use features::FeatureVector;
pub use model::EmlModel;
pub use operator::{eml, eml_safe, softmax3};
pub use tree::EmlTree;
