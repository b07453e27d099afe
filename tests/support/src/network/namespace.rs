//! A test that runs itself again in namespaces of its own: nothing of this machine's network is seen or touched, tests
//! don't see one another, and what is left at the end goes with the namespaces.

use std::process::Command;

use rustix::process::geteuid;

use super::tool;
use crate::command::{BOUND, Ran, finish_within};

/// Set for the copy of the test program that is inside.
const INSIDE: &str = "UNDERSOCK_TEST_INSIDE";

/// Whether this is the copy.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs the test of this name again, alone in its network, its process tree and its mount table; there, runs `body`.
///
/// Root is root there. Another user has every privilege over the namespaces and none beyond, as in a lab.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) {
    if is_inside() {
        return body();
    }
    again(test, namespaces());
}

/// Starts a program alone in its network, its process tree and its mount table.
pub fn namespaces() -> Command {
    let mut unshare = tool("unshare");
    unshare.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare
}

/// Runs the test of this name again, in a copy of this program that `through` starts: its last words are the copy's.
/// There it must pass.
#[track_caller]
pub fn again(test: &str, mut through: Command) -> Ran {
    let copy = std::env::current_exe().expect("this program has a path");
    through.arg(copy).args(["--exact", test, "--nocapture"]).env(INSIDE, "1").env("RUST_BACKTRACE", "0");
    let child = through.spawn().unwrap_or_else(|error| panic!("{through:?}: {error}"));
    // Every wait inside is shorter, so that it is the copy that says what it waited for.
    let ran = finish_within(BOUND * 2, child);
    let passed = String::from_utf8_lossy(&ran.stdout).contains("1 passed");
    assert!(ran.status == Some(0) && passed, "{test}, inside: {ran:?}");
    ran
}
