//! What eml-core computed, bit for bit, through the API that mirrors it.

// The name that users of eml-core call it by.
extern crate eml_native as eml_core;

mod support;

use eml_core::{eml, eml_safe, softmax3, EmlEvent, EmlModel, EmlTree, SafeTree};
use support::{assert_same, each, Value};

#[test]
fn operators() {
    each("operators.json", "cases", |case| {
        let op = case["op"].text();
        if op == "softmax3" {
            let [a, b, c] = ["a", "b", "c"].map(|name| case[name].floats());
            let got: Vec<_> = (0..a.len()).map(|i| softmax3(a[i], b[i], c[i])).collect();
            assert_same(&got.iter().map(|w| w.0).collect::<Vec<_>>(), &case["alpha"].floats(), "alpha");
            assert_same(&got.iter().map(|w| w.1).collect::<Vec<_>>(), &case["beta"].floats(), "beta");
            assert_same(&got.iter().map(|w| w.2).collect::<Vec<_>>(), &case["gamma"].floats(), "gamma");
        } else {
            let function = if op == "eml" { eml } else { eml_safe };
            let (x, y) = (case["x"].floats(), case["y"].floats());
            let got: Vec<f64> = x.iter().zip(&y).map(|(&x, &y)| function(x, y)).collect();
            assert_same(&got, &case["out"].floats(), op);
        }
    });
}

#[test]
fn trees() {
    each("tree.json", "cases", |case| {
        let tree = EmlTree::new(case["depth"].usize(), case["input_count"].usize());
        assert_eq!(tree.param_count(), case["param_count"].usize());
        let params = case["params"].floats();
        let got: Vec<f64> = case["inputs"].array().iter().map(|row| tree.evaluate(&params, &row.floats())).collect();
        assert_same(&got, &case["outputs"].floats(), "tree");
    });
}

#[test]
fn models() {
    each("model.json", "cases", |case| {
        let mut model = new_model(case);
        assert_eq!(model.param_count(), case["param_count"].usize());
        model.params_slice_mut().copy_from_slice(&case["params"].floats());
        model.mark_trained(case["trained"].bool());
        assert_predictions(&model, &case["inputs"], &case["outputs"]);

        let json = case["json"].text();
        assert_eq!(model.to_json(), json);
        let read = EmlModel::from_json(json).expect("eml-core's own text");
        assert_same(read.params_slice(), model.params_slice(), "read parameters");
        assert_eq!((read.depth(), read.input_count()), (model.depth(), model.input_count()));
        assert_eq!((read.head_count(), read.is_trained()), (model.head_count(), model.is_trained()));
        assert_eq!(read.to_json(), json);
        assert_predictions(&read, &case["inputs"], &case["outputs"]);
    });
}

#[test]
fn models_with_unusual_numbers() {
    each("model.json", "special", |case| {
        let mut model = new_model(case);
        model.params_slice_mut().copy_from_slice(&case["params"].floats());
        assert_predictions(&model, &case["inputs"], &case["outputs"]);
        assert_eq!(model.to_json(), case["json"].text());
        let readable = case.get("from_json_ok").map_or(true, Value::bool);
        assert_eq!(EmlModel::from_json(case["json"].text()).is_some(), readable);
    });
}

#[test]
fn training() {
    each("model_training.json", "cases", |case| {
        let name = case["name"].text();
        let mut model = new_model(case);
        if !case["model_name"].is_null() {
            model.set_model_name(case["model_name"].text());
        }
        if !case["init_params"].is_null() {
            model.params_slice_mut().copy_from_slice(&case["init_params"].floats());
        }
        for step in case["steps"].array() {
            let inputs = step["record_inputs"].array();
            for (x, targets) in inputs.iter().zip(step["record_targets"].array()) {
                model.record(&x.floats(), &known(targets));
            }
            assert_eq!(model.training_sample_count(), step["sample_count_after"].usize(), "{name}");
            assert_eq!(model.train(), step["converged"].bool(), "{name}");
            assert_eq!(model.is_trained(), step["is_trained"].bool(), "{name}");
            assert_eq!(model.to_json(), step["json"].text(), "{name}");

            assert_eq!(model.pending_event_count(), step["events"].array().len(), "{name}");
            let events = model.drain_events();
            let types: Vec<&str> = events.iter().map(EmlEvent::event_type).collect();
            let want: Vec<&str> = step["event_types"].array().iter().map(Value::text).collect();
            assert_eq!(types, want, "{name}");
            for (event, want) in events.iter().zip(step["events"].array()) {
                assert_trained_event(event, &want["Trained"]);
            }
        }
        assert_predictions(&model, &case["inputs"], &case["outputs"]);
    });
}

#[test]
fn distillation() {
    each("distill.json", "cases", |case| {
        let teacher = EmlModel::from_json(case["teacher_json"].text()).expect("a teacher");
        assert_same(teacher.params_slice(), &case["teacher_params"].floats(), "teacher");
        assert_predictions(&teacher, &case["inputs"], &case["teacher_outputs"]);

        let mut student = teacher.distill(case["target_depth"].usize(), case["num_samples"].usize());
        assert_eq!(student.to_json(), case["student_json"].text());
        assert_eq!(student.training_sample_count(), case["student_sample_count"].usize());
        assert_eq!(student.is_trained(), case["student_is_trained"].bool());
        assert_eq!(student.model_name(), case["student_model_name"].text());
        assert_predictions(&student, &case["inputs"], &case["student_outputs"]);
        let events = student.drain_events();
        assert_eq!(events.len(), case["student_events"].array().len());
        for (event, want) in events.iter().zip(case["student_events"].array()) {
            assert_trained_event(event, &want["Trained"]);
        }
    });
}

#[test]
fn safe_trees() {
    each("safetree.json", "cases", |case| {
        let mut tree = SafeTree::new(case["depth"].usize(), case["inputs"].usize(), case["heads"].usize());
        assert_eq!(tree.param_count(), case["param_count"].usize());
        tree.params_slice_mut().copy_from_slice(&case["params"].floats());
        let read = SafeTree::from_json(case["json"].text()).expect("eml-core's own text");
        for tree in [tree.clone(), tree, read] {
            for (x, want) in case["xs"].array().iter().zip(case["outputs"].array()) {
                assert_same(&tree.predict(&x.floats()), &want.floats(), "layer");
            }
            assert_eq!(tree.to_json(), case["json"].text());
        }
    });
}

/// The kernel's wrappers store `{"inner": model}`; the model is the text between the first colon and the last brace.
#[test]
fn stored_models() {
    each("persistence.json", "cases", |case| {
        for layout in ["compact", "pretty"] {
            let text = case[layout].text();
            let inner = &text[text.find(':').unwrap() + 1..text.rfind('}').unwrap()];
            let model = EmlModel::from_json(inner).expect("a stored model");
            assert_same(model.params_slice(), &case["params"].floats(), "stored parameters");
            assert_eq!(model.is_trained(), case["trained"].bool());
            assert_predictions(&model, &case["inputs"], &case["outputs"]);
            let compact = case["compact"].text();
            assert_eq!(format!("{{\"{}\":{}}}", case["key"].text(), model.to_json()), compact);
        }
    });
}

fn new_model(case: &Value) -> EmlModel {
    EmlModel::new(case["depth"].usize(), case["input_count"].usize(), case["head_count"].usize())
}

fn known(targets: &Value) -> Vec<Option<f64>> {
    targets.array().iter().map(|target| if target.is_null() { None } else { Some(target.f64()) }).collect()
}

#[track_caller]
fn assert_predictions(model: &EmlModel, inputs: &Value, outputs: &Value) {
    for (x, want) in inputs.array().iter().zip(outputs.array()) {
        let (x, want) = (x.floats(), want.floats());
        assert_same(&model.predict(&x), &want, "prediction");
        assert_same(&[model.predict_primary(&x)], &want[..1], "first head");
    }
}

#[track_caller]
fn assert_trained_event(event: &EmlEvent, want: &Value) {
    match event {
        EmlEvent::Trained { model_name, samples_used, mse_before, mse_after, converged, param_count } => {
            assert_eq!(model_name, want["model_name"].text());
            assert_eq!(*samples_used, want["samples_used"].usize());
            assert_eq!(*converged, want["converged"].bool());
            assert_eq!(*param_count, want["param_count"].usize());
            for (got, field) in [(mse_before, "mse_before"), (mse_after, "mse_after")] {
                // JSON has no NaN; eml-core prints null.
                let want = if want[field].is_null() { f64::NAN } else { want[field].f64() };
                assert_same(&[*got], &[want], field);
            }
        }
        other => panic!("not a Trained event: {other:?}"),
    }
}
