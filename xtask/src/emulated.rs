//! Every board is built, and those that QEMU has are booted and talked to.

use std::fs;
use std::thread;

use boards::table::Place;
use boards::{BOARDS, Board, Image};

use crate::call::{self, cargo, run};
use crate::failure::Failure;
use crate::needs::Need;

/// What the tests boot: the base, and all features.
const FULL: &[&str] = &["ipv6", "dhcp", "unicode"];

/// The lab's clients, too: they talk to the boards in it.
pub(crate) fn needs() -> Vec<Need> {
    Need::of_boards(|_| true).into_iter().chain(Need::of_the_tests()).collect()
}

/// Packages with a library that is tested on this computer: what the boards share, and drivers that no emulator has.
const TESTED_HERE: [&str; 3] = ["support", "nucleo-f767zi", "w5500-evb-pico"];

pub(crate) fn step() -> Result<(), Failure> {
    every_folder_is_in_the_table()?;
    let target = boards::target_folder().join("boards-here");
    for folder in TESTED_HERE {
        let mut test = cargo("test --quiet --locked --lib --target-dir");
        test.arg(&target).arg("--manifest-path").arg(format!("examples/boards/{folder}/Cargo.toml"));
        run(test)?;
    }
    build_all()?;
    run(cargo("test --package board-tests --locked --no-fail-fast"))
}

/// A compiler at work on `core` leaves a processor idle, so two boards are built at a time: those that share a `core`, one
/// after another, and beside them, without a word unless it fails, the rest.
fn build_all() -> Result<(), Failure> {
    let (shown, quiet): (Vec<&Board>, Vec<&Board>) = BOARDS.iter().partition(|board| board.shares_core());
    let lean = |board| Image { lean: true, ..Image::new(board, &[]) };
    thread::scope(|scope| {
        let beside =
            scope.spawn(|| quiet.iter().try_for_each(|board| lean(board).build_quietly().map(|_| ())));
        let built = shown.iter().try_for_each(|board| {
            lean(board).build(call::read)?;
            if let Place::Qemu(_) = board.place {
                Image::new(board, FULL).build(call::read)?;
            }
            Ok::<(), Failure>(())
        });
        let names = quiet.iter().map(|board| board.name).collect::<Vec<_>>().join(", ");
        let beside =
            beside.join().map_err(|_| Failure::new(format!("building {names}"), "a panic, see above"))?;
        built?;
        beside?;
        println!("beside them: {names}");
        Ok(())
    })
}

/// The folders in `examples/boards`: every board, and what they share.
pub(crate) fn folders() -> Result<Vec<String>, Failure> {
    let all = boards::home().join("examples/boards");
    let failure = |error| Failure::new(format!("reading {}", all.display()), error);
    let mut names = Vec::new();
    for entry in fs::read_dir(&all).map_err(failure)? {
        let name = entry.map_err(failure)?.file_name().to_string_lossy().into_owned();
        if all.join(&name).join("Cargo.toml").exists() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A board that nobody builds would rot.
fn every_folder_is_in_the_table() -> Result<(), Failure> {
    let folder = boards::home().join("examples/boards");
    for name in folders()? {
        let is_board = folder.join(&name).join(".cargo/config.toml").exists();
        if is_board && !BOARDS.iter().any(|board| board.name == name) {
            let attempt = format!("looking for {name} among the boards");
            return Err(Failure::new(attempt, "it is not in xtask/boards/src/table.rs"));
        }
    }
    Ok(())
}
