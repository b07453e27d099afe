//! The uppercase server on an Arm MPS2 FPGA board with a Cortex-M3: Application Note AN385, "ARM Cortex-M3 SMM on
//! V2M-MPS2". Made for QEMU's model of it.
//!
//! | file | its one job |
//! |---|---|
//! | `main.rs` | clock, sleep, console, seed: what [`Board`] asks for |
//! | `lan9118.rs` | the Ethernet controller |
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod lan9118;

use cortex_m_rt::entry;
use undersock::host::Mac;
use undersock::server::Storage;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;
use undersock_board::clock::Clock;
use undersock_board::cortex_m::{self, Line};
use undersock_board::peripheral::Peripheral;
use undersock_board::{Board, qemu};

use crate::lan9118::{Frames, Lan9118};

/// TCP connections at once.
const CONNECTIONS: usize = 4;
/// Bytes a connection of receive and of send buffer.
const RECEIVE: usize = 1024;
const SEND: usize = 1024;

#[entry]
fn main() -> ! {
    // Zeros, which take no flash. In an `entry`, a `static mut` is a `&'static mut`: this function runs once.
    static mut STORAGE: Storage<'static, CONNECTIONS, RECEIVE, SEND> = Storage::new();
    static mut FRAMES: Frames = Frames::new();

    undersock_board::run(Mps2::start(FRAMES), STORAGE, Uppercase::new())
}

/// The processor's clock, and that of the counter: AN385, "Clocks".
const MHZ: u32 = 25;

/// The Ethernet controller (AN385, "Ethernet").
// SAFETY: the LAN9118's registers, from the memory map.
#[allow(unsafe_code, reason = "an address from the memory map")]
const ETHERNET: Peripheral = unsafe { Peripheral::new(0x4020_0000) };
/// Its interrupt line (AN385, "Interrupts").
const ETHERNET_IRQ: u32 = 13;

/// FPGA system control and I/O (AN385, "FPGA system control and I/O").
// SAFETY: its registers, from the memory map.
#[allow(unsafe_code, reason = "an address from the memory map")]
const FPGAIO: Peripheral = unsafe { Peripheral::new(0x4002_8000) };
/// Counts up with the processor's clock; 32 bits, so it wraps after 171.8 s.
const COUNTER: usize = 0x18;

/// The first of the serial ports ("Cortex-M System Design Kit Technical Reference Manual", DDI 0479, APB UART).
// SAFETY: its registers, from the memory map.
#[allow(unsafe_code, reason = "an address from the memory map")]
const UART0: Peripheral = unsafe { Peripheral::new(0x4000_4000) };
const DATA: usize = 0x00;
const STATE: usize = 0x04;
const STATE_TX_FULL: u32 = 1;
const CTRL: usize = 0x08;
const CTRL_TX_ENABLE: u32 = 1;
const BAUDDIV: usize = 0x10;
const BAUD: u32 = 115_200;

struct Mps2 {
    ethernet: Lan9118,
    interrupt: Line,
    clock: Clock<MHZ>,
    /// The counter at the last look at the clock.
    counter: u32,
}

impl Mps2 {
    fn start(frames: &'static mut Frames) -> Self {
        UART0.write(BAUDDIV, MHZ * 1_000_000 / BAUD);
        UART0.write(CTRL, CTRL_TX_ENABLE);
        Mps2 {
            interrupt: Line::enable(ETHERNET_IRQ),
            ethernet: Lan9118::start(ETHERNET, frames),
            clock: Clock::new(),
            counter: FPGAIO.read(COUNTER),
        }
    }
}

impl Board for Mps2 {
    const NAME: &'static str = "mps2-an385";

    type Device = Lan9118;

    fn device(&mut self) -> &mut Lan9118 {
        &mut self.ethernet
    }

    fn mac(&self) -> Mac {
        self.ethernet.mac()
    }

    fn seed(&mut self) -> u64 {
        qemu::seed()
    }

    fn now(&mut self) -> Instant {
        let counter = FPGAIO.read(COUNTER);
        let passed = counter.wrapping_sub(self.counter);
        self.counter = counter;
        // Looked at after every sleep, each of which is shorter than a turn of the counter.
        self.clock.advance(passed)
    }

    fn sleep_until(&mut self, deadline: Option<Instant>) {
        let now = self.now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return;
        }
        // At most 0.67 s.
        cortex_m::set_alarm(Clock::<MHZ>::ticks_until(now, deadline, cortex_m::SYSTICK_MAX));
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
            while UART0.read(STATE) & STATE_TX_FULL != 0 {}
            UART0.write(DATA, u32::from(*byte));
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
