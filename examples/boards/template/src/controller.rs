//! YOURS, all of it: the Ethernet controller. Six functions; `ethernet.rs` makes a smoltcp device of them.
//!
//! This one is a cable whose two ends are in the same socket: what is sent comes back, and the server drops it as a
//! frame that claims to be from itself.
//!
//! Drivers to learn from: `mps2-an385` and `lm3s6965evb` (FIFOs), `w5500-evb-pico` (SPI). A controller with DMA has
//! frames in memory already, and a driver that lends them where they are: `riscv32-virt`, and `nucleo-f767zi`, which
//! takes embassy's.

use crate::ethernet::MAX_FRAME;

/// The controller. YOURS: in place of the cable its registers, an `undersock_board::peripheral::Peripheral`.
pub(crate) struct Controller {
    cable: [u8; MAX_FRAME],
    on_cable: Option<usize>,
}

impl Controller {
    /// Resets and starts the controller.
    pub(crate) fn start() -> Self {
        // YOURS: reset, and wait until it is over; the MAC address into the filter, broadcast on, multicast on for
        // IPv6; auto-negotiation; receiver and transmitter on; an interrupt for received frames and no other.
        Controller { cable: [0; MAX_FRAME], on_cable: None }
    }

    /// Whether a frame waits.
    pub(crate) fn has_frame(&self) -> bool {
        // YOURS: from a level (frames in the FIFO, a descriptor that is ours), not from the interrupt's flag.
        self.on_cable.is_some()
    }

    /// Takes back the interrupt.
    pub(crate) fn clear_interrupt(&mut self) {
        // YOURS: clear the flag of received frames.
    }

    /// Whether a frame of any length can be sent now.
    pub(crate) fn has_room(&self) -> bool {
        // YOURS: room in the FIFO, a free descriptor, or the frame before has gone.
        true
    }

    /// The next frame's bytes, and its length without FCS.
    pub(crate) fn take(&mut self, frame: &mut [u8; MAX_FRAME]) -> Option<usize> {
        // YOURS: frames in error, and longer ones, are read to their last byte and skipped, or all that follow are
        // shifted. The length in most controllers' status counts the FCS: 4 less.
        let length = self.on_cable.take()?;
        frame[..length].copy_from_slice(&self.cable[..length]);
        Some(length)
    }

    /// Sends a frame, 60 to 1,514 bytes without FCS.
    pub(crate) fn put(&mut self, frame: &[u8]) {
        // YOURS. The controller adds the FCS, if it is told to.
        self.cable[..frame.len()].copy_from_slice(frame);
        self.on_cable = Some(frame.len());
    }
}
