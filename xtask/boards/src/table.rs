//! The boards.

use undersock_machines::{LM3S6965EVB, MPS2_AN385, Machine, RISCV32_VIRT};

use crate::compiler::{self, has_library};
use crate::failure::{Failure, Result};
use crate::tools::{Tool, missing};

/// A board: a folder of this name in `examples/boards`.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// Of the folder, and of the board for the user.
    pub name: &'static str,
    /// One line: processor, Ethernet.
    pub about: &'static str,
    /// As rustc calls it.
    pub target: &'static str,
    /// The linker for a compiler that comes without one.
    pub linker: &'static Linker,
    /// Where it is to be had.
    pub place: Place,
}

/// Where a board is to be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// In QEMU.
    Qemu(&'static Machine),
    /// On a desk. This writes an ELF file, whose name follows, to its flash.
    Desk(&'static str),
}

/// A linker of the system's.
#[derive(Debug, PartialEq, Eq)]
pub struct Linker {
    /// The program.
    pub tool: Tool,
    /// What rustc must be told.
    pub flags: &'static [&'static str],
}

const ARM_LD: Linker = Linker {
    tool: Tool { file: "arm-none-eabi-ld", package: "binutils-arm-none-eabi" },
    flags: &["-Clinker=arm-none-eabi-ld", "-Clinker-flavor=ld"],
};

const LLD: Linker =
    Linker { tool: Tool { file: "ld.lld-19", package: "lld-19" }, flags: &["-Clinker=ld.lld-19"] };

/// All of them, those that QEMU has first.
pub const BOARDS: &[Board] = &[
    Board {
        name: MPS2_AN385.name,
        about: "Cortex-M3, LAN9118",
        target: "thumbv7m-none-eabi",
        linker: &ARM_LD,
        place: Place::Qemu(&MPS2_AN385),
    },
    Board {
        name: LM3S6965EVB.name,
        about: "Cortex-M3 with 64 KiB of RAM, Stellaris MAC",
        target: "thumbv7m-none-eabi",
        linker: &ARM_LD,
        place: Place::Qemu(&LM3S6965EVB),
    },
    Board {
        name: RISCV32_VIRT.name,
        about: "RV32IMAC, virtio-net",
        target: "riscv32imac-unknown-none-elf",
        linker: &LLD,
        place: Place::Qemu(&RISCV32_VIRT),
    },
    Board {
        name: "nucleo-f767zi",
        about: "Cortex-M7, STM32F767's Ethernet; untested on hardware",
        target: "thumbv7em-none-eabihf",
        linker: &ARM_LD,
        place: Place::Desk("probe-rs run --chip STM32F767ZITx"),
    },
    Board {
        name: "w5500-evb-pico",
        about: "RP2040, W5500 in MACRAW mode; untested on hardware",
        target: "thumbv6m-none-eabi",
        linker: &ARM_LD,
        place: Place::Desk("probe-rs run --chip RP2040"),
    },
    Board {
        name: "template",
        about: "to start a board of your own from; its Ethernet leads nowhere",
        target: "thumbv7m-none-eabi",
        linker: &ARM_LD,
        place: Place::Desk("probe-rs run --chip STM32F107VC"),
    },
];

impl Board {
    /// The board of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|board| board.name == name)
    }

    /// What it takes to build it on this machine, a linker and its own library where the compiler has none, and to boot
    /// it, where QEMU has it.
    #[must_use]
    pub fn tools(&self, boots: bool) -> Vec<Tool> {
        let (builds, machine) = (!has_library(self.target), self.machine().filter(|_| boots));
        let build = compiler::TOOLS.into_iter().chain([self.linker.tool]).filter(|_| builds);
        build.chain(machine.map(|machine| Tool { file: machine.program, package: machine.package })).collect()
    }

    /// Looks for all that it takes to build it and, if it is asked for, to boot it.
    ///
    /// # Errors
    /// What is missing, all of it.
    pub fn sure(&self, boots: bool) -> Result<()> {
        let Some(missing) = missing(&self.tools(boots)) else { return Ok(()) };
        let reason = match has_library(self.target) {
            true => missing,
            false => format!("{missing}; {}", compiler::in_place_of_them(self.target)),
        };
        Err(Failure::new(format!("looking for what {} takes", self.name), reason))
    }

    /// Whether QEMU has it, or one with the same target.
    #[must_use]
    pub fn shares_core(&self) -> bool {
        BOARDS.iter().any(|board| board.target == self.target && board.machine().is_some())
    }

    /// Its machine, if QEMU has it.
    #[must_use]
    pub const fn machine(&self) -> Option<&'static Machine> {
        match self.place {
            Place::Qemu(machine) => Some(machine),
            Place::Desk(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_has_a_name_of_its_own() {
        for board in BOARDS {
            assert_eq!(Board::named(board.name), Some(board));
        }
        assert_eq!(Board::named("mps3"), None);
    }

    #[test]
    fn a_board_on_a_desk_is_not_booted() {
        let tools = |name: &str, boots| Board::named(name).expect("a board").tools(boots);
        assert!(tools("riscv32-virt", true).iter().any(|tool| tool.file == "qemu-system-riscv32"));
        assert_eq!(tools("riscv32-virt", false).len() + 1, tools("riscv32-virt", true).len());
        assert_eq!(tools("w5500-evb-pico", false), tools("w5500-evb-pico", true));
    }

    #[test]
    fn the_template_shares_a_core_with_an_emulated_board() {
        let shares = |name: &str| Board::named(name).expect("a board").shares_core();
        assert!(shares("mps2-an385") && shares("riscv32-virt") && shares("template"));
        assert!(!shares("nucleo-f767zi") && !shares("w5500-evb-pico"));
    }
}
