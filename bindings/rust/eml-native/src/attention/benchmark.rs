//! eml-core's benchmark of its attention block.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::error::{check_shape, AttentionError};
use super::report::{float, member, value};
use crate::native::{must, Attention};

/// What a benchmark found. The task is to give each token's mean.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[allow(missing_docs)] // the fields' names say what they hold
pub struct AttentionBenchmark {
    pub d_model: usize,
    pub seq_len: usize,
    pub d_k: usize,
    pub depth: usize,
    pub param_count: usize,
    pub phase1_warmup_ns: u128,
    pub phase1_serialize_roundtrip: bool,
    pub phase2_converged: bool,
    pub phase2_baseline_mse: f64,
    pub phase2_final_mse: f64,
    pub phase2_mse_reduction: f64,
    pub phase2_training_rounds: u64,
    pub phase3_inference_ns_mean: u128,
    pub phase3_inference_ns_p99: u128,
    pub phase4_scaling: Vec<ScalingPoint>,
}

/// How long one shape's prediction takes.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[allow(missing_docs)] // the fields' names say what they hold
pub struct ScalingPoint {
    pub seq_len: usize,
    pub d_model: usize,
    pub param_count: usize,
    pub inference_ns_mean: u128,
}

/// Runs the benchmark with 400 trials a round.
pub fn run_benchmark(
    d_model: usize,
    d_k: usize,
    seq_len: usize,
    depth: usize,
) -> Result<AttentionBenchmark, AttentionError> {
    run_benchmark_with_trials(d_model, d_k, seq_len, depth, 400)
}

/// Runs the benchmark: a warm-up, training on the mean of each token, the time of a prediction, and that of other shapes.
pub fn run_benchmark_with_trials(
    d_model: usize,
    d_k: usize,
    seq_len: usize,
    depth: usize,
    phase2_trials: usize,
) -> Result<AttentionBenchmark, AttentionError> {
    check_shape(d_model, d_k, seq_len, Some(depth))?;
    let (columns, keys, rows) = (d_model as u32, d_k as u32, seq_len as u32);
    let json = must(Attention::benchmark(columns, keys, rows, depth as u32, phase2_trials as u64));
    let points = member(&json, "phase4_scaling");
    Ok(AttentionBenchmark {
        d_model,
        seq_len,
        d_k,
        depth,
        param_count: value(&json, "param_count"),
        phase1_warmup_ns: value(&json, "phase1_warmup_ns"),
        phase1_serialize_roundtrip: value(&json, "phase1_serialize_roundtrip"),
        phase2_converged: value(&json, "phase2_converged"),
        phase2_baseline_mse: float(&json, "phase2_baseline_mse", f64::NAN),
        phase2_final_mse: float(&json, "phase2_final_mse", f64::NAN),
        phase2_mse_reduction: float(&json, "phase2_mse_reduction", f64::NAN),
        phase2_training_rounds: value(&json, "phase2_training_rounds"),
        phase3_inference_ns_mean: value(&json, "phase3_inference_ns_mean"),
        phase3_inference_ns_p99: value(&json, "phase3_inference_ns_p99"),
        phase4_scaling: points.split('{').skip(1).map(scaling_point).collect(),
    })
}

fn scaling_point(json: &str) -> ScalingPoint {
    ScalingPoint {
        seq_len: value(json, "seq_len"),
        d_model: value(json, "d_model"),
        param_count: value(json, "param_count"),
        inference_ns_mean: value(json, "inference_ns_mean"),
    }
}
