//! The way out: a device's sending side. Packets get what is before them on this link, and their checksums; they are seen
//! before they go out, by whom they concern and by the observer.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use super::one_frame::Held;
use crate::event::{Observer, Sink, Way};
use super::station::Station;
use crate::packet::seal::{Outgoing, seal};
use crate::packet::{Mac, ip};

/// What was seen of a connection's segments as they went out: what the stack keeps to itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// Our initial sequence number, from the SYN-ACK.
    pub(crate) iss: Option<TcpSeqNumber>,
    /// The last segment, until it is taken.
    pub(crate) last: Option<Outgoing>,
}

impl Sent {
    fn segment(&mut self, segment: Option<Outgoing>) {
        self.last = segment;
        if self.iss.is_none()
            && let Some(Outgoing { flags, sequence, .. }) = segment
            && flags.syn()
        {
            self.iss = Some(sequence);
        }
    }
}

/// The sending side of a device. It receives nothing.
pub(crate) struct Egress<'d, 's, D, O: Observer> {
    pub(crate) device: &'d mut D,
    pub(crate) sink: &'d mut Sink<'s, O>,
    pub(crate) station: Station,
    /// Whom the next packets are for.
    pub(crate) to: Mac,
    sent: Option<&'d mut Sent>,
}

impl<'d, 's, D, O: Observer> Egress<'d, 's, D, O> {
    pub(crate) fn new(device: &'d mut D, sink: &'d mut Sink<'s, O>, station: Station) -> Self {
        Egress { device, sink, station, to: Mac::BROADCAST, sent: None }
    }

    /// The same, for the segments of one connection, which are noted there.
    pub(crate) fn of<'e>(&'e mut self, sent: &'e mut Sent) -> Egress<'e, 's, D, O> {
        let Egress { station, to, .. } = *self;
        Egress { device: &mut *self.device, sink: &mut *self.sink, station, to, sent: Some(sent) }
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
        let Egress { station, to, .. } = *self;
        Some(Departing { token, sink: self.sink, station, to, sent: self.sent.as_deref_mut() })
    }

    /// Not asked: the stack asks the device that it was made with.
    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// A token for an IP packet.
pub(crate) struct Departing<'a, 's, T, O: Observer> {
    token: T,
    sink: &'a mut Sink<'s, O>,
    station: Station,
    to: Mac,
    sent: Option<&'a mut Sent>,
}

impl<'a, 's, T, O: Observer> Departing<'a, 's, T, O> {
    /// A token that answers a frame that is being taken in, where it came from.
    pub(crate) fn answer(token: T, sink: &'a mut Sink<'s, O>, station: Station, to: Mac) -> Self {
        Departing { token, sink, station, to, sent: None }
    }
}

impl<T: TxToken, O: Observer> Departing<'_, '_, T, O> {
    /// Sends a frame that is no IP packet.
    #[cfg(feature = "ipv4")]
    pub(crate) fn frame(self, len: usize, write: impl FnOnce(&mut [u8])) {
        let Departing { token, sink, .. } = self;
        token.consume(len, |frame| {
            write(frame);
            sink.frame(Way::Out, frame);
        });
    }
}

impl<T: TxToken, O: Observer> TxToken for Departing<'_, '_, T, O> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Departing { token, sink, station, to, sent } = self;
        let start = station.header();
        token.consume(start + len, |frame| {
            // A device whose frame is shorter than was asked for loses it: the stack writes to nowhere.
            let (header, packet) = frame.split_at_mut_checked(start).unwrap_or_default();
            let result = f(packet);
            let segment = seal(packet, station.fill);
            station.write(header, ip::version(packet), to);
            if let Some(sent) = sent {
                sent.segment(segment);
            }
            sink.frame(Way::Out, frame);
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}
