//! What the tests against recorded data share.
#![allow(dead_code)] // every test file uses its own part of this

pub mod json;

use std::path::{Path, PathBuf};

use eml_core::EmlEvent;

pub use json::Value;

/// The selection of recorded data that lies in the repository, and the full set if it lies beside the repository.
pub fn golden(file: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let selection = root.join("tests/data/eml-core").join(file);
    let mut documents = vec![read(&selection)];
    let full: PathBuf = root.join("../shared/golden/eml-core").join(file);
    if full.exists() {
        documents.push(read(&full));
    }
    documents
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    json::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All cases of `array` in the recorded files of that name.
pub fn each(file: &str, array: &str, mut check: impl FnMut(&Value)) {
    let mut count = 0;
    for document in golden(file) {
        for case in document[array].array() {
            check(case);
            count += 1;
        }
    }
    assert!(count > 0, "{file} has no {array}");
}

/// Bit for bit, except that all NaNs are the same.
#[track_caller]
pub fn assert_same(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let same = g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan());
        assert!(same, "{what}: element {i} is {g:e}, recorded was {w:e}");
    }
}

/// The message of the panic that `call` ends with; `None` if it returns.
pub fn panic_of<R>(call: impl FnOnce() -> R + std::panic::UnwindSafe) -> Option<String> {
    let payload = std::panic::catch_unwind(call).err()?;
    let text = payload.downcast_ref::<String>().cloned();
    Some(text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned())).expect("a text"))
}

/// An event from its recorded JSON, in which `null` stands for NaN.
pub fn event_of(json: &Value) -> EmlEvent {
    let (kind, fields) = match json {
        Value::Object(one) => (one[0].0.as_str(), &one[0].1),
        other => panic!("not an event: {other:?}"),
    };
    let text = |name: &str| fields[name].text().to_owned();
    let number = |name: &str| if fields[name].is_null() { f64::NAN } else { fields[name].f64() };
    let count = |name: &str| fields[name].usize();
    let model_name = text("model_name");
    match kind {
        "Trained" => EmlEvent::Trained {
            model_name,
            samples_used: count("samples_used"),
            mse_before: number("mse_before"),
            mse_after: number("mse_after"),
            converged: fields["converged"].bool(),
            param_count: count("param_count"),
        },
        "Prediction" => {
            EmlEvent::Prediction { model_name, inputs_hash: text("inputs_hash"), output: fields["output"].floats() }
        }
        "Drift" => EmlEvent::Drift {
            model_name,
            predicted: number("predicted"),
            actual: number("actual"),
            drift_pct: number("drift_pct"),
        },
        "Saved" => EmlEvent::Saved { model_name, path: text("path"), param_count: count("param_count") },
        "Loaded" => EmlEvent::Loaded {
            model_name,
            path: text("path"),
            trained: fields["trained"].bool(),
            samples: count("samples"),
        },
        "Reset" => EmlEvent::Reset { model_name, reason: text("reason") },
        other => panic!("unknown event {other}"),
    }
}
