//! One command: said before it is run, as one would type it, so that any of them can be repeated by hand.

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::Failure;

/// The cargo that runs this program, in the project's folder.
pub(crate) fn cargo(words: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(words.split(' '));
    at_home(cargo)
}

/// In the project's folder, and with nothing to read: a step that asks a question would wait for ever.
pub(crate) fn at_home(mut command: Command) -> Command {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    command.current_dir(home).stdin(Stdio::null());
    command
}

/// Runs it to its end, which must be a good one. What it prints is shown.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let said = say(&command);
    let status = command.status().map_err(|error| cannot_start(&said, &error))?;
    judge(&said, status)
}

/// Runs it to its end, which must be a good one, and returns its standard output.
pub(crate) fn read(mut command: Command) -> Result<Vec<u8>, Failure> {
    let said = say(&command);
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(&said, &error))?;
    judge(&said, output.status).map(|()| output.stdout)
}

/// Runs it to its end, which may be a bad one, and returns that with its standard error.
pub(crate) fn try_out(mut command: Command) -> Result<(bool, String), Failure> {
    let said = say(&command);
    let output = command.output().map_err(|error| cannot_start(&said, &error))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Ends as this program: its signals are the program's, and its end.
pub(crate) fn become_it(mut command: Command) -> Result<(), Failure> {
    let said = say(&command);
    #[cfg(unix)]
    return Err(cannot_start(&said, &std::os::unix::process::CommandExt::exec(&mut command)));
    #[cfg(not(unix))]
    run(command)
}

/// On standard error: standard output is what was asked for.
fn say(command: &Command) -> String {
    let said = spelled(command);
    eprintln!("$ {said}");
    said
}

/// As one would type it: what is set in its environment, the program's name and the arguments.
pub(crate) fn spelled(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value?.to_string_lossy())))
    });
    let program = Path::new(command.get_program());
    // Cargo's own place says nothing; a program that was chosen by its path does.
    let program = match program.starts_with("/usr/bin") {
        true => program.as_os_str(),
        false => program.file_name().unwrap_or(program.as_os_str()),
    };
    let args = command.get_args().map(|arg| quoted(&arg.to_string_lossy()));
    set.chain([program.to_string_lossy().into_owned()]).chain(args).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    match word.contains(' ') {
        true => format!("\"{word}\""),
        false => word.into(),
    }
}

fn judge(said: &str, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    // No code: ended by a signal.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure::new(format!("`{said}`"), status).with_status(code))
}

fn cannot_start(said: &str, error: &io::Error) -> Failure {
    Failure::new(format!("starting `{said}`"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_said_as_one_would_type_it() {
        let mut command = Command::new("/home/someone/.cargo/bin/cargo");
        command
            .args(["clippy", "--", "-D", "warnings"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .env_remove("RUSTC");
        assert_eq!(spelled(&command), "RUSTDOCFLAGS=\"-D warnings\" cargo clippy -- -D warnings");
        assert_eq!(spelled(&Command::new("/usr/bin/cargo")), "/usr/bin/cargo");
    }

    #[test]
    #[cfg(unix)]
    fn a_bad_end_keeps_its_status() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 101"]);
        let failure = run(command).unwrap_err();
        assert_eq!(failure.status, 101);
        assert!(failure.to_string().starts_with("`sh -c \"exit 101\"`: exit status: 101"), "{failure}");
    }
}
