//! When to restart what failed, and whether to, from four statistics of the failure: depth 2, 4 → 2.
//! The exact answer tries every delay on a model of how services recover.

use eml_core::native::math::{exp, ln};
use eml_core::FeatureVector;

use crate::random::Random;
use crate::two_tier::{Head, Subsystem};

const LONGEST_DELAY: f64 = 20.0;
const DAY: f64 = 86_400.0;

/// What failed, in the order of how long it takes to recover by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FailureKind {
    Crash,
    Timeout,
    OutOfMemory,
    Dependency,
}

const KINDS: [FailureKind; 4] =
    [FailureKind::Crash, FailureKind::Timeout, FailureKind::OutOfMemory, FailureKind::Dependency];

#[derive(Clone, Copy)]
pub struct Failure {
    /// In a row, this one included.
    pub count: u32,
    pub kind: FailureKind,
    /// Seconds from the last start to the failure.
    pub uptime: f64,
    /// Of the machine, from 0 to 1.
    pub load: f64,
}

impl FeatureVector for Failure {
    fn as_features(&self) -> Vec<f64> {
        vec![
            f64::from(self.count.min(10)) / 10.0,
            f64::from(self.kind as u8) / 3.0,
            // Seconds matter after a minute, not after a day.
            ln(1.0 + self.uptime.min(DAY)) / ln(1.0 + DAY),
            self.load,
        ]
    }

    fn feature_count() -> usize {
        4
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// Seconds to wait.
    pub delay: f64,
    /// Of the restart being the last one needed; below 0.5 it is better left to a human.
    pub chance: f64,
}

/// Services that fail; after the shift their state lies behind a network, and recovery takes longer.
pub struct Services {
    random: Random,
    slowness: f64,
}

impl Services {
    /// The chance that a restart after `delay` seconds is the last one needed.
    fn recovered(&self, failure: &Failure, delay: f64) -> f64 {
        let (seconds, curable) = match failure.kind {
            FailureKind::Crash => (0.5, 0.95),
            FailureKind::Timeout => (1.0, 0.95),
            FailureKind::OutOfMemory => (1.5, 0.85),
            FailureKind::Dependency => (2.0, 0.9),
        };
        let seconds = seconds * self.slowness * (1.0 + 2.0 * failure.load);
        // What fails again and again, or as soon as it is started, has a cause that waiting does not cure.
        let patience =
            exp(-0.12 * f64::from(failure.count - 1)) * (0.4 + 0.6 * failure.uptime / (failure.uptime + 60.0));
        curable * patience * (1.0 - exp(-delay / seconds))
    }
}

impl Subsystem for Services {
    const NAME: &'static str = "restart";
    const DEPTH: usize = 2;
    const HEADS: &'static [Head] =
        &[Head { name: "delay", zero: 0.0, unit: LONGEST_DELAY / 2.0 }, Head { name: "chance", zero: 0.0, unit: 1.0 }];
    const DRIFT: f64 = 1.5;
    type Question = Failure;
    type Features = Failure;
    type Answer = Restart;

    fn new(seed: u64) -> Self {
        Services { random: Random::new(seed), slowness: 1.0 }
    }

    fn shift(&mut self) {
        self.slowness = 3.0;
    }

    fn question(&mut self) -> Failure {
        Failure {
            count: 1 + self.random.below(8) as u32,
            kind: KINDS[self.random.below(KINDS.len())],
            uptime: exp(self.random.between(0.0, ln(DAY))),
            load: self.random.unit(),
        }
    }

    fn features(failure: &Failure) -> Failure {
        *failure
    }

    fn values(answer: &Restart) -> Vec<f64> {
        vec![answer.delay, answer.chance]
    }

    fn answer(values: &[f64], _: &Failure) -> Restart {
        Restart { delay: values[0].clamp(0.0, LONGEST_DELAY), chance: values[1].clamp(0.0, 1.0) }
    }

    /// Twice as long every time, and never give up.
    fn rule_of_thumb(failure: &Failure) -> Restart {
        let delay = 0.1 * f64::from(1u32 << (failure.count - 1).min(20));
        Restart { delay: delay.min(LONGEST_DELAY), chance: 1.0 }
    }

    /// The delay with the best balance: a success is worth a minute, and each second of waiting costs one.
    fn ground_truth(&self, failure: &Failure) -> Restart {
        let mut best = Restart { delay: 0.0, chance: 0.0 };
        let mut best_worth = 0.0;
        for step in 0..=400 {
            let delay = LONGEST_DELAY * f64::from(step) / 400.0;
            let chance = self.recovered(failure, delay);
            let worth = 60.0 * chance - delay;
            if worth > best_worth {
                best_worth = worth;
                best = Restart { delay, chance };
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, FailureKind, Services};
    use crate::two_tier::Subsystem;

    fn failure(count: u32, uptime: f64) -> Failure {
        Failure { count, kind: FailureKind::Timeout, uptime, load: 0.5 }
    }

    #[test]
    fn the_best_delay_is_where_waiting_stops_to_pay() {
        let services = Services::new(1);
        let failure = failure(2, 3600.0);
        let best = services.ground_truth(&failure);
        let worth = |delay: f64| 60.0 * services.recovered(&failure, delay) - delay;
        assert!(worth(best.delay) >= worth(best.delay - 0.3) && worth(best.delay) >= worth(best.delay + 0.3));
        assert!(best.chance > 0.5);
    }

    #[test]
    fn what_fails_at_once_and_often_is_given_up() {
        assert!(Services::new(1).ground_truth(&failure(8, 2.0)).chance < 0.5);
    }

    #[test]
    fn slower_services_are_given_more_time() {
        let mut services = Services::new(1);
        let before = services.ground_truth(&failure(1, 3600.0));
        services.shift();
        assert!(services.ground_truth(&failure(1, 3600.0)).delay > before.delay + 1.0);
    }

    #[test]
    fn the_rule_of_thumb_doubles_up_to_a_limit() {
        let delay = |count| Services::rule_of_thumb(&failure(count, 60.0)).delay;
        assert_eq!((delay(1), delay(2), delay(4)), (0.1, 0.2, 0.8));
        assert_eq!(delay(99), 20.0);
    }
}
