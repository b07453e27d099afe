//! SMSC (now Microchip) LAN9118, a 10/100 Ethernet controller with FIFOs: "LAN9118 High Performance Single-Chip 10/100
//! Non-PCI Ethernet Controller", data sheet, revision 1.5 (07-11-08). Names are the data sheet's; numbers in
//! parentheses are its chapters.
//!
//! A received frame is read from a FIFO into a buffer, a frame to send is built in another and written to a FIFO: one
//! copy each way, which is what a controller without DMA asks for.

use undersock::host::Mac;
use undersock::smoltcp::phy::{self, Device, DeviceCapabilities};
use undersock::smoltcp::time::Instant;
use undersock_board::peripheral::Peripheral;

// The FIFOs' ports (5.2), and the system control and status registers (5.3).

const RX_DATA_FIFO: usize = 0x00;
const TX_DATA_FIFO: usize = 0x20;
const RX_STATUS_FIFO: usize = 0x40;
const TX_STATUS_FIFO: usize = 0x48;

/// Interrupt configuration (5.3.2).
const IRQ_CFG: usize = 0x54;
/// The interrupt output is on.
const IRQ_EN: u32 = 1 << 8;
/// Active high, and driven both ways: as the FPGA's interrupt line wants it.
const IRQ_POL: u32 = 1 << 4;
const IRQ_TYPE: u32 = 1;

/// Interrupt status (5.3.3) and enable (5.3.4).
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5c;
/// RX status FIFO level: more frames are waiting than FIFO_INT says.
const RSFL: u32 = 1 << 3;

/// Byte order test (5.3.5): always the same, so that a read of it is also a way to wait.
const BYTE_TEST: usize = 0x64;

/// FIFO level interrupts (5.3.6).
const FIFO_INT: usize = 0x68;
/// Of the TX data, 72 times 64 bytes, as after a reset; of the RX status, none: the first frame raises RSFL.
const FIFO_INT_LEVELS: u32 = 0x4800_0000;

/// Receive configuration (5.3.7): after a reset, frames begin with a word of their own and end with one.
const RX_CFG: usize = 0x6c;
/// Empties both RX FIFOs.
const RX_DUMP: u32 = 1 << 15;

/// Transmit configuration (5.3.8).
const TX_CFG: usize = 0x70;
/// Empties the TX status and the TX data FIFO.
const TXS_DUMP: u32 = 1 << 15;
const TXD_DUMP: u32 = 1 << 14;
/// Sends what is in the TX data FIFO.
const TX_ON: u32 = 1 << 1;

/// Hardware configuration (5.3.9).
const HW_CFG: usize = 0x74;
/// Resets all but the PHY's registers; reads 1 until it is done.
const SRST: u32 = 1;
/// "Must be one."
const MBO: u32 = 1 << 20;
/// 5 KB of the 16 KB are the TX FIFOs' (table 5.3: 4,608 bytes of data; RX: 10,560 bytes of data, 176 frames).
const TX_FIF_SZ: u32 = 5 << 16;

/// What the RX FIFOs hold (5.3.11).
const RX_FIFO_INF: usize = 0x7c;
/// Frames that wait: words in the RX status FIFO.
const RXSUSED: u32 = 0x00ff_0000;

/// What the TX FIFOs hold (5.3.12).
const TX_FIFO_INF: usize = 0x80;
/// Frames that have been sent: words in the TX status FIFO.
const TXSUSED_SHIFT: u32 = 16;
const TXSUSED_MASK: u32 = 0xff;
/// Bytes free in the TX data FIFO.
const TDFREE: u32 = 0xffff;

/// Power management (5.3.13).
const PMT_CTRL: usize = 0x84;
/// The controller may be used.
const READY: u32 = 1;

/// The MAC's registers are reached through these two (5.3.20, 5.3.21).
const MAC_CSR_CMD: usize = 0xa4;
const CSR_BUSY: u32 = 1 << 31;
const R_NOT_W: u32 = 1 << 30;
const MAC_CSR_DATA: usize = 0xa8;

// The MAC's registers (5.4), by number.

/// MAC control (5.4.1).
const MAC_CR: u32 = 1;
/// Full duplex.
const FDPX: u32 = 1 << 20;
/// Passes all multicast frames: IPv6 lives by them, and the server's door drops the others.
const MCPAS: u32 = 1 << 19;
const TXEN: u32 = 1 << 3;
const RXEN: u32 = 1 << 2;
/// The MAC's own address, from its EEPROM (5.4.2, 5.4.3).
const ADDRH: u32 = 2;
const ADDRL: u32 = 3;

// RX status format (3.13.3, page 55).

/// Bytes of the frame, its FCS included.
const PACKET_LENGTH_SHIFT: u32 = 16;
const PACKET_LENGTH_MASK: u32 = 0x3fff;
/// The frame is in error.
const ES: u32 = 1 << 15;

// TX command A (3.12.2): this buffer is the first and the last of its frame.

const FIRST_SEGMENT: u32 = 1 << 13;
const LAST_SEGMENT: u32 = 1 << 12;
/// TX command B: the frame's tag, which comes back in its status.
const PACKET_TAG_SHIFT: u32 = 16;

/// The longest frame without FCS, and in words.
const MAX_FRAME: usize = 1_514;
const MAX_WORDS: usize = MAX_FRAME.div_ceil(4);
/// The frame check sequence at a received frame's end.
const FCS: usize = 4;
/// What a frame takes of the TX data FIFO at most: its words, and the two commands.
const TX_ROOM: u32 = (4 * MAX_WORDS + 8) as u32;

/// The frame that was received, and the frame that is built: both are in use while a reply is made.
#[repr(C, align(4))]
pub(crate) struct Frames {
    /// With the FCS, which may be the word after the last.
    received: [u8; 4 * MAX_WORDS + 4],
    sent: [u8; 4 * MAX_WORDS],
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Frames { received: [0; 4 * MAX_WORDS + 4], sent: [0; 4 * MAX_WORDS] }
    }
}

/// The controller.
pub(crate) struct Lan9118 {
    registers: Peripheral,
    frames: &'static mut Frames,
}

impl Lan9118 {
    /// Resets and starts the controller.
    pub(crate) fn start(registers: Peripheral, frames: &'static mut Frames) -> Self {
        let controller = Lan9118 { registers, frames };
        while registers.read(PMT_CTRL) & READY == 0 {}
        registers.write(HW_CFG, SRST);
        controller.settle();
        while registers.read(HW_CFG) & SRST != 0 {}
        registers.write(HW_CFG, MBO | TX_FIF_SZ);
        registers.write(TX_CFG, TXS_DUMP | TXD_DUMP);
        registers.write(RX_CFG, RX_DUMP);
        registers.write(FIFO_INT, FIFO_INT_LEVELS);
        // The PHY negotiates by itself after a reset (4.9.2). Every switch of this century agrees on full duplex.
        controller.write_mac(MAC_CR, FDPX | MCPAS | TXEN | RXEN);
        registers.write(TX_CFG, TX_ON);
        controller.clear_interrupt();
        registers.write(INT_EN, RSFL);
        registers.write(IRQ_CFG, IRQ_EN | IRQ_POL | IRQ_TYPE);
        controller
    }

    /// Its own address.
    pub(crate) fn mac(&self) -> Mac {
        let ([a, b, c, d], [e, f, ..]) =
            (self.read_mac(ADDRL).to_le_bytes(), self.read_mac(ADDRH).to_le_bytes());
        Mac([a, b, c, d, e, f])
    }

    /// Whether a frame waits.
    pub(crate) fn has_frame(&self) -> bool {
        self.registers.read(RX_FIFO_INF) & RXSUSED != 0
    }

    /// Takes back the interrupt. RSFL is for what came since: who clears it looks for a frame, and then waits.
    pub(crate) fn clear_interrupt(&self) {
        self.registers.write(INT_STS, RSFL);
    }

    fn read_mac(&self, register: u32) -> u32 {
        self.registers.write(MAC_CSR_CMD, CSR_BUSY | R_NOT_W | register);
        self.wait_for_mac();
        self.registers.read(MAC_CSR_DATA)
    }

    fn write_mac(&self, register: u32, value: u32) {
        self.registers.write(MAC_CSR_DATA, value);
        self.registers.write(MAC_CSR_CMD, CSR_BUSY | register);
        self.wait_for_mac();
    }

    fn wait_for_mac(&self) {
        self.settle();
        while self.registers.read(MAC_CSR_CMD) & CSR_BUSY != 0 {}
    }

    /// Waits until a write or a FIFO's new level can be seen: 135 ns, as long as three reads of BYTE_TEST (tables 6.1
    /// and 6.2). Needed where nothing else is done in between.
    fn settle(&self) {
        for _ in 0..3 {
            self.registers.read(BYTE_TEST);
        }
    }

    /// Whether a frame of any length can be sent now. Without a look at its status no frame is ever done with: the
    /// controller stops where the TX status FIFO is full (3.12.4, page 48).
    fn has_room(&self) -> bool {
        let levels = self.registers.read(TX_FIFO_INF);
        for _ in 0..levels >> TXSUSED_SHIFT & TXSUSED_MASK {
            self.registers.read(TX_STATUS_FIFO);
        }
        levels & TDFREE >= TX_ROOM
    }

    /// Takes the next frame out of the FIFO. Its length without FCS.
    fn take(&mut self) -> Option<usize> {
        while self.has_frame() {
            let status = self.registers.read(RX_STATUS_FIFO);
            let length = (status >> PACKET_LENGTH_SHIFT & PACKET_LENGTH_MASK) as usize;
            if status & ES == 0 && (FCS..=MAX_FRAME + FCS).contains(&length) {
                let words = &mut self.frames.received.as_chunks_mut::<4>().0[..length.div_ceil(4)];
                self.registers.read_words(RX_DATA_FIFO, words);
                return Some(length - FCS);
            }
            // RX_DP_CTRL's fast forward would do this, but for frames below four words, and QEMU's model of it is
            // wrong.
            for _ in 0..length.div_ceil(4) {
                self.registers.read(RX_DATA_FIFO);
            }
            self.settle();
        }
        None
    }
}

impl Device for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        // A frame is taken when its reply can be sent; until then it is well kept in the FIFO.
        if !self.has_room() {
            return None;
        }
        let length = self.take()?;
        let Frames { received, sent } = &mut *self.frames;
        Some((Received { frame: &received[..length] }, Sending { registers: self.registers, buffer: sent }))
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

/// Room for a frame in the TX data FIFO.
pub(crate) struct Sending<'a> {
    registers: Peripheral,
    buffer: &'a mut [u8; 4 * MAX_WORDS],
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Sending { registers, buffer } = self;
        let result = f(&mut buffer[..length]);
        registers.write(TX_DATA_FIFO, FIRST_SEGMENT | LAST_SEGMENT | length as u32);
        registers.write(TX_DATA_FIFO, (length as u32) << PACKET_TAG_SHIFT | length as u32);
        // Whole words: what follows the frame's last byte isn't sent.
        registers.write_words(TX_DATA_FIFO, &buffer.as_chunks::<4>().0[..length.div_ceil(4)]);
        result
    }
}
