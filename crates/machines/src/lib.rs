//! The boards that QEMU has, and what it must be told to be one of them. Facts alone: nothing is started here.

/// A machine of QEMU's that is one of the boards.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// The board's name, which its firmware has in the boot line.
    pub name: &'static str,
    /// Its processor's family.
    pub processor: Processor,
    /// QEMU's program.
    pub program: &'static str,
    /// The Debian package of the program.
    pub package: &'static str,
    /// The machine, and what else it takes to be the board.
    arguments: &'static [&'static str],
    /// Its Ethernet on the network `n0`. `MAC` stands for an address.
    ethernet: [&'static str; 2],
}

/// Whose instructions a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Processor {
    /// Arm, 32 bits.
    Arm,
    /// RISC-V, 32 bits.
    RiscV,
}

/// Arm's FPGA board with a Cortex-M3.
pub const MPS2_AN385: Machine = Machine {
    name: "mps2-an385",
    processor: Processor::Arm,
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    arguments: &["-M", "mps2-an385"],
    ethernet: ["-net", "nic,netdev=n0,model=lan9118,macaddr=MAC"],
};

/// The evaluation board of a Stellaris microcontroller.
pub const LM3S6965EVB: Machine = Machine {
    name: "lm3s6965evb",
    processor: Processor::Arm,
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    arguments: &["-M", "lm3s6965evb"],
    ethernet: ["-net", "nic,netdev=n0,model=stellaris,macaddr=MAC"],
};

/// QEMU's own machine, with a RISC-V processor.
pub const RISCV32_VIRT: Machine = Machine {
    name: "riscv32-virt",
    processor: Processor::RiscV,
    program: "qemu-system-riscv32",
    package: "qemu-system-misc",
    // Virtio as its standard has it, not the forerunner that is QEMU's default.
    arguments: &["-M", "virt", "-bios", "none", "-global", "virtio-mmio.force-legacy=false"],
    ethernet: ["-device", "virtio-net-device,netdev=n0,mac=MAC"],
};

/// All of them.
pub const MACHINES: [&Machine; 3] = [&MPS2_AN385, &LM3S6965EVB, &RISCV32_VIRT];

/// The board's MAC address: the one that undersock has on TAP.
pub const MAC: &str = "02:00:00:00:00:01";

/// What every machine is told: no window, no monitor, and to do what the firmware asks by semihosting. That is to end
/// with a status, and a seed; it could also be the user's files, so firmware is trusted like any program.
const COMMON: [&str; 6] =
    ["-display", "none", "-monitor", "none", "-semihosting-config", "enable=on,target=native"];

impl Machine {
    /// The machine of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Machine> {
        MACHINES.into_iter().find(|machine| machine.name == name)
    }

    /// QEMU's arguments for this machine, its Ethernet on the network `n0`. What is missing: that network, the serial
    /// line, and the firmware.
    pub fn arguments(&self) -> impl Iterator<Item = String> {
        let machine = self.arguments.iter().chain(&COMMON).map(ToString::to_string);
        machine.chain(self.ethernet.map(|word| word.replace("MAC", MAC)))
    }
}

impl Processor {
    /// The processor of an ELF file, by its header (`e_machine`; "System V Application Binary Interface", chapter 4).
    /// Only a program of 32 bits, the lowest byte first, can be for one of them.
    #[must_use]
    pub fn of_elf(file: &[u8]) -> Option<Processor> {
        match *file {
            [0x7f, b'E', b'L', b'F', 1, 1, ..] => {}
            _ => return None,
        }
        match u16::from_le_bytes(*file.get(18..)?.first_chunk()?) {
            40 => Some(Processor::Arm),
            243 => Some(Processor::RiscV),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_name_of_its_own() {
        for machine in MACHINES {
            assert_eq!(Machine::named(machine.name), Some(machine));
        }
        assert_eq!(Machine::named("mps3"), None);
    }

    #[test]
    fn the_ethernet_has_an_address_and_is_on_the_network() {
        for machine in MACHINES {
            let last = machine.arguments().last().unwrap_or_default();
            assert!(last.contains("netdev=n0") && last.ends_with("=02:00:00:00:00:01"), "{last}");
        }
    }

    #[test]
    fn the_header_tells_the_processor() {
        let header = |class: u8, order: u8, machine: u8| {
            let mut file = *b"\x7fELF________________";
            (file[4], file[5], file[18], file[19]) = (class, order, machine, 0);
            file
        };
        assert_eq!(Processor::of_elf(&header(1, 1, 40)), Some(Processor::Arm));
        assert_eq!(Processor::of_elf(&header(1, 1, 243)), Some(Processor::RiscV));
        // Of 64 bits; the highest byte first; another processor's; too short; no such file.
        for file in [&header(2, 1, 243)[..], &header(1, 2, 40), &header(1, 1, 3), &header(1, 1, 40)[..19]] {
            assert_eq!(Processor::of_elf(file), None, "{file:?}");
        }
        assert_eq!(Processor::of_elf(b"mps2-an385 and a lot of text"), None);
    }
}
