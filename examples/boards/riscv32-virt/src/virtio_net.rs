//! A virtio network device on the memory-mapped transport, as smoltcp's [`Device`].
//!
//! "Virtual I/O Device (VIRTIO) Version 1.1", OASIS, 2019; sections of it in parentheses. `virtio-drivers` knows the
//! registers (4.2.2), the start (3.1.1) and the rings; here is what is done with them.
//!
//! Driver and device share memory and little else. A network device has two virtqueues (5.1.2), one to receive and one
//! to transmit, and a virtqueue is three tables (2.6):
//!
//! ```text
//!   available ring (2.6.6)      descriptor table (2.6.5)            used ring (2.6.8)
//!   driver writes               driver writes                      device writes
//!  ┌───┬───┬───┬──              0 │ address  length │──► buffer    ┌────────┬────────┬──
//!  │ 2 │ 0 │ 1 │      ────►     1 │ address  length │──► buffer    │ 2, 342 │ 0,  60 │     ────►
//!  └───┴───┴───┴──              2 │ address  length │──► buffer    └────────┴────────┴──
//!   "these are yours"                                               "done with these; so many bytes written"
//! ```
//!
//! * To receive, empty buffers are made available in advance (5.1.6.3). The device fills one with each frame and hands
//!   it back through the used ring (5.1.6.4); once read, it is made available again. While all of them hold frames
//!   that wait, QEMU keeps further ones back: nothing is lost here.
//! * To transmit, a buffer with a frame is made available (5.1.6.2), and comes back used when it has been sent.
//!
//! After making buffers available the driver notifies the device by writing to QueueNotify (2.6.13.4); after using some
//! the device raises its interrupt. Either can tell the other that it needn't (2.6.7, 2.6.10).
//!
//! Before each frame, in the same buffer, there is a header (5.1.6) for checksum and segmentation offloads. None of
//! them is negotiated, so it is all zeros. A legacy device wants it in a descriptor of its own (5.1.6.6); QEMU doesn't.
#![allow(unsafe_code, reason = "registers at fixed addresses; buffers that the device reads and writes")]

use core::ptr::NonNull;

use heapless::Vec;
use undersock::host::Mac;
use undersock::smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use undersock::smoltcp::time::Instant;
use virtio_drivers::device::net::{VirtIONetRaw, VirtioNetHdr};
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceType, Transport};

use crate::dma::Machine;

/// QEMU's virtio-mmio slots: the first one's address, the bytes from one to the next, how many. They have a PLIC source
/// each, from 1 on. A slot without a device reads device ID 0 (4.2.2).
const SLOTS: usize = 0x1000_1000;
const SLOT: usize = 0x1000;
const SLOT_COUNT: usize = 8;
const FIRST_SOURCE: usize = 1;

/// Buffers, and descriptors, of each queue: a power of 2 (2.6).
const QUEUE: usize = 8;
/// The longest frame: no FCS, no VLAN tag.
const MAX_FRAME: usize = 1_514;
/// With the header: 1,526 bytes, no less (5.1.6.3.1).
const BUFFER: usize = size_of::<VirtioNetHdr>() + MAX_FRAME;

type Buffer = [u8; BUFFER];
type Raw = VirtIONetRaw<Machine, MmioTransport<'static>, QUEUE>;

/// The memory of all frames on their way. Static: the device writes to it whatever becomes of the driver.
pub(crate) struct Buffers {
    receive: [Buffer; QUEUE],
    transmit: [Buffer; QUEUE],
}

impl Buffers {
    pub(crate) const fn new() -> Self {
        Buffers { receive: [[0; BUFFER]; QUEUE], transmit: [[0; BUFFER]; QUEUE] }
    }
}

/// Finds the machine's network device and starts it. The device, and its source at the interrupt controller.
pub(crate) fn start(buffers: &'static mut Buffers) -> Option<(VirtioNet, usize)> {
    let (slot, transport) = (0..SLOT_COUNT).find_map(|slot| {
        let registers = NonNull::new((SLOTS + slot * SLOT) as *mut _)?;
        // SAFETY: a slot's registers are here as long as the machine is, and each slot is looked at once: `buffers`
        // can be claimed but once, and nothing else in this program knows these addresses.
        let transport = unsafe { MmioTransport::new(registers, SLOT) }.ok()?;
        (transport.device_type() == DeviceType::Network).then_some((slot, transport))
    })?;
    Some((VirtioNet::start(transport, buffers)?, FIRST_SOURCE + slot))
}

/// The network device.
pub(crate) struct VirtioNet {
    transmitter: Transmitter,
    receive: &'static mut [Buffer; QUEUE],
    /// The buffer whose frame was handed out last. It's the device's again at the next look.
    lent: Option<u16>,
}

/// The half that sends; smoltcp holds it, to answer, while it looks at a received frame.
pub(crate) struct Transmitter {
    raw: Raw,
    buffers: &'static mut [Buffer; QUEUE],
    /// Numbers of the buffers that aren't on their way.
    free: Vec<u8, QUEUE>,
    /// What is on its way, by descriptor: buffers needn't come back in order (2.6.9).
    sent: [Sent; QUEUE],
}

/// So many bytes of this buffer.
#[derive(Clone, Copy)]
struct Sent {
    buffer: u8,
    length: u16,
}

impl VirtioNet {
    fn start(transport: MmioTransport<'static>, buffers: &'static mut Buffers) -> Option<Self> {
        // Reset, features, queues (3.1.1, 5.1.5). No offload, no filter for addresses (5.1.6.5.1): every frame comes in
        // as it is.
        let raw = Raw::new(transport).ok()?;
        let Buffers { receive, transmit } = buffers;
        let mut net = VirtioNet {
            transmitter: Transmitter {
                raw,
                buffers: transmit,
                free: (0..QUEUE as u8).collect(),
                sent: [Sent { buffer: 0, length: 0 }; QUEUE],
            },
            receive,
            lent: None,
        };
        for number in 0..QUEUE as u16 {
            net.make_available(number);
        }
        Some(net)
    }

    /// The device's own address (5.1.4).
    pub(crate) fn mac(&self) -> Mac {
        Mac(self.transmitter.raw.mac_address())
    }

    /// Whether [`Device::receive`] has something to give.
    pub(crate) fn has_frame(&mut self) -> bool {
        if let Some(number) = self.lent.take() {
            self.make_available(number);
        }
        self.transmitter.raw.poll_receive().is_some() && self.transmitter.has_room()
    }

    /// Lowers the interrupt line (4.2.2, InterruptACK). It may have been a change of the configuration, such as the
    /// link's going up or down: smoltcp needn't know.
    pub(crate) fn clear_interrupt(&mut self) {
        self.transmitter.raw.ack_interrupt();
    }

    /// Gives a buffer to the device, to be filled. There are as many buffers as descriptors, so buffer and descriptor
    /// can go by the same number.
    fn make_available(&mut self, number: u16) {
        let buffer = &mut self.receive[usize::from(number)];
        // SAFETY: `receive` alone looks at these buffers, and only at one that the device has handed back.
        let descriptor = unsafe { self.transmitter.raw.receive_begin(buffer) };
        // At first descriptors are taken in order, and later only the one is free in which the buffer came back.
        assert!(descriptor == Ok(number));
    }
}

impl Transmitter {
    /// Whether a frame can be sent. Buffers that came back are taken in only when there is no other: with notification
    /// by index (2.6.7) the next one to come back after that raises the interrupt, and those behind it don't.
    fn has_room(&mut self) -> bool {
        if self.free.is_empty() {
            while let Some(descriptor) = self.raw.poll_transmit() {
                let Sent { buffer, length } = self.sent[usize::from(descriptor)];
                let frame = &self.buffers[usize::from(buffer)][..usize::from(length)];
                // SAFETY: what `Transmission::consume` made available as this descriptor.
                if unsafe { self.raw.transmit_complete(descriptor, frame) }.is_err() {
                    break;
                }
                // As many places as buffers.
                let _ = self.free.push(buffer);
            }
        }
        !self.free.is_empty()
    }

    fn token(&mut self) -> Option<Transmission<'_>> {
        if !self.has_room() {
            return None;
        }
        let number = *self.free.last()?;
        Some(Transmission { transmitter: self, number })
    }
}

impl Device for VirtioNet {
    type RxToken<'a> = Reception<'a>;
    type TxToken<'a> = Transmission<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Reception<'_>, Transmission<'_>)> {
        if !self.has_frame() {
            return None;
        }
        let number = self.transmitter.raw.poll_receive()?;
        let buffer = &mut self.receive[usize::from(number)];
        // SAFETY: `make_available` gave this buffer as this descriptor. The device names only what it was given
        // (2.6.8.2); so far it must be trusted, as any that writes to memory by itself.
        let received = unsafe { self.transmitter.raw.receive_complete(number, buffer) };
        // Whatever it holds: what the device filled, it has handed back.
        self.lent = Some(number);
        let (header, length) = received.ok()?;
        let frame = buffer.get(header..header + length)?;
        Some((Reception(frame), self.transmitter.token()?))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Transmission<'_>> {
        self.transmitter.token()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that was received. It is read where the device wrote it.
pub(crate) struct Reception<'a>(&'a [u8]);

impl RxToken for Reception<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame. It is written where the device reads it.
pub(crate) struct Transmission<'a> {
    transmitter: &'a mut Transmitter,
    /// The last of the free buffers. It is free until there is a frame in it.
    number: u8,
}

impl TxToken for Transmission<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Transmitter { raw, buffers, free, sent } = self.transmitter;
        let buffer = &mut buffers[usize::from(self.number)];
        // It fits: `BUFFER` says so.
        let header = raw.fill_buffer_header(buffer).unwrap_or_default();
        let frame = &mut buffer[..header + len];
        let result = f(&mut frame[header..]);
        // SAFETY: from now on the buffer isn't among the free ones, and what isn't is left alone until it comes back.
        if let Ok(descriptor) = unsafe { raw.transmit_begin(frame) } {
            free.pop();
            sent[usize::from(descriptor)] = Sent { buffer: self.number, length: frame.len() as u16 };
        }
        result
    }
}
