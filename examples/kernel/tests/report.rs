//! Runs the program and checks what it prints.

use std::path::{Path, PathBuf};
use std::process::Command;

const SUBSYSTEMS: [&str; 3] = ["coherence", "governance", "restart"];

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_kernel-example"))
}

/// The table that begins with a line with this word, up to the next empty line.
fn table<'a>(text: &'a str, word: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().skip_while(|line| !line.contains(word)).skip(1).take_while(|line| !line.is_empty());
    lines
        .map(|line| line.split(|c: char| c.is_whitespace() || c == '|').filter(|cell| !cell.is_empty()).collect())
        .collect()
}

#[test]
fn the_report_shows_drift_and_recovery() {
    let folder = folder("report");
    let output = program().arg(&folder).output().unwrap();
    let text = &String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.ends_with("Another process loaded the 6 functions: it predicts the same bits.\n"), "{text}");

    // The tiers: one question in many is answered exactly, events are all told.
    let event = |line: &&str| line.contains(" eml.");
    let mut told = 0;
    for row in table(text, "exact us") {
        let (subsystem, profile) = (row[0], row[1]);
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let (share, drifts, events, fast, exact) = (number(3), number(6), number(7), number(8), number(9));
        assert!(share < 5.0 && fast > 0.0 && exact > fast, "{row:?}");
        let its = |line: &&str| event(line) && line.contains(subsystem) && line.contains(profile);
        assert_eq!(text.lines().filter(its).count() as f64, events, "{row:?}");
        told += events as usize;
        if profile == "default" {
            assert_eq!(drifts, 1.0, "{row:?}");
            let mut calls = text.lines().filter(its).filter(|line| line.contains("eml.drift"));
            let call: u64 = calls.next().unwrap().split_whitespace().next().unwrap().parse().unwrap();
            assert!(call > 10_000 && call < 12_000, "the world changed at 10000, which was seen at {call}");
        }
    }
    assert_eq!(text.lines().filter(event).count(), told);

    // The errors: better than every constant once trained, bad after the shift, better again in the end.
    let rows = table(text, "retrained");
    assert_eq!(rows.len(), 12);
    for row in rows {
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let (constant, before, trained) = (number(3), number(4), number(5));
        let (drifted, retrained, constant_after) = (number(6), number(7), number(8));
        let first = ["lambda_2", "score", "delay"].contains(&row[1]);
        if row[2] == "default" {
            assert!(trained < constant && trained < before && retrained < constant_after, "{row:?}");
            assert!(retrained < drifted, "{row:?}");
        }
        if (row[2] == "default" && first) || row[0] == "governance" {
            assert!(trained < 0.5 * constant && drifted > 2.0 * trained && retrained < 0.5 * drifted, "{row:?}");
        }
    }
    // Whoever makes the reference profile learn these makes it another profile.
    for subsystem in ["coherence", "restart"] {
        assert!(text.contains(&format!("{subsystem}: eml-core-0.1 did not learn it; the rule of thumb stayed in use")));
    }

    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let wanted = SUBSYSTEMS.iter().flat_map(|name| [format!("{name}.json"), format!("{name}.safetensors")]);
    assert_eq!(files, wanted.collect::<Vec<_>>());
}

#[test]
fn mistakes_on_the_command_line_are_told() {
    let output = program().arg("--help").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("usage: kernel-example [FOLDER]"));
}
