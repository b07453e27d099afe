//! The front door: what a frame is, read from its headers alone, and whether it may come in.
//!
//! Nothing here changes anything. What is dropped and why is in [`DropRule`]; the rules are those of RFC 1122, RFC 9293
//! and RFC 8200 that the stack behind the door leaves to its user.

use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint, TcpSeqNumber};

use super::config::Listener;
use super::tuple::Tuple;
use crate::event::DropRule;
use crate::link::host::Here;
#[cfg(feature = "dhcp")]
use crate::packet::dhcp;
use crate::packet::ip::{self, protocol};
#[cfg(feature = "ipv6")]
use crate::packet::ndp::{self, Discovery};
use crate::packet::seal::{Sums, is_right};
use crate::packet::{Flags, Mac, icmp, tcp, udp};
#[cfg(feature = "ipv4")]
use crate::packet::{checksum, ipv4};
#[cfg(feature = "ipv6")]
use crate::packet::{ipv6, mld::Query};

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class<'f> {
    /// A message of neighbour discovery, which no router has forwarded.
    #[cfg(feature = "ipv6")]
    Discovery(Discovery<'f>),
    /// A question which groups are listened to.
    #[cfg(feature = "ipv6")]
    Query(Query),
    /// A DHCP server's answer: its address, and the message.
    #[cfg(feature = "dhcp")]
    Dhcp(smoltcp::wire::Ipv4Address, &'f [u8]),
    /// A datagram to the service.
    Datagram(Datagram<'f>),
    /// A segment to a port of ours.
    Segment(Segment),
    /// An ICMP echo request. It may be for a group of ours.
    Echo,
    /// A packet for a port or protocol that nobody has: an error answers it.
    NoListener,
    /// An ICMP message of no concern.
    Other,
}

/// A datagram to the service, found right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram<'f> {
    /// The frame's Ethernet source.
    pub(crate) from: Mac,
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
    /// The frame's Ethernet source.
    pub(crate) from: Mac,
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
    /// No segment's: zeros.
    pub(crate) const NONE: Segment = Segment {
        tuple: Tuple::NONE,
        listener: 0,
        from: Mac([0; 6]),
        syn: false,
        reset: false,
        fin: false,
        seq: TcpSeqNumber(0),
        ack: None,
        bytes: 0,
    };

    /// The start of a connection.
    pub(crate) fn opens(&self) -> bool {
        self.syn && self.ack.is_none()
    }
}

/// What the door must know of the host.
pub(crate) struct Local<'a> {
    pub(crate) here: Here,
    /// The port where datagrams are answered; 0 for none.
    pub(crate) udp: u16,
    pub(crate) listeners: &'a [Listener],
    /// Which checksums the device hasn't verified. The door verifies them before anything else is done about a packet.
    pub(crate) verify: Sums,
    /// A DHCP client is running: answers to it may be for an address that isn't ours yet.
    #[cfg(feature = "dhcp")]
    pub(crate) dhcp: bool,
}

impl Local<'_> {
    /// Whether this is the solicited-node group of an address of ours (RFC 4291 2.7.1).
    #[cfg(feature = "ipv6")]
    fn is_solicited(&self, group: smoltcp::wire::Ipv6Address) -> bool {
        let Some(low) = ipv6::solicited_by(group) else { return false };
        self.here.addresses.iter().any(|cidr| match cidr {
            IpCidr::Ipv6(own) => own.address().octets().ends_with(&low),
            #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
            _ => false,
        })
    }

    /// Which listener has a port.
    #[allow(clippy::cast_possible_truncation, reason = "no two listeners share one of 2^16 ports")]
    fn listener(&self, port: u16) -> Option<u16> {
        self.listeners.iter().position(|listener| listener.port == port).map(|index| index as u16)
    }
}

/// Reads a packet's headers. `from`: the Ethernet source of its frame.
///
/// # Errors
/// The rule by which the packet is dropped.
#[inline(never)]
pub(crate) fn classify<'f>(packet: &'f [u8], from: Mac, local: &Local<'_>) -> Result<Class<'f>, DropRule> {
    match ip::version(packet) {
        #[cfg(feature = "ipv4")]
        Some(4) => ipv4(packet, from, local),
        #[cfg(feature = "ipv6")]
        Some(6) => ipv6(packet, from, local),
        _ => Err(DropRule::Malformed),
    }
}

#[cfg(feature = "ipv4")]
fn ipv4<'f>(packet: &'f [u8], from: Mac, local: &Local<'_>) -> Result<Class<'f>, DropRule> {
    use smoltcp::wire::IPV4_MULTICAST_ALL_SYSTEMS;

    let header = ipv4::Header::new(packet).ok_or(DropRule::Malformed)?;
    let payload = packet.get(header.length()..header.total_length()).ok_or(DropRule::Malformed)?;
    let (source, destination) = (header.source(), header.destination());
    let first = source.octets()[0];
    let mut impossible = first == 0 || first >= 224 || source.is_loopback();
    let mut unicast = false;
    // Of the groups, every host is in this one alone (RFC 1112 4).
    let mut everybody = destination.is_broadcast() || destination == IPV4_MULTICAST_ALL_SYSTEMS;
    for cidr in &local.here.addresses {
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
    if local.verify.ipv4 && !header.is_right(packet) {
        return Err(DropRule::Checksum);
    }
    let protocol = header.protocol();
    let addresses = (IpAddress::Ipv4(source), IpAddress::Ipv4(destination));
    #[cfg(feature = "dhcp")]
    if local.dhcp
        && protocol == protocol::UDP
        && let Some(datagram) = dhcp::answer(payload)
    {
        let right = !local.verify.udp
            || udp::Header::new(datagram).is_some_and(|header| header.checksum() == 0)
            || is_right(addresses, protocol, datagram);
        let message = datagram.get(udp::HEADER..).filter(|_| right).ok_or(DropRule::Checksum)?;
        return Ok(Class::Dhcp(source, message));
    }
    if !unicast && !everybody {
        return Err(DropRule::NotForUs);
    }
    transport(protocol, payload, addresses, unicast, from, local)
}

#[cfg(feature = "ipv6")]
fn ipv6<'f>(packet: &'f [u8], from: Mac, local: &Local<'_>) -> Result<Class<'f>, DropRule> {
    let (header, behind) = ipv6::Header::split(packet).ok_or(DropRule::Malformed)?;
    let payload = behind.get(..header.payload_length()).ok_or(DropRule::Malformed)?;
    let (source, destination) = (header.source(), header.destination());
    let unicast = local.here.is_own(IpAddress::Ipv6(destination));
    if !unicast && destination != ipv6::ALL_NODES && !local.is_solicited(destination) {
        return Err(DropRule::NotForUs);
    }
    if source.is_multicast() || source.is_loopback() || source.to_ipv4_mapped().is_some() {
        return Err(DropRule::Source);
    }
    // Who asks for duplicates has no address yet (RFC 4862 5.4.2), and who answers may have ours.
    if let Some(discovery) = Discovery::new(packet) {
        return if discovery.is_valid() { Ok(Class::Discovery(discovery)) } else { Err(DropRule::Malformed) };
    }
    if source.is_unspecified() || local.here.is_own(IpAddress::Ipv6(source)) {
        return Err(DropRule::Source);
    }
    match header.next_header() {
        protocol::ICMPV6 if payload.first() != Some(&icmp::v6::ECHO_REQUEST) => Ok(Class::Other),
        protocol::ICMPV6 if ndp::is_right(source, destination, payload) => Ok(Class::Echo),
        protocol::ICMPV6 => Err(DropRule::Checksum),
        protocol::FRAGMENT => Err(DropRule::Fragment),
        protocol::HOP_BY_HOP => Query::new(packet).map(Class::Query).ok_or(DropRule::Extension),
        protocol::NOTHING | protocol::ROUTING | protocol::DESTINATION | protocol::AUTHENTICATION => {
            Err(DropRule::Extension)
        }
        next => {
            if next == protocol::UDP
                && udp::Header::new(payload).is_some_and(|datagram| datagram.checksum() == 0)
            {
                return Err(DropRule::NoChecksum);
            }
            let addresses = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
            transport(next, payload, addresses, unicast, from, local)
        }
    }
}

/// Classifies what is in an IP packet from `addresses.0` to `addresses.1`.
fn transport<'f>(
    protocol: u8,
    payload: &'f [u8],
    addresses: (IpAddress, IpAddress),
    unicast: bool,
    from: Mac,
    local: &Local<'_>,
) -> Result<Class<'f>, DropRule> {
    let (source, destination) = addresses;
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
            let (port, to) = (header.source_port(), header.destination_port());
            if port == 0 || to == 0 {
                return Err(DropRule::PortZero);
            }
            if local.verify.tcp && !is_right(addresses, protocol, payload) {
                return Err(DropRule::Checksum);
            }
            let Some(listener) = local.listener(to) else { return Ok(Class::NoListener) };
            let has = |flag| header.flags().0 & flag != 0;
            Ok(Class::Segment(Segment {
                tuple: Tuple {
                    local: IpEndpoint::new(destination, to),
                    remote: IpEndpoint::new(source, port),
                },
                listener,
                from,
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
            let (port, to) = (header.source_port(), header.destination_port());
            if port == 0 || to == 0 {
                return Err(DropRule::PortZero);
            }
            // Without one over IPv4; over IPv6 there must be one.
            if local.verify.udp && header.checksum() != 0 && !is_right(addresses, protocol, datagram) {
                return Err(DropRule::Checksum);
            }
            if to != local.udp {
                // No error for what was sent to many (RFC 1122 3.2.2, RFC 4443 2.4 e).
                return if unicast { Ok(Class::NoListener) } else { Err(DropRule::NotUnicast) };
            }
            Ok(Class::Datagram(Datagram {
                from,
                remote: IpEndpoint::new(source, port),
                local: IpEndpoint::new(destination, to),
                unicast,
                request,
            }))
        }
        #[cfg(feature = "ipv4")]
        protocol::ICMP if unicast && payload.first() == Some(&icmp::v4::ECHO_REQUEST) => {
            // Its checksum has no pseudo-header.
            if checksum::is_right(checksum::sum(0, payload)) {
                Ok(Class::Echo)
            } else {
                Err(DropRule::Checksum)
            }
        }
        #[cfg(feature = "ipv4")]
        protocol::ICMP => Ok(Class::Other),
        // The sender learns by an ICMP error that nobody speaks this protocol here.
        _ if unicast => Ok(Class::NoListener),
        _ => Err(DropRule::NotUnicast),
    }
}
