//! Learned functions with several outputs, and their training.

use std::fmt;

use crate::events::{EmlEvent, EmlEventLog};
use crate::native::{self, must, Format, Profile, TrainOptions};
use crate::params::{Params, Uploaded};
use crate::tree::assert_inputs;

/// A learned function from `input_count` numbers to `head_count` numbers that are never negative.
///
/// Samples are recorded one by one and trained on without gradients: random restarts, then coordinate descent.
///
/// ```
/// use eml_native::EmlModel;
///
/// let mut model = EmlModel::new(2, 2, 2);
/// for i in 0..50 {
///     let x = [f64::from(i) / 50.0, f64::from(i % 7) / 7.0];
///     model.record(&x, &[Some(x[0] + x[1]), None]); // the second target is unknown
/// }
/// model.train();
///
/// let copy = EmlModel::from_json(&model.to_json()).unwrap();
/// assert_eq!(model.predict(&[0.1, 0.9]), copy.predict(&[0.1, 0.9]));
/// ```
pub struct EmlModel {
    depth: usize,
    input_count: usize,
    head_count: usize,
    params: Params,
    trained: bool,
    model_name: String,
    event_log: EmlEventLog,
    uploaded: Uploaded,
    /// Holds the samples, and copies of the parameters and of `trained`.
    handle: native::Model,
}

impl EmlModel {
    /// An untrained model with parameters of zero.
    ///
    /// # Panics
    /// If the depth is not 2, 3, 4 or 5, or if there are no heads.
    pub fn new(depth: usize, input_count: usize, head_count: usize) -> Self {
        assert!((2..=5).contains(&depth), "EmlModel depth must be 2, 3, 4, or 5, got {depth}");
        assert!(head_count > 0, "head_count must be >= 1");
        EmlModel::from_native(must(create(depth, input_count, head_count)))
    }

    /// A model with the state of the library's.
    fn from_native(mut handle: native::Model) -> Self {
        handle.allow_nonfinite(true);
        let info = handle.info();
        let mut event_log = EmlEventLog::new();
        handle.drain_events().into_iter().for_each(|event| event_log.push(event));
        let mut model = EmlModel {
            depth: info.depth as usize,
            input_count: info.inputs,
            head_count: info.heads,
            params: Params::new(handle.params()),
            trained: info.trained,
            model_name: handle.name(),
            event_log,
            uploaded: Uploaded::new(0),
            handle,
        };
        model.uploaded = Uploaded::new(model.state());
        model
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

    /// Says whether the model counts as trained.
    pub fn mark_trained(&mut self, trained: bool) {
        self.trained = trained;
    }

    /// Whether a training has brought the error below 0.01.
    pub fn is_trained(&self) -> bool {
        self.trained
    }

    /// How many samples are recorded.
    pub fn training_sample_count(&self) -> usize {
        self.synced().info().sample_count
    }

    /// The depth.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How many numbers go in.
    pub fn input_count(&self) -> usize {
        self.input_count
    }

    /// How many numbers come out.
    pub fn head_count(&self) -> usize {
        self.head_count
    }

    /// Sets the name that events carry; without one they say `eml_d{depth}x{inputs}x{heads}`.
    pub fn set_model_name(&mut self, name: impl Into<String>) {
        self.model_name = name.into();
    }

    /// The name that was set; empty at first.
    pub fn model_name(&self) -> &str {
        &self.model_name
    }

    /// Takes all events out of the model's log.
    pub fn drain_events(&mut self) -> Vec<EmlEvent> {
        self.event_log.drain()
    }

    /// Appends an event to the model's log.
    pub fn push_event(&mut self, event: EmlEvent) {
        self.event_log.push(event);
    }

    /// How many events are in the model's log.
    pub fn pending_event_count(&self) -> usize {
        self.event_log.len()
    }

    /// One number for each head.
    ///
    /// # Panics
    /// If there are not `input_count()` inputs, or if the model has no inputs.
    pub fn predict(&self, inputs: &[f64]) -> Vec<f64> {
        self.assert_input_len(inputs);
        assert_inputs(self.input_count);
        let mut outputs = vec![0.0; self.head_count];
        must(self.synced().forward_into(inputs, &mut outputs));
        outputs
    }

    /// The first head's number.
    pub fn predict_primary(&self, inputs: &[f64]) -> f64 {
        self.predict(inputs)[0]
    }

    /// Records a sample. A head whose target is `None` is left out of its loss.
    ///
    /// # Panics
    /// If there are not `input_count()` inputs or not `head_count()` targets.
    pub fn record(&mut self, inputs: &[f64], targets: &[Option<f64>]) {
        self.assert_input_len(inputs);
        assert_eq!(targets.len(), self.head_count, "expected {} targets, got {}", self.head_count, targets.len());
        must(self.handle.record_partial(inputs, targets));
    }

    /// Trains on the recorded samples, logs a `Trained` event and returns whether the error is below 0.01. With fewer
    /// than 50 samples it only returns `false`.
    ///
    /// # Panics
    /// If the model has no inputs but enough samples.
    pub fn train(&mut self) -> bool {
        if self.training_sample_count() < 50 {
            return false;
        }
        assert_inputs(self.input_count);
        self.synced();
        must(self.handle.set_name(&self.model_name));
        must(self.handle.train(TrainOptions::new()));

        self.trained = self.handle.info().trained;
        self.params.replace_with_uploaded(self.handle.params());
        self.uploaded = Uploaded::new(self.state());
        for event in self.handle.drain_events() {
            self.event_log.push(event);
        }
        self.trained
    }

    /// A shallower model, trained on this one's answers to `num_samples` (at least 50) random inputs between 0 and 1.
    ///
    /// # Panics
    /// If the depth is not below this model's, or not 2, 3, 4 or 5.
    pub fn distill(&self, target_depth: usize, num_samples: usize) -> EmlModel {
        assert!(
            target_depth < self.depth,
            "student depth ({target_depth}) must be less than teacher depth ({})",
            self.depth
        );
        assert!((2..=5).contains(&target_depth), "EmlModel depth must be 2, 3, 4, or 5, got {target_depth}");
        assert_inputs(self.input_count);
        let samples = num_samples.max(50) as u64;
        EmlModel::from_native(must(self.synced().distill(target_depth as u32, samples, TrainOptions::new())))
    }

    /// The model as JSON: shape, parameters and whether it is trained.
    pub fn to_json(&self) -> String {
        let bytes = must(self.synced().export(Format::Json));
        String::from_utf8(bytes.to_vec()).expect("the library writes UTF-8")
    }

    /// A model from JSON; `None` if it is not one, or contradicts itself.
    pub fn from_json(json: &str) -> Option<Self> {
        let handle = native::Model::import(json.as_bytes(), Format::Json).ok()?;
        (handle.info().profile == Profile::EmlCore01).then(|| EmlModel::from_native(handle))
    }

    fn assert_input_len(&self, inputs: &[f64]) {
        assert_eq!(inputs.len(), self.input_count, "expected {} inputs, got {}", self.input_count, inputs.len());
    }

    /// What tells whether the library's copies of `params` and `trained` are up to date.
    fn state(&self) -> u64 {
        self.params.version() << 1 | u64::from(self.trained)
    }

    /// The library's object with the present parameters and the present `trained`.
    fn synced(&self) -> &native::Model {
        self.uploaded.bring_to(self.state(), || {
            // SAFETY: `Uploaded` makes sure that nobody else uses the object.
            unsafe {
                must(self.handle.set_params_shared(&self.params));
                self.handle.set_trained_shared(self.trained);
            }
        });
        &self.handle
    }
}

/// The library's object of that shape.
fn create(depth: usize, input_count: usize, head_count: usize) -> Result<native::Model, native::Error> {
    let depth = u32::try_from(depth).unwrap_or(u32::MAX);
    let shape = native::Model::builder().depth(depth).inputs(input_count).heads(head_count);
    shape.profile(Profile::EmlCore01).build()
}

impl Clone for EmlModel {
    fn clone(&self) -> Self {
        let mut copy = EmlModel::from_native(must(self.synced().try_clone()));
        copy.model_name = self.model_name.clone();
        copy.event_log = self.event_log.clone();
        copy
    }
}

impl fmt::Debug for EmlModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmlModel")
            .field("depth", &self.depth)
            .field("input_count", &self.input_count)
            .field("head_count", &self.head_count)
            .field("params", &self.params)
            .field("trained", &self.trained)
            .field("training_sample_count", &self.training_sample_count())
            .field("event_log", &self.event_log)
            .field("model_name", &self.model_name)
            .finish()
    }
}

#[cfg(feature = "serde")]
mod stored {
    use super::{create, EmlModel};
    use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

    /// What serde sees, in eml-core's words and order.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "EmlModel")]
    struct Stored<P> {
        depth: usize,
        input_count: usize,
        head_count: usize,
        params: P,
        trained: bool,
    }

    impl Serialize for EmlModel {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let EmlModel { depth, input_count, head_count, trained, .. } = *self;
            Stored { depth, input_count, head_count, params: self.params_slice(), trained }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for EmlModel {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let stored = Stored::<Vec<f64>>::deserialize(deserializer)?;
            let mut handle = create(stored.depth, stored.input_count, stored.head_count).map_err(de::Error::custom)?;
            handle.allow_nonfinite(true);
            handle.set_params(&stored.params).map_err(de::Error::custom)?;
            handle.set_trained(stored.trained);
            Ok(EmlModel::from_native(handle))
        }
    }
}
