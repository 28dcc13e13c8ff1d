//! How much harm an action can do, from five dimensions of its effect: depth 3, 5 → 1.
//! The exact answer replays the effect against a catalogue of incidents.

use eml_core::FeatureVector;

use crate::random::Random;
use crate::two_tier::{Head, Subsystem};

const DIMENSIONS: usize = 5;
const PRIVACY: usize = 2;

/// What an action is expected to touch, each from 0 to 1: risk, fairness, privacy, novelty, security.
#[derive(Clone, Copy)]
pub struct Effect(pub [f64; DIMENSIONS]);

impl FeatureVector for Effect {
    fn as_features(&self) -> Vec<f64> {
        self.0.to_vec()
    }

    fn feature_count() -> usize {
        DIMENSIONS
    }
}

/// One incident: how much each dimension of an effect contributes to its happening, and the harm it does.
struct Incident {
    sensitivity: [f64; DIMENSIONS],
    harm: f64,
}

/// Actions to be judged by incidents on record; after the shift by a law that makes leaks expensive.
pub struct Council {
    random: Random,
    catalogue: Vec<Incident>,
}

impl Council {
    /// Harm of what can be expected, as a share of all that is on record.
    fn expected_harm(&self, effect: &Effect) -> f64 {
        let (mut expected, mut possible) = (0.0, 0.0);
        for incident in &self.catalogue {
            // It stays away only if every dimension, each on its own, lets it.
            let mut stays_away = 1.0;
            for (sensitivity, value) in incident.sensitivity.iter().zip(effect.0) {
                stays_away *= 1.0 - sensitivity * value * value;
            }
            expected += incident.harm * (1.0 - stays_away);
            possible += incident.harm;
        }
        expected / possible
    }
}

impl Subsystem for Council {
    const NAME: &'static str = "governance";
    const DEPTH: usize = 3;
    // From 1 to 3, since eml-core's heads, max(exp(a) - ln(b), 0), seldom learn what comes close to 0.
    const HEADS: &'static [Head] = &[Head { name: "score", zero: 1.0, unit: 0.5 }];
    const DRIFT: f64 = 0.06;
    type Question = Effect;
    type Features = Effect;
    /// Expected share of the possible harm, from 0 to 1.
    type Answer = f64;

    fn new(seed: u64) -> Self {
        // The catalogue is the same for everybody; only the actions differ.
        let mut incidents = Random::new(5);
        let catalogue = (0..2000).map(|_| {
            let mut sensitivity = [0.0; DIMENSIONS];
            // One cause and an aggravating circumstance.
            sensitivity[incidents.below(DIMENSIONS)] = incidents.between(0.5, 1.0);
            sensitivity[incidents.below(DIMENSIONS)] = incidents.between(0.1, 0.5);
            Incident { sensitivity, harm: incidents.between(0.1, 1.0) }
        });
        Council { random: Random::new(seed), catalogue: catalogue.collect() }
    }

    fn shift(&mut self) {
        for incident in &mut self.catalogue {
            if incident.sensitivity[PRIVACY] > 0.3 {
                incident.harm *= 20.0;
            }
        }
    }

    fn question(&mut self) -> Effect {
        let mut effect = [0.0; DIMENSIONS];
        effect.iter_mut().for_each(|value| *value = self.random.unit());
        Effect(effect)
    }

    fn features(effect: &Effect) -> Effect {
        *effect
    }

    fn values(&score: &f64) -> Vec<f64> {
        vec![score]
    }

    fn answer(values: &[f64], _: &Effect) -> f64 {
        values[0].clamp(0.0, 1.0)
    }

    /// The length of the effect vector, as a share of the longest.
    fn rule_of_thumb(effect: &Effect) -> f64 {
        (effect.0.iter().map(|v| v * v).sum::<f64>() / DIMENSIONS as f64).sqrt()
    }

    fn ground_truth(&self, effect: &Effect) -> f64 {
        self.expected_harm(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::{Council, Effect};
    use crate::two_tier::Subsystem;

    #[test]
    fn harm_grows_with_every_dimension() {
        let council = Council::new(1);
        assert_eq!(council.ground_truth(&Effect([0.0; 5])), 0.0);
        let middle = council.ground_truth(&Effect([0.5; 5]));
        for dimension in 0..5 {
            let mut effect = [0.5; 5];
            effect[dimension] = 0.9;
            assert!(council.ground_truth(&Effect(effect)) > middle + 0.01, "dimension {dimension}");
        }
        assert!(council.ground_truth(&Effect([1.0; 5])) <= 1.0);
    }

    #[test]
    fn the_law_weighs_privacy_more_and_novelty_less() {
        let mut council = Council::new(1);
        let (privacy, novelty) = (Effect([0.0, 0.0, 1.0, 0.0, 0.0]), Effect([0.0, 0.0, 0.0, 1.0, 0.0]));
        let before = (council.ground_truth(&privacy), council.ground_truth(&novelty));
        council.shift();
        assert!(council.ground_truth(&privacy) > before.0 && council.ground_truth(&novelty) < before.1);
    }
}
