//! Runs the command as a user would, and waits for it no longer than a test may hang.

use core::time::Duration;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

/// How long any wait of these tests may last before it is a failure.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// `undersock` with these arguments, and nothing of the surroundings that changes what it prints.
pub(crate) fn undersock<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersock"));
    command.args(args).env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with this standard input, to its end.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // It may end without having read everything.
    thread::spawn(move || drop(stdin.write_all(&input)));
    finish(child)
}

/// Waits for one that runs already. Pipes that were taken or closed count as empty.
pub(crate) fn finish(mut child: Child) -> Ran {
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            break status;
        }
        if start.elapsed() > BOUND {
            child.kill().expect("a child to end");
            let said = stderr.map(|reader| reader.join().expect("a reader"));
            panic!("no end within {BOUND:?}: {}", String::from_utf8_lossy(&said.unwrap_or_default()));
        }
        thread::sleep(Duration::from_millis(2));
    };
    let bytes = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        reader.map(|reader| reader.join().expect("a reader")).unwrap_or_default()
    };
    let stderr = String::from_utf8(bytes(stderr)).expect("messages are UTF-8");
    Ran { status: status.code(), stdout: bytes(stdout), stderr }
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).expect("a pipe to read");
        all
    })
}
