//! The checksum that a layer carries: is it right?

use core::fmt;
use core::net::IpAddr;

use super::checksum::{self, fold};
use super::ip::{protocol, words};
use super::layers::{Layer, Layers, Part};
use super::{icmp, ipv4, tcp, udp};

/// What a checksum is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong {
        /// What would be right.
        right: u16,
    },
    /// The sum over the pseudo-header alone: the sender's network card would have done the rest.
    Partial,
    /// Zero, where that says that there is none: UDP over IPv4 (RFC 768).
    Absent,
    /// Zero, where there must be one: UDP over IPv6 (RFC 8200 8.1).
    Forbidden,
    /// What it is over isn't all there: a fragment, a quotation, a frame that was cut off.
    Unknown,
}

impl Part<'_> {
    /// The checksum that it carries, and what it is worth. `None` for a layer without one, or cut off before it.
    #[must_use]
    pub fn checksum(&self) -> Option<(u16, Sum)> {
        of(self)
    }
}

/// The first layer whose checksum is wrong. What an ICMP error quotes doesn't count.
pub(super) fn first_wrong(layers: Layers<'_>) -> Option<Layer> {
    layers
        .filter(|part| !part.quoted)
        .find(|part| matches!(part.checksum(), Some((_, Sum::Wrong { .. } | Sum::Forbidden))))
        .map(|part| part.layer)
}

fn of(part: &Part<'_>) -> Option<(u16, Sum)> {
    let place = match part.layer {
        Layer::Ipv4 => ipv4::CHECKSUM,
        Layer::Icmpv4 | Layer::Icmpv6 => icmp::CHECKSUM,
        Layer::Udp => udp::CHECKSUM,
        Layer::Tcp => tcp::CHECKSUM,
        _ => return None,
    };
    let carried = part.u16(place.start)?;
    let sum = match part.layer {
        Layer::Ipv4 if is_cut(part) => Sum::Unknown,
        Layer::Ipv4 => verdict(carried, checksum::sum(0, part.head())),
        Layer::Udp if carried == 0 => match part.ip?.source {
            IpAddr::V4(_) => Sum::Absent,
            IpAddr::V6(_) => Sum::Forbidden,
        },
        _ if !is_whole(part) => Sum::Unknown,
        Layer::Icmpv4 => verdict(carried, checksum::sum(0, part.bytes())),
        _ => {
            let pseudo = pseudo(part)?;
            match verdict(carried, checksum::sum(pseudo, part.bytes())) {
                // No card does it for ICMPv6.
                Sum::Wrong { .. } if fold(pseudo) == carried && part.layer != Layer::Icmpv6 => Sum::Partial,
                verdict => verdict,
            }
        }
    };
    Some((carried, sum))
}

/// Not all of an IPv4 header is there, or its length can't be.
fn is_cut(part: &Part<'_>) -> bool {
    let length = part.u8(ipv4::VERSION_AND_LENGTH.start).map_or(0, |first| words(first & 0xf));
    length < ipv4::HEADER || length > part.header
}

/// Whether everything is there that the checksum is over.
fn is_whole(part: &Part<'_>) -> bool {
    let whole = part.ip.is_some_and(|ip| !ip.fragment && !ip.rerouted);
    let contradicts = part.until > part.limit
        || (part.layer == Layer::Udp
            && part.u16(udp::LENGTH.start).is_none_or(|length| usize::from(length) < udp::HEADER));
    whole && !contradicts && part.missing() == 0
}

/// The sum over the pseudo-header (RFC 768, RFC 9293 3.1, RFC 8200 8.1).
fn pseudo(part: &Part<'_>) -> Option<u32> {
    let protocol = match part.layer {
        Layer::Udp => protocol::UDP,
        Layer::Tcp => protocol::TCP,
        _ => protocol::ICMPV6,
    };
    let ip = part.ip?;
    let length = part.end - part.at;
    match (ip.source, ip.destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Some(checksum::pseudo_v4(from, to, protocol, length)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Some(checksum::pseudo_v6(from, to, protocol, length)),
        _ => None,
    }
}

/// What a checksum is worth by the sum over everything, the checksum included.
fn verdict(carried: u16, sum: u32) -> Sum {
    let folded = fold(sum);
    if folded == checksum::RIGHT {
        return Sum::Right;
    }
    // Without the one that is carried: one's complement subtraction.
    let (rest, carry) = folded.overflowing_add(!carried);
    Sum::Wrong { right: !(rest + u16::from(carry)) }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sum::Right => f.write_str("right"),
            Sum::Wrong { right } => write!(f, "wrong: should be {right:#06x}"),
            Sum::Partial => f.write_str("left to the network card"),
            Sum::Absent => f.write_str("none was computed"),
            Sum::Forbidden => f.write_str("none, but IPv6 needs one"),
            Sum::Unknown => f.write_str("not checked: not all here"),
        }
    }
}
