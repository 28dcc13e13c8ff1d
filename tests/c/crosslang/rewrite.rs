//! rewrite IN OUT: reads every model and SafeTree of the folder IN with the crate eml-native and writes it to OUT again,
//! with OUT/FILE.predictions as write.c makes them.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use eml_native::native::{Format, Model, SafeTree, TrainOptions};

const ROWS: usize = 25;

fn inputs(n: usize) -> Vec<f64> {
    (0..ROWS * n).map(|i| (i * 37 % 101) as f64 / 50.0 - 1.0).collect()
}

fn rewrite(source: &Path, target: &Path) -> Result<(), Box<dyn Error>> {
    let name = source.file_name().and_then(|name| name.to_str()).ok_or("a name that is not UTF-8")?;
    let y = if name.starts_with("model-") {
        let mut model = Model::load(source, Format::Auto)?;
        model.save(target, Format::Auto)?;
        let copy = Model::import(&fs::read(source)?, Format::Auto)?;
        let x = inputs(model.info().inputs);
        let y = model.forward(&x)?;
        if copy.forward(&x)? != y {
            return Err(format!("{name}: load and import differ").into());
        }
        y
    } else {
        let tree = SafeTree::load(source, Format::Auto)?;
        tree.save(target, Format::Auto)?;
        let copy = SafeTree::import(&fs::read(source)?, Format::Auto)?;
        let x = inputs(tree.inputs());
        let y = tree.forward(&x)?;
        if copy.forward(&x)? != y {
            return Err(format!("{name}: load and import differ").into());
        }
        y
    };
    let mut lines = String::new();
    for value in y {
        writeln!(lines, "{:016x}", value.to_bits())?;
    }
    fs::write(target.with_file_name(format!("{name}.predictions")), lines)?;
    Ok(())
}

/// The log of the training that write.c did, made once more; the one of C must hold.
fn rewrite_log(source: &Path, target: &Path) -> Result<(), Box<dyn Error>> {
    let x: Vec<f64> = (0..60).map(|i| f64::from(i) / 60.0).collect();
    let y: Vec<f64> = x.iter().map(|x| x * x + 1.0).collect();
    let mut model = Model::builder().depth(3).inputs(1).build()?;
    model.record(&x, &y)?;
    if !model.verify_audit_file(source, TrainOptions::new())?.is_ok() {
        return Err("the log of C does not hold".into());
    }
    let mut log = Vec::new();
    model.train(TrainOptions::new().max_sweeps(3).seed(5).audit(&mut log).audit_file(target)?)?;
    if fs::read(target)? != log {
        return Err("audit and audit_file differ".into());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = folders.as_slice() else {
        return Err("usage: rewrite IN OUT".into());
    };
    for entry in fs::read_dir(source)? {
        let path = entry?.path();
        if path.ends_with("audit.log") {
            rewrite_log(&path, &Path::new(target).join("audit.log"))?;
        } else if path.extension().map_or(true, |extension| extension != "predictions") {
            rewrite(&path, &Path::new(target).join(path.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}
