//! The uppercase server on a Stellaris LM3S6965 evaluation board: a Cortex-M3 with 256 KB of flash and 64 KB of RAM.
//! "Stellaris LM3S6965 Microcontroller", data sheet. Made for QEMU's model of it.
//!
//! | file | its one job |
//! |---|---|
//! | `main.rs` | sleep, console, seed: what [`Board`] asks for |
//! | `system.rs` | the processor's clock, the clocks of peripherals, the MAC address |
//! | `ethernet.rs` | the Ethernet controller |
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod ethernet;
mod system;

use cortex_m_rt::entry;
use undersock::host::Mac;
use undersock::server::Storage;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;
use undersock_board::cortex_m::{self, Line, SysTick};
use undersock_board::peripheral::Peripheral;
use undersock_board::{Board, qemu};

use crate::ethernet::{Ethernet, Frames};
use crate::system::MHZ;

/// TCP connections at once.
const CONNECTIONS: usize = 4;
/// Bytes a connection of receive and of send buffer. A stream runs the faster the larger they are; together they are
/// half of the RAM.
const RECEIVE: usize = 4096;
const SEND: usize = 4096;

#[entry]
fn main() -> ! {
    // Zeros, which take no flash. In an `entry`, a `static mut` is a `&'static mut`: this function runs once.
    static mut STORAGE: Storage<'static, CONNECTIONS, RECEIVE, SEND> = Storage::new();
    static mut FRAMES: Frames = Frames::new();

    undersock_board::run(Lm3s6965::start(FRAMES), STORAGE, Uppercase::new())
}

/// The Ethernet controller ("Ethernet Controller", register map).
// SAFETY: the controller's registers, from the memory map. It has no DMA.
#[allow(unsafe_code, reason = "an address from the memory map")]
const ETHERNET: Peripheral = unsafe { Peripheral::new(0x4004_8000) };
/// Its interrupt line ("Interrupts").
const ETHERNET_IRQ: u32 = 42;

/// General-purpose I/O, port A: its pins 0 and 1 are UART0's ("GPIOs", register map).
// SAFETY: its registers, from the memory map.
#[allow(unsafe_code, reason = "an address from the memory map")]
const GPIO_A: Peripheral = unsafe { Peripheral::new(0x4000_4000) };
const GPIOAFSEL: usize = 0x420;
const GPIODEN: usize = 0x51c;
const U0RX_U0TX: u32 = 0b11;

/// The serial port of the console ("UARTs", register map).
// SAFETY: its registers, from the memory map.
#[allow(unsafe_code, reason = "an address from the memory map")]
const UART0: Peripheral = unsafe { Peripheral::new(0x4000_c000) };
const UARTDR: usize = 0x000;
const UARTFR: usize = 0x018;
const TXFF: u32 = 1 << 5;
const UARTIBRD: usize = 0x024;
const UARTFBRD: usize = 0x028;
const UARTLCRH: usize = 0x02c;
/// Eight bits, with FIFOs.
const WLEN_8_FEN: u32 = 0b11 << 5 | 1 << 4;
const UARTCTL: usize = 0x030;
const TXE_UARTEN: u32 = 1 << 8 | 1;
const BAUD: u32 = 115_200;
/// The baud rate's divisor in 64ths, rounded: 16 samples a bit.
const DIVISOR: u32 = (MHZ * 1_000_000 * 64 / 16 + BAUD / 2) / BAUD;

struct Lm3s6965 {
    ethernet: Ethernet,
    interrupt: Line,
    mac: Mac,
    /// This microcontroller has no counter that QEMU lets run free.
    clock: SysTick<MHZ>,
}

impl Lm3s6965 {
    fn start(frames: &'static mut Frames) -> Self {
        system::start();
        GPIO_A.write(GPIOAFSEL, U0RX_U0TX);
        GPIO_A.write(GPIODEN, U0RX_U0TX);
        UART0.write(UARTIBRD, DIVISOR / 64);
        UART0.write(UARTFBRD, DIVISOR % 64);
        UART0.write(UARTLCRH, WLEN_8_FEN);
        UART0.write(UARTCTL, TXE_UARTEN);
        let mac = system::mac();
        Lm3s6965 {
            interrupt: Line::enable(ETHERNET_IRQ),
            ethernet: Ethernet::start(ETHERNET, mac, frames),
            mac,
            clock: SysTick::start(),
        }
    }
}

impl Board for Lm3s6965 {
    const NAME: &'static str = "lm3s6965evb";

    type Device = Ethernet;

    fn device(&mut self) -> &mut Ethernet {
        &mut self.ethernet
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn seed(&mut self) -> u64 {
        qemu::seed()
    }

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn sleep_until(&mut self, deadline: Option<Instant>) {
        if deadline.is_some_and(|deadline| deadline <= self.clock.now()) {
            return;
        }
        // At most 0.33 s.
        self.clock.set_alarm(deadline);
        // In this order: the controller's flag, the line that it raises, then a look for what came before. What comes
        // after that look is pending, and there is no sleep.
        self.ethernet.clear_interrupt();
        self.interrupt.clear();
        if !self.ethernet.has_frame() {
            cortex_m::wait_for_interrupt();
        }
    }

    fn console(bytes: &[u8]) {
        for byte in bytes {
            while UART0.read(UARTFR) & TXFF != 0 {}
            UART0.write(UARTDR, u32::from(*byte));
        }
    }
}

/// The vector table's interrupts. None is ever taken (see [`cortex_m`]), so there is one, because `cortex-m-rt` asks
/// for some, instead of 240, which would take 960 bytes of flash.
#[allow(unsafe_code, reason = "the names of a section and of a symbol that cortex-m-rt looks for")]
// SAFETY: this is the section and the symbol for the vector table; what is there is never used.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
#[used]
static __INTERRUPTS: [usize; 1] = [0];
