//! A board to start from. It compiles, starts, and runs the server on an Ethernet that leads nowhere.
//!
//! What is to be filled in is marked YOURS. `docs/porting.md` says in which order, and what can go wrong.
//!
//! | file | its one job |
//! |---|---|
//! | `main.rs` | clock, sleep, console, seed: what [`Board`] asks for |
//! | `controller.rs` | the Ethernet controller |
//! | `ethernet.rs` | a smoltcp device of it |
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod controller;
mod ethernet;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use undersock::host::Mac;
use undersock::server::Storage;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;
use undersock_board::Board;
use undersock_board::cortex_m::{Line, SysTick, wait_for_interrupt};

use crate::controller::Controller;
use crate::ethernet::{Ethernet, Frames};

/// TCP connections at once.
const CONNECTIONS: usize = 4;
/// Bytes a connection of receive and of send buffer.
const RECEIVE: usize = 1024;
const SEND: usize = 1024;

/// YOURS: the processor's clock, after `start` has set it. SysTick counts it.
const MHZ: u32 = 12;
/// YOURS: the Ethernet controller's number in the vector table, the first after the 16 exceptions being 0.
const ETHERNET_IRQ: u32 = 61;

struct MyBoard {
    ethernet: Ethernet,
    interrupt: Line,
    clock: SysTick<MHZ>,
}

impl MyBoard {
    fn start(frames: &'static mut Frames) -> Self {
        // YOURS, in this order: the clock tree; the UART for `console`; clock and pins of the Ethernet controller.
        let ethernet = Ethernet::new(Controller::start(), frames);
        MyBoard { ethernet, interrupt: Line::enable(ETHERNET_IRQ), clock: SysTick::start() }
    }
}

impl Board for MyBoard {
    // YOURS.
    const NAME: &'static str = "template";

    type Device = Ethernet;

    fn device(&mut self) -> &mut Ethernet {
        &mut self.ethernet
    }

    fn mac(&self) -> Mac {
        // YOURS: the controller's own, or one made of the chip's unique number. The first byte is even; with its bit 1
        // set, as in 02, it is nobody's but the local network's.
        Mac([0x02, 0, 0, 0, 0, 0x01])
    }

    fn seed(&mut self) -> u64 {
        // YOURS: 64 bits of the chip's random number generator. With a constant, everybody can guess the server's
        // initial sequence numbers, and so break into its connections unseen (RFC 6528).
        0
    }

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    /// The order matters. What is pending is cleared first; then one look for a frame; one that comes later makes the
    /// interrupt pending anew, which ends `wfi` at once. Interrupts are masked: no handler runs.
    fn sleep_until(&mut self, deadline: Option<Instant>) {
        self.clock.set_alarm(deadline);
        self.ethernet.controller.clear_interrupt();
        self.interrupt.clear();
        if !self.ethernet.controller.has_frame() {
            wait_for_interrupt();
        }
    }

    fn console(_bytes: &[u8]) {
        // YOURS: each byte to the UART, after waiting until it has room. Without it, there is no boot line and no log.
    }
}

#[entry]
fn main() -> ! {
    // Zeros: they take no flash. cortex-m-rt makes these two `&'static mut`.
    static mut STORAGE: Storage<'static, CONNECTIONS, RECEIVE, SEND> = Storage::new();
    static mut FRAMES: Frames = Frames::new();

    undersock_board::run(MyBoard::start(FRAMES), STORAGE, Uppercase::new())
}

/// Says so and starts anew: a board that nobody watches must not stay silent. YOURS, if you would rather have it stop.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "log")]
    log::error!("{_info}");
    MyBoard::console(b"Panic. Starting anew.\r\n");
    SCB::sys_reset()
}

/// A bus error or an undefined instruction. cortex-m-rt's own handler loops for ever.
// SAFETY: it uses no state of what it interrupted but the console, and doesn't return.
#[allow(unsafe_code, reason = "the exception attribute asks for an unsafe function")]
#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    #[cfg(feature = "log")]
    log::error!("HardFault at {:#010x}, called from {:#010x}", _frame.pc(), _frame.lr());
    MyBoard::console(b"HardFault. Starting anew.\r\n");
    SCB::sys_reset()
}
