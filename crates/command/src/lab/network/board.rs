//! The board in the lab's place of the server: firmware, and the machine of QEMU's that it is for.

use std::fs;
use std::path::{Path, PathBuf};

use undersock_machines::{MACHINES, Machine, Processor};

use crate::args::{BoardOptions, machine_names as names};
use crate::failure::{Failure, Result, reason};

/// Firmware that can be booted.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) elf: PathBuf,
    pub(super) machine: &'static Machine,
    /// Where QEMU is.
    pub(super) qemu: PathBuf,
}

impl Board {
    /// The board that `--board` and `--machine` name.
    pub(super) fn find(options: &BoardOptions) -> Result<Board> {
        let BoardOptions { elf, machine } = options;
        let firmware = fs::read(elf).map_err(|error| {
            let failure = Failure::new(format!("reading {}", elf.display()), reason(&error));
            // What looks like a board's name was probably meant for one.
            match MACHINES.iter().any(|machine| elf.as_os_str() == machine.name) {
                true => failure.mend(format!(
                    "firmware is an ELF file; in undersock's project: cargo xtask board {} --lab",
                    elf.display()
                )),
                false => failure,
            }
        })?;
        let machine = machine_of(elf, &firmware, *machine)?;
        let qemu = find(machine.program).ok_or_else(|| {
            Failure::new(format!("booting {}", elf.display()), format!("there is no {}", machine.program))
                .mend(format!("in Debian: sudo apt-get install -y {}", machine.package))
        })?;
        Ok(Board { elf: elf.clone(), machine, qemu })
    }
}

/// The machine for a file: the one that is `asked` for; else the only one with its processor; else the one whose name is
/// in the firmware, as it is in undersock's boot line.
fn machine_of(elf: &Path, firmware: &[u8], asked: Option<&'static Machine>) -> Result<&'static Machine> {
    let path = elf.display();
    let Some(processor) = Processor::of_elf(firmware) else {
        let why = format!("it is not an ELF file for one of the machines, {}", names(&MACHINES));
        return Err(Failure::new(format!("reading {path}"), why));
    };
    let fitting: Vec<_> = MACHINES.into_iter().filter(|machine| machine.processor == processor).collect();
    if let Some(machine) = asked {
        return if fitting.contains(&machine) {
            Ok(machine)
        } else {
            let why = format!("{path} is for another processor; a right one: {}", names(&fitting));
            Err(Failure::usage(format!("--machine {}", machine.name), why))
        };
    }
    let says = |machine: &&Machine| {
        let name = machine.name.as_bytes();
        firmware.windows(name.len()).any(|window| window == name)
    };
    let named: Vec<_> = fitting.iter().copied().filter(says).collect();
    match (&fitting[..], &named[..]) {
        ([machine], _) | (_, [machine]) => Ok(machine),
        _ => {
            let why = format!(
                "it doesn't say for which machine it is, {}; a right one: --board {path} --machine {}",
                names(&fitting),
                fitting.first().map_or("", |machine| machine.name)
            );
            Err(Failure::usage(format!("--board {path}"), why))
        }
    }
}

/// Where the program is.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FAILED, USAGE};

    const ARM: u8 = 40;
    const RISC_V: u8 = 243;

    /// The machine for an ELF file, or the exit status and what is said.
    fn machine(
        processor: u8,
        text: &str,
        asked: Option<&str>,
    ) -> core::result::Result<&'static str, (u8, String)> {
        let mut firmware = b"\x7fELF\x01\x01__________\x02\x00".to_vec();
        firmware.extend([processor, 0]);
        firmware.extend(text.as_bytes());
        let asked = asked.and_then(Machine::named);
        let found = machine_of(Path::new("my.elf"), &firmware, asked);
        found.map(|machine| machine.name).map_err(|failure| (failure.status(), failure.to_string()))
    }

    #[test]
    fn firmware_says_by_its_processor_or_its_boot_line_for_which_machine_it_is() {
        assert_eq!(machine(RISC_V, "", None), Ok("riscv32-virt"));
        assert_eq!(machine(ARM, ", board lm3s6965evb, static", None), Ok("lm3s6965evb"));
        // A name that can't be meant is none.
        assert_eq!(machine(ARM, "riscv32-virt mps2-an385", None), Ok("mps2-an385"));
    }

    #[test]
    fn a_machine_that_is_asked_for_is_taken_if_it_has_the_processor() {
        assert_eq!(machine(ARM, ", board lm3s6965evb,", Some("mps2-an385")), Ok("mps2-an385"));
        assert_eq!(machine(ARM, "", Some("lm3s6965evb")), Ok("lm3s6965evb"));
        let (status, said) = machine(RISC_V, "", Some("mps2-an385")).unwrap_err();
        assert_eq!(status, USAGE);
        assert_eq!(
            said,
            "undersock: --machine mps2-an385: my.elf is for another processor; a right one: riscv32-virt"
        );
    }

    #[test]
    fn where_it_can_t_be_told_the_machine_is_asked_for() {
        for text in ["", "mps2-an385 lm3s6965evb"] {
            let (status, said) = machine(ARM, text, None).unwrap_err();
            assert_eq!(status, USAGE);
            assert_eq!(
                said,
                "undersock: --board my.elf: it doesn't say for which machine it is, mps2-an385 or lm3s6965evb; \
                 a right one: --board my.elf --machine mps2-an385"
            );
        }
    }

    #[test]
    fn what_is_for_no_machine_is_no_usage_error() {
        let (status, said) = machine(62, "mps2-an385", Some("mps2-an385")).unwrap_err();
        assert_eq!(status, FAILED);
        assert_eq!(
            said,
            "undersock: reading my.elf: it is not an ELF file for one of the machines, \
             mps2-an385, lm3s6965evb or riscv32-virt"
        );
    }
}
