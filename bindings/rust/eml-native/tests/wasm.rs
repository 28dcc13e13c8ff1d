//! WebAssembly machines: calls, closures as imports, memory, traps, runs in pieces, cancelling, panics, refusals.

extern crate eml_native as eml_core;

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eml_native::native::{Cancel, ErrorCode, Wasi, WasiStream, WasmMachine, WasmOptions, WasmRun, WasmType, WasmValue};

// The source is abi.wat beside it.
const WASM: &[u8] = include_bytes!("../../../../tests/data/wasm/abi.wasm");
const WASI: &[u8] = include_bytes!("../../../../tests/data/wasm/wasi.wasm");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/wasm");
const BASE: i64 = -5;

fn nothing<'a>(dense: bool) -> WasmOptions<'a> {
    WasmOptions::new()
        .dense(dense)
        .function("env", "output", |_| ControlFlow::Continue(()))
        .function("env", "input", |_| ControlFlow::Continue(()))
        .function("env", "print", |_| ControlFlow::Continue(()))
        .global("env", "base", BASE)
}

fn machine() -> WasmMachine<'static> {
    WasmMachine::with_options(WASM, nothing(false)).unwrap()
}

fn done(value: impl Into<WasmValue>) -> WasmRun {
    WasmRun::Done(vec![value.into()])
}

#[test]
fn functions_run() {
    for dense in [false, true] {
        let mut machine = WasmMachine::with_options(WASM, nothing(dense)).unwrap();
        assert_eq!(machine.invoke("add", &[3.into(), 5.into()]).unwrap(), done(8));
        assert_eq!(machine.invoke("add", &[i32::MAX.into(), 1.into()]).unwrap(), done(i32::MIN));
        assert_eq!(machine.invoke("wide", &[(1i64 << 40).into(), BASE.into()]).unwrap(), done(BASE << 40));
        let both = WasmRun::Done(vec![WasmValue::I32(-3), WasmValue::I32(-1)]);
        assert_eq!(machine.invoke("divide", &[(-7).into(), 2.into()]).unwrap(), both);
        assert_eq!(machine.invoke("fib", &[4.into()]).unwrap(), done(3));
        assert_eq!(machine.invoke("started", &[]).unwrap(), done(7));
        assert_eq!(machine.invoke("base", &[]).unwrap(), done(BASE));
        assert!(machine.tokens() >= machine.instructions() && machine.instructions() > 0);
        assert!(machine.prompt_tokens() > 50 && machine.state_bytes() > 0 && machine.parameters() > 0);
        assert_eq!(machine.pages(), 1);
    }
    let mut machine = machine();
    assert_eq!(machine.invoke("fib", &[15.into()]).unwrap(), done(610));
    let names: Vec<&str> = machine.functions().iter().map(|function| function.name.as_str()).collect();
    let wanted = ["add", "wide", "fib", "divide", "echo", "hello", "get", "set", "started", "base", "spin", "locals"];
    assert_eq!(names, wanted);
    assert_eq!(machine.functions()[1].params, [WasmType::I64, WasmType::I64]);
    assert_eq!(machine.functions()[3].results, [WasmType::I32, WasmType::I32]);
    assert!(format!("{machine:?}").contains("functions: 12"));
}

#[test]
fn closures_are_imported_functions() {
    let seen = Mutex::new(Vec::new());
    let printed = Mutex::new(Vec::new());
    let options = WasmOptions::new()
        .function("env", "output", |call| {
            assert_eq!((call.args(), call.results()), (1, 0));
            seen.lock().unwrap().push(call.arg(0));
            ControlFlow::Continue(())
        })
        .function("env", "input", |call| {
            call.set_result(0, 41);
            ControlFlow::Continue(())
        })
        .function("env", "print", |call| {
            let (address, size) = match (call.arg(0), call.arg(1)) {
                (WasmValue::I32(address), WasmValue::I32(size)) => (address, size),
                _ => panic!("{call:?}"),
            };
            *printed.lock().unwrap() = call.read_memory(address as u32, size as usize).unwrap();
            call.write_memory((address + size) as u32, b"!").unwrap();
            ControlFlow::Break(())
        })
        .global("env", "base", BASE);
    let mut machine = WasmMachine::with_options(WASM, options).unwrap();
    assert_eq!(machine.invoke("echo", &[]).unwrap(), WasmRun::Done(vec![]));
    let mut machine = std::thread::scope(|scope| {
        scope
            .spawn(move || {
                assert_eq!(machine.invoke("hello", &[]).unwrap(), WasmRun::Cancelled); // on another thread
                machine
            })
            .join()
            .unwrap()
    });
    assert!(!machine.is_suspended()); // an imported function's Break ends the call
    assert_eq!(machine.resume(0).unwrap_err().code, ErrorCode::State);
    assert_eq!(machine.read_memory(14, 16).unwrap(), b"\0\0hello, world!\0");
    drop(machine);
    assert_eq!(seen.into_inner().unwrap(), [WasmValue::I32(42)]);
    assert_eq!(printed.into_inner().unwrap(), b"hello, world");
}

#[test]
fn a_panic_of_a_closure_comes_out() {
    let alive = Arc::new(());
    let held = alive.clone();
    let options = nothing(false).function("env", "output", move |_| {
        let _held = &held;
        panic!("mine")
    });
    let mut machine = WasmMachine::with_options(WASM, options).unwrap();
    for _ in 0..2 {
        let payload = catch_unwind(AssertUnwindSafe(|| machine.invoke("echo", &[]))).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"mine"));
    }
    assert_eq!(machine.invoke("add", &[1.into(), 2.into()]).unwrap(), done(3));
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(machine);
    assert_eq!(Arc::strong_count(&alive), 1);
    // A result of another type is such a panic.
    let options = nothing(false).function("env", "input", |call| {
        call.set_result(0, 1i64);
        ControlFlow::Continue(())
    });
    let mut machine = WasmMachine::with_options(WASM, options).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| machine.invoke("echo", &[]))).is_err());
}

#[test]
fn memory_is_read_and_written() {
    let mut machine = machine();
    let bytes: Vec<u8> = (0..100).collect();
    machine.write_memory(1003, &bytes).unwrap();
    assert_eq!(machine.read_memory(1003, 100).unwrap(), bytes);
    assert_eq!(machine.invoke("get", &[1010.into()]).unwrap(), done(7));
    assert_eq!(machine.read_memory(65536, 0).unwrap(), []);
    assert_eq!(machine.read_memory(65536, 1).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.read_memory(0, usize::MAX).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.write_memory(u32::MAX, b"ab").unwrap_err().code, ErrorCode::Argument);
}

#[test]
fn traps_have_the_words_of_the_specification() {
    let mut machine = machine();
    let trap = |text: &str| WasmRun::Trapped(text.to_owned());
    let divide = machine.invoke("divide", &[1.into(), 0.into()]).unwrap();
    assert_eq!(divide, trap("integer divide by zero"));
    assert_eq!(machine.trap(), "integer divide by zero");
    let divide = machine.invoke("divide", &[i32::MIN.into(), (-1).into()]).unwrap();
    assert_eq!(divide, trap("integer overflow"));
    let get = machine.invoke("get", &[(1u32 << 31).into()]).unwrap();
    assert_eq!(get, trap("out of bounds memory access"));
    assert_eq!(machine.invoke("add", &[1.into(), 2.into()]).unwrap(), done(3));
    assert_eq!(machine.trap(), "");
}

#[test]
fn a_call_runs_in_pieces() {
    let mut machine = machine();
    let mut run = machine.invoke_with_fuel("fib", &[9.into()], 7).unwrap();
    while run == WasmRun::OutOfFuel {
        assert!(machine.is_suspended());
        run = machine.resume(7).unwrap();
    }
    assert_eq!(run, done(34));
    assert_eq!(machine.resume(7).unwrap_err().code, ErrorCode::State);

    let cancel = Cancel::new();
    let other = cancel.clone();
    let setter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        other.set();
    });
    assert_eq!(machine.invoke_cancellable("spin", &[], 0, &cancel).unwrap(), WasmRun::Cancelled);
    setter.join().unwrap();
    assert_eq!(machine.resume_cancellable(0, &cancel).unwrap(), WasmRun::Cancelled);
    assert_eq!(machine.resume(10).unwrap(), WasmRun::OutOfFuel);
}

#[test]
fn the_token_closure_sees_every_token() {
    let count = Arc::new(Mutex::new(0));
    let counter = count.clone();
    let options = nothing(false).on_token(move |token, numbers| {
        let mut count = counter.lock().unwrap();
        assert!(token == *count && !numbers.is_empty());
        *count += 1;
        if *count == 20 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let mut machine = WasmMachine::with_options(WASM, options).unwrap();
    assert_eq!(machine.invoke("fib", &[6.into()]).unwrap(), WasmRun::Cancelled);
    assert_eq!(machine.tokens(), 20);
    assert_eq!(machine.resume(0).unwrap(), done(8));
    assert_eq!(*count.lock().unwrap(), machine.tokens());
}

fn with_wasi<'a>(wasi: Wasi<'a>) -> WasmMachine<'a> {
    WasmMachine::with_options(WASI, WasmOptions::new().wasi(wasi)).unwrap()
}

#[test]
fn examples_put_out_what_is_expected() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(EXAMPLES).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().map_or(true, |extension| extension != "wasm") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let wasi = Wasi::new().arg(&name).stdin(std::fs::read(path.with_extension("in")).unwrap_or_default());
        let wasm = std::fs::read(&path).unwrap();
        let mut machine = WasmMachine::with_options(&wasm, WasmOptions::new().wasi(wasi)).unwrap();
        let run = machine.invoke("_start", &[]).unwrap();
        assert!(run == WasmRun::Done(vec![]) || run == WasmRun::Exited(0), "{name}: {run:?}");
        assert_eq!(machine.stdout().unwrap(), std::fs::read(path.with_extension("expected")).unwrap(), "{name}");
        assert_eq!(machine.stderr().unwrap(), b"", "{name}");
        names.push(name);
    }
    assert!(names.contains(&"hello".to_owned()) && names.len() >= 9, "{names:?}");
}

#[test]
fn programs_see_what_wasi_gives() {
    let wasi =
        || Wasi::new().arg("name").arg("é").env("A", "b=c").stdin(vec![b'x'; 1000]).seed(5).clock(0x1234_5678_9abc);
    let mut machine = with_wasi(wasi());
    assert_eq!(machine.invoke("args", &[]).unwrap(), done(2));
    assert_eq!(machine.stdout().unwrap(), "name\0é\0".as_bytes());
    assert_eq!(machine.invoke("env", &[]).unwrap(), done(1));
    assert!(machine.stdout().unwrap().ends_with(b"\0A=b=c\0"));
    assert_eq!(machine.invoke("copy", &[]).unwrap(), done(1000));
    assert!(machine.stdout().unwrap().ends_with(&[b'x'; 1000]));
    assert_eq!(machine.invoke("clock", &[]).unwrap(), done(0x1234_5678_9abci64));
    let random = machine.invoke("random", &[]).unwrap();
    assert_ne!(machine.invoke("random", &[]).unwrap(), random);
    assert_eq!(with_wasi(wasi()).invoke("random", &[]).unwrap(), random);
    assert_eq!(machine.invoke("complain", &[]).unwrap(), WasmRun::Done(vec![]));
    assert_eq!(machine.stderr().unwrap(), b"oops\n");
    assert_eq!(machine.exit_code(), None);
    assert_eq!(machine.invoke("exit", &[u32::MAX.into()]).unwrap(), WasmRun::Exited(u32::MAX));
    assert_eq!(machine.exit_code(), Some(u32::MAX));
    assert!(!machine.is_suspended());
    assert_eq!(machine.invoke("missing", &[]).unwrap(), done(52));
    assert_eq!(machine.exit_code(), None);
}

#[test]
fn closures_are_standard_streams() {
    let mut left = 100;
    let seen = Mutex::new(Vec::new());
    let wasi = Wasi::new()
        .stdin_with(|room| {
            let count = room.len().min(left).min(7);
            room[..count].fill(b'y');
            left -= count;
            count
        })
        .output(|stream, bytes| {
            seen.lock().unwrap().push((stream, bytes.to_vec()));
            if seen.lock().unwrap().len() == 16 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    let mut machine = with_wasi(wasi);
    assert_eq!(machine.invoke("copy", &[]).unwrap(), done(100));
    assert_eq!(machine.invoke("complain", &[]).unwrap(), WasmRun::Cancelled);
    assert!(!machine.is_suspended() && machine.stdout().unwrap().is_empty());
    drop(machine);
    let mut seen = seen.into_inner().unwrap();
    assert_eq!(seen.pop(), Some((WasiStream::Stderr, b"oops\n".to_vec())));
    assert_eq!(seen.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(), 100);
    let mut machine = with_wasi(Wasi::new().stdin_with(|_| panic!("mine")));
    let payload = catch_unwind(AssertUnwindSafe(|| machine.invoke("copy", &[]))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"mine"));
    let error = with_wasi(Wasi::new().stdin_with(|room| room.len() + 1)).invoke("copy", &[]).unwrap_err();
    assert!(error.code == ErrorCode::Argument && error.message.contains("wasi.read gave 101"), "{error}");
}

#[test]
fn a_machine_is_exported_with_its_module() {
    let folder = std::env::temp_dir().join(format!("eml-wasm-{}", std::process::id()));
    let machine = with_wasi(Wasi::new());
    machine.export(&folder, "exit", &[7.into()]).unwrap();
    for name in ["model.safetensors", "config.json", "tokens.json", "prompt.json"] {
        assert!(std::fs::metadata(folder.join(name)).unwrap().len() > 20, "{name}");
    }
    assert_eq!(machine.export(&folder, "exit", &[]).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.export(&folder, "exit", &[7i64.into()]).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.export("/dev/null/machine", "exit", &[7.into()]).unwrap_err().code, ErrorCode::Io);
    std::fs::remove_dir_all(&folder).unwrap();
    let error = self::machine().export(&folder, "spin", &[]).unwrap_err();
    assert!(error.code == ErrorCode::Unsupported && error.message.contains("start function"), "{error}");
    let error = WasmMachine::new(WASI).unwrap_err();
    assert!(error.message.contains("fd_write"), "{error}");
    let result = WasmMachine::with_options(WASI, WasmOptions::new().wasi(Wasi::new().arg("a\0b")));
    assert!(result.unwrap_err().message.contains("args[0] holds a NUL"));
    assert_eq!(self::machine().stdout().unwrap_err().code, ErrorCode::State);
}

#[test]
fn refusals() {
    let float = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x0a\x01\x08\0\x43\0\0\x80\x3f\xa8\x0b";
    let error = WasmMachine::new(float).unwrap_err();
    assert_eq!(error.code, ErrorCode::Unsupported);
    assert_eq!(error.offset, Some(31));
    assert!(error.message.contains("byte 31, function 0") && error.message.contains("f32.const"), "{error}");
    let error = WasmMachine::new(b"rubbish!").unwrap_err();
    assert_eq!((error.code, error.offset), (ErrorCode::Format, Some(0)));
    let error = WasmMachine::new(WASM).unwrap_err();
    assert!(error.code == ErrorCode::Argument && error.message.contains("env.output"), "{error}");

    let mut machine = machine();
    for (name, args) in [
        ("nothing", vec![]),
        ("add", vec![1.into()]),
        ("add", vec![1.into(), 2i64.into()]),
        ("wide", vec![1.into(), 2.into()]),
    ] {
        assert_eq!(machine.invoke(name, &args).unwrap_err().code, ErrorCode::Argument, "{name}");
    }
    assert_eq!(machine.resume(0).unwrap_err().code, ErrorCode::State);
    assert_eq!(machine.tokens(), 0);
}
