//! How well a graph hangs together, from seven statistics that cost one pass over it: depth 4, 7 → 3.
//! The exact answer takes all eigenvalues of its Laplacian.

use eml_core::FeatureVector;

use crate::graph::Graph;
use crate::random::Random;
use crate::two_tier::{Head, Subsystem};

/// What is cheap to know about a graph.
pub struct GraphStatistics {
    node_count: f64,
    edge_count: f64,
    max_degree: f64,
    min_degree: f64,
    component_count: f64,
}

impl GraphStatistics {
    pub fn of(graph: &Graph) -> Self {
        GraphStatistics {
            node_count: graph.node_count() as f64,
            edge_count: graph.degrees().sum::<usize>() as f64 / 2.0,
            max_degree: graph.degrees().max().unwrap_or(0) as f64,
            min_degree: graph.degrees().min().unwrap_or(0) as f64,
            component_count: graph.component_count() as f64,
        }
    }

    fn average_degree(&self) -> f64 {
        2.0 * self.edge_count / self.node_count
    }

    fn density(&self) -> f64 {
        self.average_degree() / (self.node_count - 1.0)
    }
}

/// Divisors bring what occurs between 0 and 1, where models learn best.
impl FeatureVector for GraphStatistics {
    fn as_features(&self) -> Vec<f64> {
        vec![
            self.node_count / 48.0,
            self.edge_count / 1024.0,
            self.average_degree() / 48.0,
            self.max_degree / 48.0,
            self.density(),
            self.component_count / 8.0,
            self.min_degree / 48.0,
        ]
    }

    fn feature_count() -> usize {
        7
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Coherence {
    /// Algebraic connectivity: what the weakest cut costs.
    pub lambda_2: f64,
    /// Near 1 if the weakest cut halves the graph, the less the fewer nodes it severs: the Fiedler vector's 1-norm over
    /// √nodes.
    pub spread: f64,
    /// By how much λ₂ falls, to first order, if the edge that matters most is lost.
    pub uncertainty: f64,
}

/// Graphs of two halves that know little of each other; after the shift, of two that are nearly one.
pub struct Graphs {
    random: Random,
    mixing: f64,
}

impl Subsystem for Graphs {
    const NAME: &'static str = "coherence";
    const DEPTH: usize = 4;
    const HEADS: &'static [Head] = &[
        Head { name: "lambda_2", zero: 0.0, unit: 4.0 },
        Head { name: "spread", zero: 0.0, unit: 1.0 },
        Head { name: "uncertainty", zero: 0.0, unit: 1.0 },
    ];
    const DRIFT: f64 = 0.8;
    type Question = Graph;
    type Features = GraphStatistics;
    type Answer = Coherence;

    fn new(seed: u64) -> Self {
        Graphs { random: Random::new(seed), mixing: 0.1 }
    }

    fn shift(&mut self) {
        self.mixing = 0.6;
    }

    fn question(&mut self) -> Graph {
        let nodes = 16 + self.random.below(33);
        let inside = self.random.between(0.25, 0.75);
        Graph::two_halves(nodes, inside, inside * self.mixing, &mut self.random)
    }

    fn features(graph: &Graph) -> GraphStatistics {
        GraphStatistics::of(graph)
    }

    fn values(answer: &Coherence) -> Vec<f64> {
        vec![answer.lambda_2, answer.spread, answer.uncertainty]
    }

    /// λ₂ is at most n/(n - 1) times the least degree (Fiedler, 1973); two elements of a vector of length 1 differ by
    /// √2 at most.
    fn answer(values: &[f64], statistics: &GraphStatistics) -> Coherence {
        let nodes = statistics.node_count;
        Coherence {
            lambda_2: values[0].clamp(0.0, nodes / (nodes - 1.0) * statistics.min_degree),
            spread: values[1].clamp(0.0, 1.0),
            uncertainty: values[2].clamp(0.0, 2.0),
        }
    }

    /// In random graphs λ₂ grows with the degree, and comes closer to it the denser they are.
    fn rule_of_thumb(statistics: &GraphStatistics) -> Coherence {
        let lambda_2 = statistics.density() * statistics.average_degree();
        Coherence { lambda_2, spread: lambda_2.sqrt().min(1.0), uncertainty: lambda_2 / 2.0 }
    }

    fn ground_truth(&self, graph: &Graph) -> Coherence {
        let spectrum = graph.spectrum();
        let one_norm: f64 = spectrum.fiedler.iter().map(|v| v.abs()).sum();
        let at_stake = |(a, b): (usize, usize)| (spectrum.fiedler[a] - spectrum.fiedler[b]).powi(2);
        Coherence {
            lambda_2: spectrum.lambda_2,
            spread: one_norm / (graph.node_count() as f64).sqrt(),
            uncertainty: graph.edges().map(at_stake).fold(0.0, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GraphStatistics, Graphs};
    use crate::graph::Graph;
    use crate::two_tier::Subsystem;
    use eml_core::FeatureVector;

    #[test]
    fn a_bridge_is_what_is_at_stake() {
        let mut graph = Graph::new(10);
        for half in [0, 5] {
            for a in 0..5 {
                (0..a).for_each(|b| graph.link(half + a, half + b));
            }
        }
        graph.link(0, 5);
        let answer = Graphs::new(1).ground_truth(&graph);
        assert!(answer.lambda_2 > 0.0 && answer.spread > 0.95);
        // Without the bridge nothing would be left; to first order, nearly that.
        assert!((answer.uncertainty / answer.lambda_2 - 1.0).abs() < 0.3, "{answer:?}");
    }

    #[test]
    fn statistics_lie_between_0_and_1() {
        let mut graphs = Graphs::new(1);
        for i in 0..200 {
            if i == 100 {
                graphs.shift();
            }
            let features = GraphStatistics::of(&graphs.question()).as_features();
            assert_eq!(features.len(), GraphStatistics::feature_count());
            assert!(features.iter().all(|v| (0.0..=1.0).contains(v)), "{features:?}");
        }
    }
}
