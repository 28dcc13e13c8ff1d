//! Code for the crate eml-core, unchanged; Cargo.toml puts libeml in its place.

use eml_core::{EmlEvent, EmlModel};

fn main() {
    let mut model = EmlModel::new(3, 1, 1);
    model.set_model_name("growth");
    for i in 0..60 {
        let x = f64::from(i) / 60.0;
        model.record(&[x], &[Some(x.exp())]);
    }
    let converged = model.train();
    let answer = model.predict_primary(&[0.55]);
    println!("learned {answer:.2}, exact {:.2}, converged {converged}", 0.55_f64.exp());

    // The text is eml-core's, byte for byte; what reads it predicts the same bits.
    let again = EmlModel::from_json(&model.to_json()).expect("a model's own JSON");
    assert_eq!(again.predict_primary(&[0.55]).to_bits(), answer.to_bits());

    for event in model.drain_events() {
        if let EmlEvent::Trained { samples_used, mse_after, .. } = event {
            println!("trained on {samples_used} samples, mean squared error {mse_after:.1e}");
        }
    }
}
