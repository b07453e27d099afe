//! The way out: a device's sending side, whose frames are seen before they go out, by whom they concern and by the
//! observer.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use super::one_frame::Held;
use crate::event::{Event, Frame, Observer, Sink, Way};
use crate::packet::ethernet::{self, ethertype};
use crate::packet::ip::protocol;
#[cfg(feature = "ipv4")]
use crate::packet::ipv4;
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
use crate::packet::tcp;

/// What was seen of a connection's segments as they went out: what the stack keeps to itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// Our initial sequence number, from the SYN-ACK.
    pub(crate) iss: Option<TcpSeqNumber>,
}

impl Sent {
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
    sent: Option<&'d mut Sent>,
}

impl<'d, 's, D, O: Observer> Egress<'d, 's, D, O> {
    pub(crate) fn new(device: &'d mut D, sink: &'d mut Sink<'s, O>) -> Self {
        Egress { device, sink, sent: None }
    }

    /// The same, for the segments of one connection, which are noted there.
    pub(crate) fn of<'e>(&'e mut self, sent: &'e mut Sent) -> Egress<'e, 's, D, O> {
        Egress { device: &mut *self.device, sink: &mut *self.sink, sent: Some(sent) }
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

    #[inline(always)]
    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        Some(Departing { token, sink: self.sink, sent: self.sent.as_deref_mut() })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A token whose frame is seen before it goes out.
pub(crate) struct Departing<'a, 's, T, O: Observer> {
    token: T,
    sink: &'a mut Sink<'s, O>,
    sent: Option<&'a mut Sent>,
}

impl<'a, 's, T, O: Observer> Departing<'a, 's, T, O> {
    /// A token that answers a frame that is being taken in.
    pub(crate) fn answer(token: T, sink: &'a mut Sink<'s, O>) -> Self {
        Departing { token, sink, sent: None }
    }
}

impl<T: TxToken, O: Observer> TxToken for Departing<'_, '_, T, O> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Departing { token, sink, sent } = self;
        token.consume(len, |frame| {
            let result = f(frame);
            if let Some(sent) = sent {
                sent.segment(frame);
            }
            sink.emit(Event::Frame(Frame { way: Way::Out, bytes: frame }));
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// The sequence number of a SYN-ACK that the stack has just written.
fn syn_ack(frame: &[u8]) -> Option<TcpSeqNumber> {
    let (ethernet, packet) = ethernet::Header::split(frame)?;
    let (protocol, segment) = match ethernet.ethertype() {
        #[cfg(feature = "ipv4")]
        ethertype::IPV4 => {
            let header = ipv4::Header::new(packet)?;
            (header.protocol(), packet.get(header.length()..)?)
        }
        #[cfg(feature = "ipv6")]
        ethertype::IPV6 => {
            let (header, behind) = ipv6::Header::split(packet)?;
            (header.next_header(), behind)
        }
        _ => return None,
    };
    let header = tcp::Header::new(segment).filter(|_| protocol == protocol::TCP)?;
    (header.flags().syn() && header.flags().ack()).then(|| header.sequence())
}
