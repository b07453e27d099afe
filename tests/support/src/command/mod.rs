//! Runs the command as a user would, and waits for it no longer than a test may hang.

#[cfg(target_os = "linux")]
mod tree;

use core::fmt;
use core::time::Duration;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Instant;

/// How long any wait of these tests may last before it is a failure.
pub const BOUND: Duration = Duration::from_secs(60);

/// What came of a run. A signal leaves no status.
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// As a person reads it, in a failing test's message.
impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ran { status, stdout, stderr } = self;
        let stdout = String::from_utf8_lossy(stdout);
        write!(f, "exit status {status:?}\n--- standard output\n{stdout}\n--- standard error\n{stderr}\n---")
    }
}

/// Where `undersock` is: cargo puts it beside the folder of the tests of its package.
///
/// # Panics
/// In a test of another package, where nothing says that it was built.
pub fn path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let name = format!("undersock{}", std::env::consts::EXE_SUFFIX);
        let this = std::env::current_exe().expect("the path of this program");
        let found = this.ancestors().map(|folder| folder.join(&name)).find(|path| path.is_file());
        let found = found.unwrap_or_else(|| panic!("no {name} in a folder above {}", this.display()));
        found.into_os_string().into_string().expect("a path that is UTF-8")
    });
    &PATH
}

/// `undersock` with these arguments.
pub fn undersock<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    piped(path(), args)
}

/// A program with these arguments, its three ends pipes, and nothing of the surroundings that changes what `undersock`
/// prints.
pub fn piped<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with this standard input, to its end.
pub fn run(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // It may end without having read everything.
    thread::spawn(move || drop(stdin.write_all(&input)));
    finish(child)
}

/// Waits for one that runs already. Pipes that were taken or closed count as empty.
pub fn finish(child: Child) -> Ran {
    finish_within(BOUND, child)
}

/// The same for what takes its time.
pub fn finish_within(bound: Duration, mut child: Child) -> Ran {
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let status = wait(&mut child, bound);
    let bytes = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        reader.map(|reader| reader.join().expect("a reader")).unwrap_or_default()
    };
    let (stdout, stderr) = (bytes(stdout), bytes(stderr));
    let Some(status) = status else {
        panic!("no end within {bound:?}: {}", String::from_utf8_lossy(&stderr));
    };
    let stderr = String::from_utf8(stderr).expect("messages are UTF-8");
    Ran { status: status.code(), stdout, stderr }
}

/// Waits for its end; past the bound, ends it and all that it has started.
pub fn wait(child: &mut Child, bound: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < bound {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(2));
    }
    kill(child);
    None
}

/// Ends it and all that it has started.
pub fn kill(child: &mut Child) {
    #[cfg(target_os = "linux")]
    let descendants = tree::descendants(child.id());
    child.kill().expect("a child to end");
    child.wait().expect("a child that has ended");
    #[cfg(target_os = "linux")]
    tree::kill(&descendants);
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).expect("a pipe to read");
        all
    })
}
