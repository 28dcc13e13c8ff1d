//! The API beyond the mirror: profiles, options, callbacks, cancellation, formats, scaling, metadata, errors.

// The name that `support` uses.
extern crate eml_native as eml_core;

mod support;

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eml_native::native::{
    self, math, Affine, Buffer, Cancel, Error, ErrorCode, Format, Language, Model, Phase, Profile, SafeTree, Scaling,
    SnapOptions, TrainOptions, Verdict,
};
use eml_native::EmlEvent;
use support::{assert_same, each, event_of, golden, json};

fn is_send_and_sync<T: Send + Sync>() {}

#[test]
fn handles_cross_threads() {
    is_send_and_sync::<Model>();
    is_send_and_sync::<SafeTree>();
    is_send_and_sync::<Cancel>();
    is_send_and_sync::<Buffer>();
    is_send_and_sync::<Error>();
}

#[test]
fn version_and_build() {
    assert_eq!(native::load(), Ok(()));
    assert_eq!(native::version(), eml_sys::EML_VERSION_STRING);
    let info = json::parse(native::build_info()).expect("JSON");
    assert_eq!(info["version"].text(), native::version());
    for field in ["commit", "rid", "isa", "runtime"] {
        assert!(!info[field].text().is_empty(), "{field}");
    }
    assert!(info["vector_bits"].usize() >= 64);

    // test.sh names a folder when one twin is to be tested.
    let folder = std::env::var("EML_LIB_DIR").unwrap_or_default();
    if let Some(twin) = folder.rsplit('/').next().filter(|name| name.starts_with("x86-64-v")) {
        assert_eq!(info["isa"].text(), twin);
    }
}

/// A model of the given profile with samples of y = (x0 + x1) / 2.
fn with_samples(profile: Profile) -> Model {
    let mut model = Model::builder().depth(3).inputs(2).heads(1).profile(profile).build().unwrap();
    let x: Vec<f64> = (0..160).map(|i| f64::from(i * 37 % 101) / 101.0).collect();
    let y: Vec<f64> = x.chunks(2).map(|row| (row[0] + row[1]) / 2.0).collect();
    model.record(&x, &y).unwrap();
    model
}

#[test]
fn audit_logs() {
    for profile in [Profile::EmlCore01, Profile::Default] {
        let mut model = with_samples(profile);
        let data = with_samples(profile);
        let mut log = Vec::new();
        let training = model.train(TrainOptions::new().max_sweeps(2).audit(&mut log)).unwrap();
        let report = data.verify_audit(&log, TrainOptions::new()).unwrap();
        assert!(report.is_ok() && report.message.is_empty(), "{report:?}");
        assert_eq!((report.trials, report.loss, report.cancelled), (training.evaluations, training.loss_after, false));

        let cut = data.verify_audit(&log[..log.len() / 2], TrainOptions::new()).unwrap();
        assert_eq!(cut.verdict, Verdict::Truncated);
        assert!(cut.record < report.records && cut.message.contains("record"), "{cut:?}");
        let middle = log.len() / 2;
        log[middle] ^= 1;
        assert!(!data.verify_audit(&log, TrainOptions::new()).unwrap().is_ok());
        log[middle] ^= 1;
        let mut other = with_samples(profile);
        other.record(&[0.5, 0.5], &[0.5]).unwrap();
        assert_eq!(other.verify_audit(&log, TrainOptions::new()).unwrap().verdict, Verdict::OtherData);
    }
}

/// A writer that takes so many records and then fails, or panics.
struct Full(usize, bool);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            assert!(!self.1, "a writer's panic");
            return Err(std::io::Error::from_raw_os_error(28));
        }
        self.0 -= 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_that_cannot_be_written() {
    let mut model = with_samples(Profile::Default);
    let before = model.params();
    for records in 0..4 {
        let error = model.train(TrainOptions::new().audit(Full(records, false))).unwrap_err();
        assert_eq!((error.code, error.sub_code), (ErrorCode::Io, 28));
        let panic = catch_unwind(AssertUnwindSafe(|| model.train(TrainOptions::new().audit(Full(records, true)))));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"a writer's panic"));
    }
    let error = model.train(TrainOptions::new().audit_file("/dev/full").unwrap()).unwrap_err();
    assert_eq!((error.code, error.sub_code), (ErrorCode::Io, 28));
    assert_eq!(model.params(), before);
}

#[test]
fn training_of_both_profiles() {
    for profile in [Profile::EmlCore01, Profile::Default] {
        let mut model = with_samples(profile);
        let before = model.loss().unwrap();
        let training = model.train(TrainOptions::new()).unwrap();
        assert_eq!((training.loss_before, training.samples_used), (before, 80));
        assert_eq!(training.loss_after, model.loss().unwrap());
        assert!(!training.cancelled && training.loss_after < training.loss_before, "{training:?}");
        assert_eq!(training.converged, model.info().trained);
        assert!(training.evaluations > 0 && training.accepted > 0 && training.sweeps > 0);
        assert_eq!(model.info().profile, profile);
        assert_eq!((model.info().sample_count, model.info().event_count), (80, 1));
        model.clear_samples();
        assert_eq!(model.info().sample_count, 0);
    }
}

#[test]
fn options_of_the_default_profile() {
    let mut model = with_samples(Profile::Default);
    let training = model.train(TrainOptions::new().target_loss(1e300).max_sweeps(3).seed(7)).unwrap();
    assert!(training.sweeps <= 3);
    let error = with_samples(Profile::EmlCore01).train(TrainOptions::new().target_loss(0.5)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Argument);
}

#[test]
fn progress_is_reported_and_can_stop() {
    let mut phases = Vec::new();
    let mut model = with_samples(Profile::EmlCore01);
    let options = TrainOptions::new().progress(|now| {
        assert!(now.step <= now.total && now.loss.is_finite() && now.evaluations > 0);
        phases.push(now.phase);
        ControlFlow::Continue(())
    });
    let whole = model.train(options).unwrap();
    assert!(phases.contains(&Phase::Restart) && phases.contains(&Phase::Descent), "{phases:?}");

    let mut model = with_samples(Profile::EmlCore01);
    let mut calls = 0;
    let stopped = model
        .train(TrainOptions::new().progress(|_| {
            calls += 1;
            ControlFlow::Break(())
        }))
        .unwrap();
    assert_eq!(calls, 1);
    assert!(stopped.cancelled && stopped.evaluations < whole.evaluations);
    assert!(stopped.loss_after <= stopped.loss_before);
    // The model goes on from the best state so far.
    assert!(!model.train(TrainOptions::new()).unwrap().cancelled);
}

#[test]
fn a_panic_in_a_closure_continues_after_the_call() {
    let mut model = with_samples(Profile::EmlCore01);
    let training = catch_unwind(AssertUnwindSafe(|| {
        model.train(TrainOptions::new().progress(|_| panic!("from the progress closure")))
    }));
    assert_eq!(*training.unwrap_err().downcast::<&str>().unwrap(), "from the progress closure");
    assert_eq!(model.forward(&[0.5, 0.5]).unwrap().len(), 1);

    model.set_event_sink(|_| panic!("from the event sink"));
    let event = EmlEvent::Reset { model_name: "m".into(), reason: "r".into() };
    let pushed = catch_unwind(AssertUnwindSafe(|| model.push_event(&event)));
    assert_eq!(*pushed.unwrap_err().downcast::<&str>().unwrap(), "from the event sink");
    model.clear_event_sink();
    model.push_event(&event).unwrap();
}

#[test]
fn cancel_from_another_thread() {
    // Samples that keep the descent busy for much longer than the other thread waits.
    let mut model = Model::builder().depth(5).inputs(6).heads(3).profile(Profile::EmlCore01).build().unwrap();
    let x: Vec<f64> = (0..30_000).map(|i| f64::from(i * 7919 % 10_007) / 10_007.0).collect();
    let y: Vec<f64> = x.iter().step_by(2).map(|x| x * 3.0).collect();
    model.record(&x, &y).unwrap();

    let cancel = Cancel::new();
    let other = cancel.clone();
    let setter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        other.set();
    });
    let training = model.train(TrainOptions::new().cancel(&cancel)).unwrap();
    setter.join().unwrap();
    assert!(training.cancelled && cancel.is_set());

    // Still set: the next training stops at once. Reset: a student can be made.
    assert!(model.train(TrainOptions::new().cancel(&cancel)).unwrap().cancelled);
    cancel.reset();
    let student = model.distill(2, 50, TrainOptions::new().max_sweeps(1).cancel(&cancel)).unwrap();
    assert_eq!((student.info().depth, student.info().sample_count), (2, 50));
}

#[test]
fn reset_and_copies() {
    let mut model = with_samples(Profile::Default);
    model.set_name("n").unwrap();
    model.train(TrainOptions::new().max_sweeps(2)).unwrap();
    let copy = model.try_clone().unwrap();
    assert_eq!(copy.name(), "n");
    assert_eq!(copy.info(), model.info());
    assert_same(&copy.params(), &model.params(), "copy");
    model.reset("start over").unwrap();
    assert!(model.params().iter().all(|&p| p == 0.0));
    assert_eq!(model.info().sample_count, 80);
    let types: Vec<_> = model.drain_events().iter().map(EmlEvent::event_type).collect();
    assert_eq!(types, ["eml.trained", "eml.reset"]);
    assert_eq!(copy.info().event_count, 1);
}

#[test]
fn partial_targets() {
    let mut model = Model::builder().depth(2).inputs(1).heads(2).build().unwrap();
    model.record_partial(&[0.1, 0.2], &[Some(1.0), None, None, Some(2.0)]).unwrap();
    assert_eq!(model.info().sample_count, 2);
    assert_eq!(model.record_partial(&[0.1], &[None]).unwrap_err().code, ErrorCode::Shape);
}

#[test]
fn events_as_eml_core_prints_them() {
    let mut model = Model::builder().build().unwrap();
    let mut texts = Vec::new();
    each("events.json", "cases", |case| {
        // eml-core stores any name; an event without one gets the model's here.
        if case["model_name"].text().is_empty() {
            return;
        }
        let json = case["json"].text();
        model.push_event(&event_of(&json::parse(json).unwrap())).unwrap();
        texts.push(json.to_owned());
    });
    let copy = model.try_clone().unwrap().drain_events();
    assert_eq!(copy.len(), texts.len());
    let drained = model.drain_events_as(Format::Json).unwrap();
    assert_eq!(String::from_utf8(drained).unwrap(), format!("[{}]", texts.join(",")));
    assert_eq!(model.info().event_count, 0);
    assert_eq!(model.next_event().map(|event| event.event_type()), None);

    // The same events again, through Rust values.
    copy.iter().for_each(|event| model.push_event(event).unwrap());
    assert_eq!(
        String::from_utf8(model.drain_events_as(Format::Json).unwrap()).unwrap(),
        format!("[{}]", texts.join(","))
    );
    assert!(model.drain_events_as(Format::Browser).is_err());
}

#[test]
fn training_log_as_eml_core_prints_it() {
    // The first document is the selection in the repository.
    for case in golden("model_training.json")[0]["cases"].array() {
        let (depth, inputs) = (case["depth"].usize() as u32, case["input_count"].usize());
        let heads = case["head_count"].usize();
        let shape = Model::builder().depth(depth).inputs(inputs).heads(heads).profile(Profile::EmlCore01);
        let mut model = shape.build().unwrap();
        model.allow_nonfinite(true);
        if !case["model_name"].is_null() {
            model.set_name(case["model_name"].text()).unwrap();
        }
        if !case["init_params"].is_null() {
            model.set_params(&case["init_params"].floats()).unwrap();
        }
        for step in case["steps"].array() {
            for (x, targets) in step["record_inputs"].array().iter().zip(step["record_targets"].array()) {
                let targets: Vec<_> =
                    targets.array().iter().map(|t| if t.is_null() { None } else { Some(t.f64()) }).collect();
                model.record_partial(&x.floats(), &targets).unwrap();
            }
            match model.train(TrainOptions::new()) {
                Ok(training) => assert_eq!(training.converged, step["converged"].bool()),
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::State);
                    assert!(model.info().sample_count < 50);
                }
            }
            let json = model.export(Format::Json).unwrap();
            assert_eq!(std::str::from_utf8(&json).unwrap(), step["json"].text());
            let log = model.drain_events_as(Format::Json).unwrap();
            assert_eq!(String::from_utf8(log).unwrap(), step["events_json"].text());
        }
    }
}

#[test]
fn event_sinks_see_every_event() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut model = with_samples(Profile::Default);
    model.set_event_sink(move |event| log.lock().unwrap().push(event.event_type()));
    model.train(TrainOptions::new().max_sweeps(1)).unwrap();
    model.reset("why not").unwrap();
    model.clear_event_sink();
    model.reset("unseen").unwrap();
    assert_eq!(*seen.lock().unwrap(), ["eml.trained", "eml.reset"]);
    assert_eq!(model.info().event_count, 3);
}

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn models_survive_every_format() {
    let folder = Folder::new("models");
    for profile in [Profile::EmlCore01, Profile::Default] {
        let mut model = with_samples(profile);
        model.train(TrainOptions::new().max_sweeps(2)).unwrap();
        let x = [0.25, 0.5, 0.75, 1.0];
        let y = model.forward(&x).unwrap();
        for (format, extension) in
            [(Format::Json, "json"), (Format::Safetensors, "safetensors"), (Format::Protobuf, "pb")]
        {
            let bytes = model.export(format).unwrap();
            for read in [Model::import(&bytes, format).unwrap(), Model::import(&bytes, Format::Auto).unwrap()] {
                assert_eq!(read.info().profile, profile);
                assert_eq!(read.info().trained, model.info().trained);
                assert_same(&read.params(), &model.params(), extension);
                assert_same(&read.forward(&x).unwrap(), &y, extension);
                assert_eq!(&*read.export(format).unwrap(), &*bytes);
            }
            let path = folder.0.join(format!("m.{extension}"));
            model.save(&path, Format::Auto).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), &*bytes);
            let mut read = Model::load(&path, Format::Auto).unwrap();
            assert_same(&read.forward(&x).unwrap(), &y, extension);
            match read.next_event() {
                Some(EmlEvent::Loaded { path: told, .. }) => assert_eq!(told, path.to_str().unwrap()),
                other => panic!("{other:?}"),
            }
        }
        let saved = model.drain_events().iter().filter(|event| event.event_type() == "eml.saved").count();
        assert_eq!(saved, 3);
        assert_eq!(model.export(Format::Browser).unwrap_err().code, ErrorCode::Unsupported);
    }
}

#[test]
fn layers_survive_every_format() {
    let folder = Folder::new("layers");
    let mut tree = SafeTree::new(2, 3, 2).unwrap();
    let params: Vec<f64> = (0..tree.param_count()).map(|i| math::exp(-(i as f64) / 3.0) - 0.5).collect();
    tree.set_params(&params).unwrap();
    let y = tree.forward(&[0.1, 0.2, 0.3]).unwrap();
    let formats = [
        (Format::Json, "json"),
        (Format::Browser, "browser.json"),
        (Format::Safetensors, "safetensors"),
        (Format::Protobuf, "pb"),
    ];
    for (format, extension) in formats {
        let path = folder.0.join(format!("t.{extension}"));
        tree.save(&path, Format::Auto).unwrap();
        let bytes = tree.export(format).unwrap();
        for read in [SafeTree::import(&bytes, format).unwrap(), SafeTree::load(&path, Format::Auto).unwrap()] {
            assert_eq!((read.depth(), read.inputs(), read.heads()), (2, 3, 2));
            assert_same(&read.params(), &params, extension);
            assert_same(&read.forward(&[0.1, 0.2, 0.3]).unwrap(), &y, extension);
        }
    }
    let copy = tree.try_clone().unwrap();
    tree.set_params(&vec![0.0; params.len()]).unwrap();
    assert_same(&copy.params(), &params, "copy");
}

#[test]
fn scaling() {
    let mut model = Model::builder().depth(3).inputs(1).heads(1).build().unwrap();
    assert_eq!(model.scaling(), None);
    assert_eq!(model.fit_scaling().unwrap_err().code, ErrorCode::State);
    let x: Vec<f64> = (0..60).map(|i| 1000.0 + f64::from(i) * 10.0).collect();
    let y: Vec<f64> = x.iter().map(|x| x / 50.0 - 30.0).collect();
    model.record(&x, &y).unwrap();
    model.fit_scaling().unwrap();
    let scaling = model.scaling().unwrap();
    assert!(model.info().scaled);
    assert_eq!(scaling.inputs[0].offset, 1000.0);
    assert!((scaling.inputs[0].factor * 590.0 - 1.0).abs() < 1e-12);

    let read = Model::import(&model.export(Format::Safetensors).unwrap(), Format::Safetensors).unwrap();
    assert_eq!(read.scaling(), Some(scaling.clone()));

    let wrong = Scaling { inputs: vec![], targets: scaling.targets.clone() };
    assert_eq!(model.set_scaling(Some(&wrong)).unwrap_err().code, ErrorCode::Shape);
    let zero = Scaling { inputs: vec![Affine { offset: 0.0, factor: 0.0 }], ..scaling.clone() };
    assert_eq!(model.set_scaling(Some(&zero)).unwrap_err().code, ErrorCode::Argument);
    model.set_scaling(None).unwrap();
    assert_eq!(model.scaling(), None);
    model.set_scaling(Some(&scaling)).unwrap();
    assert_eq!(model.scaling(), Some(scaling));
}

#[test]
fn metadata() {
    let mut model = Model::builder().build().unwrap();
    for value in ["", "ü \u{1F600}", "two\nlines"] {
        model.set_metadata("key", Some(value)).unwrap();
        assert_eq!(model.metadata("key").unwrap().as_deref(), Some(value));
    }
    model.set_metadata("key", None).unwrap();
    assert_eq!(model.metadata("key").unwrap(), None);
    assert!(model.metadata_keys().is_empty());
    for key in ["b", "", "ü", "B"] {
        model.set_metadata(key, Some("v")).unwrap();
    }
    assert_eq!(model.metadata_keys(), ["", "B", "b", "ü"]);
    let long = "k".repeat(257);
    assert_eq!(model.set_metadata(&long, Some("v")).unwrap_err().code, ErrorCode::Limit);
}

#[test]
fn errors_say_what_and_where() {
    let json = br#"{"depth":2,"input_count":1,"head_count":1,"params":[0.0],"trained":maybe}"#;
    let error = Model::import(json, Format::Json).unwrap_err();
    assert_eq!((error.code, error.sub_code), (ErrorCode::Format, eml_sys::EML_F_JSON));
    assert_eq!(error.offset, Some(67));
    assert!(!error.to_string().is_empty());
    let _: &dyn std::error::Error = &error;

    let mut model = with_samples(Profile::Default);
    assert_eq!(model.forward(&[0.5]).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(model.forward_into(&[0.5, 0.5], &mut []).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(model.forward(&[f64::NAN, 0.5]).unwrap_err().code, ErrorCode::NonFinite);
    assert_eq!(model.record(&[f64::NAN, 0.5], &[0.5]).unwrap_err().code, ErrorCode::NonFinite);
    assert_eq!(model.record(&[0.5, 0.5], &[]).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(model.set_params(&[]).unwrap_err().code, ErrorCode::Shape);
    model.allow_nonfinite(true);
    assert_eq!(model.forward(&[f64::NAN, 0.5]).unwrap().len(), 1);

    let build = |depth, inputs| Model::builder().depth(depth).inputs(inputs).build();
    assert_eq!(build(6, 1).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(build(2, 1 << 30).unwrap_err().code, ErrorCode::Limit);
    assert_eq!(SafeTree::new(5000, 1, 1).unwrap_err().code, ErrorCode::Limit);
    let missing = Model::load("no/such/folder/m.json", Format::Auto).unwrap_err();
    assert_eq!(missing.code, ErrorCode::Io);
    let few = Model::builder().build().unwrap().train(TrainOptions::new()).unwrap_err();
    assert_eq!(few.code, ErrorCode::State);
}

#[test]
fn mathematics() {
    let x = [0.0, 1.0, -3.5, f64::INFINITY, f64::NAN];
    let mut y = [0.0; 5];
    math::exp_batch(&x, &mut y).unwrap();
    assert_same(&y, &x.map(math::exp), "exp");
    math::ln_batch(&x, &mut y).unwrap();
    assert_same(&y, &x.map(math::ln), "ln");
    math::pow_batch(&x, &x, &mut y).unwrap();
    assert_same(&y, &x.map(|x| math::pow(x, x)), "pow");
    assert_eq!(math::exp_batch(&x, &mut []).unwrap_err().code, ErrorCode::Shape);

    // The generator of eml-core: the upper 31 bits, scaled to [-1, 0).
    let mut state = 42;
    let values = math::random_restart(&mut state, 3);
    let mut expected = 42u64;
    for value in values {
        expected = expected.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        assert_eq!(value, (expected >> 33) as f64 / (f64::from(u32::MAX) / 2.0) - 1.0);
    }
    assert_eq!(state, expected);
}

#[test]
fn a_linear_truth_is_snapped_and_read_off() {
    let mut model = Model::builder().inputs(2).depth(4).build().unwrap();
    for i in 0..60 {
        let (a, b) = (f64::from(i % 7), f64::from(i % 11) / 4.0);
        model.record(&[a, b], &[a + 0.5 * b]).unwrap();
    }
    model.fit_scaling().unwrap();
    model.train(TrainOptions::new()).unwrap();
    let mut phases = Vec::new();
    let options = SnapOptions::new().tolerance(0.05).max_loss_increase(0.1).max_loss(1e-9).progress(|now| {
        phases.push(now.phase);
        ControlFlow::Continue(())
    });
    let done = model.snap(options).unwrap();
    assert!(done.unscaled && !done.cancelled && !done.snapped.is_empty());
    assert!(done.loss_after <= done.loss_allowed);
    assert!(phases.iter().all(|phase| *phase == Phase::Snap));
    assert_eq!(model.expression(Language::Text).unwrap(), "y = x0 + 0.5*x1\n");
    assert_eq!(model.expression_within_samples(Language::Text).unwrap(), "y = x0 + 0.5*x1\n");
    for (language, part) in [
        (Language::Latex, "\\begin{aligned}"),
        (Language::C, "void EML_FUNCTION(const double *x, double *y)"),
        (Language::Rust, "pub fn forward(x: &[f64; 2]) -> [f64; 1]"),
        (Language::Python, "def forward(x):"),
    ] {
        assert!(model.expression(language).unwrap().contains(part), "{language:?}");
    }

    let cancel = Cancel::new();
    cancel.set();
    assert!(model.snap(SnapOptions::new().cancel(&cancel)).unwrap().cancelled);
    assert_eq!(model.snap(SnapOptions::new().tolerance(-1.0)).unwrap_err().code, ErrorCode::Argument);
    let panic = catch_unwind(AssertUnwindSafe(|| model.snap(SnapOptions::new().progress(|_| panic!("out")))));
    assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "out");
}

#[test]
fn trees_are_written_out() {
    let mut tree = SafeTree::new(0, 2, 1).unwrap();
    tree.set_params(&[2.0, -1.0, 0.5]).unwrap();
    assert_eq!(tree.expression(Language::Text).unwrap(), "y = 0.5 + 2*x0 - x1\n");
    let text = native::tree_expression(2, 2, &[0.0; 8], Language::Python).unwrap();
    assert!(text.contains("def forward(x):"));
    assert_eq!(native::tree_expression(2, 2, &[0.0; 3], Language::C).unwrap_err().code, ErrorCode::Shape);
}
