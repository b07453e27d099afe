//! The command line.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

use crate::failure::Failure;
use crate::steps::{STEPS, Step};

pub(crate) enum Invocation {
    Help,
    Test { install: bool, steps: Vec<&'static Step> },
}

pub(crate) fn help() -> String {
    let mut text = String::from(
        "Usage: cargo xtask test [--no-install] [STEP...]\n\n\
         Runs everything that must hold, step by step, and at the end says which steps\n\
         held. With names, only those steps.\n\n\
         What the steps need is installed first, as Debian packages, by root or by a\n\
         sudo that asks for no password. With --no-install, and where neither is so, the\n\
         command that installs what is missing is shown, and nothing is run.\n\nSteps:\n",
    );
    for step in STEPS {
        text += &format!("  {:<10} {}\n", step.name, step.about);
    }
    text + "\nExamples:\n  cargo xtask test\n  cargo xtask test format clippy\n"
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
        _ => Err(Failure::usage(
            "cargo xtask",
            format!("no command \"{command}\"; there are `cargo xtask test` and `cargo xtask help`"),
        )),
    }
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
    let near =
        names.iter().min_by_key(|known| distance(name, known)).filter(|near| distance(name, near) <= 2);
    let hint = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("the steps are {}", names.join(", ")),
    };
    Err(Failure::usage("cargo xtask test", format!("no step \"{name}\"; {hint}")))
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
            Ok(Invocation::Help) => Err("help".into()),
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
        assert!(said(&["tset"]).contains("`cargo xtask test`"));
        assert!(said(&["test", "--fast"]).contains("'--fast'"));
        assert!(said(&["test", "--no-install=1"]).contains("--no-install"));
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
