//! Existing-style code: a wrapper that learns when to retry, as the users of eml-core write them.

use std::path::Path;

use eml_core::{EmlEvent, EmlModel, FeatureVector};

/// What is known about a failed call.
pub struct Failure {
    pub attempt: u32,
    pub latency_ms: f64,
    pub error_rate: f64,
}

impl FeatureVector for Failure {
    fn as_features(&self) -> Vec<f64> {
        vec![f64::from(self.attempt.min(10)) / 10.0, (self.latency_ms / 1000.0).min(1.0), self.error_rate]
    }

    fn feature_count() -> usize {
        3
    }
}

/// Learns how long to wait before the next attempt.
#[derive(Debug, Clone)]
pub struct RetryModel {
    model: EmlModel,
}

impl Default for RetryModel {
    fn default() -> Self {
        let mut model = EmlModel::new(2, Failure::feature_count(), 1);
        model.set_model_name("retry");
        RetryModel { model }
    }
}

impl RetryModel {
    /// Seconds to wait: a rule of thumb until the model has learned better.
    pub fn delay(&self, failure: &Failure) -> f64 {
        if self.model.is_trained() {
            self.model.predict_primary(&failure.as_features()).clamp(0.0, 60.0)
        } else {
            f64::from(failure.attempt).exp2().min(60.0)
        }
    }

    pub fn observe(&mut self, failure: &Failure, ideal_delay: f64) {
        self.model.record(&failure.as_features(), &[Some(ideal_delay)]);
    }

    pub fn learn(&mut self) -> bool {
        self.model.training_sample_count() >= 50 && self.model.train()
    }

    pub fn take_events(&mut self) -> Vec<EmlEvent> {
        self.model.drain_events()
    }

    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, self.model.to_json())
    }

    pub fn load(path: &Path) -> std::io::Result<Option<Self>> {
        let text = std::fs::read_to_string(path)?;
        Ok(EmlModel::from_json(&text).map(|model| RetryModel { model }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_a_constant() {
        let mut retry = RetryModel::default();
        let failure = |i: u32| Failure { attempt: i % 5, latency_ms: f64::from(i) * 9.0, error_rate: 0.25 };
        assert_eq!(retry.delay(&failure(3)), 8.0);
        for i in 0..60 {
            retry.observe(&failure(i), 0.5);
        }
        assert!(retry.learn(), "a constant is within reach of every model");
        assert!((retry.delay(&failure(3)) - 0.5).abs() < 0.2);
        match retry.take_events().as_slice() {
            [EmlEvent::Trained { model_name, samples_used: 60, converged: true, .. }] => {
                assert_eq!(model_name, "retry")
            }
            other => panic!("{other:?}"),
        }

        let path = std::env::temp_dir().join(format!("drop-in-{}.json", std::process::id()));
        retry.save(&path).unwrap();
        let read = RetryModel::load(&path).unwrap().expect("a model");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read.delay(&failure(3)), retry.delay(&failure(3)));
    }

    #[test]
    fn attention_as_users_write_it() -> Result<(), Box<dyn std::error::Error>> {
        use eml_core::{
            compare_eml_vs_baseline, run_benchmark, BaselineAttention, EndToEndTrainConfig, ToyEmlAttention,
        };

        let mut toy = ToyEmlAttention::new("t", 4, 2, 2, 3)?;
        let mut baseline = BaselineAttention::new(String::from("b"), 4, 2, 2)?;
        for i in 0..32 {
            let x: Vec<f64> = (0..8).map(|k| f64::from((5 * i + k) % 13) / 13.0).collect();
            toy.record(x.clone(), x.clone())?;
            baseline.record(x.clone(), x)?;
        }
        let cfg = EndToEndTrainConfig { trials: 100, ..Default::default() };
        assert!(toy.train_end_to_end(cfg) > 0.0 && baseline.train_end_to_end(cfg) > 0.0);
        assert_eq!((toy.training_rounds(), baseline.buffer_len()), (1, 32));
        let read = ToyEmlAttention::from_json(&toy.to_json()).ok_or("eml-core's JSON")?;
        assert_eq!(read.forward(&[0.5; 8])?, toy.forward(&[0.5; 8])?);
        assert!(run_benchmark(4, 2, 2, 3)?.phase1_serialize_roundtrip);
        assert_eq!(compare_eml_vs_baseline(4, 2, 2, 3, cfg, 1)?.shape, (4, 2, 2, 3));
        let refusal = ToyEmlAttention::new("t", 4, 2, 9, 3).unwrap_err();
        assert_eq!(refusal, eml_core::AttentionError::SeqLenOutOfRange(9));
        Ok(())
    }

    #[test]
    fn every_public_name_of_eml_core_resolves() {
        use eml_core::attention::SafeTree as SafeTreeOfTheModule;
        #[allow(unused_imports)]
        use eml_core::{
            attention::{AttentionBenchmark, AttentionError, EndToEndTrainConfig, ScalingPoint, ToyEmlAttention},
            baseline_attention::{compare_eml_vs_baseline, AttentionComparison, BaselineAttention},
            run_benchmark, run_benchmark_with_trials, MAX_TOY_D_MODEL, MAX_TOY_SEQ_LEN,
        };
        use eml_core::{eml, eml_safe, events, features, model, operator, softmax3, tree};
        use eml_core::{EmlEventLog, EmlTree, SafeTree};

        assert_eq!(eml(0.0, 1.0), eml_safe(0.0, 1.0));
        assert_eq!(operator::softmax3(1.0, 1.0, 1.0), softmax3(2.0, 2.0, 2.0));
        let mut log: EmlEventLog = events::EmlEventLog::new();
        log.push(EmlEvent::Reset { model_name: "m".into(), reason: "r".into() });
        assert_eq!((log.len(), log.is_empty(), log.drain().len()), (1, false, 1));
        let tree: EmlTree = tree::EmlTree::new(2, 1);
        assert_eq!((tree.depth(), tree.input_count(), tree.param_count()), (2, 1, 8));
        let layer: SafeTree = SafeTreeOfTheModule::new(1, 2, 3);
        assert_eq!((layer.depth(), layer.inputs(), layer.heads(), layer.param_count()), (1, 2, 3, 18));
        let model: EmlModel = model::EmlModel::new(5, 4, 2);
        assert_eq!((model.depth(), model.input_count(), model.head_count(), model.param_count()), (5, 4, 2, 60));
        fn takes_features<F: features::FeatureVector>(_: &F) {}
        takes_features(&Failure { attempt: 0, latency_ms: 0.0, error_rate: 0.0 });
    }
}
