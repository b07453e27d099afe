//! The project's own chores. `cargo xtask test` runs everything that must hold, `cargo xtask help` lists the others.
//!
//! A file has one job: `args` reads the command line, `steps` is the table of what is run, `runner` runs it, `needs`
//! finds and installs the programs that it takes, `call` starts one of them, `lints` says whose warnings count.
//! `features`, `packages` and `downstream`, `firmware`, `dependencies`, `sizes` and `budgets`, and `emulated` are the
//! steps that are more than one command; `board`, `soak` and `bench` are commands of their own.
//!
//! Exit status: 0; 1 for a failed step or a missing program; 2 for wrong usage; the test runner's own when tests fail.

use std::process::ExitCode;

mod args;
mod bench;
mod board;
mod budgets;
mod call;
mod dependencies;
mod downstream;
mod emulated;
mod failure;
mod features;
mod firmware;
mod lints;
mod needs;
mod packages;
mod runner;
mod sizes;
mod soak;
mod steps;

use args::Invocation;
use failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.status)
        }
    }
}

fn run() -> Result<(), Failure> {
    match args::parse(std::env::args_os()).unwrap_or_else(|error| error.exit()) {
        Invocation::Test { install, steps } => runner::run(&steps, install),
        Invocation::Boards => {
            print!("{}", board::list());
            Ok(())
        }
        Invocation::Board(request) => board::run(request),
        Invocation::Sizes { update: false } => sizes::step(),
        Invocation::Sizes { update: true } => sizes::update(),
        Invocation::Bench(request) => bench::run(&request),
        Invocation::Part(part) => bench::part(&part),
        Invocation::Soak { board, minutes } => soak::soak(board, minutes),
    }
}
