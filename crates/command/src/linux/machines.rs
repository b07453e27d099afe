//! The boards that QEMU has, and what it must be told to be one of them. Facts alone: this file is a part of the
//! command and, by its path, of `xtask/boards`, so that each is written down once.
#![allow(unreachable_pub, reason = "public in xtask/boards")]

use std::path::{Path, PathBuf};

/// A machine of QEMU's that is one of the boards.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    /// The board: a folder in `examples/boards`, and what the boot line calls it.
    pub board: &'static str,
    /// QEMU's program.
    pub program: &'static str,
    /// Its Debian package.
    pub package: &'static str,
    /// The machine, and what else it takes to be the board.
    arguments: &'static [&'static str],
    /// Its Ethernet on the network `n0`. `MAC` stands for an address.
    ethernet: [&'static str; 2],
}

/// Arm's FPGA board with a Cortex-M3.
pub const MPS2_AN385: Machine = Machine {
    board: "mps2-an385",
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    arguments: &["-M", "mps2-an385"],
    ethernet: ["-net", "nic,netdev=n0,model=lan9118,macaddr=MAC"],
};

/// The evaluation board of a Stellaris microcontroller.
pub const LM3S6965EVB: Machine = Machine {
    board: "lm3s6965evb",
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    arguments: &["-M", "lm3s6965evb"],
    ethernet: ["-net", "nic,netdev=n0,model=stellaris,macaddr=MAC"],
};

/// QEMU's own machine, with a RISC-V processor.
pub const RISCV32_VIRT: Machine = Machine {
    board: "riscv32-virt",
    program: "qemu-system-riscv32",
    package: "qemu-system-misc",
    // Virtio as its standard has it, not the forerunner that is QEMU's default.
    arguments: &["-M", "virt", "-bios", "none", "-global", "virtio-mmio.force-legacy=false"],
    ethernet: ["-device", "virtio-net-device,netdev=n0,mac=MAC"],
};

/// All of them.
pub const MACHINES: [&Machine; 3] = [&MPS2_AN385, &LM3S6965EVB, &RISCV32_VIRT];

/// The board's MAC address: the same as on TAP.
pub const MAC: &str = "02:00:00:00:00:01";

/// What every machine is told: no window, no monitor, and to do what the firmware asks by semihosting. That is to end
/// with a status, and a seed; it could also be the user's files, so firmware is trusted like any program.
const COMMON: [&str; 6] =
    ["-display", "none", "-monitor", "none", "-semihosting-config", "enable=on,target=native"];

impl Machine {
    /// QEMU's arguments for this machine, its Ethernet on the network `n0`. What is missing: that network, the serial
    /// line, and the firmware.
    pub fn arguments(&self) -> impl Iterator<Item = String> {
        let machine = self.arguments.iter().chain(&COMMON).map(ToString::to_string);
        machine.chain(self.ethernet.map(|word| word.replace("MAC", MAC)))
    }
}

/// Where cargo puts what it builds in this project.
pub fn target_folder(project: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.join("target"), |given| project.join(given))
}

/// Where `cargo xtask board` leaves the image of this name, as in `mps2-an385+ipv6`.
pub fn image(project: &Path, name: &str) -> PathBuf {
    target_folder(project).join("boards").join(format!("{name}.elf"))
}
