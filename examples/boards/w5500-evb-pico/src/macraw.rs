//! WIZnet W5500 in MACRAW mode: its TCP/IP stands still, and its socket 0 gives and takes whole Ethernet frames, which
//! makes it a smoltcp [`Device`] behind any SPI.
//!
//! After "W5500 Datasheet", version 1.1.0: registers (chapter 4) have its names. It doesn't describe the two bytes
//! that stand before each received frame, a length that counts itself: they are as in WIZnet's own driver
//! (`ioLibrary_Driver`, `recvfrom` in Ethernet/socket.c).
//!
//! | in the chip | |
//! |---|---|
//! | RX buffer, 16 KiB | length, frame, length, frame, ... from Sn_RX_RD on; RECV frees what was read |
//! | TX buffer, 16 KiB | one frame from Sn_TX_WR on; SEND sends it, and SENDOK says that it has gone |
//! | INTn | low from a frame's arrival until a look finds none left |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use undersock::smoltcp::phy::{self, Device, DeviceCapabilities};
use undersock::smoltcp::time::{Duration, Instant};
use w5500_ll::net::Eui48Addr;
use w5500_ll::{
    BufferSize, Mode, Protocol, Registers, Sn, SocketCommand, SocketInterrupt, SocketInterruptMask,
    SocketMode, VERSION,
};

#[cfg(test)]
#[path = "macraw/tests.rs"]
mod tests;

/// The one socket that has MACRAW mode.
const SN: Sn = Sn::Sn0;
/// Ethernet's header and 1,500 bytes; the chip makes and checks the FCS.
const MAX_FRAME: usize = 1_514;
/// The least that Ethernet carries, without the FCS (IEEE 802.3 3.2.8). Whether the chip pads isn't documented.
const MIN_FRAME: usize = 60;
/// Ethernet's header: what is shorter is no frame.
const HEADER: usize = 14;
/// Looks at a register before giving up. One is four bytes or more on the bus, at least 1 us at 31.25 MHz, and the
/// longest frame takes 123 us at 100 Mbit/s.
const LOOKS: usize = 128;
/// Frames of full length that the RX buffer holds with their lengths.
const BURST: usize = (16 << 10) / (MAX_FRAME + 2);
/// A frame that hasn't gone by then never will: even at 10 Mbit/s the longest takes 1.3 ms.
const LOST: Duration = Duration::from_millis(100);

/// A W5500 that gives and takes frames.
pub struct Macraw<'b, C> {
    chip: C,
    buffers: &'b mut Buffers,
    multicast: bool,
    /// Since when a frame has been on its way out.
    sending: Option<Instant>,
    restarts: u32,
}

/// One frame each way: the chip's memory can't be read in place.
pub struct Buffers {
    receive: [u8; MAX_FRAME],
    send: [u8; MAX_FRAME],
}

/// Why the chip can't be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartError<E> {
    /// The bus.
    Bus(E),
    /// VERSIONR isn't 4: no W5500, or one that isn't wired as is thought; 0 and 255 are nobody at all.
    Version(u8),
    /// It doesn't come out of reset.
    Reset,
}

impl<E> From<E> for StartError<E> {
    fn from(error: E) -> Self {
        StartError::Bus(error)
    }
}

impl Buffers {
    /// Zeros, for a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Buffers { receive: [0; MAX_FRAME], send: [0; MAX_FRAME] }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers::new()
    }
}

impl<'b, C: Registers> Macraw<'b, C> {
    /// Resets the chip, gives all its memory to socket 0 and opens that for frames to `mac`, broadcast and, if asked
    /// for, `multicast`.
    ///
    /// IPv6 needs multicast. The filter knows no groups (Sn_MR, MFEN): with it off every frame on the wire comes in.
    ///
    /// # Errors
    /// The bus, or what answers on it.
    pub fn start(
        mut chip: C,
        buffers: &'b mut Buffers,
        mac: [u8; 6],
        multicast: bool,
    ) -> Result<Self, StartError<C::Error>> {
        let version = chip.version()?;
        if version != VERSION {
            return Err(StartError::Version(version));
        }
        let reset = Mode::DEFAULT.rst();
        chip.set_mr(reset)?;
        if !until(|| chip.mr(), |mr| u8::from(mr) & u8::from(reset) == 0)? {
            return Err(StartError::Reset);
        }
        // The chip's own stack has no address, and so answers nobody; not even a ping.
        chip.set_mr(Mode::DEFAULT.enable_pb())?;
        chip.set_shar(&Eui48Addr { octets: mac })?;
        // 16 KiB each way is all there is: the others' first go to 0.
        for sn in Sn::iter().filter(|sn| **sn != SN) {
            chip.set_sn_rxbuf_size(*sn, BufferSize::KB0)?;
            chip.set_sn_txbuf_size(*sn, BufferSize::KB0)?;
        }
        chip.set_sn_rxbuf_size(SN, BufferSize::KB16)?;
        chip.set_sn_txbuf_size(SN, BufferSize::KB16)?;
        chip.set_sn_imr(SN, SocketInterruptMask::ALL_MASKED.unmask_recv())?;
        chip.set_simr(SN.bitmask())?;
        let mut device = Macraw { chip, buffers, multicast, sending: None, restarts: 0 };
        device.open()?;
        Ok(device)
    }

    /// How often the socket was opened anew because what the chip said made no sense, or a frame didn't go. Any more
    /// than a few after a cable was unplugged point to a bus that is too fast or badly wired.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    fn open(&mut self) -> Result<(), C::Error> {
        self.sending = None;
        self.command(SocketCommand::Close)?;
        self.chip.set_sn_ir(SN, u8::MAX)?;
        let mode = SocketMode::DEFAULT.set_protocol(Protocol::Macraw);
        self.chip.set_sn_mr(SN, if self.multicast { mode } else { mode.enable_mfen() })?;
        self.command(SocketCommand::Open)
    }

    /// Sn_CR reads 0 when the command is accepted.
    fn command(&mut self, command: SocketCommand) -> Result<(), C::Error> {
        self.chip.set_sn_cr(SN, command)?;
        until(|| self.chip.sn_cr(SN), |command| command == 0)?;
        Ok(())
    }

    /// What is out of step starts anew; the frames in the chip are lost, as on any wire.
    fn restart(&mut self) -> Result<(), C::Error> {
        self.restarts += 1;
        self.open()
    }

    /// Bytes in the RX buffer. The register changes while it is read: two readings must be the same (Sn_RX_RSR, note).
    fn waiting(&mut self) -> Result<u16, C::Error> {
        let mut last = self.chip.sn_rx_rsr(SN)?;
        loop {
            let size = self.chip.sn_rx_rsr(SN)?;
            if size == last {
                return Ok(size);
            }
            last = size;
        }
    }

    /// The next frame into the receive buffer: its length.
    fn read(&mut self) -> Result<Option<usize>, C::Error> {
        let mut waiting = self.waiting()?;
        if waiting == 0 {
            // INTn goes high here. A frame that comes later pulls it low again; one that came before, the second look
            // finds. So after `None` it is safe to sleep until INTn is low.
            self.chip.set_sn_ir(SN, SocketInterrupt::RECV_MASK)?;
            waiting = self.waiting()?;
            if waiting == 0 {
                return Ok(None);
            }
        }
        let start = self.chip.sn_rx_rd(SN)?;
        let mut size = [0; 2];
        self.chip.sn_rx_buf(SN, start, &mut size)?;
        let size = u16::from_be_bytes(size);
        let length = usize::from(size).saturating_sub(2);
        if size > waiting || !(HEADER..=MAX_FRAME).contains(&length) {
            self.restart()?;
            return Ok(None);
        }
        self.chip.sn_rx_buf(SN, start.wrapping_add(2), &mut self.buffers.receive[..length])?;
        self.chip.set_sn_rx_rd(SN, start.wrapping_add(size))?;
        self.command(SocketCommand::Recv)?;
        Ok(Some(length))
    }

    /// Whether the frame before has gone. SEND sends all from Sn_TX_RD to Sn_TX_WR (Sn_TX_RD): two frames that wait
    /// would be one.
    fn has_sent(&mut self, now: Instant) -> Result<bool, C::Error> {
        let Some(since) = self.sending else { return Ok(true) };
        if until(|| self.chip.sn_ir(SN), |interrupt| interrupt.sendok_raised())? {
            self.chip.set_sn_ir(SN, SocketInterrupt::SENDOK_MASK)?;
            self.sending = None;
        } else if since + LOST <= now {
            self.restart()?;
        }
        Ok(self.sending.is_none())
    }
}

/// Looks until it is so, but not for ever.
fn until<T, E>(mut look: impl FnMut() -> Result<T, E>, so: impl Fn(T) -> bool) -> Result<bool, E> {
    for _ in 0..LOOKS {
        if so(look()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl<C: Registers> Device for Macraw<'_, C> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, C>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(RxToken<'_>, TxToken<'_, C>)> {
        // While there is no room for a reply nothing is read, and INTn stays low: the caller comes back at once.
        if !self.has_sent(now).ok()? {
            return None;
        }
        let length = self.read().ok()??;
        let Macraw { chip, buffers, sending, .. } = self;
        let Buffers { receive, send } = &mut **buffers;
        Some((RxToken { frame: &receive[..length] }, TxToken { chip, buffer: send, sending, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<TxToken<'_, C>> {
        if !self.has_sent(now).ok()? {
            return None;
        }
        let Macraw { chip, buffers, sending, .. } = self;
        Some(TxToken { chip, buffer: &mut buffers.send, sending, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities.max_burst_size = Some(BURST);
        capabilities
    }
}

/// A frame that was read from the chip.
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Room for one frame.
pub struct TxToken<'a, C> {
    chip: &'a mut C,
    buffer: &'a mut [u8; MAX_FRAME],
    sending: &'a mut Option<Instant>,
    now: Instant,
}

impl<C: Registers> phy::TxToken for TxToken<'_, C> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, len: usize, f: F) -> R {
        let result = f(&mut self.buffer[..len]);
        let padded = len.max(MIN_FRAME);
        self.buffer[len..padded].fill(0);
        // A frame that the bus loses is lost as on any wire: TCP sends it again.
        let _ = self.send(padded);
        result
    }
}

impl<C: Registers> TxToken<'_, C> {
    fn send(&mut self, length: usize) -> Result<(), C::Error> {
        let start = self.chip.sn_tx_wr(SN)?;
        self.chip.set_sn_tx_buf(SN, start, &self.buffer[..length])?;
        #[allow(clippy::cast_possible_truncation, reason = "at most 1,514")]
        self.chip.set_sn_tx_wr(SN, start.wrapping_add(length as u16))?;
        self.chip.set_sn_cr(SN, SocketCommand::Send)?;
        *self.sending = Some(self.now);
        until(|| self.chip.sn_cr(SN), |command| command == 0)?;
        Ok(())
    }
}
