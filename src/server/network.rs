//! What a host does on its network beside serving: it answers ARP, neighbour discovery and echo requests, says that nobody
//! listens, and looks for clients that no longer answer.

use smoltcp::phy::{Device, TxToken};
use smoltcp::socket::tcp::State;
#[cfg(feature = "std")]
use smoltcp::time::Duration;
use smoltcp::time::Instant;
use smoltcp::wire::IpAddress;

use super::Core;
use super::connection::Place;
use super::door::{Class, Segment};
use super::ingress::{Arrived, ERROR, FollowUp, drop_frame};
use crate::event::{Conflict, DropRule, Event, Observer, Sink, Way};
#[cfg(feature = "ipv4")]
use crate::host::is_v4;
use crate::packet::Mac;
use crate::packet::answer::{Answer, Say};
#[cfg(feature = "ipv4")]
use crate::packet::arp;
use crate::packet::ip::{self, protocol};
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
use crate::service::Service;
use crate::stack::{Departing, Egress};

/// So often the stack sends by a timer, without an answer, before the client is looked for.
pub(super) const UNANSWERED: u8 = 2;

/// So often it is asked where the gateways are that answers go by.
#[cfg(feature = "std")]
const CONFIRMED: Duration = Duration::from_secs(60);

impl Core<'_> {
    /// Where the answer to a packet goes that came from this host, in a frame from this Ethernet address: there. A host off
    /// the link may be answered by way of the gateway, once it is known where that is.
    #[inline(always)]
    pub(super) fn way_back(&self, host: IpAddress, from: Mac) -> Mac {
        #[cfg(feature = "std")]
        if self.via_gateway {
            return self.way_out(host).unwrap_or(from);
        }
        let _ = host;
        from
    }

    #[cfg(feature = "std")]
    #[cold]
    #[inline(never)]
    fn way_out(&self, host: IpAddress) -> Option<Mac> {
        let here = &self.local.here;
        if here.next_hop(host) == Some(host) { None } else { self.link.known(here, host) }
    }

    /// A segment came from another Ethernet address than its connection's segments go to. Whether it is the peer's, which the
    /// connection follows. A peer that only repeats itself from there is looked for.
    #[cold]
    #[inline(never)]
    pub(super) fn follow(&mut self, slot: usize, segment: &Segment, place: Place, now: Instant) -> bool {
        if self.slots[slot].accepts(segment, place) {
            self.slots[slot].unanswered = 0;
            self.slots[slot].mac = self.way_back(segment.tuple.remote.addr, segment.from);
            return true;
        }
        if self.slots[slot].repeats(segment, place) {
            let unanswered = &mut self.slots[slot].unanswered;
            *unanswered = unanswered.saturating_add(1);
            if *unanswered >= UNANSWERED {
                self.look_for(slot, now);
            }
        }
        false
    }

    /// A connection's segments stay without answer: it is asked where the first hop to its client is, the client itself or
    /// the gateway (RFC 1122 2.3.2.1, RFC 4861 7.3).
    #[cold]
    #[inline(never)]
    pub(super) fn look_for(&mut self, slot: usize, now: Instant) {
        let connection = &self.slots[slot];
        // Who has not answered the first time sends its SYN again.
        if let Some(tuple) = connection.tuple
            && connection.state != State::SynReceived
            && self.local.here.station.mac.is_some()
            && let Some(hop) = self.local.here.next_hop(tuple.remote.addr)
        {
            self.link.ask(hop, now);
            self.host_due = now;
        }
    }

    /// Somebody was found who was looked for: the connections that get no answer try there.
    #[cold]
    fn found(&mut self, hop: IpAddress, mac: Mac) {
        for slot in 0..self.slots.len() {
            let connection = &mut self.slots[slot];
            if connection.unanswered > 0
                && let Some(tuple) = connection.tuple
                && self.local.here.next_hop(tuple.remote.addr) == Some(hop)
            {
                connection.mac = mac;
                // What goes there from now on may be answered.
                connection.unanswered = 0;
            }
        }
    }

    /// Takes in an ARP packet.
    #[cfg(feature = "ipv4")]
    pub(super) fn arp<T: TxToken, S: Service, O: Observer>(
        &mut self,
        frame: &[u8],
        packet: &arp::Packet<'_>,
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        sink.frame(Way::Common, frame);
        let now = sink.now;
        #[cfg(feature = "dhcp")]
        if let Some(dhcp) = &mut self.dhcp {
            dhcp.arp(packet, now);
        }
        let here = &self.local.here;
        let token = Departing::answer(answer, &mut *sink, here.station, packet.sender_mac());
        let conflict = self.link.arp(here, packet, token, now);
        self.heard(conflict, service, sink)
    }

    /// Something was heard on the link: an answer to us may be in it, or somebody else with an address of ours.
    fn heard<S: Service, O: Observer>(
        &mut self,
        conflict: Option<Conflict>,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        self.host_due = sink.now;
        if let Some(conflict) = conflict {
            sink.emit(Event::Conflict(conflict));
            #[cfg(any(feature = "ipv6", feature = "dhcp"))]
            if conflict.given_up {
                #[cfg(feature = "dhcp")]
                self.lost(conflict.address, sink.now);
                self.local.here.addresses.retain(|cidr| cidr.address() != conflict.address);
                self.end_unaddressed(service, sink);
            }
        }
        let _ = service;
        FollowUp::Other
    }

    /// Takes in what is neither a segment of a connection nor a datagram.
    #[inline(never)]
    pub(super) fn other<T: TxToken, S: Service, O: Observer>(
        &mut self,
        Arrived { frame, packet }: Arrived<'_>,
        from: Mac,
        class: &Class<'_>,
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        // Not every frame of a flood draws an error.
        if *class == Class::NoListener && !self.errors.take(ERROR, sink.now) {
            return drop_frame(frame, DropRule::RateLimited, sink);
        }
        sink.frame(Way::Common, frame);
        let here = &self.local.here;
        match class {
            Class::NoListener | Class::Echo => {
                if let Some(says) = self.answer(class, packet) {
                    let token = Departing::answer(answer, sink, here.station, self.way_back(says.to(), from));
                    token.packet(says.length(), &|place| says.write(place));
                }
            }
            #[cfg(feature = "ipv6")]
            Class::Discovery(discovery) => {
                let now = sink.now;
                let token = Departing::answer(answer, &mut *sink, here.station, from);
                let conflict = self.link.discovery(here, discovery, from, token, now);
                #[cfg(feature = "slaac")]
                self.process_ndp(discovery, now);
                return self.heard(conflict, service, sink);
            }
            #[cfg(feature = "ipv6")]
            Class::Query(query) => {
                self.link.query(here, query, sink.now);
                self.host_due = sink.now;
            }
            #[cfg(feature = "dhcp")]
            Class::Dhcp(_, message) => {
                if let Some(dhcp) = &mut self.dhcp {
                    dhcp.receive(message, from, sink.now);
                    self.host_due = sink.now;
                }
            }
            _ => {}
        }
        let _ = service;
        FollowUp::Other
    }

    /// The answer to an echo request, or to a packet that nobody listens for.
    fn answer<'f>(&self, class: &Class<'_>, packet: &'f [u8]) -> Option<Answer<'f>> {
        let (source, destination, protocol) = ip::outline(packet)?;
        let here = &self.local.here;
        let own = if here.is_own(destination) { destination } else { here.source(source)? };
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

    /// The link was down and is up again.
    pub(super) fn link_up(&mut self, now: Instant) {
        self.link.up(now);
        #[cfg(feature = "dhcp")]
        if let Some(dhcp) = &mut self.dhcp {
            dhcp.link_up(now);
        }
        self.host_due = now;
    }

    /// Does what is due, and says what is to be said.
    #[inline(never)]
    pub(super) fn serve_host<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        let _ = &service;
        // What comes by a lease is announced at once.
        #[cfg(feature = "dhcp")]
        let (changed, lease_due) = self.serve_dhcp(device);
        self.host_due = self.link.serve(&self.local.here, device);
        #[cfg(feature = "dhcp")]
        {
            self.host_due = self.host_due.min(lease_due);
            if changed {
                self.end_unaddressed(service, device.sink);
            }
        }
        while let Some((hop, mac)) = self.link.take_result() {
            if let Some(mac) = mac {
                self.found(hop, mac);
            }
        }
        #[cfg(feature = "slaac")]
        {
            let (changed, due) = self.serve_slaac(device);
            self.host_due = self.host_due.min(due);
            if changed {
                self.end_unaddressed(service, device.sink);
            }
        }
        // The gateways may be others now.
        #[cfg(feature = "std")]
        if self.via_gateway {
            let now = device.sink.now;
            if self.gateways_due <= now {
                self.gateways_due = now + CONFIRMED;
                for gateway in &self.local.here.gateways {
                    self.link.ask(*gateway, now);
                }
                self.host_due = now;
            }
            self.host_due = self.host_due.min(self.gateways_due);
        }
    }

    /// The addresses have changed: a connection to one that is ours no longer is over.
    #[cfg(any(feature = "ipv6", feature = "dhcp"))]
    #[cold]
    #[inline(never)]
    fn end_unaddressed<S: Service, O: Observer>(&mut self, service: &mut S, sink: &mut Sink<'_, O>) {
        for slot in 0..self.slots.len() {
            if let Some(tuple) = self.slots[slot].tuple
                && !self.local.here.is_own(tuple.local.addr)
            {
                self.slots[slot].forget(slot, sink);
                self.release(slot, None, service);
            }
        }
    }

    /// The gateway of a version of IP has changed.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    pub(super) fn set_gateway(&mut self, others: impl Fn(IpAddress) -> bool, gateway: Option<IpAddress>) {
        let gateways = &mut self.local.here.gateways;
        gateways.retain(|known| others(*known));
        if let Some(gateway) = gateway {
            // There are two versions and two places.
            let _ = gateways.push(gateway);
        }
        #[cfg(feature = "std")]
        {
            self.gateways_due = Instant::ZERO;
        }
    }
}
