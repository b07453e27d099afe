//! The command line.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

use boards::{BOARDS, Board};

use crate::board::Request;
use crate::failure::Failure;
use crate::steps::{STEPS, Step};

pub(crate) enum Invocation {
    Help,
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
}

pub(crate) fn help() -> String {
    let mut text = String::from(
        "Usage:\n  \
         cargo xtask test [--no-install] [STEP...]\n  \
         cargo xtask board [BOARD] [--features LIST] [--tap NAME | --build-only]\n  \
         cargo xtask board BOARD [--features LIST] --lab [-- PROGRAM [ARGUMENT...]]\n  \
         cargo xtask sizes [--update]\n  \
         cargo xtask soak BOARD [--minutes N]\n\n\
         test runs everything that must hold, step by step, and at the end says which\n\
         steps held. With names, only those steps.\n\n\
         What the steps need is installed first, as Debian packages, by root or by a\n\
         sudo that asks for no password. With --no-install, and where neither is so, the\n\
         command that installs what is missing is shown, and nothing is run.\n\nSteps:\n",
    );
    for step in STEPS {
        text += &format!("  {:<10} {}\n", step.name, step.about);
    }
    text + "\nboard builds a board and boots it in QEMU, its ports forwarded from 127.0.0.1,\n\
        or on a TAP interface; one that QEMU doesn't have is built. Without a name:\n\
        lists them. With --lab it is the server of `undersock lab`, and the program\n\
        runs there.\n\n\
        sizes measures flash, RAM, stack and instructions, and fails if they are above\n\
        their budgets; --update makes what was measured the budgets.\n\n\
        soak puts a board under mixed load for 10 minutes, or as many as are named.\n\n\
        Examples:\n  \
        cargo xtask test\n  \
        cargo xtask test format clippy\n  \
        cargo xtask board mps2-an385 --features ipv6,log\n  \
        cargo xtask board mps2-an385 --lab -- ping -c1 192.168.69.1\n"
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, Failure> {
    let mut parser = Parser::from_args(args);
    let command = match next(&mut parser)? {
        None => return Ok(Invocation::Help),
        Some(Arg::Long("help") | Arg::Short('h')) => return Ok(Invocation::Help),
        Some(Arg::Value(command)) => command.to_string_lossy().into_owned(),
        Some(option) => return Err(unexpected("cargo xtask", option)),
    };
    match command.as_str() {
        "help" => Ok(Invocation::Help),
        "test" => test(&mut parser),
        "board" => board(&mut parser),
        "sizes" => sizes(&mut parser),
        "soak" => soak(&mut parser),
        _ => Err(Failure::usage(
            "cargo xtask",
            format!("no command \"{command}\"; there are `test`, `board`, `sizes`, `soak` and `help`"),
        )),
    }
}

fn board(parser: &mut Parser) -> Result<Invocation, Failure> {
    const ATTEMPT: &str = "cargo xtask board";
    let (mut board, mut features, mut tap, mut build_only) = (None, Vec::new(), None, false);
    let mut lab: Option<Vec<OsString>> = None;
    while let Some(arg) = next(parser)? {
        match arg {
            Arg::Long("features") => {
                let list = value(parser, ATTEMPT)?;
                features.extend(list.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned));
            }
            Arg::Long("tap") => tap = Some(value(parser, ATTEMPT)?),
            Arg::Long("build-only") => build_only = true,
            Arg::Long("lab") => lab = Some(Vec::new()),
            Arg::Long("help") | Arg::Short('h') => return Ok(Invocation::Help),
            Arg::Value(name) if board.is_none() => {
                board = Some(board_named(ATTEMPT, &name.to_string_lossy())?)
            }
            Arg::Value(word) if lab.is_some() => {
                lab.iter_mut().for_each(|program| program.push(word.clone()))
            }
            option => return Err(unexpected(ATTEMPT, option)),
        }
    }
    if lab.is_some() && (tap.is_some() || build_only) {
        return Err(Failure::usage(ATTEMPT, "the lab has a network of its own: no --tap, no --build-only"));
    }
    Ok(match board {
        Some(board) => Invocation::Board(Request { board, features, tap, build_only, lab }),
        None => Invocation::Boards,
    })
}

fn sizes(parser: &mut Parser) -> Result<Invocation, Failure> {
    let mut update = false;
    while let Some(arg) = next(parser)? {
        match arg {
            Arg::Long("update") => update = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Invocation::Help),
            option => return Err(unexpected("cargo xtask sizes", option)),
        }
    }
    Ok(Invocation::Sizes { update })
}

fn soak(parser: &mut Parser) -> Result<Invocation, Failure> {
    const ATTEMPT: &str = "cargo xtask soak";
    let (mut board, mut minutes) = (None, 10);
    while let Some(arg) = next(parser)? {
        match arg {
            Arg::Long("minutes") => {
                let number = value(parser, ATTEMPT)?;
                let not_one = |_| Failure::usage(ATTEMPT, format!("\"{number}\" is no number of minutes"));
                minutes = number.parse().map_err(not_one)?;
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(Invocation::Help),
            Arg::Value(name) if board.is_none() => {
                board = Some(board_named(ATTEMPT, &name.to_string_lossy())?)
            }
            option => return Err(unexpected(ATTEMPT, option)),
        }
    }
    let board =
        board.ok_or_else(|| Failure::usage(ATTEMPT, "no board named; `cargo xtask board` lists them"))?;
    Ok(Invocation::Soak { board, minutes })
}

/// An option's value.
fn value(parser: &mut Parser, attempt: &str) -> Result<String, Failure> {
    let value = parser.value().map_err(|error| Failure::usage(attempt, error))?;
    Ok(value.to_string_lossy().into_owned())
}

fn board_named(attempt: &str, name: &str) -> Result<&'static Board, Failure> {
    let names: Vec<_> = BOARDS.iter().map(|board| board.name).collect();
    Board::named(name).ok_or_else(|| {
        Failure::usage(attempt, format!("no board \"{name}\"; {}", hint(name, &names, "the boards")))
    })
}

fn test(parser: &mut Parser) -> Result<Invocation, Failure> {
    let mut install = true;
    let mut names = Vec::new();
    while let Some(arg) = next(parser)? {
        match arg {
            Arg::Long("no-install") => install = false,
            Arg::Long("help") | Arg::Short('h') => return Ok(Invocation::Help),
            Arg::Value(name) => names.push(known(&name.to_string_lossy())?),
            option => return Err(unexpected("cargo xtask test", option)),
        }
    }
    // In the table's order, each once.
    let chosen = |step: &&Step| names.is_empty() || names.contains(&step.name);
    Ok(Invocation::Test { install, steps: STEPS.iter().filter(chosen).collect() })
}

fn next(parser: &mut Parser) -> Result<Option<Arg<'_>>, Failure> {
    parser.next().map_err(|error| Failure::usage("cargo xtask", error))
}

fn unexpected(attempt: &str, arg: Arg<'_>) -> Failure {
    Failure::usage(attempt, format!("{}; `cargo xtask help` shows what there is", arg.unexpected()))
}

/// The step's name, if there is such a step.
fn known(name: &str) -> Result<&'static str, Failure> {
    if let Some(step) = STEPS.iter().find(|step| step.name == name) {
        return Ok(step.name);
    }
    let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
    let hint = hint(name, &names, "the steps");
    Err(Failure::usage("cargo xtask test", format!("no step \"{name}\"; {hint}")))
}

/// The name that was meant, or all of them.
fn hint(name: &str, names: &[&str], all: &str) -> String {
    let near = names.iter().min_by_key(|known| distance(name, known));
    match near.filter(|near| distance(name, near) <= 2) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("{all} are {}", names.join(", ")),
    }
}

/// How many letters must be put in, taken out or changed to make one word the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, &across) in other.iter().enumerate() {
            let change = diagonal + usize::from(letter != across);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<(bool, Vec<&'static str>), String> {
        match parse(args.iter().map(OsString::from)) {
            Ok(Invocation::Test { install, steps }) => Ok((install, steps.iter().map(|s| s.name).collect())),
            Ok(_) => Err("help".into()),
            Err(failure) => {
                assert_eq!(failure.status, 2, "{failure}");
                Err(failure.to_string())
            }
        }
    }

    #[test]
    fn without_names_every_step_runs_and_the_tests_come_last() {
        let (install, steps) = names(&["test"]).unwrap();
        assert!(install);
        assert_eq!(steps.len(), STEPS.len());
        assert_eq!(steps.last(), Some(&"test"));
    }

    #[test]
    fn named_steps_run_once_and_in_the_tables_order() {
        assert_eq!(
            names(&["test", "test", "clippy", "--no-install", "test"]),
            Ok((false, vec!["clippy", "test"]))
        );
    }

    #[test]
    fn wrong_words_are_named_and_the_right_one_suggested() {
        let said = |args| names(args).unwrap_err();
        assert_eq!(said(&["test", "clipy"]), "cargo xtask test: no step \"clipy\"; did you mean \"clippy\"?");
        assert!(said(&["test", "everything"]).contains("the steps are format, licences, clippy"));
        assert!(said(&["tset"]).contains("there are `test`, `board`"));
        assert!(said(&["test", "--fast"]).contains("'--fast'"));
        assert!(said(&["test", "--no-install=1"]).contains("--no-install"));
    }

    fn parsed(args: &[&str]) -> Result<Invocation, String> {
        parse(args.iter().map(OsString::from)).map_err(|failure| failure.to_string())
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
        assert_eq!(
            parsed(&["board", "mps2-an386"]).err().as_deref(),
            Some("cargo xtask board: no board \"mps2-an386\"; did you mean \"mps2-an385\"?")
        );
        let lab = parsed(&["board", "mps2-an385", "--lab", "--", "ping", "-c1"]);
        assert!(
            matches!(lab, Ok(Invocation::Board(Request { lab: Some(program), .. })) if program == ["ping", "-c1"])
        );
        assert!(parsed(&["board", "mps2-an385", "--lab", "--tap", "tap0"]).is_err());
        assert!(parsed(&["board", "mps2-an385", "lm3s6965evb"]).is_err());
        assert!(parsed(&["board", "mps2-an385", "--tap"]).is_err());
    }

    #[test]
    fn sizes_and_soaks() {
        assert!(matches!(parsed(&["sizes"]), Ok(Invocation::Sizes { update: false })));
        assert!(matches!(parsed(&["sizes", "--update"]), Ok(Invocation::Sizes { update: true })));
        let soak = parsed(&["soak", "riscv32-virt", "--minutes", "3"]);
        assert!(matches!(soak, Ok(Invocation::Soak { minutes: 3, .. })));
        assert_eq!(
            parsed(&["soak"]).err().as_deref(),
            Some("cargo xtask soak: no board named; `cargo xtask board` lists them")
        );
        assert!(parsed(&["soak", "riscv32-virt", "--minutes", "long"]).is_err());
    }

    #[test]
    fn help_is_a_command_an_option_and_what_no_command_gets() {
        for args in [&[][..], &["help"], &["--help"], &["-h"], &["test", "--help"]] {
            assert_eq!(names(args), Err("help".into()));
        }
        assert!(help().lines().all(|line| line.len() <= 80), "{}", help());
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "docs"), 4);
        assert_eq!(distance("docs", "docs"), 0);
        assert_eq!(distance("licenses", "licences"), 1);
        assert_eq!(distance("fromat", "format"), 2);
    }
}
