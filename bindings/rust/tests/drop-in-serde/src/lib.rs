//! A wrapper around a model that is stored as `{"inner": {…}}`.

use eml_core::EmlModel;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wrapper {
    pub inner: EmlModel,
}

#[cfg(test)]
mod tests {
    use super::*;
    use eml_core::{BaselineAttention, EmlEvent, SafeTree, ToyEmlAttention};
    use serde_json::{json, Value};
    use std::path::Path;

    fn recorded(file: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../tests/data/eml-core").join(file);
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    #[test]
    fn wrappers_store_what_eml_core_stores() {
        let mut wrapped = 0;
        for case in recorded("persistence.json")["cases"].as_array().unwrap() {
            if case["key"] != "inner" {
                continue;
            }
            wrapped += 1;
            let (compact, pretty) = (case["compact"].as_str().unwrap(), case["pretty"].as_str().unwrap());
            for text in [compact, pretty] {
                let read: Wrapper = serde_json::from_str(text).unwrap();
                assert_eq!(serde_json::to_string(&read).unwrap(), compact);
                assert_eq!(serde_json::to_string_pretty(&read).unwrap(), pretty);
                assert_eq!(read.inner.params_slice(), floats(&case["params"]));
                assert_eq!(read.inner.is_trained(), case["trained"].as_bool().unwrap());
                let (inputs, outputs) = (case["inputs"].as_array().unwrap(), case["outputs"].as_array().unwrap());
                for (x, y) in inputs.iter().zip(outputs) {
                    assert_eq!(read.inner.predict(&floats(x)), floats(y));
                }
            }
        }
        assert!(wrapped > 0);
    }

    #[test]
    fn serde_and_the_library_write_the_same() {
        let mut model = EmlModel::new(3, 2, 2);
        for (i, p) in model.params_slice_mut().iter_mut().enumerate() {
            *p = (i as f64 * 0.7).sin();
        }
        model.mark_trained(true);
        assert_eq!(serde_json::to_string(&model).unwrap(), model.to_json());
        let read: EmlModel = serde_json::from_str(&model.to_json()).unwrap();
        assert_eq!(read.to_json(), model.to_json());

        let mut tree = SafeTree::new(2, 2, 1);
        tree.params_slice_mut()[0] = 0.1;
        assert_eq!(serde_json::to_string(&tree).unwrap(), tree.to_json());
        let read: SafeTree = serde_json::from_str(&tree.to_json()).unwrap();
        assert_eq!(read.to_json(), tree.to_json());
        assert_eq!(read.predict(&[1.0, 2.0]), tree.predict(&[1.0, 2.0]));
    }

    /// The texts that eml-core was given: required, unknown and repeated fields, arrays in place of objects. Where
    /// it took models that contradict themselves, this crate refuses.
    #[test]
    fn fields_follow_the_rules_of_eml_core() {
        for case in recorded("errors.json")["from_json"].as_array().unwrap() {
            let (what, text) = (case["what"].as_str().unwrap(), case["text"].as_str().unwrap());
            let read = match case["type"].as_str().unwrap() {
                "EmlModel" => serde_json::from_str::<EmlModel>(text).map(|model| model.to_json()),
                "SafeTree" => serde_json::from_str::<SafeTree>(text).map(|tree| tree.to_json()),
                "ToyEmlAttention" => serde_json::from_str::<ToyEmlAttention>(text).map(|block| block.to_json()),
                _ => serde_json::from_str::<BaselineAttention>(text).map(|block| block.to_json()),
            };
            let contradicts_itself = what.ends_with("not validated") || what == "depth u64 max";
            let accepted = case["accepted"].as_bool().unwrap() && !contradicts_itself;
            assert_eq!(read.is_ok(), accepted, "{what}: {read:?}");
            if accepted {
                assert_eq!(read.unwrap(), case["reserialized"].as_str().unwrap(), "{what}");
            }
        }
    }

    #[test]
    fn attention_blocks() {
        use eml_core::{compare_eml_vs_baseline, run_benchmark, EndToEndTrainConfig};

        let mut toy = ToyEmlAttention::new("\"quoted\"\n", 2, 1, 2, 5).unwrap();
        let mut baseline = BaselineAttention::new("b", 2, 1, 2).unwrap();
        for i in 0..8 {
            let x = vec![f64::from(i) / 8.0, 0.25, 1e-9, -0.5];
            toy.record(x.clone(), x.clone()).unwrap();
            baseline.record(x.clone(), x).unwrap();
        }
        let cfg = EndToEndTrainConfig { trials: 50, convergence_mse: 1e9, ..Default::default() };
        toy.train_end_to_end(cfg);
        baseline.train_end_to_end(cfg);
        assert_eq!(serde_json::to_string(&toy).unwrap(), toy.to_json());
        assert_eq!(serde_json::to_string(&baseline).unwrap(), baseline.to_json());
        let read: ToyEmlAttention = serde_json::from_str(&toy.to_json()).unwrap();
        assert_eq!((read.to_json(), read.is_trained(), read.name()), (toy.to_json(), true, toy.name()));
        assert_eq!(read.forward(&[0.5; 4]).unwrap(), toy.forward(&[0.5; 4]).unwrap());
        assert_eq!(read.buffer_len(), 0);
        let read: BaselineAttention = serde_json::from_value(serde_json::to_value(&baseline).unwrap()).unwrap();
        assert_eq!(read.to_json(), baseline.to_json());
        assert!(serde_json::from_str::<ToyEmlAttention>(&baseline.to_json()).is_err());
        let mut wrong: Value = serde_json::to_value(&toy).unwrap();
        wrong["q_model"]["inputs"] = json!(5);
        assert!(serde_json::from_value::<ToyEmlAttention>(wrong).is_err());

        let order = |file: &str, key: &str| recorded(file)[key][0]["serialized_field_order"].clone();
        let keys = |text: String, names: &Value| {
            let places: Vec<_> =
                names.as_array().unwrap().iter().map(|name| text.find(&name.to_string()).unwrap()).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{text}");
        };
        let benchmark = run_benchmark(4, 2, 2, 3).unwrap();
        keys(serde_json::to_string(&benchmark).unwrap(), &order("attention.json", "benchmark"));
        let comparison = compare_eml_vs_baseline(4, 2, 2, 3, cfg, 1).unwrap();
        keys(serde_json::to_string(&comparison).unwrap(), &order("baseline_attention.json", "compare"));
    }

    #[test]
    fn skipped_fields_start_empty() {
        let mut wrapper = Wrapper { inner: EmlModel::new(2, 1, 1) };
        wrapper.inner.set_model_name("name");
        wrapper.inner.record(&[0.5], &[Some(1.0)]);
        wrapper.inner.push_event(EmlEvent::Reset { model_name: "name".into(), reason: "test".into() });
        let read: Wrapper = serde_json::from_value(serde_json::to_value(&wrapper).unwrap()).unwrap();
        assert_eq!(read.inner.training_sample_count(), 0);
        assert_eq!(read.inner.pending_event_count(), 0);
        assert_eq!(read.inner.model_name(), "");
    }

    #[test]
    fn events_as_eml_core_writes_them() {
        for case in recorded("events.json")["cases"].as_array().unwrap() {
            // Older releases of serde_json write e16 where newer ones write e+16.
            let text = case["json"].as_str().unwrap().replace("e+", "e");
            // NaN is written as null and cannot be read back.
            let event: EmlEvent = match serde_json::from_str(&text) {
                Ok(event) => event,
                Err(_) => {
                    assert!(text.contains("null"));
                    continue;
                }
            };
            assert_eq!(serde_json::to_string(&event).unwrap().replace("e+", "e"), text);
            assert_eq!(event.event_type(), case["event_type"]);
            assert_eq!(event.model_name(), case["model_name"]);
        }
        let drift = EmlEvent::Drift { model_name: "m".into(), predicted: f64::NAN, actual: 1.0, drift_pct: 0.5 };
        let want = json!({"Drift": {"model_name": "m", "predicted": null, "actual": 1.0, "drift_pct": 0.5}});
        assert_eq!(serde_json::to_value(drift).unwrap(), want);
    }
}
