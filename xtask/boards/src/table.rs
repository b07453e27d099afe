//! The boards.

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
    Qemu(Machine),
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

/// A machine of QEMU's.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    /// The program.
    pub program: &'static str,
    /// Its Debian package.
    pub package: &'static str,
    /// The machine, and what else it takes to be the board.
    pub arguments: &'static [&'static str],
    /// Its Ethernet on the network `n0`. `MAC` stands for an address.
    pub ethernet: [&'static str; 2],
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
        name: "mps2-an385",
        about: "Cortex-M3, LAN9118",
        target: "thumbv7m-none-eabi",
        linker: &ARM_LD,
        place: Place::Qemu(Machine {
            program: "qemu-system-arm",
            package: "qemu-system-arm",
            arguments: &["-M", "mps2-an385"],
            ethernet: ["-net", "nic,netdev=n0,model=lan9118,macaddr=MAC"],
        }),
    },
    Board {
        name: "lm3s6965evb",
        about: "Cortex-M3 with 64 KiB of RAM, Stellaris MAC",
        target: "thumbv7m-none-eabi",
        linker: &ARM_LD,
        place: Place::Qemu(Machine {
            program: "qemu-system-arm",
            package: "qemu-system-arm",
            arguments: &["-M", "lm3s6965evb"],
            ethernet: ["-net", "nic,netdev=n0,model=stellaris,macaddr=MAC"],
        }),
    },
    Board {
        name: "riscv32-virt",
        about: "RV32IMAC, virtio-net",
        target: "riscv32imac-unknown-none-elf",
        linker: &LLD,
        place: Place::Qemu(Machine {
            program: "qemu-system-riscv32",
            package: "qemu-system-misc",
            // Virtio as its standard has it, not the forerunner that is QEMU's default.
            arguments: &["-M", "virt", "-bios", "none", "-global", "virtio-mmio.force-legacy=false"],
            ethernet: ["-device", "virtio-net-device,netdev=n0,mac=MAC"],
        }),
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
    pub const fn machine(&self) -> Option<&Machine> {
        match &self.place {
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
