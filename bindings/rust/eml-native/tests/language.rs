//! Tokenizers and language models: golden data, files, sessions, generation, evaluation, batches, threads, panics, refusals.

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use eml_native::native::{
    log_probability, ByteCounting, Cancel, ErrorCode, GenerateOptions, GenerationEnd, LanguageFormat, LanguageModel,
    LanguageOptions, Tokenizer, TokenizerFormat, Weights,
};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/data/lm");
const CONFIG: &str = r#"{"sequence_len":16,"window_pattern":"SSSL","n_head":4,"n_kv_head":4,"head_dim":12}"#;
const PROMPT: [i32; 12] = [33, 29, 175, 170, 60, 136, 44, 217, 71, 87, 296, 33];
const GREEDY: [i32; 16] = [115, 44, 44, 44, 258, 92, 185, 221, 44, 44, 44, 44, 44, 44, 44, 44];
const DOCUMENTS: [&str; 2] = [
    "the cat sat on the mat, the dog lay on the log, and the hen ran to the den. then they all went there again",
    "stop and go, stop and start, this and that: a thing that thinks, another thing that sinks",
];

fn tokenizer() -> Tokenizer {
    Tokenizer::train(&DOCUMENTS, 40, &["<|bos|>", "<|a|>", "<|b|>", "<|c|>"], None).unwrap()
}

fn tiny(variant: &str) -> LanguageModel {
    let options = LanguageOptions::new().config(CONFIG).mapped(variant == "bf16");
    LanguageModel::load_with(format!("{DATA}/tiny-b.{variant}.safetensors"), options).unwrap()
}

fn talking() -> LanguageModel {
    let tokenizer = tokenizer();
    let options = LanguageOptions::new().config(CONFIG).tokenizer(&tokenizer);
    LanguageModel::load_with(format!("{DATA}/tiny-b.f32.safetensors"), options).unwrap()
}

#[test]
fn texts_and_tokens() {
    let large = Tokenizer::load(format!("{DATA}/tokenizer.tiktoken")).unwrap();
    assert_eq!((large.vocab_size(), large.rank_count(), large.bos_id()), (8192, 8188, Some(8188)));
    assert_eq!((large.special("<|reserved_1|>"), large.special("nothing")), (Some(8189), None));
    for text in ["", "Hello, world!", "na\u{ef}ve caf\u{e9} \u{20ac} 5\r\n\n x", "\u{1f600}\u{1f44d}", "a\0b"] {
        let ids = large.encode(text).unwrap();
        assert_eq!(large.decode(&ids).unwrap(), text);
        assert_eq!(large.decode_bytes(&ids).unwrap(), text.as_bytes());
        let mut stream = large.stream();
        let joined: String = ids.iter().map(|&id| stream.push(id).unwrap()).collect();
        assert_eq!(joined + &stream.flush(), text);
    }
    assert_eq!(large.encode_special("a<|reserved_0|>").unwrap(), [97, 8188]);
    assert!(large.encode("<|reserved_0|>").unwrap().len() > 1);
    assert_eq!(large.decode(&[0xe2, 97]).unwrap(), "\u{fffd}a");
    assert_eq!(large.byte_lengths(ByteCounting::Raw)[255], 1);
    assert_eq!(large.byte_lengths(ByteCounting::Reference)[255], 3);
    let mut stream = large.stream();
    drop(large); // the stream goes on
    assert_eq!((stream.push(0xe2).unwrap(), stream.flush()), (String::new(), "\u{fffd}".to_owned()));
    assert_eq!(stream.push(8192).unwrap_err().code, ErrorCode::Argument);
}

#[test]
fn tokenizer_files() {
    let tokenizer = tokenizer();
    let bytes = tokenizer.export(TokenizerFormat::Json).unwrap();
    let same = Tokenizer::import(&bytes).unwrap();
    assert_eq!(same.export(TokenizerFormat::Json).unwrap(), bytes);
    assert_eq!(same.encode(DOCUMENTS[1]).unwrap(), tokenizer.encode(DOCUMENTS[1]).unwrap());
    assert_eq!(Tokenizer::import(b"{\"a\":").unwrap_err().code, ErrorCode::Format);
    assert_eq!(Tokenizer::load("/nonexistent/a.json").unwrap_err().code, ErrorCode::Io);
    assert_eq!(tokenizer.save("/nonexistent/a.txt").unwrap_err().code, ErrorCode::Argument);
    assert_eq!(tokenizer.decode(&[300]).unwrap_err().code, ErrorCode::Argument);
    let cancel = Cancel::new();
    cancel.set();
    assert_eq!(Tokenizer::train(&DOCUMENTS, 40, &[], Some(&cancel)).unwrap().vocab_size(), 256);
}

#[test]
fn golden_tokens() {
    for (variant, weights) in [("f32", Weights::F32), ("bf16", Weights::Bf16), ("int8", Weights::Int8)] {
        let model = tiny(variant);
        let info = model.info();
        assert_eq!((info.vocab_size, info.n_layer, info.n_embd, info.sequence_len), (300, 3, 48, 16));
        assert_eq!((info.parameters, info.weights), (140_809, weights));
        assert_eq!(model.activation_parameters(), [1.0, 0.3, 0.01]);
        let options = GenerateOptions::new().max_tokens(16).temperature(0.0);
        let made = model.session(2).unwrap().generate(&PROMPT, options).unwrap();
        assert_eq!((&made.tokens[..], made.text.as_str(), made.end), (&GREEDY[..], "", GenerationEnd::Length));
        let made = tiny("f32").quantize(weights).unwrap();
        let read = |model: &LanguageModel| model.session(1).unwrap().read(&PROMPT).unwrap();
        assert_eq!(read(&made), read(&model));
    }
}

#[test]
fn parity_and_formats() {
    let model = talking();
    let found = model.check_parity(&format!("{{\"tokens\":{PROMPT:?},\"greedy\":{GREEDY:?}}}")).unwrap();
    assert!(found.is_right && found.differing.is_none());
    let found = model.check_parity(&format!("{{\"tokens\":{PROMPT:?},\"greedy\":[115,44,45]}}")).unwrap();
    assert!(!found.is_right && found.differing == Some((2, 44)));
    let logits = model.session(1).unwrap().read(&PROMPT).unwrap();
    let formats = [LanguageFormat::Json, LanguageFormat::Safetensors, LanguageFormat::Protobuf, LanguageFormat::Npz];
    for format in formats {
        let bytes = model.export(format).unwrap();
        let same = LanguageModel::import(&bytes, LanguageOptions::new()).unwrap();
        assert_eq!(same.session(1).unwrap().read(&PROMPT).unwrap(), logits);
        assert_eq!(same.config(), model.config());
        assert_eq!(same.tokenizer().unwrap().vocab_size(), 300);
    }
    let path = std::env::temp_dir().join(format!("eml-language-{}.npz", std::process::id()));
    model.save(&path, LanguageFormat::Auto).unwrap();
    assert_eq!(LanguageModel::load(&path).unwrap().info(), model.info());
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn tokens_alone_and_together() {
    let model = tiny("f32");
    let (mut session, mut other) = (model.session(2).unwrap(), model.session(1).unwrap());
    let mut batch = model.batch(2, 1).unwrap();
    drop(model); // they go on
    let rows = session.read_all(&PROMPT).unwrap();
    for (token, row) in PROMPT.iter().zip(rows.chunks(300)) {
        assert_eq!(other.read(&[*token]).unwrap(), row);
        let both = batch.step(&[*token, PROMPT[0]]).unwrap();
        assert_eq!(&both[..300], row);
    }
    assert_eq!((other.position(), batch.position(1).unwrap()), (12, 12));
    batch.reset(1).unwrap();
    assert_eq!(batch.read(1, &PROMPT).unwrap(), rows[11 * 300..]);
    other.reset();
    assert_eq!(other.embed(&PROMPT).unwrap().len(), 12 * 48);
    assert_eq!(batch.step(&[1]).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(batch.read(2, &[1]).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(batch.position(2).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(session.read(&[]).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(session.read(&[300]).unwrap_err().code, ErrorCode::Argument);
}

#[test]
fn generation() {
    let model = talking();
    let options = || GenerateOptions::new().max_tokens(40).temperature(1.3).top_k(200).top_p(0.98).min_p(1e-4).seed(5);
    let mut seen = Vec::new();
    let first = model
        .session(1)
        .unwrap()
        .generate_text(
            "the cat",
            options().on_token(|token| {
                seen.push(token.clone());
                ControlFlow::Continue(())
            }),
        )
        .unwrap();
    let again = |options: GenerateOptions<'_>| model.session(2).unwrap().generate_text("the cat", options).unwrap();
    assert_eq!(again(options()), first);
    assert_ne!(again(options().seed(6)), first);
    assert_ne!(again(options().repetition_penalty(3.0)), first);
    assert_eq!(seen.iter().map(|token| token.id).collect::<Vec<_>>(), first.tokens);
    assert_eq!(seen.iter().map(|token| token.log_probability).sum::<f64>(), first.log_probability);
    assert!(first.text.starts_with(&seen.iter().map(|token| token.text.as_str()).collect::<String>()));
    let stop: String = first.text.chars().skip(first.text.chars().count() / 2).take(3).collect();
    let stopped = again(options().stop_text("nothing of the kind").stop_text(&stop));
    assert_eq!(stopped.end, GenerationEnd::StopText);
    assert_eq!(stopped.text, first.text.split(&stop).next().unwrap());
    let stopped = again(options().stop_tokens(&first.tokens[..1]));
    assert_eq!((stopped.end, stopped.tokens.len()), (GenerationEnd::StopToken, 0));
    let stopped = again(options().on_token(|_| ControlFlow::Break(())));
    assert_eq!((stopped.end, stopped.tokens.len()), (GenerationEnd::Callback, 1));
    let mut session = model.session(1).unwrap();
    let panicked =
        catch_unwind(AssertUnwindSafe(|| session.generate_text("the", options().on_token(|_| panic!("on purpose")))));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(session.generate(&PROMPT, options().temperature(-1.0)).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(tiny("f32").session(1).unwrap().generate_text("a", options()).unwrap_err().code, ErrorCode::State);
}

#[test]
fn evaluation() {
    let model = talking();
    let mut session = model.session(1).unwrap();
    let text = "the cat sat on the mat";
    let score = session.evaluate_text(text, ByteCounting::Raw, None).unwrap();
    assert_eq!(score.bytes, text.len() as u64);
    let tokenizer = model.tokenizer().unwrap();
    let tokens = tokenizer.encode(text).unwrap();
    let lengths = tokenizer.byte_lengths(ByteCounting::Raw);
    assert_eq!(session.evaluate(&tokens, 296, Some(&lengths), None).unwrap(), score);
    session.reset();
    let mut inputs = vec![296];
    inputs.extend_from_slice(&tokens[..tokens.len() - 1]);
    let rows = session.read_all(&inputs).unwrap();
    let nats: f64 = rows.chunks(300).zip(&tokens).map(|(row, &token)| -log_probability(row, token).unwrap()).sum();
    assert_eq!(nats, score.nats);
    assert_eq!(session.evaluate(&tokens, 296, Some(&[1]), None).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(log_probability(&rows[..300], 300).unwrap_err().code, ErrorCode::Argument);
}

#[test]
fn threads_share_a_model() {
    let model = tiny("int8");
    let generate = || {
        let options = GenerateOptions::new().max_tokens(30).seed(3);
        model.session(1).unwrap().generate(&PROMPT, options).unwrap()
    };
    let want = generate();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(generate)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), want);
        }
    });
}

#[test]
fn cancelling() {
    let mut session = tiny("f32").session(1).unwrap();
    let cancel = Cancel::new();
    let other = cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        let set = Instant::now();
        other.set();
        set
    });
    assert_eq!(session.read_cancellable(&vec![5; 20_000_000], &cancel).unwrap(), None);
    let returned = Instant::now();
    println!("returned {:?} after it was cancelled", returned - thread.join().unwrap());
    assert!(session.position() < 20_000_000);
    let made = session.generate(&PROMPT, GenerateOptions::new().cancel(&cancel)).unwrap();
    assert_eq!((made.end, made.tokens.len()), (GenerationEnd::Cancelled, 0));
    assert_eq!(session.evaluate(&PROMPT, 0, None, Some(&cancel)).unwrap().tokens, 0);
    cancel.reset();
    assert!(session.read_cancellable(&PROMPT, &cancel).unwrap().is_some());
}

#[test]
fn refusals() {
    let model = tiny("f32");
    assert_eq!(model.session(0).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(model.batch(65, 1).unwrap_err().code, ErrorCode::Argument);
    assert!(model.tokenizer().is_none());
    assert_eq!(LanguageModel::load("/nonexistent/a.npz").unwrap_err().code, ErrorCode::Io);
    assert_eq!(LanguageModel::import(b"rubbish", LanguageOptions::new()).unwrap_err().code, ErrorCode::Format);
    let large = Tokenizer::load(format!("{DATA}/tokenizer.tiktoken")).unwrap();
    let bytes = model.export(LanguageFormat::Safetensors).unwrap();
    let refused = LanguageModel::import(&bytes, LanguageOptions::new().tokenizer(&large));
    assert_eq!(refused.unwrap_err().code, ErrorCode::Argument);
    let refused = LanguageModel::import(&bytes[..bytes.len() / 2], LanguageOptions::new());
    assert_eq!(refused.unwrap_err().code, ErrorCode::Format);
    assert_eq!(model.save("/nonexistent/a.xml", LanguageFormat::Auto).unwrap_err().code, ErrorCode::Argument);
}
