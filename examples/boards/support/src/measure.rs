//! What a test measures: the peak of the stack, and where the work for a frame begins and ends.
#![allow(
    unsafe_code,
    reason = "reads and writes the part of the stack that isn't in use, and says no_mangle"
)]

use core::arch::asm;
use core::ptr;

use crate::console::Line;
use crate::ram;

/// Unlikely on a stack: neither a small number nor an address of these boards.
const PAINT: u32 = 0xa5c3_965a;
/// So much of the stack is painted and looked at; more than any of it is used.
const WINDOW: usize = 8 << 10;

/// The stack, painted below what was in use at the start.
pub(crate) struct Stack {
    bottom: usize,
    /// Bytes from the stack's start to the lowest that was ever used.
    peak: usize,
}

impl Stack {
    pub(crate) fn paint() -> Self {
        let bottom = (ram::stack_start() - WINDOW).max(ram::stack_end()).next_multiple_of(4);
        // From the bottom to the stack pointer. In assembly, because a function that is called meanwhile, or a value
        // that is kept, would be painted over.
        #[cfg(target_arch = "arm")]
        // SAFETY: what is written is above the last static and below the stack pointer, so nobody's memory; no board
        // takes interrupts.
        unsafe {
            asm!(
                "2: cmp {place}, sp",
                "bhs 3f",
                "str {paint}, [{place}]",
                "adds {place}, #4",
                "b 2b",
                "3:",
                place = inout(reg) bottom => _,
                paint = in(reg) PAINT,
                options(nostack),
            );
        }
        #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
        // SAFETY: as above.
        unsafe {
            asm!(
                "2: bgeu {place}, sp, 3f",
                "sw {paint}, 0({place})",
                "addi {place}, {place}, 4",
                "j 2b",
                "3:",
                place = inout(reg) bottom => _,
                paint = in(reg) PAINT,
                options(nostack),
            );
        }
        Stack { bottom, peak: 0 }
    }

    /// `stack peak N bytes`, whenever it has grown. The last such line is the peak.
    pub(crate) fn report(&mut self, console: fn(&[u8])) {
        let mut lowest = self.bottom;
        // SAFETY: `paint` wrote these words or they are the stack in use, whose bytes may be looked at.
        while unsafe { ptr::with_exposed_provenance::<u32>(lowest).read_volatile() } == PAINT {
            lowest += 4;
        }
        let peak = ram::stack_start() - lowest;
        if peak > self.peak {
            self.peak = peak;
            Line(console).number("stack peak ", peak).text(" bytes").end();
        }
    }
}

/// Before every poll: a counter of instructions starts anew here.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn undersock_span_begin() {
    // SAFETY: nothing but a comment. It keeps the two marks apart, which would else be one function, and memory
    // accesses on their side of the mark.
    unsafe { asm!("/* begin */", options(nostack, preserves_flags)) };
}

/// After a poll that took a frame: what was counted since the last begin is that frame's cost.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn undersock_span_end() {
    // SAFETY: as in `undersock_span_begin`.
    unsafe { asm!("/* end */", options(nostack, preserves_flags)) };
}
