//! The two tiers: every question is answered by the learned function, now and then one is also answered exactly. That
//! shows whether the function still holds, and gives it what to learn from when it does not.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use eml_core::{EmlEvent, FeatureVector};

use crate::function::{Function, Sample, Shape};

/// Answers exactly every n-th question, n being this while samples for a training are gathered …
const OFTEN: u64 = 4;
/// … and this afterwards, whether the training brought anything or not.
const SELDOM: u64 = 64;
/// Drift is judged on this many of the latest comparisons: a single bad one is no drift.
const RECENT: usize = 16;
/// Samples of a training; eml-core wants 50 at least.
pub const SAMPLES: usize = 240;

/// A number of the answer, and how it is put to the model: (value / unit) + zero. Units make numbers of about 1, since
/// a model counts as trained if its mean squared error is below 0.01.
pub struct Head {
    pub name: &'static str,
    pub zero: f64,
    pub unit: f64,
}

/// A part of the kernel: where its questions come from, what is cheap to know about them, and both kinds of answers.
pub trait Subsystem {
    const NAME: &'static str;
    const DEPTH: usize;
    const HEADS: &'static [Head];
    /// A mean error of the first number that the subsystem cannot live with.
    const DRIFT: f64;
    type Question;
    type Features: FeatureVector;
    type Answer;

    fn new(seed: u64) -> Self;
    /// Halfway, the world changes.
    fn shift(&mut self);
    fn question(&mut self) -> Self::Question;

    fn features(question: &Self::Question) -> Self::Features;
    /// The answer's numbers, one for each head.
    fn values(answer: &Self::Answer) -> Vec<f64>;
    /// The answer with these numbers, brought into the range that makes sense.
    fn answer(values: &[f64]) -> Self::Answer;

    /// What serves until something better is learned.
    fn rule_of_thumb(features: &Self::Features) -> Self::Answer;
    /// The slow tier.
    fn ground_truth(&self, question: &Self::Question) -> Self::Answer;

    fn shape() -> Shape {
        (Self::DEPTH, Self::Features::feature_count(), Self::HEADS.len())
    }
}

/// The driver of one subsystem.
pub struct TwoTier<S: Subsystem, F> {
    function: F,
    path: PathBuf,
    stage: Stage,
    counts: Counts,
    /// Errors of the latest comparisons.
    errors: VecDeque<f64>,
    /// The latest exact answers, none from before a drift.
    samples: VecDeque<Sample>,
    subsystem: std::marker::PhantomData<S>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Samples are wanted, and soon.
    Gathering,
    /// The function holds.
    Confident,
    /// The training did not bring enough; the next one waits for other samples.
    Resigned,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub calls: u64,
    /// Questions that were answered exactly.
    pub exact: u64,
    pub trainings: u64,
    pub drifts: u64,
    pub events: u64,
}

impl<S: Subsystem, F: Function> TwoTier<S, F> {
    /// Takes up the function in `folder`; begins anew if there is none, or none that fits.
    pub fn start(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(S::NAME).with_extension(F::EXTENSION);
        let function = load_or_new::<S, F>(&path)?;
        Ok(TwoTier {
            stage: if function.is_trained() { Stage::Confident } else { Stage::Gathering },
            function,
            path,
            counts: Counts::default(),
            errors: VecDeque::new(),
            samples: VecDeque::new(),
            subsystem: std::marker::PhantomData,
        })
    }

    /// Answers a question: fast, or exactly if its turn has come.
    pub fn ask(&mut self, question: &S::Question, exact: impl FnOnce() -> S::Answer) -> io::Result<S::Answer> {
        let fast = self.predict(question);
        self.counts.calls += 1;
        let every = if self.stage == Stage::Gathering { OFTEN } else { SELDOM };
        if self.counts.calls % every != 0 {
            return Ok(fast);
        }
        self.counts.exact += 1;
        let exact = exact();
        self.compare(S::values(&fast)[0], S::values(&exact)[0]);
        self.keep(question, &exact);
        if self.stage != Stage::Confident && self.samples.len() == SAMPLES {
            self.train()?;
        }
        Ok(exact)
    }

    /// The fast tier.
    pub fn predict(&self, question: &S::Question) -> S::Answer {
        let features = S::features(question);
        if !self.function.is_trained() {
            return S::rule_of_thumb(&features);
        }
        let mut values = self.function.predict(&features.as_features());
        for (value, head) in values.iter_mut().zip(S::HEADS) {
            *value = (*value - head.zero) * head.unit;
        }
        S::answer(&values)
    }

    pub fn function(&self) -> &F {
        &self.function
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Writes what has happened since the last time, a line each, and forgets it.
    pub fn drain_events(&mut self, log: &mut impl Write) -> io::Result<()> {
        for event in self.function.drain_events() {
            self.counts.events += 1;
            let (call, name, profile) = (self.counts.calls, event.model_name(), F::PROFILE);
            writeln!(log, "{call:>6} {name:<11}{profile:<13}{:<12}{}", event.event_type(), tell(&event))?;
        }
        Ok(())
    }

    fn compare(&mut self, predicted: f64, actual: f64) {
        self.errors.push_back((predicted - actual).abs());
        if self.errors.len() > RECENT {
            self.errors.pop_front();
        }
        let mean = self.errors.iter().sum::<f64>() / RECENT as f64;
        if self.stage == Stage::Confident && self.errors.len() == RECENT && mean > S::DRIFT {
            let drift_pct = 100.0 * (predicted - actual).abs() / actual.abs().max(f64::MIN_POSITIVE);
            let model_name = S::NAME.to_owned();
            self.function.push_event(EmlEvent::Drift { model_name, predicted, actual, drift_pct });
            self.counts.drifts += 1;
            // The function stays in use until there is a better one; what it learned from has lost its worth.
            self.stage = Stage::Gathering;
            self.samples.clear();
        }
    }

    fn keep(&mut self, question: &S::Question, exact: &S::Answer) {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        let values = S::values(exact);
        self.samples.push_back(Sample {
            features: S::features(question).as_features(),
            targets: values.iter().zip(S::HEADS).map(|(value, head)| value / head.unit + head.zero).collect(),
        });
    }

    fn train(&mut self) -> io::Result<()> {
        let samples: Vec<&Sample> = self.samples.iter().collect();
        let good = self.function.learn(&samples);
        self.counts.trainings += 1;
        self.stage = if good { Stage::Confident } else { Stage::Resigned };
        self.errors.clear();
        self.samples.clear();
        self.function.save(&self.path)
    }
}

/// A file that holds no function of this shape is no reason not to start: there is a rule of thumb.
fn load_or_new<S: Subsystem, F: Function>(path: &Path) -> io::Result<F> {
    let found = match F::load(path, S::NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(F::new(S::shape(), S::NAME)),
        other => other?,
    };
    let what = match found {
        Some(function) if function.shape() == S::shape() => return Ok(function),
        Some(_) => "a function of another shape",
        None => "no learned function",
    };
    let mut function = F::new(S::shape(), S::NAME);
    let reason = format!("{} is {what}", file_name(path));
    function.push_event(EmlEvent::Reset { model_name: S::NAME.to_owned(), reason });
    Ok(function)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What the event says beside its type and its model's name.
fn tell(event: &EmlEvent) -> String {
    match event {
        EmlEvent::Trained { samples_used, mse_before, mse_after, converged, .. } => {
            let verdict = if *converged { "" } else { ", not good enough" };
            format!("{samples_used} samples, MSE {mse_before:.4} to {mse_after:.4}{verdict}")
        }
        EmlEvent::Prediction { output, .. } => format!("{output:?}"),
        EmlEvent::Drift { predicted, actual, drift_pct, .. } => {
            format!("predicted {predicted:.3}, is {actual:.3}, off by {drift_pct:.0} %")
        }
        EmlEvent::Saved { path, param_count, .. } => format!("{}, {param_count} parameters", file_name(Path::new(path))),
        EmlEvent::Loaded { path, trained, .. } => {
            format!("{}, {}", file_name(Path::new(path)), if *trained { "trained" } else { "not trained" })
        }
        EmlEvent::Reset { reason, .. } => reason.clone(),
    }
}
