//! What happens to models, for whoever keeps a record of it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Something that happened to a model.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[allow(missing_docs)] // the fields' names say what they hold
pub enum EmlEvent {
    /// A training ended.
    Trained {
        model_name: String,
        samples_used: usize,
        mse_before: f64,
        mse_after: f64,
        converged: bool,
        param_count: usize,
    },
    /// A prediction worth a record; `inputs_hash` identifies what went in.
    Prediction { model_name: String, inputs_hash: String, output: Vec<f64> },
    /// A prediction turned out to be off.
    Drift { model_name: String, predicted: f64, actual: f64, drift_pct: f64 },
    /// The model was written to a file.
    Saved { model_name: String, path: String, param_count: usize },
    /// The model was read from a file.
    Loaded { model_name: String, path: String, trained: bool, samples: usize },
    /// The model went back to its initial state.
    Reset { model_name: String, reason: String },
}

impl EmlEvent {
    /// The event's type as logs write it: `eml.trained` and so on.
    pub fn event_type(&self) -> &'static str {
        match self {
            EmlEvent::Trained { .. } => "eml.trained",
            EmlEvent::Prediction { .. } => "eml.prediction",
            EmlEvent::Drift { .. } => "eml.drift",
            EmlEvent::Saved { .. } => "eml.saved",
            EmlEvent::Loaded { .. } => "eml.loaded",
            EmlEvent::Reset { .. } => "eml.reset",
        }
    }

    /// The name of the model that the event is about.
    pub fn model_name(&self) -> &str {
        match self {
            EmlEvent::Trained { model_name, .. }
            | EmlEvent::Prediction { model_name, .. }
            | EmlEvent::Drift { model_name, .. }
            | EmlEvent::Saved { model_name, .. }
            | EmlEvent::Loaded { model_name, .. }
            | EmlEvent::Reset { model_name, .. } => model_name,
        }
    }
}

/// Events that nobody has taken yet, oldest first.
#[derive(Debug, Clone, Default)]
pub struct EmlEventLog {
    events: Vec<EmlEvent>,
}

impl EmlEventLog {
    /// An empty log.
    pub fn new() -> Self {
        EmlEventLog::default()
    }

    /// Appends an event.
    pub fn push(&mut self, event: EmlEvent) {
        self.events.push(event);
    }

    /// Takes all events out.
    pub fn drain(&mut self) -> Vec<EmlEvent> {
        std::mem::take(&mut self.events)
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
