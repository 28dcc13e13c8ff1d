//! How attention blocks are trained.

use crate::native::AttentionTrainOptions;

/// How `train_end_to_end` searches.
#[derive(Debug, Clone, Copy)]
pub struct EndToEndTrainConfig {
    /// Moves that are tried.
    pub trials: usize,
    /// The largest move at the beginning.
    pub step_init: f64,
    /// The largest move at the end; in between it falls geometrically.
    pub step_final: f64,
    /// Samples used, from the oldest on.
    pub max_samples: usize,
    /// Samples of these that a move is measured on.
    pub eval_subset: usize,
    /// The error below which a block counts as trained.
    pub convergence_mse: f64,
    /// Where the generator starts; the number of the training is mixed in.
    pub seed: u64,
}

impl Default for EndToEndTrainConfig {
    fn default() -> Self {
        EndToEndTrainConfig {
            trials: 2000,
            step_init: 0.5,
            step_final: 0.02,
            max_samples: 96,
            eval_subset: 16,
            convergence_mse: 1e-2,
            seed: 0xDEAD_BEEF,
        }
    }
}

impl EndToEndTrainConfig {
    /// The library's options for a training of `recorded` samples.
    ///
    /// # Panics
    /// If there is something to divide, and the subset is empty.
    pub(crate) fn options(&self, recorded: usize) -> AttentionTrainOptions<'static> {
        assert!(self.eval_subset != 0 || recorded.min(self.max_samples) < 4, "attempt to divide by zero");
        // Nothing is below a bound that is no number.
        let bound = if self.convergence_mse.is_nan() { f64::NEG_INFINITY } else { self.convergence_mse };
        AttentionTrainOptions::new()
            .trials(self.trials as u64)
            .steps(self.step_init, self.step_final)
            .max_samples(self.max_samples as u64)
            .eval_subset(self.eval_subset.max(1) as u64)
            .convergence_mse(bound)
            .seed(self.seed)
    }
}
