//! What code written for eml-core may rely on beyond numbers: traits, parameters as plain slices, threads, clones.

// The name that users of eml-core call it by.
extern crate eml_native as eml_core;

mod support;

use std::panic::{RefUnwindSafe, UnwindSafe};

use eml_core::{EmlEvent, EmlEventLog, EmlModel, EmlTree, FeatureVector, SafeTree};
use support::{assert_same, each, event_of};

fn has_auto_traits<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Clone + std::fmt::Debug>() {}

#[test]
fn traits_of_the_types() {
    has_auto_traits::<EmlModel>();
    has_auto_traits::<EmlTree>();
    has_auto_traits::<SafeTree>();
    has_auto_traits::<EmlEvent>();
    has_auto_traits::<EmlEventLog>();
}

#[test]
fn modules_of_the_mirror() {
    let _: eml_core::model::EmlModel = EmlModel::new(2, 1, 1);
    let _: eml_core::tree::EmlTree = EmlTree::new(2, 1);
    let _: eml_core::attention::SafeTree = SafeTree::new(3, 1, 1);
    let _: eml_core::events::EmlEventLog = EmlEventLog::new();
    assert_eq!(eml_core::operator::eml(0.0, 1.0), eml_core::eml(0.0, 1.0));
    assert_eq!(eml_core::operator::eml_safe(0.0, 1.0), eml_core::eml_safe(0.0, 1.0));
    assert_eq!(eml_core::operator::softmax3(0.0, 1.0, 2.0), eml_core::softmax3(0.0, 1.0, 2.0));

    struct Half;
    impl eml_core::features::FeatureVector for Half {
        fn as_features(&self) -> Vec<f64> {
            vec![0.5; Self::feature_count()]
        }
        fn feature_count() -> usize {
            2
        }
    }
    assert_eq!(EmlModel::new(2, <Half as FeatureVector>::feature_count(), 1).predict(&Half.as_features()).len(), 1);
}

#[test]
fn changed_parameters_are_seen_by_the_next_call() {
    let mut model = EmlModel::new(2, 2, 1);
    let x = [0.3, 0.8];
    // While the head's weights are zero, it is parameters 6 to 11 that count.
    let before = model.predict(&x);
    model.params_slice_mut()[6] = 0.5;
    let changed = model.predict(&x);
    assert_ne!(before, changed);

    // A write through a borrow that was read from first, and the way back.
    let params = model.params_slice_mut();
    let kept = params[6];
    params[6] = -2.0;
    assert_ne!(model.predict(&x), changed);
    model.params_slice_mut()[6] = kept;
    assert_eq!(model.predict(&x), changed);

    assert_eq!(EmlModel::from_json(&model.to_json()).unwrap().params_slice(), model.params_slice());
    assert!(!EmlModel::from_json(&model.to_json()).unwrap().is_trained());
    model.mark_trained(true);
    assert!(model.is_trained());
    assert!(EmlModel::from_json(&model.to_json()).unwrap().is_trained());

    let mut tree = SafeTree::new(1, 1, 1);
    let before = tree.predict(&[2.0]);
    tree.params_slice_mut().fill(0.5);
    assert_ne!(tree.predict(&[2.0]), before);
    assert_eq!(SafeTree::from_json(&tree.to_json()).unwrap().params_slice(), tree.params_slice());
}

#[test]
fn clones_are_independent_and_complete() {
    let mut model = EmlModel::new(2, 1, 1);
    model.set_model_name("original");
    model.params_slice_mut().fill(0.125);
    for i in 0..50 {
        model.record(&[f64::from(i) / 50.0], &[Some(0.5)]);
    }
    model.push_event(EmlEvent::Reset { model_name: "original".into(), reason: "test".into() });

    let mut copy = model.clone();
    assert_eq!(copy.model_name(), "original");
    assert_eq!(copy.pending_event_count(), 1);
    assert_eq!(copy.training_sample_count(), 50);
    assert_eq!(copy.to_json(), model.to_json());
    assert_eq!(copy.predict(&[0.5]), model.predict(&[0.5]));

    copy.train();
    assert_eq!(copy.pending_event_count(), 2);
    assert_eq!(model.pending_event_count(), 1);
    assert_eq!(model.params_slice(), vec![0.125; model.param_count()]);
    model.train();
    assert_eq!(copy.to_json(), model.to_json());
}

#[test]
fn non_finite_numbers_are_computed_with_and_never_a_panic() {
    let mut model = EmlModel::new(2, 2, 1);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(model.predict(&[value, 0.5]).len(), 1);
        model.record(&[value, 0.5], &[Some(value)]);
        model.params_slice_mut()[0] = value;
        assert_eq!(model.predict(&[0.5, 0.5]).len(), 1);
        assert!(model.to_json().contains("null"));
        assert_eq!(SafeTree::new(1, 1, 1).predict(&[value]).len(), 1);
        let tree = EmlTree::new(2, 1);
        assert!(tree.evaluate(&vec![value; tree.param_count()], &[value]) >= 0.0);
    }
    for _ in 0..50 {
        model.record(&[0.5, 0.5], &[Some(1.0)]);
    }
    model.train();
    assert_eq!(model.pending_event_count(), 1);
}

#[test]
fn threads_predict_at_once_right_after_a_change() {
    let mut model = EmlModel::new(4, 3, 2);
    let mut tree = SafeTree::new(3, 4, 4);
    for round in 0..20 {
        for (i, p) in model.params_slice_mut().iter_mut().enumerate() {
            *p = ((i + round) as f64 * 0.37).sin();
        }
        for (i, p) in tree.params_slice_mut().iter_mut().enumerate() {
            *p = ((i + round) as f64 * 0.37).cos() * 0.1;
        }
        // Alone, with a copy, for comparison.
        let x = [0.1, 0.5, 0.9, 0.2];
        let (wanted, wanted_tree) = (model.clone().predict(&x[..3]), tree.clone().predict(&x));
        model.params_slice_mut()[0] += 0.0;
        tree.params_slice_mut()[0] += 0.0;
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        assert_eq!(model.predict(&x[..3]), wanted);
                        assert_eq!(tree.predict(&x), wanted_tree);
                    }
                    assert!(model.to_json().starts_with("{\"depth\":4,"));
                    assert_eq!(model.training_sample_count(), 0);
                });
            }
        });
    }
}

#[test]
fn events() {
    each("events.json", "cases", |case| {
        let event = event_of(&support::json::parse(case["json"].text()).unwrap());
        assert_eq!(event.event_type(), case["event_type"].text());
        assert_eq!(event.model_name(), case["model_name"].text());
    });
    let mut model = EmlModel::new(2, 1, 1);
    assert_eq!(model.pending_event_count(), 0);
    // Whatever a text holds, the log returns it.
    let odd = "a\"b\\c\n\u{0}é/\u{1F600}";
    for _ in 0..3 {
        model.push_event(EmlEvent::Prediction {
            model_name: odd.into(),
            inputs_hash: odd.into(),
            output: vec![f64::NAN, -0.0],
        });
    }
    assert_eq!(model.pending_event_count(), 3);
    let events = model.drain_events();
    assert_eq!(model.pending_event_count(), 0);
    assert_eq!(events.len(), 3);
    match &events[2] {
        EmlEvent::Prediction { model_name, inputs_hash, output } => {
            assert_eq!((model_name.as_str(), inputs_hash.as_str()), (odd, odd));
            assert_same(output, &[f64::NAN, -0.0], "output");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn debug_shows_the_fields() {
    let mut model = EmlModel::new(2, 1, 1);
    model.params_slice_mut()[0] = 0.75;
    model.set_model_name("seen");
    let text = format!("{model:?}");
    for part in ["EmlModel { depth: 2, input_count: 1, head_count: 1, params: [0.75, 0.0", "trained: false", "\"seen\""]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let tree = format!("{:?}", SafeTree::new(0, 1, 1));
    assert_eq!(tree, "SafeTree { depth: 0, inputs: 1, heads: 1, params: [0.0, 0.0] }");
}
