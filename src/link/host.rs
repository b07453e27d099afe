//! The host on its link: it answers who asks for its addresses, hears where others are, and says what is due.

#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;

use heapless::Vec;
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};

use super::detection::{Claim, Detection, Origin, Say, Verdict};
use super::resolver::{Neighbor, Resolver, Told};
use super::select;
use crate::event::{Conflict, Observer};
use crate::host::{HostConfig, MAX_ADDRESSES};
use crate::packet::answer::{self, Answer};
use crate::packet::ip::{self, protocol};
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
#[cfg(feature = "ipv6")]
use crate::packet::ndp::{self, Discovery};
use crate::packet::seal::Sums;
use crate::packet::{Mac, checksum, icmp};
#[cfg(feature = "ipv4")]
use crate::packet::{arp, ipv4};
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
    /// The host of a configuration that has been checked.
    pub(crate) fn new(host: &HostConfig, device: &DeviceCapabilities) -> Self {
        let mut addresses = host.addresses.clone();
        // They were counted by the check.
        addresses.extend(host.link_local());
        let station = Station { mac: host.mac, fill: Sums::to_fill(&device.checksum) };
        Here { station, addresses, gateways: host.gateways.clone() }
    }

    /// The most bytes of an IP packet.
    pub(crate) fn ip_mtu(&self, device: &DeviceCapabilities) -> usize {
        device.max_transmission_unit.saturating_sub(self.station.header())
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

/// What is known of the link.
pub(crate) struct Link {
    resolver: Resolver,
    detection: Detection,
}

impl Link {
    /// The link of a host whose addresses are these. Without `announce`, nothing is said of them unasked.
    pub(crate) fn new(here: &Here, announce: bool, now: Instant) -> Self {
        // Without Ethernet, nobody is asked.
        let Some(mac) = here.station.mac else {
            return Link { resolver: Resolver::new(), detection: Detection::new(Mac::BROADCAST) };
        };
        let mut detection = Detection::new(mac);
        for cidr in &here.addresses {
            detection.add(cidr.address(), origin(cidr.address()), !announce, now);
        }
        Link { resolver: Resolver::new(), detection }
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
        let given_up = match self.detection.heard(address, mac, claim, now) {
            Verdict::Ignore => return None,
            Verdict::Defend => false,
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
            let mac = about.mac().filter(|mac| mac.is_unicast())?;
            if is_own {
                return self.conflict(target, from, Claim::Has, now);
            }
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
        if self.detection.is_optimistic(target) {
            says = says.without_override();
        }
        answer.to(says.to()).packet(says.packet_length(), &|place| says.write_packet(place));
        None
    }

    /// Takes in a packet that is the host's own business, and not its sockets'. The token, where it is theirs.
    pub(crate) fn message<'a, 's, T: TxToken, O: Observer>(
        &mut self,
        here: &Here,
        packet: &[u8],
        from: Mac,
        answer: Departing<'a, 's, T, O>,
        now: Instant,
    ) -> Option<Departing<'a, 's, T, O>> {
        let (source, destination, protocol) = ip::outline(packet)?;
        let _ = (source, from, now, &mut *self);
        #[cfg(feature = "ipv6")]
        if protocol == protocol::ICMPV6
            && let Some(discovery) = Discovery::new(packet)
        {
            if discovery.is_valid() {
                self.discovery(here, &discovery, from, answer, now);
            }
            return None;
        }
        if is_echo_request(packet, protocol) {
            if here.is_own(destination)
                && let Some(says) = Answer::new(answer::Say::Echo, destination, packet)
            {
                answer.packet(says.length(), &|place| says.write(place));
            }
            return None;
        }
        Some(answer)
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
        while let Some((address, say)) = self.detection.due(now) {
            if speak(here, address, Some(say), device).is_none() {
                return now + BLOCKED;
            }
            self.detection.said(address, now);
        }
        while let Some(address) = self.resolver.due(now) {
            if speak(here, address, None, device).is_none() {
                return now + BLOCKED;
            }
            self.resolver.asked(address, now);
        }
        self.deadline()
    }

    /// When something is to be said next.
    pub(crate) fn deadline(&self) -> Instant {
        self.detection.deadline().min(self.resolver.deadline())
    }
}

/// Says something of an address of ours, or asks for one of somebody else's. `None` if the device has no room.
#[inline(never)]
fn speak<D: Device, O: Observer>(
    here: &Here,
    address: IpAddress,
    say: Option<Say>,
    device: &mut Egress<'_, '_, D, O>,
) -> Option<()> {
    let now = device.sink.now;
    let Some(mac) = here.station.mac else { return Some(()) };
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(address) => {
            // Who has no address yet asks without one.
            let own = match (say, here.source(address.into())) {
                (None, Some(IpAddress::Ipv4(own))) => own,
                (None, _) => Ipv4Addr::UNSPECIFIED,
                (Some(_), _) => address,
            };
            let mut frame = [0; arp::FRAME];
            arp::request(&mut frame, (mac, own), address);
            device.transmit(now)?.frame(&frame);
        }
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(address) => {
            let says = match say {
                Some(Say::Probe) => ndp::Message::probe(mac, address),
                Some(Say::Announce) => ndp::Message::announcement((mac, address)),
                None => {
                    let Some(IpAddress::Ipv6(own)) = here.source(address.into()) else { return Some(()) };
                    ndp::Message::solicitation((mac, own), address)
                }
            };
            device.to = says.to();
            device.transmit(now)?.packet(says.packet_length(), &|place| says.write_packet(place));
        }
        #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
        _ => {}
    }
    Some(())
}

/// How an address of the configuration is defended.
fn origin(address: IpAddress) -> Origin {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(_) => Origin::Static,
        #[cfg(feature = "ipv6")]
        _ => Origin::V6,
        #[cfg(not(feature = "ipv6"))]
        #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
        _ => Origin::Static,
    }
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
