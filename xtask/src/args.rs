//! The command line.

use std::ffi::OsString;

use boards::{BOARDS, Board};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, Error, value_parser};

use crate::bench;
use crate::board::Request;
use crate::steps::{STEPS, Step};

pub(crate) enum Invocation {
    Test {
        install: bool,
        steps: Vec<&'static Step>,
    },
    /// The list of them.
    Boards,
    Board(Request),
    Sizes {
        update: bool,
    },
    Soak {
        board: &'static Board,
        minutes: u32,
    },
    Bench(bench::Request),
    /// What `bench` starts in namespaces.
    Part(bench::Part),
}

/// What is asked for. Wrong usage is an error, as is a question for help: it knows its text, where that is printed, and
/// the exit status.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let all = command().try_get_matches_from(args)?;
    Ok(match all.subcommand() {
        Some(("test", args)) => {
            Invocation::Test { install: !args.get_flag("no-install"), steps: steps(args) }
        }
        Some(("sizes", args)) => Invocation::Sizes { update: args.get_flag("update") },
        Some(("soak", args)) => {
            let minutes = args.get_one("minutes").copied().unwrap_or(MINUTES);
            Invocation::Soak { board: one(args, "board")?, minutes }
        }
        Some(("bench", args)) => Invocation::Bench(bench::args::request(args)),
        Some((bench::PART, args)) => match bench::args::part_of(args) {
            Some(part) => Invocation::Part(part),
            None => return Err(command().error(ErrorKind::MissingSubcommand, "no part is named")),
        },
        Some(("board", args)) if args.contains_id("board") => Invocation::Board(Request {
            board: one(args, "board")?,
            features: args.get_many("features").into_iter().flatten().cloned().collect(),
            tap: args.get_one("tap").cloned(),
            build_only: args.get_flag("build-only"),
            lab: args
                .get_flag("lab")
                .then(|| args.get_many("program").into_iter().flatten().cloned().collect()),
        }),
        _ => Invocation::Boards,
    })
}

const MINUTES: u32 = 10;

fn command() -> Command {
    let flag = |name| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("cargo xtask")
        .bin_name("cargo xtask")
        .about("The project's own chores")
        .after_help(
            "Examples:\n  cargo xtask test\n  cargo xtask board mps2-an385 --features ipv6,log\n  \
             cargo xtask board mps2-an385 --lab -- ping -c1 192.168.69.1",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("test")
                .about("Run everything that must hold, step by step, and say at the end what did")
                .after_help(
                    "What the steps need is installed first, as Debian packages, by root or by a sudo that\n\
                     asks for no password. With --no-install, and where neither is so, the command that\n\
                     installs what is missing is shown, and nothing is run.",
                )
                .arg(flag("no-install").help("Install nothing"))
                .arg(
                    Arg::new("step")
                        .value_name("STEP")
                        .num_args(0..)
                        .value_parser(step())
                        .help("Only these steps, in the order of this list"),
                ),
        )
        .subcommand(
            Command::new("board")
                .about("Build a board and boot it in QEMU, its ports forwarded from 127.0.0.1")
                .after_help("A board that QEMU doesn't have is built. Without a name: lists them.")
                .arg(board())
                .arg(
                    Arg::new("features")
                        .long("features")
                        .value_name("LIST")
                        .value_delimiter(',')
                        .action(ArgAction::Append)
                        .requires("board")
                        .help("Features of the board's package"),
                )
                .arg(
                    Arg::new("tap")
                        .long("tap")
                        .value_name("NAME")
                        .requires("board")
                        .help("Plug its Ethernet into this TAP interface"),
                )
                .arg(flag("build-only").requires("board").help("Don't boot it"))
                .arg(
                    flag("lab")
                        .requires("board")
                        .conflicts_with_all(["tap", "build-only"])
                        .help("Make it the server of `undersock lab`"),
                )
                .arg(
                    Arg::new("program")
                        .value_name("PROGRAM")
                        .num_args(1..)
                        .last(true)
                        .requires("lab")
                        .value_parser(value_parser!(OsString))
                        .help("Run this program with its arguments in the lab"),
                ),
        )
        .subcommand(
            Command::new("sizes")
                .about("Measure flash, RAM, stack and instructions, and hold them against their budgets")
                .arg(flag("update").help("Make what is measured the budgets")),
        )
        .subcommand(
            Command::new("soak").about("Put a board under mixed load").arg(board().required(true)).arg(
                Arg::new("minutes")
                    .long("minutes")
                    .value_name("N")
                    .value_parser(value_parser!(u32).range(1..))
                    .help(format!("For so long, {MINUTES} minutes by default")),
            ),
        )
        .subcommand(bench::args::command())
        .subcommand(bench::args::part())
}

fn board() -> Arg {
    let names = BOARDS.iter().map(|board| PossibleValue::new(board.name).help(board.about));
    let parser = PossibleValuesParser::new(names)
        .try_map(|name| Board::named(&name).ok_or("it is not in xtask/boards/src/table.rs"));
    Arg::new("board").value_name("BOARD").value_parser(parser).help("The board")
}

fn step() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(STEPS.iter().map(|step| PossibleValue::new(step.name).help(step.about)))
}

/// The named steps or, without names, all: in the table's order, each once.
fn steps(args: &ArgMatches) -> Vec<&'static Step> {
    let names: Vec<&String> = args.get_many("step").into_iter().flatten().collect();
    STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| *name == step.name)).collect()
}

/// A board that must be there.
fn one(args: &ArgMatches, name: &str) -> Result<&'static Board, Error> {
    let board = args.get_one(name).copied();
    board.ok_or_else(|| command().error(ErrorKind::MissingRequiredArgument, "no board is named"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Invocation, Error> {
        parse(["cargo xtask"].iter().chain(args).map(OsString::from))
    }

    /// What a wrong command line is told, with exit status 2.
    #[track_caller]
    fn refused(args: &[&str]) -> String {
        let Err(error) = parsed(args) else { panic!("{args:?} is no wrong usage") };
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    }

    fn names(args: &[&str]) -> (bool, Vec<&'static str>) {
        match parsed(args) {
            Ok(Invocation::Test { install, steps }) => {
                (install, steps.iter().map(|step| step.name).collect())
            }
            Ok(_) => panic!("{args:?} runs no steps"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn without_names_every_step_runs_and_the_tests_come_last() {
        let (install, steps) = names(&["test"]);
        assert!(install);
        assert_eq!(steps.len(), STEPS.len());
        assert_eq!(steps.last(), Some(&"test"));
    }

    #[test]
    fn named_steps_run_once_and_in_the_tables_order() {
        assert_eq!(
            names(&["test", "test", "clippy", "--no-install", "test"]),
            (false, vec!["clippy", "test"])
        );
    }

    #[test]
    fn wrong_words_are_named_and_the_right_one_suggested() {
        let said = refused(&["test", "clipy"]);
        assert!(said.contains("'clipy'") && said.contains("a similar value exists: 'clippy'"), "{said}");
        let said = refused(&["test", "everything"]);
        assert!(said.contains("possible values: format, licences, clippy"), "{said}");
        let said = refused(&["tset"]);
        assert!(said.contains("'tset'") && said.contains("'test'"), "{said}");
        assert!(refused(&["test", "--fast"]).contains("'--fast'"));
        assert!(refused(&["test", "--no-install=1"]).contains("--no-install"));
    }

    #[test]
    fn boards_are_named_and_listed() {
        assert!(matches!(parsed(&["board"]), Ok(Invocation::Boards)));
        let Ok(Invocation::Board(request)) =
            parsed(&["board", "--features", "ipv6,log", "mps2-an385", "--tap=tap0", "--build-only"])
        else {
            panic!("a board")
        };
        assert_eq!(request.board.name, "mps2-an385");
        assert_eq!((request.features, request.tap), (vec!["ipv6".into(), "log".into()], Some("tap0".into())));
        assert!(request.build_only);
        assert!(refused(&["board", "mps2-an386"]).contains("'mps2-an385'"));
        refused(&["board", "mps2-an385", "lm3s6965evb"]);
        refused(&["board", "mps2-an385", "--tap"]);
        assert!(refused(&["board", "--tap", "tap0"]).contains("BOARD"), "options without a board do nothing");
        let lab = parsed(&["board", "mps2-an385", "--lab", "--", "ping", "-c1"]);
        assert!(
            matches!(lab, Ok(Invocation::Board(Request { lab: Some(program), .. })) if program == ["ping", "-c1"])
        );
        refused(&["board", "mps2-an385", "--lab", "--tap", "tap0"]);
        refused(&["board", "mps2-an385", "--", "ping"]);
    }

    #[test]
    fn sizes_and_soaks() {
        assert!(matches!(parsed(&["sizes"]), Ok(Invocation::Sizes { update: false })));
        assert!(matches!(parsed(&["sizes", "--update"]), Ok(Invocation::Sizes { update: true })));
        let soak = parsed(&["soak", "riscv32-virt", "--minutes", "3"]);
        assert!(matches!(soak, Ok(Invocation::Soak { minutes: 3, .. })));
        assert!(refused(&["soak"]).contains("<BOARD>"));
        assert!(refused(&["soak", "riscv32-virt", "--minutes", "long"]).contains("'long'"));
    }

    #[test]
    fn help_is_no_failure_and_lists_what_there_is() {
        for args in [&["help"][..], &["--help"], &["-h"]] {
            let Err(help) = parsed(args) else { panic!("{args:?} runs something") };
            assert_eq!(help.exit_code(), 0);
            let help = help.to_string();
            assert!(
                ["test", "board", "sizes", "soak", "bench"].iter().all(|name| help.contains(name)),
                "{help}"
            );
            assert!(!help.contains(bench::PART), "{help}");
        }
        let Err(help) = parsed(&["help", "test"]) else { panic!("it runs something") };
        let help = help.to_string();
        assert!(STEPS.iter().all(|step| help.contains(step.about)), "{help}");
    }
}
