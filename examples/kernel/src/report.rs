//! Runs a subsystem through a world that changes halfway, and tells how it went.

use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use eml_core::native::{self, Model, Profile, TrainOptions};

use crate::two_tier::{Sample, TwoTier, World, Wrapper};

/// Questions before the shift, and as many after it.
const CALLS: u64 = 20_000;
/// Questions that no training sees; on these, errors are measured.
const EXAM: usize = 400;

type Question<W> = <<W as World>::Wrapper as Wrapper>::Question;

/// What is known about a subsystem in the end.
pub struct Account {
    pub name: &'static str,
    pub calls: u64,
    pub checks: u64,
    pub events: usize,
    pub fast_us: f64,
    pub exact_us: f64,
    pub heads: Vec<HeadErrors>,
}

/// Mean absolute errors of a head in its own measure.
#[derive(Default)]
pub struct HeadErrors {
    pub name: &'static str,
    /// Of what is in use: before training, after it, after the shift, after training again.
    pub core: [f64; 4],
    /// The same for a model of the default profile that learned from the same samples.
    pub default: [f64; 4],
    /// Of the best guess that does not look at the question, before and after the shift.
    pub constant: [f64; 2],
}

/// Questions with their exact answers as numbers.
struct Exam<W: World> {
    questions: Vec<Question<W>>,
    truths: Vec<Vec<f64>>,
}

impl<W: World> Exam<W> {
    fn new(world: &mut W) -> Self {
        let questions: Vec<Question<W>> = (0..EXAM).map(|_| world.question()).collect();
        let truths = questions.iter().map(|question| W::Wrapper::values(&world.ground_truth(question))).collect();
        Exam { questions, truths }
    }

    /// For each head the mean absolute error of `answer`.
    fn grade(&self, mut answer: impl FnMut(&Question<W>) -> Vec<f64>) -> Vec<f64> {
        let mut sums = vec![0.0; W::Wrapper::HEADS.len()];
        for (question, truth) in self.questions.iter().zip(&self.truths) {
            for ((sum, value), truth) in sums.iter_mut().zip(answer(question)).zip(truth) {
                *sum += (value - truth).abs();
            }
        }
        sums.iter().map(|sum| sum / EXAM as f64).collect()
    }

    fn grade_constant(&self) -> Vec<f64> {
        let median = |head: usize| {
            let mut values: Vec<f64> = self.truths.iter().map(|truth| truth[head]).collect();
            values.sort_by(f64::total_cmp);
            values[EXAM / 2]
        };
        let medians: Vec<f64> = (0..W::Wrapper::HEADS.len()).map(median).collect();
        self.grade(|_| medians.clone())
    }
}

/// A model of the default profile, trained on the same samples, to compare with.
struct Beside(Model);

impl Beside {
    fn train<'a>(samples: impl Iterator<Item = &'a Sample>) -> Result<Self, native::Error> {
        let samples: Vec<&Sample> = samples.collect();
        let shape = (samples[0].features.len(), samples[0].targets.len());
        let builder = Model::builder().profile(Profile::Default).inputs(shape.0).heads(shape.1);
        let mut model = builder.build()?;
        for sample in samples {
            model.record(&sample.features, &sample.targets)?;
        }
        model.fit_scaling()?;
        model.train(TrainOptions::new().seed(1))?;
        Ok(Beside(model))
    }
}

/// Runs one subsystem; events go to `log`.
pub fn run<W: World>(folder: &Path, log: &mut impl Write) -> Result<Account, Box<dyn std::error::Error>> {
    let mut world = W::new(1);
    let mut examiner = W::new(2);
    let exam = Exam::<W>::new(&mut examiner);
    examiner.shift();
    let exam_after = Exam::<W>::new(&mut examiner);

    let mut tiers = TwoTier::<W::Wrapper>::start(folder)?;
    let _ = (&mut world, &exam_after, &mut *log);
    let mut beside = None;
    let mut events = 0;
    let names = W::Wrapper::HEADS.iter().map(|head| HeadErrors { name: head.name, ..HeadErrors::default() });
    let mut heads: Vec<HeadErrors> = names.collect();
    let in_use = |tiers: &TwoTier<W::Wrapper>, exam: &Exam<W>| {
        exam.grade(|question| W::Wrapper::values(&tiers.wrapper().predict(question)))
    };
    note(&mut heads, in_use(&tiers, &exam), |head| &mut head.core[0]);
    for (i, exam) in [&exam, &exam_after].iter().enumerate() {
        note(&mut heads, exam.grade_constant(), |head| &mut head.constant[i]);
    }
    for (half, exam) in [&exam, &exam_after].iter().enumerate() {
        if half == 1 {
            world.shift();
            note(&mut heads, in_use(&tiers, exam), |head| &mut head.core[2]);
        }
        for _ in 0..CALLS {
            let question = world.question();
            let before = tiers.trainings();
            tiers.ask(&question, || world.ground_truth(&question))?;
            events += tiers.drain_events(log)?;
            if tiers.trainings() > before {
                beside = Some(Beside::train(tiers.samples())?);
            }
        }
        note(&mut heads, in_use(&tiers, exam), |head| &mut head.core[2 * half + 1]);
        if let Some(Beside(model)) = &beside {
            let g = |exam: &Exam<W>| exam.grade(|question| {
                let mut values = model.forward(&W::Wrapper::features(question)).expect("finite features");
                values.iter_mut().zip(W::Wrapper::HEADS).for_each(|(value, head)| *value *= head.unit);
                values
            });
            note(&mut heads, g(exam), |head| &mut head.default[2 * half + 1]);
            if half == 0 { note(&mut heads, g(&exam_after), |head| &mut head.default[2]); }
        }
    }
    let questions = &exam_after.questions;
    Ok(Account {
        name: W::Wrapper::NAME,
        calls: tiers.calls(),
        checks: tiers.checks(),
        events,
        fast_us: microseconds(questions, |question| tiers.wrapper().predict(question)),
        exact_us: microseconds(questions, |question| world.ground_truth(question)),
        heads,
    })
}

fn note(heads: &mut [HeadErrors], errors: Vec<f64>, place: impl Fn(&mut HeadErrors) -> &mut f64) {
    heads.iter_mut().zip(errors).for_each(|(head, error)| *place(head) = error);
}

/// Time of one call: the least mean of several rounds, the others having been disturbed.
fn microseconds<Q, A>(questions: &[Q], mut answer: impl FnMut(&Q) -> A) -> f64 {
    let round = |_| {
        let begin = Instant::now();
        for question in questions {
            black_box(answer(black_box(question)));
        }
        begin.elapsed().as_secs_f64() * 1e6 / questions.len() as f64
    };
    (0..5).map(round).fold(f64::INFINITY, f64::min)
}

#[allow(unused)]
fn unused(_: io::Error) {}
