//! The host on its link: it answers who asks for its addresses, hears where others are, and says what is due.

#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use heapless::Vec;
use smoltcp::phy::{Device, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};

use super::detection::{Claim, Detection, Say, Verdict};
#[cfg(feature = "ipv6")]
use super::mld;
use super::resolver::{Neighbor, Resolver, Told};
use super::select;
use crate::event::{Conflict, Observer};
#[cfg(feature = "dhcp")]
use crate::host::is_v4;
use crate::host::{HostConfig, MAX_ADDRESSES};
use crate::packet::answer::{self, Answer};
use crate::packet::ip::{self, protocol};
#[cfg(feature = "ipv6")]
use crate::packet::ndp::{self, Discovery};
use crate::packet::seal::Sums;
use crate::packet::{Mac, icmp};
#[cfg(feature = "ipv4")]
use crate::packet::{arp, checksum, ipv4};
#[cfg(feature = "ipv6")]
use crate::packet::{ethernet, ipv6, mld::Query};
use crate::stack::{Departing, Egress, Station};

/// When to try again to say what a device had no room for.
const BLOCKED: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(1);

/// Who and where this host is.
pub(crate) struct Here {
    pub(crate) station: Station,
    pub(crate) addresses: Vec<IpCidr, MAX_ADDRESSES>,
    pub(crate) gateways: Vec<IpAddress, 2>,
}

impl Here {
    /// The host of a configuration that has been checked, on a device that leaves these checksums to it.
    pub(crate) fn new(host: &HostConfig, fill: Sums) -> Self {
        let mut addresses = host.addresses.clone();
        // They were counted by the check.
        addresses.extend(host.link_local());
        Here { station: Station { mac: host.mac, fill }, addresses, gateways: host.gateways.clone() }
    }

    pub(crate) fn is_own(&self, address: IpAddress) -> bool {
        self.addresses.iter().any(|cidr| cidr.address() == address)
    }

    /// The address of ours that speaks to a host.
    pub(crate) fn source(&self, to: IpAddress) -> Option<IpAddress> {
        select::source(&self.addresses, to)
    }

    /// The neighbour that packets to a host go over.
    pub(crate) fn next_hop(&self, to: IpAddress) -> Option<IpAddress> {
        select::next_hop(&self.addresses, &self.gateways, to)
    }
}

/// Whose business a packet is.
pub(crate) enum Business<T> {
    /// The sockets', and the token is theirs.
    Sockets(T),
    /// The host's own: it was seen to. A conflict, if it claims an address of ours.
    Own(Option<Conflict>),
}

/// What is known of the link.
pub(crate) struct Link {
    resolver: Resolver,
    detection: Detection,
    /// Of so many addresses was said what is being said of all: a device may take one frame at a time.
    told: usize,
    #[cfg(feature = "ipv6")]
    listener: mld::Listener,
    /// The IPv4 address is a DHCP server's to give: of two conflicts it is given up.
    #[cfg(feature = "dhcp")]
    leased: bool,
}

impl Link {
    /// The link of a host.
    pub(crate) fn new(host: &HostConfig, now: Instant) -> Self {
        // Without Ethernet, nobody is told anything.
        let silent = !host.announce || host.mac.is_none();
        Link {
            resolver: Resolver::new(),
            detection: Detection::new(silent, now),
            told: 0,
            #[cfg(feature = "ipv6")]
            listener: {
                #[allow(clippy::cast_possible_truncation, reason = "a part of it is enough")]
                let mut listener = mld::Listener::new(host.seed as u32);
                if !silent {
                    listener.joined(now);
                }
                listener
            },
            #[cfg(feature = "dhcp")]
            leased: host.dhcp,
        }
    }

    /// The link was down and is up again: who is on it is told again who is here.
    pub(crate) fn up(&mut self, now: Instant) {
        if self.detection.up(now) {
            #[cfg(feature = "ipv6")]
            self.listener.joined(now);
        }
    }

    /// An IPv4 address has come: it is announced.
    #[cfg(feature = "dhcp")]
    pub(crate) fn announce(&mut self, now: Instant) {
        self.detection.announce(now);
    }

    /// Takes in an ARP packet (RFC 826): answers it, or hears where its sender is. A conflict, if it claims an address of
    /// ours.
    #[cfg(feature = "ipv4")]
    #[inline(never)]
    pub(crate) fn arp<T: TxToken, O: Observer>(
        &mut self,
        here: &Here,
        packet: &arp::Packet<'_>,
        answer: Departing<'_, '_, T, O>,
        now: Instant,
    ) -> Option<Conflict> {
        let (mac, asker, target) = (packet.sender_mac(), packet.sender(), packet.target());
        let own = here.station.mac.filter(|_| mac.is_unicast())?;
        let (sender, wanted) = (IpAddress::Ipv4(asker), here.is_own(IpAddress::Ipv4(target)));
        if here.is_own(sender) {
            return self.conflict(sender, mac, Claim::Has, now);
        }
        let is_request = packet.operation() == arp::REQUEST;
        let told = if wanted && !is_request { Told::REPLY } else { Told::UNASKED };
        self.resolver.answer(sender, mac, told, now);
        if wanted && is_request {
            let mut reply = [0; arp::FRAME];
            arp::reply(&mut reply, (own, target), (mac, asker));
            answer.frame(&reply);
        }
        None
    }

    /// Somebody else has, or wants, an address of ours.
    fn conflict(&mut self, address: IpAddress, mac: Mac, claim: Claim, now: Instant) -> Option<Conflict> {
        #[cfg(feature = "dhcp")]
        let leased = self.leased && is_v4(address);
        #[cfg(not(feature = "dhcp"))]
        let leased = false;
        let given_up = match self.detection.heard(address, claim, leased, now) {
            Verdict::Ignore => return None,
            Verdict::Defend => false,
            #[cfg(any(feature = "ipv6", feature = "dhcp"))]
            Verdict::GiveUp => true,
        };
        Some(Conflict { address, mac, given_up })
    }

    /// Takes in a message of neighbour discovery (RFC 4861 7): answers it, or hears where its sender is. A conflict, if it
    /// claims an address of ours. `from`: the Ethernet address that it came from.
    #[cfg(feature = "ipv6")]
    #[inline(never)]
    pub(crate) fn discovery<T: TxToken, O: Observer>(
        &mut self,
        here: &Here,
        discovery: &Discovery<'_>,
        from: Mac,
        answer: Departing<'_, '_, T, O>,
        now: Instant,
    ) -> Option<Conflict> {
        let own = here.station.mac?;
        let about = ndp::About::new(discovery.message)?;
        let (source, target) = (discovery.source, IpAddress::Ipv6(about.target()));
        let is_own = here.is_own(target);
        if !about.asks() {
            if is_own {
                return self.conflict(target, from, Claim::Has, now);
            }
            let mac = about.mac().filter(|mac| mac.is_unicast())?;
            let told = Told { solicited: about.is_solicited(), overrides: about.overrides() };
            self.resolver.answer(target, mac, told, now);
            return None;
        }
        if !source.is_unspecified()
            && let Some(mac) = about.mac().filter(|mac| mac.is_unicast())
        {
            self.resolver.answer(IpAddress::Ipv6(source), mac, Told::UNASKED, now);
        }
        if !is_own {
            return None;
        }
        if source.is_unspecified()
            && let Some(conflict) = self.conflict(target, from, Claim::Wants, now)
        {
            return Some(conflict);
        }
        let mut says = ndp::Message::answer((own, about.target()), (from, source));
        if self.detection.is_optimistic(now) {
            says = says.without_override();
        }
        answer.to(says.to()).packet(says.packet_length(), &|place| says.write_packet(place));
        None
    }

    /// Takes in a packet that came from this Ethernet address, if it is the host's own business and not its sockets'.
    pub(crate) fn packet<'a, 's, T: TxToken, O: Observer>(
        &mut self,
        here: &Here,
        packet: &[u8],
        from: Mac,
        answer: Departing<'a, 's, T, O>,
        now: Instant,
    ) -> Business<Departing<'a, 's, T, O>> {
        let Some((_, destination, protocol)) = ip::outline(packet) else { return Business::Own(None) };
        #[cfg(feature = "ipv6")]
        if protocol == protocol::ICMPV6
            && let Some(discovery) = Discovery::new(packet)
        {
            let valid = Some(discovery).filter(Discovery::is_valid);
            let conflict = valid.and_then(|discovery| self.discovery(here, &discovery, from, answer, now));
            return Business::Own(conflict);
        }
        #[cfg(feature = "ipv6")]
        if protocol == protocol::HOP_BY_HOP {
            if let Some(query) = Query::new(packet) {
                self.query(here, &query, now);
            }
            // What else is behind options wasn't verified.
            return Business::Own(None);
        }
        if is_echo_request(packet, protocol) {
            if here.is_own(destination)
                && let Some(says) = Answer::new(answer::Say::Echo, destination, packet)
            {
                answer.packet(says.length(), &|place| says.write(place));
            }
            return Business::Own(None);
        }
        #[cfg(not(feature = "ipv6"))]
        let _ = (&self.resolver, from, now);
        Business::Sockets(answer)
    }

    /// What is known of the first hop to a host, which is asked for if nothing is.
    pub(crate) fn reach(&mut self, here: &Here, host: IpAddress, now: Instant) -> Neighbor {
        if here.station.mac.is_none() {
            return Neighbor::Known(Mac::BROADCAST);
        }
        let Some(hop) = here.next_hop(host) else { return Neighbor::Unreachable };
        match self.resolver.get(hop, now) {
            Neighbor::Unknown => {
                self.resolver.ask(hop, now);
                Neighbor::Asking
            }
            known => known,
        }
    }

    /// Begins to ask for a neighbour, unless that goes on already.
    pub(crate) fn ask(&mut self, neighbor: IpAddress, now: Instant) {
        self.resolver.ask(neighbor, now);
    }

    /// How a question ended, each once: where the neighbour is, or nowhere.
    pub(crate) fn take_result(&mut self) -> Option<(IpAddress, Option<Mac>)> {
        self.resolver.take_result()
    }

    /// Where the first hop to a host was when last heard of.
    pub(crate) fn known(&self, here: &Here, host: IpAddress) -> Option<Mac> {
        self.resolver.known(here.next_hop(host)?)
    }

    /// Says and asks what is due. When to do so again.
    #[inline(never)]
    pub(crate) fn serve<D: Device, O: Observer>(
        &mut self,
        here: &Here,
        device: &mut Egress<'_, '_, D, O>,
    ) -> Instant {
        let now = device.sink.now;
        // Before an address is asked for, so that who else asks for it is heard here (RFC 4862 5.4.2).
        #[cfg(feature = "ipv6")]
        if self.listener.deadline() <= now && self.report(here, device).is_none() {
            return now + BLOCKED;
        }
        while let Some(say) = self.detection.due(now) {
            if self.tell(here, say, device).is_none() {
                return now + BLOCKED;
            }
            self.detection.said(say, now);
        }
        while let Some(address) = self.resolver.due(now) {
            if ask(here, address, device).is_none() {
                return now + BLOCKED;
            }
            self.resolver.asked(now);
        }
        self.deadline()
    }

    /// Says something of our addresses. `None` if the device has no room for all of it.
    #[inline(never)]
    fn tell<D: Device, O: Observer>(
        &mut self,
        here: &Here,
        say: Say,
        device: &mut Egress<'_, '_, D, O>,
    ) -> Option<()> {
        let mac = here.station.mac.unwrap_or_default();
        // A defence may come in between: it is of one address.
        if let Say::Defend(own) = say {
            return announce(mac, own, device);
        }
        while let Some(cidr) = here.addresses.get(self.told) {
            match (cidr.address(), say) {
                #[cfg(feature = "ipv4")]
                (IpAddress::Ipv4(_), Say::Announce) => announce(mac, cidr.address(), device)?,
                #[cfg(feature = "ipv6")]
                (IpAddress::Ipv6(own), Say::Probe) => send(&ndp::Message::probe(mac, own), device)?,
                _ => {}
            }
            self.told += 1;
        }
        self.told = 0;
        Some(())
    }

    /// Reports which groups the host listens to. `None` if the device has no room.
    #[cfg(feature = "ipv6")]
    #[inline(never)]
    fn report<D: Device, O: Observer>(
        &mut self,
        here: &Here,
        device: &mut Egress<'_, '_, D, O>,
    ) -> Option<()> {
        let now = device.sink.now;
        let groups = mld::groups(&here.addresses);
        let own = match here.source(IpAddress::Ipv6(ipv6::ALL_NODES)) {
            Some(IpAddress::Ipv6(own)) if own.is_unicast_link_local() => own,
            // RFC 3810 5.2.13.
            _ => Ipv6Addr::UNSPECIFIED,
        };
        while let Some(report) = self.listener.due(&groups, now) {
            let to = ethernet::group(report.to());
            device.packet(to, report.length(), &|place| report.write(place, own))?;
            self.listener.sent(&groups, now);
        }
        Some(())
    }

    /// Takes in a question which groups are listened to.
    #[cfg(feature = "ipv6")]
    pub(crate) fn query(&mut self, here: &Here, query: &Query, now: Instant) {
        self.listener.heard(query, &mld::groups(&here.addresses), now);
    }

    /// Whether somebody else may have our IPv6 addresses.
    #[cfg(feature = "slaac")]
    pub(crate) fn is_optimistic(&self, now: Instant) -> bool {
        self.detection.is_optimistic(now)
    }

    /// When something is to be said next.
    pub(crate) fn deadline(&self) -> Instant {
        let deadline = self.detection.deadline().min(self.resolver.deadline());
        #[cfg(feature = "ipv6")]
        let deadline = deadline.min(self.listener.deadline());
        deadline
    }
}

/// Says that an address is ours. `None` if the device has no room.
fn announce<D: Device, O: Observer>(
    mac: Mac,
    own: IpAddress,
    device: &mut Egress<'_, '_, D, O>,
) -> Option<()> {
    match own {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(own) => {
            let mut frame = [0; arp::FRAME];
            arp::announcement(&mut frame, (mac, own));
            device.frame(&frame)?;
        }
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(own) => send(&ndp::Message::announcement((mac, own)), device)?,
        #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
        _ => {}
    }
    Some(())
}

/// Asks where a neighbour is. `None` if the device has no room.
#[inline(never)]
fn ask<D: Device, O: Observer>(
    here: &Here,
    neighbor: IpAddress,
    device: &mut Egress<'_, '_, D, O>,
) -> Option<()> {
    let mac = here.station.mac.unwrap_or_default();
    match (neighbor, here.source(neighbor)) {
        #[cfg(feature = "ipv4")]
        (IpAddress::Ipv4(neighbor), Some(IpAddress::Ipv4(own))) => {
            let mut frame = [0; arp::FRAME];
            arp::request(&mut frame, (mac, own), neighbor);
            device.frame(&frame)?;
        }
        #[cfg(feature = "ipv6")]
        (IpAddress::Ipv6(neighbor), Some(IpAddress::Ipv6(own))) => {
            send(&ndp::Message::solicitation((mac, own), neighbor), device)?;
        }
        // Without an address of ours, nobody is asked.
        _ => {}
    }
    Some(())
}

/// Sends a message of neighbour discovery. `None` if the device has no room.
#[cfg(feature = "ipv6")]
pub(crate) fn send<D: Device, O: Observer>(
    message: &ndp::Message,
    device: &mut Egress<'_, '_, D, O>,
) -> Option<()> {
    device.packet(message.to(), message.packet_length(), &|place| message.write_packet(place))
}

/// Whether a packet is an echo request, and a right one.
fn is_echo_request(packet: &[u8], protocol: u8) -> bool {
    match protocol {
        #[cfg(feature = "ipv4")]
        protocol::ICMP => ipv4::Header::new(packet)
            .and_then(|header| packet.get(header.length()..header.total_length()))
            .is_some_and(|message| {
                message.first() == Some(&icmp::v4::ECHO_REQUEST)
                    && checksum::is_right(checksum::sum(0, message))
            }),
        #[cfg(feature = "ipv6")]
        protocol::ICMPV6 => ipv6::Header::split(packet).is_some_and(|(header, behind)| {
            behind.get(..header.payload_length()).is_some_and(|message| {
                message.first() == Some(&icmp::v6::ECHO_REQUEST)
                    && ndp::is_right(header.source(), header.destination(), message)
            })
        }),
        _ => false,
    }
}
