//! What a frame is, cheaply: the form in which views and rules take it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::packet::Mac;
use smoltcp::wire::TcpSeqNumber;

use super::field::{ipv6_at, mac_at};
use super::icmp::{self as header, v4, v6};
use super::layers::{Layer, Layers, Part};
use super::link::Link;
use super::tcp::{self, Flags, Options};
use super::{arp, dhcp, ndp, udp};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// Who has this address, or who has it.
    Arp(Arp),
    /// A datagram.
    Udp(Udp<'a>),
    /// A segment.
    Tcp(Tcp<'a>),
    /// Either ICMP: errors, echoes, neighbour discovery.
    Icmp(Icmp<'a>),
    /// Anything else: other protocols, fragments but the first, headers that are cut off or contradict themselves.
    Other(Other),
}

impl Packet<'_> {
    /// Its protocol's name: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Packet::Arp(_) => "arp",
            Packet::Udp(_) => "udp",
            Packet::Tcp(_) => "tcp",
            Packet::Icmp(Icmp { from: IpAddr::V4(_), .. }) => "icmp",
            Packet::Icmp(Icmp { from: IpAddr::V6(_), .. }) => "icmp6",
            Packet::Other(_) => "other",
        }
    }
}

/// ARP for IPv4 on Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of RFC 826")]
#[non_exhaustive]
pub struct Arp {
    /// 1 asks, 2 replies.
    pub operation: u16,
    pub sender_mac: Mac,
    pub sender: Ipv4Addr,
    pub target_mac: Mac,
    pub target: Ipv4Addr,
}

/// A datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of RFC 768")]
#[non_exhaustive]
pub struct Udp<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub payload: &'a [u8],
    /// The kind of DHCP message, if it is one (RFC 2132 9.6); [`dhcp_name`](super::dhcp_name) has its name.
    pub dhcp: Option<u8>,
}

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of RFC 9293 3.1")]
#[non_exhaustive]
pub struct Tcp<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub seq: TcpSeqNumber,
    /// The acknowledgment number, where the flag says that it means something.
    pub ack: Option<TcpSeqNumber>,
    pub flags: Flags,
    /// As it stands in the header: not scaled.
    pub window: u16,
    pub urgent: u16,
    pub options: Options<'a>,
    pub payload: &'a [u8],
}

impl Tcp<'_> {
    /// How far it moves the sequence number: its bytes, and one each for SYN and FIN.
    #[must_use]
    pub fn length(&self) -> usize {
        self.payload.len() + usize::from(self.flags.syn()) + usize::from(self.flags.fin())
    }
}

/// ICMP for IPv4 or IPv6, by its IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of RFC 792 and RFC 4443")]
#[non_exhaustive]
pub struct Icmp<'a> {
    pub from: IpAddr,
    pub to: IpAddr,
    pub kind: u8,
    pub code: u8,
    pub message: Message<'a>,
}

/// What an ICMP message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields' own names")]
#[non_exhaustive]
pub enum Message<'a> {
    EchoRequest {
        identifier: u16,
        sequence: u16,
        data: &'a [u8],
    },
    EchoReply {
        identifier: u16,
        sequence: u16,
        data: &'a [u8],
    },
    /// An error, about the packet that it quotes.
    Error {
        error: IcmpError,
        about: Option<Quoted>,
    },
    RouterSolicitation,
    RouterAdvertisement {
        lifetime: u16,
    },
    NeighborSolicitation {
        target: Ipv6Addr,
    },
    /// With the link-layer address that it tells.
    NeighborAdvertisement {
        target: Ipv6Addr,
        mac: Option<Mac>,
    },
    Other,
}

impl Message<'_> {
    /// What it is, in kebab-case: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Message::EchoRequest { .. } => "echo-request",
            Message::EchoReply { .. } => "echo-reply",
            Message::Error { error, .. } => error.name(),
            Message::RouterSolicitation => "router-solicitation",
            Message::RouterAdvertisement { .. } => "router-advertisement",
            Message::NeighborSolicitation { .. } => "neighbor-solicitation",
            Message::NeighborAdvertisement { .. } => "neighbor-advertisement",
            Message::Other => "other",
        }
    }
}

/// What an ICMP error reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IcmpError {
    /// No way to that network or host, or it is forbidden; the code says which.
    Unreachable,
    /// Nobody has that port.
    PortUnreachable,
    /// The packet is larger than the next link takes.
    TooBig {
        /// What it takes; 0 from a router that doesn't say.
        mtu: u32,
    },
    /// Too many hops, or a fragment that never came.
    TimeExceeded,
    /// A header that can't be understood.
    ParameterProblem,
    /// There is a better router.
    Redirect,
    /// Slow down (deprecated).
    SourceQuench,
}

impl IcmpError {
    /// What it is, in kebab-case: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            IcmpError::Unreachable => "unreachable",
            IcmpError::PortUnreachable => "port-unreachable",
            IcmpError::TooBig { .. } => "too-big",
            IcmpError::TimeExceeded => "time-exceeded",
            IcmpError::ParameterProblem => "parameter-problem",
            IcmpError::Redirect => "redirect",
            IcmpError::SourceQuench => "source-quench",
        }
    }
}

/// The packet that an ICMP error quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quoted {
    /// Its IP protocol or next header.
    pub protocol: u8,
    /// Where it came from; port 0 for a protocol without ports.
    pub from: SocketAddr,
    /// Where it was going.
    pub to: SocketAddr,
    /// A segment's sequence number.
    pub seq: Option<TcpSeqNumber>,
}

/// What is none of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Other {
    /// The innermost layer whose header was read; the payload, where none was.
    pub layer: Layer,
    /// Source and destination, if it is IP.
    pub between: Option<(IpAddr, IpAddr)>,
    /// What that layer says is within: an EtherType, or an IP protocol.
    pub number: Option<u16>,
    /// A fragment of a packet.
    pub fragment: bool,
}

/// Reads a frame by its layers.
pub(super) fn read(link: Link, mut layers: Layers<'_>) -> Packet<'_> {
    let outermost = match link {
        Link::Ethernet => Layer::Ethernet,
        Link::Ip => Layer::Payload,
    };
    let mut other = Other { layer: outermost, between: None, number: None, fragment: false };
    while let Some(part) = layers.next() {
        if part.quoted {
            break;
        }
        let read = match part.layer {
            Layer::Arp => arp(&part).map(Packet::Arp),
            Layer::Udp => udp(&part).map(Packet::Udp),
            Layer::Tcp => tcp(&part).map(Packet::Tcp),
            Layer::Icmpv4 | Layer::Icmpv6 => icmp(&part, &layers).map(Packet::Icmp),
            Layer::Payload | Layer::Rest | Layer::Trailer => None,
            _ => {
                other.layer = part.layer;
                other.number = part.number();
                if let Some(ip) = part.ip_within() {
                    other.between = Some((ip.source, ip.destination));
                    other.fragment |= ip.fragment;
                }
                None
            }
        };
        if let Some(packet) = read {
            return packet;
        }
    }
    Packet::Other(other)
}

fn arp(part: &Part<'_>) -> Option<Arp> {
    let packet = arp::Packet::new(part.head())?;
    Some(Arp {
        operation: packet.operation(),
        sender_mac: packet.sender_mac(),
        sender: packet.sender(),
        target_mac: packet.target_mac(),
        target: packet.target(),
    })
}

fn udp<'a>(part: &Part<'a>) -> Option<Udp<'a>> {
    let ip = part.ip?;
    let header = udp::Header::new(part.head())?;
    let payload = part.body();
    let (from, to) = (header.source_port(), header.destination_port());
    let dhcp = [from, to].into_iter().any(dhcp::is_port).then(|| dhcp::message_type(payload)).flatten();
    let (from, to) = (SocketAddr::new(ip.source, from), SocketAddr::new(ip.destination, to));
    Some(Udp { from, to, payload, dhcp })
}

fn tcp<'a>(part: &Part<'a>) -> Option<Tcp<'a>> {
    let ip = part.ip?;
    let header = tcp::Header::new(part.head())?;
    if header.length() < tcp::HEADER || part.header < header.length() {
        return None;
    }
    let flags = header.flags();
    Some(Tcp {
        from: SocketAddr::new(ip.source, header.source_port()),
        to: SocketAddr::new(ip.destination, header.destination_port()),
        seq: header.sequence(),
        ack: flags.ack().then(|| header.acknowledgment()),
        flags,
        window: part.u16(tcp::WINDOW.start)?,
        urgent: part.u16(tcp::URGENT.start)?,
        options: Options(part.head().get(tcp::HEADER..)?),
        payload: part.body(),
    })
}

fn icmp<'a>(part: &Part<'a>, within: &Layers<'a>) -> Option<Icmp<'a>> {
    let ip = part.ip?;
    let (kind, code) = (part.u8(header::TYPE.start)?, part.u8(header::CODE.start)?);
    let error = |error| Message::Error { error, about: quoted(within.clone()) };
    let message = match (part.layer == Layer::Icmpv6, kind) {
        (false, v4::ECHO_REQUEST) | (true, v6::ECHO_REQUEST) => {
            let (identifier, sequence) = echo(part)?;
            Message::EchoRequest { identifier, sequence, data: part.body() }
        }
        (false, v4::ECHO_REPLY) | (true, v6::ECHO_REPLY) => {
            let (identifier, sequence) = echo(part)?;
            Message::EchoReply { identifier, sequence, data: part.body() }
        }
        (false, v4::UNREACHABLE) if code == v4::PORT_UNREACHABLE => error(IcmpError::PortUnreachable),
        (true, v6::UNREACHABLE) if code == v6::PORT_UNREACHABLE => error(IcmpError::PortUnreachable),
        (false, v4::UNREACHABLE) if code == v4::TOO_BIG => {
            error(IcmpError::TooBig { mtu: part.u16(v4::NEXT_HOP_MTU.start)?.into() })
        }
        (true, v6::TOO_BIG) => error(IcmpError::TooBig { mtu: part.u32(v6::MTU.start)? }),
        (false, v4::UNREACHABLE) | (true, v6::UNREACHABLE) => error(IcmpError::Unreachable),
        (false, v4::SOURCE_QUENCH) => error(IcmpError::SourceQuench),
        (false, v4::REDIRECT) => error(IcmpError::Redirect),
        (false, v4::TIME_EXCEEDED) | (true, v6::TIME_EXCEEDED) => error(IcmpError::TimeExceeded),
        (false, v4::PARAMETER_PROBLEM) | (true, v6::PARAMETER_PROBLEM) => error(IcmpError::ParameterProblem),
        (true, ndp::ROUTER_SOLICITATION) => Message::RouterSolicitation,
        (true, ndp::ROUTER_ADVERTISEMENT) => {
            Message::RouterAdvertisement { lifetime: part.u16(ndp::ROUTER_LIFETIME.start)? }
        }
        (true, ndp::NEIGHBOR_SOLICITATION) => {
            Message::NeighborSolicitation { target: ipv6_at(part.bytes(), ndp::TARGET.start)? }
        }
        (true, ndp::NEIGHBOR_ADVERTISEMENT) => Message::NeighborAdvertisement {
            target: ipv6_at(part.bytes(), ndp::TARGET.start)?,
            mac: part
                .options()
                .find(|option| option.kind == ndp::option::TARGET_LINK_LAYER_ADDRESS)
                .and_then(|option| mac_at(option.data, 0)),
        },
        (true, ndp::REDIRECT) => Message::Error { error: IcmpError::Redirect, about: None },
        _ => Message::Other,
    };
    Some(Icmp { from: ip.source, to: ip.destination, kind, code, message })
}

/// An echo's identifier and sequence number.
fn echo(part: &Part<'_>) -> Option<(u16, u16)> {
    Some((part.u16(header::IDENTIFIER.start)?, part.u16(header::SEQUENCE.start)?))
}

/// The packet that an ICMP error quotes, of what is within it.
fn quoted(within: Layers<'_>) -> Option<Quoted> {
    let mut quoted: Option<Quoted> = None;
    for part in within.filter(|part| part.quoted) {
        match (part.layer, part.ip_within(), &mut quoted) {
            (Layer::Ipv4 | Layer::Ipv6, Some(ip), None) => {
                let (from, to) = (SocketAddr::new(ip.source, 0), SocketAddr::new(ip.destination, 0));
                quoted = Some(Quoted { protocol: 0, from, to, seq: None });
            }
            (Layer::Udp | Layer::Tcp, _, Some(quoted)) => {
                // Of both, and at one place (RFC 768, RFC 9293 3.1).
                quoted.from.set_port(part.u16(tcp::SOURCE_PORT.start).unwrap_or(0));
                quoted.to.set_port(part.u16(tcp::DESTINATION_PORT.start).unwrap_or(0));
                let seq = part.u32(tcp::SEQUENCE.start).filter(|_| part.layer == Layer::Tcp);
                quoted.seq = seq.map(|seq| TcpSeqNumber(seq.cast_signed()));
            }
            _ => {}
        }
        // The last that has one: behind IPv6's extension headers.
        if let (Some(Ok(protocol)), Some(quoted)) = (part.number().map(u8::try_from), &mut quoted) {
            quoted.protocol = protocol;
        }
    }
    quoted
}
