//! The front door: what a frame is, read from its headers alone, and whether it may come in.
//!
//! Nothing here changes anything. What is dropped and why is in [`DropRule`]; the rules are those of RFC 1122, RFC 9293
//! and RFC 8200 that the stack behind the door leaves to its user.

use crate::packet::Mac;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint, TcpSeqNumber};

use super::config::Listener;
use super::tuple::Tuple;
use crate::event::DropRule;
use crate::packet::checksum;
use crate::packet::ethernet::{self, ethertype};
use crate::packet::ip::protocol;
use crate::packet::{Flags, icmp, tcp, udp};
#[cfg(feature = "ipv4")]
use crate::packet::{arp, dhcp, ipv4};
#[cfg(feature = "ipv6")]
use crate::packet::{ipv6, ndp};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class<'f> {
    /// ARP or neighbour discovery, with a neighbour's claim to an address, if it tells us.
    Neighbor(Option<Claim>),
    /// A question for an address of ours that the stack would not answer.
    AddressProbe(Probe),
    /// ICMP, or a DHCP server's answer.
    Common,
    /// A datagram to the service.
    Datagram(Datagram<'f>),
    /// A segment to a port of ours.
    Segment(Segment),
    /// An ICMP echo request: the stack will answer it.
    Echo(Sender),
    /// A packet for a port or protocol that nobody has: the stack will answer with an error.
    NoListener(Sender),
}

/// A neighbour's own word on where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) address: IpAddress,
    pub(crate) mac: Mac,
    /// It takes the place of what was known (RFC 4861 7.2.5). In ARP it always does.
    #[cfg(feature = "ipv6")]
    pub(crate) overrides: bool,
}

/// Somebody asks which Ethernet address an address of ours is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) address: IpAddress,
    /// To whom the answer goes.
    pub(crate) asker: (Mac, IpAddress),
}

/// Who sent a frame, and how they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The first hop back: the sender itself, or the gateway.
    pub(crate) next_hop: IpAddress,
    /// The frame's Ethernet source.
    pub(crate) mac: Mac,
}

/// A datagram to the service, found right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram<'f> {
    pub(crate) sender: Sender,
    pub(crate) remote: IpEndpoint,
    /// The server's endpoint that it was sent to.
    pub(crate) local: IpEndpoint,
    /// Its address is one of ours, and not everybody's.
    pub(crate) unicast: bool,
    pub(crate) request: &'f [u8],
}

/// What the door must know of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) tuple: Tuple,
    /// Which of the listeners has its port.
    pub(crate) listener: u16,
    pub(crate) sender: Sender,
    /// A SYN, and no RST.
    pub(crate) syn: bool,
    pub(crate) reset: bool,
    pub(crate) fin: bool,
    pub(crate) seq: TcpSeqNumber,
    pub(crate) ack: Option<TcpSeqNumber>,
    /// Bytes of payload.
    pub(crate) bytes: usize,
}

impl Segment {
    /// The start of a connection.
    pub(crate) fn opens(&self) -> bool {
        self.syn && self.ack.is_none()
    }
}

/// What the door must know of the interface.
#[derive(Clone, Copy)]
pub(crate) struct HostView<'a> {
    pub(crate) mac: Mac,
    pub(crate) addresses: &'a [IpCidr],
    pub(crate) gateways: &'a [IpAddress],
    /// The port where datagrams are answered; 0 for none.
    pub(crate) udp: u16,
    pub(crate) listeners: &'a [Listener],
    /// Which checksums the device hasn't verified. The door verifies those of IPv4, UDP and TCP before anything else is
    /// done about a frame; all others are the stack's business.
    pub(crate) checksum: &'a ChecksumCapabilities,
    /// A DHCP client is running: answers to it may be for an address that isn't ours yet.
    #[cfg(feature = "ipv4")]
    pub(crate) dhcp: bool,
}

impl HostView<'_> {
    fn is_own(&self, address: &IpAddress) -> bool {
        self.addresses.iter().any(|cidr| cidr.address() == *address)
    }

    /// Whether this is the solicited-node group of an address of ours (RFC 4291 2.7.1).
    #[cfg(feature = "ipv6")]
    fn is_solicited(&self, group: smoltcp::wire::Ipv6Address) -> bool {
        let Some(low) = ipv6::solicited_by(group) else { return false };
        self.addresses.iter().any(|cidr| match cidr {
            IpCidr::Ipv6(own) => own.address().octets().ends_with(&low),
            #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
            _ => false,
        })
    }

    /// The first hop on the way to an address.
    fn next_hop(&self, address: IpAddress) -> Option<IpAddress> {
        if self.addresses.iter().any(|cidr| cidr.contains_addr(&address)) {
            return Some(address);
        }
        self.gateways.iter().find(|gateway| gateway.version() == address.version()).copied()
    }

    /// Which listener has a port.
    #[allow(clippy::cast_possible_truncation, reason = "no two listeners share one of 2^16 ports")]
    fn listener(&self, port: u16) -> Option<u16> {
        self.listeners.iter().position(|listener| listener.port == port).map(|index| index as u16)
    }
}

/// Reads a frame's headers.
///
/// # Errors
/// The rule by which the frame is dropped.
#[inline(never)]
pub(crate) fn classify<'f>(frame: &'f [u8], local: &HostView<'_>) -> Result<Class<'f>, DropRule> {
    let (header, payload) = ethernet::Header::split(frame).ok_or(DropRule::Malformed)?;
    let (source, destination) = (header.source(), header.destination());
    if destination != local.mac && !destination.is_multicast() {
        return Err(DropRule::NotForUs);
    }
    if !source.is_unicast() || source == local.mac {
        return Err(DropRule::Source);
    }
    match header.ethertype() {
        #[cfg(feature = "ipv4")]
        ethertype::ARP => arp(payload, local),
        #[cfg(feature = "ipv4")]
        ethertype::IPV4 => ipv4(payload, source, local),
        #[cfg(feature = "ipv6")]
        ethertype::IPV6 => ipv6(payload, source, local),
        _ => Err(DropRule::NotForUs),
    }
}

/// Classifies ARP (RFC 826). It confirms exactly the neighbours that the stack will believe.
#[cfg(feature = "ipv4")]
fn arp<'f>(packet: &'f [u8], local: &HostView<'_>) -> Result<Class<'f>, DropRule> {
    let packet = arp::Packet::new(packet).ok_or(DropRule::Malformed)?;
    let sender = IpAddress::Ipv4(packet.sender());
    let mac = packet.sender_mac();
    if local.is_own(&sender) {
        // Somebody else claims an address of ours (RFC 5227 2.4): the stack must not believe it.
        return Err(DropRule::Source);
    }
    let address = IpAddress::Ipv4(packet.target());
    let to_us = local.is_own(&address) && mac.is_unicast();
    let neighbor = sender.is_unicast() && local.addresses.iter().any(|cidr| cidr.contains_addr(&sender));
    if to_us && !neighbor && packet.operation() == arp::REQUEST {
        // A probe, before somebody takes our address for theirs (RFC 5227 2.1.1); or a host that gives as its own an
        // address of another network, as Linux does.
        return Ok(Class::AddressProbe(Probe { address, asker: (mac, sender) }));
    }
    let believed = to_us && neighbor && matches!(packet.operation(), arp::REQUEST | arp::REPLY);
    Ok(Class::Neighbor(believed.then_some(Claim {
        address: sender,
        mac,
        #[cfg(feature = "ipv6")]
        overrides: true,
    })))
}

#[cfg(feature = "ipv4")]
fn ipv4<'f>(packet: &'f [u8], mac: Mac, local: &HostView<'_>) -> Result<Class<'f>, DropRule> {
    use smoltcp::wire::IPV4_MULTICAST_ALL_SYSTEMS;

    let header = ipv4::Header::new(packet).ok_or(DropRule::Malformed)?;
    let payload = packet.get(header.length()..header.total_length()).ok_or(DropRule::Malformed)?;
    let (source, destination) = (header.source(), header.destination());
    let first = source.octets()[0];
    let mut impossible = first == 0 || first >= 224 || source.is_loopback();
    let mut unicast = false;
    // Of the groups, every host is in this one alone (RFC 1112 4).
    let mut everybody = destination.is_broadcast() || destination == IPV4_MULTICAST_ALL_SYSTEMS;
    for cidr in local.addresses {
        #[allow(irrefutable_let_patterns, reason = "without IPv6 there is no other case")]
        if let IpCidr::Ipv4(cidr) = cidr {
            let (own, broadcast) = (cidr.address(), cidr.broadcast());
            impossible |= own == source || broadcast == Some(source);
            unicast |= own == destination;
            everybody |= broadcast == Some(destination);
        }
    }
    if impossible {
        return Err(DropRule::Source);
    }
    if header.is_fragment() {
        return Err(DropRule::Fragment);
    }
    let checked = |header| checksum::is_right(checksum::sum(0, header));
    if local.checksum.ipv4.rx() && !packet.get(..header.length()).is_some_and(checked) {
        return Err(DropRule::Checksum);
    }
    let protocol = header.protocol();
    if local.dhcp && protocol == protocol::UDP && dhcp::is_answer(payload) {
        return Ok(Class::Common);
    }
    if !unicast && !everybody {
        return Err(DropRule::NotForUs);
    }
    let addresses = (IpAddress::Ipv4(source), IpAddress::Ipv4(destination));
    transport(protocol, payload, addresses, unicast, mac, local)
}

#[cfg(feature = "ipv6")]
fn ipv6<'f>(packet: &'f [u8], mac: Mac, local: &HostView<'_>) -> Result<Class<'f>, DropRule> {
    let (header, behind) = ipv6::Header::split(packet).ok_or(DropRule::Malformed)?;
    let payload = behind.get(..header.payload_length()).ok_or(DropRule::Malformed)?;
    let (source, destination) = (header.source(), header.destination());
    let unicast = local.is_own(&IpAddress::Ipv6(destination));
    if !unicast && destination != ipv6::ALL_NODES && !local.is_solicited(destination) {
        return Err(DropRule::NotForUs);
    }
    // The unspecified address is for duplicate address detection alone (RFC 4862 5.4.2), and that is ICMPv6.
    let unspecified = source.is_unspecified() && header.next_header() != protocol::ICMPV6;
    if unspecified
        || source.is_multicast()
        || source.is_loopback()
        || source.to_ipv4_mapped().is_some()
        || local.is_own(&IpAddress::Ipv6(source))
    {
        return Err(DropRule::Source);
    }
    match header.next_header() {
        protocol::ICMPV6 => match (payload.first(), local.next_hop(IpAddress::Ipv6(source))) {
            (Some(&icmp::v6::ECHO_REQUEST), Some(next_hop)) if unicast => {
                Ok(Class::Echo(Sender { next_hop, mac }))
            }
            _ => Ok(icmpv6(payload, header.hop_limit(), (source, destination), local)),
        },
        protocol::FRAGMENT => Err(DropRule::Fragment),
        protocol::HOP_BY_HOP
        | protocol::ROUTING
        | protocol::DESTINATION
        | protocol::NOTHING
        | protocol::AUTHENTICATION => Err(DropRule::Extension),
        next => {
            if next == protocol::UDP
                && udp::Header::new(payload).is_some_and(|datagram| datagram.checksum() == 0)
            {
                return Err(DropRule::NoChecksum);
            }
            let addresses = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
            transport(next, payload, addresses, unicast, mac, local)
        }
    }
}

/// Classifies ICMPv6, and finds the neighbour that a message of discovery confirms (RFC 4861 7.2.3, 7.2.5).
#[cfg(feature = "ipv6")]
fn icmpv6(
    message: &[u8],
    hop_limit: u8,
    (source, destination): (smoltcp::wire::Ipv6Address, smoltcp::wire::Ipv6Address),
    local: &HostView<'_>,
) -> Class<'static> {
    // A hop limit of 255 proves that no router forwarded it.
    let Some(message) = ndp::About::new(message).filter(|_| hop_limit == ndp::HOP_LIMIT) else {
        return Class::Common;
    };
    let right = message.is_right(source, destination);
    if source.is_unspecified() {
        // Somebody is about to take this address (RFC 4862 5.4.3).
        let address = IpAddress::Ipv6(message.target());
        let right = message.asks() && local.is_own(&address) && right;
        let asker = (ethernet::ALL_NODES, IpAddress::Ipv6(ipv6::ALL_NODES));
        return if right { Class::AddressProbe(Probe { address, asker }) } else { Class::Neighbor(None) };
    }
    let confirmed = message.mac().filter(|_| right).filter(|mac| mac.is_unicast());
    let (address, overrides) = (IpAddress::Ipv6(source), message.overrides());
    Class::Neighbor(confirmed.map(|mac| Claim { address, mac, overrides }))
}

/// Whether the checksum of a segment or datagram is right.
fn is_right(addresses: (IpAddress, IpAddress), protocol: u8, bytes: &[u8]) -> bool {
    let pseudo = match addresses {
        #[cfg(feature = "ipv4")]
        (IpAddress::Ipv4(from), IpAddress::Ipv4(to)) => checksum::pseudo_v4(from, to, protocol, bytes.len()),
        #[cfg(feature = "ipv6")]
        (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => checksum::pseudo_v6(from, to, protocol, bytes.len()),
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => return false,
    };
    checksum::is_right(checksum::sum(pseudo, bytes))
}

/// Classifies what is in an IP packet from `addresses.0` to `addresses.1`.
fn transport<'f>(
    protocol: u8,
    payload: &'f [u8],
    addresses: (IpAddress, IpAddress),
    unicast: bool,
    mac: Mac,
    local: &HostView<'_>,
) -> Result<Class<'f>, DropRule> {
    let (source, destination) = addresses;
    let sender = || local.next_hop(source).map(|next_hop| Sender { next_hop, mac }).ok_or(DropRule::NoRoute);
    match protocol {
        protocol::TCP => {
            let header = tcp::Header::new(payload).ok_or(DropRule::Malformed)?;
            let start = header.length();
            if start < tcp::HEADER || start > payload.len() {
                return Err(DropRule::Malformed);
            }
            if !unicast {
                return Err(DropRule::NotUnicast);
            }
            let (from, to) = (header.source_port(), header.destination_port());
            if from == 0 || to == 0 {
                return Err(DropRule::PortZero);
            }
            let sender = sender()?;
            if local.checksum.tcp.rx() && !is_right(addresses, protocol, payload) {
                return Err(DropRule::Checksum);
            }
            let Some(listener) = local.listener(to) else { return Ok(Class::NoListener(sender)) };
            let has = |flag| header.flags().0 & flag != 0;
            Ok(Class::Segment(Segment {
                tuple: Tuple {
                    local: IpEndpoint::new(destination, to),
                    remote: IpEndpoint::new(source, from),
                },
                listener,
                sender,
                syn: has(Flags::SYN) && !has(Flags::RST),
                reset: has(Flags::RST),
                fin: has(Flags::FIN),
                seq: header.sequence(),
                ack: has(Flags::ACK).then(|| header.acknowledgment()),
                bytes: payload.len() - start,
            }))
        }
        protocol::UDP => {
            let header = udp::Header::new(payload).ok_or(DropRule::Malformed)?;
            let datagram = payload.get(..header.length()).ok_or(DropRule::Malformed)?;
            let request = datagram.get(udp::HEADER..).ok_or(DropRule::Malformed)?;
            let (from, to) = (header.source_port(), header.destination_port());
            if from == 0 || to == 0 {
                return Err(DropRule::PortZero);
            }
            let sender = sender()?;
            if to != local.udp {
                // No error for what was sent to many (RFC 1122 3.2.2, RFC 4443 2.4 e).
                return if unicast { Ok(Class::NoListener(sender)) } else { Err(DropRule::NotUnicast) };
            }
            // Without one over IPv4; over IPv6 there must be one.
            if local.checksum.udp.rx() && header.checksum() != 0 && !is_right(addresses, protocol, datagram) {
                return Err(DropRule::Checksum);
            }
            Ok(Class::Datagram(Datagram {
                sender,
                remote: IpEndpoint::new(source, from),
                local: IpEndpoint::new(destination, to),
                unicast,
                request,
            }))
        }
        #[cfg(feature = "ipv4")]
        protocol::ICMP if unicast && payload.first() == Some(&icmp::v4::ECHO_REQUEST) => {
            sender().map(Class::Echo)
        }
        #[cfg(feature = "ipv4")]
        protocol::ICMP => Ok(Class::Common),
        // The sender learns by an ICMP error that nobody speaks this protocol here.
        _ if unicast => sender().map(Class::NoListener),
        _ => Err(DropRule::NotUnicast),
    }
}
