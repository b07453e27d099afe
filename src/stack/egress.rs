//! The way out: a device's sending side, whose frames are seen before they go out, by whom they concern and by the
//! observer.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use super::one_frame::Held;
use crate::event::{Call, Event, Frame, Observer, Sink, Way};

/// Whom the frames concern that go out next.
pub(crate) enum Departure<'c> {
    /// All connections, or none: ARP, NDP, ICMP, DHCP, a reset to nobody's port.
    Common,
    /// One connection: what goes out of it is noted there.
    Segment(&'c mut Seen),
    /// The application that sent this datagram: the call is told of as its frame goes out, and no other.
    Datagram(&'c mut Option<Call>),
}

/// What was seen of a connection's segments as they went out: what the stack keeps to itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Our initial sequence number, from the SYN-ACK.
    pub(crate) iss: Option<TcpSeqNumber>,
}

impl Seen {
    fn segment(&mut self, frame: &[u8]) {
        if self.iss.is_none() {
            self.iss = syn_ack(frame);
        }
    }
}

/// The sending side of a device. It receives nothing.
pub(crate) struct Egress<'d, 's, D, O: Observer> {
    pub(crate) device: &'d mut D,
    pub(crate) sink: &'d mut Sink<'s, O>,
    departure: Departure<'d>,
}

impl<'d, 's, D, O: Observer> Egress<'d, 's, D, O> {
    pub(crate) fn new(device: &'d mut D, sink: &'d mut Sink<'s, O>) -> Self {
        Egress { device, sink, departure: Departure::Common }
    }

    /// The same, for frames that concern somebody.
    pub(crate) fn of<'e>(&'e mut self, departure: Departure<'e>) -> Egress<'e, 's, D, O> {
        Egress { device: &mut *self.device, sink: &mut *self.sink, departure }
    }
}

impl<'s, D: Device, O: Observer> Device for Egress<'_, 's, D, O> {
    type RxToken<'a>
        = Held<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Departing<'a, 's, D::TxToken<'a>, O>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        let departure = match &mut self.departure {
            Departure::Common => Departure::Common,
            Departure::Segment(seen) => Departure::Segment(seen),
            Departure::Datagram(call) => Departure::Datagram(call),
        };
        Some(Departing { token, sink: self.sink, departure })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A token whose frame is seen before it goes out.
pub(crate) struct Departing<'a, 's, T, O: Observer> {
    token: T,
    sink: &'a mut Sink<'s, O>,
    departure: Departure<'a>,
}

impl<'a, 's, T, O: Observer> Departing<'a, 's, T, O> {
    /// A token that answers a frame that is being taken in.
    pub(crate) fn answer(token: T, sink: &'a mut Sink<'s, O>) -> Self {
        Departing { token, sink, departure: Departure::Common }
    }
}

impl<T: TxToken, O: Observer> TxToken for Departing<'_, '_, T, O> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Departing { token, sink, departure } = self;
        token.consume(len, |frame| {
            let result = f(frame);
            match departure {
                Departure::Common => {}
                Departure::Segment(seen) => seen.segment(frame),
                // The stack may ask for its neighbour instead.
                Departure::Datagram(call) if is_datagram(frame) => {
                    if let Some(call) = call.take() {
                        sink.emit(Event::Call(call));
                    }
                }
                Departure::Datagram(_) => {}
            }
            sink.emit(Event::Frame(Frame { way: Way::Out, bytes: frame }));
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// The protocol that an IP packet is of, which the stack has just written, and its payload.
fn payload(frame: &[u8]) -> Option<(u8, &[u8])> {
    match frame.get(12..14)? {
        // EtherType IPv4: the header's length is in words, the protocol in its tenth byte.
        [0x08, 0x00] => Some((*frame.get(23)?, frame.get(14 + 4 * usize::from(frame.get(14)? & 0xf)..)?)),
        // EtherType IPv6: 40 bytes, the next header in the seventh.
        [0x86, 0xdd] => Some((*frame.get(20)?, frame.get(54..)?)),
        _ => None,
    }
}

fn is_datagram(frame: &[u8]) -> bool {
    const UDP: u8 = 17;
    payload(frame).is_some_and(|(protocol, _)| protocol == UDP)
}

/// The sequence number of a SYN-ACK that the stack has just written.
fn syn_ack(frame: &[u8]) -> Option<TcpSeqNumber> {
    const TCP: u8 = 6;
    const SYN_ACK: u8 = 0x12;
    let (protocol, segment) = payload(frame)?;
    if protocol != TCP || segment.get(13)? & SYN_ACK != SYN_ACK {
        return None;
    }
    let seq = segment.get(4..8)?.try_into().ok()?;
    Some(TcpSeqNumber(i32::from_be_bytes(seq)))
}
