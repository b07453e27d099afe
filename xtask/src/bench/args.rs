//! The command line of `bench`, and of the parts of itself that it starts in namespaces.

use core::net::SocketAddr;
use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::client::Task;
use super::rows::{ROWS, Row};
use super::{PART, Part, Plan, Request};

const RUNS: u32 = 5;
const LIMIT: u64 = 60;
const CONGESTION: &str = "reno";

pub(crate) fn command() -> Command {
    let file = |name| Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf));
    plan(Command::new("bench"))
        .about("Stream through loss and bottlenecks, side by side with Linux's own TCP")
        .after_help(
            "In namespaces of its own; what it needs is installed first, as for the tests.\n\
             Examples:\n  cargo xtask bench --loss --rows loss-1,20-8 --runs 1\n  \
             cargo xtask bench --loss --csv runs.csv -- --buffer 256k\n  \
             cargo xtask bench --loss --from runs.csv --update",
        )
        .arg(flag("loss").required(true).help("What a lost segment costs"))
        .arg(flag("update").help("Write the table into docs/loss.md, and its plot, docs/loss.svg"))
        .arg(flag("no-install").help("Install nothing"))
        .arg(file("csv").help("Write each run's figures to this file"))
        .arg(
            file("from")
                .conflicts_with_all(["csv", "rows", "runs", "bytes", "program"])
                .help("Run nothing: take the figures from such a file"),
        )
}

/// What `bench` starts.
pub(crate) fn part() -> Command {
    let addresses = |name| {
        Arg::new(name).long(name).value_delimiter(',').value_parser(value_parser!(SocketAddr)).required(true)
    };
    Command::new(PART)
        .hide(true)
        .subcommand_required(true)
        .subcommand(plan(Command::new("router")))
        .subcommand(Command::new("server").arg(addresses("listen")).arg(congestion()))
        .subcommand(
            Command::new("client").args([addresses("to"), bytes(), limit(), congestion()]).arg(flag("turns")),
        )
}

fn plan(command: Command) -> Command {
    let names = ROWS.iter().map(|row| PossibleValue::new(row.name).help(row.about));
    let row = PossibleValuesParser::new(names)
        .try_map(|name| Row::named(&name).ok_or("it is not in xtask/src/bench/rows.rs"));
    command
        .arg(
            Arg::new("rows")
                .long("rows")
                .value_name("NAME,...")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(row)
                .help("Only these rows"),
        )
        .arg(
            Arg::new("runs")
                .long("runs")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help(format!("So many a row and server, whose medians count: {RUNS} by default")),
        )
        .args([bytes(), limit(), congestion()])
        .arg(
            Arg::new("program")
                .long("program")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("An undersock, in place of the one that is built"),
        )
        .arg(
            Arg::new("options")
                .value_name("OPTION")
                .num_args(1..)
                .last(true)
                .value_parser(value_parser!(OsString))
                .help("Options for `undersock serve`"),
        )
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn bytes() -> Arg {
    Arg::new("bytes")
        .long("bytes")
        .value_name("N")
        .value_parser(value_parser!(u64))
        .help("So many in each stream, in place of the row's own number")
}

fn limit() -> Arg {
    Arg::new("limit")
        .long("limit")
        .value_name("SECONDS")
        .value_parser(value_parser!(u64).range(1..))
        .help(format!("Cut a stream that takes longer, {LIMIT} by default"))
}

fn congestion() -> Arg {
    Arg::new("congestion")
        .long("congestion")
        .value_name("NAME")
        .help(format!("Of the kernel's sockets, the client's and the server's: {CONGESTION} by default"))
}

pub(crate) fn request(args: &ArgMatches) -> Request {
    Request {
        plan: planned(args),
        given: args.contains_id("program"),
        install: !args.get_flag("no-install"),
        update: args.get_flag("update"),
        csv: args.get_one("csv").cloned(),
        from: args.get_one("from").cloned(),
    }
}

pub(crate) fn part_of(args: &ArgMatches) -> Option<Part> {
    let addresses = |args: &ArgMatches, name| args.get_many(name).into_iter().flatten().copied().collect();
    Some(match args.subcommand()? {
        ("router", args) => Part::Router(planned(args)),
        ("server", args) => {
            let listen: Vec<SocketAddr> = addresses(args, "listen");
            Part::Server { listen: *listen.first()?, congestion: congestion_of(args) }
        }
        (_, args) => Part::Client(Task {
            to: addresses(args, "to"),
            bytes: args.get_one("bytes").copied().unwrap_or_default(),
            turns: args.get_flag("turns"),
            limit: Duration::from_secs(limit_of(args)),
            congestion: congestion_of(args),
        }),
    })
}

/// In the table's order, each row once.
fn planned(args: &ArgMatches) -> Plan {
    let named: Vec<&Row> = args.get_many("rows").into_iter().flatten().copied().collect();
    Plan {
        rows: ROWS.iter().filter(|row| named.is_empty() || named.contains(row)).collect(),
        runs: args.get_one("runs").copied().unwrap_or(RUNS),
        bytes: args.get_one("bytes").copied(),
        limit: limit_of(args),
        congestion: congestion_of(args),
        program: args.get_one("program").cloned().unwrap_or_else(|| super::released("undersock")),
        options: args.get_many("options").into_iter().flatten().cloned().collect(),
    }
}

fn limit_of(args: &ArgMatches) -> u64 {
    args.get_one("limit").copied().unwrap_or(LIMIT)
}

fn congestion_of(args: &ArgMatches) -> String {
    args.get_one("congestion").cloned().unwrap_or_else(|| CONGESTION.into())
}

impl Plan {
    /// As the router's part takes it.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let rows: Vec<&str> = self.rows.iter().map(|row| row.name).collect();
        let mut words: Vec<OsString> = [
            ("--rows", rows.join(",")),
            ("--runs", self.runs.to_string()),
            ("--limit", self.limit.to_string()),
            ("--congestion", self.congestion.clone()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.into(), value.into()])
        .collect();
        if let Some(bytes) = self.bytes {
            words.extend(["--bytes".into(), bytes.to_string().into()]);
        }
        words.extend(["--program".into(), self.program.clone().into(), "--".into()]);
        words.extend(self.options.iter().cloned());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(words: &[&str]) -> Result<Request, clap::Error> {
        let args = command().try_get_matches_from(["bench"].iter().chain(words))?;
        Ok(request(&args))
    }

    #[test]
    fn a_plan_reaches_the_router_as_it_is() {
        let words = ["--loss", "--rows", "20-8,loss-1", "--runs=3", "--bytes", "9", "--program", "/a b"];
        let request = requested(&[&words[..], &["--limit=7", "--", "--buffer", "8k"]].concat()).unwrap();
        let names: Vec<_> = request.plan.rows.iter().map(|row| row.name).collect();
        assert_eq!(names, ["loss-1", "20-8"], "in the table's order");
        let words = [PART.into(), "router".into()].into_iter().chain(request.plan.words());
        let args = part().try_get_matches_from(words).unwrap();
        let Some(Part::Router(plan)) = part_of(&args) else { panic!("the router's part") };
        assert_eq!(plan, request.plan);
    }

    #[test]
    fn by_default_all_rows_run_five_times() {
        let request = requested(&["--loss"]).unwrap();
        assert_eq!((request.plan.rows.len(), request.plan.runs), (ROWS.len(), 5));
        assert!(request.install && !request.update && !request.given);
    }

    #[test]
    fn wrong_words_are_named() {
        let said = |words: &[&str]| requested(words).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said(&[]).contains("--loss"));
        assert!(said(&["--loss", "--rows", "loss-2"]).contains("'loss-2'"));
        assert!(said(&["--loss", "--runs", "0"]).contains("'0'"));
        assert!(said(&["--loss", "--from", "a", "--csv", "b"]).contains("--csv"));
    }

    #[test]
    fn the_client_is_told_its_task() {
        let args = part().try_get_matches_from([
            PART,
            "client",
            "--to",
            "10.0.0.1:1,10.0.0.2:2",
            "--bytes",
            "9",
            "--turns",
        ]);
        let Some(Part::Client(task)) = part_of(&args.unwrap()) else { panic!("the client's part") };
        assert_eq!((task.to.len(), task.bytes, task.turns, task.limit.as_secs()), (2, 9, true, LIMIT));
        part().debug_assert();
        command().debug_assert();
    }
}
