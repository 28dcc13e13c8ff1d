//! Training of language models: golden losses, folders of tokens, stopping and going on, panics, refusals.

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};

use eml_native::native::{
    Cancel, ErrorCode, KParameter, LanguageFormat, LanguageModel, LanguageOptions, LanguageTrainer, Optimizer,
    Tokenizer, TrainerOptions, TrainingPlan, Weights,
};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/data/lm");
const CONFIG: &str = r#"{"vocab_size":300,"n_layer":2,"n_embd":32,"n_head":1,"n_kv_head":1,"head_dim":32,"hidden_dim":64,
    "sequence_len":16,"window_pattern":"SL","activation":"eml"}"#;
const TINY: &str = r#"{"sequence_len":16,"window_pattern":"SSSL","n_head":4,"n_kv_head":4,"head_dim":12}"#;

// tiny-b.json, train: inputs, targets, and the losses of its first run asis.
const INPUTS: [i32; 32] = [
    148, 62, 203, 144, 146, 148, 237, 190, 20, 44, 69, 117, 280, 172, 160, 52, 67, 119, 95, 265, 174, 115, 292, 112,
    189, 154, 96, 210, 82, 6, 13, 294,
];
const TARGETS: [i32; 32] = [
    62, 203, 144, -1, 148, 237, 190, 20, 44, 69, 117, 280, 172, 160, 52, 228, 119, 95, 265, 174, 115, 292, 112, 189,
    154, 96, 210, 82, 6, 13, 294, -1,
];
const LOSSES: [f64; 6] = [
    8.938678058900171,
    5.117370780912759,
    3.2275503014368634,
    1.6624025161960831,
    0.509103707620064,
    0.26278448230470913,
];

fn tiny(variant: &str) -> LanguageModel {
    LanguageModel::load_with(format!("{DATA}/tiny-b.{variant}.safetensors"), LanguageOptions::new().config(TINY))
        .unwrap()
}

fn plan<'a>(steps: u64) -> TrainingPlan<'a> {
    TrainingPlan::steps(steps).batch_tokens(64).validation(4, 64)
}

fn bytes(trainer: &LanguageTrainer) -> Vec<u8> {
    trainer.model().unwrap().export(LanguageFormat::Safetensors).unwrap().to_vec()
}

#[test]
fn golden_losses() {
    let mut trainer = LanguageTrainer::new(&tiny("f32"), TrainerOptions::new().threads(2)).unwrap();
    for (i, wanted) in LOSSES.iter().enumerate() {
        let each = trainer.losses(&INPUTS, &TARGETS).unwrap();
        let loss = trainer.step(&INPUTS, &TARGETS, 1.0, None).unwrap().unwrap();
        assert!((loss - wanted).abs() <= 2e-4, "step {i}: {loss}, not {wanted}");
        assert!((each.iter().sum::<f64>() / 30.0 - loss).abs() < 1e-6);
    }
    assert_eq!((trainer.steps(), trainer.sequence_len(), trainer.seconds()), (6, 16, 0.0));
    assert!(trainer.bytes() > 16 * trainer.parameters());
    assert_eq!(format!("{trainer:?}"), "LanguageTrainer { steps: 6 }");
}

#[test]
fn stop_and_go_on() {
    let folder = std::env::temp_dir().join(format!("eml-trainer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let state = folder.join("state.safetensors");
    for optimizer in [Optimizer::AdamW, Optimizer::Muon] {
        let options = TrainerOptions::new().optimizer(optimizer);
        let start = LanguageModel::create(CONFIG, 3, None).unwrap();
        let mut whole = LanguageTrainer::new(&start, options).unwrap();
        let mut losses = Vec::new();
        let mut seen = Vec::new();
        let result = whole
            .run(
                format!("{DATA}/tokens"),
                plan(10).on_step(|step| {
                    losses.push(step.loss);
                    seen.extend(step.bits_per_byte.map(|_| step.step));
                    ControlFlow::Continue(())
                }),
            )
            .unwrap();
        assert_eq!((result.done, result.steps), (true, 10));
        assert!(result.bits_per_byte.unwrap() > 0.0 && losses[9] < losses[0]);
        assert_eq!(seen, [4, 8, 10]);

        let mut first = LanguageTrainer::new(&start, options.threads(2)).unwrap();
        let stop =
            plan(10).on_step(|step| if step.step == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
        let stopped = first.run(format!("{DATA}/tokens"), stop).unwrap();
        assert_eq!((stopped.done, stopped.steps), (false, 6));
        first.save(&state).unwrap();
        let other = LanguageModel::create(CONFIG, 9, None).unwrap();
        let mut second = LanguageTrainer::new(&other, options).unwrap();
        second.load(&state).unwrap();
        assert!(second.run(format!("{DATA}/tokens"), plan(10)).unwrap().done);
        assert_eq!(bytes(&whole), bytes(&second));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn options_and_cancelling() {
    let tokenizer = Tokenizer::load(format!("{DATA}/tokens/tokenizer.json")).unwrap();
    let start = LanguageModel::create(CONFIG, 3, Some(&tokenizer)).unwrap();
    let options = TrainerOptions::default()
        .sequence_len(8)
        .group_tokens(16)
        .k_parameter(KParameter::Softplus)
        .weights(Weights::Bf16)
        .rate(0.5)
        .largest_k(0.9);
    let mut trainer = LanguageTrainer::new(&start, options).unwrap();
    let by_time = TrainingPlan::seconds(0.1).batch_tokens(64).schedule(0.1, 0.5, 0.1).validation(0, 64);
    assert!(trainer.run(format!("{DATA}/tokens"), by_time).unwrap().done);
    let trained = trainer.model().unwrap();
    assert!(trained.tokenizer().is_some());
    assert!(trained.activation_parameters().iter().all(|&k| k <= 0.9));
    let rounded = trained.quantize(Weights::Bf16).unwrap().quantize(Weights::F32).unwrap();
    assert_eq!(rounded.export(LanguageFormat::Safetensors).unwrap().to_vec(), bytes(&trainer));

    let cancel = Cancel::new();
    cancel.set();
    let steps = trainer.steps();
    assert!(!trainer.run(format!("{DATA}/tokens"), plan(steps + 5).cancel(&cancel)).unwrap().done);
    assert_eq!(trainer.step(&INPUTS, &TARGETS, 1.0, Some(&cancel)).unwrap(), None);
    assert_eq!(trainer.steps(), steps);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        trainer.run(format!("{DATA}/tokens"), plan(steps + 5).on_step(|_| panic!("told")))
    }));
    assert!(panicked.is_err());
    assert_eq!(trainer.steps(), steps + 1);
}

#[test]
fn refusals() {
    let small = tiny("int8");
    assert_eq!(LanguageTrainer::new(&small, TrainerOptions::new()).unwrap_err().code, ErrorCode::Unsupported);
    assert_eq!(LanguageModel::create("{}", 1, None).unwrap_err().code, ErrorCode::Format);
    let mut trainer = LanguageTrainer::new(&tiny("f32"), TrainerOptions::new()).unwrap();
    assert_eq!(trainer.step(&INPUTS[..5], &TARGETS[..5], 1.0, None).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(trainer.losses(&INPUTS, &TARGETS[..16]).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(trainer.step(&INPUTS, &INPUTS, f64::NAN, None).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(trainer.run(format!("{DATA}/nowhere"), plan(1)).unwrap_err().code, ErrorCode::Io);
    assert_eq!(trainer.load(format!("{DATA}/tokens/val.tok")).unwrap_err().code, ErrorCode::Format);
    assert_eq!(trainer.steps(), 0);
}
