//! Single events, told in words: which frame, and what becomes of it.

mod grammar;
#[cfg(test)]
mod tests;

use core::fmt;

use smoltcp::time::Duration;

pub use self::grammar::{RuleError, Word};
use super::number::Written;
use crate::event::Direction;
use crate::packet::{Layer, Link, Message, Packet, arp};

/// What happens to which frame: "drop the 2nd SYN-ACK".
///
/// ```text
/// VERB [the] [ORDINAL] KIND [from the client | from the server] [over N bytes] [by DURATION]
/// ```
///
/// | | |
/// |---|---|
/// | verb | `drop`, `lose`; `duplicate`, `double`; `corrupt`, `damage`; `delay`, `hold`, which take `by 3 s` |
/// | ordinal | `first`, `2nd`, `3`, `1-3`, `first 3`, `every`, `every 3rd`; a number may follow the kind. Without one: the first; every one where the kind is in the plural |
/// | kind | `SYN`, `SYN-ACK`, `ACK` (of nothing else), `FIN`, `RST`, `data segment`, `segment`; `datagram`; `ARP`, `ARP request`, `ARP reply`; `NS`, `NA` (neighbour solicitation, advertisement); `ICMP`; `packet` (of IP), `frame` |
/// | from | `from the client`, `the client's`, `in`; `from the server`, `the server's`, `out` |
/// | over | `over 576 bytes`: of its own; see [`FrameKind`] |
///
/// Case and articles don't matter, nor does the order of what follows the verb.
///
/// A frame is counted when kind, direction and size are right; without a direction those of both are counted together,
/// as they pass. A retransmission is one more frame. Every rule counts for itself, whatever becomes of the frame by
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What happens.
    pub verb: Verb,
    /// To which of the frames that the rest is right for.
    pub which: Which,
    /// To frames of this kind.
    pub kind: FrameKind,
    /// To frames this way; both ways if none. In is from the client.
    pub direction: Option<Direction>,
    /// To what is larger than so many bytes; see [`FrameKind`].
    pub over: Option<u32>,
}

impl Rule {
    /// A right one.
    pub const EXAMPLE: &'static str = "drop the 2nd SYN-ACK";

    /// Whether a frame is to be counted.
    pub(super) fn counts(&self, frame: &Frame<'_>, direction: Direction) -> bool {
        self.watches(direction)
            && self.kind.is(frame)
            && self.over.is_none_or(|over| self.kind.size(frame) > over as usize)
    }

    pub(super) fn watches(&self, direction: Direction) -> bool {
        self.direction.is_none_or(|only| only == direction)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { verb, which, kind, direction, over } = self;
        f.write_str(match verb {
            Verb::Drop => "drop",
            Verb::Duplicate => "duplicate",
            Verb::Corrupt => "corrupt",
            Verb::Delay(_) => "delay",
        })?;
        match *which {
            Which::Numbered { first, last } if first == last => write!(f, " the {} {kind}", Ordinal(first))?,
            Which::Numbered { first, last } => write!(f, " {kind} {first}-{last}")?,
            Which::Every(1) => write!(f, " every {kind}")?,
            Which::Every(n) => write!(f, " every {} {kind}", Ordinal(n))?,
        }
        match direction {
            None => {}
            Some(Direction::In) => f.write_str(" from the client")?,
            Some(Direction::Out) => f.write_str(" from the server")?,
        }
        if let Some(over) = over {
            write!(f, " over {over} bytes")?;
        }
        if let Verb::Delay(by) = verb {
            write!(f, " by {}", Written(*by))?;
        }
        Ok(())
    }
}

/// What happens to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives with one bit inverted; the seed says which.
    Corrupt,
    /// It arrives so much later, and others overtake it.
    Delay(Duration),
}

/// Which of the frames that a rule counts, the first being 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the first and the last of them")]
pub enum Which {
    /// These, both ends included.
    Numbered { first: u32, last: u32 },
    /// Every n-th one; `Every(1)` is all of them.
    Every(u32),
}

impl Which {
    pub(super) fn hits(self, count: u32) -> bool {
        match self {
            Which::Numbered { first, last } => (first..=last).contains(&count),
            Which::Every(n) => count.is_multiple_of(n),
        }
    }

    /// Whether nothing after so many frames can be hit any more.
    pub(super) fn is_over(self, count: u32) -> bool {
        matches!(self, Which::Numbered { last, .. } if count >= last)
    }
}

/// A kind of frame. Its size is that of what the name says: a segment's and a datagram's is the bytes that it carries;
/// a packet's, as that of ICMP in all its forms, is IP's header and all within; a frame's, as ARP's, all but the frame
/// check sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// SYN without ACK.
    Syn,
    /// SYN and ACK.
    SynAck,
    /// ACK without SYN, FIN, RST and bytes.
    Ack,
    /// A segment with bytes in it, whatever its flags.
    Data,
    /// FIN, with bytes or without.
    Fin,
    /// RST.
    Rst,
    /// Any segment of TCP.
    Segment,
    /// A datagram of UDP.
    Datagram,
    /// A request or reply of ARP.
    Arp,
    /// A request of ARP.
    ArpRequest,
    /// A reply of ARP.
    ArpReply,
    /// A neighbour solicitation, IPv6's ARP request.
    Solicitation,
    /// A neighbour advertisement, IPv6's ARP reply.
    Advertisement,
    /// Any other message of ICMP, for either version of IP.
    Icmp,
    /// A packet of IP, of either version.
    Packet,
    /// Anything.
    Frame,
}

impl FrameKind {
    /// Every kind.
    pub const ALL: [FrameKind; 16] = [
        FrameKind::Syn,
        FrameKind::SynAck,
        FrameKind::Ack,
        FrameKind::Data,
        FrameKind::Fin,
        FrameKind::Rst,
        FrameKind::Segment,
        FrameKind::Datagram,
        FrameKind::Arp,
        FrameKind::ArpRequest,
        FrameKind::ArpReply,
        FrameKind::Solicitation,
        FrameKind::Advertisement,
        FrameKind::Icmp,
        FrameKind::Packet,
        FrameKind::Frame,
    ];

    fn is(self, frame: &Frame<'_>) -> bool {
        match (self, &frame.packet) {
            (FrameKind::Frame, _) => true,
            (FrameKind::Packet, _) => frame.ip().is_some(),
            (FrameKind::Syn, Packet::Tcp(tcp)) => tcp.flags.syn() && !tcp.flags.ack(),
            (FrameKind::SynAck, Packet::Tcp(tcp)) => tcp.flags.syn() && tcp.flags.ack(),
            (FrameKind::Ack, Packet::Tcp(tcp)) => tcp.flags.ack() && !tcp.flags.rst() && tcp.length() == 0,
            (FrameKind::Data, Packet::Tcp(tcp)) => !tcp.payload.is_empty(),
            (FrameKind::Fin, Packet::Tcp(tcp)) => tcp.flags.fin(),
            (FrameKind::Rst, Packet::Tcp(tcp)) => tcp.flags.rst(),
            (FrameKind::Segment, Packet::Tcp(_))
            | (FrameKind::Datagram, Packet::Udp(_))
            | (FrameKind::Arp, Packet::Arp(_)) => true,
            (FrameKind::ArpRequest, Packet::Arp(arp)) => arp.operation == arp::REQUEST,
            (FrameKind::ArpReply, Packet::Arp(arp)) => arp.operation == arp::REPLY,
            (kind, Packet::Icmp(icmp)) => {
                let found = match icmp.message {
                    Message::NeighborSolicitation { .. } => FrameKind::Solicitation,
                    Message::NeighborAdvertisement { .. } => FrameKind::Advertisement,
                    _ => FrameKind::Icmp,
                };
                kind == found
            }
            _ => false,
        }
    }

    fn size(self, frame: &Frame<'_>) -> usize {
        match (self, &frame.packet) {
            (FrameKind::Frame | FrameKind::Arp | FrameKind::ArpRequest | FrameKind::ArpReply, _) => {
                frame.bytes.len()
            }
            (FrameKind::Packet, _) | (_, Packet::Icmp(_)) => frame.ip().unwrap_or(0),
            (_, Packet::Tcp(tcp)) => tcp.payload.len(),
            (_, Packet::Udp(udp)) => udp.payload.len(),
            _ => frame.bytes.len(),
        }
    }
}

/// A frame and what it is.
pub(super) struct Frame<'a> {
    link: Link,
    bytes: &'a [u8],
    packet: Packet<'a>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(link: Link, bytes: &'a [u8]) -> Frame<'a> {
        Frame { link, bytes, packet: link.packet(bytes) }
    }

    /// Bytes of the IP packet, if it is one.
    fn ip(&self) -> Option<usize> {
        let ip = self.link.layers(self.bytes).find(|part| matches!(part.layer, Layer::Ipv4 | Layer::Ipv6))?;
        Some(ip.end - ip.at)
    }
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameKind::Syn => "SYN",
            FrameKind::SynAck => "SYN-ACK",
            FrameKind::Ack => "ACK",
            FrameKind::Data => "data segment",
            FrameKind::Fin => "FIN",
            FrameKind::Rst => "RST",
            FrameKind::Segment => "segment",
            FrameKind::Datagram => "datagram",
            FrameKind::Arp => "ARP",
            FrameKind::ArpRequest => "ARP request",
            FrameKind::ArpReply => "ARP reply",
            FrameKind::Solicitation => "neighbour solicitation",
            FrameKind::Advertisement => "neighbour advertisement",
            FrameKind::Icmp => "ICMP",
            FrameKind::Packet => "packet",
            FrameKind::Frame => "frame",
        })
    }
}

/// 1st, 2nd, 3rd, 4th, and so on.
struct Ordinal(u32);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match (self.0 % 100, self.0 % 10) {
            (11..=13, _) => "th",
            (_, 1) => "st",
            (_, 2) => "nd",
            (_, 3) => "rd",
            _ => "th",
        };
        write!(f, "{}{suffix}", self.0)
    }
}
