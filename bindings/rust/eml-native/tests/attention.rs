//! eml-core's attention blocks through the API that mirrors it, bit for bit, and the default profile's block.

// The name that users of eml-core call it by.
extern crate eml_native as eml_core;

#[cfg(feature = "experimental-attention")]
mod support;

use std::ops::ControlFlow;

use eml_core::native::{
    Attention, AttentionKind, AttentionTrainOptions, Cancel, ErrorCode, Format, Language, Phase, SnapOptions, Verdict,
};
use eml_core::EmlEvent;

fn block() -> Attention {
    let mut block =
        Attention::builder().d_model(4).d_k(2).seq_len(3).heads(2).nodes(4).positional(true).build().unwrap();
    let x: Vec<f64> = (0..12 * 20).map(|i| f64::from((i * 37) % 101) / 101.0 - 0.5).collect();
    let y: Vec<f64> = x.chunks(4).flat_map(|token| [token.iter().sum::<f64>() / 4.0; 4]).collect();
    block.record(&x, &y).unwrap();
    block
}

#[test]
fn the_default_profiles_block() {
    let mut block = block();
    let info = block.info();
    assert_eq!((info.kind, info.heads, info.nodes, info.positional), (AttentionKind::Block, 2, 4, true));
    assert_eq!((info.sample_count, info.trained), (20, false));
    let mut log = Vec::new();
    let mut phases = Vec::new();
    let options = AttentionTrainOptions::new().max_evaluations(2_000).seed(3).audit(&mut log).progress(|now| {
        phases.push(now.phase);
        ControlFlow::Continue(())
    });
    let before = block.try_clone().unwrap();
    let training = block.train(options).unwrap();
    assert!(training.mse_after < training.mse_before && training.accepted > 0 && !training.cancelled);
    assert_eq!(block.loss().unwrap(), training.mse_after);
    assert!(phases.iter().all(|phase| [Phase::Alignment, Phase::Refinement].contains(phase)));
    let report = before.verify_audit(&log, AttentionTrainOptions::new()).unwrap();
    assert_eq!((report.verdict, report.moves, report.loss), (Verdict::Ok, training.accepted, training.mse_after));
    log.truncate(log.len() - 1);
    assert_eq!(before.verify_audit(&log, AttentionTrainOptions::new()).unwrap().verdict, Verdict::Truncated);

    let events = block.drain_events();
    assert!(matches!(&events[..], [EmlEvent::Trained { samples_used: 20, .. }]), "{events:?}");
    let x = [0.25; 12];
    for format in [Format::Json, Format::Safetensors, Format::Protobuf] {
        let same = Attention::import(&block.export(format).unwrap(), Format::Auto).unwrap();
        assert_eq!(same.forward(&x).unwrap(), block.forward(&x).unwrap());
        assert_eq!(same.params(), block.params());
    }
    assert_eq!(block.forward(&[0.0; 11]).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(block.forward(&[f64::NAN; 12]).unwrap_err().code, ErrorCode::NonFinite);
    block.allow_nonfinite(true);
    assert_eq!(block.forward(&x).unwrap_err().code, ErrorCode::Unsupported);
}

#[test]
fn trainings_can_be_stopped() {
    let cancel = Cancel::new();
    cancel.set();
    for kind in [AttentionKind::Toy, AttentionKind::Baseline, AttentionKind::Block] {
        let mut block = Attention::builder().kind(kind).d_model(4).d_k(2).seq_len(3).build().unwrap();
        block.record(&[0.5; 12 * 8], &[0.25; 12 * 8]).unwrap();
        assert!(block.train(AttentionTrainOptions::new().cancel(&cancel)).unwrap().cancelled);
    }
    let mut block = Attention::builder().kind(AttentionKind::Toy).d_model(4).d_k(2).seq_len(3).build().unwrap();
    block.record(&[0.5; 12 * 8], &[0.25; 12 * 8]).unwrap();
    let mut seen = None;
    let stopped = block.train(AttentionTrainOptions::new().trials(u64::MAX).progress(|now| {
        seen = Some(now.phase);
        ControlFlow::Break(())
    }));
    assert!(stopped.unwrap().cancelled);
    assert_eq!(seen, Some(Phase::Round(1)));
    let panicking = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        block.train(AttentionTrainOptions::new().trials(u64::MAX).progress(|_| panic!("from the closure")))
    }));
    assert!(panicking.is_err());
    assert!(block.forward(&[0.5; 12]).is_ok());
}

#[test]
fn disturbed_constants_are_snapped_and_written_out() {
    for kind in [AttentionKind::Toy, AttentionKind::Baseline, AttentionKind::Block] {
        let mut block = Attention::builder().kind(kind).d_model(2).d_k(1).seq_len(2).build().unwrap();
        let simple: Vec<f64> = (0..block.info().param_count).map(|i| [0.5, -0.25, 0.0, 0.0, 0.0][i % 5]).collect();
        assert_eq!(block.snap(SnapOptions::new()).unwrap_err().code, ErrorCode::State);
        block.set_params(&simple).unwrap();
        for i in 0..40 {
            let x = [1, 2, 3, 4].map(|k| f64::from((7 * i + 5 * k) % 23) / 23.0 - 0.4);
            let y = block.forward(&x).unwrap();
            block.record(&x, &y).unwrap();
        }
        let disturbed: Vec<f64> = simple.iter().enumerate().map(|(i, p)| p + 1e-10 * (i % 7) as f64).collect();
        block.set_params(&disturbed).unwrap();
        let mut phases = Vec::new();
        let options = SnapOptions::new().tolerance(0.05).max_loss_increase(0.1).progress(|now| {
            phases.push(now.phase);
            ControlFlow::Continue(())
        });
        let done = block.snap(options).unwrap();
        assert!(!done.unscaled && !done.cancelled && done.evaluations > 0);
        assert!(done.loss_after <= done.loss_allowed && block.loss().unwrap() <= done.loss_allowed);
        assert!(phases.iter().all(|phase| *phase == Phase::Snap));
        let back = simple.iter().zip(block.params()).filter(|(want, got)| *want == got).count();
        assert!(10 * back >= 9 * simple.len(), "{kind:?}: {back} of {} came back", simple.len());
        assert!(done.snapped.iter().all(|index| *index < simple.len()));

        for (language, part) in [
            (Language::Text, "y0 = "),
            (Language::Latex, "\\begin{aligned}"),
            (Language::C, "void EML_FUNCTION(const double *x, double *y)"),
            (Language::Rust, "pub fn forward(x: &[f64; 4]) -> [f64; 4]"),
            (Language::Python, "def forward(x):"),
        ] {
            assert!(block.expression(language).unwrap().contains(part), "{kind:?} {language:?}");
        }
        assert!(block.expression_within_samples(Language::Text).unwrap().contains("y0 = "));
        block.clear_samples();
        let refused = block.expression_within_samples(Language::Text);
        assert_eq!(refused.unwrap_err().code, ErrorCode::State);
    }
}

#[test]
fn snapping_can_be_stopped() {
    let mut block = block();
    block.record(&[0.5; 12 * 8], &[0.25; 12 * 8]).unwrap();
    let cancel = Cancel::new();
    cancel.set();
    assert!(block.snap(SnapOptions::new().cancel(&cancel)).unwrap().cancelled);
    assert!(block.snap(SnapOptions::new().progress(|_| ControlFlow::Break(()))).unwrap().cancelled);
    assert_eq!(block.snap(SnapOptions::new().tolerance(-1.0)).unwrap_err().code, ErrorCode::Argument);
}

#[test]
fn files_and_names() {
    let path = std::env::temp_dir().join(format!("eml-attention-{}.pb", std::process::id()));
    let mut block = block();
    block.set_name("named").unwrap();
    block.save(&path, Format::Auto).unwrap();
    let mut read = Attention::load(&path, Format::Auto).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read.name(), "named");
    assert!(matches!(read.next_event(), Some(EmlEvent::Loaded { .. })));
    assert!(matches!(block.next_event(), Some(EmlEvent::Saved { .. })));
    let error = Attention::import(b"{}", Format::Json).unwrap_err();
    assert_eq!(error.code, ErrorCode::Format);
}

#[cfg(feature = "experimental-attention")]
mod mirror {
    use super::support::{assert_same, each, event_of, golden, panic_of, Value};
    use eml_core::{
        compare_eml_vs_baseline, run_benchmark_with_trials, AttentionError, BaselineAttention, EndToEndTrainConfig,
        ToyEmlAttention, MAX_TOY_D_MODEL, MAX_TOY_SEQ_LEN,
    };
    use std::panic::{RefUnwindSafe, UnwindSafe};

    fn shape(case: &Value) -> (usize, usize, usize) {
        (case["d_model"].usize(), case["d_k"].usize(), case["seq_len"].usize())
    }

    fn config(case: &Value) -> EndToEndTrainConfig {
        let config = &case["config"];
        EndToEndTrainConfig {
            trials: config["trials"].usize(),
            step_init: config["step_init"].f64(),
            step_final: config["step_final"].f64(),
            max_samples: config["max_samples"].usize(),
            eval_subset: config["eval_subset"].usize(),
            convergence_mse: config["convergence_mse"].f64(),
            seed: config["seed"].usize() as u64,
        }
    }

    fn expect_json(json: &str, recorded: &Value) {
        assert_eq!(json.len(), recorded["len"].usize());
        if let Some(text) = recorded.get("text") {
            assert_eq!(json, text.text());
        }
    }

    #[test]
    fn constants_and_defaults() {
        assert_eq!((MAX_TOY_D_MODEL, MAX_TOY_SEQ_LEN), (32, 8));
        for file in golden("attention.json") {
            let config = EndToEndTrainConfig::default();
            let recorded = &file["default_config"];
            assert_eq!(config.trials, recorded["trials"].usize());
            assert_eq!(
                (config.step_init, config.step_final),
                (recorded["step_init"].f64(), recorded["step_final"].f64())
            );
            assert_eq!(config.convergence_mse, recorded["convergence_mse"].f64());
            assert_eq!(config.seed, recorded["seed"].usize() as u64);
        }
    }

    #[test]
    fn new_blocks() {
        each("attention.json", "init", |case| {
            let ((d_model, d_k, seq_len), depth) = (shape(case), case["depth"].usize());
            let block = ToyEmlAttention::new(case["name"].text(), d_model, d_k, seq_len, depth).unwrap();
            assert_eq!(block.param_count(), case["param_count"].usize());
            expect_json(&block.to_json(), &case["json"]);
            for (x, y) in case["inputs"].array().iter().zip(case["outputs"].array()) {
                assert_same(&block.forward(&x.floats()).unwrap(), &y.floats(), "toy");
            }
        });
        each("baseline_attention.json", "init", |case| {
            let (d_model, d_k, seq_len) = shape(case);
            let block = BaselineAttention::new(case["name"].text(), d_model, d_k, seq_len).unwrap();
            assert_eq!(block.param_count(), case["param_count"].usize());
            expect_json(&block.to_json(), &case["json"]);
            for (x, y) in case["inputs"].array().iter().zip(case["outputs"].array()) {
                assert_same(&block.forward(&x.floats()).unwrap(), &y.floats(), "baseline");
            }
        });
    }

    #[test]
    fn read_blocks() {
        each("attention.json", "loaded", |case| {
            let block = ToyEmlAttention::from_json(case["json"].text()).unwrap();
            assert_eq!(block.is_trained(), case["trained"].bool());
            assert_eq!(block.to_json(), case["json"].text());
            for (x, y) in case["inputs"].array().iter().zip(case["outputs"].array()) {
                assert_same(&block.forward(&x.floats()).unwrap(), &y.floats(), "loaded");
            }
            assert!(BaselineAttention::from_json(case["json"].text()).is_none());
        });
        assert!(ToyEmlAttention::from_json("{}").is_none());
    }

    #[test]
    fn toy_training() {
        each("attention.json", "training", |case| {
            let ((d_model, d_k, seq_len), depth) = (shape(case), case["depth"].usize());
            let mut block = ToyEmlAttention::new(case["name"].text(), d_model, d_k, seq_len, depth).unwrap();
            for (x, y) in case["record_inputs"].array().iter().zip(case["record_targets"].array()) {
                block.record(x.floats(), y.floats()).unwrap();
            }
            for round in case["rounds"].array() {
                let mse = block.train_end_to_end(config(case));
                assert_same(&[mse], &[round["mse"].f64()], "mse");
                assert_eq!(block.last_accepts() as usize, round["accepts"].usize());
                assert_eq!(block.is_trained(), round["is_trained"].bool());
                assert_eq!(block.training_rounds() as usize, round["training_rounds"].usize());
                assert_eq!(block.buffer_len(), round["buffer_len"].usize());
                expect_json(&block.to_json(), &round["json"]);
                let want: Vec<_> = round["events"].array().iter().map(event_of).collect();
                assert_eq!(format!("{:?}", block.drain_events()), format!("{want:?}"));
            }
            for (x, y) in case["inputs"].array().iter().zip(case["outputs"].array()) {
                assert_same(&block.forward(&x.floats()).unwrap(), &y.floats(), "trained");
            }
        });
    }

    #[test]
    fn baseline_training() {
        each("baseline_attention.json", "training", |case| {
            let (d_model, d_k, seq_len) = shape(case);
            let mut block = BaselineAttention::new(case["name"].text(), d_model, d_k, seq_len).unwrap();
            for (x, y) in case["record_inputs"].array().iter().zip(case["record_targets"].array()) {
                block.record(x.floats(), y.floats()).unwrap();
            }
            for round in case["rounds"].array() {
                let mse = block.train_end_to_end(config(case));
                assert_same(&[mse], &[round["mse"].f64()], "mse");
                assert_eq!(block.last_accepts() as usize, round["accepts"].usize());
                expect_json(&block.to_json(), &round["json"]);
            }
            for (x, y) in case["inputs"].array().iter().zip(case["outputs"].array()) {
                assert_same(&block.forward(&x.floats()).unwrap(), &y.floats(), "trained");
            }
        });
    }

    #[test]
    fn reports() {
        each("attention.json", "benchmark", |case| {
            let ((d_model, d_k, seq_len), depth) = (shape(case), case["depth"].usize());
            let found = run_benchmark_with_trials(d_model, d_k, seq_len, depth, case["trials"].usize()).unwrap();
            assert_eq!(found.param_count, case["param_count"].usize());
            assert_eq!(found.phase1_serialize_roundtrip, case["phase1_serialize_roundtrip"].bool());
            assert_eq!(found.phase2_converged, case["phase2_converged"].bool());
            let got = [found.phase2_baseline_mse, found.phase2_final_mse, found.phase2_mse_reduction];
            let want = ["phase2_baseline_mse", "phase2_final_mse", "phase2_mse_reduction"].map(|key| case[key].f64());
            assert_same(&got, &want, "benchmark");
            assert_eq!(found.phase2_training_rounds as usize, case["phase2_training_rounds"].usize());
            assert_eq!(found.phase4_scaling.len(), case["phase4_points"].array().len());
        });
        each("baseline_attention.json", "compare", |case| {
            let shape: Vec<usize> = case["shape"].array().iter().map(Value::usize).collect();
            let rounds = case["rounds"].usize();
            let found = compare_eml_vs_baseline(shape[0], shape[1], shape[2], shape[3], config(case), rounds).unwrap();
            assert_eq!((found.shape, found.rounds), ((shape[0], shape[1], shape[2], shape[3]), rounds));
            assert_eq!(found.eml_param_count, case["eml_param_count"].usize());
            let got =
                [found.eml_final_mse, found.eml_mse_reduction, found.baseline_final_mse, found.baseline_mse_reduction];
            let keys = ["eml_final_mse", "eml_mse_reduction", "baseline_final_mse", "baseline_mse_reduction"];
            assert_same(&got, &keys.map(|key| case[key].f64()), "comparison");
        });
        let scaling = run_benchmark_with_trials(8, 4, 4, 3, 1).unwrap().phase4_scaling;
        assert_eq!((scaling.len(), scaling[0].seq_len, scaling[0].d_model, scaling[0].param_count), (1, 4, 8, 2904));
        assert!(scaling[0].inference_ns_mean > 0);
        let untrained = compare_eml_vs_baseline(4, 2, 2, 3, EndToEndTrainConfig::default(), 0).unwrap();
        assert_eq!((untrained.eml_final_mse, untrained.baseline_mse_reduction), (f64::INFINITY, f64::NEG_INFINITY));
    }

    fn expect_refusal<T>(result: Result<T, AttentionError>, debug: &Value, text: &Value) {
        match result {
            Ok(_) => assert!(text.is_null(), "expected {text:?}"),
            Err(error) => {
                assert_eq!(error.to_string(), text.text());
                if !debug.is_null() {
                    assert_eq!(format!("{error:?}"), debug.text());
                }
            }
        }
    }

    #[test]
    fn refusals() {
        each("errors.json", "toy_attention_new", |case| {
            let (d_model, d_k, seq_len) = shape(case);
            let made = ToyEmlAttention::new("t", d_model, d_k, seq_len, case["depth"].usize());
            expect_refusal(made, &case["debug"], &case["error"]);
        });
        each("errors.json", "baseline_attention_new", |case| {
            let (d_model, d_k, seq_len) = shape(case);
            expect_refusal(BaselineAttention::new("t", d_model, d_k, seq_len), &case["debug"], &case["error"]);
        });
        let mut toy = ToyEmlAttention::new("t", 8, 4, 4, 3).unwrap();
        let mut baseline = BaselineAttention::new("t", 8, 4, 4).unwrap();
        each("errors.json", "calls", |case| {
            if case["call"].text() == "forward" {
                let x = vec![0.0; case["len"].usize()];
                expect_refusal(toy.forward(&x), &Value::Null, &case["toy_error"]);
                expect_refusal(baseline.forward(&x), &Value::Null, &case["baseline_error"]);
            } else {
                let (x, y) = (vec![0.0; case["input_len"].usize()], vec![0.0; case["target_len"].usize()]);
                expect_refusal(toy.record(x.clone(), y.clone()), &Value::Null, &case["toy_error"]);
                expect_refusal(baseline.record(x, y), &Value::Null, &case["baseline_error"]);
            }
        });
    }

    #[test]
    fn unusual_configurations() {
        let mut block = ToyEmlAttention::new("t", 2, 1, 1, 3).unwrap();
        let nothing = EndToEndTrainConfig { eval_subset: 0, ..Default::default() };
        assert_eq!(block.train_end_to_end(nothing), f64::INFINITY); // nothing to divide
        for i in 0..8 {
            block.record(vec![f64::from(i), 0.5], vec![0.5; 2]).unwrap();
        }
        let mut copy = block.clone();
        let panic = panic_of(std::panic::AssertUnwindSafe(move || copy.train_end_to_end(nothing)));
        assert!(panic.unwrap().contains("divide by zero"));
        let all = EndToEndTrainConfig { max_samples: usize::MAX, trials: 10, ..Default::default() };
        assert!(block.train_end_to_end(all).is_finite());
        let never = EndToEndTrainConfig { convergence_mse: f64::NAN, trials: 10, ..Default::default() };
        assert!(block.train_end_to_end(never).is_finite() && !block.is_trained());
        assert!(block.forward(&[f64::NAN, 1.0]).is_ok());
        assert_eq!(block.clone().to_json(), block.to_json());
        assert!(format!("{block:?}").starts_with("ToyEmlAttention { name: \"t\", d_model: 2"));
    }

    #[test]
    fn traits_of_the_types() {
        fn check<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Clone + std::fmt::Debug>() {}
        check::<ToyEmlAttention>();
        check::<BaselineAttention>();
        check::<EndToEndTrainConfig>();
        check::<AttentionError>();
        check::<eml_core::attention::AttentionBenchmark>();
        check::<eml_core::baseline_attention::AttentionComparison>();
        fn is_copy<T: Copy>() {}
        is_copy::<EndToEndTrainConfig>();
    }
}
