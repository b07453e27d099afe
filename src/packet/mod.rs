//! What a frame is, cheaply: the form in which the other views take it.
//!
//! ```
//! use undersock::packet::{Packet, packet};
//!
//! let frame = [0; 60];
//! match packet(&frame) {
//!     Packet::Tcp(tcp) => println!("{} > {}, {} bytes", tcp.from, tcp.to, tcp.payload.len()),
//!     other => println!("{other:?}"),
//! }
//! ```
//!
//! Both versions of IP are read whatever the stack was built with: frames of the other come by on every network.

mod layers;
mod sum;
mod tlv;

#[cfg(test)]
mod tests;

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smoltcp::wire::{EthernetAddress, TcpSeqNumber};

pub use layers::{Layer, Layers, Part, layers};
pub use sum::Sum;

pub use layers::{DHCP_FIXED, ipv4_at, ipv6_at, number, u16_at, u32_at};
pub use tlv::{Item, Shape, Tlv, Wrong};

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
    pub sender_mac: EthernetAddress,
    pub sender: Ipv4Addr,
    pub target_mac: EthernetAddress,
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
    /// The kind of DHCP message, if it is one (RFC 2132 9.6); [`dhcp_name`] has its name.
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
        mac: Option<EthernetAddress>,
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
    /// The innermost layer whose header was read.
    pub layer: Layer,
    /// Source and destination, if it is IP.
    pub between: Option<(IpAddr, IpAddr)>,
    /// What that layer says is within: an EtherType, or an IP protocol.
    pub number: Option<u16>,
    /// A fragment of a packet.
    pub fragment: bool,
}

/// Reads a frame, from its Ethernet header on, without the FCS.
#[must_use]
pub fn packet(frame: &[u8]) -> Packet<'_> {
    let mut other = Other { layer: Layer::Ethernet, between: None, number: None, fragment: false };
    for part in layers(frame) {
        if part.quoted {
            break;
        }
        let read = match part.layer {
            Layer::Arp => arp(&part).map(Packet::Arp),
            Layer::Udp => udp(&part).map(Packet::Udp),
            Layer::Tcp => tcp(&part).map(Packet::Tcp),
            Layer::Icmpv4 | Layer::Icmpv6 => icmp(&part, frame).map(Packet::Icmp),
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

/// The first layer whose checksum is wrong. What an ICMP error quotes doesn't count.
#[must_use]
pub fn damaged(frame: &[u8]) -> Option<Layer> {
    layers(frame)
        .filter(|part| !part.quoted)
        .find(|part| matches!(part.checksum(), Some((_, Sum::Wrong { .. } | Sum::Forbidden))))
        .map(|part| part.layer)
}

fn arp(part: &Part<'_>) -> Option<Arp> {
    let bytes = part.head();
    // Ethernet and IPv4, with the addresses' lengths.
    if bytes.first_chunk() != Some(&[0, 1, 8, 0, 6, 4]) {
        return None;
    }
    Some(Arp {
        operation: u16_at(bytes, 6)?,
        sender_mac: mac_at(bytes, 8)?,
        sender: ipv4_at(bytes, 14)?,
        target_mac: mac_at(bytes, 18)?,
        target: ipv4_at(bytes, 24)?,
    })
}

fn udp<'a>(part: &Part<'a>) -> Option<Udp<'a>> {
    let ip = part.ip?;
    let payload = part.body();
    let from = SocketAddr::new(ip.source, part.u16(0)?);
    let to = SocketAddr::new(ip.destination, part.u16(2)?);
    // By its cookie, and the option that every DHCP message has (RFC 2131 3).
    let ports = [from.port(), to.port()].iter().any(|port| matches!(port, 67 | 68));
    let cookie = payload.get(236..240) == Some(&[99, 130, 83, 99]);
    let dhcp = (ports && cookie)
        .then(|| Tlv::new(Shape::Dhcp, payload.get(240..).unwrap_or_default()))
        .and_then(|mut options| options.find(|option| option.kind == 53)?.data.first().copied());
    Some(Udp { from, to, payload, dhcp })
}

fn tcp<'a>(part: &Part<'a>) -> Option<Tcp<'a>> {
    let ip = part.ip?;
    if part.u8(12)? >> 4 < 5 || part.header < 4 * usize::from(part.u8(12)? >> 4) {
        return None;
    }
    let flags = Flags(part.u16(12)? & 0x0fff);
    let number = |at| part.u32(at).map(|number| TcpSeqNumber(number.cast_signed()));
    Some(Tcp {
        from: SocketAddr::new(ip.source, part.u16(0)?),
        to: SocketAddr::new(ip.destination, part.u16(2)?),
        seq: number(4)?,
        ack: number(8).filter(|_| flags.ack()),
        flags,
        window: part.u16(14)?,
        urgent: part.u16(18)?,
        options: Options(part.head().get(20..)?),
        payload: part.body(),
    })
}

fn icmp<'a>(part: &Part<'a>, frame: &'a [u8]) -> Option<Icmp<'a>> {
    let ip = part.ip?;
    let (kind, code) = (part.u8(0)?, part.u8(1)?);
    let six = part.layer == Layer::Icmpv6;
    let error = |error| Message::Error { error, about: quoted(frame) };
    let message = match (six, kind) {
        (false, 8) | (true, 128) => {
            Message::EchoRequest { identifier: part.u16(4)?, sequence: part.u16(6)?, data: part.body() }
        }
        (false, 0) | (true, 129) => {
            Message::EchoReply { identifier: part.u16(4)?, sequence: part.u16(6)?, data: part.body() }
        }
        (false, 3) if code == 3 => error(IcmpError::PortUnreachable),
        (true, 1) if code == 4 => error(IcmpError::PortUnreachable),
        (false, 3) if code == 4 => error(IcmpError::TooBig { mtu: part.u16(6)?.into() }),
        (true, 2) => error(IcmpError::TooBig { mtu: part.u32(4)? }),
        (false, 3) | (true, 1) => error(IcmpError::Unreachable),
        (false, 4) => error(IcmpError::SourceQuench),
        (false, 5) => error(IcmpError::Redirect),
        (false, 11) | (true, 3) => error(IcmpError::TimeExceeded),
        (false, 12) | (true, 4) => error(IcmpError::ParameterProblem),
        (true, 133) => Message::RouterSolicitation,
        (true, 134) => Message::RouterAdvertisement { lifetime: part.u16(6)? },
        (true, 135) => Message::NeighborSolicitation { target: ipv6_at(part.bytes(), 8)? },
        (true, 136) => Message::NeighborAdvertisement {
            target: ipv6_at(part.bytes(), 8)?,
            mac: part.options().find(|option| option.kind == 2).and_then(|option| mac_at(option.data, 0)),
        },
        (true, 137) => Message::Error { error: IcmpError::Redirect, about: None },
        _ => Message::Other,
    };
    Some(Icmp { from: ip.source, to: ip.destination, kind, code, message })
}

/// The packet that the ICMP error in this frame quotes.
fn quoted(frame: &[u8]) -> Option<Quoted> {
    let mut quoted: Option<Quoted> = None;
    for part in layers(frame).filter(|part| part.quoted) {
        match (part.layer, part.ip_within(), &mut quoted) {
            (Layer::Ipv4 | Layer::Ipv6, Some(ip), None) => {
                let (from, to) = (SocketAddr::new(ip.source, 0), SocketAddr::new(ip.destination, 0));
                quoted = Some(Quoted { protocol: 0, from, to, seq: None });
            }
            (Layer::Udp | Layer::Tcp, _, Some(quoted)) => {
                quoted.from.set_port(part.u16(0).unwrap_or(0));
                quoted.to.set_port(part.u16(2).unwrap_or(0));
                let seq = part.u32(4).filter(|_| part.layer == Layer::Tcp);
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

fn mac_at(bytes: &[u8], at: usize) -> Option<EthernetAddress> {
    bytes.get(at..)?.first_chunk().map(|bytes| EthernetAddress(*bytes))
}

/// A segment's flags: the lower twelve bits of the word that begins with the data offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $letter:literal,)*) => {
        impl Flags {
            const LETTERS: &'static [(u16, &'static str)] = &[$(($bit, $letter),)*];

            $($(#[$doc])*
            #[must_use]
            pub const fn $name(self) -> bool {
                self.0 & $bit != 0
            })*
        }
    };
}

flags! {
    /// No more data from the sender.
    fin = 0x01 "F",
    /// Synchronize sequence numbers.
    syn = 0x02 "S",
    /// Reset the connection.
    rst = 0x04 "R",
    /// Push: give the data to the reader now.
    psh = 0x08 "P",
    /// The acknowledgment number means something.
    ack = 0x10 ".",
    /// The urgent pointer means something.
    urg = 0x20 "U",
    /// Explicit congestion notification, echoed (RFC 3168).
    ece = 0x40 "E",
    /// Congestion window reduced (RFC 3168).
    cwr = 0x80 "W",
}

/// As tcpdump and packetdrill write them: `S`, `S.`, `P.`, `F.`, `R`, `.`; `none` without any.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = heapless::String::<8>::new();
        for (_, letter) in Flags::LETTERS.iter().filter(|(bit, _)| self.0 & bit != 0) {
            // Eight letters at most.
            let _ = text.push_str(letter);
        }
        f.pad(if text.is_empty() { "none" } else { &text })
    }
}

/// A segment's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options<'a>(&'a [u8]);

/// One option of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcpOption<'a> {
    /// End of the options.
    End,
    /// No operation: it aligns the next one.
    Nop,
    /// The longest segment that the sender takes, in a SYN.
    MaximumSegmentSize(u16),
    /// By so many bits the sender's windows are shifted, in a SYN (RFC 7323 2).
    WindowScale(u8),
    /// The sender understands SACK, in a SYN (RFC 2018 2).
    SackPermitted,
    /// What has arrived beyond the acknowledgment number (RFC 2018 3).
    Sack(Blocks<'a>),
    /// The sender's clock, and what it last saw of the receiver's (RFC 7323 3).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The receiver's clock, as the sender last saw it.
        echo: u32,
    },
    /// An option of another kind, or one whose length isn't its kind's.
    Unknown {
        /// Its kind.
        kind: u8,
        /// Its data.
        data: &'a [u8],
    },
}

/// The blocks of a SACK option: where each begins, and the number behind its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [[u8; 8]]);

impl<'a> Options<'a> {
    /// Each, in the order in which they stand; an option whose length can't be is the last.
    pub fn iter(&self) -> impl Iterator<Item = TcpOption<'a>> + use<'a> {
        Tlv::new(Shape::Internet, self.0).map(|item| tcp_option(&item))
    }

    /// The options' bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The longest segment that the sender takes.
    #[must_use]
    pub fn maximum_segment_size(&self) -> Option<u16> {
        self.iter().find_map(|option| match option {
            TcpOption::MaximumSegmentSize(size) => Some(size),
            _ => None,
        })
    }

    /// The shift of the sender's windows.
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        self.iter().find_map(|option| match option {
            TcpOption::WindowScale(shift) => Some(shift),
            _ => None,
        })
    }
}

/// What an option of a segment is.
pub fn tcp_option<'a>(item: &Item<'a>) -> TcpOption<'a> {
    let unknown = TcpOption::Unknown { kind: item.kind, data: item.data };
    if item.wrong.is_some() {
        return unknown;
    }
    match (item.kind, item.data) {
        (0, _) => TcpOption::End,
        (1, _) => TcpOption::Nop,
        (2, [high, low]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([*high, *low])),
        (3, [shift]) => TcpOption::WindowScale(*shift),
        (4, []) => TcpOption::SackPermitted,
        (5, data) => match data.as_chunks() {
            ([], _) | (_, [_, ..]) => unknown,
            (blocks, []) => TcpOption::Sack(Blocks(blocks)),
        },
        (8, data) if data.len() == 8 => match (u32_at(data, 0), u32_at(data, 4)) {
            (Some(value), Some(echo)) => TcpOption::Timestamps { value, echo },
            _ => unknown,
        },
        _ => unknown,
    }
}

impl Blocks<'_> {
    /// Each, in the order in which they stand: the one with the newest segment is the first (RFC 2018 4).
    pub fn iter(&self) -> impl Iterator<Item = (TcpSeqNumber, TcpSeqNumber)> {
        self.0.iter().map(|[a, b, c, d, e, f, g, h]| {
            let number = |bytes| TcpSeqNumber(i32::from_be_bytes(bytes));
            (number([*a, *b, *c, *d]), number([*e, *f, *g, *h]))
        })
    }
}

/// As tcpdump writes it: `mss 1460`, `wscale 7`, `sackOK`, `sack 1:5`, `TS val 7 ecr 9`, `nop`, `eol`.
impl fmt::Display for TcpOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpOption::End => f.write_str("eol"),
            TcpOption::Nop => f.write_str("nop"),
            TcpOption::MaximumSegmentSize(size) => write!(f, "mss {size}"),
            TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
            TcpOption::SackPermitted => f.write_str("sackOK"),
            TcpOption::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(from, to)| write!(f, " {from}:{to}"))
            }
            TcpOption::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            TcpOption::Unknown { kind, .. } => write!(f, "option {kind}"),
        }
    }
}

/// The names of DHCP's messages (RFC 2132 9.6).
#[must_use]
pub const fn dhcp_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "discover",
        2 => "offer",
        3 => "request",
        4 => "decline",
        5 => "ack",
        6 => "nak",
        7 => "release",
        8 => "inform",
        _ => return None,
    })
}
