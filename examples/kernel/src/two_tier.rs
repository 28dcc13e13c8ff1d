//! The two tiers: every question is answered by the learned function, now and then one is also answered exactly. That
//! shows whether the function still holds, and gives it what to learn from when it does not.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use eml_core::{EmlEvent, EmlModel};

/// Answers exactly every n-th question, n being this while the function is believed …
const SELDOM: u64 = 64;
/// … and this while samples are gathered for a training.
const OFTEN: u64 = 4;
/// Drift is judged on this many of the latest comparisons: a single bad one is no drift.
const RECENT: usize = 16;
/// Samples of a training. A model of the profile eml-core-0.1 needs 50 at least.
pub const SAMPLES: usize = 240;

/// A number that a model learns, as a share of a unit in which errors of a tenth matter (the trained model counts as
/// good if its mean squared error is below 0.01) and which makes it at most 2 or so.
pub struct Head {
    pub name: &'static str,
    pub unit: f64,
}

/// A model with the types of the subsystem around it.
pub trait Wrapper {
    const NAME: &'static str;
    const DEPTH: usize;
    const INPUTS: usize;
    const HEADS: &'static [Head];
    /// Mean error of the first head, in the answer's own measure, that shows that the world has changed.
    const DRIFT: f64;
    type Question;
    type Answer;

    fn around(model: EmlModel) -> Self;
    fn model(&self) -> &EmlModel;
    fn model_mut(&mut self) -> &mut EmlModel;

    fn features(question: &Self::Question) -> Vec<f64>;
    /// The answer as numbers, one for each head.
    fn values(answer: &Self::Answer) -> Vec<f64>;
    fn answer(values: &[f64]) -> Self::Answer;

    /// What serves until the model has learned better.
    fn rule_of_thumb(question: &Self::Question) -> Self::Answer;

    /// The fast tier.
    fn predict(&self, question: &Self::Question) -> Self::Answer {
        if !self.model().is_trained() {
            return Self::rule_of_thumb(question);
        }
        let mut values = self.model().predict(&Self::features(question));
        values.iter_mut().zip(Self::HEADS).for_each(|(value, head)| *value *= head.unit);
        Self::answer(&values)
    }
}

/// Where questions come from, and the slow tier that answers them exactly.
pub trait World {
    type Wrapper: Wrapper;

    fn new(seed: u64) -> Self;
    /// Halfway, things change.
    fn shift(&mut self);
    fn question(&mut self) -> <Self::Wrapper as Wrapper>::Question;
    fn ground_truth(&self, question: &<Self::Wrapper as Wrapper>::Question) -> <Self::Wrapper as Wrapper>::Answer;
}

/// Features, and the exact answer as the model's heads have it.
pub struct Sample {
    pub features: Vec<f64>,
    pub targets: Vec<f64>,
}

/// The driver of one subsystem.
pub struct TwoTier<W: Wrapper> {
    wrapper: W,
    path: PathBuf,
    /// Whether the function is believed.
    confident: bool,
    calls: u64,
    checks: u64,
    trainings: u64,
    /// Errors of the latest comparisons.
    errors: VecDeque<f64>,
    samples: VecDeque<Sample>,
    /// Samples that no training has seen.
    fresh: usize,
}

impl<W: Wrapper> TwoTier<W> {
    /// Takes up the model in `folder`, or begins anew if there is none, or none that fits.
    pub fn start(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.json", W::NAME));
        let wrapper = W::around(read_model::<W>(&path)?);
        Ok(TwoTier {
            confident: wrapper.model().is_trained(),
            wrapper,
            path,
            calls: 0,
            checks: 0,
            trainings: 0,
            errors: VecDeque::new(),
            samples: VecDeque::new(),
            fresh: 0,
        })
    }

    /// Answers a question: at once, or exactly if its turn has come.
    pub fn ask(&mut self, question: &W::Question, exact: impl FnOnce() -> W::Answer) -> io::Result<W::Answer> {
        let fast = self.wrapper.predict(question);
        self.calls += 1;
        if self.calls % if self.confident { SELDOM } else { OFTEN } != 0 {
            return Ok(fast);
        }
        self.checks += 1;
        let exact = exact();
        self.compare(W::values(&fast)[0], W::values(&exact)[0]);
        self.keep(question, &exact);
        if !self.confident && self.samples.len() == SAMPLES && self.fresh >= SAMPLES / 2 {
            self.train()?;
        }
        Ok(exact)
    }

    pub fn wrapper(&self) -> &W {
        &self.wrapper
    }

    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// How many questions were answered exactly.
    pub fn checks(&self) -> u64 {
        self.checks
    }

    pub fn trainings(&self) -> u64 {
        self.trainings
    }

    /// The latest exact answers, at most `SAMPLES`, none from before a drift.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter()
    }

    /// Writes what has happened since the last time, a line each, and forgets it. Returns how many lines.
    pub fn drain_events(&mut self, log: &mut impl Write) -> io::Result<usize> {
        let events = self.wrapper.model_mut().drain_events();
        for event in &events {
            writeln!(log, "call {:>5}  {:<11} {:<12} {}", self.calls, event.model_name(), event.event_type(), tell(event))?;
        }
        Ok(events.len())
    }

    fn compare(&mut self, predicted: f64, actual: f64) {
        self.errors.push_back((predicted - actual).abs());
        if self.errors.len() > RECENT {
            self.errors.pop_front();
        }
        let mean = self.errors.iter().sum::<f64>() / RECENT as f64;
        if self.confident && self.errors.len() == RECENT && mean > W::DRIFT {
            let drift_pct = 100.0 * (predicted - actual).abs() / actual.abs().max(f64::MIN_POSITIVE);
            let model_name = W::NAME.to_owned();
            self.wrapper.model_mut().push_event(EmlEvent::Drift { model_name, predicted, actual, drift_pct });
            // The function stays in use until a better one is there; what it learned from has lost its worth.
            self.confident = false;
            self.samples.clear();
            self.fresh = 0;
        }
    }

    fn keep(&mut self, question: &W::Question, exact: &W::Answer) {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        let targets = W::values(exact).iter().zip(W::HEADS).map(|(value, head)| value / head.unit).collect();
        self.samples.push_back(Sample { features: W::features(question), targets });
        self.fresh += 1;
    }

    fn train(&mut self) -> io::Result<()> {
        // eml-core's model cannot forget samples: what shall be trained on goes into a new one, which goes on from the
        // present parameters.
        let mut model = new_model::<W>();
        model.params_slice_mut().copy_from_slice(self.wrapper.model().params_slice());
        for sample in &self.samples {
            let targets: Vec<Option<f64>> = sample.targets.iter().copied().map(Some).collect();
            model.record(&sample.features, &targets);
        }
        self.wrapper.model_mut().drain_events().into_iter().for_each(|event| model.push_event(event));
        self.confident = model.train();
        self.wrapper = W::around(model);
        self.trainings += 1;
        self.fresh = 0;
        self.errors.clear();
        self.save()
    }

    /// The path is the old model or the new one at any instant, also if the machine stops now.
    fn save(&mut self) -> io::Result<()> {
        let new = self.path.with_extension("json.new");
        let mut file = File::create(&new)?;
        file.write_all(self.wrapper.model().to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        let (model_name, path) = (W::NAME.to_owned(), self.path.display().to_string());
        let param_count = self.wrapper.model().param_count();
        self.wrapper.model_mut().push_event(EmlEvent::Saved { model_name, path, param_count });
        Ok(())
    }
}

fn new_model<W: Wrapper>() -> EmlModel {
    let mut model = EmlModel::new(W::DEPTH, W::INPUTS, W::HEADS.len());
    model.set_model_name(W::NAME);
    model
}

/// A file that is no model of this shape is no reason not to start: there is a rule of thumb.
fn read_model<W: Wrapper>(path: &Path) -> io::Result<EmlModel> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new_model::<W>()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(error),
    };
    let shape = |model: &EmlModel| (model.depth(), model.input_count(), model.head_count());
    match EmlModel::from_json(&text) {
        Some(mut model) if shape(&model) == (W::DEPTH, W::INPUTS, W::HEADS.len()) => {
            model.set_model_name(W::NAME); // not part of the file
            model.push_event(EmlEvent::Loaded {
                model_name: W::NAME.to_owned(),
                path: path.display().to_string(),
                trained: model.is_trained(),
                samples: model.training_sample_count(),
            });
            Ok(model)
        }
        other => {
            let mut model = new_model::<W>();
            let what = if other.is_some() { "a model of another shape" } else { "not a model" };
            let reason = format!("{} is {what}", path.display());
            model.push_event(EmlEvent::Reset { model_name: W::NAME.to_owned(), reason });
            Ok(model)
        }
    }
}

/// What the event says beside its type and its model's name.
fn tell(event: &EmlEvent) -> String {
    let file = |path: &str| Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    match event {
        EmlEvent::Trained { samples_used, mse_before, mse_after, converged, .. } => {
            let verdict = if *converged { "" } else { ", not good enough" };
            format!("{samples_used} samples, MSE {mse_before:.4} -> {mse_after:.4}{verdict}")
        }
        EmlEvent::Prediction { output, .. } => format!("{output:?}"),
        EmlEvent::Drift { predicted, actual, drift_pct, .. } => {
            format!("predicted {predicted:.3}, is {actual:.3}, off by {drift_pct:.0} %")
        }
        EmlEvent::Saved { path, param_count, .. } => format!("{}, {param_count} parameters", file(path)),
        EmlEvent::Loaded { path, trained, .. } => {
            format!("{}, {}", file(path), if *trained { "trained" } else { "not trained" })
        }
        EmlEvent::Reset { reason, .. } => reason.clone(),
    }
}
