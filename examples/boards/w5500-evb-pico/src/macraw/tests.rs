//! The driver against the chip that its data sheet describes, in memory.

use core::convert::Infallible;

use undersock::client::{Client, TcpExchange};
use undersock::device::wire::Wire;
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::phy::{RxToken as _, TxToken as _};
use undersock::smoltcp::socket::tcp;
use undersock::smoltcp::wire::IpAddress;

use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const BUFFER: usize = 16 << 10;

const COMMON: u8 = 0;
const SOCKET: u8 = 1;
const TX: u8 = 2;
const RX: u8 = 3;

const MR: usize = 0x00;
const SHAR: usize = 0x09;
const SIMR: usize = 0x18;
const VERSIONR: usize = 0x39;

const SN_MR: usize = 0x00;
const SN_CR: usize = 0x01;
const SN_IR: usize = 0x02;
const SN_TX_WR: usize = 0x24;
const SN_RX_RSR: usize = 0x26;
const SN_RX_RD: usize = 0x28;
const SN_IMR: usize = 0x2c;

/// What the data sheet says of it, as far as the driver uses it.
struct Chip {
    common: [u8; 0x40],
    socket: [u8; 0x30],
    transmit: Vec<u8>,
    receive: Vec<u8>,
    /// Sn_TX_RD, and Sn_RX_RD as RECV found it.
    transmit_from: u16,
    receive_from: u16,
    receive_to: u16,
    sent: Vec<Vec<u8>>,
    /// SENDOK stays away.
    unplugged: bool,
    /// A frame that comes between the driver's clearing of RECV and its next look.
    late: Option<Vec<u8>>,
}

impl Chip {
    /// Pointers just below their end, where they wrap.
    fn new() -> Self {
        let mut chip = Chip {
            common: [0; 0x40],
            socket: [0; 0x30],
            transmit: vec![0xee; BUFFER],
            receive: vec![0xee; BUFFER],
            transmit_from: 0,
            receive_from: 0,
            receive_to: 0,
            sent: Vec::new(),
            unplugged: false,
            late: None,
        };
        chip.common[VERSIONR] = VERSION;
        chip
    }

    fn word(&self, register: usize) -> u16 {
        u16::from_be_bytes([self.socket[register], self.socket[register + 1]])
    }

    fn set_word(&mut self, register: usize, word: u16) {
        self.socket[register..register + 2].copy_from_slice(&word.to_be_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.receive[usize::from(self.receive_to) % BUFFER] = *byte;
            self.receive_to = self.receive_to.wrapping_add(1);
        }
        self.socket[SN_IR] |= SocketInterrupt::RECV_MASK;
    }

    /// A frame comes from the wire.
    fn arrive(&mut self, frame: &[u8]) {
        let size = u16::try_from(frame.len() + 2).unwrap();
        self.put(&size.to_be_bytes());
        self.put(frame);
    }

    fn interrupt_is_low(&self) -> bool {
        self.common[SIMR] & 1 != 0 && self.socket[SN_IR] & self.socket[SN_IMR] != 0
    }

    fn command(&mut self, command: u8) {
        match command {
            // OPEN initializes the pointers.
            0x01 => {
                (self.transmit_from, self.receive_from, self.receive_to) = (0xff00, 0xff00, 0xff00);
                self.set_word(SN_TX_WR, 0xff00);
                self.set_word(SN_RX_RD, 0xff00);
            }
            0x10 => self.socket[SN_IR] = 0,
            0x20 => {
                let end = self.word(SN_TX_WR);
                let length = end.wrapping_sub(self.transmit_from);
                let at = |index| usize::from(self.transmit_from.wrapping_add(index)) % BUFFER;
                let frame = (0..length).map(|index| self.transmit[at(index)]).collect();
                if !self.unplugged {
                    self.sent.push(frame);
                    self.transmit_from = end;
                    self.socket[SN_IR] |= SocketInterrupt::SENDOK_MASK;
                }
            }
            0x40 => self.receive_from = self.word(SN_RX_RD),
            other => panic!("command {other:#x}"),
        }
    }
}

impl Registers for &mut Chip {
    type Error = Infallible;

    fn read(&mut self, address: u16, block: u8, data: &mut [u8]) -> Result<(), Infallible> {
        let size = self.receive_to.wrapping_sub(self.receive_from);
        self.set_word(SN_RX_RSR, size);
        for (index, byte) in data.iter_mut().enumerate() {
            let at = usize::from(address.wrapping_add(u16::try_from(index).unwrap()));
            *byte = match block {
                COMMON => self.common[at],
                SOCKET => self.socket[at],
                RX => self.receive[at % BUFFER],
                _ => 0,
            };
        }
        Ok(())
    }

    fn write(&mut self, address: u16, block: u8, data: &[u8]) -> Result<(), Infallible> {
        for (index, byte) in data.iter().enumerate() {
            let at = usize::from(address.wrapping_add(u16::try_from(index).unwrap()));
            match (block, at) {
                // Reset is over at once.
                (COMMON, MR) => self.common[MR] = byte & !Mode::RST_MASK,
                (COMMON, _) => self.common[at] = *byte,
                (SOCKET, SN_CR) => self.command(*byte),
                (SOCKET, SN_IR) => {
                    self.socket[SN_IR] &= !byte;
                    if let Some(frame) = self.late.take_if(|_| byte & SocketInterrupt::RECV_MASK != 0) {
                        self.arrive(&frame);
                    }
                }
                (SOCKET, _) => self.socket[at] = *byte,
                (TX, _) => self.transmit[at % BUFFER] = *byte,
                // Other sockets' buffer sizes.
                _ => {}
            }
        }
        Ok(())
    }
}

/// Numbered bytes: a frame that can't be mistaken for another.
fn frame(length: usize, first: u8) -> Vec<u8> {
    (0..length).map(|index| first.wrapping_add(index as u8)).collect()
}

fn received<C: Registers>(device: &mut Macraw<'_, C>) -> Option<Vec<u8>> {
    device.receive(Instant::ZERO).map(|(frame, _)| frame.consume(<[u8]>::to_vec))
}

fn send<C: Registers>(device: &mut Macraw<'_, C>, now: Instant, frame: &[u8]) -> bool {
    let token = device.transmit(now);
    token.map(|token| token.consume(frame.len(), |buffer| buffer.copy_from_slice(frame))).is_some()
}

#[test]
fn starts_as_told() {
    for (multicast, mode) in [(false, 0x84), (true, 0x04)] {
        let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
        Macraw::start(&mut chip, &mut buffers, MAC, multicast).unwrap();
        assert_eq!(chip.common[SHAR..SHAR + 6], MAC);
        assert_eq!(chip.socket[SN_MR], mode);
        assert!(!chip.interrupt_is_low());
    }
}

#[test]
fn says_what_answers_instead() {
    let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
    chip.common[VERSIONR] = 0xff;
    let error = Macraw::start(&mut chip, &mut buffers, MAC, false).err();
    assert_eq!(error, Some(StartError::Version(0xff)));
}

#[test]
fn gives_frames_in_order_over_the_end_of_the_buffer() {
    let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
    let mut device = Macraw::start(&mut chip, &mut buffers, MAC, false).unwrap();
    for round in 0..100_u8 {
        let frames: Vec<_> = [60, 1_514, 61].iter().map(|length| frame(*length, round)).collect();
        frames.iter().for_each(|frame| device.chip.arrive(frame));
        assert!(device.chip.interrupt_is_low());
        for frame in &frames {
            assert_eq!(received(&mut device).as_ref(), Some(frame), "round {round}");
        }
        assert_eq!(received(&mut device), None);
        assert!(!device.chip.interrupt_is_low(), "round {round}: nothing is left, and INTn is low");
    }
    assert_eq!(device.restarts(), 0);
}

#[test]
fn a_frame_that_comes_as_the_interrupt_is_cleared_is_seen() {
    let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
    let mut device = Macraw::start(&mut chip, &mut buffers, MAC, false).unwrap();
    device.chip.late = Some(frame(60, 7));
    assert_eq!(received(&mut device), Some(frame(60, 7)));
}

#[test]
fn sends_frames_whole_and_padded() {
    let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
    let mut device = Macraw::start(&mut chip, &mut buffers, MAC, false).unwrap();
    for round in 0..40 {
        assert!(send(&mut device, Instant::ZERO, &frame(1_514, round)));
        assert!(send(&mut device, Instant::ZERO, &frame(42, round)));
        let [long, short] = device.chip.sent.split_off(0).try_into().expect("two frames");
        assert_eq!(long, frame(1_514, round));
        assert_eq!(short, [frame(42, round), vec![0; 18]].concat(), "IEEE 802.3's least is 60 bytes");
    }
}

#[test]
fn waits_for_the_frame_before_but_not_for_ever() {
    let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
    let mut device = Macraw::start(&mut chip, &mut buffers, MAC, false).unwrap();
    device.chip.unplugged = true;
    assert!(send(&mut device, Instant::ZERO, &frame(60, 1)));
    device.chip.arrive(&frame(60, 2));
    assert!(!send(&mut device, Instant::from_millis(99), &frame(60, 3)), "two frames would be one");
    assert_eq!(received(&mut device), None, "no room for a reply");
    assert!(device.chip.interrupt_is_low(), "the frame still waits: no sleep");
    device.chip.unplugged = false;
    assert!(send(&mut device, Instant::from_millis(100), &frame(60, 4)), "the first is given up");
    assert_eq!(device.chip.sent, [frame(60, 4)]);
    assert_eq!(device.restarts(), 1);
}

#[test]
fn what_makes_no_sense_starts_anew() {
    // A length that counts itself: none, a runt, more than a frame, more than there is.
    for nonsense in [[0, 0], [0, 15], [0x05, 0xed], [0x05, 0xec], [0xff, 0xff]] {
        let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
        let mut device = Macraw::start(&mut chip, &mut buffers, MAC, false).unwrap();
        device.chip.put(&nonsense);
        assert_eq!(received(&mut device), None, "{nonsense:x?}");
        assert_eq!(device.restarts(), 1, "{nonsense:x?}");
        device.chip.arrive(&frame(60, 9));
        assert_eq!(received(&mut device), Some(frame(60, 9)), "after {nonsense:x?}");
    }
}

/// Clients' sentences, one connection each, through both of the chip's buffers and over their ends many times.
#[test]
fn the_server_serves_over_it() {
    const SENTENCES: usize = 100;
    let (mut chip, mut buffers) = (Chip::new(), Buffers::new());
    let mut device = Macraw::start(&mut chip, &mut buffers, MAC, false).unwrap();
    let memory = Memory::owned(Sizes::default().with_connections(2).with_batch(1));
    let mut server = Server::new(&Config::default(), memory, &mut device, Instant::ZERO).unwrap();
    let wire = Wire::owned(Duration::ZERO, 64);
    let (mut far, mut near) = wire.ends();
    let mut client = Client::new(&HostConfig::client(), vec![], &mut near, Instant::ZERO).unwrap();
    let mut now = Instant::ZERO;
    for _ in 0..SENTENCES {
        let buffer = || tcp::SocketBuffer::new(vec![0; 2_048]);
        let (socket, address) =
            (tcp::Socket::new(buffer(), buffer()), (IpAddress::v4(192, 168, 69, 1), 12_000));
        let mut exchange =
            TcpExchange::new(&mut client, socket, address.into(), now, Duration::from_secs(5)).unwrap();
        let (sentence, mut reply) = ([b'a'; 1_024], [0; 2_048]);
        let length = loop {
            client.poll(now, &mut near);
            if let Some(result) = exchange.step(&mut client, now, &sentence, &mut reply) {
                break result.unwrap();
            }
            client.poll(now, &mut near);
            while let Some(mut frame) = far.take(now) {
                // The client's computer pads.
                let padded = frame.len().max(MIN_FRAME);
                frame.resize(padded, 0).unwrap();
                device.chip.arrive(&frame);
            }
            while device.chip.interrupt_is_low() {
                server.poll(now, &mut device, &mut Uppercase::new(), &mut ());
            }
            device.chip.sent.drain(..).for_each(|frame| assert!(far.inject(now, &frame)));
            now += Duration::from_millis(1);
        };
        assert_eq!(reply[..length], [b'A'; 1_024]);
        client.poll(now, &mut near);
    }
    assert_eq!(device.restarts(), 0);
}
