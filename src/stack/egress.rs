//! The way out: a device's sending side. Packets get what is before them on this link, and their checksums; they are seen
//! before they go out, by whom they concern and by the observer.

use smoltcp::iface::{Interface, PollResult, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

#[cfg(feature = "recovery")]
use super::back::{Desk, passes, write_down};
use super::one_frame::Held;
use super::station::Station;
use crate::event::{Observer, Sink, Way};
use crate::packet::seal::seal;
use crate::packet::{Flags, Mac, ip, tcp};

/// What was seen of a connection's segments as they went out: what the stack keeps to itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Our initial sequence number, from the SYN-ACK.
    pub(crate) iss: Option<TcpSeqNumber>,
    /// The flags of the last segment; none before the first.
    pub(crate) last: Flags,
}

impl Sent {
    pub(crate) const NOTHING: Sent = Sent { iss: None, last: Flags(0) };

    #[inline(always)]
    fn segment(&mut self, header: tcp::Header<'_>) {
        self.last = header.flags();
        if self.last.syn() {
            self.iss = Some(header.sequence());
        }
    }
}

/// Where a packet's frame goes.
pub(crate) trait Route: Copy {
    fn to(&self, packet: &[u8]) -> Mac;
}

/// All to one.
impl Route for Mac {
    #[inline(always)]
    fn to(&self, _packet: &[u8]) -> Mac {
        *self
    }
}

/// The sending side of a device. It receives nothing.
pub(crate) struct Egress<'d, 's, D, O: Observer> {
    pub(crate) device: &'d mut D,
    pub(crate) sink: &'d mut Sink<'s, O>,
    pub(crate) station: Station,
    /// Whom the next packets are for.
    pub(crate) to: Mac,
    /// What was seen of the last packets.
    pub(crate) sent: Sent,
    /// Where segments are written down.
    #[cfg(feature = "recovery")]
    pub(crate) desk: Option<Desk<'d>>,
    /// It is as if the device had no room.
    #[cfg(feature = "recovery")]
    pub(super) is_full: bool,
}

impl<'d, 's, D, O: Observer> Egress<'d, 's, D, O> {
    pub(crate) fn new(device: &'d mut D, sink: &'d mut Sink<'s, O>, station: Station) -> Self {
        Egress {
            device,
            sink,
            station,
            to: Mac::BROADCAST,
            sent: Sent::NOTHING,
            #[cfg(feature = "recovery")]
            desk: None,
            #[cfg(feature = "recovery")]
            is_full: false,
        }
    }

    /// The same device with this desk.
    #[cfg(feature = "recovery")]
    pub(crate) fn at<'e>(&'e mut self, desk: Desk<'e>) -> Egress<'e, 's, D, O> {
        let Egress { station, to, sent, is_full, .. } = *self;
        Egress { device: self.device, sink: self.sink, station, to, sent, desk: Some(desk), is_full }
    }
}

impl<D: Device, O: Observer> Egress<'_, '_, D, O> {
    /// Lets the stack send one packet of each of these sockets. One copy of this for all who do.
    #[inline(never)]
    pub(crate) fn emit(
        &mut self,
        now: Instant,
        iface: &mut Interface,
        sockets: &mut SocketSet<'_>,
    ) -> PollResult {
        iface.poll_egress(now, self, sockets)
    }

    /// Sends a packet of the host's own, of so many bytes. `None` if the device has no room.
    #[cfg(any(feature = "ipv6", feature = "dhcp"))]
    #[cold]
    #[inline(never)]
    pub(crate) fn packet(&mut self, to: Mac, len: usize, write: &dyn Fn(&mut [u8])) -> Option<()> {
        self.to = to;
        self.transmit(self.sink.now)?.packet(len, write);
        Some(())
    }

    /// Sends a frame that is no IP packet. `None` if the device has no room.
    #[cfg(feature = "ipv4")]
    #[cold]
    #[inline(never)]
    pub(crate) fn frame(&mut self, bytes: &[u8]) -> Option<()> {
        self.transmit(self.sink.now)?.frame(bytes);
        Some(())
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
        #[cfg(feature = "recovery")]
        if self.is_full {
            return None;
        }
        let token = self.device.transmit(now)?;
        let Egress { station, to, .. } = *self;
        Some(Departing {
            sent: Some(&mut self.sent),
            #[cfg(feature = "recovery")]
            desk: self.desk.as_mut().map(Desk::reborrow),
            ..Departing::routed(token, self.sink, station, to)
        })
    }

    /// Not asked: the stack asks the device that it was made with.
    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// A token for an IP packet.
pub(crate) struct Departing<'a, 's, T, O: Observer, R = Mac> {
    token: T,
    sink: &'a mut Sink<'s, O>,
    station: Station,
    to: R,
    sent: Option<&'a mut Sent>,
    #[cfg(feature = "recovery")]
    desk: Option<Desk<'a>>,
}

impl<'a, 's, T, O: Observer> Departing<'a, 's, T, O> {
    /// A token that answers a frame that is being taken in, where it came from.
    pub(crate) fn answer(token: T, sink: &'a mut Sink<'s, O>, station: Station, to: Mac) -> Self {
        Departing::routed(token, sink, station, to)
    }
}

impl<'a, 's, T, O: Observer, R: Route> Departing<'a, 's, T, O, R> {
    /// A token for a packet that goes where this says.
    pub(crate) fn routed(token: T, sink: &'a mut Sink<'s, O>, station: Station, to: R) -> Self {
        Departing {
            token,
            sink,
            station,
            to,
            sent: None,
            #[cfg(feature = "recovery")]
            desk: None,
        }
    }

    pub(crate) fn station(&self) -> Station {
        self.station
    }

    pub(crate) fn route(&self) -> R {
        self.to
    }
}

impl<T: TxToken, O: Observer> Departing<'_, '_, T, O> {
    /// The same, to another Ethernet address.
    #[cfg(feature = "ipv6")]
    pub(crate) fn to(mut self, to: Mac) -> Self {
        self.to = to;
        self
    }
}

impl<'a, T: TxToken, O: Observer, R: Route> Departing<'a, '_, T, O, R> {
    /// The same, and what goes out is written down there, if it does.
    #[cfg(feature = "recovery")]
    pub(crate) fn at(self, desk: Desk<'a>) -> Self {
        Departing { desk: Some(desk), ..self }
    }

    /// Sends a segment that is written already, if it is to go out.
    #[cfg(feature = "recovery")]
    #[cold]
    #[inline(never)]
    fn pass(mut self, desk: Desk<'_>, len: usize) {
        let Some(packet) = desk.spare.get_mut(..len) else { return };
        let Some(len) = passes(packet, desk.ledger) else { return };
        let packet = packet.get(..len).unwrap_or_default();
        if let (Some(sent), Some(segment)) = (&mut self.sent, tcp::Sent::of(packet)) {
            sent.segment(segment.header);
        }
        write_down(packet, desk.ledger, self.sink);
        self.packet(len, &|place| {
            // A device that gives less loses it.
            if place.len() == len {
                place.copy_from_slice(packet);
            }
        });
    }

    /// Sends a packet of the host's own, of so many bytes.
    pub(crate) fn packet(self, len: usize, write: &dyn Fn(&mut [u8])) {
        self.put(true, len, write);
    }

    /// Sends a frame that is no IP packet.
    #[cfg(feature = "ipv4")]
    pub(crate) fn frame(self, bytes: &[u8]) {
        self.put(false, bytes.len(), &|frame| {
            // A device that gives less loses it.
            if frame.len() == bytes.len() {
                frame.copy_from_slice(bytes);
            }
        });
    }

    /// One copy of sending for all that is the host's own.
    #[cold]
    #[inline(never)]
    fn put(self, is_packet: bool, len: usize, write: &dyn Fn(&mut [u8])) {
        let Departing { token, sink, station, to, .. } = self;
        let start = if is_packet { station.header() } else { 0 };
        token.consume(start + len, |frame| {
            let (header, packet) = frame.split_at_mut_checked(start).unwrap_or_default();
            write(packet);
            if is_packet {
                station.write(header, ip::version(packet), to.to(packet));
                seal(packet, station.fill);
            }
            sink.frame(Way::Out, frame);
        });
    }
}

impl<T: TxToken, O: Observer, W: Route> TxToken for Departing<'_, '_, T, O, W> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        #[cfg(feature = "recovery")]
        let mut this = self;
        #[cfg(feature = "recovery")]
        let desk = this.desk.take();
        #[cfg(feature = "recovery")]
        let (desk, this) = match desk {
            // What doesn't fit passes: once too often does no harm.
            Some(desk) if desk.ledger.is_behind() && len <= desk.spare.len() => {
                let result = f(desk.spare.get_mut(..len).unwrap_or_default());
                this.pass(desk, len);
                return result;
            }
            desk => (desk, this),
        };
        #[cfg(not(feature = "recovery"))]
        let this = self;
        let Departing { token, sink, station, to, sent, .. } = this;
        let start = station.header();
        token.consume(start + len, |frame| {
            // A device whose frame is shorter than was asked for loses it: the stack writes to nowhere.
            let (header, packet) = frame.split_at_mut_checked(start).unwrap_or_default();
            let result = f(packet);
            station.write(header, ip::version(packet), to.to(packet));
            let segment = seal(packet, station.fill);
            if let (Some(sent), Some(segment)) = (sent, segment) {
                sent.segment(segment);
            }
            #[cfg(feature = "recovery")]
            if let Some(desk) = desk {
                write_down(packet, desk.ledger, sink);
            }
            sink.frame(Way::Out, frame);
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}
