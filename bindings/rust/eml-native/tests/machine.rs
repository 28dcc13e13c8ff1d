//! Compact machines: programs, refusals, texts, folders, runs in pieces, closures, cancelling, files, traces, layer data.

extern crate eml_native as eml_core;

mod support;

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use eml_native::native::{Cancel, CompactMachine, ErrorCode, Instruction, MachineOptions, MachineState, Op, Run};
use support::json;

fn op(op: Op) -> Instruction {
    op.into()
}

fn with(op: Op, operand: u8) -> Instruction {
    (op, operand).into()
}

/// Puts out 250 to 255 and 0.
fn counting() -> Vec<Instruction> {
    vec![
        with(Op::Const, 250),
        with(Op::LocalSet, 0),
        op(Op::Loop),
        with(Op::LocalGet, 0),
        op(Op::Output),
        with(Op::LocalGet, 0),
        with(Op::Const, 1),
        op(Op::Add),
        with(Op::LocalTee, 0),
        with(Op::Const, 1),
        op(Op::Ne),
        with(Op::BrIf, 0),
        op(Op::EndLoop),
        op(Op::Halt),
    ]
}

/// A loop that three other loops are in: far more work than any test waits for.
fn long_work() -> Vec<Instruction> {
    let mut program = Vec::new();
    for local in 0..4 {
        program.extend([with(Op::Const, 255), with(Op::LocalSet, local), op(Op::Loop)]);
    }
    for local in (0..4).rev() {
        program.extend([with(Op::LocalGet, local), with(Op::Const, 1), op(Op::Sub), with(Op::LocalTee, local)]);
        program.extend([op(Op::BrIf), op(Op::EndLoop)]);
    }
    program.push(op(Op::Halt));
    program
}

fn loaded(options: MachineOptions, program: &[Instruction]) -> CompactMachine {
    let mut machine = CompactMachine::with_options(options).unwrap();
    machine.load(program).unwrap();
    machine
}

#[test]
fn programs_run() {
    for dense in [false, true] {
        let mut machine = CompactMachine::with_options(MachineOptions::new().dense(dense)).unwrap();
        assert_eq!(machine.state(), MachineState::Empty);
        assert_eq!(machine.run(0).unwrap_err().code, ErrorCode::State);
        machine.load(&counting()).unwrap();
        assert_eq!((machine.state(), machine.steps()), (MachineState::Ready, 0));
        assert_eq!(machine.run(0), Ok(Run::Halted));
        assert_eq!(machine.output(), [250, 251, 252, 253, 254, 255, 0]);
        assert_eq!((machine.state(), machine.run(0)), (MachineState::Halted, Ok(Run::Halted)));
        assert!(machine.state_bytes() > 0);
        assert!(machine.step().unwrap().is_none());
        assert!(format!("{machine:?}").contains("Halted"));
    }
}

#[test]
fn machines_cross_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<CompactMachine>();
    let mut machine = loaded(MachineOptions::new(), &counting());
    let machine = std::thread::spawn(move || {
        machine.run(10).unwrap();
        machine
    });
    assert_eq!(machine.join().unwrap().steps(), 10);
}

#[test]
fn refusals_name_the_instruction() {
    let mut machine = loaded(MachineOptions::new(), &counting());
    let error = machine.load(&[with(Op::Const, 1), op(Op::Add), op(Op::Halt)]).unwrap_err();
    assert_eq!((error.code, error.sub_code), (ErrorCode::Argument, 1));
    assert!(error.message.contains("instruction 1 (i32.add)"), "{error}");
    let error = machine.load(&[Instruction::new(0x02, None), op(Op::Halt)]).unwrap_err();
    assert_eq!((error.code, error.sub_code), (ErrorCode::Argument, 0));
    assert_eq!(machine.load(&[]).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.load(&vec![op(Op::Halt); 4097]).unwrap_err().code, ErrorCode::Limit);
    assert_eq!(machine.run(0), Ok(Run::Halted)); // what was loaded stays

    machine.load(&[op(Op::Loop), with(Op::Const, 1), op(Op::BrIf), op(Op::EndLoop), op(Op::Halt)]).unwrap();
    let error = machine.run(0).unwrap_err();
    assert_eq!((error.code, error.sub_code, machine.state()), (ErrorCode::Limit, 2, MachineState::Failed));
}

#[test]
fn text_is_a_program() {
    let mut machine = CompactMachine::new().unwrap();
    machine.load_text(";; sum\n(i32.add (i32.const 3) (i32.const 5))\n0xF0 halt").unwrap();
    assert_eq!((machine.run(0), machine.output()), (Ok(Run::Halted), vec![8]));
    let error = machine.load_text("halt\n  i32.ad").unwrap_err();
    assert_eq!((error.code, error.offset), (ErrorCode::Format, Some(7)));
    assert!(error.message.contains("line 2, column 3: 'i32.ad' is not an instruction"), "{error}");
    let error = machine.load_text("i32.const 1\n i32.add halt").unwrap_err();
    assert_eq!((error.code, error.sub_code), (ErrorCode::Argument, 1));
    assert!(error.message.starts_with("line 2, column 2: instruction 1 (i32.add)"), "{error}");
    assert_eq!(machine.load_text("").unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.output(), [8]); // what was loaded stays
}

#[test]
fn folders_hold_the_transformer() {
    let parent = std::env::temp_dir().join(format!("eml-machine-{}", std::process::id()));
    let folder = parent.join("new");
    let mut machine = CompactMachine::new().unwrap();
    machine.export(&folder).unwrap();
    assert!(!folder.join("prompt.json").exists());
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    assert!(machine.describe().contains(config.trim()));
    machine.load_text("i32.const 9 output halt").unwrap();
    machine.run(1).unwrap();
    machine.export(&folder).unwrap();
    let prompt = json::parse(&std::fs::read_to_string(folder.join("prompt.json")).unwrap()).expect("JSON");
    let tokens: Vec<usize> = prompt["tokens"].array().iter().map(|token| token.usize()).collect();
    assert_eq!(tokens, [259, 0, 9, 0xF0, 256, 0xFF, 256, 258]);
    assert_eq!(machine.export(folder.join("config.json")).unwrap_err().code, ErrorCode::Io);
    assert_eq!(machine.export("").unwrap_err().code, ErrorCode::Argument);
    std::fs::remove_dir_all(parent).unwrap();
}

#[test]
fn runs_in_pieces() {
    let mut whole = loaded(MachineOptions::new().keep_trace(true), &counting());
    whole.run(0).unwrap();
    let mut parts = loaded(MachineOptions::new().keep_trace(true), &counting());
    while parts.run(7).unwrap() == Run::OutOfFuel {
        assert_eq!(parts.steps() % 7, 0);
    }
    assert_eq!(parts.trace(), whole.trace());
    assert_eq!(parts.trace().unwrap().len() as u64, parts.steps());
    assert_eq!(parts.trace().unwrap().last(), Some(&257));
    let error = loaded(MachineOptions::new(), &counting()).trace().unwrap_err();
    assert_eq!(error.code, ErrorCode::Unsupported);
}

#[test]
fn closures_see_and_stop() {
    for probe in [false, true] {
        let mut machine = loaded(MachineOptions::new().probe(probe).keep_trace(true), &counting());
        let mut tokens = Vec::new();
        let run = machine.run_with(|event| {
            assert_eq!(event.step, tokens.len() as u64);
            assert_eq!(event.layers.is_some(), probe);
            tokens.push(event.token);
            if event.is_output {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        assert_eq!((run, machine.output()), (Ok(Run::Cancelled), vec![250]));
        let run = machine.run_with(|event| {
            tokens.push(event.token);
            ControlFlow::Continue(())
        });
        assert_eq!(run, Ok(Run::Halted));
        assert_eq!(machine.trace().unwrap(), tokens);
    }
}

#[test]
fn panics_come_out() {
    let mut machine = loaded(MachineOptions::new(), &counting());
    let caught = catch_unwind(AssertUnwindSafe(|| machine.run_with(|_| panic!("from the closure"))));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"from the closure"));
    assert_eq!(machine.steps(), 1);
    assert_eq!(machine.run(0), Ok(Run::Halted));
}

#[test]
fn cancelled_from_another_thread() {
    let mut machine = loaded(MachineOptions::new(), &long_work());
    let cancel = Cancel::new();
    let other = cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        other.set();
    });
    assert_eq!(machine.run_cancellable(0, &cancel), Ok(Run::Cancelled));
    thread.join().unwrap();
    assert_eq!(machine.state(), MachineState::Ready);
    cancel.reset();
    assert_eq!(machine.run_cancellable(1000, &cancel), Ok(Run::OutOfFuel));
}

#[test]
fn files() {
    // Reads two bytes of file 0 and writes their sum to file 3.
    let program = [
        with(Op::FdOpen, 3),
        with(Op::FdOpen, 0),
        op(Op::FdRead),
        with(Op::Const, 0),
        op(Op::FdRead),
        op(Op::Add),
        op(Op::FdWrite),
        op(Op::Halt),
    ];
    let mut machine = loaded(MachineOptions::new(), &program);
    assert_eq!(machine.set_file(0, &[0; 33]).unwrap_err().code, ErrorCode::Limit);
    assert_eq!(machine.set_file(4, &[]).unwrap_err().code, ErrorCode::Argument);
    machine.set_file(0, &[40, 2]).unwrap();
    assert_eq!(machine.run(0), Ok(Run::Halted));
    assert_eq!((machine.file(0), machine.file(1), machine.file(3)), (Ok(vec![40, 2]), Ok(vec![]), Ok(vec![42])));
    assert_eq!(machine.file(-1).unwrap_err().code, ErrorCode::Argument);
    assert_eq!(machine.set_file(0, &[1]).unwrap_err().code, ErrorCode::State);
}

#[test]
fn steps_tell_the_layers() {
    let mut fast = loaded(MachineOptions::new(), &counting());
    let mut dense = loaded(MachineOptions::new().dense(true), &counting());
    let program = counting();
    while let Some(event) = fast.step().unwrap() {
        let same = dense.step().unwrap().unwrap();
        assert_eq!(event.instruction.opcode(), program[event.row].opcode());
        assert_eq!((event.step, event.row, event.token), (same.step, same.row, same.token));
        let (layers, others) = (event.layers.unwrap(), same.layers.unwrap());
        assert_eq!((layers.layers, layers.d_model, layers.d_ffn), (8, 100, 100));
        assert_eq!((layers.stream.len(), layers.units.len()), (1700, 800));
        assert_eq!((layers.winners.len(), layers.values.len()), (30, 60));
        assert_eq!((layers.stream, layers.units), (others.stream, others.units));
        assert_eq!((layers.winners, layers.values), (others.winners, others.values));
    }
}

#[test]
fn the_description_has_every_instruction() {
    let machine = CompactMachine::new().unwrap();
    let description = json::parse(&machine.describe()).expect("JSON");
    let instructions = description["instructions"].array();
    assert_eq!(instructions.len(), Op::ALL.len());
    for (told, op) in instructions.iter().zip(Op::ALL) {
        assert_eq!(told["opcode"].usize(), op.code() as usize);
        assert_eq!(Op::from_code(op.code()), Some(op));
        let name = told["name"].text().trim_start_matches("i32.").replace(['.', '_'], "");
        assert_eq!(name, format!("{op:?}").to_lowercase());
    }
    assert_eq!(Op::from_code(2), None);
    let layers = description["config"]["layers"].array();
    assert_eq!(layers.iter().map(|layer| layer["heads"].array().len()).sum::<usize>(), 30);
    assert_eq!(format!("{:?}", counting()), "[Const 250, LocalSet 0, Loop, LocalGet 0, Output, LocalGet 0, Const 1, Add, LocalTee 0, Const 1, Ne, BrIf 0, EndLoop, Halt]");
}
