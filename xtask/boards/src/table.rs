//! The boards.

use undersock_machines::{LM3S6965EVB, MPS2_AN385, Machine, RISCV32_VIRT};

use crate::compiler::{self, has_library};

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
    pub program: &'static str,
    /// Its Debian package.
    pub package: &'static str,
    /// What rustc must be told.
    pub flags: &'static [&'static str],
}

const ARM_LD: Linker = Linker {
    program: "arm-none-eabi-ld",
    package: "binutils-arm-none-eabi",
    flags: &["-Clinker=arm-none-eabi-ld", "-Clinker-flavor=ld"],
};

const LLD: Linker = Linker { program: "ld.lld-19", package: "lld-19", flags: &["-Clinker=ld.lld-19"] };

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

/// The programs that it takes to build and boot these boards on this machine, each with its Debian package: a linker where
/// the compiler has none, and QEMU.
#[must_use]
pub fn programs<'a>(boards: impl Iterator<Item = &'a Board>) -> Vec<(&'static str, &'static str)> {
    let mut programs = Vec::new();
    for board in boards {
        if !has_library(board.target) {
            programs.extend(compiler::PACKAGES);
            programs.push((board.linker.package, board.linker.program));
        }
        programs.extend(board.machine().map(|machine| (machine.package, machine.program)));
    }
    programs.sort_unstable();
    programs.dedup();
    programs
}

impl Board {
    /// The board of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|board| board.name == name)
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
}
