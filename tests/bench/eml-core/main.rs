//! Measures the crate eml-core 0.1.0 itself, with the inputs and parameters of bench.c, and prints one JSON object.
use eml_core::{BaselineAttention, EmlModel, EndToEndTrainConfig, ToyEmlAttention};
use std::hint::black_box;
use std::time::Instant;

const ROWS: usize = 1000;
const INPUTS: usize = 7;
const SAMPLES: usize = 100;

/// The generator of the restarts: values in [-1, 0).
struct Restart(u64);

impl Restart {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as f64) / (4294967295.0 / 2.0) - 1.0
    }
}

fn best(repeats: usize, count: usize, mut work: impl FnMut()) -> f64 {
    (0..repeats).fold(f64::MAX, |least, _| {
        let start = Instant::now();
        work();
        least.min(start.elapsed().as_nanos() as f64 / count as f64)
    })
}

fn main() {
    let mut random = Restart(1);
    let x: Vec<f64> = (0..ROWS * INPUTS).map(|_| random.next() + 1.0).collect();
    let predict: Vec<String> = (2..=5)
        .map(|depth| {
            let mut model = EmlModel::new(depth, INPUTS, 1);
            let mut random = Restart(42);
            model.params_slice_mut().iter_mut().for_each(|p| *p = random.next());
            let ns = best(100, ROWS, || x.chunks(INPUTS).for_each(|row| { black_box(model.predict_primary(row)); }));
            format!("{{\"depth\":{depth},\"ns\":{ns:.1}}}")
        })
        .collect();
    let train: Vec<String> = (2..=4)
        .map(|depth| {
            let ms = best(if depth == 4 { 20 } else { 2 }, 1, || {
                let mut model = EmlModel::new(depth, 2, 1);
                for i in 0..SAMPLES {
                    let (a, b) = ((i % 10) as f64 / 10.0, (i / 10) as f64 / 10.0);
                    model.record(&[a, b], &[Some(3.0 + 0.3 * a + a * b)]);
                }
                model.train();
            }) / 1e6;
            format!("{{\"depth\":{depth},\"ms\":{ms:.2}}}")
        })
        .collect();
    let attention: Vec<String> = [(4, 2, 2, 3), (8, 4, 4, 3), (16, 8, 8, 3), (32, 16, 8, 5)]
        .map(|(d, k, s, depth)| attention(d, k, s, depth))
        .to_vec();
    println!("{{\"predict\":[{}],\"train\":[{}],\"attention\":[{}]}}", predict.join(","), train.join(","), attention.join(","));
}

fn attention(d: usize, k: usize, s: usize, depth: usize) -> String {
    let mut random = Restart(7);
    let x: Vec<f64> = (0..s * d).map(|_| random.next() + 0.5).collect();
    let trials = if d <= 8 { 1000 } else { 50 };
    let config = EndToEndTrainConfig { trials, ..Default::default() };
    let mut eml = ToyEmlAttention::new("bench", d, k, s, depth).unwrap();
    let forward = best(200, 100, || (0..100).for_each(|_| { black_box(eml.forward(&x).unwrap()); }));
    let mut affine = BaselineAttention::new("bench", d, k, s).unwrap();
    let affine_forward = best(200, 100, || (0..100).for_each(|_| { black_box(affine.forward(&x).unwrap()); }));
    for _ in 0..16 {
        let row: Vec<f64> = (0..s * d).map(|_| 2.0 * random.next() + 1.0).collect();
        let target: Vec<f64> = row.chunks(d).flat_map(|p| vec![p.iter().sum::<f64>() / d as f64; d]).collect();
        eml.record(row.clone(), target.clone()).unwrap();
        affine.record(row, target).unwrap();
    }
    let trial = best(3, trials, || { black_box(eml.train_end_to_end(config.clone())); });
    let affine_trial = best(3, trials, || { black_box(affine.train_end_to_end(config.clone())); });
    format!(
        "{{\"d_model\":{d},\"d_k\":{k},\"seq\":{s},\"depth\":{depth},\"forward_ns\":{forward:.0},\"trial_ns\":{trial:.0},\
         \"affine_forward_ns\":{affine_forward:.0},\"affine_trial_ns\":{affine_trial:.0}}}"
    )
}
