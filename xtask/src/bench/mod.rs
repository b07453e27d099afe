//! What a lost segment costs, side by side with Linux: `cargo xtask bench --loss` fills the table of docs/loss.md.
//!
//! It starts itself in namespaces of its own, where `router` makes a `network` for each of the `rows`, with a client on
//! one side and two servers on the other: undersock on a TAP interface, and `server`, on the kernel's sockets. The
//! `client` streams a `pattern`, by turns to either. The router loses packets (nftables), has a slow link with a short
//! queue (tc-tbf) or has some packets overtaken (`reordering`); `kernel` is what sockets are told and what is counted.
//! What comes out is a `sample` a run, and of these `table` and `plot` are made.

use core::net::SocketAddr;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) mod args;
mod client;
mod kernel;
mod network;
mod pattern;
mod plot;
#[cfg(target_os = "linux")]
mod reordering;
mod router;
mod rows;
mod sample;
mod server;
mod table;

use rows::Row;
use sample::Sample;

use crate::budgets::between_marks;
use crate::call::{self, cargo};
use crate::failure::Failure;
use crate::needs::{self, Need};

/// The hidden command whose subcommands are this program's parts.
pub(crate) const PART: &str = "bench-part";

/// What is to be measured.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    rows: Vec<&'static Row>,
    runs: u32,
    bytes: Option<u64>,
    /// Seconds.
    limit: u64,
    congestion: String,
    program: PathBuf,
    /// For `undersock serve`.
    options: Vec<OsString>,
}

pub(crate) struct Request {
    plan: Plan,
    /// The program is somebody else's to build.
    given: bool,
    install: bool,
    update: bool,
    csv: Option<PathBuf>,
    from: Option<PathBuf>,
}

pub(crate) enum Part {
    Router(Plan),
    Server { listen: SocketAddr, congestion: String },
    Client(client::Task),
}

pub(crate) fn part(part: &Part) -> Result<(), Failure> {
    match part {
        Part::Router(plan) => router::run(plan),
        Part::Server { listen, congestion } => server::serve(*listen, congestion),
        Part::Client(task) => client::run(task),
    }
}

/// What was measured, with what.
struct Measured {
    with: String,
    samples: Vec<Sample>,
}

pub(crate) fn run(request: &Request) -> Result<(), Failure> {
    let measured = match &request.from {
        Some(file) => Measured::read(file)?,
        None => measure(request)?,
    };
    let lines = table::lines(&measured.samples);
    let table = table::markdown(&measured.with, &lines);
    print!("{table}");
    if request.update { update(&table, &plot::svg(&lines)) } else { Ok(()) }
}

/// A program that is built here.
fn released(name: &str) -> PathBuf {
    boards::target_folder().join("release").join(name)
}

fn needs() -> Vec<Need> {
    vec![
        Need::program("util-linux", "unshare"),
        Need::program("util-linux", "nsenter"),
        Need::program("iproute2", "ip"),
        Need::program("iproute2", "tc"),
        Need::program("nftables", "nft"),
        Need::program("iptables", "iptables"),
        Need::program("ethtool", "ethtool"),
    ]
}

fn measure(request: &Request) -> Result<Measured, Failure> {
    needs::provide(needs().into_iter(), request.install)?;
    if !request.given {
        call::run(cargo("build --release --locked --package undersock-command"))?;
    }
    // Linux's server and the client are parts of this program: neither may be slower than it has to be.
    call::run(cargo("build --release --locked --package xtask"))?;
    let mut measured = Measured { with: with(request), samples: vec![] };
    let mut inside = namespaces();
    inside.arg(released("xtask")).args([PART, "router"]).args(request.plan.words());
    // An ordinary user's PATH lacks the directories for administrators.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    inside.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::piped());
    let failed = |reason: &dyn core::fmt::Display| Failure::new("measuring in namespaces", reason);
    let mut child = inside.spawn().map_err(|error| failed(&error))?;
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let line = line.map_err(|error| failed(&error))?;
        eprintln!("{line}");
        measured.samples.push(line.parse().map_err(|reason: String| failed(&reason))?);
        // Each as it comes: hours of measuring outlive a failure.
        measured.keep(request.csv.as_deref())?;
    }
    let status = child.wait().map_err(|error| failed(&error))?;
    if status.success() { Ok(measured) } else { Err(failed(&status)) }
}

/// Root is root there; another user has every privilege over the namespaces and none beyond.
fn namespaces() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    if !needs::is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare
}

fn with(request: &Request) -> String {
    let plan = &request.plan;
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]);
    let undersock = call::at_home(git).output().ok().filter(|output| output.status.success());
    // Of which version a program is that was brought along, nobody knows.
    let undersock = undersock.filter(|_| !request.given);
    let undersock = undersock.map(|output| format!(" {}", String::from_utf8_lossy(&output.stdout).trim()));
    let linux = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let linux: Vec<&str> = linux.trim().split('.').take(2).collect();
    let options: String =
        plan.options.iter().map(|option| format!(" {}", option.to_string_lossy())).collect();
    let options = if options.is_empty() { options } else { format!(" with{options}") };
    format!(
        "undersock{}{options}; Linux {}, its server and the client with {}; {} processors",
        undersock.unwrap_or_default(),
        linux.join("."),
        plan.congestion,
        std::thread::available_parallelism().map_or(1, usize::from)
    )
}

impl Measured {
    fn keep(&self, file: Option<&Path>) -> Result<(), Failure> {
        let Some(file) = file else { return Ok(()) };
        let mut text = format!("# {}\n{}\n", self.with, sample::HEADER);
        self.samples.iter().for_each(|sample| text += &format!("{sample}\n"));
        fs::write(file, text).map_err(|error| Failure::new(format!("writing {}", file.display()), error))
    }

    fn read(file: &Path) -> Result<Measured, Failure> {
        let attempt = format!("reading {}", file.display());
        let text = fs::read_to_string(file).map_err(|error| Failure::new(&attempt, error))?;
        Measured::parse(&text).map_err(|reason| Failure::new(attempt, reason))
    }

    fn parse(text: &str) -> Result<Measured, String> {
        let mut measured = Measured { with: String::new(), samples: vec![] };
        for (index, line) in text.lines().enumerate() {
            if let Some(with) = line.strip_prefix("# ") {
                measured.with = with.into();
            } else if line != sample::HEADER {
                let sample = line.parse().map_err(|reason| format!("line {}: {reason}", index + 1))?;
                measured.samples.push(sample);
            }
        }
        Ok(measured)
    }
}

fn update(table: &str, plot: &str) -> Result<(), Failure> {
    let docs = boards::home().join("docs");
    let page = docs.join("loss.md");
    let failed =
        |attempt: &str, file: &Path, reason| Failure::new(format!("{attempt} {}", file.display()), reason);
    let text = fs::read_to_string(&page).map_err(|error| failed("reading", &page, error.to_string()))?;
    let text = between_marks(&text, "loss", table).ok_or_else(|| {
        let place = "<!-- loss --> and <!-- /loss -->, each on a line of its own";
        failed("writing the table into", &page, format!("it has no place for it: {place}"))
    })?;
    for (file, text) in [(page, text.as_str()), (docs.join("loss.svg"), plot)] {
        fs::write(&file, text).map_err(|error| failed("writing", &file, error.to_string()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read() {
        let line = "loss-1,1,undersock,104.5000,,12,5700,3,0,0,whole";
        let measured = Measured::parse(&format!("# undersock; reno\n{}\n{line}\n", sample::HEADER)).unwrap();
        assert_eq!(
            (measured.with.as_str(), measured.samples[0].to_string()),
            ("undersock; reno", line.into())
        );
        let said = Measured::parse("# undersock\nloss-1\n").err();
        assert_eq!(said.as_deref(), Some("line 2: 1 values, where there should be 11"));
    }
}
