//! Which board is to be the lab's server: its machine in QEMU, and its firmware.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use super::machines::{self, MACHINES, Machine};
use crate::failure::{Failure, Result, reason};
use crate::output::note;

/// Firmware that can be booted.
#[derive(Debug)]
pub(super) struct Board {
    /// As the user called it: an image's name, or a file.
    pub(super) name: String,
    pub(super) machine: &'static Machine,
    /// Where QEMU is.
    pub(super) qemu: PathBuf,
    pub(super) elf: PathBuf,
}

impl Board {
    /// The board that `--board` names, built if it is one of the project's.
    pub(super) fn find(given: &OsStr) -> Result<Board> {
        let name = given.to_string_lossy().into_owned();
        if let Some((machine, features)) = named(&name) {
            // Before it is built: whoever has no QEMU hears of it at once.
            let qemu = qemu(&name, machine)?;
            return Ok(Board { elf: build(&name, machine, &features)?, name, machine, qemu });
        }
        let elf = PathBuf::from(given);
        let firmware = fs::read(&elf).map_err(|error| unreadable(&name, &error))?;
        let machine = machine_of(&elf, &firmware)?;
        Ok(Board { qemu: qemu(&name, machine)?, name, machine, elf })
    }

    /// Whether it is one of the project's, by its name.
    pub(super) fn is_image(&self) -> bool {
        named(&self.name).is_some()
    }
}

/// An image's name: a board that QEMU has, and features.
fn named(name: &str) -> Option<(&'static Machine, Vec<&str>)> {
    let mut words = name.split('+');
    let board = words.next()?;
    let machine = MACHINES.into_iter().find(|machine| machine.board == board)?;
    let features: Vec<&str> = words.collect();
    let is_word = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    features.iter().all(is_word).then_some((machine, features))
}

/// A file that can't be read. What has no slash was probably meant for a board's name.
fn unreadable(name: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound && !name.contains('/') {
        let reason = format!(
            "neither a file nor a board that QEMU has, {}; a right one: --board mps2-an385+ipv6",
            boards(" or ")
        );
        return Failure::usage(format!("--board {name}"), reason);
    }
    Failure::new(format!("reading {name}"), reason(error))
}

/// The machine for a file, by its name, or by the board's name in the firmware, which is part of its boot line.
fn machine_of(elf: &Path, firmware: &[u8]) -> Result<&'static Machine> {
    let path = elf.display();
    if !firmware.starts_with(b"\x7fELF") {
        return Err(Failure::new(format!("reading {path}"), "it is not an ELF file"));
    }
    let file = elf.file_name().unwrap_or_default().as_encoded_bytes();
    if let Some(machine) = MACHINES.into_iter().find(|machine| file.starts_with(machine.board.as_bytes())) {
        return Ok(machine);
    }
    let says = |machine: &&Machine| {
        let name = machine.board.as_bytes();
        firmware.windows(name.len()).any(|window| window == name)
    };
    match MACHINES.into_iter().filter(says).collect::<Vec<_>>()[..] {
        [machine] => Ok(machine),
        ref several => {
            let which = if several.is_empty() { "no board's name is" } else { "several boards' names are" };
            let reason = format!(
                "{which} in it, so its file name must begin with one, {}; a right one: --board mps2-an385.elf",
                boards(" or ")
            );
            Err(Failure::usage(format!("--board {path}"), reason))
        }
    }
}

/// Their names, as in a sentence.
fn boards(or: &str) -> String {
    let [first @ .., last] = MACHINES.map(|machine| machine.board);
    format!("{}{or}{last}", first.join(", "))
}

fn qemu(name: &str, machine: &Machine) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(machine.program));
    found.into_iter().find(|file| file.is_file()).ok_or_else(|| {
        Failure::new(format!("booting {name}"), format!("there is no {}", machine.program))
            .mend(format!("in Debian: sudo apt-get install -y {}", machine.package))
    })
}

/// Has the project build an image, or takes the one that is there where nothing can be built.
fn build(name: &str, machine: &Machine, features: &[&str]) -> Result<PathBuf> {
    let attempt = format!("building {name}");
    let here = std::env::current_dir().map_err(|error| Failure::io(&attempt, &error))?;
    let Some(project) = here.ancestors().find(|folder| is_project(folder, machine)) else {
        let reason = "boards are built in undersock's project, and this folder is not in it";
        let elf = format!("or name the file: undersock lab --board {}.elf", machine.board);
        return Err(Failure::new(attempt, reason).mend("cd to the project").mend(elf));
    };
    let image = machines::image(project, name);
    let mut words = vec!["xtask".to_owned(), "board".to_owned(), machine.board.to_owned()];
    if !features.is_empty() {
        words.extend(["--features".to_owned(), features.join(",")]);
    }
    words.push("--build-only".to_owned());
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What it says is no result of ours.
    let said = io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
    cargo.args(&words).current_dir(project).stdin(Stdio::null()).stdout(said);
    match cargo.status() {
        Ok(status) if status.success() => Ok(image),
        Ok(status) => Err(Failure::new(attempt, format!("`cargo {}` failed: {status}", words.join(" ")))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && image.is_file() => {
            note(format_args!("There is no cargo, so this is the image that was built last: {name}"));
            Ok(image)
        }
        Err(error) => Err(Failure::io(attempt, &error).mend("it takes Rust: https://rustup.rs")),
    }
}

fn is_project(folder: &Path, machine: &Machine) -> bool {
    folder.join("xtask/boards/Cargo.toml").is_file()
        && folder.join("examples/boards").join(machine.board).join("Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FAILED, USAGE};

    fn board_of(file: &str, firmware: &str) -> core::result::Result<&'static str, (u8, String)> {
        let found = machine_of(Path::new(file), format!("\x7fELF{firmware}").as_bytes());
        found.map(|machine| machine.board).map_err(|failure| (failure.status(), failure.to_string()))
    }

    #[test]
    fn an_image_is_a_board_and_features() {
        let parts = |name: &'static str| named(name).map(|(machine, features)| (machine.board, features));
        assert_eq!(parts("mps2-an385"), Some(("mps2-an385", vec![])));
        assert_eq!(parts("riscv32-virt+ipv6+log"), Some(("riscv32-virt", vec!["ipv6", "log"])));
        for name in [
            "",
            "+",
            "mps2",
            "mps2-an385+",
            "mps2-an385+a,b",
            "mps2-an385.elf",
            "mps2-an385-O2",
            "nucleo-f767zi",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }

    #[test]
    fn a_files_machine_is_in_its_name_or_in_its_boot_line() {
        assert_eq!(board_of("target/boards/lm3s6965evb+ipv6-O2.elf", ""), Ok("lm3s6965evb"));
        assert_eq!(board_of("riscv32-virt", "mps2-an385"), Ok("riscv32-virt"));
        assert_eq!(board_of("release/undersock-board", ", board lm3s6965evb, static"), Ok("lm3s6965evb"));
    }

    #[test]
    fn other_files_are_usage_errors_that_say_how_to_name_them() {
        for (firmware, why) in [("hello", "no board's name is in it"), ("mps2-an385 riscv32-virt", "several")]
        {
            let (status, said) = board_of("my-board", firmware).expect_err(firmware);
            assert_eq!(status, USAGE);
            assert!(said.starts_with("undersock: --board my-board: ") && said.contains(why), "{said}");
            assert!(said.contains("mps2-an385, lm3s6965evb or riscv32-virt"), "{said}");
        }
        let text = machine_of(Path::new("mps2-an385.txt"), b"text").expect_err("no ELF file");
        assert_eq!((text.status(), text.to_string().contains("it is not an ELF file")), (FAILED, true));
    }
}
