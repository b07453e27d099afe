//! The table of steps, in the order in which they are run: what is quick to fail first, the tests last.

use crate::call::{cargo, run};
use crate::failure::Failure;
use crate::needs::Need;
use crate::packages::{self, PUBLISHED, named};
use crate::{dependencies, downstream, emulated, features, firmware, lints, sizes};

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The programs that it takes beside cargo's own.
    pub(crate) needs: fn() -> Vec<Need>,
    pub(crate) run: fn() -> Result<(), Failure>,
}

/// The step whose closing lines close the output, so that the table of the others is printed before it.
pub(crate) const LAST: &str = "test";

pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", about: "the code is as rustfmt writes it", needs: of_format, run: format },
    Step {
        name: "licences",
        about: "what is depended on: licences, sources, doubles",
        needs: nothing,
        run: dependencies::step,
    },
    Step { name: "clippy", about: "no warning, in no target", needs: of_clippy, run: clippy },
    Step {
        name: "features",
        about: "each package by itself, with more and fewer features: no warning",
        needs: of_clippy,
        run: features::step,
    },
    Step {
        name: "docs",
        about: "documentation without warnings, and its examples run",
        needs: nothing,
        run: docs,
    },
    Step {
        name: "packages",
        about: "what is to be published can be, and builds from its archives",
        needs: nothing,
        run: packages::step,
    },
    Step {
        name: "downstream",
        about: "a program outside the tree builds, beside any smoltcp",
        needs: firmware::needs,
        run: downstream::step,
    },
    Step {
        name: "firmware",
        about: "the library builds for a microcontroller, without allocator",
        needs: firmware::needs,
        run: firmware::step,
    },
    Step {
        name: "sizes",
        about: "what the firmware takes is within its budgets",
        needs: sizes::needs,
        run: sizes::step,
    },
    Step {
        name: "boards",
        about: "every board builds; those that QEMU has boot and answer",
        needs: emulated::needs,
        run: emulated::step,
    },
    Step {
        name: LAST,
        about: "every other test, of the library, the command and this one",
        needs: Need::of_the_tests,
        run: test,
    },
];

fn nothing() -> Vec<Need> {
    vec![]
}

/// With rustup, they are components that most have.
fn of_format() -> Vec<Need> {
    vec![Need::program("rustfmt-web", "cargo-fmt")]
}

fn of_clippy() -> Vec<Need> {
    vec![Need::program("rust-web-clippy", "cargo-clippy")]
}

/// The boards' packages are workspaces of their own.
fn format() -> Result<(), Failure> {
    run(cargo("fmt --all --check"))?;
    for folder in emulated::folders()? {
        run(cargo(&format!("fmt --check --manifest-path examples/boards/{folder}/Cargo.toml")))?;
    }
    Ok(())
}

fn clippy() -> Result<(), Failure> {
    run(lints::clippy("--workspace --all-targets --locked")?)
}

/// Each of the published packages as docs.rs builds it, the library last: the command's pages would take its place.
fn docs() -> Result<(), Failure> {
    let metadata = dependencies::metadata("metadata --format-version 1 --locked --no-deps")?;
    for package in PUBLISHED.iter().rev() {
        let features = packages::documented(&metadata, package);
        run(lints::doc(&format!("--package {package} --no-deps --locked{features}"))?)?;
    }
    let others: String = PUBLISHED.iter().map(|package| format!(" --exclude {package}")).collect();
    run(lints::doc(&format!("--workspace --no-deps --locked{others}"))?)?;
    let [libraries @ .., _] = PUBLISHED;
    run(cargo(&format!("test --doc --locked {}", named(&libraries))))
}

/// The examples as programs, since `--tests` leaves them out and `--all-targets` makes test harnesses of them. Then each
/// package by itself: what it borrows from its neighbours' features would be missed.
fn test() -> Result<(), Failure> {
    run(cargo("build --examples --locked"))?;
    let others: String = PUBLISHED.iter().map(|package| format!(" --exclude {package}")).collect();
    // The boards' tests are a step of their own: they take another compiler, and QEMU.
    let others = format!("--workspace --exclude board-tests{others}");
    let alone = PUBLISHED.map(|package| match package {
        // The TAP device's tests, too.
        "undersock" => "--package undersock --features tap".into(),
        _ => format!("--package {package}"),
    });
    let mut result = Ok(());
    for words in [others].iter().chain(&alone) {
        let tests = run(cargo(&format!("test {words} --tests --locked --no-fail-fast")));
        result = result.and(tests);
    }
    result
}
