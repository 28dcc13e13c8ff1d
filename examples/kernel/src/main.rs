//! The pattern of the WeftOS kernel: a learned function answers at once, and now and then the exact computation shows
//! whether it still holds. Three subsystems, written against the API of the crate eml-core; then the same on libeml's
//! own API with its default profile.
//!
//! `kernel-example [FOLDER]` runs them and keeps the functions in FOLDER (`build/kernel` of this checkout).

mod coherence;
mod function;
mod governance;
mod graph;
mod random;
mod report;
mod restart;
mod two_tier;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use eml_core::native::Model;
use eml_core::EmlModel;

use coherence::Graphs;
use governance::Council;
use restart::Services;

/// What the program calls itself with: print what the functions in the folder answer.
const ANSWERS: &str = "--answers";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/kernel")),
        [ANSWERS, folder] => stored_answers(Path::new(folder)).map(|lines| {
            lines.iter().for_each(|line| println!("{line}"));
            true
        }),
        [folder] if !folder.starts_with('-') => run(Path::new(folder)),
        _ => Err("usage: kernel-example [FOLDER]".into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("kernel-example: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything; whether what was stored answers as what was in memory.
fn run(folder: &Path) -> Result<bool, Box<dyn Error>> {
    forget(folder)?;
    let mut out = io::stdout();
    writeln!(out, "Events, each with the number of the call\n")?;
    let accounts = [
        report::run::<Graphs, EmlModel>(folder, &mut out)?,
        report::run::<Council, EmlModel>(folder, &mut out)?,
        report::run::<Services, EmlModel>(folder, &mut out)?,
        report::run::<Graphs, Model>(folder, &mut out)?,
        report::run::<Council, Model>(folder, &mut out)?,
        report::run::<Services, Model>(folder, &mut out)?,
    ];
    writeln!(out)?;
    report::print(&accounts, &mut out)?;

    let child = Command::new(env::current_exe()?).arg(ANSWERS).arg(folder).output()?;
    if !child.status.success() {
        return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
    }
    let stored = String::from_utf8(child.stdout)?;
    let same = stored.lines().eq(accounts.iter().map(|account| account.answers.as_str()));
    let verdict = if same { "the same bits" } else { "SOMETHING ELSE" };
    writeln!(out, "Another process loaded the {} functions: it predicts {verdict}.", accounts.len())?;
    Ok(same)
}

fn stored_answers(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    Ok(vec![
        report::stored_answers::<Graphs, EmlModel>(folder)?,
        report::stored_answers::<Council, EmlModel>(folder)?,
        report::stored_answers::<Services, EmlModel>(folder)?,
        report::stored_answers::<Graphs, Model>(folder)?,
        report::stored_answers::<Council, Model>(folder)?,
        report::stored_answers::<Services, Model>(folder)?,
    ])
}

/// A kernel goes on with what it learned before; this report begins at the beginning.
fn forget(folder: &Path) -> io::Result<()> {
    for name in ["coherence", "governance", "restart"] {
        for extension in ["json", "safetensors"] {
            let file: PathBuf = folder.join(name).with_extension(extension);
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
