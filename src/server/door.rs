//! The front door: what a frame is, read from its headers alone, and whether it may come in.
//!
//! Nothing here changes anything. What is dropped and why is in [`DropRule`]; the rules are those of RFC 1122, RFC 9293
//! and RFC 8200 that the stack behind the door leaves to its user.

use smoltcp::phy::ChecksumCapabilities;
#[cfg(feature = "ipv4")]
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpCidr, IpEndpoint, TcpPacket, TcpSeqNumber,
    UdpPacket, UdpRepr,
};

use super::config::Listener;
use super::slots::Tuple;
use crate::event::DropRule;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'f> {
    /// ARP or neighbour discovery, with who says that an address is theirs, if it says so to us.
    Neighbor(Option<(IpAddress, EthernetAddress)>),
    /// Who asks for an address of ours, and would get no answer from the stack.
    Asks(Question),
    /// ICMP, or a DHCP server's answer.
    Common,
    /// A datagram to the service.
    Datagram(Datagram<'f>),
    /// A segment to a port of ours.
    Segment(Segment),
    /// An ICMP echo request: the stack will answer it.
    Echo(Sender),
    /// For a port or protocol of nobody's: the stack will answer with an error.
    Nobody(Sender),
}

/// Somebody asks which Ethernet address an address of ours is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) address: IpAddress,
    /// To whom the answer goes.
    pub(crate) asker: (EthernetAddress, IpAddress),
}

/// Who sent a frame, and how they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The first hop back: the sender itself, or the gateway.
    pub(crate) next_hop: IpAddress,
    /// The frame's Ethernet source.
    pub(crate) mac: EthernetAddress,
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
pub(crate) struct Local<'a> {
    pub(crate) mac: EthernetAddress,
    pub(crate) addresses: &'a [IpCidr],
    pub(crate) gateways: &'a [IpAddress],
    /// The port where datagrams are answered; 0 for none.
    pub(crate) udp: u16,
    pub(crate) listeners: &'a [Listener],
    /// Which checksums the device hasn't looked at. Those of IPv4, UDP and TCP are looked at here, before anything is done
    /// about a frame; all others are the stack's business.
    pub(crate) checksum: &'a ChecksumCapabilities,
    /// A DHCP client is running: answers to it may be for an address that isn't ours yet.
    #[cfg(feature = "ipv4")]
    pub(crate) dhcp: bool,
}

impl Local<'_> {
    fn is_own(&self, address: &IpAddress) -> bool {
        self.addresses.iter().any(|cidr| cidr.address() == *address)
    }

    /// Whether this is the solicited-node group of an address of ours (RFC 4291 2.7.1).
    #[cfg(feature = "ipv6")]
    fn is_solicited(&self, group: &smoltcp::wire::Ipv6Address) -> bool {
        let [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, low @ ..] = group.octets() else { return false };
        self.addresses.iter().any(|cidr| match cidr {
            #[cfg(feature = "ipv4")]
            IpCidr::Ipv4(_) => false,
            IpCidr::Ipv6(own) => own.address().octets().ends_with(&low),
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
pub(crate) fn look<'f>(frame: &'f [u8], local: &Local<'_>) -> Result<Kind<'f>, DropRule> {
    let ethernet = EthernetFrame::new_checked(frame).map_err(|_| DropRule::Malformed)?;
    let (source, destination) = (ethernet.src_addr(), ethernet.dst_addr());
    if destination != local.mac && !destination.is_multicast() {
        return Err(DropRule::NotForUs);
    }
    if !source.is_unicast() || source == local.mac {
        return Err(DropRule::Source);
    }
    match ethernet.ethertype() {
        #[cfg(feature = "ipv4")]
        EthernetProtocol::Arp => arp(ethernet.payload(), local),
        #[cfg(feature = "ipv4")]
        EthernetProtocol::Ipv4 => ipv4(ethernet.payload(), source, local),
        #[cfg(feature = "ipv6")]
        EthernetProtocol::Ipv6 => ipv6(ethernet.payload(), source, local),
        _ => Err(DropRule::NotForUs),
    }
}

/// ARP (RFC 826), and whom it confirms: exactly whom the stack will believe.
#[cfg(feature = "ipv4")]
fn arp<'f>(packet: &'f [u8], local: &Local<'_>) -> Result<Kind<'f>, DropRule> {
    let packet = ArpPacket::new_checked(packet).map_err(|_| DropRule::Malformed)?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).map_err(|_| DropRule::Malformed)?
    else {
        return Err(DropRule::Malformed);
    };
    let sender = IpAddress::Ipv4(source_protocol_addr);
    if local.is_own(&sender) {
        // Somebody else claims an address of ours (RFC 5227 2.4): the stack must not believe it.
        return Err(DropRule::Source);
    }
    let address = IpAddress::Ipv4(target_protocol_addr);
    let to_us = local.is_own(&address) && source_hardware_addr.is_unicast();
    let neighbor = sender.is_unicast() && local.addresses.iter().any(|cidr| cidr.contains_addr(&sender));
    if to_us && !neighbor && operation == ArpOperation::Request {
        // A probe, before somebody takes our address for theirs (RFC 5227 2.1.1); or a host that gives as its own an
        // address of another network, as Linux does.
        return Ok(Kind::Asks(Question { address, asker: (source_hardware_addr, sender) }));
    }
    let believed = to_us && neighbor && matches!(operation, ArpOperation::Request | ArpOperation::Reply);
    Ok(Kind::Neighbor(believed.then_some((sender, source_hardware_addr))))
}

#[cfg(feature = "ipv4")]
fn ipv4<'f>(packet: &'f [u8], mac: EthernetAddress, local: &Local<'_>) -> Result<Kind<'f>, DropRule> {
    use smoltcp::wire::{IPV4_MULTICAST_ALL_SYSTEMS, Ipv4Address, Ipv4Packet};

    // RFC 791 3.1. The header's length is in words.
    let header = packet.first_chunk::<20>().ok_or(DropRule::Malformed)?;
    let [version_and_length, _, _, _, _, _, _, _, _, protocol, ..] = *header;
    let (start, end) = (4 * usize::from(version_and_length & 0xf), usize::from(word(header, 2)));
    if version_and_length >> 4 != 4 || start < header.len() {
        return Err(DropRule::Malformed);
    }
    let payload = packet.get(start..end).ok_or(DropRule::Malformed)?;
    let (source, destination) =
        (Ipv4Address::from_bits(long(header, 12)), Ipv4Address::from_bits(long(header, 16)));
    let first = source.octets()[0];
    let mut impossible = first == 0 || first >= 224 || source.is_loopback();
    let mut unicast = false;
    // Of the groups, every host is in this one alone (RFC 1112 4).
    let mut everybody = destination.is_broadcast() || destination == IPV4_MULTICAST_ALL_SYSTEMS;
    for cidr in local.addresses {
        match cidr {
            IpCidr::Ipv4(cidr) => {
                let (own, broadcast) = (cidr.address(), cidr.broadcast());
                impossible |= own == source || broadcast == Some(source);
                unicast |= own == destination;
                everybody |= broadcast == Some(destination);
            }
            #[cfg(feature = "ipv6")]
            IpCidr::Ipv6(_) => {}
        }
    }
    if impossible {
        return Err(DropRule::Source);
    }
    // More fragments follow, or some came before.
    if word(header, 6) & 0x3fff != 0 {
        return Err(DropRule::Fragment);
    }
    if local.checksum.ipv4.rx() && !Ipv4Packet::new_unchecked(packet).verify_checksum() {
        return Err(DropRule::Checksum);
    }
    if local.dhcp && is_dhcp(protocol, payload) {
        return Ok(Kind::Common);
    }
    if !unicast && !everybody {
        return Err(DropRule::NotForUs);
    }
    let addresses = (IpAddress::Ipv4(source), IpAddress::Ipv4(destination));
    transport(protocol, payload, addresses, unicast, mac, local)
}

/// From a DHCP server's port to a client's (RFC 2131 4.1).
#[cfg(feature = "ipv4")]
fn is_dhcp(protocol: u8, payload: &[u8]) -> bool {
    protocol == UDP
        && UdpPacket::new_checked(payload)
            .is_ok_and(|datagram| datagram.src_port() == 67 && datagram.dst_port() == 68)
}

#[cfg(feature = "ipv6")]
fn ipv6<'f>(packet: &'f [u8], mac: EthernetAddress, local: &Local<'_>) -> Result<Kind<'f>, DropRule> {
    use smoltcp::wire::{IPV6_LINK_LOCAL_ALL_NODES, IpProtocol, Ipv6Packet};

    let packet = Ipv6Packet::new_checked(packet).map_err(|_| DropRule::Malformed)?;
    if packet.version() != 6 {
        return Err(DropRule::Malformed);
    }
    let (source, destination) = (packet.src_addr(), packet.dst_addr());
    let unicast = local.is_own(&IpAddress::Ipv6(destination));
    if !unicast && destination != IPV6_LINK_LOCAL_ALL_NODES && !local.is_solicited(&destination) {
        return Err(DropRule::NotForUs);
    }
    // The unspecified address is for duplicate address detection alone (RFC 4862 5.4.2), and that is ICMPv6.
    let unspecified = source.is_unspecified() && packet.next_header() != IpProtocol::Icmpv6;
    if unspecified
        || source.is_multicast()
        || source.is_loopback()
        || source.to_ipv4_mapped().is_some()
        || local.is_own(&IpAddress::Ipv6(source))
    {
        return Err(DropRule::Source);
    }
    match packet.next_header() {
        IpProtocol::Icmpv6 => match (packet.payload().first(), local.next_hop(IpAddress::Ipv6(source))) {
            (Some(&ECHO_REQUEST_V6), Some(next_hop)) if unicast => Ok(Kind::Echo(Sender { next_hop, mac })),
            _ => Ok(icmpv6(packet.payload(), packet.hop_limit(), (source, destination), local)),
        },
        IpProtocol::Ipv6Frag => Err(DropRule::Fragment),
        IpProtocol::HopByHop
        | IpProtocol::Ipv6Route
        | IpProtocol::Ipv6Opts
        | IpProtocol::Ipv6NoNxt
        | IpProtocol::IpSecAh => Err(DropRule::Extension),
        protocol => {
            if protocol == IpProtocol::Udp
                && UdpPacket::new_checked(packet.payload()).is_ok_and(|datagram| datagram.checksum() == 0)
            {
                return Err(DropRule::NoChecksum);
            }
            transport(
                protocol.into(),
                packet.payload(),
                (IpAddress::Ipv6(source), IpAddress::Ipv6(destination)),
                unicast,
                mac,
                local,
            )
        }
    }
}

/// ICMPv6, and whom neighbour discovery confirms (RFC 4861 7.2.3, 7.2.5).
#[cfg(feature = "ipv6")]
fn icmpv6(
    message: &[u8],
    hop_limit: u8,
    (source, destination): (smoltcp::wire::Ipv6Address, smoltcp::wire::Ipv6Address),
    local: &Local<'_>,
) -> Kind<'static> {
    use smoltcp::wire::{
        IPV6_LINK_LOCAL_ALL_NODES, Icmpv6Message, Icmpv6Packet, NdiscOption, NdiscOptionRepr, NdiscOptionType,
    };

    /// Where frames to all nodes go (RFC 2464 7).
    const EVERYBODY: EthernetAddress = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);

    let Ok(packet) = Icmpv6Packet::new_checked(message) else { return Kind::Common };
    let kind = packet.msg_type();
    // A hop limit of 255 proves that no router forwarded it.
    if !matches!(kind, Icmpv6Message::NeighborSolicit | Icmpv6Message::NeighborAdvert) || hop_limit != 255 {
        return Kind::Common;
    }
    if source.is_unspecified() {
        // Somebody is about to take this address (RFC 4862 5.4.3).
        let address = IpAddress::Ipv6(packet.target_addr());
        let right = kind == Icmpv6Message::NeighborSolicit
            && local.is_own(&address)
            && packet.verify_checksum(&source, &destination);
        let asker = (EVERYBODY, IpAddress::Ipv6(IPV6_LINK_LOCAL_ALL_NODES));
        return if right { Kind::Asks(Question { address, asker }) } else { Kind::Neighbor(None) };
    }
    let confirmed = message
        .get(24..)
        .filter(|_| packet.verify_checksum(&source, &destination))
        .and_then(|option| NdiscOption::new_checked(option).ok())
        .filter(|option| {
            matches!(
                option.option_type(),
                NdiscOptionType::SourceLinkLayerAddr | NdiscOptionType::TargetLinkLayerAddr
            )
        })
        .and_then(|option| match NdiscOptionRepr::parse(&option) {
            Ok(NdiscOptionRepr::SourceLinkLayerAddr(mac) | NdiscOptionRepr::TargetLinkLayerAddr(mac)) => {
                mac.as_bytes().try_into().ok().map(EthernetAddress)
            }
            _ => None,
        })
        .filter(EthernetAddress::is_unicast);
    Kind::Neighbor(confirmed.map(|mac| (IpAddress::Ipv6(source), mac)))
}

/// Protocols, by the numbers that IP headers give them.
#[cfg(feature = "ipv4")]
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Types of ICMP messages (RFC 792, RFC 4443 4.1).
#[cfg(feature = "ipv4")]
const ECHO_REQUEST: u8 = 8;
#[cfg(feature = "ipv6")]
const ECHO_REQUEST_V6: u8 = 128;

/// Flags of a segment (RFC 9293 3.1).
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Two bytes of a header, from `at` on.
#[inline(always)]
const fn word<const N: usize>(header: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}

/// Four bytes of a header, from `at` on.
#[inline(always)]
const fn long<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// What is in an IP packet from `addresses.0` to `addresses.1`.
fn transport<'f>(
    protocol: u8,
    payload: &'f [u8],
    addresses: (IpAddress, IpAddress),
    unicast: bool,
    mac: EthernetAddress,
    local: &Local<'_>,
) -> Result<Kind<'f>, DropRule> {
    let (source, destination) = addresses;
    let sender = || local.next_hop(source).map(|next_hop| Sender { next_hop, mac }).ok_or(DropRule::NoRoute);
    match protocol {
        TCP => {
            // RFC 9293 3.1. The header's length is in words.
            let header = payload.first_chunk::<20>().ok_or(DropRule::Malformed)?;
            let start = 4 * usize::from(header[12] >> 4);
            if start < header.len() || start > payload.len() {
                return Err(DropRule::Malformed);
            }
            if !unicast {
                return Err(DropRule::NotUnicast);
            }
            let (from, to) = (word(header, 0), word(header, 2));
            if from == 0 || to == 0 {
                return Err(DropRule::PortZero);
            }
            let sender = sender()?;
            if local.checksum.tcp.rx()
                && !TcpPacket::new_unchecked(payload).verify_checksum(&source, &destination)
            {
                return Err(DropRule::Checksum);
            }
            let Some(listener) = local.listener(to) else { return Ok(Kind::Nobody(sender)) };
            let has = |flag| header[13] & flag != 0;
            let number = |at| TcpSeqNumber(long(header, at).cast_signed());
            Ok(Kind::Segment(Segment {
                tuple: Tuple {
                    local: IpEndpoint::new(destination, to),
                    remote: IpEndpoint::new(source, from),
                },
                listener,
                sender,
                syn: has(SYN) && !has(RST),
                reset: has(RST),
                fin: has(FIN),
                seq: number(4),
                ack: has(ACK).then(|| number(8)),
                bytes: payload.len() - start,
            }))
        }
        UDP => {
            // RFC 768. Its length is that of the datagram, header and all.
            let header = payload.first_chunk::<8>().ok_or(DropRule::Malformed)?;
            let request =
                payload.get(header.len()..usize::from(word(header, 4))).ok_or(DropRule::Malformed)?;
            let (from, to) = (word(header, 0), word(header, 2));
            if from == 0 || to == 0 {
                return Err(DropRule::PortZero);
            }
            let sender = sender()?;
            if to != local.udp {
                // No error for what was sent to many (RFC 1122 3.2.2, RFC 4443 2.4 e).
                return if unicast { Ok(Kind::Nobody(sender)) } else { Err(DropRule::NotUnicast) };
            }
            // All else has been looked at.
            UdpRepr::parse(&UdpPacket::new_unchecked(payload), &source, &destination, local.checksum)
                .map_err(|_| DropRule::Checksum)?;
            Ok(Kind::Datagram(Datagram {
                sender,
                remote: IpEndpoint::new(source, from),
                local: IpEndpoint::new(destination, to),
                unicast,
                request,
            }))
        }
        #[cfg(feature = "ipv4")]
        ICMP if unicast && payload.first() == Some(&ECHO_REQUEST) => sender().map(Kind::Echo),
        #[cfg(feature = "ipv4")]
        ICMP => Ok(Kind::Common),
        // The sender learns by an ICMP error that nobody speaks this protocol here.
        _ if unicast => sender().map(Kind::Nobody),
        _ => Err(DropRule::NotUnicast),
    }
}
