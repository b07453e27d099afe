//! The platform-level interrupt controller: which device's interrupt reaches the processor.
//!
//! "RISC-V Platform-Level Interrupt Controller Specification" 1.0.0, "Memory Map".
#![allow(unsafe_code, reason = "the address of the registers")]

use undersock_board::peripheral::Peripheral;

// SAFETY: the machine has the PLIC's registers here, all of the offsets below; none reaches into memory.
const PLIC: Peripheral = unsafe { Peripheral::new(0x0c00_0000) };
/// Priority of source 0, which does not exist; 4 bytes a source. 0 is never.
const PRIORITY: usize = 0;
/// Enable bits of context 0: hart 0 in machine mode. 32 sources a register.
const ENABLE: usize = 0x2000;
/// Context 0 hears of priorities above this.
const THRESHOLD: usize = 0x20_0000;
/// Reading claims the interrupt, writing its number completes it.
const CLAIM_COMPLETE: usize = 0x20_0004;

/// The one interrupt line in use. It wakes the processor and is never taken.
pub(crate) struct Line;

impl Line {
    /// Lets this source, 1 to 31, through to hart 0.
    pub(crate) fn enable(source: usize) -> Self {
        PLIC.write(PRIORITY + 4 * source, 1);
        PLIC.write(THRESHOLD, 0);
        PLIC.write(ENABLE, 1 << source);
        Line
    }

    /// Forgets that it was raised: what happens from now on counts. `clear_device` makes the device lower the line.
    pub(crate) fn clear(&self, clear_device: impl FnOnce()) {
        let source = PLIC.read(CLAIM_COMPLETE);
        clear_device();
        // Only then: a line still high would count as raised once more ("Interrupt Gateways").
        if source != 0 {
            PLIC.write(CLAIM_COMPLETE, source);
        }
    }
}
