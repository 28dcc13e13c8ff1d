//! Reloads the models that the C program `fit` saved and compares predictions with its bits: `nist-check OUT_DIR`.

use eml_native::native::{Format, Model};
use std::error::Error;
use std::path::Path;
use std::{env, fs, process};

const NAMES: [&str; 5] = ["Misra1a", "DanWood", "Chwirut2", "Kirby2", "Thurber"];
const EXTENSIONS: [&str; 3] = ["json", "safetensors", "pb"];

/// The points of one data set, and what the C program predicted for them, as bits.
struct Expected {
    x: Vec<f64>,
    bits: Vec<u64>,
}

fn read_bits(path: &Path) -> Result<Expected, Box<dyn Error>> {
    let mut expected = Expected { x: Vec::new(), bits: Vec::new() };
    for line in fs::read_to_string(path)?.lines() {
        let (x, prediction) = line.split_once(' ').ok_or("expected two numbers in a line")?;
        expected.x.push(f64::from_bits(u64::from_str_radix(x, 16)?));
        expected.bits.push(u64::from_str_radix(prediction, 16)?);
    }
    Ok(expected)
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::args_os().nth(1).ok_or("usage: nist-check OUT_DIR")?;
    let out = Path::new(&out);
    let mut all_same = true;
    for extension in EXTENSIONS {
        let (mut compared, mut differing) = (0, 0);
        for name in NAMES {
            let expected = read_bits(&out.join(format!("{name}.bits")))?;
            let model = Model::load(out.join(format!("models/{name}.{extension}")), Format::Auto)?;
            let predicted = model.forward(&expected.x)?;
            compared += expected.bits.len();
            differing += predicted.iter().zip(&expected.bits).filter(|(p, &bits)| p.to_bits() != bits).count();
        }
        println!("  Rust    {extension:<12} {} models, {compared} predictions, {differing} differ", NAMES.len());
        all_same &= differing == 0 && compared > 0;
    }
    process::exit(i32::from(!all_same));
}
