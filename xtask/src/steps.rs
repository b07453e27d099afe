//! The table of steps, in the order in which they are run: what is quick to fail first, the tests last.

use crate::call::{cargo, run};
use crate::failure::Failure;
use crate::needs::Need;
use crate::{dependencies, emulated, features, firmware, sizes};

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
    Step { name: "format", about: "the code is as rustfmt writes it", needs: nothing, run: format },
    Step {
        name: "licences",
        about: "what is depended on: licences, sources, doubles",
        needs: nothing,
        run: dependencies::step,
    },
    Step { name: "clippy", about: "no warning, in no target", needs: nothing, run: clippy },
    Step {
        name: "features",
        about: "the library with fewer features: no warning, and its tests",
        needs: nothing,
        run: features::step,
    },
    Step {
        name: "docs",
        about: "documentation without warnings, and its examples run",
        needs: nothing,
        run: docs,
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
        needs: of_the_tests,
        run: test,
    },
];

fn nothing() -> Vec<Need> {
    vec![]
}

/// The programs that the files in tests/ start.
pub(crate) fn of_the_tests() -> Vec<Need> {
    const PYTHON: Need = Need::program("python3", "python3");
    match cfg!(target_os = "linux") {
        false => vec![PYTHON],
        true => vec![
            PYTHON,
            Need::program("iproute2", "ip"),
            Need::program("iputils-ping", "ping"),
            // Debian's other `nc` knows no -N, and no -U.
            Need::package("netcat-openbsd", "nc"),
            Need::program("mount", "mount"),
            Need::program("util-linux", "unshare"),
            Need::program("util-linux", "setpriv"),
            Need::program("tshark", "tshark"),
        ],
    }
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
    run(cargo("clippy --workspace --all-targets --locked -- -D warnings"))
}

fn docs() -> Result<(), Failure> {
    let mut doc = cargo("doc --workspace --no-deps --locked");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc)?;
    run(cargo("test --doc --locked"))
}

/// The examples as programs, since `--tests` leaves them out and `--all-targets` makes test harnesses of them.
fn test() -> Result<(), Failure> {
    run(cargo("build --examples --locked"))?;
    // The boards' tests are a step of their own: they take another compiler, and QEMU.
    run(cargo("test --workspace --exclude board-tests --tests --locked --no-fail-fast"))
}
