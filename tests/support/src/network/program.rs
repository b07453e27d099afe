//! A program that runs beside the test, and what it has said so far.

use core::time::Duration;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::tool;
use crate::command::{Ran, kill, path, wait};

/// How long a program may keep silent, or go on when it should end. Shorter than any bound around it.
const PATIENCE: Duration = Duration::from_secs(30);

/// `undersock` with these words at a terminal of its own.
#[track_caller]
pub fn terminal(words: &[&str]) -> Program {
    let mut python = tool("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/terminal.py"));
    python.arg(path()).args(words).env("NO_COLOR", "1");
    Program::start(python)
}

/// A program that runs beside the test. It ends with this value, however the test ends.
pub struct Program {
    name: String,
    child: Child,
    stdout: Arc<Said>,
    stderr: Arc<Said>,
}

impl Program {
    /// Starts a command whose three ends are pipes.
    #[track_caller]
    pub fn start(mut command: Command) -> Program {
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = Said::listen(child.stdout.take().expect("a pipe"));
        let stderr = Said::listen(child.stderr.take().expect("a pipe"));
        Program { name, child, stdout, stderr }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The same, to send a signal to.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it has said this on standard error.
    #[track_caller]
    pub fn says(&self, text: &str) {
        assert!(self.stderr.has(text), "{} doesn't say {text:?}", self.name);
    }

    /// Waits until it has printed this on standard output.
    #[track_caller]
    pub fn prints(&self, text: &str) {
        assert!(self.stdout.has(text), "{} doesn't print {text:?}", self.name);
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> String {
        self.stderr.text()
    }

    /// Gives it this on standard input.
    #[track_caller]
    pub fn hears(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("it has not been closed");
        stdin
            .write_all(text.as_bytes())
            .unwrap_or_else(|error| panic!("{} hears nothing: {error}", self.name));
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap_or_else(|error| panic!("{} has ended: {error}", self.name));
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        let status = wait(&mut self.child, PATIENCE);
        let status = status.unwrap_or_else(|| panic!("{} doesn't end", self.name)).code();
        Ran { status, stdout: self.stdout.all(), stderr: String::from_utf8_lossy(&self.stderr.all()).into() }
    }

    /// Closes its standard input, and waits for its end.
    #[track_caller]
    pub fn close(mut self) -> Ran {
        drop(self.child.stdin.take());
        self.end()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill(&mut self.child);
        }
        if thread::panicking() {
            let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
            eprintln!("{}\n--- standard output\n{stdout}\n--- standard error\n{stderr}\n---", self.name);
        }
    }
}

/// What came out of a pipe.
#[derive(Default)]
struct Said {
    so_far: Mutex<SoFar>,
    more: Condvar,
}

#[derive(Default)]
struct SoFar {
    bytes: Vec<u8>,
    ended: bool,
}

impl Said {
    fn listen(mut pipe: impl Read + Send + 'static) -> Arc<Said> {
        let said = Arc::new(Said::default());
        let ear = Arc::clone(&said);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                let length = pipe.read(&mut piece).expect("a pipe to read");
                let mut so_far = ear.so_far.lock().expect("no reader panics");
                so_far.bytes.extend_from_slice(&piece[..length]);
                so_far.ended = length == 0;
                ear.more.notify_all();
                if so_far.ended {
                    return;
                }
            }
        });
        said
    }

    /// Waits until this holds, or nothing more will come.
    fn until(&self, holds: impl Fn(&SoFar) -> bool) -> bool {
        let start = Instant::now();
        let mut so_far = self.so_far.lock().expect("no reader panics");
        while !holds(&so_far) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            if so_far.ended || left.is_zero() {
                return false;
            }
            so_far = self.more.wait_timeout(so_far, left).expect("no reader panics").0;
        }
        true
    }

    fn has(&self, text: &str) -> bool {
        self.until(|so_far| String::from_utf8_lossy(&so_far.bytes).contains(text))
    }

    /// Everything, when the pipe has been closed by all who had it.
    #[track_caller]
    fn all(&self) -> Vec<u8> {
        assert!(self.until(|so_far| so_far.ended), "somebody has its output and goes on");
        self.so_far.lock().expect("no reader panics").bytes.clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.so_far.lock().expect("no reader panics").bytes).into_owned()
    }
}
