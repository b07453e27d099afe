//! The Ethernet controller of Stellaris microcontrollers, MAC and PHY in one: LM3S6965 data sheet, chapter "Ethernet
//! Controller". Names are the data sheet's.
//!
//! A received frame is read from a FIFO into a buffer, a frame to send is built in another and written to a FIFO: one
//! copy each way, which is what a controller without DMA asks for. In both FIFOs a frame comes after two bytes of
//! length (table "TX & RX FIFO Organization"), so the buffers are laid out like the FIFOs.

use undersock::host::Mac;
use undersock::smoltcp::phy::{self, Device, DeviceCapabilities};
use undersock::smoltcp::time::Instant;
use undersock_board::peripheral::Peripheral;

use crate::system::MHZ;

/// Raw interrupt status; a 1 that is written acknowledges.
const MACRIS_MACIACK: usize = 0x000;
/// Every interrupt there is; to acknowledge TXER is to empty the TX FIFO after an error.
const ALL: u32 = 0x7f;
/// A frame was received.
const RXINT: u32 = 1;
/// Interrupt mask.
const MACIM: usize = 0x004;

/// Receive control.
const MACRCTL: usize = 0x008;
const RXEN: u32 = 1;
/// Multicast frames too: IPv6 lives by them, and the server's door drops the others.
const AMUL: u32 = 1 << 1;
/// Rejects frames with a wrong FCS.
const BADCRC: u32 = 1 << 3;
/// Empties the RX FIFO; clears itself.
const RSTFIFO: u32 = 1 << 4;

/// Transmit control.
const MACTCTL: usize = 0x00c;
const TXEN: u32 = 1;
/// Pads short frames.
const PADEN: u32 = 1 << 1;
/// Appends the FCS.
const CRC: u32 = 1 << 2;
/// Full duplex.
const DUPLEX: u32 = 1 << 4;

/// Both FIFOs' port.
const MACDATA: usize = 0x010;
/// The MAC's own address: four bytes, two bytes.
const MACIA0: usize = 0x014;
const MACIA1: usize = 0x018;

/// The divider of the PHY's management clock.
const MACMDV: usize = 0x024;
/// At most 2.5 MHz of twice this and two.
const DIV: u32 = MHZ * 10 / 25 / 2 - 1;

/// How many frames are in the RX FIFO.
const MACNP: usize = 0x034;
const NPR: u32 = 0x3f;

/// Transmission request: sends what is in the TX FIFO; reads 1 until it is sent.
const MACTR: usize = 0x038;
const NEWTX: u32 = 1;

/// The longest frame without FCS.
const MAX_FRAME: usize = 1_514;
/// What the length before a frame to send leaves out.
const HEADER: usize = 14;
/// The length itself. It is counted by that before a received frame.
const LENGTH: usize = 2;
/// The frame check sequence at a received frame's end. It is counted, too.
const FCS: usize = 4;
/// A buffer for a frame as it is in the FIFO.
const BUFFER: usize = (LENGTH + MAX_FRAME + FCS).next_multiple_of(4);

/// The frame that was received, and the frame that is built: both are in use while a reply is made.
#[repr(C, align(4))]
pub(crate) struct Frames {
    received: [u8; BUFFER],
    sent: [u8; BUFFER],
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Frames { received: [0; BUFFER], sent: [0; BUFFER] }
    }
}

/// The controller.
pub(crate) struct Ethernet {
    registers: Peripheral,
    frames: &'static mut Frames,
}

impl Ethernet {
    /// Starts the controller, as "Initialization and Configuration" has it.
    pub(crate) fn start(registers: Peripheral, mac: Mac, frames: &'static mut Frames) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        registers.write(MACIM, 0);
        registers.write(MACMDV, DIV);
        registers.write(MACIA0, u32::from_le_bytes([a, b, c, d]));
        registers.write(MACIA1, u32::from_le_bytes([e, f, 0, 0]));
        registers.write(MACTCTL, DUPLEX | CRC | PADEN);
        registers.write(MACRCTL, RSTFIFO | BADCRC);
        // The PHY negotiates by itself. Every switch of this century agrees on full duplex.
        registers.write(MACTCTL, DUPLEX | CRC | PADEN | TXEN);
        registers.write(MACRCTL, BADCRC | AMUL | RXEN);
        registers.write(MACRIS_MACIACK, ALL);
        registers.write(MACIM, RXINT);
        Ethernet { registers, frames }
    }

    /// Whether a frame waits.
    pub(crate) fn has_frame(&self) -> bool {
        self.registers.read(MACNP) & NPR != 0
    }

    /// Takes back the interrupt. RXINT is for what came since: who clears it looks for a frame, and then waits.
    pub(crate) fn clear_interrupt(&self) {
        self.registers.write(MACRIS_MACIACK, ALL);
    }

    /// Whether a frame can be sent now. The TX FIFO holds one at a time.
    fn has_room(&self) -> bool {
        self.registers.read(MACTR) & NEWTX == 0
    }

    /// Takes the next frame out of the FIFO, with the length before it. Its length without FCS.
    fn take(&mut self) -> Option<usize> {
        while self.has_frame() {
            let first = self.registers.read(MACDATA);
            let length = (first & 0xffff) as usize;
            let mut places = self.frames.received.as_chunks_mut::<4>().0.iter_mut();
            let mut word = first;
            let mut left = length;
            loop {
                // A frame that is too long is read to its end all the same: the next one begins there.
                if let Some(place) = places.next() {
                    *place = word.to_le_bytes();
                }
                if left <= 4 {
                    break;
                }
                left -= 4;
                word = self.registers.read(MACDATA);
            }
            if (LENGTH + FCS..=LENGTH + MAX_FRAME + FCS).contains(&length) {
                return Some(length - LENGTH - FCS);
            }
        }
        None
    }
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        // A frame is taken when its reply can be sent; until then it is well kept in the FIFO.
        if !self.has_room() {
            return None;
        }
        let length = self.take()?;
        let Frames { received, sent } = &mut *self.frames;
        let frame = &received[LENGTH..LENGTH + length];
        Some((Received { frame }, Sending { registers: self.registers, buffer: sent }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        self.has_room().then_some(Sending { registers: self.registers, buffer: &mut self.frames.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that was received.
pub(crate) struct Received<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// The empty TX FIFO.
pub(crate) struct Sending<'a> {
    registers: Peripheral,
    buffer: &'a mut [u8; BUFFER],
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Sending { registers, buffer } = self;
        let result = f(&mut buffer[LENGTH..LENGTH + length]);
        // The stack sends no frame without a header.
        buffer[..LENGTH].copy_from_slice(&((length - HEADER) as u16).to_le_bytes());
        registers.write_words(MACDATA, &buffer.as_chunks::<4>().0[..(LENGTH + length).div_ceil(4)]);
        registers.write(MACTR, NEWTX);
        result
    }
}
