//! The console: a UART of type 16550A. National Semiconductor, "PC16550D", 1995; registers by its names (table II).
#![allow(unsafe_code, reason = "registers of 8 bits at a fixed address")]

use core::ptr;

const UART0: usize = 0x1000_0000;
/// Transmitter holding register: the next byte to send.
const THR: usize = 0;
/// Line status register.
const LSR: usize = 5;
/// LSR: THR has room.
const THRE: u8 = 1 << 5;

/// Sends the bytes, and waits for room where there is none. QEMU has no line whose speed and format would matter.
pub(crate) fn write(bytes: &[u8]) {
    for byte in bytes {
        // SAFETY: the machine has a UART here. Reading LSR clears error flags alone, which nobody looks at.
        while unsafe { ptr::read_volatile((UART0 + LSR) as *const u8) } & THRE == 0 {}
        // SAFETY: as above; a byte written here goes out and touches no memory.
        unsafe { ptr::write_volatile((UART0 + THR) as *mut u8, *byte) };
    }
}
