//! undersock on QEMU's RISC-V machine `virt`: a clock, a network device, a way to sleep, a console.
//!
//! | file | its one job | what says how |
//! |---|---|---|
//! | `virtio_net` | frames in and out, as smoltcp's `Device` | Virtual I/O Device (VIRTIO) 1.1 |
//! | `dma` | the memory that virtqueues live in | the same |
//! | `mtimer` | clock and alarm | RISC-V Advanced Core Local Interruptor Specification 1.0 |
//! | `plic` | the network device's interrupt line | RISC-V Platform-Level Interrupt Controller Specification 1.0.0 |
//! | `uart` | the console | PC16550D data sheet |
//!
//! Where QEMU puts them: `virt_memmap` in its `hw/riscv/virt.c`; a general program would read the device tree.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod dma;
mod mtimer;
mod plic;
mod uart;
mod virtio_net;

use riscv::register::{mie, mip};
use riscv_rt::entry;
use static_cell::{ConstStaticCell, StaticCell};
use undersock::host::Mac;
use undersock::server::Storage;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;
use undersock_board::{Board, qemu};

use crate::plic::Line;
use crate::virtio_net::{Buffers, VirtioNet};

/// 4 connections of 1 KiB each way.
static STORAGE: ConstStaticCell<Storage<'static, 4, 1024, 1024>> = ConstStaticCell::new(Storage::new());
static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());
/// Half a kilobyte that would be copied from stack frame to stack frame.
static NET: StaticCell<VirtioNet> = StaticCell::new();

#[entry]
fn main() -> ! {
    undersock_board::run(Virt::start(), STORAGE.take(), Uppercase::new())
}

struct Virt {
    net: &'static mut VirtioNet,
    line: Line,
}

impl Virt {
    /// # Panics
    /// If QEMU was started without `-device virtio-net-device`.
    fn start() -> Self {
        let Some((net, source)) = virtio_net::start(BUFFERS.take()) else {
            uart::write(b"no network device: start QEMU with -device virtio-net-device,netdev=...\r\n");
            panic!("no network device");
        };
        enable_wake_up();
        Virt { net: NET.init(net), line: Line::enable(source) }
    }
}

impl Board for Virt {
    const NAME: &'static str = "riscv32-virt";

    type Device = VirtioNet;

    fn device(&mut self) -> &mut VirtioNet {
        self.net
    }

    fn mac(&self) -> Mac {
        self.net.mac()
    }

    fn seed(&mut self) -> u64 {
        qemu::seed()
    }

    fn now(&mut self) -> Instant {
        mtimer::now()
    }

    fn sleep_until(&mut self, deadline: Option<Instant>) {
        if mip::read().mext() {
            self.line.clear(|| self.net.clear_interrupt());
        }
        // What was written so far, the registers and the index up to which used buffers were seen, comes before the
        // last look at the used ring. Otherwise a frame could come that neither the look nor an interrupt tells of
        // (virtio 2.6.7, 2.6.14).
        riscv::asm::fence();
        if !self.net.has_frame() {
            mtimer::set_alarm(deadline);
            riscv::asm::wfi();
        }
    }

    fn console(bytes: &[u8]) {
        uart::write(bytes);
    }
}

/// Lets the timer and the external interrupts wake the processor, and never interrupt it: `mstatus.MIE` stays clear, as
/// it is after reset, and `wfi` ends regardless (Privileged Architecture 3.3.3). So there is no handler, and nothing
/// that a handler and the loop share.
#[allow(unsafe_code, reason = "enabling an interrupt may break a critical section; there is none")]
fn enable_wake_up() {
    // SAFETY: with `mstatus.MIE` clear no interrupt is taken, so nothing that relies on that is broken.
    unsafe {
        mie::set_mtimer();
        mie::set_mext();
    }
}

/// An access fault, an illegal instruction: what the processor can't go on from.
#[allow(unsafe_code, reason = "riscv-rt calls it by this name")]
// SAFETY: riscv-rt declares this symbol for this purpose, with this signature.
#[unsafe(export_name = "ExceptionHandler")]
fn exception(_frame: &riscv_rt::TrapFrame) -> ! {
    #[cfg(feature = "log")]
    {
        use riscv::register::{mcause, mepc, mtval};
        let (cause, at, value) = (mcause::read().code(), mepc::read(), mtval::read());
        log::error!("exception {cause} at {at:#010x}, value {value:#010x}");
    }
    qemu::exit(qemu::FAULT)
}
