//! A program, to show that it finds libeml under `cargo run` and when it is started by hand.

fn main() {
    let model = eml_core::EmlModel::new(4, 3, 1);
    println!("{}", model.predict_primary(&[0.5, 0.25, 0.125]));
}
