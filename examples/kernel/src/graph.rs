//! Undirected graphs and their spectrum: what a coherence prediction stands in for.

use crate::random::Random;

/// An undirected graph without weights.
pub struct Graph {
    neighbours: Vec<Vec<usize>>,
}

/// The exact answer about a graph's weakest cut.
pub struct Spectrum {
    /// Second smallest eigenvalue of the Laplacian: 0 if the graph falls apart, large if no cut is cheap.
    pub lambda_2: f64,
    /// Its eigenvector, of length 1: the sign says on which side of the weakest cut a node lies.
    pub fiedler: Vec<f64>,
}

impl Graph {
    pub fn new(nodes: usize) -> Self {
        Graph { neighbours: vec![Vec::new(); nodes] }
    }

    pub fn link(&mut self, a: usize, b: usize) {
        self.neighbours[a].push(b);
        self.neighbours[b].push(a);
    }

    /// Two halves whose nodes are linked with probability `inside`, and across with probability `across`.
    pub fn two_halves(nodes: usize, inside: f64, across: f64, random: &mut Random) -> Self {
        let mut graph = Graph::new(nodes);
        for a in 0..nodes {
            for b in 0..a {
                let same_half = (a < nodes / 2) == (b < nodes / 2);
                if random.unit() < if same_half { inside } else { across } {
                    graph.link(a, b);
                }
            }
        }
        graph
    }

    pub fn node_count(&self) -> usize {
        self.neighbours.len()
    }

    pub fn degrees(&self) -> impl Iterator<Item = usize> + '_ {
        self.neighbours.iter().map(Vec::len)
    }

    /// Every edge once.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let all = self.neighbours.iter().enumerate();
        all.flat_map(|(a, linked)| linked.iter().filter(move |&&b| b < a).map(move |&b| (a, b)))
    }

    pub fn component_count(&self) -> usize {
        let mut seen = vec![false; self.node_count()];
        let mut waiting = Vec::new();
        let mut count = 0;
        for start in 0..self.node_count() {
            if seen[start] {
                continue;
            }
            count += 1;
            seen[start] = true;
            waiting.push(start);
            while let Some(node) = waiting.pop() {
                for &next in &self.neighbours[node] {
                    if !seen[next] {
                        seen[next] = true;
                        waiting.push(next);
                    }
                }
            }
        }
        count
    }

    /// All eigenvalues of the Laplacian, of which the second smallest is wanted. Needs two nodes.
    pub fn spectrum(&self) -> Spectrum {
        let nodes = self.node_count();
        let mut laplacian = vec![vec![0.0; nodes]; nodes];
        for (node, linked) in self.neighbours.iter().enumerate() {
            laplacian[node][node] = linked.len() as f64;
            for &other in linked {
                laplacian[node][other] = -1.0;
            }
        }
        let (values, vectors) = eigen(laplacian);
        let mut order: Vec<usize> = (0..nodes).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let second = order[1];
        Spectrum { lambda_2: values[second].max(0.0), fiedler: vectors[second].clone() }
    }
}

/// Eigenvalues and eigenvectors (rows) of a symmetric matrix by Jacobi's cyclic rotations
/// (Golub and Van Loan, Matrix Computations, 8.5).
fn eigen(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = matrix.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    // Converges quadratically: six to nine sweeps for these sizes.
    for _sweep in 0..30 {
        let above = matrix.iter().enumerate().flat_map(|(p, row)| &row[p + 1..]);
        let off_diagonal: f64 = above.map(|v| v * v).sum();
        if off_diagonal < 1e-22 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                if matrix[p][q] == 0.0 {
                    continue;
                }
                let tau = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
                let tangent = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
                let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
                let sine = tangent * cosine;
                for row in matrix.iter_mut() {
                    let (a, b) = (row[p], row[q]);
                    row[p] = cosine * a - sine * b;
                    row[q] = sine * a + cosine * b;
                }
                rotate_rows(&mut matrix, p, q, cosine, sine);
                rotate_rows(&mut vectors, p, q, cosine, sine);
            }
        }
    }
    ((0..size).map(|i| matrix[i][i]).collect(), vectors)
}

/// Turns the rows `p` < `q` into each other.
fn rotate_rows(rows: &mut [Vec<f64>], p: usize, q: usize, cosine: f64, sine: f64) {
    let (head, tail) = rows.split_at_mut(q);
    for (a, b) in head[p].iter_mut().zip(&mut tail[0]) {
        let (old_a, old_b) = (*a, *b);
        *a = cosine * old_a - sine * old_b;
        *b = sine * old_a + cosine * old_b;
    }
}

#[cfg(test)]
mod tests {
    use super::Graph;

    fn lambda_2(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> f64 {
        let mut graph = Graph::new(nodes);
        edges.for_each(|(a, b)| graph.link(a, b));
        graph.spectrum().lambda_2
    }

    /// Fiedler, Algebraic connectivity of graphs (1973), gives these in closed form.
    #[test]
    fn known_graphs_have_their_known_connectivity() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        for n in [2, 5, 12, 31] {
            close(lambda_2(n, (0..n).flat_map(|a| (0..a).map(move |b| (a, b)))), n as f64);
            // complete
        }
        for n in [3, 10, 30] {
            let angle = std::f64::consts::PI / n as f64;
            close(lambda_2(n, (1..n).map(|a| (a - 1, a))), 2.0 * (1.0 - angle.cos())); // path
            close(lambda_2(n, (0..n).map(|a| (a, (a + 1) % n))), 2.0 * (1.0 - (2.0 * angle).cos())); // cycle
            close(lambda_2(n, (1..n).map(|a| (0, a))), 1.0); // star
        }
        close(lambda_2(6, [(0, 1), (1, 2), (3, 4), (4, 5)].into_iter()), 0.0); // two parts
    }

    #[test]
    fn the_fiedler_vector_separates_what_a_bridge_joins() {
        let mut graph = Graph::new(8);
        for half in [0, 4] {
            for a in 0..4 {
                (0..a).for_each(|b| graph.link(half + a, half + b));
            }
        }
        graph.link(0, 4);
        let fiedler = graph.spectrum().fiedler;
        assert!((fiedler.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((0..4).all(|a| fiedler[a] * fiedler[0] > 0.0 && fiedler[a + 4] * fiedler[0] < 0.0), "{fiedler:?}");
    }

    #[test]
    fn statistics_of_a_graph_in_two_parts() {
        let mut graph = Graph::new(5);
        [(0, 1), (1, 2), (3, 4)].iter().for_each(|&(a, b)| graph.link(a, b));
        assert_eq!(graph.component_count(), 2);
        assert_eq!(graph.edges().count(), 3);
        assert_eq!(graph.degrees().collect::<Vec<_>>(), [1, 2, 1, 1, 1]);
    }
}
