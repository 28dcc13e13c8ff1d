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
const SAMPLES: usize = 240;

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
    /// The answer with these numbers, brought to what is possible: away from its samples a function knows nothing.
    fn answer(values: &[f64], features: &Self::Features) -> Self::Answer;

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
        S::answer(&values, &features)
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
        EmlEvent::Saved { path, param_count, .. } => {
            format!("{}, {param_count} parameters", file_name(Path::new(path)))
        }
        EmlEvent::Loaded { path, trained, .. } => {
            format!("{}, {}", file_name(Path::new(path)), if *trained { "trained" } else { "not trained" })
        }
        EmlEvent::Reset { reason, .. } => reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use eml_core::native::Model;
    use eml_core::EmlModel;

    /// Answers are 1 + x²/2, after the shift 1.5 - x²/2: what every function can learn.
    struct Parabola {
        random: Random,
        shifted: bool,
    }

    struct Place(f64);

    impl FeatureVector for Place {
        fn as_features(&self) -> Vec<f64> {
            vec![self.0]
        }

        fn feature_count() -> usize {
            1
        }
    }

    impl Subsystem for Parabola {
        const NAME: &'static str = "parabola";
        const DEPTH: usize = 3;
        const HEADS: &'static [Head] = &[Head { name: "height", zero: 0.0, unit: 1.0 }];
        const DRIFT: f64 = 0.15;
        type Question = f64;
        type Features = Place;
        type Answer = f64;

        fn new(seed: u64) -> Self {
            Parabola { random: Random::new(seed), shifted: false }
        }

        fn shift(&mut self) {
            self.shifted = true;
        }

        fn question(&mut self) -> f64 {
            self.random.unit()
        }

        fn features(&question: &f64) -> Place {
            Place(question)
        }

        fn values(&answer: &f64) -> Vec<f64> {
            vec![answer]
        }

        fn answer(values: &[f64], _: &Place) -> f64 {
            values[0]
        }

        fn rule_of_thumb(_: &Place) -> f64 {
            -1.0
        }

        fn ground_truth(&self, x: &f64) -> f64 {
            if self.shifted {
                1.5 - x * x / 2.0
            } else {
                1.0 + x * x / 2.0
            }
        }
    }

    /// A folder of its own for each test, removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("kernel-example-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Folder(folder)
        }

        fn files(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn ask<F: Function>(tiers: &mut TwoTier<Parabola, F>, world: &mut Parabola, calls: u64) {
        for _ in 0..calls {
            let question = world.question();
            tiers.ask(&question, || world.ground_truth(&question)).unwrap();
        }
    }

    fn log<F: Function>(tiers: &mut TwoTier<Parabola, F>) -> String {
        let mut log = Vec::new();
        tiers.drain_events(&mut log).unwrap();
        String::from_utf8(log).unwrap()
    }

    const UNTIL_TRAINED: u64 = OFTEN * SAMPLES as u64;

    fn life_of_a_function<F: Function>(name: &str) {
        let folder = Folder::new(name);
        let mut world = Parabola::new(1);
        let mut tiers = TwoTier::<Parabola, F>::start(&folder.0).unwrap();
        assert_eq!(log(&mut tiers), "");

        ask(&mut tiers, &mut world, UNTIL_TRAINED - 1);
        assert_eq!(tiers.predict(&0.5), -1.0, "the rule of thumb");
        assert_eq!((tiers.counts().exact, tiers.counts().trainings), (SAMPLES as u64 - 1, 0));
        ask(&mut tiers, &mut world, 1);
        assert_eq!((tiers.counts().exact, tiers.counts().trainings), (SAMPLES as u64, 1));
        assert!((tiers.predict(&0.5) - 1.125).abs() < 0.15, "{}", tiers.predict(&0.5));
        let lines = log(&mut tiers);
        assert!(lines.contains("eml.trained") && lines.contains("eml.saved"), "{lines}");
        assert_eq!((lines.lines().count(), log(&mut tiers).as_str()), (2, ""));

        ask(&mut tiers, &mut world, 10 * SELDOM);
        assert_eq!(tiers.counts().exact, SAMPLES as u64 + 10);
        assert_eq!(tiers.counts().drifts, 0);

        world.shift();
        let stale = tiers.predict(&1.0);
        assert!((stale - 1.0).abs() > 0.3, "{stale} should be 1 now, and cannot be yet");
        ask(&mut tiers, &mut world, RECENT as u64 * SELDOM + UNTIL_TRAINED);
        assert_eq!((tiers.counts().drifts, tiers.counts().trainings), (1, 2));
        assert!((tiers.predict(&1.0) - 1.0).abs() < 0.25, "{}", tiers.predict(&1.0));
        let lines = log(&mut tiers);
        let drift = lines.find("eml.drift").expect("a drift");
        assert!(drift < lines.find("eml.trained").expect("a training"), "{lines}");
        assert_eq!(tiers.counts().events, 5);

        // What is stored is whole, and the same function for whoever starts next.
        assert_eq!(folder.files(), [format!("parabola.{}", F::EXTENSION)]);
        let mut next = TwoTier::<Parabola, F>::start(&folder.0).unwrap();
        for i in 0..100 {
            let question = f64::from(i) / 100.0;
            assert_eq!(next.predict(&question).to_bits(), tiers.predict(&question).to_bits());
        }
        let lines = log(&mut next);
        assert!(lines.contains("parabola") && lines.contains("eml.loaded") && lines.contains(", trained"), "{lines}");
        ask(&mut next, &mut world, SELDOM);
        assert_eq!(next.counts().exact, 1, "a function that was good is believed");
    }

    #[test]
    fn life_of_a_function_of_eml_core() {
        life_of_a_function::<EmlModel>("life-core");
    }

    #[test]
    fn life_of_a_function_of_the_default_profile() {
        life_of_a_function::<Model>("life-default");
    }

    #[test]
    fn the_same_questions_lead_to_the_same_function_and_the_same_log() {
        let life = |name: &str| {
            let folder = Folder::new(name);
            let mut world = Parabola::new(3);
            let mut tiers = TwoTier::<Parabola, Model>::start(&folder.0).unwrap();
            ask(&mut tiers, &mut world, UNTIL_TRAINED);
            world.shift();
            ask(&mut tiers, &mut world, RECENT as u64 * SELDOM + UNTIL_TRAINED);
            (tiers.function().params(), log(&mut tiers))
        };
        let (params, log) = life("twice-first");
        assert!(log.contains("eml.drift"));
        assert_eq!((params, log), life("twice-second"));
    }

    fn files_that_do_not_fit<F: Function>(name: &str) {
        let folder = Folder::new(name);
        fs::create_dir_all(&folder.0).unwrap();
        let path = folder.0.join("parabola").with_extension(F::EXTENSION);
        let reset = |what: &str| {
            let mut tiers = TwoTier::<Parabola, F>::start(&folder.0).unwrap();
            let lines = log(&mut tiers);
            assert!(lines.contains("eml.reset") && lines.contains(what), "{lines}");
            assert_eq!(tiers.predict(&0.5), -1.0);
        };
        for damaged in [&b""[..], b"{\"depth\":3,\"input_count\":1", b"\xff\xfe\x00"] {
            fs::write(&path, damaged).unwrap();
            reset("no learned function");
        }
        F::new((2, 1, 1), "parabola").save(&path).unwrap();
        reset("another shape");
    }

    #[test]
    fn files_that_do_not_fit_are_told_and_passed_over() {
        files_that_do_not_fit::<EmlModel>("misfits-core");
        files_that_do_not_fit::<Model>("misfits-default");
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let folder = Folder::new("file");
        fs::write(&folder.0, "a file").unwrap();
        assert!(TwoTier::<Parabola, EmlModel>::start(&folder.0).is_err());
        fs::remove_file(&folder.0).unwrap();

        fs::create_dir_all(folder.0.join("parabola.json")).unwrap();
        fs::create_dir_all(folder.0.join("parabola.safetensors")).unwrap();
        assert!(TwoTier::<Parabola, EmlModel>::start(&folder.0).is_err());
        assert!(TwoTier::<Parabola, Model>::start(&folder.0).is_err());
    }

    #[test]
    fn a_training_that_brings_too_little_leaves_the_rule_of_thumb() {
        let folder = Folder::new("resigned");
        let mut world = Parabola::new(1);
        let mut tiers = TwoTier::<Parabola, EmlModel>::start(&folder.0).unwrap();
        for i in 0..UNTIL_TRAINED + SELDOM {
            // An answer that no function of the question is near.
            let answer = if i / OFTEN % 2 == 0 { 0.0 } else { 4.0 };
            tiers.ask(&world.question(), || answer).unwrap();
        }
        assert_eq!(tiers.counts().trainings, 1);
        assert_eq!(tiers.predict(&0.5), -1.0);
        assert_eq!(tiers.counts().exact, SAMPLES as u64 + 1, "the next samples have time");
    }
}
