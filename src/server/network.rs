//! What a host does on its network beside serving: it answers ARP and echo requests, and says that nobody listens.

use smoltcp::phy::{Device, TxToken};
use smoltcp::wire::IpAddress;

use super::Core;
use super::connection::Place;
use super::door::{Class, Segment};
use super::time::NEVER;
use super::ingress::{Arrived, ERROR, FollowUp, drop_frame};
use crate::event::{DropRule, Observer, Sink, Way};
use crate::packet::answer::{Answer, Say};
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
#[cfg(feature = "ipv4")]
use crate::host::is_v4;
use crate::packet::ip::{self, protocol};
use crate::packet::Mac;
#[cfg(feature = "ipv4")]
use crate::packet::arp;
use crate::service::Service;
use crate::stack::{Departing, Egress};

impl Core<'_> {
    /// Where the answer to a packet goes that came from this host, in a frame from this Ethernet address: there.
    #[inline(always)]
    pub(super) fn way_back(&self, _host: IpAddress, from: Mac) -> Mac {
        from
    }

    /// The address of ours that speaks to a host.
    #[cold]
    pub(super) fn source(&self, host: IpAddress) -> Option<IpAddress> {
        self.local.addresses.iter().map(|cidr| cidr.address()).find(|own| own.version() == host.version())
    }

    /// A segment came from another Ethernet address than its connection's segments before.
    #[cold]
    #[inline(never)]
    pub(super) fn follow(&mut self, slot: usize, segment: &Segment, place: Place) {
        let connection = &mut self.slots[slot];
        if connection.accepts(segment, place) {
            connection.mac = segment.from;
        }
    }

    /// Answers a request for an address of ours.
    #[cfg(feature = "ipv4")]
    #[inline(never)]
    pub(super) fn arp<T: TxToken, O: Observer>(
        &mut self,
        frame: &[u8],
        packet: &arp::Packet<'_>,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let (mac, sender, target) = (packet.sender_mac(), packet.sender(), packet.target());
        sink.frame(Way::Common, frame);
        if let Some(own) = self.station.mac
            && packet.operation() == arp::REQUEST
            && mac.is_unicast()
            && !self.local.is_own(IpAddress::Ipv4(sender))
            && self.local.is_own(IpAddress::Ipv4(target))
        {
            Departing::answer(answer, sink, self.station, mac).frame(arp::FRAME, |place| {
                if let Some(place) = place.first_chunk_mut() {
                    arp::reply(place, (own, target), (mac, sender));
                }
            });
        }
        FollowUp::Other
    }

    /// Takes in what is neither a segment of a connection nor a datagram.
    #[inline(never)]
    pub(super) fn other<T: TxToken, O: Observer>(
        &mut self,
        Arrived { frame, packet }: Arrived<'_>,
        from: Mac,
        class: &Class<'_>,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        // Not every frame of a flood draws an error.
        if *class == Class::NoListener && !self.errors.take(ERROR, sink.now) {
            return drop_frame(frame, DropRule::RateLimited, sink);
        }
        sink.frame(Way::Common, frame);
        if matches!(class, Class::NoListener | Class::Echo)
            && let Some(says) = self.answer(class, packet)
        {
            let token = Departing::answer(answer, sink, self.station, from);
            token.consume(says.length(), |place| says.write(place));
            return FollowUp::Other;
        }
        #[cfg(feature = "slaac")]
        if let Class::Discovery(discovery) = class {
            self.process_ndp(discovery, sink.now);
        }
        FollowUp::Other
    }

    /// The answer to an echo request, or to a packet that nobody listens for.
    fn answer<'f>(&self, class: &Class<'_>, packet: &'f [u8]) -> Option<Answer<'f>> {
        let (source, destination, protocol) = ip::outline(packet)?;
        let own = if self.local.is_own(destination) { destination } else { self.source(source)? };
        let say = match protocol {
            _ if *class == Class::Echo => Say::Echo,
            protocol::TCP => Say::Reset,
            protocol::UDP => Say::PortUnreachable,
            #[cfg(feature = "ipv4")]
            _ if is_v4(own) => Say::ProtocolUnreachable,
            #[cfg(feature = "ipv6")]
            #[allow(clippy::cast_possible_truncation, reason = "a header is short")]
            _ => Say::UnknownHeader { pointer: ipv6::NEXT_HEADER.start as u16 },
            #[cfg(not(feature = "ipv6"))]
            _ => return None,
        };
        Answer::new(say, own, packet)
    }

    /// Does what is due, and says what is to be said.
    #[inline(never)]
    pub(super) fn serve_host<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        self.host_due = NEVER;
        #[cfg(feature = "slaac")]
        {
            let (changed, due) = self.serve_slaac(device);
            self.host_due = self.host_due.min(due);
            if changed {
                self.end_unaddressed(device.sink, service);
            }
        }
    }

    /// The addresses have changed: a connection to one that is ours no longer is over.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    fn end_unaddressed<S: Service, O: Observer>(&mut self, sink: &mut Sink<'_, O>, service: &mut S) {
        for slot in 0..self.slots.len() {
            if let Some(tuple) = self.slots[slot].tuple
                && !self.local.is_own(tuple.local.addr)
            {
                self.slots[slot].forget(slot, sink);
                self.release(slot, None, service);
            }
        }
    }

    /// The gateway of a version of IP has changed.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    pub(super) fn set_gateway(&mut self, others: impl Fn(IpAddress) -> bool, gateway: Option<IpAddress>) {
        self.gateways.retain(|known| others(*known));
        // There are two versions and two places.
        if let Some(gateway) = gateway {
            let _ = self.gateways.push(gateway);
        }
    }
}
